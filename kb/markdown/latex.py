"""LaTeX as authors write it, put into the words that math-core reads.

Notes hold what MathJax, KaTeX and Typora forgive, what Hexo made authors escape, and what a
blog's HTML left behind. A formula is read into groups once and written again by `Writer`:

    \\mathop{\\arg\\min}\\limits_x     \\mathop{\\underset{x}{\\arg\\min}}
    \\text{若 $a_i$ 为零}             {\\text{若 }{a_i}\\text{ 为零}}
    a &= b \\\\[5pt] &= c             \\begin{aligned}a &= b \\\\ &= c\\end{aligned}
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

LONGEST = 20_000
"""Characters of a formula that is read; the longest of real notes have some 5,000."""
DEEPEST = 400
"""How deep a converter may have to go, which is three for a group and one for each command
before its end, since `\\sqrt\\sqrt…` nests without a brace. math-core ends the process when its
stack does, at 1,600.
"""

TOKEN = re.compile(
    r"""\\(?P<edge>begin|end)\s*\{\s*(?P<name>[A-Za-z]+\*?)\s*\}
      | \\(?P<side>left|right)(?![A-Za-z])\s*(?P<delimiter>\\[A-Za-z]+|\\.|[^\s\\])
      | (?P<brace>[{}]) | \\[A-Za-z]+ | \\. | \s+ | .""",
    re.VERBOSE | re.DOTALL,
)
COMMAND = re.compile(r"\\[A-Za-z]+")


@dataclass
class Group:
    """What stands between two ends: braces, `\\left` and `\\right`, an environment's."""

    sort: str = ""
    open: str = ""
    items: list["str | Group"] = field(default_factory=list)
    close: str = ""
    name: str = ""
    """Of an environment."""
    commands: int = 0
    """So far in the cell that is being read."""

    def __str__(self) -> str:
        return self.open + self.inside + self.close

    @property
    def inside(self) -> str:
        return "".join(map(str, self.items))


def read(latex: str) -> Group | None:
    """The formula as groups; None where they aren't closed, or go too deep."""
    if len(latex) > LONGEST:
        return None
    group, around, depth = Group(), [], 0
    for found in TOKEN.finditer(latex):
        token = found.group()
        sort = "brace" if found["brace"] else "edge" if found["edge"] else "side" if found["side"] else ""
        if sort and (found[sort] in ("{", "begin", "left")):
            inner = Group(sort, end_of_group(found), name=found["name"] or "")
            group.items.append(inner)
            around.append(group)
            group = inner
            depth += 3
        elif sort:
            if not around or group.sort != sort:
                return None
            group.close = rf"\end{{{group.name}}}" if sort == "edge" else end_of_group(found)
            depth -= 3 + group.commands
            group = around.pop()
        elif token == "\\":
            return None
        else:
            group.items.append(token)
            change = -group.commands if token in ("&", r"\\") else bool(COMMAND.fullmatch(token))
            group.commands += change
            depth += change
        if depth > DEEPEST:
            return None
    return None if around else group


def end_of_group(found: re.Match) -> str:
    if found["edge"]:
        return rf"\{found['edge']}{{{found['name']}}}"
    if found["side"]:
        token = found["delimiter"]
        return rf"\{found['side']}{DELIMITERS.get(token, token)} "
    return found["brace"]


DELIMITERS = {"<": r"\langle", ">": r"\rangle", r"\lt": r"\langle", r"\gt": r"\rangle"} | {
    "{": r"\{",
    "}": r"\}",
    r"\(": "(",
    r"\)": ")",
    r"\[": "[",
    r"\]": "]",
}

