"""订阅和搜索引擎从笔记得知什么。"""

from html import unescape

import pytest

from tests.kb.lab import rendered


@pytest.fixture
def told(project):
    """The front matter of a note when its page has been rendered."""

    def told(text):
        project.write("docs/posts/1.md", text)
        return rendered(project.root, "posts/1.md").meta

    return told


@pytest.mark.parametrize(
    ("date", "published"),
    [
        ("2023-01-20 23:07:12", "2023-01-20 23:07"),
        ("2023-01-20", "2023-01-20 00:00"),
        ("2023/1/2 8:05", "2023-01-02 08:05"),
    ],
)
def test_dates(told, date, published):
    meta = told(f"---\ndate: {date}\n---\n正文\n")
    assert meta["published_at"] == published
    assert "draft" not in meta


@pytest.mark.parametrize("date", ["", "date: 去年\n"])
def test_without_a_date_not_in_the_feed(told, date):
    meta = told(f"---\ntitle: x\n{date}---\n正文\n")
    assert meta["draft"] is True
    assert "published_at" not in meta


def test_the_authors_description(told):
    assert told("---\ndescription: 作者的\n---\n正文\n")["description"] == "作者的"


def test_first_words(told):
    text = "# 标题\n\n> 参考：**粗** [链接](https://x.example) & `a<b` &amp;lt;\n\n```\n代码\n```\n\n$x$ " + 200 * "文"
    description = told(f"---\ntitle: x\ndate: 2023-01-01\ntags: [标签]\n---\n{text}\n")["description"]
    assert (
        unescape(description) == "参考：粗 链接 & a<b &lt; " + (120 - len("参考：粗 链接 & a<b &lt; ") - 1) * "文" + "…"
    )
    assert description.startswith("参考：粗 链接 &amp; a&lt;b &amp;lt; ")
    assert told("---\ntitle: 只有标题\n---\n")["description"] == "只有标题"


def test_nothing_that_asks_other_servers(told):
    meta = told("---\nimage: https://x.example/1.png\nillustration: x\nrss: 1\nauthor: 3\nauthors: {a: b}\n---\n正文\n")
    assert not meta.keys() & {"image", "illustration", "rss", "author", "authors"}
