"""Markdown extension: the evidence under every embed, in one line.

    <figure class="embed" data-code="self_attention.py:score">
      …
      <details class="evidence" data-key="…" data-search-exclude>
        <summary><span class="state is-verified">已验证</span> · 118 项测试 · 最大误差 … </summary>
        … links to the whole file and to the report, see `kb.evidence.reports` …
      </details>
    </figure>

What is alike for all blocks of a page (how many are verified, on which devices nothing was run,
torch, date) is said once, at its head.

The state is judged from the text in the rendered block, and the finished page must still show that
text. Where it isn't 已验证 on CPU, a warning names code, state and remedy, one for all pages and all
of a file that is so for one reason: it ends `mkdocs build --strict`, while `mkdocs serve` goes on
and shows the state.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| BadgeTreeprocessor | treeprocessors | kb-badges | 18 | when embeds are known to stand well (19); before links are resolved (0) |
| HeadTreeprocessor | treeprocessors | kb-proven | 11 | when a note has its head (12) |
| ShownPostprocessor | postprocessors | kb-shown | -100 | after everything that changes characters |
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.postprocessors import Postprocessor
from markdown.treeprocessors import Treeprocessor
from markdown.util import HTML_PLACEHOLDER_RE

from kb.evidence.embeds import anchor
from kb.evidence.judge import Judge, State, Verdict, complaint, needs_a_word
from kb.evidence.keys import TESTS
from kb.evidence.store import DEVICES
from kb.evidence.whole_files import report_of
from kb.markdown.engine import BadInput, Page, current_page
from kb.markdown.html import code_text, element

log = logging.getLogger("mkdocs.kb")

CLASSES = {
    State.UNTESTED: "is-untested",
    State.STALE: "is-stale",
    State.FAILED: "is-failed",
    State.PARTIAL: "is-partial",
    State.VERIFIED: "is-verified",
}
ALL = "verification.md"
"""The page that lists all code."""
PRE = re.compile(r"<pre\b[^>]*>.*?</pre>", re.DOTALL)


class BadgeTreeprocessor(Treeprocessor):
    def __init__(self, md: Markdown):
        super().__init__(md)
        self.judged: dict[str, str] = {}
        """The text that was judged, by the id of its figure."""
        self.verdicts: list[list[Verdict]] = []
        """Of the page: for each figure, one of each device."""

    def run(self, root: etree.Element) -> None:
        self.judged, self.verdicts = {}, []
        figures = [each for each in root.iter("figure") if each.get("data-code")]
        if not figures:
            return
        page = current_page(self.md)
        ours = []
        for figure in figures:
            if figure.get("data-code").startswith(f"{TESTS}/"):
                words = "测试代码：它检验 snippets/ 里的代码，自己不在被检验之列。"
                figure.append(element("figcaption", None, words))
            else:
                ours.append(figure)
                self.verdicts.append(self.judge(figure, judge_of(page)))
        devices = devices_run(self.verdicts)
        for figure, verdicts in zip(ours, self.verdicts, strict=True):
            place_badge(figure, badge(page, verdicts, devices))

    def judge(self, figure: etree.Element, judge: Judge) -> list[Verdict]:
        """On each device; says what needs a word."""
        shown = self.judged[figure.get("id")] = self.shown(figure)
        verdicts = [judge.judge(device, figure.get("data-code"), shown) for device in DEVICES]
        for line in map(complaint, filter(needs_a_word, verdicts)):
            if line not in judge.said:
                log.warning(line)
                judge.said.add(line)
        return verdicts

    def shown(self, figure: etree.Element) -> str:
        placeholder = HTML_PLACEHOLDER_RE.fullmatch(figure.text)
        return code_text(self.md.htmlStash.rawHtmlBlocks[int(placeholder.group(1))])


class HeadTreeprocessor(Treeprocessor):
    """What is alike for all blocks, in the head of a note, under the heading of another page."""

    def __init__(self, md: Markdown, badges: BadgeTreeprocessor):
        super().__init__(md)
        self.badges = badges

    def run(self, root: etree.Element) -> None:
        if not self.badges.verdicts:
            return
        line = in_all(current_page(self.md), self.badges.verdicts)
        if (head := root.find("div[@class='note-head']")) is not None:
            head.append(line)
        else:
            root.insert(1 if len(root) and root[0].tag == "h1" else 0, line)


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
    """Under the code, with the link to its file; above it where a whole file is shown."""
    if (caption := figure.find("figcaption")) is not None:
        figure.remove(caption)
        caption.tag = "p"
        details.insert(1, caption)
    if ":" in figure.get("data-code"):
        figure.insert(0, details)
    else:
        figure.text, details.tail = None, figure.text
        figure.insert(0, details)


def devices_run(verdicts: list[list[Verdict]]) -> list[str]:
    """CPU, and those that anything of a page was run on."""
    seen = {
        verdict.device
        for each in verdicts
        for verdict in each
        if verdict.state is not State.UNTESTED or needs_a_word(verdict)
    }
    return [device for device in DEVICES if device == "cpu" or device in seen]


def in_all(page: Page, verdicts: list[list[Verdict]]) -> etree.Element:
    """`13 段代码：CPU 全部已验证，CUDA 没有运行过。torch 2.13.0，2026-11-26 记录。`"""
    count = f"{len(verdicts)} 段代码"
    if (page.root / "docs" / ALL).is_file():
        count = element("a", {"href": page.link_to(ALL)}, count)
    states = "，".join(
        f"{DEVICES[device]} {in_words([each[number].state for each in verdicts])}"
        for number, device in enumerate(DEVICES)
    )
    runs = [verdict.run for each in verdicts for verdict in each if verdict.run]
    content = {"class": "proven", "data-search-exclude": ""}
    return element("p", content, count, f"：{states}。", *([recorded(runs)] if runs else []))


def in_words(states: list[State]) -> str:
    """On one device: `全部已验证`, `12 段已验证、1 段已过期`, `没有运行过`."""
    counts = Counter(states)
    if set(counts) == {State.UNTESTED}:
        return "没有运行过"
    if len(counts) == 1:
        return f"{'全部' if len(states) > 1 else ''}{states[0].value}"
    return "、".join(f"{counts[state]} 段{state.value}" for state in reversed(State) if state in counts)


def recorded(runs: list[dict]) -> str:
    torch = sorted({run["environment"]["packages"]["torch"] for run in runs})
    dates = sorted({run["recorded"][:10] for run in runs})
    return f"torch {'、'.join(torch)}，{' 至 '.join(dict.fromkeys((dates[0], dates[-1])))} 记录。"


def badge(page: Page, verdicts: list[Verdict], devices: Sequence[str]) -> etree.Element:
    """The quiet line, and what it opens into."""
    name = verdicts[0].name
    lines = [
        element("span", {"class": "device"}, *summary(verdict, len(devices) > 1))
        for verdict in verdicts
        if verdict.device in devices
    ]
    return element(
        "details",
        {"class": "evidence", "data-key": verdicts[0].key, "data-search-exclude": ""},
        element("summary", None, *lines),
        *report_link(page, name),
    )


def report_link(page: Page, name: str) -> Iterator[etree.Element]:
    uri = report_of(name.partition(":")[0])
    if (page.root / "docs" / uri).is_file():
        link = {"class": "to-report", "href": page.link_to(uri), "data-fragment": anchor(name)}
        yield element("p", None, element("a", link, "全部测试、误差和改错"))


def state_chip(verdict: Verdict, with_device: bool = True) -> etree.Element:
    chip = element("span", {"class": f"state {CLASSES[verdict.state]}"}, verdict.state.value)
    device = [f" {DEVICES[verdict.device]}"] if with_device else []
    return element("span", {"class": "verdict"}, chip, *device)


def summary(verdict: Verdict, with_device: bool) -> Iterator[etree.Element | str]:
    yield state_chip(verdict, with_device)
    facts = list(verdict.reasons)
    if verdict.run is not None:
        facts.append(f"{len(verdict.proving)} 项测试")
        if (worst := worst_error(verdict)) is not None:
            facts.append(f"最大误差 {scientific(worst)}")
    elif verdict.state is State.UNTESTED:
        facts = []
    yield "".join(f" · {fact}" for fact in facts)


def worst_error(verdict: Verdict) -> float | None:
    """The largest relative error, of any dtype and against any reference."""
    return max((each["relative"] for each in verdict.errors.values() if "relative" in each), default=None)


def scientific(value: float) -> str:
    """0.0069 → 6.9×10⁻³."""
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.1e}".split("e")
    return (
        f"{mantissa}×10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    )


class BadgeExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        badges = BadgeTreeprocessor(md)
        md.treeprocessors.register(badges, "kb-badges", 18)
        md.treeprocessors.register(HeadTreeprocessor(md, badges), "kb-proven", 11)
        md.postprocessors.register(ShownPostprocessor(md, badges), "kb-shown", -100)


def makeExtension(**options) -> BadgeExtension:
    return BadgeExtension(**options)
