"""不怀好意的笔记用 Chromium 一篇篇打开：什么也没有运行、加载、冒充、遮住、弄坏。

笔记按种类写在 tests/kb/hostile.py 里。另一个引擎的正文相同（test_engines.py）。
"""

import re

import pytest
from bs4 import BeautifulSoup

from tests.kb.hostile import TITLE, pages
from tests.site.conftest import ENGINES

NUMBERS = [re.search(r"abbrlink: (\d+)", page)[1] for page in pages()]

SEEN = """() => {
    const shown = element => {
        element.scrollIntoView({block: "center", behavior: "instant"});
        const range = document.createRange();
        range.selectNodeContents(element);
        const {left, top, width, height} = range.getClientRects()[0];
        const hit = document.elementFromPoint(left + width / 2, top + height / 2);
        const style = getComputedStyle(element);
        return width > 50 && height > 8 && element.contains(hit) && parseFloat(style.fontSize) > 9
            && style.visibility === "visible" && element.checkVisibility({opacityProperty: true});
    };
    const open = element => element.closest("details:not([open])") === null;
    return {
        ran: window.hasRun === true,
        heading: document.querySelector("article h1").innerText,
        title: document.title,
        text: document.querySelector("article").textContent.includes("后"),
        fakes: document.querySelectorAll("article :is(.state, .evidence, figure.embed, .annotation)").length,
        hidden: [...document.querySelectorAll(".author-code-label, .note-foot p")].filter(open).filter(
            element => !shown(element)).map(element => element.outerHTML),
        sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    };
}"""


def test_no_note_does_anything(sites, open_tab):
    tab = open_tab(sites["mkdocs"], fresh=True)
    tab.page.add_init_script("window.ran = () => { window.hasRun = true }")
    tab.page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    for number in NUMBERS:
        page = tab.open(f"posts/{number}/")
        seen = page.evaluate(SEEN)
        expected = {"ran": False, "heading": TITLE, "text": True, "fakes": 0, "hidden": []}
        assert {name: seen[name] for name in expected} == expected, number
        assert seen["title"].startswith(TITLE), number
        assert seen["sideways"] <= 0, number
        assert page.url.endswith(f"posts/{number}/"), number
    assert tab.kinds() <= {"image"}
    assert tab.stopped == []


def test_marked_headings_are_text_in_the_contents(sites):
    """目录里是标题的文字，不是它的 HTML。"""
    for engine in ENGINES:
        for page in (sites[engine] / "posts").glob("7???/index.html"):
            contents = BeautifulSoup(page.read_text("utf-8"), "html.parser").select_one(".md-sidebar--secondary")
            assert contents.select("style, iframe, script, img, meta") == [], page
