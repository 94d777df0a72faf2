"""Markdown extension: the evidence under every embed.

    <figure class="embed" data-code="self_attention.py:score">
      …
      <details class="evidence" data-key="…" data-search-exclude>
        <summary><span class="state is-verified">已验证</span> CPU：118 项测试，… </summary>
        … errors, tests, environment, what was not run, how to repeat it …
      </details>
    </figure>

The state is judged from the text in the rendered block, and the finished page must still show that
text. Where it isn't 已验证 on CPU, a warning names code, state and remedy, one for all pages and all
of a file that is so for one reason: it ends `mkdocs build --strict`, while `mkdocs serve` goes on
and shows the state.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| BadgeTreeprocessor | treeprocessors | kb-badges | 18 | when embeds are known to stand well (19); before links are resolved (0) |
| ShownPostprocessor | postprocessors | kb-shown | -100 | after everything that changes characters |
"""

import logging
import re
from collections.abc import Iterator
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.postprocessors import Postprocessor
from markdown.treeprocessors import Treeprocessor
from markdown.util import HTML_PLACEHOLDER_RE

from kb.evidence.embeds import link_to_line
from kb.evidence.judge import Judge, Mutation, State, Verdict, complaint, needs_a_word
from kb.evidence.keys import TESTS
from kb.evidence.store import DEVICES, PROVE
from kb.markdown.engine import BadInput, Page, current_page
from kb.markdown.html import code_text, element, table

log = logging.getLogger("mkdocs.kb")

CLASSES = {
    State.UNTESTED: "is-untested",
    State.STALE: "is-stale",
    State.FAILED: "is-failed",
    State.PARTIAL: "is-partial",
    State.VERIFIED: "is-verified",
}
OUTCOMES = {"passed": "通过", "failed": "未通过", "skipped": "跳过", "missing": "没有运行"}


PRE = re.compile(r"<pre\b[^>]*>.*?</pre>", re.DOTALL)


class BadgeTreeprocessor(Treeprocessor):
    def __init__(self, md: Markdown):
        super().__init__(md)
        self.judged: dict[str, str] = {}
        """The text that was judged, by the id of its figure."""

    def run(self, root: etree.Element) -> None:
        self.judged = {}
        page = None
        for figure in root.iter("figure"):
            name = figure.get("data-code", "")
            if name.startswith(f"{TESTS}/"):
                figure.append(
                    element(
                        "figcaption",
                        None,
                        "测试代码：它检验 snippets/ 里的代码，自己不在被检验之列。",
                    )
                )
            elif name:
                page = page or current_page(self.md)
                judge = judge_of(page)
                shown = self.judged[figure.get("id")] = self.shown(figure)
                verdicts = [judge.judge(device, name, shown) for device in DEVICES]
                for line in map(complaint, filter(needs_a_word, verdicts)):
                    if line not in judge.said:
                        log.warning(line)
                        judge.said.add(line)
                place_badge(figure, badge(page, verdicts))

    def shown(self, figure: etree.Element) -> str:
        placeholder = HTML_PLACEHOLDER_RE.fullmatch(figure.text)
        return code_text(self.md.htmlStash.rawHtmlBlocks[int(placeholder.group(1))])


class ShownPostprocessor(Postprocessor):
    """What the reader's eye gets is what was judged."""

    def __init__(self, md: Markdown, badges: BadgeTreeprocessor):
        super().__init__(md)
        self.badges = badges

    def run(self, text: str) -> str:
        if '<figure class="embed"' not in text:  # the table of contents, which goes this way too
            return text
        for id, judged in self.badges.judged.items():
            opening = re.search(rf'<figure class="embed"[^>]* id="{re.escape(id)}"', text)
            start = opening.start() if opening else 0
            figure = text[start : text.find("</figure>", start)]
            if opening is None or "".join(map(code_text, PRE.findall(figure))) != judged:
                page = current_page(self.md)
                raise BadInput(
                    f"docs/{page.uri}：{id} 的代码在页面上与判定时的不同，"
                    "有哪一步换掉了其中的字符。去掉代码里的控制字符，或者那一步。"
                )
        return text


_last: tuple[object, Judge] | None = None


def judge_of(page: Page) -> Judge:
    """The same one for all pages of a build: it reads each file once."""
    global _last
    known = page.build is not None and _last is not None and _last[0] is page.build
    if not known or _last[1].project.root != page.root:
        _last = page.build, Judge(page.root)
    return _last[1]


def place_badge(figure: etree.Element, details: etree.Element) -> None:
    """Under the code; above it where a whole file is shown."""
    if ":" in figure.get("data-code"):
        figure.insert(0, details)
    else:
        figure.text, details.tail = None, figure.text
        figure.insert(0, details)


def badge(page: Page, verdicts: list[Verdict]) -> etree.Element:
    """The quiet line, and what it opens into."""
    lines = [element("span", {"class": "device"}, *summary(verdict)) for verdict in verdicts]
    return element(
        "details",
        {"class": "evidence", "data-key": verdicts[0].key, "data-search-exclude": ""},
        element("summary", None, *lines),
        *(part for verdict in verdicts for part in report(page, verdict)),
    )


def state_chip(verdict: Verdict) -> etree.Element:
    chip = element("span", {"class": f"state {CLASSES[verdict.state]}"}, verdict.state.value)
    return element("span", {"class": "verdict"}, chip, f" {DEVICES[verdict.device]}")


def summary(verdict: Verdict) -> Iterator[etree.Element | str]:
    yield state_chip(verdict)
    if verdict.run is None:
        if verdict.state is State.STALE:
            yield f"：{verdict.reasons[0]}"
        return
    facts = [*verdict.reasons, f"{len(verdict.proving)} 项测试", "、".join(verdict.dtypes)]
    if worst := worst_error(verdict):
        error, dtype, reference = worst
        facts.append(f"最大相对误差 {scientific(error)}（{dtype}，对照{spaced(reference)}）")
    if isinstance(verdict.mutation, Mutation):
        rest = (
            "，其余等价" if verdict.mutation.explained and not verdict.mutation.unexplained else ""
        )
        facts.append(f"改错 {verdict.mutation.total} 处，发现 {verdict.mutation.killed} 处{rest}")
    facts.append(f"torch {verdict.run['environment']['packages']['torch']}")
    facts.append(verdict.run["recorded"][:10])
    yield "：" + " · ".join(filter(None, facts))


def worst_error(verdict: Verdict) -> tuple[float, str, str] | None:
    """The largest relative error, with its dtype and reference."""
    relative = (
        (errors["relative"], dtype, reference)
        for (reference, dtype), errors in verdict.errors.items()
        if "relative" in errors
    )
    return max(relative, default=None)


def spaced(text: str) -> str:
    """A space between Chinese and what follows in Latin letters."""
    return text if re.match("[一-龥]", text) else f" {text}"


def scientific(value: float) -> str:
    """0.0069 → 6.9×10⁻³."""
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.1e}".split("e")
    return (
        f"{mantissa}×10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
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


class BadgeExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        badges = BadgeTreeprocessor(md)
        md.treeprocessors.register(badges, "kb-badges", 18)
        md.postprocessors.register(ShownPostprocessor(md, badges), "kb-shown", -100)


def makeExtension(**options) -> BadgeExtension:
    return BadgeExtension(**options)
