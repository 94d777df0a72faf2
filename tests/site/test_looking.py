"""照片上的权重，在真正的浏览器里：点、方向键，看到的是文件里的数；离得远时什么也不取。"""

import shutil
import struct
import zlib

import pytest

from kb.figures.photograph import photograph
from kb.markdown.engine import Page
from tests.kb.figures.test_photograph import LOOKING
from tests.site.conftest import ROOT, served

COUNT = 6
ASSETS = ROOT / "kb/theme/assets"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """一页：这张图下面隔着很远。第 i 行的最大权重是 (i + 1) %。"""
    from xml.etree import ElementTree as etree

    folder = tmp_path_factory.mktemp("looking")
    page = Page(folder, "index.md", folder / "index.md", {})
    parts = "".join(etree.tostring(each, "unicode") for each in photograph(LOOKING, page))
    (folder / "assets").mkdir()
    for name in ("looking.js", "looking.css"):
        shutil.copy(ASSETS / name, folder / "assets")
    shutil.copy(ROOT / "docs/assets/note.png", folder / "assets/p.jpg")
    levels = bytes(255 if column == row else 0 for row in range(COUNT) for column in range(COUNT))
    maxima = struct.pack(f"<{COUNT}f", *((row + 1) / 100 for row in range(COUNT)))
    (folder / "assets/w.bin").write_bytes(zlib.compress(maxima + levels))
    (folder / "index.html").write_text(
        "<!doctype html><meta charset=utf-8>"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'self'; img-src * data:;"
        " style-src 'self' 'unsafe-inline'\">"
        '<link rel=stylesheet href=assets/looking.css><script type=module src=assets/looking.js></script>'
        f'<div style="height:5000px"></div><figure class=looking style="width:300px">{parts}</figure>',
        "utf-8",
    )
    with served(folder) as address:
        yield address


@pytest.fixture
def tab(browser, address):
    tab = browser.new_page()
    tab.asked = []
    tab.on("request", lambda request: tab.asked.append(request.url.rpartition("/")[2]))
    tab.goto(address)
    yield tab
    tab.close()


def near(tab):
    tab.locator(".looks").scroll_into_view_if_needed()
    tab.wait_for_selector(".looks[data-ready]")


def said(tab):
    return tab.inner_text(".said"), tab.inner_text(".largest")


def test_nothing_is_fetched_from_far_away(tab):
    tab.wait_for_load_state("networkidle")
    assert "w.bin" not in tab.asked
    near(tab)
    assert tab.asked.count("w.bin") == 1


def test_arrow_keys_move_and_stop_at_the_edge(tab):
    near(tab)
    assert said(tab) == ("第 2 行第 2 列。", "最大权重 25.00%")
    tab.focus(".stage")
    tab.keyboard.press("ArrowUp")
    assert said(tab) == ("第 1 行第 2 列。", "最大权重 2.00%")
    for key in ("ArrowUp", "ArrowRight", "ArrowRight", "ArrowRight"):
        tab.keyboard.press(key)
    assert said(tab) == ("第 1 行第 3 列。", "最大权重 3.00%")


def test_a_click_chooses_and_the_weights_shown_are_those_of_the_file(tab):
    near(tab)
    box = tab.locator(".stage").bounding_box()
    tab.locator(".stage").click(position={"x": box["width"] * 0.1, "y": box["height"] * 0.9})
    assert said(tab) == ("第 2 行第 1 列。", "最大权重 4.00%")
    alphas = tab.evaluate(
        """async () => {
          const image = new Image()
          image.src = document.querySelector(".heat").style.backgroundImage.slice(5, -2)
          await image.decode()
          const context = new OffscreenCanvas(3, 2).getContext("2d")
          context.drawImage(image, 0, 0)
          return [...context.getImageData(0, 0, 3, 2).data].filter((_, n) => n % 4 == 3)
        }"""
    )
    assert alphas == [225, 225, 225, 0, 225, 225]
