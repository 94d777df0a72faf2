"""Markdown extension: a measured figure or a diagram, embedded in a page by name.

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

A table is shown as one. `"self_attention/flow.json:module"` is how tensors go through that region of
code, as `kb prove` saw it:

    <figure class="embed plot flow" id="figure-self_attention-flow-module" data-figure="…">
      <figcaption> … </figcaption>
      <svg role="img" aria-label="…"> … </svg>
      <details class="evidence" data-key="…"><summary> 已追踪 … </summary> … </details>
      <details class="evidence numbers"><summary>用文字读</summary> … a list … </details>
    </figure>

Where a file that the numbers depend on is no longer what was measured,
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

from kb.evidence.badges import CLASSES, judge_of
from kb.evidence.judge import State
from kb.evidence.reports import circumstances, definitions
from kb.evidence.store import DEVICES
from kb.figures import diagram
from kb.figures.flows import Flow, is_flow, outdated_flow, read_flow
from kb.figures.measured import Measured, outdated, read_measured
from kb.figures.photograph import photograph
from kb.figures.plot import draw, sample, show, styles, value
from kb.markdown.engine import BadInput, Page
from kb.markdown.html import append, element, literal, table

log = logging.getLogger("mkdocs.kb")

MEASURED = "已测量"
TRACED = "已追踪"


def make_figure(target: str, page: Page, here: str) -> etree.Element:
    """Raises BadInput, which says `here`, where there is no such figure."""
    try:
        if is_flow(target):
            return show_flow(read_flow(judge_of(page), target), page)
        measured = read_measured(page.root, target)
    except BadInput as error:
        raise BadInput(f"{here}：{error}") from None
    if problem := outdated(measured):
        log.warning(f"docs/{page.uri}：{problem}")
    looks = measured.run and measured.figure["kind"] == "looking"
    kind = "plot looking" if looks else "plot"
    return element(
        "figure",
        {"class": f"embed {kind}", "id": anchor(target), "data-figure": target},
        *(shown(measured, page) if measured.run else ()),
        state(measured),
        *(numbers(measured.figure) if measured.run else ()),
    )


def anchor(target: str) -> str:
    return "figure-" + target.replace(".json", "").replace(":", "-").replace("/", "-")


def shown(measured: Measured, page: Page) -> Iterator[etree.Element]:
    figure = measured.figure
    title = element("strong", None, figure["title"])
    caption = [f"　{figure['caption']}"] if "caption" in figure else []
    yield element("figcaption", None, title, *caption)
    if figure["kind"] == "looking":
        yield from photograph(figure, page)
    elif figure["kind"] == "table":
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


def show_flow(flow: Flow, page: Page) -> etree.Element:
    if problem := outdated_flow(flow):
        log.warning(f"docs/{page.uri}：{problem}")
    figure = {"class": "embed plot flow", "id": anchor(flow.name), "data-figure": flow.name}
    if flow.flow is None:
        return element("figure", figure, undrawn(flow))
    sizes = "，".join(f"{letter} = {size}" for letter, size in diagram.sizes(flow.flow))
    example = f"例子取自它的测试：{sizes}。" if sizes else "例子取自它的测试。"
    caption = f"　{flow.title}。箭头上是张量的形状，{example}"
    sentences = [element("li", None, each) for each in diagram.in_words(flow.flow)]
    label = f"数据怎样流过 {flow.flow['of']}，从上到下 {len(sentences)} 步，下面有文字。"
    return element(
        "figure",
        figure,
        element("figcaption", None, element("strong", None, f"数据怎样流过 {flow.flow['of']}"), caption),
        diagram.draw(flow.flow, literal(label)),
        flow_state(flow),
        element(
            "details",
            {"class": "evidence numbers", "data-search-exclude": ""},
            element("summary", None, "用文字读"),
            element("ol", None, *sentences),
        ),
    )


def undrawn(flow: Flow) -> etree.Element:
    chip = element("span", {"class": f"state {CLASSES[flow.state]}"}, flow.state.value)
    again = element("code", None, flow.command)
    words = f" 数据流图 {flow.name}：{flow.reason}。提交以后运行："
    return element("p", {"class": "unmeasured", "data-search-exclude": ""}, chip, words, again)


def flow_state(flow: Flow) -> etree.Element:
    word = TRACED if flow.state is State.VERIFIED else flow.state.value
    chip = element("span", {"class": f"state {CLASSES[flow.state]}"}, word)
    facts = " · ".join(filter(None, [flow.reason, flow.recorded[:10]]))
    line = element("span", {"class": "device"}, element("span", {"class": "verdict"}, chip), f" {facts}")
    return element(
        "details",
        {"class": "evidence", "data-key": flow.key, "data-search-exclude": ""},
        element("summary", None, line),
        element(
            "p",
            None,
            "不是手画的：记录证据时，把测试里的一次调用再做一遍，跟着张量走，记下每一步和形状。"
            "字母来自文档字符串；把输入的这一轴加长一倍，跟着变长的才用这个字母，说不准的写数。",
        ),
        definitions({"内容键": element("code", None, flow.key)}),
        element("p", None, "重新追踪：", element("code", None, flow.command)),
    )


class FigureExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.parser.embeds["figure"] = make_figure


def makeExtension(**options) -> FigureExtension:
    return FigureExtension(**options)
