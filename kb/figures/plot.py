"""Draws a figure of a benchmark as SVG: curves over two logarithmic axes.

Made to be read at the width of a phone, 360 units across; CSS sets the size of text and the
colours, which follow the page. No curve depends on its colour: each has its own marker and its
own dashes, and ours is the thick one.

What has no value (no memory left, too slow) is an open marker above the plot, in a row that
says why; a value of zero, which has no logarithm (too little to be measured), is an open marker
at its bottom.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as etree

from kb.markdown.html import element

WIDTH = 360
LEFT, RIGHT = 62, 352
TOP = 24
"""Above it stands what the vertical axis shows."""
HEIGHT = 200
INSET = 10
"""Between the frame and the outermost points."""
ROW = 15
"""Height of a row of points without value."""
BELOW = 38
"""For the numbers along the horizontal axis and what they are."""

MARKERS = {
    "circle": "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",
    "square": "M-3.2-3.2h6.4v6.4h-6.4z",
    "triangle": "M0-4.2L4 2.8h-8z",
    "diamond": "M0-4.6L4 0L0 4.6L-4 0z",
    "wedge": "M0 4.2L4-2.8h-8z",
    "star": "M0-4.8L1.2-1.2L4.8 0L1.2 1.2L0 4.8L-1.2 1.2L-4.8 0L-1.2-1.2z",
    "hexagon": "M-2-3.6h4l2 3.6l-2 3.6h-4l-2-3.6z",
}
DASHES = ("none", "7 3", "2 2.5", "9 2.5 2 2.5", "4 2", "1 3")
PEERS = 6
"""How many colours site.css has for the others."""

SCALES = {
    "s": ((1, "秒"), (1e-3, "毫秒"), (1e-6, "微秒"), (1e-9, "纳秒")),
    "B": ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B")),
}
MOST_TICKS = 7
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Style:
    """How one curve differs from the rest."""

    name: str
    """Its class: `ours`, or `peer-1` and so on."""
    marker: str
    dashes: str


def styles(series: list[dict]) -> list[Style]:
    """The first of ours has a circle and no dashes, and nobody else has both."""
    found, ours, peers = [], 0, 0
    markers = list(MARKERS)
    for each in series:
        if each.get("ours"):
            style = Style("ours", markers[ours % len(markers)], DASHES[ours % len(DASHES)])
            ours += 1
        else:
            marker = markers[1 + peers % (len(markers) - 1)]
            dashes = DASHES[1 + (peers + 1) % (len(DASHES) - 1)]
            style = Style(f"peer-{1 + peers % PEERS}", marker, dashes)
            peers += 1
        found.append(style)
    return found


@dataclass(frozen=True)
class Axis:
    """Where the values of one dimension stand, from `start` to `end` in the drawing."""

    low: float
    high: float
    start: float
    end: float
    unit: str

    def __call__(self, value: float) -> float:
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return round(self.start + share * (self.end - self.start), 2)

    def ticks(self) -> list[float]:
        """As many round values as there is room for."""
        for values in ladders(self.low, self.high, 2 if self.unit == "B" else 10):
            if len(values) <= MOST_TICKS:
                return values

    def labels(self) -> list[tuple[float, str]]:
        ticks = self.ticks()
        if not self.unit and (ticks[0] < 0.01 or ticks[-1] > 9999):
            return [(tick, power_of_ten(tick)) for tick in ticks]
        return [(tick, show(tick, self.unit)) for tick in ticks]


def axis(values: list[float], start: float, end: float, unit: str) -> Axis:
    """From the smallest value to the largest, over a factor of ten at least."""
    low, high = (min(values), max(values)) if values else (1, 1)
    if high / low < 10:
        middle = math.sqrt(low) * math.sqrt(high)
        low, high = middle / math.sqrt(10), middle * math.sqrt(10)
    return Axis(low, high, start, end, unit)


def ladders(low: float, high: float, base: int) -> Iterator[list[float]]:
    """Round values from low to high, ever fewer: 1, 2, 5, 10 …; 1, 10, 100 …; 1, 100, 10⁴ …"""
    low, high = low * (1 - 1e-9), high * (1 + 1e-9)
    powers = range(math.floor(math.log(low, base)), math.ceil(math.log(high, base)) + 1)
    if base == 10:
        yield [n * 10.0**p for p in powers for n in (1, 2, 5) if low <= n * 10.0**p <= high]
    step = 1
    while True:
        values = (float(base) ** power for power in powers if power % step == 0)
        yield [value for value in values if low <= value <= high]
        step += 1


def show(value: float, unit: str = "") -> str:
    """A value as readers know it: three digits, in the unit that suits it."""
    if value == 0:
        return "0"
    if unit:
        scales = SCALES[unit]
        size, word = next((each for each in scales if value >= 0.9995 * each[0]), scales[-1])
        return f"{three_digits(value / size)} {word}"
    if float(value).is_integer() and abs(value) < 1e9:
        return str(int(value))
    if 1e-3 <= abs(value) < 1e6:
        return three_digits(value)
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{float(mantissa):g}×10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def value(point: dict, unit: str) -> str:
    """What was measured there, or why nothing was."""
    return show(point["y"], unit) if point["y"] else point.get("why", "0")


def three_digits(value: float) -> str:
    return f"{float(f'{value:.3g}'):g}"


def power_of_ten(value: float) -> str:
    """10³; 2×10³."""
    exponent = math.floor(math.log10(value) + 1e-9)
    first = round(value / 10.0**exponent)
    power = f"10{str(exponent).translate(SUPERSCRIPTS)}"
    return power if first == 1 else f"{first}×{power}"


@dataclass(frozen=True)
class Missing:
    """A row of points without value: of one series, for one reason."""

    why: str
    number: int
    """Of the series."""
    xs: list[float]


def missing_rows(series: list[dict]) -> list[Missing]:
    """Rows with the same reason stand together."""
    rows: dict[tuple[str, int], list[float]] = {}
    for number, each in enumerate(series):
        for point in each["points"]:
            if point["y"] is None:
                rows.setdefault((point["why"], number), []).append(point["x"])
    reasons = list(dict.fromkeys(why for why, _ in rows))
    order = sorted(rows, key=lambda row: (reasons.index(row[0]), row[1]))
    return [Missing(why, number, rows[why, number]) for why, number in order]


def draw(plot: dict, label: str) -> etree.Element:
    """The drawing of a plot; `label` is what a screen reader says of it."""
    series, unit = plot["series"], plot["y"].get("unit", "")
    points = [point for each in series for point in each["points"]]
    rows = missing_rows(series)
    top = TOP + ROW * len(rows)
    bottom = top + HEIGHT
    x = axis([p["x"] for p in points], LEFT + INSET, RIGHT - INSET, plot["x"].get("unit", ""))
    y = axis([p["y"] for p in points if p["y"]], bottom - INSET, top + INSET, unit)
    svg = element(
        "svg",
        {
            "viewBox": f"0 0 {WIDTH} {bottom + BELOW}",
            "role": "img",
            "aria-label": label,
            "data-search-exclude": "",
        },
        *frame(x, y, top, bottom, plot["x"]["label"], plot["y"]["label"]),
    )
    for number, style in in_front_last(styles(series)):
        group = element("g", {"class": style.name})
        group.extend(curve(series[number], style, x, y, bottom))
        for place, row in enumerate(rows):
            if row.number == number:
                height = TOP + ROW * place + ROW / 2
                for value in row.xs:
                    words = f"{series[number]['name']}，{show(value, x.unit)}：{row.why}"
                    group.append(marker(style, x(value), height, words, is_open=True))
        svg.append(group)
    for place, row in enumerate(rows):
        if not place or rows[place - 1].why != row.why:
            height = TOP + ROW * place + ROW / 2 + 4
            words = row.why if len(row.why) <= 4 else f"{row.why[:3]}…"
            svg.append(text(LEFT - 6, height, words, "end"))
    return svg


def in_front_last(styles: list[Style]) -> list[tuple[int, Style]]:
    """What is drawn later covers the rest."""
    return sorted(enumerate(styles), key=lambda each: each[1].name == "ours")


def frame(
    x: Axis, y: Axis, top: float, bottom: float, x_label: str, y_label: str
) -> Iterator[etree.Element]:
    """Axes, thin lines at round values, and what they are."""
    grid = ""
    for value, words in x.labels():
        grid += f"M{x(value)} {TOP}V{bottom}"
        yield text(x(value), bottom + 15, words, "middle")
    for value, words in y.labels():
        grid += f"M{LEFT} {y(value)}H{RIGHT}"
        yield text(LEFT - 6, y(value) + 4, words, "end")
    yield element("path", {"class": "grid", "d": grid, "fill": "none", "stroke": "currentColor"})
    edge = f"M{LEFT} {TOP}V{bottom}H{RIGHT}"
    yield element("path", {"class": "edge", "d": edge, "fill": "none", "stroke": "currentColor"})
    if top > TOP:
        line = {"class": "edge", "d": f"M{LEFT} {top}H{RIGHT}", "stroke-dasharray": "2 3"}
        yield element("path", {**line, "fill": "none", "stroke": "currentColor"})
    yield text((LEFT + RIGHT) / 2, bottom + 32, x_label, "middle")
    yield text(0, 13, y_label, "start")


def curve(each: dict, style: Style, x: Axis, y: Axis, bottom: float) -> Iterator[etree.Element]:
    """A line through the values that stand next to each other, and a marker at each."""
    path, pen = "", "M"
    points = sorted(each["points"], key=lambda point: point["x"])
    for point in points:
        if point["y"]:
            path += f"{pen}{x(point['x'])} {y(point['y'])}"
        pen = "L" if point["y"] else "M"
    yield line(path, style)
    for point in points:
        if point["y"] is not None:
            height = y(point["y"]) if point["y"] else bottom
            words = f"{each['name']}，{show(point['x'], x.unit)}：{value(point, y.unit)}"
            yield marker(style, x(point["x"]), height, words, is_open=not point["y"])


def line(path: str, style: Style) -> etree.Element:
    width = "2.4" if style.name == "ours" else "1.3"
    drawn = {"d": path, "fill": "none", "stroke": "currentColor", "stroke-width": width}
    return element("path", {"class": "line", **drawn, "stroke-dasharray": style.dashes})


def marker(style: Style, x: float, y: float, words: str, is_open: bool = False) -> etree.Element:
    size = " scale(1.2)" if style.name == "ours" else ""
    drawn = {"d": MARKERS[style.marker], "transform": f"translate({x} {y}){size}"}
    drawn |= {"fill": "none" if is_open else "currentColor", "stroke": "currentColor"}
    title = [element("title", None, words)] if words else []
    return element("path", {"class": "marker", **drawn}, *title)


def text(x: float, y: float, words: str, anchor: str) -> etree.Element:
    place = {"x": f"{x}", "y": f"{y}", "text-anchor": anchor, "fill": "currentColor"}
    return element("text", place, words)


def sample(style: Style) -> etree.Element:
    """A piece of a curve, for the legend."""
    return element(
        "svg",
        {"viewBox": "0 0 32 12", "class": style.name, "aria-hidden": "true"},
        line("M0 6H32", style),
        marker(style, 16, 6, ""),
    )
