"""人人都读得了：每一种页，两种引擎、两种宽度、明与暗，用 axe-core 检查 WCAG 2.2 的 A 和 AA，以及通行的做法。"""

from pathlib import Path

import axe_playwright_python
import pytest

from tests.site.conftest import ENGINES, NOTE, wait_until

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
OPEN = 'document.querySelectorAll("details").forEach(each => { each.open = true })'
READY = """[...document.querySelectorAll("pre > code")].every(
    each => each.scrollWidth <= each.clientWidth || each.hasAttribute("tabindex"))"""
"""主题看到代码要左右滚动，过一会儿才让键盘到得了它。"""
RUN = """async standards => {
    const {violations} = await axe.run(document, {runOnly: standards, resultTypes: ["violations"]})
    return violations.map(({id, nodes}) => [id, nodes.map(({html}) => html.slice(0, 200))])
}"""


COLOURS = ["color-contrast", "link-in-text-block"]
LOOKS = [(390, "dark", STANDARDS), (1280, "light", STANDARDS), (390, "light", COLOURS), (1280, "dark", COLOURS)]
"""宽度、明暗、看什么：两种宽度各看一次全部，另外两种只有颜色不同。

Zensical 的页与 MkDocs 的一样（test_engines），看第一种就够了。"""
SCHEMES = {"light": "default", "dark": "slate"}
"""换明暗的按钮，换的就是 body 上的这个名字。"""


@pytest.mark.parametrize("engine", ENGINES)
def test_axe_finds_nothing(sites, open_tab, engine):
    tab = open_tab(sites[engine], width=390)
    found = {}
    for path in PAGES:
        page = tab.open(path)
        page.add_style_tag(content="* { transition: none !important; animation: none !important }")
        page.evaluate(AXE)
        page.evaluate(OPEN)
        left_alone = SEARCH | (AUTHORS if path.startswith("posts/") else set())
        for width, scheme, rules in LOOKS if engine == "mkdocs" else LOOKS[:1]:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.evaluate("name => document.body.dataset.mdColorScheme = name", SCHEMES[scheme])
            wait_until(page, READY)
            for rule, elements in page.evaluate(RUN, rules):
                if rule not in left_alone:
                    found[path, width, scheme, rule] = elements
    assert found == {}
