"""Formulas as MathML, which browsers show and screen readers read by themselves.

math-core converts them; what it can't read, latex2mathml may. Whatever they give is read as
XML and written again from a list of elements, attributes and values of MathML Core, so that
text of an author's is never more than text.
"""

import re
from functools import cache, lru_cache
from html import escape
from html.entities import html5
from xml.etree import ElementTree as etree

from latex2mathml.converter import convert
from math_core import LatexError, LatexToMathML

from kb.markdown.equations import Numbered, number
from kb.markdown.latex import MACROS, QUOTE, Writer, read, unescaped

ANCHOR = "formula:"
"""What ids of rows begin with; no heading and nothing of an author's has a colon in its id."""

# Conversion ---------------------------------------------------------------------------


@lru_cache(maxsize=100_000)
def mathml(latex: str, display: bool, numbered: Numbered | None = None, page: str = "") -> str | None:
    """The formula as a MathML element, with its source in `alttext`; None where it can't be
    read.

    `page`: the address of the note, where the formula is shown elsewhere: links lead there.
    """
    if numbered is None and display:
        (numbered,) = number([(latex, display)])
    group = read(numbered.latex if numbered else unescaped(latex))
    if group is None:
        return None
    written = Writer(group, display)
    for convert in (lambda: by_math_core(written.latex, display), lambda: by_latex2mathml(latex, display)):
        try:
            return Cleaned(numbered, page, written.colours).formula(convert(), latex, display)
        except NotClean:
            continue
    return None


@cache
def converter() -> LatexToMathML:
    return LatexToMathML(
        macros=MACROS,
        allow_unreliable_rendering=True,
        fancy_error=False,
        id_prefix=ANCHOR,
        max_expansions=200,
    )


def by_math_core(latex: str, display: bool) -> str:
    try:
        return converter().convert_with_local_state(latex, displaystyle=display)
    except LatexError:
        return ""


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
"""What the second converter lacks, in terms of what it has."""
OUTSIDE_TABLE = re.compile('linebreak="newline"|>&<')
"""Lines and alignment, which need a table around them."""
UNKNOWN = re.compile(r">\\[A-Za-z]+<|>&<")
"""A command that the converter passes through as a name."""


def by_latex2mathml(latex: str, display: bool) -> str:
    for old, new in REWRITTEN.items():
        latex = re.sub(old, new, latex)
    how = "block" if display else "inline"
    try:
        made = convert(latex, display=how)
        if display and OUTSIDE_TABLE.search(made):
            made = convert(rf"\begin{{align*}}{latex}\end{{align*}}", display=how)
    except Exception:  # its errors have no class in common, and some are Python's
        return ""
    return "" if UNKNOWN.search(made) else made


# Cleaning -----------------------------------------------------------------------------

ELEMENTS = set(
    """math mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow mspace msqrt
    mstyle msub msubsup msup mtable mtd mtext mtr munder munderover""".split()
)
WORDS = {"b", "code", "em", "i", "span", "u"}
"""What `<mtext>` may hold besides."""
LENGTH = r"[-+]?[\d.]+(?:em|rem|ex|px|pt|mm|cm|in|mu|%)?"
COLOUR = r"[A-Za-z]+|#[0-9A-Fa-f]{3,8}"
ATTRIBUTES = {
    name: re.compile(values)
    for names, values in {
        "accent accentunder displaystyle fence largeop movablelimits separator stretchy symmetric": "true|false",
        "depth height linethickness lspace maxsize minsize rspace voffset width": LENGTH,
        "mathbackground mathcolor": COLOUR,
        "columnspan rowspan": r"\d{1,3}",
        "columnalign": "(?:left|center|right| )+",
        "form": "prefix|infix|postfix",
        "mathvariant": "normal",
        "scriptlevel": r"[-+]?\d",
    }.items()
    for name in names.split()
}
"""Attribute → its values."""
LINE = rf"(?:{LENGTH}) (?:solid|dashed) (?:currentcolor|{COLOUR})"
STYLES = {
    name: re.compile(values)
    for names, values in {
        "border-bottom border-left border-right border-top": LINE,
        "color": COLOUR,
        "justify-items text-align": "start|end|left|center|right",
        "margin-left padding-bottom padding-left padding-right padding-top width": LENGTH,
    }.items()
    for name in names.split()
}
ENCLOSED = {
    "box": "is-boxed",
    "updiagonalstrike": "is-struck is-upwards",
    "downdiagonalstrike": "is-struck is-downwards",
    "updiagonalstrike downdiagonalstrike": "is-struck is-crossed",
    "horizontalstrike": "is-struck is-through",
}
"""`<menclose>`, which is no element of MathML Core: a class of the site's for it."""
NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
MARK, NUMBER_OF_COLOUR = re.compile(r"kb(\d+)"), re.compile(r"#(0\d{5})")
LINES = {"mover": "‾", "munder": "_"}
"""What stretches as far as what is below or above it; math-core's combining line is too long."""
ENTITY = re.compile(r"&(?!(?:lt|gt|amp|quot);)(\w+;)")


