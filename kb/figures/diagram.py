"""Draws how tensors go through a region of code: from top to bottom, at the width of a phone.

Boxes compute, words without a box only arrange numbers anew, round boxes are what goes in and comes
out; the shape of a tensor stands on its arrow. Colours follow the page (site.css).
"""

import unicodedata
from collections.abc import Iterator
from xml.etree import ElementTree as etree

from kb.figures.layers import Layout, Place, lay_out
from kb.figures.operators import letter, operator, shape_of
from kb.markdown.html import element

WIDTH = 360
MARGIN = 2
BOX, BARE = 28, 18
"""Heights: of a box, of words without one."""
LABEL = 22
"""From a box to where the arrow leaves the shape under it."""
ARROW = 22
"""Between layers."""
HEAD = 4


def draw(flow: dict, label: str) -> etree.Element:
    """`label` is what a screen reader says of it."""
    steps = [*flow["steps"], *({"op": "output", "of": [each]} for each in flow["outputs"])]
    words = [caption(step, flow) for step in steps]
    shapes = [label_of(step) for step in steps]
    widths = [max(width_of(a) + 16, width_of(b)) for a, b in zip(words, shapes, strict=True)]
    layout = lay_out([step["of"] for step in steps], widths, WIDTH - 2 * MARGIN)
    tops, heights, bottom = rows(layout, steps)
    svg = element(
        "svg",
        {
            "viewBox": f"0 0 {layout.width + 2 * MARGIN:g} {bottom + MARGIN:g}",
            "role": "img",
            "aria-label": label,
            "data-search-exclude": "",
        },
        *arrows(layout, steps, tops, heights),
    )
    for number, step in enumerate(steps):
        place = layout.steps[number]
        top = tops[id(place)]
        svg.extend(box(step, words[number], place, top))
        if shapes[number]:
            svg.append(text(place.x + MARGIN, top + height_of(step) + 15, shapes[number], "shape"))
    return svg


def caption(step: dict, flow: dict) -> str:
    if step["op"] != "output":
        return operator(step, flow)
    name = flow["steps"][step["of"][0]].get("name", "")
    return f"输出 {letter(name)}".strip()


def label_of(step: dict) -> str:
    """What stands on the arrow: `θ (B, N, C′)`."""
    if step["op"] == "output":
        return ""
    name = letter(step.get("name", "")) if step["op"] != "input" else ""
    whole = f"{name} {shape_of(step)}".strip()
    return whole if width_of(whole) <= 110 else shape_of(step)


def width_of(words: str) -> float:
    """About, at the size of its text."""
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in words)
    return 11.5 * wide + 6.3 * (len(words) - wide)


def height_of(step: dict) -> float:
    return BARE if step["op"] == "view" else BOX


def rows(layout: Layout, steps: list[dict]) -> tuple[dict[int, float], dict[int, float], float]:
    """The top of each place, the height of its layer, and where all ends."""
    tops, heights, top = {}, {}, float(MARGIN)
    for layer in layout.layers:
        there = [steps[place.step] for place in layer if place.step is not None]
        tall = max(map(height_of, there), default=BARE)
        labelled = any(step["op"] != "output" for step in there)
        for place in layer:
            own = height_of(steps[place.step]) if place.step is not None else tall
            tops[id(place)] = top + (tall - own)
            heights[id(place)] = tall
        top += tall + (LABEL + ARROW if labelled else 0)
    return tops, heights, top


def arrows(
    layout: Layout, steps: list[dict], tops: dict[int, float], heights: dict[int, float]
) -> Iterator[etree.Element]:
    """All lines as one, and all heads."""
    lines, heads = "", ""
    for number, step in enumerate(steps):
        place, top = layout.steps[number], tops[id(layout.steps[number])]
        if step["op"] != "output":
            lines += f"M{place.x + MARGIN:g} {top + height_of(step):g}v4"
        ways = [layout.ways[source, number] for source in dict.fromkeys(step["of"])]
        ways.sort(key=lambda way: way[-2].x)
        for turn, way in enumerate(ways):
            end = place.x + MARGIN + (turn - (len(ways) - 1) / 2) * 14
            lines += path(way, end, tops, heights, steps)
            heads += f"M{end:g} {top:g}l-{HEAD} -{2 * HEAD}h{2 * HEAD}z"
    line = {"class": "edge", "d": lines, "fill": "none", "stroke": "currentColor"}
    yield element("path", line)
    yield element("path", {"class": "head", "d": heads, "fill": "currentColor"})


def path(
    way: list[Place], end: float, tops: dict[int, float], heights: dict[int, float], steps: list[dict]
) -> str:
    """From under the shape of one step, past others, to the top of another."""
    first = way[0]
    x = first.x + MARGIN
    y = tops[id(first)] + height_of(steps[first.step]) + LABEL
    drawn = f"M{x:g} {y:g}"
    for place in way[1:]:
        last = place is way[-1]
        to, top = (end if last else place.x + MARGIN), tops[id(place)] - (HEAD if last else 0)
        middle = (y + top) / 2
        drawn += f"C{x:g} {middle:g} {to:g} {middle:g} {to:g} {top:g}"
        if not last:
            top += heights[id(place)] + LABEL
            drawn += f"V{top:g}"
        x, y = to, top
    return drawn


def box(step: dict, words: str, place: Place, top: float) -> Iterator[etree.Element]:
    x = place.x + MARGIN
    if step["op"] == "view":
        yield text(x, top + 13, words, "bare")
        return
    width = width_of(words) + 16
    end = step["op"] in ("input", "output")
    kind = {"class": "end" if end else "box", "rx": "14" if end else "4"}
    size = {"x": f"{x - width / 2:g}", "y": f"{top:g}", "width": f"{width:g}", "height": f"{BOX}"}
    yield element("rect", {**kind, **size, "fill": "none", "stroke": "currentColor"})
    yield text(x, top + 18, words)


def text(x: float, y: float, words: str, kind: str = "") -> etree.Element:
    place = {"x": f"{x:g}", "y": f"{y:g}", "text-anchor": "middle", "fill": "currentColor"}
    return element("text", place | ({"class": kind} if kind else {}), words)


def sizes(flow: dict) -> list[tuple[str, int]]:
    """What each letter was in the example, in the order in which a reader meets them."""
    met = [part for step in flow["steps"] for name in step["axes"] for part in name.split("·")]
    return [(each, flow["sizes"][each]) for each in dict.fromkeys(met) if each in flow["sizes"]]


def in_words(flow: dict) -> Iterator[str]:
    """The same flow, a sentence for each step."""
    steps = flow["steps"]
    for step in steps:
        if step["op"] == "input":
            yield f"{operator(step, flow)}，形状 {shape_of(step)}"
            continue
        sources = "、".join(called(steps, each) for each in dict.fromkeys(step["of"]))
        name = letter(step.get("name", ""))
        result = f"{name} {shape_of(step)}".strip()
        yield f"{operator(step, flow)}：由 {sources} 得到 {result}"
    yield f"返回 {'、'.join(called(steps, each) for each in flow['outputs'])}"


def called(steps: list[dict], number: int) -> str:
    """A step's result: by its name, where no other has it."""
    name = steps[number].get("name", "")
    alone = name and sum(each.get("name") == name for each in steps) == 1
    return letter(name) if alone else f"第 {number + 1} 步的结果"
