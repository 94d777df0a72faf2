"""一批笔记用一条 kb add 收进来，mkdocs 和 zensical 都严格构建成功，每一页的正文相同，浏览器里看得舒服。

里面是 tests/kb/markdown/notes/ 里手写的，每种写法都有，不怀好意的，还有生成的。
"""

import re
import shutil
from urllib.parse import unquote, urljoin

import pytest
from bs4 import BeautifulSoup, SoupStrainer

from kb.notes.embedded import lock_bytes, read_lock
from tests.kb.generator import make_notes
from tests.site.conftest import ENGINES, GENERATED, NOTE, new_base, run, run_anyway, served, tabs_on


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A small one, to change, and built once."""
    root = tmp_path_factory.mktemp("engines")
    new_base(root)
    run(root, "zensical", "build", "--strict")
    return root


@pytest.fixture(scope="module")
def built(sites):
    """The folders of the two sites."""
    return sites["mkdocs"], sites["zensical"]


def article_of(path):
    page = BeautifulSoup(path.read_text("utf-8"), "html.parser", parse_only=SoupStrainer("article"))
    return page.select_one("article.md-content__inner")


def body(path, address):
    """What an engine made of a page, with absolute links in one spelling."""
    article = article_of(path)
    for added in article.select("#__skip, .md-content__button, .md-source-file, nav.md-tags"):  # zensical 的
        added.decompose()
    for tag in article.select("video[src], audio[src], source[src]"):
        if "://" not in tag["src"]:  # 本地的影音不带来；zensical 以为它在 docs/ 里
            del tag["src"]
    for tag in article.select("[href], [src]"):
        name = "href" if tag.has_attr("href") else "src"
        tag[name] = unquote(urljoin(f"https://site.example/{address}/", tag[name]))
    for figure in article.select("[data-search-exclude]"):
        del figure["data-search-exclude"]
    return re.sub(r"\s+", " ", article.decode_contents()).strip()


def test_both_engines_make_the_same_pages(built):
    mkdocs, zensical = built
    addresses = [path.parent.relative_to(mkdocs).as_posix() for path in sorted(mkdocs.rglob("index.html"))]
    assert sum(address.startswith("posts/") for address in addresses) > 150
    for address in addresses:
        path = f"{address}/index.html"
        assert body(mkdocs / path, address) == body(zensical / path, address), address


def test_properdocs_makes_the_same_files(whole, sites, tmp_path):
    site = sites["mkdocs"]
    run(whole, "properdocs", "build", "--strict", "-d", str(tmp_path))
    paths = {path.relative_to(site) for path in site.rglob("*") if path.is_file()}
    assert paths == {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    generator = re.compile(r'<meta name="generator" content="[^"]*">')
    for path in (path for path in paths if path.suffix == ".html"):
        one, other = (generator.sub("", (folder / path).read_text("utf-8")) for folder in (site, tmp_path))
        assert one == other, path


def test_a_note_added_later_is_on_the_home_page(project):
    """zensical 记着旧的首页：kb pages 让它忘掉。"""
    (project / "docs/posts/99.md").write_text("---\ntitle: 后来的一篇\ndate: 2025-01-01\n---\n\n正文\n", "utf-8")
    run(project, "kb", "pages")
    run(project, "zensical", "build", "--strict")
    assert "后来的一篇" in (project / "site/index.html").read_text("utf-8")


def test_no_note_lost_a_byte(whole):
    """kb check 逐字节核对锁文件。"""
    assert "不是登记的原文" not in run(whole, "kb", "check")


def test_every_page_says_what_its_author_said(built):
    """生成的每一篇，每一行里连着的汉字都在页面上。"""
    mkdocs, _ = built
    for note in make_notes(GENERATED):
        article = article_of(mkdocs / f"posts/{note.abbrlink}/index.html")
        shown = "".join(re.findall("[一-龥]", article.text))
        for line in note.text.split("---\n", 2)[2].split("\n"):
            for words in re.findall("[一-龥]+", re.sub(r"!?\[[^\]]*\]\([^)]*\)|\{%.*?%\}|<[^>]*>|\$.*?\$", " ", line)):
                assert words in shown, f"{note.title}：{line}"


PRIVATE = {
    "password": "---\ntitle: 密\npassword: x\n---\n",
    "published: false": "---\ntitle: 密\npublished: 0\n---\n",
    "draft": '+++\ntitle = "密"\ndraft = true\n+++\n',
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("name", "reason"), [("posts/77.md", "password"), ("secret.md", "published: false"), ("posts/77.md", "draft")]
)
def test_a_private_page_ends_the_build(project, engine, name, reason):
    page = project / "docs" / name
    page.write_text(PRIVATE[reason] + "\n正文\n", "utf-8")
    code, output = run_anyway(project, engine, "build")
    page.unlink()
    assert code != 0
    assert f"docs/{name}：这篇笔记的 front matter 写着 {reason}，是私密的" in output
    assert "移出 docs/" in output


@pytest.mark.parametrize("engine", ENGINES)
def test_a_note_that_has_become_private_ends_the_build(project, engine):
    lock, name = (project / "notes.lock.json").read_bytes(), f"docs/{NOTE.strip('/')}.md"
    entries = read_lock(project)
    entries[name] = entries[name] | {"private": True}
    (project / "notes.lock.json").write_bytes(lock_bytes(entries))
    shutil.rmtree(project / ".cache", ignore_errors=True)  # zensical 记着没有改过的页
    code, output = run_anyway(project, engine, "build")
    (project / "notes.lock.json").write_bytes(lock)
    assert code != 0
    assert f"{name}：作者已经把这篇笔记改成私密的，公开的版本还在这里。用 kb remove 69421943 撤下它。" in output


@pytest.fixture
def tab(browser, built):
    with served(built[0]) as address, tabs_on(browser, address) as new:
        yield new


def test_a_frame_asks_nobody_before_the_click(tab, notes):
    opened = tab()
    page = opened.open(notes["html-embeds"])
    page.wait_for_load_state("networkidle")
    assert "player.bilibili.com" not in opened.asked
    page.frame_locator("iframe.frame").first.get_by_role("link").click()
    page.wait_for_timeout(300)
    assert "player.bilibili.com" in opened.asked


def test_formulas_are_set_and_read(tab, notes):
    opened = tab()
    page = opened.open(notes["formulas"])
    fraction = page.locator("mfrac").first.bounding_box()
    letter = page.locator("mfrac mn").first.bounding_box()
    assert fraction["height"] > 1.5 * letter["height"]  # 分子在分母上面
    brackets, table = (
        page.locator("mo + mtable").first.evaluate(f"table => table{each}.getBoundingClientRect().height")
        for each in (".previousElementSibling", "")
    )
    assert brackets > 0.9 * table > 1.5 * letter["height"]  # 有数学字体，括号才会拉长
    assert page.get_by_role("math").count() > 20
    assert opened.asked == []


def test_lists_within_lists_are_numbered_as_written(tab, notes):
    page = tab().open(notes["list-contents"])
    style = page.locator(":is(ul, ol) ol:not(.contents ol)").first.evaluate("list => getComputedStyle(list).listStyleType")
    assert style == "decimal"
