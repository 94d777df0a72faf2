"""在真正的浏览器里看：两种宽度，明与暗，搜索，图片取不到的时候。"""

import os
import re

import pytest

from tests.base.conftest import NOTE
from tests.kb.lab import ROOT
from tests.site.conftest import CONTRAST, wait_until

SOURCES = [f"snippets/{path.stem}/" for path in sorted((ROOT / "docs/snippets").glob("*.md"))]
LISTS = [
    "categories/",
    "categories/深度学习技术栈/",
    "tags/",
    "tags/深度学习/",
    "archive/",
    "annotations/",
]
PAGES = ["", NOTE, *LISTS, "performance/", "verification/", "tests/test_non_local/", *SOURCES]
LOOKS = [(1280, "light"), (390, "dark"), (390, "light"), (1280, "dark")]
"""宽度与明暗：别的页只看前两种，后两种里没有它们自己的什么。"""
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360"><rect width="640" height="360" fill="teal"/></svg>'


@pytest.mark.parametrize("path", PAGES)
def test_fits_and_stays_at_home(tab, path):
    """不横向滚动；除了作者的图床，不向别处要任何东西。"""
    opened = tab()
    page = opened.open(path)
    folder = os.environ.get("SCREENSHOTS")
    for width, scheme in LOOKS if folder or path in ("", NOTE) else LOOKS[:2]:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        if (width, scheme) == (390, "dark"):
            opened.read_to_the_end()
        wait_until(page, f"document.documentElement.scrollWidth <= {width}")  # 搜索框慢慢变宽
        background = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => +a + +b)"
        wait_until(page, f"({background} < 3 * 128) === {str(scheme == 'dark').lower()}")
        if folder:
            name = path.strip("/").replace("/", "-") or "index"
            page.screenshot(path=f"{folder}/{name}-{width}-{scheme}.png", full_page=True)
    assert set(opened.asked) <= ({"cdn.jsdelivr.net"} if path in ("", NOTE) else set())


@pytest.mark.parametrize("width", [1280, 390])
def test_headings_are_in_order_of_size(tab, width):
    page = tab(width=width).open(NOTE)
    sizes = page.evaluate(
        """() => ["h1", "h2", "h4", "h6", ":scope > p"].map(selector => parseFloat(
            getComputedStyle(document.querySelector("article").querySelector(selector)).fontSize))"""
    )
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 5
    assert min(sizes) >= 16


def test_annotations_look_unlike_quotes(tab):
    page = tab().open(NOTE)
    style = "element => { const s = getComputedStyle(element); return [s.backgroundColor, s.borderLeftColor]; }"
    quote = page.eval_on_selector("blockquote:not(.annotation)", style)
    annotation = page.eval_on_selector("blockquote.annotation", style)
    assert quote[0] != annotation[0]
    assert quote[1] != annotation[1]


