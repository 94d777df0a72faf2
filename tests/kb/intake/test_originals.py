"""kb add 读原文：front matter 写成什么样都不出错，收不了的说在哪一行。"""

import pytest
from click.testing import CliRunner

from kb.cli.commands import main
from kb.intake.originals import LARGEST, MOST_LINES, read_original
from kb.markdown.engine import BadInput
from kb.notes.embedded import read_lock


def chain(start, link):
    """Aliases of which each stands for eight of the one before: eight to the tenth at the end."""
    names = "abcdefghijk"
    return start + "".join(link(one, two) for one, two in zip(names, names[1:]))


LISTS = chain("a: &a [x, x]\n", lambda one, two: f"{two}: &{two} [{', '.join([f'*{one}'] * 8)}]\n")
MERGES = chain("a: &a {x: 1}\n", lambda one, two: f"{two}: &{two} {{<<: [{', '.join([f'*{one}'] * 8)}]}}\n")
KEYS = chain("a: &a {x: 1}\n", lambda one, two: f"{two}: &{two} {{x: *{one}, y: *{one}, z: *{one}, w: *{one}}}\n")

REFUSED = {
    "lists that multiply": (LISTS, 2),
    "mappings that multiply": (KEYS, 2),
    "merges that multiply": (MERGES + "<<: *k\n", 2),
    "a list within itself": ("title: x\na: &a [*a]\n", 3),
    "a mapping within itself": ("title: x\na: &a {b: *a}\n", 3),
    "many values": ("title: x\nlist:\n" + "- a\n" * 10_001, 2),
    "a huge number": (f"title: x\nn: {'9' * 5000}\n", 3),
    "no date": ("title: x\ndate: 2023-13-45\n", 3),
    "a zone out of range": ("title: x\ndate: 2023-01-01 00:00:00 +99:99\n", 3),
    "no time": ("title: x\n\ndate: !!timestamp x\n", 4),
    "no yes or no": ("a: !!bool x\n", 2),
    "an object of Python": ("title: x\na: !!python/name:os.system x\n", 3),
    "a list for a key": ("title: x\n? [a]\n: b\n", 3),
    "a merge of a number": ("title: x\n<<: 3\n", 3),
    "an escaped NUL": ('title: "a\\0"\n', 2),
    "an escaped control character": ('x: 1\ntitle: "\\x02wzxhzdk"\n', 3),
    "deep in a list": ("title: x\na:\n- b:\n  - c: 2023-13-45\n", 5),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_by_line(tmp_path, kind):
    meta, line = REFUSED[kind]
    source = tmp_path / "note.md"
    source.write_text(f"---\n{meta}---\n\n正文\n", "utf-8")
    with pytest.raises(BadInput) as error:
        read_original(source, tmp_path)
    assert str(error.value).startswith(f"{source}:{line}：front matter ")


@pytest.mark.parametrize(
    "meta",
    [
        "date: 99999999999999\n",
        "a: &a [x]\nb: *a\n<<: {c: d}\n",
        "a: .nan\nb: 1e999\nc: !!set {x, y}\n",
        f"a: {'[' * 49}{']' * 49}\n",
        "a: |\n" + "  字\n" * 20_000,
        "title:\n- a\nabbrlink: {a: b}\n",
    ],
)
def test_taken_as_it_is(tmp_path, meta):
    source = tmp_path / "note.md"
    source.write_text(f"---\n{meta}---\n\n正文\n", "utf-8")
    assert read_original(source, tmp_path).identity == ("note", "99999999999999" if "date" in meta else "")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_limit_of_lines_is_said(tmp_path, end):
    source = tmp_path / "note.md"
    head = "---\ntitle: x\n---\n"
    source.write_bytes((head + end * (MOST_LINES - 4)).encode())
    read_original(source, tmp_path)
    source.write_bytes((head + end * MOST_LINES).encode())
    with pytest.raises(BadInput, match="有 100,004 行，笔记最多 100,000 行"):
        read_original(source, tmp_path)


def test_the_limit_is_said(tmp_path):
    source = tmp_path / "note.md"
    source.write_bytes(b"---\ntitle: x\n---\n" + b"x" * LARGEST)
    with pytest.raises(BadInput, match="有 4.0 MB，笔记最多 4 MB"):
        read_original(source, tmp_path)


@pytest.mark.parametrize(
    ("meta", "why"),
    [
        *((f"{key}: x\n", "的一个键不是文字") for key in ("~", "5", "1.5", "true", "null", "-.inf")),
        ("x: {5: y}\n", "的一个键不是文字"),
        ("x: !\n", "里有标签 !"),
        ("x: !!binary aGk=\n", "里有标签 !!binary"),
    ],
)
def test_what_zensical_cannot_read_is_not_taken_in(tmp_path, meta, why):
    source = tmp_path / "note.md"
    source.write_text(f"---\ntitle: 题\n{meta}---\n", "utf-8")
    with pytest.raises(BadInput, match=f"note.md:[34]：front matter {why}.*zensical 读不了。.*加上引号"):
        read_original(source, tmp_path)


TABS = {
    "a word": "title:\t题",
    "a list": "title: 题\ntags:\t[a]",
    "within a list": "title: 题\ntags: [a,\tb]",
    "a mapping": "title: 题\nx: {a:\tb}",
    "before a comment": "title: 题\t# 说明",
    "at the end": "title: 题\t",
    "a number": "title: 题\nabbrlink:\t5",
}


@pytest.mark.parametrize("kind", TABS)
def test_tabs_that_yaml_allows(project, monkeypatch, kind):
    """收进来，撤下去，别的笔记照样收。"""
    monkeypatch.chdir(project.root)
    project.write("in/1.md", f"---\n{TABS[kind]}\n---\n\n![](a.png)\n")
    project.write("in/2.md", "---\ntitle: 另一篇\n---\n")
    for note in ("in", "in"):
        done = CliRunner().invoke(main, ["add", note])
        assert done.exit_code == 0, done.output
    project.write("in/3.md", "---\ntitle: 又一篇\ndraft: true\n---\n")
    assert CliRunner().invoke(main, ["add", "in/3.md"]).exit_code == 0
    (name,) = (name for name in read_lock(project.root) if "另一篇" not in (project.root / name).read_text("utf-8"))
    done = CliRunner().invoke(main, ["remove", name])
    assert done.exit_code == 0, done.output