# What blogs did to it -----------------------------------------------------------------

ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&", "&nbsp;": "~", "&quot;": '"', "&#39;": "'"}
ENTITY = re.compile("|".join(ENTITIES))
SPACE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u00a0\u2000-\u200f\u2028-\u202f\u205f-\u206f\ufeff]")
"""Spaces of other scripts, and what can't be seen at all."""
BACKSLASHES = re.compile(r"\\+")
ESCAPED_TWICE, ESCAPED_BRACES = re.compile(r"\\\\([|,;!%#$_*])"), re.compile(r"\\\\([{}])")
ESCAPED_SUBSCRIPT = re.compile(
    r"""(\\(?:text|math)[a-z]*\s*\{[^{}]*\}\\_(?!\{))
      | ((?<![A-Za-z\\])[A-Za-z]|[)\]}]|\\[A-Za-z]+)\\_(?=[A-Za-z0-9](?![A-Za-z])|\{) | \\_(?=\{)""",
    re.VERBOSE,
)
"""`x\\_1` and `E\\_{in}`, but not `d\\_model`."""
PERCENT = re.compile(r"(?<!\\)%(?:(?<!\d%)[^\n]*\n)?")
"""A comment where a line follows it and no number stands before it; else a percent sign."""


def unescaped(latex: str) -> str:
    """Without the second backslash that Hexo's Markdown would have taken away, and as HTML
    would be read.
    """
    latex = ENTITY.sub(lambda found: ENTITIES[found.group()], latex)
    latex = SPACE.sub(" ", latex)
    latex = PERCENT.sub(lambda found: "" if "\n" in found.group() else r"\%", latex)
    latex = ESCAPED_SUBSCRIPT.sub(lambda found: found[1] or f"{found[2] or ''}_", latex)
    latex = END_OF_ROW.sub(r"\1 ", latex)
    runs = {len(run) for run in BACKSLASHES.findall(latex)}
    if all(length % 2 == 0 for length in runs) and re.search(r"\\\\(?:[{}_*]|[A-Za-z]{2})", latex):
        return latex.replace(r"\\", "\\")
    if r"\begin" not in latex or r"\\\\" in latex:
        latex = ESCAPED_TWICE.sub(r"\\\1", latex.replace(r"\\\\", r"\\ "))
        if latex.count(r"\\{") == latex.count(r"\\}"):
            latex = ESCAPED_BRACES.sub(r"\\\1", latex)
    return latex


# Writing it again ---------------------------------------------------------------------

RENAMED = {
    r"\cr": r"\\",
    r"\newline": r"\\",
    "\\\n": r"\ ",
    "\\\t": r"\ ",
    r"\/": "",
    r"\LaTeX": r"\text{LaTeX}",
    r"\TeX": r"\text{TeX}",
    r"\dotsb": r"\cdots",
    r"\dotsc": r"\ldots",
    r"\dotsi": r"\cdots",
    r"\dotsm": r"\cdots",
    r"\dotso": r"\ldots",
    r"\euro": "€",
    r"\hdots": r"\ldots",
    r"\hfil": r"\quad",
    r"\hfill": r"\quad",
    r"\mit": r"\it",
    r"\nonumber": "",
    r"\notag": "",
    r"\qed": r"\square",
    r"\textdegree": "°",
} | {f"\\{char}": char for char in "*'()[]\"+-=.<@`~"}
"""Tokens as math-core knows them, and characters that authors escaped for Hexo."""
SIZES = r"\tiny \scriptsize \footnotesize \small \normalsize \large \Large \LARGE \huge \Huge"
RENAMED |= dict.fromkeys(SIZES.split(), "")  # formulas are as large as the text around

MACROS = {
    "Q": r"\mathbb{Q}",
    "clap": "{#1}",
    "ensuremath": "{#1}",
    "llap": "{#1}",
    "mathbbm": r"\mathbb{#1}",
    "mathclap": "{#1}",
    "mathds": r"\mathbb{#1}",
    "mathllap": "{#1}",
    "mathnormal": "{#1}",
    "mathrlap": "{#1}",
    "pmb": r"\boldsymbol{#1}",
    "rlap": "{#1}",
    "smash": "{#1}",
}
"""What math-core lacks, as LaTeX."""

