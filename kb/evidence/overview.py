"""Markdown extension: the list of all code, on the page whose front matter says
`fill: verification`.

For each file of `snippets/`, and each of its regions: what it is, where it is embedded, what
it depends on, what verifies it, and its badge. Totals by state and device come first.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| OverviewTreeprocessor | treeprocessors | kb-overview | 17 | before toc (5), which lists its headings, and before links are resolved (0) |
"""

import ast
from collections import Counter
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from kb.evidence.badges import CLASSES, badge
from kb.evidence.embeds import anchor, link_to_line
from kb.evidence.judge import State, Verdict, judge_all
from kb.evidence.keys import reach
from kb.evidence.regions import Region, read_all
from kb.evidence.store import DEVICES
from kb.markdown.engine import Page, current_page
from kb.markdown.html import append, element, table
from kb.notes.embedded import find_embeds


class OverviewTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        if page.meta.get("fill") != "verification":
            return
        regions = read_all(page.root)
        verdicts = {device: judge_all(page.root, device) for device in DEVICES}
        embeds = find_embeds(page.root)
        root.insert(2, totals(verdicts))  # under the heading and the first paragraph
        for name, region in regions.items():
            if ":" not in name:
                root.append(element("h2", None, f"snippets/{name}"))
            judged = [verdicts[device][name] for device in DEVICES]
            root.append(element("h3", None, region.title if ":" in name else "完整文件"))
            root.append(badge(page, judged))
            root.append(describe(page, name, region, judged, embeds.get(name, [])))


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
