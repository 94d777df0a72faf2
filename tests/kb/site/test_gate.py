"""zensical 读笔记以前先看一遍：它读不了的，说出是哪一篇、哪一行、怎么办。"""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from kb.markdown.engine import BadInput
from kb.site.gate import look, settings, watched


@pytest.mark.parametrize(
    ("front", "line", "why"),
    [
        ("", 1, "不是一行行的 键: 值"),
        ("# 注释\n", 1, "不是一行行的 键: 值"),
        ("title: 一\nx: !foo a\n", 3, "里有标签 !foo"),
        ("title: 一\nx: [a, {b: !!binary aGk=}]\n", 3, "里有标签 !!binary"),
        ("title: 一\nx: !!timestamp 2001-01-01\n", 3, "里有标签 !!timestamp"),
        *((f"title: 一\n{key}: a\n", 3, "的一个键不是文字") for key in "1 ~ null True 1.5 -2 .5 1e3".split()),
        ("title: 一\nx: !\n", 3, "里有标签 !"),
        ("title: 一\nx: [a, ! b]\n", 3, "里有标签 !"),
        ("title: 一\nx: {1: a}\n", 3, "的一个键不是文字"),
        ("title: 一\n? [a, b]\n: c\n", 3, "的一个键不是文字"),
        ("title: [\n", 3, "不是正确的 YAML"),
        (f"a: &a [x]\nb: &b [{'*a, ' * 99}x]\nc: [{'*b, ' * 99}x]\n", 4, "的内容太多"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_zensical_can_not_read(project, front, line, why):
    project.write("docs/posts/1.md", "---\ntitle: 好的\n---\n正文\n")
    project.write("docs/posts/2.md", f"---\n{front}---\n正文\n")
    with pytest.raises(BadInput, match=rf"^docs/posts/2\.md:{line}：front matter {why}"):
        look(project.root)


@pytest.mark.parametrize(
    "front",
    [
        "title: 一\ndate: 2023-13-45\nhide: true\nx: .nan\n",
        "'1': a\n\"~\": b\nno: c\n2001-01-01: d\n1a: e\n",
        "x: !!str 5\ny: !!set {a, b}\nz: !!python/name:os.system\n",
        "a: &a [b]\nc: *a\nd: {<<: {e: f}}\n",
    ],
)
def test_what_zensical_can_read(project, front):
    project.write("docs/posts/1.md", f"---\n{front}---\n正文\n")
    project.write("docs/posts/2.md", "没有 front matter\n")
    look(project.root)


def test_only_for_zensical(project, monkeypatch):
    project.write("docs/posts/1.md", "---\n---\n正文\n")
    monkeypatch.chdir(project.root)
    monkeypatch.delitem(sys.modules, "zensical.config", raising=False)
    assert Path(settings()).is_file()
    assert watched() == []
    monkeypatch.setitem(sys.modules, "zensical.config", ModuleType("zensical.config"))
    with pytest.raises(BadInput, match=r"docs/posts/1\.md:1"):
        settings()
    assert "snippets" in watched()