OPERATORS = set(
    r"""\sum \prod \coprod \int \iint \iiint \oint \bigcup \bigcap \bigoplus \bigotimes \bigodot
    \biguplus \bigsqcup \bigvee \bigwedge \lim \limsup \liminf \max \min \sup \inf \det \gcd \Pr
    \argmax \argmin \injlim \projlim""".split()
)
"""What takes `\\limits`."""
SIMPLE_NAME = re.compile(r"(?:[^\\{}$^_]|\\[,;:! _-])*")
"""Of an operator, as math-core reads it."""
ONE_ARGUMENT = re.compile(r"\\(?:math[a-z]+|bm|boldsymbol|pmb|hat|bar|tilde|vec|dot|sqrt)")
BIG = re.compile(r"\\[bB]igg?[lrm]?|\\middle")
COLOUR = re.compile("[a-z]+|#?[0-9A-Fa-f]{6}|#[0-9A-Fa-f]{3}", re.IGNORECASE)
END_OF_ROW = re.compile(
    r"(\\\\)(?:\*?\s*\[\s*[-+]?[\d.,\s]*(?:pt|em|ex|mm|cm|in|px|mu|bp|pc|sp|\\[A-Za-z]+)\s*\]|\*)"
)
"""With how far the next row is, which isn't told."""
POSITION = re.compile(r"\s*\[\s*[tbclr]\s*\]")

ENVIRONMENTS = {
    "alignat": "align",
    "alignat*": "align*",
    "alignedat": "aligned",
    "eqnarray": "align",
    "eqnarray*": "align*",
    "flalign": "align",
    "flalign*": "align*",
    "smallmatrix": "subarray",
    "split": "aligned",
    "tabular": "array",
} | {f"{sort}matrix*": f"{sort}matrix" for sort in ("", "p", "b", "B", "v", "V")}
COUNTED = {"alignat", "alignat*", "alignedat"}
"""The number of their columns stands after their names."""
WITHOUT_NUMBERS = {"align": "aligned", "gather": "gathered", "multline": "multline*"}
ONE_ROW = {"equation", "subequations", "math", "displaymath", "center"}

Items = list[str | Group]


class Cursor:
    """Where one is among items; spaces mean nothing in front of an argument."""

    def __init__(self, items: Items):
        self.items = items
        self.place = 0

    def take(self) -> str | Group:
        self.place += 1
        return self.items[self.place - 1]

    def next(self) -> str | Group | None:
        """The next item that is no space."""
        while self.place < len(self.items) and str(self.items[self.place]).isspace():
            self.place += 1
        return self.items[self.place] if self.place < len(self.items) else None

    def argument(self) -> Items:
        """What a command is about, without the braces."""
        if (item := self.next()) is None:
            return []
        self.place += 1
        if is_braced(item):
            return item.items
        if isinstance(item, str) and COMMAND.fullmatch(item):
            if is_braced(self.next()) or ONE_ARGUMENT.fullmatch(item) and self.next() is not None:
                return [item, self.take()]
        return [item]

    def option(self) -> str:
        """What stands in brackets, if any do."""
        if self.next() != "[" or "]" not in self.items[self.place :]:
            return ""
        start, self.place = self.place + 1, self.items.index("]", self.place) + 1
        return text_of(self.items[start : self.place - 1])

    def left(self) -> Items:
        return self.items[self.place :]


def is_braced(item: str | Group | None) -> bool:
    return isinstance(item, Group) and item.sort == "brace"


def braced(text: str) -> Group:
    return Group("brace", "{", [text], "}")


def text_of(items: Items) -> str:
    return "".join(map(str, items))


def renamed(items: Items) -> Items:
    return [RENAMED.get(item, item) if isinstance(item, str) else item for item in items]


