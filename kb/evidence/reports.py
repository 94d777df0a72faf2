"""Markdown extension: all that is known of each region of a file, on the page whose front matter
says `fill: report` and `of: self_attention.py`.

    <section class="report" id="embed-self_attention-score" data-key="…">
      <h2>第一步：… </h2>
      … what it is, and for each device errors, tests, environment, what was not run, how to repeat it …
    </section>

The line under a block that is embedded elsewhere leads to its section, which
`theme/assets/evidence.js` puts under the line when it is opened.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| ReportTreeprocessor | treeprocessors | kb-reports | 17 | before toc (5), which lists its headings, and before links are resolved (0) |
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

from kb.evidence.badges import judge_of, scientific, state_chip
from kb.evidence.embeds import anchor, link_to_line
from kb.evidence.judge import Mutation, Verdict
from kb.evidence.keys import TESTS, reach
from kb.evidence.regions import Region, is_file, read_all
from kb.evidence.store import DEVICES, PROVE
from kb.markdown.engine import BadInput, Page, current_page
from kb.markdown.html import append, element, table
from kb.notes.embedded import find_embeds

OUTCOMES = {"passed": "通过", "failed": "未通过", "skipped": "跳过", "missing": "没有运行"}


class ReportTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        if page.meta.get("fill") != "report":
            return
        file = page.meta.get("of")
        if not isinstance(file, str) or not is_file(page.root, file):
            raise BadInput(f"docs/{page.uri}：snippets/ 里没有 {file}。运行 kb pages。")
        root.append(element("h1", None, str(page.meta.get("title", ""))))
        embeds = find_embeds(page.root)
        for name, region in read_all(page.root).items():
            if name.partition(":")[0] == file:
                root.append(section(page, name, region, embeds.get(name, [])))


def section(
    page: Page, name: str, region: Region, embeds: list[tuple[str, str]]
) -> etree.Element:
    judge = judge_of(page)
    verdicts = [judge.judge(device, name, region.text) for device in DEVICES]
    return element(
        "section",
        {"class": "report", "id": anchor(name), "data-key": verdicts[0].key},
        element("h2", None, region.title if ":" in name else "完整文件"),
        describe(page, name, region, verdicts, embeds),
        *(part for verdict in verdicts for part in report(page, verdict)),
    )


def report(page: Page, verdict: Verdict) -> Iterator[etree.Element]:
    """All that is known of a region on one device."""
    yield element("p", {"class": "report-title"}, state_chip(verdict))
    for reason in verdict.reasons:
        yield element(
            "p", {"class": "reason"}, f"{reason}。" if not reason.endswith("。") else reason
        )
    if verdict.run is not None:
        if verdict.errors:
            yield error_table(verdict)
        yield test_table(page, verdict)
        yield facts_list(verdict)
        if isinstance(verdict.mutation, Mutation):
            found = verdict.mutation
            if found.explained or found.unexplained or found.undecided:
                yield survivor_list(verdict.mutation)
    device = "" if verdict.device == "cpu" else f" --device {verdict.device}"
    again = element("p", None, "重新运行：", element("code", None, f"{PROVE} {verdict.name.partition(':')[0]} --all{device}"))
    if verdict.device == "cuda" and verdict.run is not None:
        yield element("p", None, "由提交者记录，CI 未复核。")
    yield again


def error_table(verdict: Verdict) -> etree.Element:
    """One row for each reference, one column for each dtype."""
    dtypes = [dtype for dtype in verdict.dtypes if any(dtype == seen for _, seen in verdict.errors)]
    rows: dict[str, list[etree.Element | str]] = {}
    for reference in sorted({reference for reference, _ in verdict.errors}):
        rows[reference] = [reference]
        for dtype in dtypes:
            errors = verdict.errors.get((reference, dtype))
            rows[reference].append(error_cell(errors) if errors else "—")
    return table(("对照", *dtypes), rows.values(), "与参考值的最大误差：绝对，相对")


def error_cell(errors: dict) -> etree.Element:
    relative = scientific(errors["relative"]) if "relative" in errors else "—"
    return element("span", None, scientific(errors["absolute"]), element("br"), relative)


def test_table(page: Page, verdict: Verdict) -> etree.Element:
    """The tests that ran the region's lines, one row for each function; and the rest in one."""
    groups: dict[tuple[str, int, str], list[str]] = {}
    others: list[str] = []
    for id, test in verdict.tests.items():
        if id in verdict.proving or test["outcome"] != "passed":
            path, _, function = id.partition("::")
            key = (test.get("file", path), test["line"], function.partition("[")[0])
            groups.setdefault(key, []).append(test["outcome"])
        else:
            others.append(test["outcome"])
    rows: list[tuple[etree.Element | str, str]] = []
    for (path, line, function), outcomes in sorted(groups.items()):
        rows.append((test_link(page, path, line, function or "整个文件"), count(outcomes)))
    if others:
        rows.append(("这些测试文件里的其他测试，没有运行到这段代码", count(others)))
    return table(("测试", "结果"), rows, "运行过这段代码、并且断言了什么的测试")


