"""人人都读得了：每一种页，两种引擎、两种宽度、明与暗，用 axe-core 检查 WCAG 2.2 的 A 和 AA，以及通行的做法。"""

from pathlib import Path

import axe_playwright_python
import pytest

from tests.site.conftest import NOTE, wait_until

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text("utf-8")
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = [
    "",
    NOTE,
    "posts/1000000001/",
    "posts/1000000007/",
    "posts/1000000010/",
    "posts/1000000017/",
    "categories/",
    "categories/一/二/三/四/五/六/",
    "tags/",
    "tags/示例/",
    "archive/",
    "annotations/",
    "code/",
    "snippets/moving_average/",
    "tests/test_moving_average/",
    "verification/",
    "verification/moving_average/",
    "markdown/",
    "没有这一页/也没有/",
]
AUTHORS = {"heading-order"}
"""小标题的级别是作者写的：h2 下面就是 h4 的，照样。"""
SEARCH = {"aria-dialog-name"}
"""material 的搜索框，没有名字。"""
OPEN = 'document.querySelectorAll("details:not(.said ~ .said ~ .said ~ .said)").forEach(each => { each.open = true })'
"""一篇笔记的批注与另一篇的一样：打开三篇就够了。"""
READY = """[...document.querySelectorAll("pre > code")].every(
    each => each.scrollWidth <= each.clientWidth || each.hasAttribute("tabindex"))
&& [...document.querySelectorAll(".md-sidebar--secondary")].every(
    each => !each.offsetParent || each.querySelector(".md-sidebar__scrollwrap").style.height)"""
"""主题看到代码要左右滚动，过一会儿才让键盘到得了它；目录的高，也是窗口变了过一会儿才量的。"""
RUN = """async standards => {
    const {violations} = await axe.run(document, {runOnly: standards, resultTypes: ["violations"]})
    return violations.map(({id, nodes}) => [id, nodes.map(({html}) => html.slice(0, 200))])
}"""


COLOURS = ["color-contrast", "link-in-text-block"]
LOOKS = [(390, "dark", STANDARDS), (1280, "light", COLOURS)]
AROUND = [(390, "dark", STANDARDS), (1280, "light", STANDARDS), (390, "light", COLOURS), (1280, "dark", COLOURS)]
"""宽度、明暗、看什么。"""
FRAMES = ["", NOTE, "没有这一页/也没有/"]
"""四周的哪一页都有，宽窄不同的是它，在这几页上看；正文的颜色，宽窄都一样。"""
SEEN = [("mkdocs", path) for path in PAGES] + [("zensical", path) for path in FRAMES]
"""Zensical 的正文与 MkDocs 的一样（test_engines）。"""


SCHEMES = {"light": "default", "dark": "slate"}
"""换明暗的按钮，换的就是 body 上的这个名字。"""


@pytest.mark.parametrize(("engine", "path"), SEEN)
def test_axe_finds_nothing(sites, open_tab, engine, path):
    page = open_tab(sites[engine], width=390).open(path)
    page.add_style_tag(content="* { transition: none !important; animation: none !important }")
    page.evaluate(AXE)
    page.evaluate(OPEN)
    found = {}
    for width, scheme, rules in AROUND if path in FRAMES else LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.evaluate("name => document.body.dataset.mdColorScheme = name", SCHEMES[scheme])
        wait_until(page, READY)
        for rule, elements in page.evaluate(RUN, rules):
            if rule not in SEARCH | (AUTHORS if path.startswith("posts/") else set()):
                found[width, scheme, rule] = elements
    assert found == {}