class Writer:
    """Writes one formula in words that math-core reads."""

    def __init__(self, group: Group, display: bool):
        self.display = display
        self.defines = DEFINITION.search(str(group)) is not None
        """Whether the formula has commands of its own, in which `#` is an argument."""
        self.colours: list[str] = []
        r"""As they are named or written; `\color[HTML]{000002}` is the third."""
        self.latex = self.rows(group.items)

    def rows(self, items: Items) -> str:
        """What stands outside tables: with a table around it where it has rows or columns."""
        items = renamed(items)
        while items and str(items[-1]).strip() in ("", r"\\"):
            items.pop()
        written = self.write(items)
        if "&" in items:
            return rf"\begin{{aligned}}{written}\end{{aligned}}"
        return rf"\begin{{gathered}}{written}\end{{gathered}}" if r"\\" in items else written

    def write(self, items: Items) -> str:
        cursor, out = Cursor(renamed(items)), []
        while cursor.place < len(cursor.items):
            item = cursor.take()
            if isinstance(item, Group):
                out.append(self.group(item))
            elif len(item) == 1 and item not in "^#":
                out.append(item)
            elif handler := HANDLERS.get(item):
                out.append(handler(self, item, cursor))
            elif item == r"\limits":
                self.limits(out, cursor)
            elif item == "^" and str(cursor.next()) in ("'", "{'}"):
                cursor.take()
                out.append("'")
            elif BIG.fullmatch(item) and cursor.next() in ("<", ">"):
                out.append(f"{item}{DELIMITERS[cursor.take()]} ")
            elif item == "#" and not self.defines:
                out.append(r"\#")
            elif COMMAND.fullmatch(item):  # `\gamma*` would be one command
                out.append(f"{item} ")
            else:
                out.append(item)
        return "".join(out)

    def group(self, group: Group) -> str:
        if group.sort == "edge":
            return self.environment(group)
        return group.open + self.rows(group.items) + group.close

    # environments

    def environment(self, group: Group) -> str:
        name, cursor = group.name, Cursor(group.items)
        if POSITION.match(text_of(group.items[:6])):
            cursor.option()
        if name in COUNTED:
            cursor.argument()
        columns = ""
        if name in ("array", "darray", "tabular"):
            columns = f"{{{columns_of(text_of(cursor.argument())) if is_braced(cursor.next()) else 'c'}}}"
        elif name == "smallmatrix":
            columns = "{c}"
        items = cursor.left()
        if name.startswith("eqnarray"):
            items = without_second_columns(items)
        name = ENVIRONMENTS.get(name, name)
        plain = name.rstrip("*")
        if plain in ONE_ROW or plain in WITHOUT_NUMBERS:
            if self.display and TAG in items:
                return self.numbered(plain, items)
            if plain in ONE_ROW:
                return self.rows(items)
            name = WITHOUT_NUMBERS[plain]
        return rf"\begin{{{name}}}{columns}{self.write(items)}\end{{{name}}}"

    def numbered(self, name: str, items: Items) -> str:
        """An environment whose rows say their numbers, as `kb.markdown.equations` makes it."""
        lines = [items] if name == "equation" else rows_of(items)
        written = []
        for line in lines:
            tag, label = next(said(line, TAG), None), next(said(line, LABEL), None)
            number = r"\notag " if tag is None else rf"\tag*{{{tag}}}"
            number += "" if label is None else rf"\label{{{label}}}"
            line = without(line, TAG, LABEL)
            written.append((self.rows(line) if name == "equation" else self.write(line)) + number)
        return rf"\begin{{{name}}}" + r"\\ ".join(written) + rf"\end{{{name}}}"

    # commands

    def text(self, command: str, cursor: Cursor) -> str:
        r"""`\text{若 $a$}`, whose formulas are taken out of it."""
        item = cursor.next()
        if item is None:
            return command
        return self.words(TEXT[command], text_of(cursor.argument()) if is_braced(item) else str(cursor.take()))

    def words(self, command: str, raw: str) -> str:
        parts = DOLLAR.split(raw.replace(r"\(", "$").replace(r"\)", "$"))
        if len(parts) % 2 == 0:
            parts = [r"\$".join(parts)]
        out = []
        for place, part in enumerate(parts):
            if place % 2 == 0:
                out.append(f"{command}{{{literal(part)}}}" if part else "")
            elif (group := read(part)) is not None:
                out.append(f"{{{self.rows(group.items)}}}")
        return out[0] if len(parts) == 1 else f"{{{''.join(out)}}}"

    def colour(self, command: str, cursor: Cursor) -> str:
        r"""`\color` is about what stands in braces after it, as in MathJax; else about the rest.

        math-core knows few names, so it is told the colour's number in this formula.
        """
        model, value = cursor.option(), text_of(cursor.argument()).strip()
        switch = ""
        if COLOUR.fullmatch(value):
            self.colours.append(value if value.isalpha() or value[0] == "#" else f"#{value}")
            switch = rf"\color[HTML]{{{len(self.colours) - 1:06}}}"
        elif model and NUMBERS.fullmatch(value):
            switch = rf"\color[{model}]{{{value}}}"
        if is_braced(cursor.next()):
            return f"{{{switch}{self.rows(cursor.argument())}}}"
        return switch

    def operator(self, command: str, cursor: Cursor) -> str:
        star = "*" if cursor.next() == "*" else ""
        if star:
            cursor.take()
        name = cursor.argument()
        if SIMPLE_NAME.fullmatch(text_of(name)):
            return rf"\operatorname{star}{{{text_of(name)}}}"
        upright = rf"\mathrm{{{self.rows(name)}}}"
        return self.with_limits(upright, cursor) if star else rf"\mathop{{{upright}}}"

    def mathop(self, command: str, cursor: Cursor) -> str:
        written = self.rows(cursor.argument()).strip()
        if written in OPERATORS:
            return f"{written} "
        return self.with_limits(written, cursor)

    def extreme_limit(self, command: str, cursor: Cursor) -> str:
        line = "over" if command == r"\varlimsup" else "under"
        return self.with_limits(rf"\{line}line{{\lim}}", cursor)

    def with_limits(self, base: str, cursor: Cursor) -> str:
        said = cursor.next() if cursor.next() in (r"\limits", r"\nolimits") else None
        if said:
            cursor.take()
        if said == r"\nolimits" or not (said or self.display):
            return rf"\mathop{{{base}}}"
        while (script := cursor.next()) in ("_", "^"):
            cursor.take()
            over = "under" if script == "_" else "over"
            base = rf"\{over}set{{{self.rows(cursor.argument())}}}{{{base}}}"
        return rf"\mathop{{{base}}}"

    def limits(self, out: list[str], cursor: Cursor) -> None:
        r"""`\limits` after what math-core takes for no operator: `\mathrm{max}\limits_x`."""
        while out and out[-1].isspace():
            out.pop()
        if out and (out[-1].strip() in OPERATORS or out[-1].startswith(r"\operatorname")):
            out.append(r"\limits")
            return
        base = out.pop() if out else ""
        if out and base.startswith("{") and COMMAND.match(out[-1]):
            base = out.pop() + base
        cursor.place -= 1
        out.append(self.with_limits(base, cursor))

    def substack(self, command: str, cursor: Cursor) -> str:
        return rf"\begin{{subarray}}{{c}}{self.write(cursor.argument())}\end{{subarray}}"

    def second(self, command: str, cursor: Cursor) -> str:
        r"""`\href{…}{x}`, `\bbox[…]{x}`: x."""
        if command != r"\bbox":
            cursor.option()
            cursor.argument()
        cursor.option()
        return f"{{{self.rows(cursor.argument())}}}"

    def boxed_text(self, command: str, cursor: Cursor) -> str:
        cursor.option()
        for _ in range(2 if command == r"\fcolorbox" else 1):
            cursor.argument()
        return self.text(TEXT_COMMAND, cursor)

    def dropped(self, command: str, cursor: Cursor) -> str:
        cursor.argument() if cursor.next() != "*" else (cursor.take(), cursor.argument())
        return ""

    def hspace(self, command: str, cursor: Cursor) -> str:
        if cursor.next() == "*":
            cursor.take()
        return command

    def columns(self, command: str, cursor: Cursor) -> str:
        r"""`\multicolumn{2}{c}{x}`: x and an empty cell."""
        number, _ = text_of(cursor.argument()), cursor.argument()
        return self.rows(cursor.argument()) + "&" * (int(number) - 1 if re.fullmatch("[1-9]", number) else 0)

    def circled(self, command: str, cursor: Cursor) -> str:
        value = text_of(cursor.argument()).strip()
        return rf"\text{{{CIRCLED.get(value, f'({literal(value)})')}}}"

    def definition(self, command: str, cursor: Cursor) -> str:
        r"""An author's command may have the name of one that is there."""
        if command == r"\DeclareMathOperator":
            star = "*" if cursor.next() == "*" else ""
            if star:
                cursor.take()
            name = text_of(cursor.argument())
            return rf"\def{name}{{\operatorname{star}{{{text_of(cursor.argument())}}}}}"
        name = text_of(cursor.argument())
        return rf"\providecommand{{{name}}}{{}}\renewcommand{{{name}}}"

    def tag(self, command: str, cursor: Cursor) -> str:
        """Of a formula within a line."""
        if star := cursor.next() == "*":
            cursor.take()
        value = text_of(cursor.argument())
        return rf"\quad{self.words(TEXT_COMMAND, value if star else f'({value})')}"

    def chemistry(self, command: str, cursor: Cursor) -> str:
        return f"{{{chemical(text_of(cursor.argument()))}}}"