TEXTS = {
    "": [".card-title", ".card time", ".card .progress", ".card .note-tags a"],
    "categories/": [".tree .count"],
    "tags/": [".tags a"],
    "tags/深度学习/": [".notes time", ".note-category a"],
    "annotations/": [".said-section", ".said-in a"],
    NOTE: [
        "article p",
        "article a[href^='https://blog']",
        ".note-tags a",
        ".signature",
        ".mark",
        ".proven",
        ".md-header",
        ".evidence summary",
        ".state.is-verified",
    ],
    "verification/": [".proofs a", ".state.is-untested", ".evidence summary"],
    "verification/non_local/": ["dt", ".report-title", ".report p > code"],
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", TEXTS)
def test_text_stands_out_from_its_background(tab, path, scheme):
    """WCAG 2.2 AA：对比度至少 4.5。"""
    page = tab(scheme=scheme).open(path)
    page.wait_for_timeout(300)  # 颜色有渐变
    for selector in TEXTS[path]:
        assert page.evaluate(CONTRAST, selector) >= 4.5, selector


def test_a_screen_reader_reads_marks_and_annotations(tab):
    page = tab().open(NOTE)
    assert page.get_by_role("img", name="已完成").count() == 5
    assert page.get_by_role("heading", name="已完成 1.1 - 自注意力").count() == 1
    assert page.get_by_role("blockquote", name="作者批注").count() == 6


def test_a_card_opens_its_note_and_stands_without_its_cover(tab):
    page = tab().open("")
    card = page.locator(".card", has=page.locator(f"a[href*='{NOTE}']"))
    card.wait_for()
    wait_until(page, "!document.querySelector('.card img')")
    card.locator("time").click(force=True)  # 卡片的任何地方都是标题的链接
    page.wait_for_url(f"**/{NOTE}")
    page.go_back()
    card.locator(".note-tags a", has_text="深度学习").click()
    page.wait_for_url("**/tags/**")


def test_covers_that_come_are_shown(tab):
    opened = tab(pictures=PICTURE.replace('height="360"', 'height="640"'))
    page = opened.open("")
    opened.read_to_the_end()
    size = page.locator(".card img").bounding_box()
    assert abs(size["width"] / size["height"] - 16 / 9) < 0.05


def test_the_tree_and_the_lists_work_without_scripts(tab):
    page = tab(java_script_enabled=False).open("categories/")
    assert page.get_by_role("link", name="文章学习").is_visible()
    page.get_by_role("link", name="文章学习").click()
    page.wait_for_url("**/%E6%96%87%E7%AB%A0%E5%AD%A6%E4%B9%A0/")
    assert page.get_by_role("link", name="注意力机制").first.is_visible()


def test_pictures_that_do_not_come_leave_a_note(tab):
    opened = tab()
    page = opened.open(NOTE)
    opened.read_to_the_end()
    wait_until(page, "document.querySelectorAll('.picture.is-missing').length === 4")
    assert page.locator(".picture img:visible").count() == 0
    notes = page.locator(".picture-note")
    assert "「1.1 - 自注意力」一节的图片，来自 cdn.jsdelivr.net。" in notes.nth(1).inner_text()
    state = "getComputedStyle(document.querySelector('.picture-state'), '::before').content"
    assert "图片打不开" in page.evaluate(state)
    for link in notes.locator("a").all():
        assert link.is_visible()


def test_pictures_that_come_are_shown_alone(tab):
    opened = tab(pictures=PICTURE)
    page = opened.open(NOTE)
    opened.read_to_the_end()
    wait_until(page, "document.querySelectorAll('.picture.is-shown').length === 4")
    assert page.locator(".picture img:visible").count() == 4
    assert page.locator(".picture-note:visible").count() == 0


def test_pictures_wait_until_they_are_near(tab):
    opened = tab(pictures=PICTURE)
    opened.open(NOTE).wait_for_timeout(300)
    assert 0 < len(opened.asked) < 4


def test_without_scripts_picture_and_note_show(tab):
    page = tab(pictures=PICTURE, java_script_enabled=False).open(NOTE)
    opacity = "image => getComputedStyle(image).opacity"
    assert [image.evaluate(opacity) for image in page.locator(".picture img:visible").all()] == 4 * ["1"]
    assert page.locator(".picture-note:visible").count() == 4


def search(page, words):
    if not page.locator("dialog.search").is_visible():
        page.click(".search-open")
    page.fill(".search-field", words)
    page.wait_for_timeout(100)
    wait_until(page, "/^(找到|没有)/.test(document.querySelector('.search-state').textContent)")


WORDS = [
    "权重",
    "注意力",
    "归一化",
    "意力",  # 词的一部分
    "网络",  # 笔记里只有“神经网络”
    "域",
    "通过softmax激活函数",
]


def test_search_finds_the_note_first(tab):
    page = tab().open("")
    for words in WORDS:
        search(page, words)
        first = page.locator(".search-results a").first.get_attribute("href")
        assert NOTE in first, words
        marks = page.locator(f".search-results a[href*='{NOTE}'] mark").all_inner_texts()
        assert set(words) <= set("".join(marks))


def test_search_wants_the_characters_together(tab):
    """“加权”和“权重”都在笔记的同一节里，只是不连在一起。"""
    page = tab().open("")
    for words in ("加权重", "函数据", "重权"):
        search(page, words)
        assert not page.inner_text(".search-state").startswith("找到"), words


def test_search_leaves_out_what_is_unwanted(tab):
    page = tab().open("")
    search(page, "权重 -归一化")
    found = page.locator(".search-results a")
    assert found.count() > 0
    assert all("归一化" not in each for each in found.all_inner_texts())


def test_a_link_to_the_whole_file_shows_the_line(tab):
    page = tab().open(NOTE)
    page.locator("#embed-self_attention-normalise summary").click()
    page.locator("#embed-self_attention-normalise details > p > a").first.click()
    page.wait_for_url("**/snippets/self_attention/#*")
    line = page.locator(":target")
    assert line.inner_text().startswith("def normalise")
    top = line.bounding_box()["y"]
    header = page.locator(".md-header").bounding_box()
    assert header["y"] + header["height"] <= top < 900


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("path", [NOTE, "performance/"])  # 在导航里的页也有
def test_on_a_phone_the_contents_are_one_tap_away(tab, path, scripts):
    page = tab(width=390, java_script_enabled=scripts).open(path)
    contents = page.locator("details.contents")
    assert not contents.locator("nav").is_visible()
    contents.locator("summary").click()
    links = contents.locator("a")
    headings = page.locator("article :is(h2, h3, h4, h5, h6)[id]").count()
    assert links.count() == headings >= 3
    links.last.click()
    heading = page.locator(":target")
    assert heading.is_visible()
    assert contents.locator("nav").is_visible() != scripts
    if not scripts:
        return
    for leave in (lambda: page.keyboard.press("Escape"), lambda: heading.click()):
        contents.locator("summary").click()
        assert contents.locator("nav").is_visible()
        leave()
        assert not contents.locator("nav").is_visible()


def test_the_contents_are_not_in_the_way_elsewhere(tab):
    page = tab().open(NOTE)
    assert not page.locator("details.contents").is_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.locator("details.contents summary").is_visible()
    page.emulate_media(media="print")
    assert not page.locator("details.contents summary").is_visible()


def tops(page):
    """Where each measured plot begins, from the top."""
    return page.eval_on_selector_all("figure.plot", "all => all.map(each => each.getBoundingClientRect().top)")


def test_two_plots_stand_in_a_row(tab):
    """打开数据的占一整行；手机上一行一幅。"""
    page = tab().open("performance/")
    first, second, third, *_ = tops(page)[1:]
    assert first == second < third
    page.locator("figure.plot details.numbers").nth(1).evaluate("each => { each.open = true }")
    assert len(set(tops(page)[1:4])) == 3
    page = tab(width=390).open("performance/")
    assert len(set(tops(page))) == len(tops(page)) > 10


def test_printed_it_is_a_dozen_pages(tab):
    page = tab().open("performance/")
    assert 5 < len(re.findall(rb"/Type\s*/Page[^s]", page.pdf(format="A4"))) <= 12


def test_code_on_a_phone_shows_that_it_goes_on(tab):
    """说明文字折行，代码不折；右边还有的，有影子。"""
    page = tab(width=390).open(NOTE)
    code = page.locator("#embed-self_attention-score pre > code")
    assert code.evaluate("code => code.scrollWidth > code.clientWidth")
    assert code.evaluate("code => [...code.querySelectorAll('.sd')].every(each => each.scrollWidth <= each.clientWidth)")
    assert code.evaluate("code => getComputedStyle(code).backgroundImage.split('radial-gradient').length") == 3


def test_copying_copies_the_code(tab):
    opened = tab(fresh=True)
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for path, selector in (
        (NOTE, "#embed-self_attention-normalise"),
        ("snippets/self_attention/", "figure.embed"),
    ):
        page = opened.open(path)
        figure = page.locator(selector)
        figure.locator("button.md-code__button, button.md-clipboard").first.click()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.strip() == figure.locator(".highlight code").last.text_content().strip()


class TestEvidence:
    EMBED = "#embed-self_attention-score details.evidence"

    def test_opens_with_the_keyboard(self, tab):
        page = tab().open(NOTE)
        details = page.locator(self.EMBED)
        details.locator("summary").focus()
        page.keyboard.press("Enter")
        details.locator("table").first.wait_for()
        page.keyboard.press("Enter")
        assert not details.locator("table").first.is_visible()

    def test_needs_no_script(self, tab):
        """没有脚本，里面是通向记录那一页的链接。"""
        page = tab(java_script_enabled=False).open(NOTE)
        page.locator(f"{self.EMBED} summary").click()
        page.locator(f"{self.EMBED} .to-report").click()
        page.wait_for_url("**/verification/self_attention/#embed-self_attention-score")
        assert page.locator("#embed-self_attention-score table").first.is_visible()

    def test_its_links_lead_where_they_lead_on_their_own_page(self, tab):
        """验证那一页的地址比记录的浅一层：写成完整的地址。"""
        page = tab().open("verification/")
        details = page.locator(".proofs details.evidence").first
        details.locator("summary").click()
        link = details.locator("table a").first
        assert link.get_attribute("href").startswith("http")  # 站点在一个路径下面时，多一层就错了
        link.click()
        page.wait_for_url("**/tests/*/#__span-*")

    def test_a_report_on_other_code_stays_where_it_is(self, tab):
        page = tab().open(NOTE)
        page.eval_on_selector(self.EMBED, "details => details.dataset.key = 'x'")
        with page.expect_response("**/verification/self_attention/"):
            page.locator(f"{self.EMBED} summary").click()
        assert page.locator(f"{self.EMBED} .to-report").is_visible()
        assert page.locator(f"{self.EMBED} table").count() == 0

    def test_a_screen_reader_reads_the_state_and_the_tables(self, tab):
        page = tab().open(NOTE)
        page.locator(f"{self.EMBED} summary").click()
        page.locator(f"{self.EMBED} table").first.wait_for()
        line = page.locator(f"{self.EMBED} summary").aria_snapshot()
        assert "已验证 · " in line
        assert "✓" not in line
        assert page.locator(self.EMBED).get_by_role("table", name="与参考值的最大误差").count() == 1
        assert page.locator(self.EMBED).get_by_role("columnheader", name="float64").count() == 1

    @pytest.mark.parametrize("path", [NOTE, "verification/"])
    @pytest.mark.parametrize("width", [1280, 390])
    def test_all_of_it_open_fits(self, tab, path, width):
        page = tab(width=width).open(path)
        page.evaluate("document.querySelectorAll('details.evidence').forEach(each => each.open = true)")
        wait_until(page, "!document.querySelector('.to-report')")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            if folder := os.environ.get("SCREENSHOTS"):
                name = path.strip("/").replace("/", "-")
                page.screenshot(path=f"{folder}/{name}-open-{width}-{scheme}.png", full_page=True)

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_printed_there_is_the_line_and_no_more(self, tab, scheme):
        page = tab(scheme=scheme).open(NOTE)
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")  # material 也这样做
        page.emulate_media(media="print")
        state = page.locator(f"{self.EMBED} .state").first
        assert state.is_visible()
        assert page.evaluate(CONTRAST, f"{self.EMBED} .state") >= 4.5
        assert not page.locator(f"{self.EMBED} table").first.is_visible()
