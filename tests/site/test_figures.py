"""测量的图在真正的浏览器里：手机上读得清，明、暗、打印都看得见，两种引擎生成的相同。数字是编的。"""

import copy
import os
import re
import shutil

import pytest
from bs4 import BeautifulSoup

from tests.kb.measurement import TIME, embed, measurement, signed
from tests.site.conftest import CONTRAST, SNIPPET, new_base, run, served, tabs_on

PEERS = ["peer-1", "peer-2", "peer-3", "peer-4", "peer-5", "peer-6"]


def crowd():
    """我们的两条曲线，别人的六条，各有没量出来的点，值跨好几个数量级。"""
    plot = copy.deepcopy(TIME)
    whys = ("内存不够", "超过时限", "结果不同")
    plot["series"] += [
        {
            "name": f"第 {n} 种写法 some-library 1.{n}",
            "ours": n == 0,
            "points": [
                *({"x": 10.0**k, "y": 2e-7 * (n + 1) * 10.0 ** (1.5 * k)} for k in range(1, 5)),
                {"x": 518400, "y": None, "why": whys[n % 3]},
            ],
        }
        for n in range(6)
    ]
    return plot


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """只有图的一页，样子和设置是本站的。"""
    root = tmp_path_factory.mktemp("figures")
    new_base(root)
    shutil.rmtree(root / "docs")
    settings = (root / "mkdocs.yml").read_text("utf-8")
    settings = re.sub(r"(?ms)^nav:\n.*?(?=^\w|\Z)", "nav: [made-up.md]\n", settings)
    (root / "mkdocs.yml").write_text(settings, "utf-8")
    document = measurement(root, f"snippets/{SNIPPET}", "snippets/__init__.py")
    document["figures"]["crowd"] = crowd()
    path = root / "benchmarks/figures/made-up.json"
    path.parent.mkdir(parents=True)
    path.write_text(signed(document), "utf-8")
    names = ("made-up.json:goals", "made-up.json:time", "made-up.json:crowd", "made-up-cuda.json:time")
    (root / "docs").mkdir()
    (root / "docs/made-up.md").write_text("# 编的\n\n" + "".join(map(embed, names)), "utf-8")
    return root


@pytest.fixture(scope="module")
def built(project):
    run(project, "mkdocs", "build", "--strict", "-d", "site-mkdocs")
    return project / "site-mkdocs"


@pytest.fixture(scope="module")
def address(built):
    with served(built) as address:
        yield address


@pytest.fixture
def tab(browser, address):
    asking = []
    with tabs_on(browser, address) as new:
        yield lambda **options: asking.append(new(**options)) or asking[-1]
    assert all(each.asked == [] for each in asking)


def test_both_engines_draw_the_same(project, built):
    run(project, "zensical", "build")
    drawn = [
        BeautifulSoup((folder / "made-up/index.html").read_text("utf-8"), "html.parser").select("figure.plot")
        for folder in (built, project / "site")
    ]
    one, other = (
        [re.sub(r"\s+|data-search-exclude(=\"\")?", "", str(figure)) for figure in figures] for figures in drawn
    )
    assert len(one) == 4
    assert one == other


TEXTS = """() => [...document.querySelectorAll("figure.plot > svg")].map(svg => {
    const box = element => { const b = element.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; };
    return [box(svg), [...svg.querySelectorAll("text")].map(text =>
        [text.textContent, parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a, box(text)])];
})"""


@pytest.mark.parametrize(("width", "smallest"), [(320, 10), (390, 11), (768, 11), (1280, 11)])
def test_text_is_large_enough_and_in_its_place(tab, width, smallest):
    page = tab(width=width).open("made-up/")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    drawings = page.evaluate(TEXTS)
    assert len(drawings) == 2
    for (left, top, right, bottom), texts in drawings:
        for number, (words, size, box) in enumerate(texts):
            assert smallest <= size <= 17, words
            assert left - 0.5 <= box[0] and box[2] <= right + 0.5 and top <= box[1] and box[3] <= bottom, words
            for other, _, there in texts[:number]:
                apart = box[0] >= there[2] or there[0] >= box[2]
                leading = 0.3 * size  # 框比字高
                assert apart or box[1] + leading >= there[3] or there[1] + leading >= box[3], (words, other)
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/figures-{width}.png", full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_stands_out_from_its_background(tab, scheme):
    """WCAG 2.2 AA：字至少 4.5，曲线至少 3。"""
    page = tab(scheme=scheme).open("made-up/")
    page.wait_for_timeout(300)
    for selector in (".plot svg text", ".plot .slope", ".plot figcaption", ".unmeasured"):
        assert page.evaluate(CONTRAST, selector) >= 4.5, selector
    for name in ("ours", *PEERS):
        assert page.evaluate(CONTRAST, f".plot svg g.{name} .line") >= 3, name
        assert page.evaluate(CONTRAST, f".legend .{name}") >= 3, name
    drawn, legend = (
        page.evaluate(f"getComputedStyle(document.querySelector('{where}')).stroke")
        for where in (".plot svg g.ours .line", ".legend .ours .line")
    )
    assert drawn == legend


def test_paper_is_white(tab):
    page = tab(scheme="dark").open("made-up/")
    page.wait_for_timeout(300)
    color = "selector => getComputedStyle(document.querySelector(selector)).color.match(/[\\d.]+/g).map(Number)"
    on_screen = page.evaluate(color, ".plot svg text")
    page.emulate_media(media="print")
    assert sum(page.evaluate(color, ".plot svg text")[:3]) < 100 < sum(on_screen[:3])
    for name in ("ours", *PEERS):
        assert sum(page.evaluate(color, f".plot g.{name}")[:3]) < 330, name
    assert page.locator(".plot > svg").first.is_visible()
    assert not page.locator(".plot .numbers").first.is_visible()


def test_a_screen_reader_reads_it(tab):
    page = tab().open("made-up/")
    figure = page.locator("#figure-made-up-time")
    assert figure.get_by_role("img").count() == 1
    assert figure.get_by_role("img", name="横轴是位置数 N，纵轴是时间，都是对数刻度").count() == 1
    figure.locator(".numbers summary").focus()
    page.keyboard.press("Enter")
    table = figure.get_by_role("table", name="前向的时间：时间")
    assert table.get_by_role("rowheader", name="1000").count() == 1
    assert table.get_by_role("columnheader", name="本站").count() == 1
    assert "已测量 CPU" in figure.locator(".evidence summary").first.aria_snapshot()
    goals = page.locator("#figure-made-up-goals")
    assert goals.get_by_role("table", name="目标").count() == 1
