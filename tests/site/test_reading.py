"""读起来、听起来、拿键盘走起来：两种引擎的站点，用 Chromium 打开。"""

import re

import pytest
from bs4 import BeautifulSoup

from tests.site.conftest import BASE, ENGINES, NOTE, wait_until

NOWHERE = "没有这一页/也没有/"


@pytest.fixture(scope="module", params=ENGINES)
def site(request, sites):
    return sites[request.param]


def read(site, path):
    return BeautifulSoup((site / path / "index.html").read_text("utf-8"), "html.parser")


def shared(page):
    """What the page says of itself where its address is shared."""
    return {tag["property"]: tag["content"] for tag in page.select("meta[property^='og:']")}


class TestShared:
    def test_a_note_says_what_it_is(self, site, notes):
        page = shared(read(site, notes["attention-survey"]))
        assert page == {
            "og:type": "article",
            "og:site_name": "实证笔记",
            "og:title": read(site, notes["attention-survey"]).h1.text.strip(),
            "og:description": page["og:description"],
            "og:url": f"https://site.example/{BASE}{notes['attention-survey']}",
            "og:image": page["og:image"],
        }
        assert page["og:description"].startswith("参考：")
        assert page["og:image"].startswith("https://cdn.jsdelivr.net/")

    def test_so_do_the_home_page_and_a_list(self, site):
        home = shared(read(site, ""))
        assert (home["og:title"], home["og:type"], "og:image" in home) == ("实证笔记", "website", False)
        assert shared(read(site, "tags/示例/"))["og:title"] == "标签：示例"

    def test_what_authors_write_ends_no_attribute(self, site):
        for path in site.rglob("index.html"):
            for line in re.findall(r"<meta property=.*", path.read_text("utf-8")):
                assert re.fullmatch(r'<meta property="og:\w+" content="[^"<>]*">', line), (path, line)


class TestNowhere:
    def test_it_says_so_and_leads_home(self, site, open_tab):
        tab = open_tab(site)
        page = tab.open(NOWHERE)
        assert page.title() == "没有这一页 - 实证笔记"
        assert page.locator("h1").inner_text() == "没有这一页"
        page.get_by_role("link", name="回到首页").click()
        page.wait_for_url(f"**/{BASE}")

    def test_search_is_one_step_away(self, site, open_tab):
        page = open_tab(site).open(NOWHERE)
        page.locator("[data-opens-search]").focus()
        page.keyboard.press("Enter")
        wait_until(page, "(document.activeElement.shadowRoot ?? document).activeElement.matches('input')")


def test_the_header_has_its_colour_without_scripts(site, open_tab):
    colour = "getComputedStyle(document.querySelector('{}')).backgroundColor"
    for selector in (".md-header", ".md-button--primary"):
        with_scripts, without = (
            open_tab(site, java_script_enabled=scripts).open(NOWHERE).evaluate(colour.format(selector))
            for scripts in (True, False)
        )
        assert with_scripts == without, selector


def test_a_heading_is_its_words(site, open_tab):
    page = open_tab(site).open(NOTE)
    assert "¶" not in page.locator("body").aria_snapshot()
    assert "本节链接" not in page.locator("article").aria_snapshot()
    assert "¶" not in page.locator("article").inner_text()


def test_line_numbers_are_no_links(site):
    page = read(site, "snippets/moving_average/")
    assert page.select(".linenos .normal")
    assert not page.select("pre a")


@pytest.mark.parametrize(("note", "selector"), [("tables", ".md-typeset__scrollwrap"), ("leetcode", ".formula.is-display")])
def test_what_scrolls_sideways_can_be_focused(site, notes, open_tab, note, selector):
    tab = open_tab(site, width=320)
    page = tab.open(notes[note])
    wait_until(page, f"document.querySelector('{selector}[tabindex]')")
    unlike = f"""[...document.querySelectorAll('{selector}')].filter(
        each => (each.scrollWidth > each.clientWidth) !== each.hasAttribute('tabindex')).length"""
    wait_until(page, f"{unlike} === 0")
    scrolls = page.locator(f"{selector}[tabindex]").first
    scrolls.focus()
    assert scrolls.get_attribute("aria-label").endswith("可以左右滚动")
    page.keyboard.press("ArrowRight")
    wait_until(page, f"document.querySelector('{selector}[tabindex]').scrollLeft > 0")


def test_latin_letters_stand_apart_from_chinese_but_not_in_code(site, open_tab):
    page = open_tab(site).open(NOTE)
    spacing = "selector => getComputedStyle(document.querySelector(selector)).textAutospace"
    assert page.evaluate(spacing, "article p") == "normal"
    assert page.evaluate(spacing, "article pre code") == "no-autospace"


def test_code_in_a_line_is_as_large_as_the_line(site, open_tab):
    page = open_tab(site).open("markdown/")
    sizes = """() => [...document.querySelectorAll("article :not(pre) > code")].map(
        code => [code, code.parentElement].map(each => getComputedStyle(each).fontSize))"""
    for code, around in page.evaluate(sizes):
        assert code == around


def test_printed_a_title_stays_with_its_code(site, open_tab):
    page = open_tab(site).open(NOTE)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('figure.embed .filename')).breakAfter") == "avoid"


def test_annotations_are_folded_by_note(site, open_tab):
    page = open_tab(site, width=390).open("annotations/")
    assert page.evaluate("document.documentElement.scrollHeight") < 5000
    quotes = page.locator("blockquote.annotation")
    assert quotes.count() > 20
    assert not quotes.first.is_visible()
    page.locator("details.said > summary").first.press("Enter")
    assert quotes.first.is_visible()


def test_a_line_of_the_home_page_is_no_longer_than_42_characters(site, open_tab):
    page = open_tab(site).open("")
    lines = """[...document.querySelectorAll("article > p, .home > p")].map(
        each => each.getBoundingClientRect().width / parseFloat(getComputedStyle(each).fontSize))"""
    assert max(page.evaluate(lines)) <= 42.01
