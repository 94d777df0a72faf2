"""读出全部笔记：front matter、标题上的标记、批注。"""

import os
from datetime import datetime

import pytest

from kb.markdown.engine import BadInput
from kb.notes.embedded import LOCK, fingerprint, lock_bytes
from kb.notes.library import body_of, read_library
from kb.site.gate import timezone
from tests.kb.lab import configure


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
    assert (note.uri, note.title, note.date) == ("posts/1.md", "一 二", "2023-01-20 23:07")
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
    ("written", "paths"),
    [
        ("categories: 一级", [("一级",)]),
        ("categories: [a, b]", [("a", "b")]),
        ("categories: [[a, b], [c]]", [("a", "b"), ("c",)]),
        ("categories: [a, [b, c]]", [("a",), ("b", "c")]),
        ("categories: [[a], [a]]", [("a",)]),
        ("categories:", []),
        ("category: 一级", [("一级",)]),
        ("category: 一级\ncategories: [a, b]", [("a", "b"), ("一级",)]),
    ],
)
def test_categories(project, written, paths):
    note = read(project, f"---\n{written}\n---\n")
    assert list(note.categories) == paths
    assert note.category == (paths[0] if paths else ())


def test_categories_of_hugo_are_a_set(project):
    assert read(project, "+++\ncategories = ['a', 'b']\n+++\n").categories == (("a",), ("b",))
    yaml = "---\ncategories: [a, b]\n---\n"
    entry = fingerprint(yaml.encode()) | {"kind": "hugo"}
    project.write(LOCK, lock_bytes({"docs/posts/2.md": entry}).decode())
    assert read(project, yaml, "2").categories == (("a",), ("b",))


def test_tags_in_the_singular(project):
    assert read(project, "---\ntag: 甲\ntags: [乙]\n---\n").tags == ("乙", "甲")


HEADS = {
    "YAML": "---\ntitle: 题\ndate: 2024-03-01 08:05\ntags: [甲]\n---\n",
    "YAML, ...": "---\ntitle: 题\ndate: 2024-03-01 08:05\ntags: [甲]\n...\n",
    "TOML": '+++\ntitle = "题"\ndate = 2024-03-01T08:05:00+08:00\ntags = ["甲"]\n+++\n',
    "TOML, local": '+++\ntitle = "题"\ndate = 2024-03-01 08:05:00\ntags = ["甲"]\n+++\n',
    "JSON": '{\n"title": "题",\n"date": "2024-03-01T08:05:00+08:00", "tags": ["甲"]}\n',
    "JSON of Hexo": ';;;\n"title": "题",\n"date": "2024-03-01 08:05", "tags": ["甲"]\n;;;\n',
    "bare": "title: 题\ndate: 2024-03-01 08:05\ntags:\n- 甲\n---\n",
    "bare, indented": "title: 题\ndate: 2024-03-01 08:05\ntags:\n  - 甲\n---\n",
    "Nikola": "<!--\n.. title: 题\n.. date: 2024-03-01 08:05\n.. tags: 甲\n-->\n",
}


@pytest.mark.parametrize("form", HEADS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("marks", ["", "\ufeff", "\ufeff\ufeff"])
def test_front_matter_in_every_form(project, form, end, marks):
    text = marks + f"{HEADS[form]}\n# 正文\n".replace("\n", end)
    note = read(project, text)
    assert (note.title, note.date, note.tags) == ("题", "2024-03-01 08:05", ("甲",))
    assert body_of(text) == f"{end}# 正文{end}"


@pytest.mark.parametrize(
    "text",
    ["正文\n", "TODO: 写\n\n---\n\n正文\n", "---\n\n正文\n", "{% raw %}\n", "注：title: 一\n---\n", '{"a"\n', "a: b\n\n正文\n---\n"],
)
def test_what_is_no_front_matter(project, text):
    assert body_of(text) == text


@pytest.mark.parametrize(
    "text", ["+++\ntitle = x\n+++\n", '{"title": "x",}\n正文\n', ';;;\n"title" "x"\n;;;\n', "---\ntitle: [\n---\n"]
)
def test_front_matter_that_cannot_be_read(project, text):
    with pytest.raises(BadInput, match=r"^docs/posts/1\.md:\d：front matter 不是正确的 "):
        read(project, text)


@pytest.mark.parametrize(
    ("written", "when"),
    [
        ("2023-01-20", "2023-01-20"),
        ("2023/1/2 8:05", "2023-01-02 08:05"),
        ("2023年11月20日10:19:49", "2023-11-20 10:19"),
        ("2023-01-20T23:07:12+08:00", "2023-01-20 23:07"),
        ("2024-02-29T20:30:00Z", "2024-03-01 04:30"),
        ("2024-03-01 00:30 +0900", "2024-02-29 23:30"),
        ("2023-01-20 23:07 星期五", "2023-01-20 23:07"),
        ("1709267400", "2024-03-01 12:30"),
        ("Jul 08 2022", "2022-07-08"),
    ],
)
def test_dates(project, written, when):
    note = read(project, f"---\ndate: {written}\n---\n")
    assert note.date == when
    assert note.when == datetime.fromisoformat(when) or note.when.second


@pytest.mark.parametrize("written", ["2023-13-45", "去年", "0001-01-01", "9999-12-31"])
def test_what_is_no_date_stays_as_written(project, written):
    note = read(project, f"---\ndate: {written}\n---\n")
    assert (note.date, note.when) == (written, None)


@pytest.mark.parametrize("key", ["created", "publishDate", "pub_date", "Date"])
def test_other_names_of_the_date(project, key):
    assert read(project, f"---\n{key}: 2024-03-01\n---\n").date == "2024-03-01"
    assert read(project, f"---\n{key}: 2024-03-01\ndate: 2024-01-01\n---\n").date.startswith("2024-0")


def test_the_time_of_the_base(project):
    configure(project.root, timezone="Europe/Berlin")
    assert read(project, "---\ndate: 2024-02-29T20:30:00Z\n---\n").date == "2024-02-29 21:30"
    assert read(project, "---\ndate: 2024-02-29 20:30\n---\n", "2").date == "2024-02-29 20:30"


def test_what_only_the_lock_knows(project):
    entry = fingerprint("正文\n".encode()) | {"title": "文件名", "date": "2024-03-01"}
    project.write(LOCK, lock_bytes({"docs/posts/1.md": entry}).decode())
    note = read(project, "正文\n")
    assert (note.title, note.date) == ("文件名", "2024-03-01")
    assert read(project, "# 标题\n").title == "标题"
    assert read(project, "---\ntitle: 题\ndate: 2020-01-01\n---\n").date == "2020-01-01"


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

> alec ：空格

> alec://半角.example

> alecs：别人

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
    assert {"alec：", "alec:", "alec ："} == {each.text for each in page.select(".signature")}
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


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../UTC", 8, ["UTC"]])
def test_a_zone_that_there_is_none_of(project, zone):
    configure(project.root, timezone=zone)
    with pytest.raises(BadInput, match="^mkdocs.yml：timezone 应是时区的名字，例如 Asia/Shanghai"):
        read(project, "正文\n")


def test_the_feed_is_in_the_time_of_the_base(project, monkeypatch):
    monkeypatch.chdir(project.root)
    assert timezone() == "Asia/Shanghai"
    configure(project.root, timezone="Europe/Berlin")
    assert timezone() == "Europe/Berlin"
