"""Draws a photograph on which weights are shown: bright is where one position of it looks.

Without a script it is a still picture of one position. `theme/assets/looking.js` lets a reader choose
another: the weights of all are in a file beside the photograph, fetched when the figure comes near.
That file, compressed by zlib, holds for each form the largest weight of each row (float32), and then
for each form every weight as so many 255ths of the largest of its row.
"""

import base64
import math
import struct
import zlib
from collections.abc import Iterator
from xml.etree import ElementTree as etree

from kb.markdown.engine import Page
from kb.markdown.html import element, literal

DARKEST = 225
"""Opacity of the black over what isn't looked at, of 255."""
BAR, HIGH = 22, 60
"""Width of a bar, and the height of the longest."""


def photograph(figure: dict, page: Page) -> Iterator[etree.Element]:
    wide, high = figure["grid"]
    row, column = divmod(figure["still"], wide)
    style = f"left:{100 * column / wide:.4g}%;top:{100 * row / high:.4g}%"
    size = f"width:{100 / wide:.4g}%;height:{100 / high:.4g}%"
    looks = []
    for form in figure["forms"]:
        picture = {
            "src": page.link_to(figure["photo"]),
            "alt": literal(f"{figure['alt']}。{form['name']}：{form['about']}"),
            "loading": "lazy",
            "width": str(figure["size"][0]),
            "height": str(figure["size"][1]),
        }
        heat = shade(base64.b64decode(form["levels"]), wide, high)
        looks.append(
            element(
                "div",
                {"class": "look"},
                element(
                    "div",
                    {"class": "stage"},
                    element("img", picture),
                    element("span", {"class": "heat", "style": f"background-image:url({heat})"}),
                    element("span", {"class": "at", "style": f"{style};{size}"}),
                ),
                element("p", None, element("strong", None, form["name"]), f"　{form['about']}。"),
                element("p", {"class": "largest"}, f"最大权重 {100 * form['largest']:.2f}%"),
            )
        )
    shown = {
        "class": "looks",
        "data-weights": figure["data"].rpartition("/")[2],
        "data-grid": f"{wide},{high}",
        "data-still": str(figure["still"]),
        "data-search-exclude": "",
    }
    yield element("div", shown, *looks)
    yield element("p", {"class": "said", "aria-live": "polite"}, f"第 {row + 1} 行第 {column + 1} 列。")
    yield bars(figure["channels"], figure["channel_names"])
    yield element("p", {"class": "credit"}, *credit(figure["credit"]))


def credit(said: dict) -> Iterator[etree.Element | str]:
    yield "照片："
    yield element("a", {"href": said["address"]}, said["author"])
    yield "，"
    yield element("a", {"href": said["licence_address"]}, said["licence"])
    yield f"，{said['changes']}。"


def shade(levels: bytes, wide: int, high: int) -> str:
    """A PNG as `data:`, a pixel a position: black, the more transparent the larger the weight."""
    lines = b""
    for row in range(high):
        part = levels[row * wide : (row + 1) * wide]
        alphas = (round(DARKEST * (1 - math.sqrt(each / 255))) for each in part)
        lines += b"\0" + b"".join(bytes((0, 0, 0, alpha)) for alpha in alphas)
    head = struct.pack(">IIBBBBB", wide, high, 8, 6, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(name, data) for name, data in ((b"IHDR", head), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    )
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bars(weights: list[float], names: list[str]) -> etree.Element:
    """The weights of channels, a bar each, from 0 to 1."""
    said = "，".join(f"{name} {weight:.2f}" for name, weight in zip(names, weights, strict=True))
    svg = element(
        "svg",
        {
            "viewBox": f"0 0 {BAR * len(weights)} {HIGH + 30}",
            "class": "bars",
            "role": "img",
            "aria-label": literal(f"通道注意力的权重：{said}"),
        },
    )
    for number, (name, weight) in enumerate(zip(names, weights, strict=True)):
        tall, x = round(HIGH * weight, 1), BAR * number
        place = {"x": f"{x + 3}", "y": f"{HIGH + 12 - tall:g}", "width": f"{BAR - 6}", "height": f"{tall:g}"}
        svg.append(element("rect", {**place, "fill": "currentColor", "class": "bar"}))
        middle = {"x": f"{x + BAR / 2:g}", "text-anchor": "middle", "fill": "currentColor"}
        svg.append(element("text", middle | {"y": f"{HIGH + 9 - tall:g}"}, f"{weight:.2f}".lstrip("0")))
        svg.append(element("text", middle | {"y": f"{HIGH + 26}"}, name))
    return svg
