"""有两个进程、先笔记后列表的构建，与 mkdocs 自己一页一页的构建，写出的站点和说的话都相同。"""

import os
import re
import sys
import threading

import pytest

from kb.speed.second_process import can_help
from tests.kb.generator import make_notes
from tests.site.conftest import new_base, run, run_anyway

COUNT = 24
needs_helper = pytest.mark.skipif(
    not sys.platform.startswith("linux") or len(os.sched_getaffinity(0)) < 2,
    reason="第二个进程要 Linux 和两个核",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("faster")
    new_base(root)
    for note in make_notes(COUNT):
        (root / f"docs/posts/{note.abbrlink}.md").write_bytes(note.text.encode())
    run(root, "kb", "pages")
    settings = (root / "mkdocs.yml").read_text("utf-8")
    (root / "plain.yml").write_text(settings + "\nplugins: {faster: {enabled: false}}\n", "utf-8")
    return root


def last_note(project):
    """第二个进程从它开始。"""
    return max(path for path in (project / "docs/posts").glob("*.md"))


def build(project, *options):
    """两种构建的返回值和说的话，不算用了多久、写到哪里。"""
    said = []
    for settings, folder in (("mkdocs.yml", "faster"), ("plain.yml", "plain")):
        code, output = run_anyway(project, "mkdocs", "build", "-f", settings, "-d", folder, *options)
        lines = (line for line in output.splitlines() if not re.search("seconds|directory", line))
        said.append((code, sorted(lines)))
    return said


def files(site):
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def test_the_site_is_the_same(project):
    (code, faster), plain = build(project, "--strict")
    assert (code, faster) == plain
    assert code == 0
    ours, theirs = files(project / "faster"), files(project / "plain")
    assert ours.keys() == theirs.keys()
    assert sum(name.startswith("posts/") for name in ours) > COUNT
    assert "search/index.json" in ours
    for name, content in ours.items():
        if not name.startswith("feed_"):  # 写着构建的时刻
            assert content == theirs[name], name


@needs_helper
def test_another_process_does_some_of_it(project):
    for _ in range(20):  # 机器忙的时候，它也许还没有轮到，另一个就做完了
        said = run(project, "mkdocs", "build", "-v", "-d", "faster")
        contents, pages = map(int, re.findall(r"另一个进程做了 (\d+) 页", said))
        if contents and pages:
            break
    assert 0 < contents < COUNT + 20
    assert 0 < pages


def test_what_it_says_is_said_once_and_counts(project):
    """公式读不出，是一句话；代码改过，是警告，严格的构建因此失败。"""
    note, code = last_note(project), project / "snippets/moving_average.py"
    text, source = note.read_text("utf-8"), code.read_text("utf-8")
    embed = '``` {.python .embed}\n--8<-- "moving_average.py:moving_average"\n```\n\n'
    assert "def moving_average(" in source
    try:
        note.write_text(f"{text}\n\n$\\nosuchcommand{{x}}$\n\n{embed}", "utf-8")
        code.write_text(source.replace("def moving_average(", "def moving_average( "), "utf-8")
        (result, faster), plain = build(project, "--strict")
        assert (result, faster) == plain
        assert result == 1
        assert sum("nosuchcommand" in line for line in faster) == 1
        assert sum("CPU 上已过期" in line for line in faster) == 1
    finally:
        note.write_text(text, "utf-8")
        code.write_text(source, "utf-8")


def test_what_ends_a_build(project):
    note = last_note(project)
    text = note.read_text("utf-8")
    try:
        note.write_text(text + '\n``` {.python .embed}\n--8<-- "none.py"\n```\n\n', "utf-8")
        (code, faster), plain = build(project)
        assert code == plain[0] == 1
        (ours,) = (line for line in faster if "none.py" in line and "不存在" in line)
        assert ours in plain[1]
    finally:
        note.write_text(text, "utf-8")


def test_a_process_with_threads_is_not_copied():
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert not can_help()
    finally:
        done.set()
        thread.join()
