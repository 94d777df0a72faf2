"""Markdown extension: the lists of all code, on the pages whose front matter says `fill: code` and
`fill: verification`.

The first is for readers: each file of `snippets/`, what it is, its regions and their states. The
second has the totals by state and device, for each region the line of its evidence, which opens into
its report (`kb.evidence.reports`), and the files of tests.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| OverviewTreeprocessor | treeprocessors | kb-overview | 17 | before toc (5), which lists its headings, and before links are resolved (0) |
"""

from collections.abc import Iterator
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from kb.evidence.badges import CLASSES, badge, devices_run, state_chip
from kb.evidence.embeds import link_to_line
from kb.evidence.judge import Due, Judge, State, Verdict
from kb.evidence.regions import Region, read_all
from kb.evidence.store import DEVICES, PROVE
from kb.evidence.whole_files import list_tests, name_of, path_of, title_of, uri_of
from kb.markdown.engine import Page, current_page
from kb.markdown.html import element, table


class OverviewTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        if page.meta.get("fill") not in ("code", "verification"):
            return
        regions = read_all(page.root)
        if page.meta["fill"] == "code":
            root.append(element("h1", None, str(page.meta.get("title", ""))))
            root.extend(contents(page, regions))
            return
        root[2:2] = proofs(page, regions)  # under the heading and the first paragraph


def proofs(page: Page, regions: dict[str, Region]) -> Iterator[etree.Element]:
    """Totals, what is to do, and every region with the line of its evidence; the tests."""
    judge = Judge(page.root)
    verdicts = {device: judge.all(device) for device in DEVICES}
    yield totals(verdicts)
    if due := judge.due():
        yield to_do(due)
    judged = {name: [verdicts[device][name] for device in DEVICES] for name in regions}
    devices = devices_run(list(judged.values()))
    for file in (name for name in regions if ":" not in name):
        yield element("h2", None, f"snippets/{file}")
        named = (name for name in regions if name.partition(":")[0] == file)
        items = (proof(page, regions[name], judged[name], devices) for name in named)
        yield element("ul", {"class": "proofs"}, *items)
    if tests := list_tests(page.root):
        yield element("h2", None, "测试代码")
        yield element("ul", {"class": "code-list"}, *(item(page, test) for test in tests))


def contents(page: Page, regions: dict[str, Region]) -> Iterator[etree.Element]:
    """Every file of `snippets/`: its name, what it is, its regions, each with its states."""
    if not regions:
        yield element("p", None, "这里还没有代码。")
    judge = Judge(page.root)
    for file in (name for name in regions if ":" not in name):
        link = element("a", {"href": page.link_to(uri_of(file))}, file)
        yield element("h2", None, link)
        yield element("p", None, title_of(page.root, file))
        named = [name for name in regions if name.startswith(f"{file}:")]
        items = (region_item(page, judge, name, regions[name]) for name in named)
        yield element("ul", {"class": "regions"}, *items)


def region_item(page: Page, judge: Judge, name: str, region: Region) -> etree.Element:
    path = path_of(name.partition(":")[0])
    states = (state_chip(judge.judge(device, name, region.text)) for device in DEVICES)
    link = link_to_line(page, path, region.first, region.title)
    return element("li", None, link, element("span", {"class": "states"}, *states))


def proof(page: Page, region: Region, verdicts: list[Verdict], devices: list[str]) -> etree.Element:
    """What a region is, and the line of its evidence."""
    name = verdicts[0].name
    path = path_of(name.partition(":")[0])
    link = link_to_line(page, path, region.first, region.title if ":" in name else "完整文件")
    return element("li", None, link, badge(page, verdicts, devices))


def item(page: Page, test: str) -> etree.Element:
    link = element("a", {"href": page.link_to(uri_of(test))}, name_of(test))
    title = title_of(page.root, test)
    return element("li", None, link, *([f"：{title}"] if title != name_of(test) else []))


def to_do(due: list[Due]) -> etree.Element:
    """The files that `kb prove` would look at, and why."""
    head = element("p", None, "要证明的（", element("code", None, PROVE), "）：")
    items = (element("li", None, element("code", None, each.file), f"：{each.why}") for each in due)
    return element("div", {"class": "due"}, head, element("ul", None, *items))


def totals(verdicts: dict[str, dict[str, Verdict]]) -> etree.Element:
    states = [[verdict.state for verdict in judged.values()] for judged in verdicts.values()]
    rows = [
        (
            element("span", {"class": f"state {CLASSES[state]}"}, state.value),
            *(str(each.count(state)) for each in states),
        )
        for state in reversed(State)
    ]
    rows.append(("合计", *(str(len(each)) for each in states)))
    return table(("状态", *DEVICES.values()), rows, "每种状态有几段代码")


class OverviewExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(OverviewTreeprocessor(md), "kb-overview", 17)


def makeExtension(**options) -> OverviewExtension:
    return OverviewExtension(**options)