class NotClean(Exception):
    """Something that is no MathML, or more than we show."""


class Cleaned:
    """Writes one formula, its numbers and links in place."""

    def __init__(self, numbered: Numbered | None, page: str, colours: list[str]):
        self.tags = numbered.tags if numbered else ()
        self.references = iter(numbered.references if numbered else ())
        self.page = page
        self.colours = colours

    def formula(self, made: str, latex: str, display: bool) -> str:
        try:
            root = etree.fromstring(ENTITY.sub(lambda found: html5.get(found[1], ""), made))
        except etree.ParseError:
            raise NotClean from None
        how = "block" if display else "inline"
        inside = "".join(self.child(child, "math") for child in root)
        return f'<math alttext="{escape(latex)}" display="{how}">{inside}</math>'

    def child(self, element: etree.Element, parent: str) -> str:
        tag = element.tag.removeprefix(NAMESPACE)
        attributes = self.attributes(element, tag)
        if tag == "a" and parent == "mtext":
            if (shown := next(self.references, None)) is None:
                raise NotClean
            element.text = shown
        elif tag == "menclose":
            tag, attributes = "mrow", attributes + self.enclosing(element.get("notation", ""))
        elif tag not in ELEMENTS and not (tag in WORDS and parent in WORDS | {"mtext"}):
            raise NotClean
        elif tag == "span":  # of `\\textsf`
            attributes = ' style="font-family: sans-serif"'
        text = (element.text or "").replace(QUOTE, '"')
        if tag == "mo" and text == "\u0332":
            text = LINES[parent]
        if tag == "mtext" and parent == "mtd" and (mark := MARK.fullmatch(text)) and self.tags:
            text = in_words(self.tags[int(mark[1])])
        inside = "".join(self.child(child, tag) for child in element)
        return f"<{tag}{attributes}>{escape(text, quote=False)}{inside}</{tag}>{escape(element.tail or '', quote=False)}"

    def attributes(self, element: etree.Element, tag: str) -> str:
        kept = {}
        for name, value in element.items():
            if name == "style":
                value = self.styles(value)
            elif name == "id":
                value = value if self.tags and not self.page and value.startswith(ANCHOR) else ""
            elif name == "href" and tag == "a" and value.startswith(f"#{ANCHOR}"):
                value = f"{self.page}{value}"
            elif not (name in ATTRIBUTES and ATTRIBUTES[name].fullmatch(value)):
                value = ""
            if value:
                kept[name] = value
        return "".join(f' {name}="{escape(value)}"' for name, value in kept.items())

    def enclosing(self, notation: str) -> str:
        if notation not in ENCLOSED:
            raise NotClean
        return f' class="{ENCLOSED[notation]}"'

    def styles(self, written: str) -> str:
        kept = []
        for declaration in written.split(";"):
            name, _, value = (part.strip() for part in declaration.partition(":"))
            if name == "color" and (number := NUMBER_OF_COLOUR.fullmatch(value)):
                value = self.colours[int(number[1])]
            if name in STYLES and STYLES[name].fullmatch(value):
                kept.append(f"{name}: {value}")
        return "; ".join(kept)


def in_words(tag: str) -> str:
    r"""What is seen of a number that is LaTeX itself: `\tag{$\ast$}`."""
    if not re.search(r"[\\$]", tag):
        return tag
    made = mathml(rf"\text{{{tag}}}", False)
    return "".join(etree.fromstring(made).itertext()) if made else tag
