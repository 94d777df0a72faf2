"""图片在真正的浏览器里：本站自己的一份、取不来的、迟迟不来的；点开看大图。两种引擎。"""

import datetime
import hashlib
import io
import re
import shutil
from urllib.parse import urljoin

import pytest
from bs4 import BeautifulSoup
from PIL import Image, ImageDraw

from kb.pictures.copies import FOLDER, LOCK, Copy, lock_bytes, name_of
from tests.kb.lab import once
from tests.site.conftest import BASE, ENGINES, new_base, run, wait_until

HOST = "https://pictures.example"
NAMES = {"cover": (900, 500), "wide": (1600, 900), "tall": (300, 1200), "lost": (800, 400)}
PAGE = "posts/10/"
TEXT = f"""\
---
title: 图片
abbrlink: 10
index_img: {HOST}/cover.png
---

# 第一节

开头的一段。

![宽的]({HOST}/wide.png)

中间的一段，它的位置不应变。

![甲]({HOST}/gone-1.png)

![乙]({HOST}/gone-2.png)

![丙]({HOST}/gone-3.png)

句子里的 ![自己带来的](own.png) 图。

![高的]({HOST}/tall.png)

[![链接里的]({HOST}/wide.png)](https://a.example/)

![副本没有了]({HOST}/lost.png)

最后一段。
"""


def drawn(name, size):
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for step in range(0, max(size), 40):
        draw.line((step, 0, size[0] - step, size[1]), fill=(step % 255, 120, 90), width=3)
    draw.text((20, 20), name, fill="black")
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def keep_copies(root):
    folder, copies = root / "docs" / FOLDER, {}
    folder.mkdir(parents=True)
    for name, size in NAMES.items():
        data = drawn(name, size)
        digest = hashlib.sha256(data).hexdigest()
        copies[f"{HOST}/{name}.png"] = copy = Copy(name_of(digest, "png"), len(data), digest, "2024-03-01", *size)
        (folder / copy.file).write_bytes(data)
    (root / LOCK).write_bytes(lock_bytes(copies))
    return copies


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Each engine's site of a note with pictures; the copy of one is gone since."""

    def make(root):
        new_base(root)
        (root / "in").mkdir()
        (root / "in/pictures.md").write_text(TEXT, "utf-8")
        (root / "in/own.png").write_bytes(drawn("own", (400, 300)))
        run(root, "kb", "add", "--licence", "CC BY 4.0", "in")
        copies = keep_copies(root)
        run(root, "mkdocs", "build", "--strict", "-d", root / "mkdocs" / BASE)
        run(root, "properdocs", "build", "--strict", "-f", "mkdocs.yml", "-d", root / "properdocs" / BASE)
        run(root, "zensical", "build", "--strict")
        shutil.move(root / "site", root / "zensical" / BASE)
        for engine in ("mkdocs", "properdocs", "zensical"):
            (root / engine / BASE / copies[f"{HOST}/lost.png"].uri()).unlink()

    return once(tmp_path_factory, "pictures", make)


def test_three_engines_say_the_same(built):
    def pictures(engine):
        page = BeautifulSoup((built / engine / BASE / PAGE / "index.html").read_text("utf-8"), "html.parser")
        found = [dict(img.attrs) for img in page.select("article img")]
        return [img | {"src": urljoin(f"/{PAGE}", img["src"])} for img in found]

    found = pictures("mkdocs")
    assert found == pictures("properdocs") == pictures("zensical")
    assert len(found) == 9
    own = [img["src"] for img in found if "data-original" in img and "lost" not in img["data-original"]]
    assert len(own) == 4 and all((built / "mkdocs" / BASE / src.lstrip("/")).is_file() for src in own)


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


@pytest.fixture
def tab(open_tab, built, engine):
    return lambda **options: open_tab(built / engine / BASE, **options)


def settled(opened):
    """All have come or are known not to."""
    page = opened.open(PAGE)
    opened.read_to_the_end()
    wait_until(page, "document.querySelectorAll('.picture:is(.is-shown, .is-missing)').length === 8")
    return page


