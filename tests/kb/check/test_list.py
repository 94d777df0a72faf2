"""kb list：新的在前，中文对得齐，一个 JSON 文档。"""

import json
import re

import pytest
from click.testing import CliRunner

from kb.check.note_list import pad, tabulate, width
from kb.cli.commands import main

EMBED = '``` {.python .embed}\n--8<-- "numbers.py:%s"\n```\n\n'
OLD = (
    "---\ntitle: 注意力\ndate: 2023-01-20 23:07:12\ntags: [a, b]\ncategories:\n  - 深度学习\n  - 文章\n---\n\n"
    "## [√] 甲\n\n> alec：\n>\n> - x\n\n" + EMBED % "half" + EMBED % "gone" + "## 乙\n"
)
NEW = "---\ntitle: New\ndate: 2024-02-01\n---\n\n正文\n"
WITHOUT = "---\ntitle: 没写日期\n---\n\n正文\n"


@pytest.fixture
def listed(project, monkeypatch):
    monkeypatch.chdir(project.root)
    for number, text in enumerate((OLD, WITHOUT, NEW), 1):
        project.write(f"docs/posts/{number}.md", text)

    def run(*options):
        done = CliRunner().invoke(main, ["list", *options])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    return run


def test_the_table(listed):
    done = listed()
    assert done.exit_code == 0
    assert done.output == (
        "日期        文件  完成  批注  嵌入的代码（CPU）  分类             标题\n"
        "2024-02-01  3.md  0/0   0                                         New\n"
        "2023-01-20  1.md  1/2   1     1 未运行 1 找不到  深度学习 / 文章  注意力\n"
        "没有日期    2.md  0/0   0                                         没写日期\n"
        "共 3 篇。\n"
        "要证明的，用 kb prove：\n"
        "  numbers.py：CPU 上未运行：还没有在 CPU 上运行过\n"
    )


def test_states_are_those_of_the_evidence(proven):
    code, output = proven.kb("list")
    assert code == 0
    assert "2 已验证" in output
    proven.edit("snippets/numbers.py", "x / 2", "x / 2 ")
    output = proven.kb("list")[1]
    assert "2 已过期" in output
    assert re.search(r"\n  numbers\.py：CPU 上已过期：\S+ 记录以后，snippets/numbers\.py 改了\n", output)


def test_json(listed):
    done = listed("--json")
    document = json.loads(done.stdout)
    assert (done.exit_code, done.stderr, document["ok"]) == (0, "", True)
    assert document["notes"][1] == {
        "file": "docs/posts/1.md",
        "title": "注意力",
        "date": "2023-01-20 23:07",
        "day": "2023-01-20",
        "category": ["深度学习", "文章"],
        "categories": [["深度学习", "文章"]],
        "tags": ["a", "b"],
        "done": 1,
        "headings": 2,
        "annotations": 1,
        "embeds": [
            {"code": "numbers.py:half", "state": "未运行"},
            {"code": "numbers.py:gone", "state": "找不到"},
        ],
    }
    assert [note["date"] for note in document["notes"]] == ["2024-02-01", "2023-01-20 23:07", None]


def test_an_empty_library(project, monkeypatch):
    monkeypatch.chdir(project.root)
    done = CliRunner().invoke(main, ["list"])
    assert (done.exit_code, done.output.partition("要证明的")[0]) == (0, "共 0 篇。\n")


def test_a_note_that_cannot_be_read(listed, project):
    project.write("docs/posts/4.md", "---\ntitle: [\n---\n")
    done = listed("--json")
    assert (done.exit_code, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    assert document["ok"] is False
    assert "docs/posts/4.md" in document["error"]


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("注意力", 6), ("（√）", 5), ("é", 1), ("e\u0301", 1), ("𠮷", 2), ("😀", 2), ("", 0)],
)
def test_width(text, columns):
    assert width(text) == columns
    assert width(pad(text, 10)) == 10


def test_lines_end_without_spaces(listed):
    assert not any(line.endswith(" ") for line in tabulate(json.loads(listed("--json").stdout)["notes"]))
