"""Markdown extension: the lists of all code, on the pages whose front matter says `fill: code` and
`fill: verification`.

The first is for readers: each file of `snippets/`, what it is, its regions and their states. The
second has for each region where it is embedded, what it depends on, what verifies it, and its
badge; totals by state and device come first, the files of tests last.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| OverviewTreeprocessor | treeprocessors | kb-overview | 17 | before toc (5), which lists its headings, and before links are resolved (0) |
"""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from kb.evidence.badges import CLASSES, badge, state_chip
from kb.evidence.embeds import anchor, link_to_line
from kb.evidence.judge import Due, Judge, State, Verdict
from kb.evidence.keys import reach
from kb.evidence.regions import Region, read_all
from kb.evidence.store import DEVICES, PROVE
from kb.evidence.whole_files import list_tests, name_of, path_of, title_of, uri_of
from kb.markdown.engine import Page, current_page
from kb.markdown.html import append, element, table
from kb.notes.embedded import find_embeds


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
        judge = Judge(page.root)
        verdicts = {device: judge.all(device) for device in DEVICES}
        embeds = find_embeds(page.root)
        root.insert(2, totals(verdicts))  # under the heading and the first paragraph
        if due := judge.due():
            root.insert(3, to_do(due))
        for name, region in regions.items():
            if ":" not in name:
                root.append(element("h2", None, f"snippets/{name}"))
            judged = [verdicts[device][name] for device in DEVICES]
            root.append(element("h3", None, region.title if ":" in name else "完整文件"))
            root.append(badge(page, judged))
            root.append(describe(page, name, region, judged, embeds.get(name, [])))
        if tests := list_tests(page.root):
            root.append(element("h2", None, "测试代码"))
            root.append(element("ul", {"class": "code-list"}, *(item(page, test) for test in tests)))


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


def describe(
    page: Page, name: str, region: Region, verdicts: list[Verdict], embeds: list[tuple[str, str]]
) -> etree.Element:
    file = name.partition(":")[0]
    path = f"snippets/{file}"
    modules = Counter(id.partition("::")[0] for verdict in verdicts for id in verdict.proving)
    facts = {
        "代码": [link_to_line(page, path, region.first, element("code", None, name))],
        "嵌入在": [
            element("a", {"href": page.link_to(uri), "data-fragment": anchor(name)}, title)
            for uri, title in embeds
        ]
        or ["没有一页嵌入它"],
        "依赖": dependencies(page.root, file, region),
        "验证它的": [
            element("span", None, link_to_line(page, module, 1, module), f"（{tests} 项）")
            for module, tests in sorted(modules.items())
        ]
        or ["没有"],
        "对照": sorted({reference for verdict in verdicts for reference, _ in verdict.errors})
        or ["没有"],
    }
    parts = []
    for term, values in facts.items():
        definition = element("dd")
        for number, value in enumerate(values):
            append(definition, ("；", value) if number else (value,))
        parts += [element("dt", None, term), definition]
    return element("dl", {"class": "facts"}, *parts)


def dependencies(root: Path, file: str, region: Region) -> list[str]:
    """Other files of `snippets/`, and what the region uses from the rest of its own file."""
    path = f"snippets/{file}"
    others = sorted(other for other in reach(root, path) if other.startswith("snippets/"))
    try:
        tree = read_tree((root / path).read_bytes())
    except SyntaxError:
        return others
    inside, defined = [], {}
    for node in tree.body:
        for name in defined_names(node):
            defined[name] = node
        if region.first <= node.lineno <= region.last:
            inside.append(node)
    used = {part.id for node in inside for part in ast.walk(node) if isinstance(part, ast.Name)}
    near = sorted(name for name in used & defined.keys() if defined[name] not in inside)
    return others + ([f"同一文件的 {'、'.join(near)}"] if near else []) or ["只依赖 torch"]


read_tree = lru_cache(maxsize=8)(ast.parse)
"""Of a file of code, for all regions in it."""


def defined_names(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


class OverviewExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(OverviewTreeprocessor(md), "kb-overview", 17)


def makeExtension(**options) -> OverviewExtension:
    return OverviewExtension(**options)
