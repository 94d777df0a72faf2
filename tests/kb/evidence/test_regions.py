import re

import pytest

from kb.evidence.regions import is_file, list_files, read_regions
from kb.markdown.engine import BadInput


def regions(tmp_path, text):
    path = tmp_path / "a.py"
    path.write_text(text, encoding="utf-8")
    return read_regions(path, shown_as="snippets/a.py")


def test_reads_regions_in_order(tmp_path):
    found = regions(
        tmp_path,
        "import x\n"
        "# --8<-- [start:one] 第一\n"
        "a\n\n  b\n"
        "# --8<-- [end:one]\n"
        "between\n"
        "    # --8<-- [start:two] 第二\n"
        "c\n"
        "    # --8<-- [end:two]\n",
    )
    assert [(r.name, r.title, r.first, r.last, r.text) for r in found.values()] == [
        ("one", "第一", 3, 5, "a\n\n  b\n"),
        ("two", "第二", 9, 9, "c\n"),
    ]


def test_comments_about_markers_and_a_bom_are_no_markers(tmp_path):
    found = regions(tmp_path, "\ufeff# --8<-- [start:a] 标题\nx\n# --8<-- [end:a]\n# see --8<-- elsewhere\n")
    assert found["a"].text == "x\n"


START, END = "# --8<-- [start:a] 标题\n", "# --8<-- [end:a]\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x\n" + START + "y\n", "snippets/a.py:2：区域 a 没有结束"),
        (START + END, "snippets/a.py:1：区域 a 是空的"),
        (START + "\n  \n" + END, "snippets/a.py:1：区域 a 是空的"),
        (START + "x\n" + END + START + "y\n" + END, "snippets/a.py:4：区域 a 在第 1 行已经有了"),
        (START + "x\n# --8<-- [start:b] 标题\n", "snippets/a.py:3：区域 a（第 1 行开始）还没有结束"),
        ("x\n" + END, "snippets/a.py:2：区域 a 在这里结束，但没有打开的区域"),
        (START + "x\n# --8<-- [end:b]\n", "snippets/a.py:3：区域 b 在这里结束，但正打开的区域是 a"),
        ("# --8<-- [start:a]\nx\n" + END, "snippets/a.py:1：区域 a 没有标题"),
        ("# --8<-- [start:A] 标题\n", "snippets/a.py:1：这个区域标记看不懂"),
        ("# --8<-- [begin:a]\n", "snippets/a.py:1：这个区域标记看不懂"),
        ("# --8<-- [start: a] 标题\n", "snippets/a.py:1：这个区域标记看不懂"),
    ],
)
def test_refuses_markers_that_do_not_pair_up(tmp_path, text, message):
    with pytest.raises(BadInput, match=re.escape(message)):
        regions(tmp_path, text)


@pytest.mark.parametrize(
    ("file", "there"),
    [
        ("half.py", True),
        ("vision/half.py", True),
        ("Half.py", False),
        ("vision", False),
        ("vision/__init__.py", False),
        ("half", False),
        ("../half.py", False),
        ("./half.py", False),
        ("vision//half.py", False),
        ("half.py/x.py", False),
        ("", False),
        (None, False),
    ],
)
def test_one_file_is_asked_for_without_listing_them_all(tmp_path, file, there):
    for name in ("half.py", "vision/half.py", "vision/__init__.py"):
        path = tmp_path / "snippets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", "utf-8")
    assert is_file(tmp_path, file) is there
    assert (file in list_files(tmp_path)) is there
