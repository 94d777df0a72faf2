"""订阅和搜索引擎从笔记得知什么。"""

import re
from html import unescape

import pytest

from kb.markdown.engine import BadInput
from kb.site.feed import icon
from tests.kb.lab import rendered, slow


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


@pytest.fixture(params=["faster", "没有 faster"])
def engine(request, project):
    """MkDocs 自己也读 front matter，除非 kb.speed.plugin 不给它看。"""
    if request.param != "faster":
        slow(project.root)


ALL = {"title", "tags", "description", "published_at"}


@pytest.mark.parametrize(
    "line",
    [
        *("hide: true", "hide: [navigation]", "template: post", "template: [a]", "search: yes", "search: {exclude: true}"),
        *("icon: 没有/这个", "status: new", "subtitle: <b>", "comments: true", "social: {cards: 1}", "robots: none"),
        *("render_macros: true", "revision_date: x", "exclude: true", "fill: home", "fill: [a]", "of: {a: b}"),
        *("image: https://x.example/1.png", "illustration: x", "rss: 1", "author: 3", "authors: {a: b}"),
        *("1: a", "null: a", "[a]: b", "x: !!python/name:os.system", "x: !!binary aGVsbG8=", "x: .nan", "x: {a: [b]}"),
    ],
)
def test_of_a_note_the_engine_is_told_nothing_else(engine, told, line):
    meta = told(f"---\ntitle: 题\ndate: 2023-01-20\n{line}\n---\n正文\n")
    assert meta.keys() == ALL
    assert (meta["title"], meta["tags"], meta["description"]) == ("题", [], "正文")


@pytest.mark.parametrize("key", ["title", "tags", "categories", "description", "index_img", "date", "top", "alias"])
@pytest.mark.parametrize("value", ["[]", "{}", "[a, [b]]", "{a: b}", "2024-01-01", "1e3", "true", "null", ".nan", "!!set {a}"])
def test_each_has_its_type_whatever_is_written(told, key, value):
    meta = told(f"---\n{key}: {value}\n---\n正文\n")
    assert meta.keys() == ALL if "published_at" in meta else ALL - {"published_at"} | {"draft"}
    assert meta["title"] and isinstance(meta["title"], str)
    assert isinstance(meta["description"], str)
    assert all(isinstance(tag, str) for tag in meta["tags"])


HOSTILE = [
    "A & B",
    "AT&T &amp; &lt; &copy=1 &#60;",
    "HTML 的 <script>alert(1)</script> 标签与 <!-- 注释 -->",
    "</title></script><img src=x onerror=alert(1)>",
    "{{ 7*7 }} {% raw %} \\ \"双\" '单' `a` **b** $x$",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_it_is_html_that_shows_the_text(told, text):
    written = "'" + text.replace("'", "''") + "'"
    meta = told(f"---\ntitle: {written}\ntags: [{written}, 乙]\ndescription: {written}\n---\n正文\n")
    for shown in (meta["title"], meta["tags"][0], meta["description"]):
        assert not set("<>\"'") & set(shown)
        assert unescape(shown) == text
    assert meta["title"].__html__() == meta["title"]  # 订阅和主题里的 | e 不再转义
    assert meta["tags"][1] == "乙"


def test_a_title_of_ours_is_text_too(project):
    project.write("docs/x.md", "---\ntitle: <b> & 乙\n---\n")
    assert rendered(project.root, "x.md").meta["title"] == "&lt;b&gt; &amp; 乙"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ('"a\\x00b\\x08c\\x7F\\uFFFEd"', "abcd"),
        ('"一\\n二\\u2028三\\t四"', "一 二 三 四"),
        ('"甲\\u202E乙"', "甲\u202e乙\u202c"),
        ('"甲\\u202E乙\\u2066丙\\u2069丁"', "甲\u202e乙\u2066丙\u2069丁\u202c"),
        ('"甲\\u202E乙\\u202C"', "甲\u202e乙\u202c"),
    ],
)
def test_what_no_page_can_hold_or_what_would_turn_the_rest_around(told, written, shown):
    assert told(f"---\ntitle: {written}\n---\n正文\n")["title"] == shown


def test_a_note_without_a_title_has_one(told):
    assert told("正文\n")["title"] == "1"
    assert told("---\ndate: 2023-01-20\n---\n## 一 \\<b>  &\n")["title"] == "一 &lt;b&gt; &amp;"


@pytest.mark.parametrize(
    "text",
    [
        "TODO: 一\nhttps://a.example/\n\n正文\n",
        "\ufeffTODO: 一\nhttps://a.example/\n\n正文\n",
        "---\nx: !!python/name:os.system\n---\nTODO: 一\nhttps://a.example/\n\n正文\n",
        "---\r\ntitle: 题\r\n---\r\nTODO: 一\r\nhttps://a.example/\r\n\r\n正文\r\n",
        "---\n---\nTODO: 一\nhttps://a.example/\n\n正文\n",
    ],
)
def test_the_body_is_whole_and_front_matter_is_none_of_it(engine, project, text):
    page = project.render(text)
    assert [line.strip() for line in page.p.text.split("\n")] == ["TODO: 一", "https://a.example/"]
    assert [paragraph.text for paragraph in page.find_all("p", recursive=False)][1] == "正文"
    assert page.hr is None


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("hide: true", "列表，例如 [navigation, toc]，不是 True"),
        ("hide: [1]", "列表"),
        ("template: [a]", "文字，例如 main.html"),
        ("search: yes", "exclude: true 或 boost: 2"),
        ("fill: [a]", "文字，例如 home"),
        ("of: {a: b}", "文字或列表"),
        ("tags: 5", "列表，例如 [一, 二]，不是 5"),
        ("title: [a]", "文字，不是 ['a']"),
        ("description: 5", "文字，不是 5"),
    ],
)
def test_a_wrong_type_on_a_page_of_ours_is_named(project, line, wanted):
    with pytest.raises(BadInput, match=rf"^docs/x\.md:3：front matter 的 {line.split(':')[0]} 应是{re.escape(wanted)}.*改正这一行。$"):
        project.render(f"---\nx: 一\n{line}\n---\n正文\n", "x.md")


def test_pages_of_ours_keep_theirs(project):
    written = "hide: [toc]\nsearch:\n  boost: 0.5\ntemplate: main.html\nmine: {a: 1}\n"
    project.write("docs/x.md", f"---\n{written}---\n正文\n")
    assert rendered(project.root, "x.md").meta == {
        "hide": ["toc"],
        "search": {"boost": 0.5},
        "template": "main.html",
        "mine": {"a": 1},
    }


@pytest.mark.parametrize("year", ["0001", "0999", "9999", "0000"])
def test_a_year_that_no_feed_can_name_is_none(told, year):
    assert told(f"---\ndate: {year}-01-01\n---\n正文\n")["draft"] is True


@pytest.mark.parametrize("address", ["https://a.example", "https://a.example/", "https://a.example/笔记/"])
def test_the_feed_shows_the_sites_icon(address):
    assert icon(address) == f"{address.rstrip('/')}/assets/images/favicon.png"