@pytest.mark.parametrize("width", [390, 1280])
def test_own_copies_are_shown_and_nothing_moves(tab, width):
    opened = tab(width=width, fresh=True)
    page = opened.page
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach(each => { shift += each.value }))"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    page.goto(opened.address + PAGE)
    wait_until(page, "document.querySelectorAll('.picture.is-shown').length >= 2")
    assert page.evaluate("shift") < 0.01
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_nobody_else_is_asked_for_what_is_here(tab):
    opened = tab()
    page = settled(opened)
    asked = {re.sub(".*/", "", url) for kind, url in opened.elsewhere if kind == "image"}
    assert asked == {"gone-1.png", "gone-2.png", "gone-3.png", "lost.png"}
    boxes = page.locator(".picture-note:visible")
    assert [box for box in boxes.all_inner_texts()] == [f"第 {n} / 8 张，{name}，来自 pictures.example。打开原图" for n, name in ((2, "甲"), (3, "乙"), (4, "丙"), (8, "副本没有了"))]


def test_the_author_is_asked_where_our_copy_does_not_come(tab):
    picture = '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40"/>'
    opened = tab(pictures=picture)
    page = settled(opened)
    lost = page.locator("img[alt='副本没有了']")
    assert lost.get_attribute("src") == f"{HOST}/lost.png" and lost.is_visible()
    assert page.locator(".picture.is-missing").count() == 0


def test_missing_ones_in_a_row_are_small(tab):
    page = settled(tab(width=390))
    tops = [page.locator(".picture-note:visible").nth(number).bounding_box() for number in range(3)]
    assert all(box["height"] < 60 for box in tops)
    assert all(later["y"] - (box["y"] + box["height"]) < 16 for box, later in zip(tops, tops[1:], strict=False))
    assert page.locator(".is-missing a:visible").count() == 4


def test_one_that_says_nothing_counts_as_missing(tab):
    """八秒：浏览器的钟由测试来拨。"""
    opened = tab(fresh=True)
    hanging = []
    opened.page.unroute_all()
    opened.page.route(lambda url: "gone-1" in url, lambda route: hanging.append(route))
    opened.page.clock.install(time=0)
    page = opened.open(PAGE)
    page.clock.pause_at(datetime.datetime(1970, 1, 2))  # 一天以后；此后只走测试拨的
    box = page.locator(".picture:has(img[alt='甲'])")
    box.scroll_into_view_if_needed()
    wait_until(page, "document.querySelector(\"img[alt='甲']\").getBoundingClientRect().top < innerHeight")
    while not hanging:
        page.wait_for_timeout(20)
    page.clock.run_for(7900)
    assert "is-missing" not in box.get_attribute("class")
    for _ in range(20):  # 从看得见的那一刻算起，浏览器什么时候说看得见，不由钟管
        page.clock.run_for(1000)
        if "is-missing" in box.get_attribute("class"):
            break
        page.wait_for_timeout(20)
    assert "is-missing" in box.get_attribute("class")
    assert box.locator("a", has_text="打开原图").is_visible()
    hanging[0].fulfill(body='<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40"/>', content_type="image/svg+xml")
    wait_until(page, "document.querySelector(\"img[alt='甲']\").parentNode.className === 'picture is-alone is-shown'")


SAYS = "document.querySelector('.zoom p').textContent"


def opened_picture(page, alt):
    page.locator(f"article img[alt='{alt}']").first.click()
    wait_until(page, "document.querySelector('.zoom').open && document.querySelector('.zoom img').naturalWidth > 0")
    return page.locator(".zoom img")