QUOTE = "\ue000"
"""For a quotation mark, which math-core would turn into another."""
TAG, LABEL, TEXT_COMMAND = r"\tag", r"\label", r"\text"
DEFINITION = re.compile(r"\\(?:def|(?:new|renew|provide)command|DeclareMathOperator)(?![A-Za-z])")
DOLLAR = re.compile(r"(?<!\\)\$")
NUMBERS = re.compile(r"[\d., ]+")
CIRCLED = {str(number): chr(0x2460 + number - 1) for number in range(1, 21)} | {
    letter: chr(0x24B6 + ord(letter) - ord("A") + (-6 if letter.islower() else 0))
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
}
ROMAN = r"\mbox \hbox \textnormal \textmd \textup \textsc \textrm \intertext \shortintertext".split()
TEXT = dict.fromkeys(ROMAN, r"\text") | {
    command: command for command in r"\text \textbf \textit \texttt \textsf \emph".split()
}
HANDLERS: dict[str, Callable[[Writer, str, Cursor], str]] = (
    dict.fromkeys(TEXT, Writer.text)
    | dict.fromkeys([r"\color", r"\textcolor"], Writer.colour)
    | dict.fromkeys(
        r"\href \class \cssId \style \htmlId \htmlClass \htmlStyle \htmlData \bbox".split(), Writer.second
    )
    | dict.fromkeys([r"\colorbox", r"\fcolorbox"], Writer.boxed_text)
    | dict.fromkeys([LABEL, r"\vspace", r"\require", r"\cline"], Writer.dropped)
    | dict.fromkeys([r"\varlimsup", r"\varliminf"], Writer.extreme_limit)
    | dict.fromkeys([r"\newcommand", r"\renewcommand", r"\DeclareMathOperator"], Writer.definition)
    | {
        TAG: Writer.tag,
        r"\ce": Writer.chemistry,
        r"\hspace": Writer.hspace,
        r"\mathop": Writer.mathop,
        r"\multicolumn": Writer.columns,
        r"\operatorname": Writer.operator,
        r"\substack": Writer.substack,
        r"\textcircled": Writer.circled,
    }
)


