"""Formulas: `$…$` in a line, `$$…$$` in a line or over several, as Typora reads them.

They become MathML, which browsers show and screen readers read by themselves; nothing is
loaded for it. What can't be read as LaTeX is shown as it was written.

A dollar opens a formula where no space follows it, and closes one where no space stands before
it and no digit after it; `$ x $`, with a space on both sides, is a formula too. Chinese between
dollars without anything of LaTeX is no formula, so that prices stay prices.
"""

import re
from functools import lru_cache
from html import escape

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.rules_block.state_block import StateBlock
from markdown_it.rules_inline.state_inline import StateInline

FORMULA = re.compile(
    r"""\$\$ (?P<display> (?: \\. | [^\\$] | \$(?!\$) )+ ) \$\$
      | \$ (?P<inline> [ ]\S (?: \\. | [^\\$`\n] )*? [ ]
                      | (?![\s$]) (?: \\. | [^\\$`] )+ (?<!\s) )
        \$ (?![\d$])""",
    re.VERBOSE | re.DOTALL,
)
CHINESE, LATEX = re.compile("[\u3000-\u9fff\uff00-\uffef]"), re.compile(r"[\\^_={}]")
DOLLARS = re.compile(r"\$+")

REWRITTEN = {
    r"\\(?:nonumber|notag|nolimits)\b|\\label\s*\{[^{}]*\}|\\(?:begin|end)\{equation\*?\}": "",
    r"\\(begin|end)\{(?:aligned|align|eqnarray\*?)\}": r"\\\1{align*}",
    r"\\begin\{align(?:ed)?at\*?\}\s*\{\d+\}": r"\\begin{align*}",
    r"\\end\{align(?:ed)?at\*?\}": r"\\end{align*}",
    r"\\(begin|end)\{(?:gather(?:ed)?|multline)\*?\}": r"\\\1{matrix}",
    r"\\(begin|end)\{dcases\}": r"\\\1{cases}",
    r"\\(?:cr|newline)\b": r"\\\\",
    r"\\arg\b": r"\\operatorname{arg}",
    r"\\([CNQRZ])\b": r"\\mathbb{\1}",
}
"""What the converter lacks, in terms of what it has; numbers of formulas are left out."""
OUTSIDE_TABLE = re.compile('linebreak="newline"|>&<')
"""Lines and alignment, which need a table around them."""
UNKNOWN = re.compile(r">\\[A-Za-z]+<|>&<")
"""A command that the converter passes through as a name."""


def formula_plugin(markdown: MarkdownIt) -> None:
    """Inline tokens `formula`, with LaTeX as content and `$` or `$$` as markup."""
    markdown.inline.ruler.before("escape", "formula", inline_formula)
    interrupts = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    markdown.block.ruler.before("fence", "formula", formula_lines, interrupts)


def inline_formula(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "$":
        return False
    found = FORMULA.match(state.src, state.pos, state.posMax)
    if found and found["inline"] and CHINESE.search(found["inline"]):
        found = found if LATEX.search(found["inline"]) else None
    if found and not silent:
        token = state.push("formula", "", 0)
        token.content = (found["display"] or found["inline"]).strip()
        token.markup = "$$" if found["display"] else "$"
    if not found:
        found = DOLLARS.match(state.src, state.pos, state.posMax)
        if not silent:
            state.append_pending(found.group())
    state.pos = found.end()
    return True


def formula_lines(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A paragraph that begins with `$$…$$`, or the part of a paragraph from there on.

    Between the dollars nothing is a block: `=` underlines no heading, `-` begins no list, and
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


def last_line(state: StateBlock, start: int, end: int) -> int | None:
    """The line on which the `$$` that opens line `start` is closed."""
    if not state.src.startswith("$$", state.bMarks[start] + state.tShift[start]):
        return None
    text, line, gap = line_text(state, start)[2:], start, False
    while "$$" not in text:
        line += 1
        if line >= end:
            return None
        text = line_text(state, line)
        gap = gap or not text
        if gap and text and state.sCount[line] < state.blkIndent:  # out of the list or quote
            return None
    return line if text.endswith("$$") else None


def line_text(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip()


@lru_cache(maxsize=100_000)
def mathml(latex: str, display: bool) -> str | None:
    """The formula as a MathML element, with its source in `alttext`; None where it can't be
    read.
    """
    if not balanced(latex):
        return None
    written = latex
    for old, new in REWRITTEN.items():
        written = re.sub(old, new, written)
    made = to_mathml(written, display)
    if display and made and OUTSIDE_TABLE.search(made):
        made = to_mathml(rf"\begin{{align*}}{written}\end{{align*}}", display)
    if made is None or UNKNOWN.search(made):
        return None
    return made.replace("<math ", f'<math alttext="{escape(latex)}" ', 1)


def to_mathml(latex: str, display: bool) -> str | None:
    try:
        return convert(latex, display="block" if display else "inline")
    except Exception:  # latex2mathml's errors have no class in common, and some are Python's
        return None


def balanced(latex: str) -> bool:
    """Whether every brace is closed; the converter stops reading at one that isn't."""
    depth = 0
    for brace in re.findall(r"\\.|[{}]", latex, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(brace, 0)
    return depth == 0