@pytest.mark.parametrize(("engine", "width"), [("mkdocs", 1280), ("zensical", 390)])
class TestZoom:
    def test_the_whole_picture_and_what_it_is(self, tab, width):
        opened = tab(width=width)
        page = settled(opened)
        box = opened_picture(page, "高的").bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 900 and box["x"] >= 0 and box["x"] + box["width"] <= width
        assert abs(box["width"] / box["height"] - 300 / 1200) < 0.01
        assert page.evaluate(SAYS) == "第 6 / 8 张，高的"
        assert page.locator(".zoom a").get_attribute("href") == f"{HOST}/tall.png"
        assert opened.stopped == []

    def test_keys(self, tab, width):
        page = settled(tab(width=width))
        page.locator("img[alt='宽的']").focus()
        page.keyboard.press("Enter")
        wait_until(page, "document.querySelector('.zoom').open")
        assert page.evaluate(SAYS) == "第 1 / 8 张，宽的"
        assert page.evaluate("document.activeElement.ariaLabel") == "关闭"
        said = []
        for _ in range(4):  # 没有来的跳过
            page.keyboard.press("ArrowRight")
            said.append(page.evaluate(SAYS))
        assert said == ["第 5 / 8 张，自己带来的", "第 6 / 8 张，高的", "第 7 / 8 张，链接里的", "第 7 / 8 张，链接里的"]
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Escape")
        wait_until(page, "!document.querySelector('.zoom').open")
        wait_until(page, "document.activeElement.alt === '高的'")

    def test_larger_and_smaller(self, tab, width):
        page = settled(tab(width=width))
        picture = opened_picture(page, "宽的")
        fits = picture.bounding_box()
        page.get_by_role("button", name="放大").click()
        page.keyboard.press("+")
        assert picture.bounding_box()["width"] == pytest.approx(fits["width"] * 2.25, rel=0.01)
        left = "document.querySelector('.zoom-stage').scrollLeft"
        before = page.evaluate(left)
        assert before > 0  # 中间的还在中间
        page.keyboard.press("ArrowRight")
        wait_until(page, f"{left} > {before}")
        assert page.evaluate(SAYS) == "第 1 / 8 张，宽的"
        page.keyboard.press("0")
        assert picture.bounding_box() == fits
        assert page.get_by_role("button", name="缩小").is_disabled()
        picture.dblclick()
        assert picture.bounding_box()["width"] == pytest.approx(fits["width"] * 2.5, rel=0.01)

    def test_a_click_beside_it_closes(self, tab, width):
        page = settled(tab(width=width))
        opened_picture(page, "高的")
        page.mouse.click(5, 5)
        wait_until(page, "!document.querySelector('.zoom').open")

    def test_fingers(self, tab, width):
        page = settled(tab(width=width, has_touch=True))
        picture = opened_picture(page, "宽的")
        fits, middle = picture.bounding_box(), width / 2
        touch = page.context.new_cdp_session(page)

        def touches(kind, *places):
            points = [{"x": x, "y": 400, "id": number} for number, x in enumerate(places)]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touches("touchStart", middle - 40, middle + 40)
        for apart in (60, 80, 120):
            touches("touchMove", middle - apart, middle + apart)
        touches("touchEnd")
        assert picture.bounding_box()["width"] == pytest.approx(fits["width"] * 3, rel=0.02)
        assert page.evaluate("visualViewport.scale") == 1
        page.keyboard.press("0")
        touches("touchStart", middle + 60)
        touches("touchMove", middle - 60)
        touches("touchEnd")
        wait_until(page, f"{SAYS} === '第 5 / 8 张，自己带来的'")


def test_only_what_is_a_picture_opens(tab):
    page = settled(tab())
    assert page.locator("article [role=button]").evaluate_all("all => all.map(each => each.alt)") == ["封面", "宽的", "自己带来的", "高的"]
    page.locator("img[alt='高的']").evaluate("img => img.dispatchEvent(new KeyboardEvent('keydown', {key: 'a', bubbles: true}))")
    assert not page.evaluate("document.querySelector('.zoom').open")


def test_it_comes_only_where_a_picture_is(tab):
    opened = tab()
    asked = []
    opened.on("request", lambda request: asked.append(request.url))
    page = opened.open("tags/")
    page.wait_for_load_state("networkidle")
    assert not any("zoom" in url for url in asked)
    page = opened.open(PAGE)
    wait_until(page, "document.querySelector('dialog.zoom') !== null")
    assert sum("zoom" in url for url in asked) == 2


def test_what_a_screen_reader_says(tab):
    page = settled(tab())
    assert page.get_by_role("button", name="看大图：第 1 / 8 张，宽的", exact=True).count() == 1
    assert page.get_by_role("button", name="看大图：封面", exact=True).count() == 1
    opened_picture(page, "自己带来的")
    assert page.get_by_role("dialog", name="第 5 / 8 张，自己带来的", exact=True).count() == 1
    assert page.locator(".zoom").evaluate("dialog => dialog.matches(':modal')")  # 后面的页面读不到


def test_without_scripts_all_is_there(tab):
    page = tab(java_script_enabled=False).open(PAGE)
    page.locator("img[alt='宽的']").scroll_into_view_if_needed()
    assert page.locator("article img:visible").count() == 9
    assert page.locator(".picture-note:visible").count() == 3  # 没有自己的一份的