def literal(text: str) -> str:
    """What stands in `\\text`, without what means something in formulas only."""
    if text.count("{") != text.count("}"):
        text = text.replace("{", "").replace("}", "")
    text = re.sub(r"\\\\|\n", " ", text)
    text = re.sub(r"(?<!\\)([_&#])", r"\\\1", text)
    text = re.sub(r"(\\[%#&_$]) ", r"\1\\ ", text)  # math-core passes over such a space
    return text.replace("^", r"\textasciicircum{}").replace('"', QUOTE)


def columns_of(written: str) -> str:
    r"""The columns of an array: of `|c|*{2}{r}p{2cm}@{}` it is `|c|rrl`."""
    written = re.sub(
        r"\*\s*\{\s*(\d{1,2})\s*\}\s*\{([^{}]*)\}", lambda found: found[2] * int(found[1]), written
    )
    written = re.sub(r"[@!><]\s*\{[^{}]*\}", "", written)
    written = re.sub(r"[pmbwX]\s*\{[^{}]*\}", "l", written)
    return "".join(re.findall(r"[lcr|:]", written)) or "c"


def rows_of(items: Items) -> list[Items]:
    """The rows of a table, without an empty one at its end."""
    rows: list[Items] = [[]]
    for item in items:
        if isinstance(item, str) and RENAMED.get(item, item) == r"\\":
            rows.append([])
        else:
            rows[-1].append(item)
    return rows if len(rows) > 1 and text_of(rows[-1]).strip() else rows[:-1] or rows


