"""Markdown extension: a measured figure, embedded in a page by name.

    ``` {.figure .embed}
    --8<-- "cpu.json:forward-time"
    ```

is drawn from `benchmarks/figures/cpu.json`:

    <figure class="embed plot" id="figure-cpu-forward-time" data-figure="cpu.json:forward-time">
      <figcaption><strong>前向的时间</strong> …</figcaption>
      <svg role="img" aria-label="…"> … </svg>
      <ul class="legend"> … </ul>
      <details class="evidence" data-key="…"><summary> 已测量 CPU：… </summary> … </details>
      <details class="evidence numbers"><summary>全部数字</summary> … a table … </details>
    </figure>

A table is shown as one. Where a file that the numbers depend on is no longer what was measured,
a warning names page, figure and remedy, as `kb.evidence.badges` does for code. A figure of CUDA that
nobody has measured yet says so.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| make_figure | md.parser | embeds | | makes embeds of figures; `kb.evidence.embeds` finds them |
"""

import logging
from collections.abc import Iterator
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension

from kb.evidence.badges import CLASSES
from kb.evidence.judge import State
from kb.evidence.reports import circumstances, definitions
from kb.evidence.store import DEVICES
from kb.figures.measured import Measured, outdated, read_measured
from kb.figures.plot import draw, sample, show, styles, value
from kb.markdown.engine import BadInput, Page
from kb.markdown.html import append, element, literal, table

log = logging.getLogger("mkdocs.kb")

MEASURED = "已测量"


def make_figure(target: str, page: Page, here: str) -> etree.Element:
    """Raises BadInput, which says `here`, where there is no such figure."""
    try:
        measured = read_measured(page.root, target)
    except BadInput as error:
        raise BadInput(f"{here}：{error}") from None
    if problem := outdated(measured):
        log.warning(f"docs/{page.uri}：{problem}")
    return element(
        "figure",
        {"class": "embed plot", "id": anchor(target), "data-figure": target},
        *(shown(measured) if measured.run else ()),
        state(measured),
        *(numbers(measured.figure) if measured.run else ()),
    )


def anchor(target: str) -> str:
    return "figure-" + target.replace(".json", "").replace(":", "-")


def shown(measured: Measured) -> Iterator[etree.Element]:
    figure = measured.figure
    title = element("strong", None, figure["title"])
    caption = [f"　{figure['caption']}"] if "caption" in figure else []
    yield element("figcaption", None, title, *caption)
    if figure["kind"] == "table":
        yield table(figure["columns"], figure["rows"], figure["title"], row_headings=True)
    else:
        yield draw(figure, literal(describe(figure)))
        yield legend(figure["series"])


def describe(plot: dict) -> str:
    """What a screen reader says of the drawing; the numbers are in the table under it."""
    names = "、".join(each["name"] for each in plot["series"])
    axes = f"横轴是{plot['x']['label']}，纵轴是{plot['y']['label']}，都是对数刻度"
    return f"{plot['title']}：{names}。{axes}。数字在下面的表里。"


def legend(series: list[dict]) -> etree.Element:
    items = []
    for each, style in zip(series, styles(series), strict=True):
        item = element("li", None, sample(style), each["name"])
        if each.get("ours"):
            item.set("class", "is-ours")
        if "slope" in each:
            append(item, [element("span", {"class": "slope"}, f"斜率 {each['slope']:.2f}")])
        items.append(item)
    return element("ul", {"class": "legend", "data-search-exclude": ""}, *items)


def numbers(figure: dict) -> Iterator[etree.Element]:
    """Everything that is drawn, as a table."""
    if figure["kind"] == "plot":
        summary = element("summary", None, "全部数字")
        content = {"class": "evidence numbers", "data-search-exclude": ""}
        yield element("details", content, summary, number_table(figure))


def number_table(plot: dict) -> etree.Element:
    """One row for each place on the horizontal axis, one column for each series."""
    series, unit = plot["series"], plot["y"].get("unit", "")
    columns = [{point["x"]: point for point in each["points"]} for each in series]
    rows = [
        [show(x, plot["x"].get("unit", "")), *(cell(column.get(x), unit) for column in columns)]
        for x in sorted({x for column in columns for x in column})
    ]
    if any("slope" in each for each in series):
        slopes = (f"{each['slope']:.2f}" if "slope" in each else "—" for each in series)
        rows.append(["斜率（对数）", *slopes])
    headings = [plot["x"]["label"], *(each["name"] for each in series)]
    return table(headings, rows, f"{plot['title']}：{plot['y']['label']}", row_headings=True)


def cell(point: dict | None, unit: str) -> str:
    if point is None:
        return "—"
    return value(point, unit)


def state(measured: Measured) -> etree.Element:
    """The quiet line, and what it opens into."""
    word = MEASURED if measured.state is State.VERIFIED else measured.state.value
    chip = element("span", {"class": f"state {CLASSES[measured.state]}"}, word)
    verdict = element("span", {"class": "verdict"}, chip, f" {DEVICES[measured.device]}")
    again = element("code", None, measured.command)
    if measured.run is None:
        content = {"class": "unmeasured", "data-search-exclude": ""}
        where = "。在有 GPU 的机器上测量："
        return element("p", content, verdict, f"：{measured.reason}{where}", again)
    facts = [
        measured.reason,
        f"torch {measured.run['environment']['packages']['torch']}",
        measured.run["recorded"][:10],
    ]
    line = element("span", {"class": "device"}, verdict, f"：{' · '.join(filter(None, facts))}")
    return element(
        "details",
        {"class": "evidence", "data-key": measured.key, "data-search-exclude": ""},
        element("summary", None, line),
        definitions({**circumstances(measured.run), "内容键": element("code", None, measured.key)}),
        element("p", None, "由提交者测量，CI 没有重新测量。"),
        element("p", None, "重新测量：", again),
    )


class FigureExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.parser.embeds["figure"] = make_figure


def makeExtension(**options) -> FigureExtension:
    return FigureExtension(**options)
