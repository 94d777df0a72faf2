r"""Formulas in the text of a note, as MathJax, KaTeX and Typora find them.

    $…$  \(…\)                   in a line
    $$…$$  \[…\]  \begin{…}…     by itself, in a line or over several
    \eqref{…}  \ref{…}           outside formulas too

A dollar within `\text{…}` closes nothing. A blank inside the dollars is allowed where no letter
or number stands outside, and Chinese where there is LaTeX, so that prices stay prices; `\(` and
`\[` are brackets where nothing of a formula stands between them. `kb.markdown.mathml` shows what is found.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.rules_block.state_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline.state_inline import StateInline

from kb.markdown.equations import CONCERNED, number
from kb.markdown.mathml import mathml

__all__ = ["CLOSED_BY", "formula_plugin", "mathml"]

CHINESE = re.compile("[“”\u3000-\u9fff\uff00-\uffef]")
PROSE = re.compile("[“”。！？；《》\u3400-\u9fff]")
LATEX = re.compile(r"[\\^_={}]")
WORD = re.compile(r"[A-Za-z]{2,}\s|\s[A-Za-z]{2,}")
"""A word beside a blank, which is prose."""
MATHS = re.compile(
    r"""\\[A-Za-z] | \^ | (?<![A-Za-z])[A-Za-z]_ | [)\]}]_ | _\{
      | (?<![A-Za-z])[A-Za-z]\s*[=<>+*/-] | [=<>+*/-]\s*[A-Za-z](?![A-Za-z])""",
    re.VERBOSE,
)
"""What no prose in brackets has."""
LONG_WORD = re.compile("[a-z]{3}")

ENVIRONMENT = r"(?:equation|align|alignat|gather|multline|eqnarray|flalign)\*?|(?:small|[bpvBV])?matrix|[dr]?cases|aligned|gathered|split|array"
TOKEN = re.compile(
    rf"""(?P<text>\\(?:text[a-z]*|mbox|hbox|fbox|tag)\*?\s*\{{) | \\(?P<edge>begin|end)\s*\{{(?P<name>{ENVIRONMENT})\}}
       | (?P<reference>\\(?:eq)?ref\{{[^{{}}\n]{{1,100}}\}})
       | (?P<double>\\\\[()\[\]]) | (?P<bracket>\\[()\[\]]) | \\. | (?P<brace>[{{}}]) | (?P<dollars>\$+)""",
    re.VERBOSE | re.DOTALL,
)
DOLLARS = re.compile(r"\$+")
CLOSED_BY = {"$": "$", "$$": "$$", r"\(": r"\)", r"\[": r"\]", r"\\(": r"\\)", r"\\[": r"\\]", "": ""}
"""How a formula is opened → how it is closed."""


@dataclass(frozen=True)
class Formula:
    """One that a text may have."""

    markup: str
    latex: str
    end: int
    display: bool


def formula_plugin(markdown: MarkdownIt) -> None:
    """Inline tokens `formula`: LaTeX as content, what opens it as markup; the info is `display`
    for one that stands by itself.
    """
    markdown.inline.ruler.before("escape", "formula", inline_formula)
    interrupts = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    markdown.block.ruler.before("fence", "formula", formula_lines, interrupts)
    markdown.core.ruler.push("formula_numbers", number_formulas)


# In a text ----------------------------------------------------------------------------


def inline_formula(state: StateInline, silent: bool) -> bool:
    char = state.src[state.pos]
    if char not in "$\\":
        return False
    found = formulas_in(state.src).get(state.pos)
    if found and found.end <= state.posMax:
        if not silent:
            token = state.push("formula", "", 0)
            token.content, token.markup = found.latex, found.markup
            token.info = "display" if found.display else ""
        state.pos = found.end
        return True
    if char == "\\":
        return False
    dollars = DOLLARS.match(state.src, state.pos, state.posMax)
    if not silent:
        state.append_pending(dollars.group())
    state.pos = dollars.end()
    return True


@lru_cache(maxsize=16)
def formulas_in(text: str) -> dict[int, Formula]:
    """The formulas that begin at each place of a text, were it read from there.

    The text is read once, and once backwards, however many of them are never closed.
    """
    tokens = list(TOKEN.finditer(text))
    found: dict[int, Formula] = {}

    def add(start: int, begin: int, end: int, close: int, markup: str, display: bool) -> None:
        latex = text[begin:end]
        if latex.strip() and is_formula(markup, latex, text[start - 1 : start], text[close : close + 1]):
            found[start] = Formula(markup, latex.strip(), close, display)

    opened: dict[str, list[int]] = {}
    for token in tokens:
        if token["edge"] == "begin":
            opened.setdefault(token["name"], []).append(token.start())
        elif token["edge"] and opened.get(token["name"]):
            start = opened[token["name"]].pop()
            add(start, start, token.end(), token.end(), "", True)
        elif token["reference"]:
            add(token.start(), token.start(), token.end(), token.end(), "", False)
    depths = depths_of_text(tokens)
    nearest: dict[str, re.Match] = {}  # bracket → the next such bracket
    shallow: dict[int, list[tuple[int, re.Match]]] = {1: [], 2: []}  # dollars that may close
    for token, depth in zip(reversed(tokens), reversed(depths), strict=True):
        start, end, markup = token.start(), token.end(), token.group()
        if token["bracket"] or token["double"]:
            nearest[markup] = token
            if close := nearest.get(CLOSED_BY.get(markup)):
                add(start, end, close.start(), close.end(), markup, markup.endswith("["))
        elif token["dollars"]:
            size = len(markup)
            close = closing(shallow[size], depth) if size <= 2 else None
            if close and close.group() == markup:
                add(start, end, close.start(), close.end(), markup, size == 2)
            shallow[1].append((depth, token))
            if size > 1:
                shallow[2].append((depth, token))
    return found


def depths_of_text(tokens: list[re.Match]) -> list[int]:
    """For each token, how many `\\text{` are open around it."""
    depths, around, depth = [], [], 0
    for token in tokens:
        depths.append(depth)
        if token["text"] or token["brace"] == "{":
            around.append(bool(token["text"]))
            depth += around[-1]
        elif token["brace"] and around:
            depth -= around.pop()
    return depths


def closing(dollars: list[tuple[int, re.Match]], depth: int) -> re.Match | None:
    """The next that isn't deeper in text than this; the next of all where there is none."""
    nearest = dollars[-1][1] if dollars else None
    while dollars and dollars[-1][0] > depth:
        dollars.pop()
    return dollars[-1][1] if dollars else nearest


def is_formula(markup: str, latex: str, before: str, after: str) -> bool:
    """Whether what stands between two delimiters is one, by that and by its neighbours."""
    match markup:
        case "":
            return True
        case "$$":
            return not after.isdigit()
        case "$":
            return "`" not in latex and is_in_dollars(latex, before, after)
        case r"\(" | r"\\(":
            return "`" not in latex and is_in_brackets(latex)
        case _:
            return is_in_square_brackets(latex, before, after)


def is_in_dollars(latex: str, before: str, after: str) -> bool:
    if after.isdigit():
        return False
    has_latex = LATEX.search(latex) is not None
    blanks = (latex[0].isspace(), latex[-1].isspace())
    if any(blanks):
        if "\n" in latex:
            return False
        outside = (before if blanks[0] else "") + (after if blanks[1] else "")
        if not all(blanks) and re.search("[A-Za-z0-9]", outside):
            return False
        if not all(blanks) and not has_latex and (WORD.search(latex.strip()) or latex[0].isdigit()):
            return False
    if not has_latex and CHINESE.search(latex):
        return not PROSE.search(latex) and re.search("[A-Za-z0-9)]$", latex.strip()) is not None
    return True


def is_in_brackets(latex: str) -> bool:
    if r"\(" in latex:
        return False
    if MATHS.search(latex):
        return True
    return not CHINESE.search(latex) and not LONG_WORD.search(latex)


def is_in_square_brackets(latex: str, before: str, after: str) -> bool:
    r"""`\[` is written for brackets too: `a\[i\]`, `\[1\]`, `\[文字\](地址)`."""
    if r"\[" in latex or after in ("(", "[", ":"):
        return False
    if latex[0] == latex[-1] == "\n":
        return LATEX.search(latex) is not None or not CHINESE.search(latex)
    return MATHS.search(latex) is not None and not re.match("[A-Za-z0-9)\\]]", before)


def number_formulas(state: StateCore) -> None:
    """Give each formula its numbers; a reference to nothing is text where it stands in text."""
    formulas = [
        child for token in state.tokens for child in token.children or [] if child.type == "formula"
    ]
    if not any(CONCERNED.search(token.content) for token in formulas):
        return
    numbers = number([(token.content, token.info == "display") for token in formulas])
    for token, numbered in zip(formulas, numbers, strict=True):
        token.meta["numbered"] = numbered
        if numbered is None and not token.markup and not token.info:
            token.type = "text"


# In lines of its own ------------------------------------------------------------------


def formula_lines(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A paragraph that begins with a formula by itself, or the part of one from there on.

    Within the formula nothing is a block: `=` underlines no heading, `-` begins no list, and
    there may be empty lines. What the paragraph says before and after stays joined to it.
    """
    formula_end = last_line(state, start, end)
    if formula_end is None:
        return False
    if silent:
        return True
    terminators = state.md.block.ruler.getRules("paragraph")
    line = formula_end + 1
    while (
        line < end
        and not state.isEmpty(line)
        and (
            state.sCount[line] - state.blkIndent > 3
            or state.sCount[line] < 0
            or not any(rule(state, line, end, True) for rule in terminators)
        )
    ):
        line += 1
    state.line = line
    content = state.getLines(start, line, state.blkIndent, False).strip()
    before = state.tokens[-3:]
    if [token.type for token in before] == ["paragraph_open", "inline", "paragraph_close"]:
        if before[0].map[1] == start and before[0].level == state.level:
            before[1].content += f"\n{content}"
            before[0].map[1] = before[1].map[1] = line
            return True
    state.push("paragraph_open", "p", 1).map = [start, line]
    inline = state.push("inline", "", 0)
    inline.content, inline.map, inline.children = content, [start, line], []
    state.push("paragraph_close", "p", -1)
    return True


OPENING = re.compile(rf"\$\$|\\\[|\\begin\s*\{{(?P<name>{ENVIRONMENT})\}}")


def last_line(state: StateBlock, start: int, end: int) -> int | None:
    """The line at whose end the formula is closed that opens line `start`."""
    first = line_text(state, start)
    opening = OPENING.match(first)
    if opening is None:
        return None
    name = opening["name"]
    closed_by = rf"\end{{{name}}}" if name else CLOSED_BY[opening.group()]
    unclosed = state.env.setdefault("unclosed formulas", {})
    if unclosed.get((closed_by, end), end) < start:  # looked for from an earlier line, in vain
        return None
    text, line, gap, depth = first[opening.end() :], start, False, 1
    lines = [text]
    while (depth := depth - count_of_ends(text, name, closed_by)) > 0:
        line += 1
        if line >= end:
            unclosed[closed_by, end] = start
            return None
        text = line_text(state, line)
        lines.append(text)
        gap = gap or not text
        if gap and text and state.sCount[line] < state.blkIndent:  # out of the list or quote
            return None
    if not text.endswith(closed_by):
        return None
    if opening.group() == r"\[":
        latex = "\n".join(lines).removesuffix(closed_by)
        return line if latex.strip() and is_in_square_brackets(latex, "", "") else None
    return line


def count_of_ends(text: str, name: str | None, closed_by: str) -> int:
    """How many more of these a line closes than it opens."""
    if name is None:
        return int(closed_by in text)
    return text.count(closed_by) - text.count(rf"\begin{{{name}}}")


def line_text(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip()
