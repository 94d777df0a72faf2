"""测量速度的工具：内存算上子进程，出错说清楚，增长的指数算得对。"""

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import benchmarks.site
from benchmarks.engines import ENGINES, Engine
from benchmarks.measure import Command, Failed, process_tree, run, serving, wait_for_page
from benchmarks.site import fit, measure, report, summarise


def python(folder, code):
    return Command([sys.executable, "-c", code], folder, {"WORDS": "环境变量"})


GRANDCHILD = "x = b'x' * 80_000_000; import time; time.sleep(1)"
CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {GRANDCHILD!r}])"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="内存从 /proc 读")
def test_memory_of_children_counts(tmp_path):
    alone = run(python(tmp_path, "import time; time.sleep(1)"), tmp_path / "log")
    both = run(python(tmp_path, CHILD), tmp_path / "log")
    assert 1_000_000 < alone.peak_bytes < 60_000_000
    assert both.peak_bytes > alone.peak_bytes + 80_000_000
    assert 1 <= alone.seconds


def test_a_command_that_fails_shows_its_last_words(tmp_path):
    command = python(tmp_path, "import os; print(os.environ['WORDS']); raise SystemExit(3)")
    with pytest.raises(Failed, match=r"以 3 结束：\n环境变量"):
        run(command, tmp_path / "log")


@pytest.mark.parametrize("make", ENGINES)
def test_a_cold_build_finds_nothing_of_an_earlier_one(make, tmp_path):
    left = {"hexo": ["public", "db.json"], "mkdocs": ["site"], "zensical": ["site", ".cache"]}[make.name]
    root = tmp_path / "root"
    for name in (*left, "docs"):
        (root / name).mkdir(parents=True)
    make(root, tmp_path).make_cold()
    assert [path.name for path in root.iterdir()] == ["docs"]
    assert {path.name for path in tmp_path.glob("*/*")} == {*left, "docs"}  # 移开，不删


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="进程从 /proc 读")
def test_a_server_is_stopped_with_its_children(tmp_path):
    with serving(python(tmp_path, CHILD.replace("sleep(1)", "sleep(600)")), tmp_path / "log") as process:
        deadline = time.monotonic() + 600
        while len(tree := process_tree(process.pid)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert process.poll() is not None
    deadline = time.monotonic() + 600
    while any(map(process_tree, tree)):  # 收养它的进程还要收尸
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_waits_until_the_page_has_the_words():
    began = time.monotonic()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(("新" if time.monotonic() > began + 0.3 else "旧").encode())

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    page = f"http://127.0.0.1:{server.server_port}/"
    assert 0.2 < wait_for_page(page, "新", 600)
    with pytest.raises(Failed, match="没有出现 '没有的'"):
        wait_for_page(page, "没有的", 0.2)
    server.shutdown()
    server.server_close()


def test_growth_is_fitted():
    straight = fit([100, 200, 400], [5 + 2 * count for count in (100, 200, 400)])
    assert straight["fixed"] == pytest.approx(5)
    assert straight["each"] == pytest.approx(2)
    square = fit([10, 100, 1000], [3 * count**2 for count in (10, 100, 1000)])
    assert square["exponent"] == pytest.approx(2)
    assert square["last_step"] == pytest.approx(2)


def test_ratios_are_of_medians():
    rounds = {
        count: {
            "hexo": {"cold": [4.0 * count, 100.0 * count, 2.0 * count], "visible": [1.0, 1.0, 1.0]},
            "mkdocs": {"cold": [2.0 * count, 1.0 * count, 99.0 * count], "visible": [2.0, 2.0, 2.0]},
        }
        for count in (1, 10)
    }
    summary = summarise(rounds)
    assert summary["ratios"][10]["mkdocs"]["cold"] == pytest.approx(0.5)
    assert summary["growth"]["mkdocs"]["cold"]["exponent"] == pytest.approx(1)
    assert "mkdocs 保存到看见，是 Hexo 冷构建的 0.05" in report(summary)


def test_a_generator_that_failed_is_left_out():
    figures = {count: {"hexo": {"cold": [2.0 * count]}, "mkdocs": {"cold": [1.0 * count]}} for count in (1, 10, 100)}
    del figures[100]["hexo"], figures[10]["mkdocs"]
    summary = summarise(figures)
    assert summary["ratios"] == {1: {"mkdocs": {"cold": 0.5}}, 10: {}}
    assert summary["growth"]["hexo"]["cold"]["each"] == pytest.approx(2)
    assert summary["growth"]["mkdocs"]["cold"]["each"] == pytest.approx(1)


def test_the_others_go_on(tmp_path, monkeypatch):
    class Quick(Engine):
        name = "quick"

        def lay_out(self, notes):
            pass

    class Failing(Quick):
        name = "failing"

    def measure_cold(engine, note, turn):
        if engine.name == "failing":
            raise Failed("以 1 结束：\n余下的话")
        done.append("cold")
        return {"cold": float(turn)}

    def measure_edit(engine, note, turn):
        done.append("edit")
        return {"visible": turn + 0.5}

    done = []
    monkeypatch.setattr(benchmarks.site, "ENGINES", [Failing, Quick])
    monkeypatch.setattr(benchmarks.site, "measure_cold", measure_cold)
    monkeypatch.setattr(benchmarks.site, "measure_edit", measure_edit)
    assert measure(["note"], 3, tmp_path, tmp_path) == (
        {"quick": {"cold": [0, 1, 2], "visible": [0.5, 1.5, 2.5]}},
        {"failing": "以 1 结束："},
    )
    assert done == ["cold"] * 3 + ["edit"] * 3  # 保存和重建会删文件，冷构建在它们之前