def survivor_list(mutation: Mutation) -> etree.Element:
    unexplained = [(survivor, "还没有解释。") for survivor in mutation.unexplained]
    unexplained += [(each, "没有定论。") for each in mutation.undecided]
    return element(
        "ul",
        {"class": "survivors", "aria-label": "没有被测试发现的改动"},
        *(
            element(
                "li",
                None,
                f"第 {survivor['line']} 行 ",
                element("code", None, survivor["before"]),
                " 改成 ",
                element("code", None, survivor["after"]),
                f"：{why}",
            )
            for survivor, why in (*mutation.explained, *unexplained)
        ),
    )


def test_link(page: Page, path: str, line: int, function: str) -> etree.Element:
    link = link_to_line(page, path, line, element("code", None, function.split("::")[-1]))
    cell = element("span", None, link, f" {path.removeprefix(f'{TESTS}/')}:{line}")
    if page.repo_url:
        address = f"{page.repo_url.rstrip('/')}/blob/HEAD/{path}#L{line}"
        cell.append(element("a", {"class": "in-repository", "href": address}, "仓库"))
    return cell


def count(outcomes: list[str]) -> str:
    return "，".join(
        f"{outcomes.count(each)} 项{words}" for each, words in OUTCOMES.items() if each in outcomes
    )


def facts_list(verdict: Verdict) -> etree.Element:
    return definitions(
        {
            **circumstances(verdict.run),
            "没有运行": not_run(verdict),
            "变异测试": mutation_words(verdict),
            "内容键": element("code", None, verdict.key),
        }
    )


def circumstances(run: dict) -> dict[str, str | None]:
    """When and where something was recorded."""
    environment = run["environment"]
    packages = "，".join(
        f"{package} {version}" for package, version in environment["packages"].items()
    )
    return {
        "记录于": run["recorded"].replace("T", " ").replace("Z", " UTC"),
        "处理器": environment["processor"],
        "驱动": environment["driver"],
        "系统": environment["system"],
        "版本": f"Python {environment['python']}，{packages}",
    }


def definitions(facts: dict[str, etree.Element | str | None]) -> etree.Element:
    """A list of those that are known."""
    parts = []
    for term, value in facts.items():
        if value is not None:
            parts += [element("dt", None, term), element("dd", None, value)]
    return element("dl", {"class": "facts"}, *parts)


def not_run(verdict: Verdict) -> str:
    parts = []
    if missed := verdict.missed:
        parts.append(f"第 {'、'.join(map(str, missed))} 行")
    for id, test in verdict.skipped.items():
        parts.append(f"{id}（{test.get('why', OUTCOMES[test['outcome']])}）")
    return "；".join(parts) or "没有：函数体的每一行都被检验过，这些测试文件里没有跳过的测试"


def mutation_words(verdict: Verdict) -> str:
    mutation = verdict.mutation
    if not isinstance(mutation, Mutation):
        return f"{mutation}（{PROVE}）"
    words = f"故意改错 {mutation.total} 处，测试发现 {mutation.killed} 处"
    if mutation.explained:
        words += f"；{len(mutation.explained)} 处与原来等价，逐一解释过"
    if mutation.unexplained:
        words += f"；{len(mutation.unexplained)} 处还没有解释"
    if mutation.undecided:
        words += f"；{len(mutation.undecided)} 处没有定论"
    return words


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


class ReportExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(ReportTreeprocessor(md), "kb-reports", 17)


def makeExtension(**options) -> ReportExtension:
    return ReportExtension(**options)
