"""front matter 里的字在哪里都是字，类型不对也不使构建停下；读不了的一篇，说得出是哪一行。

两个引擎各构建一次：每种字一篇笔记，标题、标签、分类、说明、日期后面、作者都是它；每种奇怪的键又一篇。
"""

import re
import functools
import json
from html import unescape
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup

from kb.notes.embedded import LOCK, fingerprint, lock_bytes
from tests.site.conftest import new_base, run, run_anyway, served, tabs_on

RUN = "document.documentElement.dataset.ran=1"
TEXTS = [
    f"甲乙一 HTML 的 <script>{RUN}</script> 标签与 <!-- 注释",
    f"甲乙二 <img src=x onerror={RUN}> <svg onload={RUN}>",
    "甲乙三 A & B，AT&T，a < b > c",
    "甲乙四 &amp; &lt;b&gt; &#60;i&#62; &copy=1",
    f"甲乙五 </title></span></h1></script></textarea>--><script>{RUN}</script>",
    "甲乙六 {{ 7*7 }} {% raw %} {# x #} \\ \\u0041",
    "甲乙七 \"双\" '单' `<b>` **粗** [x](javascript:1) $x$",
    f"甲乙八 ]]> <![CDATA[ <?php ?> \" onmouseover={RUN} x=\"",
    "甲乙九 一\u2028二\u202e三\u2066四",
    "甲乙十 " + "长" * 10_000,
    "甲乙甲 A & B \"双\" '单'",
]
PLAIN = {"甲乙六", "甲乙九", "甲乙十", "甲乙甲"}
"""Those whose title is the same in the feed of Zensical, which writes entities out."""
NOTE = "---\ntitle: {0}\ndate: {1}\ntags: [{0}]\ncategories: [{0}]\ndescription: {0}\nindex_img: {0}\n---\n\n## 词语{2} <b> 与 &\n\n正文\n"
ODD = [
    *("hide: true", "template: post", "template: [a]", "search: yes", "search: [a]", "icon: 没有/这个", "status: new"),
    *("tags: 5", "tags: {a: b}", "tags: [[a], {b: c}, .nan, null, 1]", "tags: !!set {a, b}", "categories: {a: b}"),
    *("title: [a]", "title: {}", "title: 2024-01-01", "title: 1e3", "title: null", "title: ''", "description: [a]"),
    *("date: {}", "date: 2023-13-45", "date: 99999-01-01", "date: 0001-01-01", "date: 9999-12-31 23:59:59", "date: .inf"),
    *("subtitle: <b>", "comments: true", "render_macros: true", "social: 1", "robots: none", "exclude: true", "rss: 1"),
    *("image: https://x.example/1.png", "author: [a]", "authors: {a: b}", "redirect: https://x.example/", "fill: home"),
    *("fill: [a]", "alias: [a, {b: c}]", "top: .nan", "sticky: [1]", "x: &a [b]\ny: *a", f"x: {'[' * 48}{']' * 48}"),
    *("x: " + "9" * 9_999, "x: 1" + ":1" * 9_999, "toc: true", "meta: 1", "nav: [a]", "url: /x/", "edit_url: 1", "lang: <b>"),
]
BOMB = "a: &a [x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
REFUSED = [
    (f"{BOMB}tags: *i\n", 6, "的内容太多"),
    (BOMB.replace("[x]", "{x: 1}").replace("[", "{<<: [").replace("]", "]}"), 6, "的内容太多"),
    (f"x: {'[' * 20_000}{']' * 20_000}\n", 2, "套了不止 50 层"),
    ("title: 一\ntags: [\n", 4, "不是正确的 YAML"),
    ("title: 一\nx: *nope\n", 3, "不是正确的 YAML"),
    (f"title: {'长' * 1_000_000}\n", 2, "超过 100 KB"),
]


def shown(text):
    """As the site shows it: on one line, with what ends the turns of direction."""
    return " ".join(text.split()) + ("\u2069\u202c" if "\u202e" in text else "")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("front-matter")
    new_base(root)
    lock = json.loads((root / LOCK).read_text("utf-8"))
    lock = {name: entry for name, entry in lock.items() if name != "format"}
    for number, text in enumerate(TEXTS):
        quoted = json.dumps(text, ensure_ascii=False)
        data = NOTE.format(quoted, f"2024-01-{number + 10}", number).encode()
        (root / f"docs/posts/{number}.md").write_bytes(data)
        lock[f"docs/posts/{number}.md"] = fingerprint(data) | {"author": text, "licence": text}
    (root / LOCK).write_bytes(lock_bytes(lock))
    for number, line in enumerate(ODD, 100):
        title = "" if line.startswith("title") else f"title: 奇怪 {number}\n"
        (root / f"docs/posts/{number}.md").write_text(f"---\n{title}{line}\n---\n\n正文 {number}\n", "utf-8")
    run(root, "kb", "pages")
    return root


@pytest.fixture(scope="module")
def sites(project):
    run(project, "mkdocs", "build", "--strict", "-d", "site-mkdocs")
    run(project, "zensical", "build", "--strict")
    return {"mkdocs": project / "site-mkdocs", "zensical": project / "site"}


@pytest.fixture(scope="module", params=["mkdocs", "zensical"])
def engine(request):
    return request.param


@pytest.fixture(scope="module")
def read(sites, engine):
    @functools.cache
    def read(address):
        return BeautifulSoup((sites[engine] / address / "index.html").read_text("utf-8"), "html.parser")

    return read


def line(element):
    return " ".join(element.text.split())


def name(link):
    """Without how many there are."""
    return re.sub(r" \d+ 篇$", "", line(link))


