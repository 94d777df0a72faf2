"""读出全部笔记：front matter、标题上的标记、批注。"""

import os
from datetime import datetime

import pytest

from kb.markdown.engine import BadInput
from kb.notes.library import read_library


def read(project, text, name="1"):
    project.write(f"docs/posts/{name}.md", text)
    (note,) = (note for note in read_library(project.root) if note.path.stem == name)
    return note


def test_front_matter_as_written(project):
    note = read(
        project,
        "---\ntitle: >-\n  一\n  二\ndate: 2023-01-20 23:07:12\ntags: [b, 3.10, b]\ncategories:\n  - 一级\n"
        "  - 二级\nindex_img: https://x.example/1.png\ndescription: 说明\nabbrlink: 0123\nmath: true\n---\n正文\n",
    )
    assert (note.uri, note.title, note.date) == ("posts/1.md", "一 二", "2023-01-20 23:07:12")
    assert note.when == datetime(2023, 1, 20, 23, 7, 12)
    assert (note.tags, note.category) == (("b", "3.10"), ("一级", "二级"))
    assert (note.cover, note.description) == ("https://x.example/1.png", "说明")
    assert (note.meta["abbrlink"], note.meta["math"]) == ("0123", "true")


def test_what_front_matter_lacks(project):
    note = read(project, "正文\n")
    assert (note.title, note.date, note.tags, note.category, note.cover) == ("1", None, (), (), "")
    assert read(project, "---\ntags:\ncategories:\ndate:\n---\n").tags == ()


@pytest.mark.parametrize("start", ["\ufeff---\n", "---\r\n", "---  \n"])
def test_front_matter_from_any_editor(project, start):
    assert read(project, f"{start}title: x\r\n---\r\n# y\r\n").title == "x"


@pytest.mark.parametrize(
    ("written", "path"), [("一级", ("一级",)), ("[a, b]", ("a", "b")), ("[[a, b], [c]]", ("a", "b")), ("", ())]
)
def test_category(project, written, path):
    assert read(project, f"---\ncategories: {written}\n---\n").category == path


@pytest.mark.parametrize(
    ("written", "when"),
    [
        ("2023-01-20", datetime(2023, 1, 20)),
        ("2023/1/2 8:05", datetime(2023, 1, 2, 8, 5)),
        ("2023-01-20T23:07:12+08:00", datetime(2023, 1, 20, 23, 7, 12)),
        ("2023-13-45", None),
        ("去年", None),
    ],
)
def test_dates_stay_as_written(project, written, when):
    note = read(project, f"---\ndate: {written}\n---\n")
    assert (note.date, note.when) == (written, when)


def test_without_a_title_the_first_heading(project):
    assert read(project, "```\n# 代码\n```\n\n## [√] 第`一`节\n\n# 第二节\n").title == "第一节"


def test_files_that_no_site_has_are_no_notes(project):
    project.write("docs/posts/.1.md", "---\ndraft: true\n---\n")
    assert read_library(project.root) == []


def test_newest_first_and_undated_last(project):
    for name, date in (("1", "2021-01-01"), ("2", "2023-01-01 01:00"), ("4", "2023-01-01")):
        project.write(f"docs/posts/{name}.md", f"---\ndate: {date}\n---\n")
    project.write("docs/posts/3.md", "正文\n")
    assert [note.path.stem for note in read_library(project.root)] == ["2", "4", "1", "3"]


def test_marks(project):
    note = read(project, "# [√] 一\n\n二 [√]\n===\n\n- ## 三\n\n```\n# [√] 代码\n```\n\n    # [√] 代码\n\n[√] 文\n")
    assert (note.done, note.headings) == (2, 3)


ANNOTATED = """\
> alec：一

## [√] 节

> 引文 alec：不在开头

- 项
  > alec：二
  > > alec：三

> **alec：** 四

```
> alec：代码
```

> - alec：列表

> # alec：标题

> alec: 半角

> ![图](https://x.example/1.png) alec：五

> <b>alec：</b> 标签

> <!-- 注 -->
> alec：六

> &#97;lec：七
懒散的一行
"""


def test_annotations_are_what_the_page_shows(project):
    note = read(project, ANNOTATED)
    page = project.render(ANNOTATED)
    shown = page.select("blockquote.annotation")
    assert len(note.annotations) == len(shown) > 4
    assert [annotation.section for annotation in note.annotations][:2] == ["", "节"]
    assert [annotation.number for annotation in note.annotations] == [*range(1, len(shown) + 1)]


def test_embeds(project):
    assert read(project, '一\n\n``` {.python .embed}\n--8<-- "numbers.py:half"\n```\n\n').embeds == ("numbers.py:half",)


def test_a_note_is_read_again_when_it_changed(project, monkeypatch):
    path = project.write("docs/posts/1.md", "# 一\n")
    (first,) = read_library(project.root)
    monkeypatch.setattr("kb.notes.library.parse_note", None)
    assert read_library(project.root)[0] is first
    monkeypatch.undo()
    path.write_bytes("# 二\n".encode())
    os.utime(path, ns=(0, 0))
    assert read_library(project.root)[0].title == "二"


@pytest.mark.parametrize("line", ["password: x", "published: false", "draft: true"])
def test_a_private_note_is_refused(project, line):
    with pytest.raises(BadInput, match=rf"^docs/posts/1.md：.*{line.split(':')[0]}.*移出 docs/"):
        read(project, f"---\ntitle: x\n{line}\n---\n正文\n")


@pytest.mark.parametrize("line", ["password:", "published: true", "draft: false"])
def test_a_public_note_is_not(project, line):
    assert read(project, f"---\ntitle: x\n{line}\n---\n正文\n").title == "x"


def test_broken_front_matter_names_the_line(project):
    with pytest.raises(BadInput, match=r"^docs/posts/1.md:3：front matter 不是正确的 YAML"):
        read(project, "---\ntitle: x\ntags: a: b\n---\n正文\n")


def test_not_utf8(project):
    (project.root / "docs/posts").mkdir(parents=True)
    (project.root / "docs/posts/1.md").write_bytes("一\n".encode() + "二".encode("gbk"))
    with pytest.raises(BadInput, match=r"^docs/posts/1.md:2：不是 UTF-8 编码"):
        read_library(project.root)