def without_second_columns(items: Items) -> Items:
    """`a &=& b` of eqnarray, as align has it: `a &= b`."""
    rows = []
    for row in rows_of(items):
        second = [place for place, item in enumerate(row) if item == "&"][1:2]
        rows += [*(item for place, item in enumerate(row) if place not in second), r"\\"]
    return rows[:-1]


def said(items: Items, command: str) -> Iterator[str]:
    """What each such command says, wherever it stands; a tag, as it is shown."""
    cursor = Cursor(items)
    while cursor.left():
        item = cursor.take()
        if isinstance(item, Group):
            yield from said(item.items, command)
        elif item == command:
            if starred := cursor.next() == "*":
                cursor.take()
            value = text_of(cursor.argument()).strip()
            yield f"({value})" if command == TAG and not starred else value


def without(items: Items, *commands: str) -> Items:
    """The same without these commands, wherever they stand."""
    kept: Items = []
    cursor = Cursor(items)
    while cursor.left():
        item = cursor.take()
        if item in commands:
            if cursor.next() == "*":
                cursor.take()
            cursor.argument()
        elif isinstance(item, Group):
            kept.append(replace(item, items=without(item.items, *commands)))
        else:
            kept.append(item)
    return kept


CHEMICAL = re.compile(
    r"""(?P<arrow><=>|<->|->|<-) | \^\{?(?P<charge>[0-9]*[+-]|[^{}\s]+)\}? | (?P<number>(?<=[A-Za-z)\]])\d+)
      | (?P<letters>[A-Za-z]+) | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
ARROWS = {"->": r"\rightarrow ", "<-": r"\leftarrow ", "<->": r"\leftrightarrow ", "<=>": r"\rightleftharpoons "}


def chemical(formula: str) -> str:
    r"""What mhchem's `\ce` makes of the usual: `2H2O -> 2H2 + O2`, `SO4^2-`."""
    written = []
    for found in CHEMICAL.finditer(formula):
        match found.lastgroup, found[found.lastgroup]:
            case "arrow", arrow:
                written.append(ARROWS[arrow])
            case "charge", charge:
                written.append(f"^{{{charge}}}")
            case "number", number:
                written.append(f"_{{{number}}}")
            case "letters", letters:
                written.append(rf"\mathrm{{{letters}}}")
            case _, other:
                written.append(other)
    return "".join(written)