@pytest.mark.parametrize(("number", "text"), list(enumerate(TEXTS)), ids=lambda value: str(value)[:3])
class TestText:
    def test_on_its_page(self, read, number, text):
        page, text = read(f"posts/{number}"), " ".join(shown(text).split())
        assert page.title.text == f"{text} - 实证笔记"
        assert line(page.select_one("[data-md-component=header-topic]")) == text
        assert [line(heading) for heading in page.select("article h1")] == [text]
        assert page.find("meta", {"name": "description"})["content"] == text
        assert [line(tag) for tag in page.select(".note-tags li")] == [text]
        assert line(page.select_one(".note-category")) == text
        assert line(page.select_one(".note-facts > span")) == f"作者 {text}"
        assert f"许可：「{text}」。" in line(page.select_one(".note-foot"))

    def test_on_listings(self, read, number, text):
        text = " ".join(shown(text).split())
        for listing, selector in (("tags", ".tags a"), ("categories", ".tree a"), ("", ".card-title")):
            assert text in [name(link) for link in read(listing).select(selector)], listing
        links = [unquote(link["href"]) for link in read("tags").select(".tags a") if name(link) == text]
        page = read(f"tags/{links[0]}")
        assert page.title.text == f"标签：{text} - 实证笔记"
        assert line(page.select_one("[data-md-component=header-topic]")) == f"标签：{text}"
        assert line(page.h1) == f"标签：{text}"
        assert [line(link) for link in page.select(".notes > li > a")] == [text]

    def test_in_the_feed(self, sites, engine, number, text):
        feed = ElementTree.fromstring((sites[engine] / "feed_rss_created.xml").read_text("utf-8"))
        text = " ".join(shown(text).split())
        (item,) = [item for item in feed.iter("item") if item.findtext("link").endswith(f"/posts/{number}/")]
        title = item.findtext("title")
        assert title == text or engine == "zensical" and text[:3] not in PLAIN and unescape(title) == text
        assert unescape(item.findtext("description")) == text


def test_headings_of_the_authors_are_text(read):
    page = read("posts/0")
    contents = [line(link) for link in page.select(".md-sidebar--secondary a.md-nav__link")]
    assert contents == ["词语0 <b> 与 &"] or contents == ["词语0 与 &"]


def test_nothing_of_them_is_an_element(read, sites, engine):
    """除了笔记自己的正文，没有一个元素、属性是它们的。"""
    for path in sites[engine].rglob("*.html"):
        page = read(path.parent) if path.name == "index.html" else BeautifulSoup(path.read_text("utf-8"), "html.parser")
        assert not page.select("svg[onload], [onmouseover], [href^=javascript]"), path
        assert not [image for image in page.select("img[onerror]") if RUN in image["onerror"]], path
        assert not page.select("nav.md-tags"), path
        assert not [script for script in page.find_all("script") if RUN in script.text], path


def test_the_index_holds_text(sites, engine):
    pages = [page for path in sites[engine].glob("search/texts/*") for page in json.loads(path.read_text("utf-8"))]
    titles = {title for address, title, _ in pages if address.startswith("posts/")}
    assert {" ".join(shown(text).split()) for text in TEXTS} <= {" ".join(title.split()) for title in titles}


def test_odd_keys_change_nothing(read):
    """同样的页，与只有标题的一样：抬头、目录、导航都在，没有别的。"""
    plain = read(f"posts/{100 + ODD.index('toc: true')}")
    names = [(tag.name, tag.get("class"), tag.get("hidden")) for tag in plain.select("header *, .md-sidebar, .md-footer *")]
    for number, odd in enumerate(ODD, 100):
        page = read(f"posts/{number}")
        assert f"正文 {number}" in page.article.text, odd
        assert names == [
            (tag.name, tag.get("class"), tag.get("hidden")) for tag in page.select("header *, .md-sidebar, .md-footer *")
        ], odd


@pytest.fixture
def opened(browser, sites, engine):
    with served(sites[engine]) as address, tabs_on(browser, address) as new:
        yield new()


def search(page, words):
    """The text of the results."""
    if not page.locator("dialog.search").is_visible():
        page.click(".search-open")
    page.fill(".search-field", words)
    results = page.locator(".search-results li")
    results.first.wait_for()
    page.wait_for_timeout(300)
    return [" ".join(text.split()) for text in results.all_inner_texts()]


def test_searching_runs_nothing_and_shows_text(opened):
    page = opened.open("")
    for words in ("甲乙", "词语", "onerror", "script"):
        found = search(page, words)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.dataset.ran") is None
        assert opened.errors == []
        assert not any(entity in text for text in found for entity in ("&lt;script", "&lt;img", "A &amp; B", "&amp;amp;"))
    assert any("HTML 的 <script>" in text for text in found)


def test_every_page_runs_nothing(opened):
    for number in range(len(TEXTS)):
        page = opened.open(f"posts/{number}/")
        assert page.evaluate("document.documentElement.dataset.ran") is None
        assert page.title() == f"{' '.join(shown(TEXTS[number]).split())} - 实证笔记"


@pytest.mark.parametrize(("front", "number", "why"), REFUSED, ids=lambda value: str(value)[:12])
def test_one_that_can_not_be_read_is_named(project, engine, front, number, why):
    note = project / "docs/posts/99.md"
    note.write_text(f"---\n{front}---\n\n正文\n", "utf-8")
    try:
        code, output = run_anyway(project, engine, "build", *(["-d", "refused"] if engine == "mkdocs" else []))
    finally:
        note.unlink()
    assert code != 0
    assert f"docs/posts/99.md:{number}：front matter {why}" in output
    assert "Traceback" not in output
