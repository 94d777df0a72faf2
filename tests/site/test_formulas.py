"""公式在真正的浏览器里：极限在下面，编号在右边，宽的自己滚动，字体不大。"""

import pytest

from kb.markdown.mathml import mathml
from tests.site.conftest import ROOT

ASSETS = ROOT / "kb/theme/assets"
FONT = ASSETS / "stix-two-math.woff2"
LONG = "+".join(f"x_{{{number}}}" for number in range(80))


@pytest.fixture(scope="module")
def shown(browser):
    """The place of each element that a selector finds, in a column of the given width."""
    page = browser.new_page()

    def shown(latex, selector, width=700):
        page.set_viewport_size({"width": width + 16, "height": 600})
        css = (ASSETS / "site.css").read_text("utf-8")
        page.set_content(
            f'<!doctype html><style>{css}</style><body style="margin: 8px"><div class="md-typeset">'
            f'<p><span class="formula is-display">{mathml(latex, True)}</span></p></div>'
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= width + 16
        return [each.bounding_box() for each in page.locator(selector).all()]

    yield shown
    page.close()


@pytest.mark.parametrize("latex", [r"\lim_{x\to0}f", r"\max_{x}f", r"\sum_{x}f", r"\mathop{\arg\min}\limits_{x}f"])
def test_limits_are_below(shown, latex):
    operator, limit = shown(latex, "munder > *")
    assert limit["y"] > operator["y"] + operator["height"] / 2
    assert abs(limit["x"] + limit["width"] / 2 - operator["x"] - operator["width"] / 2) < operator["width"]


@pytest.mark.parametrize("width", [700, 360])
@pytest.mark.parametrize(
    "latex", [r"a=b\tag{3.1}", r"\begin{align}a&=b\\&=c+d\end{align}", r"\begin{aligned}a\tag{一}\\b\tag{二}\end{aligned}"]
)
def test_numbers_are_at_the_right_edge(shown, latex, width):
    edges = [box["x"] + box["width"] for box in shown(latex, "mtd:last-child > mtext", width)]
    assert edges and all(8 + width - 20 < edge <= 8 + width for edge in edges)


@pytest.mark.parametrize("latex", [LONG, rf"{LONG}\tag{{1}}", rf"\begin{{aligned}}a&={LONG}\\&=b\end{{aligned}}"])
def test_a_wide_formula_scrolls_by_itself(shown, latex):
    (around,) = shown(latex, ".formula")
    assert around["width"] <= 700
    assert max(box["x"] + box["width"] for box in shown(latex, "mi")) > 700


def test_the_font_is_small():
    assert FONT.stat().st_size <= 120_000
