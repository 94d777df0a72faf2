"""mkdocs serve：改了代码，页面跟着变；写错了说清楚，改对了接着来。zensical serve 也刷新打开着的页面。"""

import contextlib
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from urllib.parse import quote

import pytest

from tests.site.conftest import NOTE, PATIENCE, SNIPPET, Tab, new_base


class Server:
    """`mkdocs serve` or `zensical serve` over a copy of the project."""

    def __init__(self, root, engine="mkdocs"):
        self.root = root
        new_base(root)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.address = f"http://{address}/"
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", engine, "serve", "-a", address],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self.log = []
        threading.Thread(target=self.read, daemon=True).start()
        self.wait_for(f"on {self.address.rstrip('/')}")

    def read(self):
        for line in self.process.stdout:
            self.log.append(line)

    def wait_for(self, words, after=0):
        """The first line of the log that has these words, from line `after` on."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for line in self.log[after:]:
                if words in line:
                    return line
            time.sleep(0.1)
        raise AssertionError(f"日志里没有 {words!r}：\n{''.join(self.log)}")

    def get(self, path):
        with urllib.request.urlopen(self.address + quote(path), timeout=PATIENCE) as answer:
            return answer.read().decode()

    def note(self):
        return self.get(NOTE)

    def states(self):
        """What the badges of the note's code say of CPU, each once."""
        said = re.findall(r'<summary><span class="device">.*?<span class="state [\w-]+">(\w+)</span>', self.note())
        return {*said} - {"已追踪"}

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=PATIENCE)
        self.process.stdout.close()


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    yield server
    server.stop()


def test_the_page_follows_a_snippet(server):
    assert "沿最后一维" in server.note()
    assert server.states() == {"已验证"}
    file = server.root / "snippets" / SNIPPET
    original = file.read_text("utf-8")

    seen = len(server.log)
    file.write_text(original.replace("沿最后一维", "新写的一句话"), "utf-8")
    server.wait_for("Reloading browsers", after=seen)
    assert "新写的一句话" in server.note()
    assert server.states() == {"已过期"}
    assert sum(f"{SNIPPET} 在 CPU 上已过期" in line for line in server.log[seen:]) == 1

    seen = len(server.log)
    file.write_text(original.replace("# --8<-- [end:moving_average]\n", ""), "utf-8")
    message = server.wait_for(f"snippets/{SNIPPET}:", after=seen)
    assert "区域 moving_average 没有结束" in message

    seen = len(server.log)
    file.write_text(original, "utf-8")
    server.wait_for("Reloading browsers", after=seen)
    assert "沿最后一维" in server.note()
    assert server.states() == {"已验证"}

    seen = len(server.log)
    tests = server.root / "tests/snippets" / f"test_{SNIPPET}"
    tests.write_text(tests.read_text("utf-8") + "\n# 一行注释\n", "utf-8")
    server.wait_for("Reloading browsers", after=seen)
    assert server.states() == {"已过期"}
    assert sum(f"{SNIPPET} 在 CPU 上已过期" in line for line in server.log[seen:]) == 1
    assert "Traceback" not in "".join(server.log)


def test_the_page_follows_the_evidence(server):
    seen = len(server.log)
    (server.root / "evidence/moving_average/cpu.json").unlink()
    server.wait_for("Reloading browsers", after=seen)
    assert server.states() == {"未运行"}
    assert sum(f"{SNIPPET} 在 CPU 上未运行" in line for line in server.log[seen:]) == 1


def test_the_lists_follow_the_notes(server):
    note = server.root / "docs" / f"{NOTE.strip('/')}.md"
    original = note.read_text("utf-8")
    lists = ("", "tags/示例/", "categories/时间序列/", "archive/")

    seen = len(server.log)
    note.write_text(re.sub("(?m)^title: .*", "title: 新的题目", original), "utf-8")
    server.wait_for("Reloading browsers", after=seen)
    for path in lists:
        assert "新的题目" in server.get(path), path

    seen = len(server.log)
    note.unlink()
    server.wait_for("Reloading browsers", after=seen)
    for path in lists:
        page = server.get(path)
        assert "新的题目" not in page, path
        assert "这里还没有笔记。" in page, path
    assert any("这些页不再有内容：" in line and "运行 kb pages" in line for line in server.log[seen:])

    seen = len(server.log)
    note.write_text(original.replace("tags:", "draft: true\ntags:"), "utf-8")
    assert "是私密的，不能放在 docs/ 里" in server.wait_for("draft", after=seen)

    seen = len(server.log)
    note.write_text(original, "utf-8")
    server.wait_for("Reloading browsers", after=seen)
    assert "滑动平均" in server.get("")
    assert "Traceback" not in "".join(server.log)


@pytest.mark.parametrize("engine", ["mkdocs", "zensical"])
def test_an_open_page_reloads_and_only_then_are_scripts_put_in(tmp_path, browser, engine):
    """刷新靠放进页面的一段脚本；安全策略只在 serve 时容许它，构建出的页面从不容许。"""
    from playwright.sync_api import TimeoutError as SlowTimeout

    server = Server(tmp_path, engine)
    tab = Tab(browser, server.address, fresh=True)
    try:
        page = tab.open("markdown/")
        file = tmp_path / "docs/markdown.md"
        text = file.read_text("utf-8")
        for number in range(PATIENCE // 5):  # 刚启动的服务，也许还没有开始看文件
            file.write_text(f"{text}\n新写的一句话 {number}\n", "utf-8")
            with contextlib.suppress(SlowTimeout):
                page.get_by_text("新写的一句话").wait_for(timeout=5000)
                break
        page.get_by_text("新写的一句话").wait_for()
        policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
        assert "script-src 'self' 'unsafe-inline';" in policy
    finally:
        tab.close()
        server.stop()
    subprocess.run([sys.executable, "-m", engine, "build"], cwd=tmp_path, check=True, capture_output=True)
    for built in (tmp_path / "site").rglob("*.html"):
        policy = built.read_text("utf-8").partition("style-src")[0]
        assert "script-src 'self'\n'sha256-" in policy and "unsafe-inline" not in policy, built
