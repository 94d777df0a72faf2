r"""The numbers of a note's equations, and what refers to them.

    \begin{align} a &= b \label{one} \\ c &= d \tag{x} \end{align} … 由 \eqref{one} 得

gives the rows (1) and (x), and a link to the first. A note is numbered as a whole when it is
parsed, so that each formula knows its numbers wherever it is shown.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kb.markdown.latex import (
    LABEL,
    TAG,
    Cursor,
    Group,
    Items,
    braced,
    read,
    rows_of,
    said,
    text_of,
    unescaped,
    without,
)

CONCERNED = re.compile(
    r"""\\(?:tag|label|(?:eq)?ref)(?![A-Za-z])
      | \\begin\s*\{\s*(?:equation|align(?:at)?|gather|flalign|multline|eqnarray)\s*\}""",
    re.VERBOSE,
)
HAVE_NUMBERS = {"align", "alignat", "eqnarray", "flalign", "gather"}
GET_NUMBERS = {"aligned": "align*", "alignedat": "alignat*", "gathered": "gather*", "split": "align*"}
"""Environments that are others as soon as their rows have tags."""


@dataclass(frozen=True)
class Numbered:
    r"""A formula with marks in place of what may be anything: `\tag*{kb0}`, `\label{3}`, `\eqref{3}`."""

    latex: str
    tags: tuple[str, ...]
    """What `kb0`, `kb1` … stand for."""
    references: tuple[str, ...]
    """What its links say, in their order."""


def number(formulas: Sequence[tuple[str, bool]]) -> list[Numbered | None]:
    """For each formula of a note, with whether it stands by itself: its numbers.

    None for one that has none, or that refers to what isn't there.
    """
    groups = [read(unescaped(latex)) if CONCERNED.search(latex) else None for latex, _ in formulas]
    numbering = Numbering({label for group in groups if group for label in referred(group.items)})
    marked = [
        (numbering.marked(group.items) if display else (group.items, [])) if group else None
        for group, (_, display) in zip(groups, formulas, strict=True)
    ]
    return [numbering.linked(*each) if each else None for each in marked]


def referred(items: Items) -> Iterator[str]:
    for command in (r"\ref", r"\eqref"):
        yield from said(items, command)


class Numbering:
    def __init__(self, referred: set[str]):
        self.referred = referred
        self.last = 0
        self.labels: dict[str, tuple[int, str]] = {}
        """Label → its own number, and the number of its row as it is shown."""

    def marked(self, items: Items) -> tuple[Items, list[str]]:
        """A formula by itself with a mark for each number, and the numbers."""
        tags: list[str] = []
        around = [item for item in without(items, TAG, LABEL) if str(item).strip()]
        alone = next((item for item in items if isinstance(item, Group)), None)
        name = alone.name if len(around) == 1 and alone else ""
        plain = name.rstrip("*")
        if plain == "equation" and len(list(said(alone.items, TAG))) > 1:
            return self.marked(alone.items)
        if plain in HAVE_NUMBERS or plain in GET_NUMBERS and any(said(alone.items, TAG)):
            name = GET_NUMBERS.get(plain, name)
            lines = rows_of(alone.items)
            lines[-1] = [*lines[-1], *(item for item in items if item is not alone)]
        elif plain in ("equation", "multline"):
            lines = [[item for other in items for item in (alone.items if other is alone else [other])]]
        else:
            name, lines = "equation*", [items]
        rows = [self.row(line, not name.endswith("*"), tags) for line in lines]
        if not tags:
            return without(items, TAG, LABEL), tags
        rows = [item for row in rows for item in (r"\\", *row)][1:]
        name = name.rstrip("*")
        return [Group("edge", rf"\begin{{{name}}}", rows, rf"\end{{{name}}}", name)], tags

    def row(self, items: Items, automatic: bool, tags: list[str]) -> Items:
        """One row, its mark at its end, whose number is added to the tags."""
        label = next(said(items, LABEL), None)
        automatic = automatic and not {r"\notag", r"\nonumber"} & set(map(str, items))
        shown = "，".join(said(items, TAG))
        if not shown and (automatic or label in self.referred):
            self.last += 1
            shown = f"({self.last})"
        items = without(items, TAG, LABEL)
        if not shown:
            return items
        tags.append(shown)
        items = [*items, TAG, "*", braced(f"kb{len(tags) - 1}")]
        if label is not None and label not in self.labels:
            self.labels[label] = (len(self.labels) + 1, shown)
            items += [LABEL, braced(str(self.labels[label][0]))]
        return items

    def linked(self, items: Items, tags: list[str]) -> Numbered | None:
        """The same with links in the place of references."""
        references: list[str] = []
        try:
            items = self.with_links(items, references)
        except KeyError:
            return None
        return Numbered(text_of(items), tuple(tags), tuple(references))

    def with_links(self, items: Items, references: list[str]) -> Items:
        found: Items = []
        cursor = Cursor(items)
        while cursor.left():
            item = cursor.take()
            if item in (r"\ref", r"\eqref"):
                anchor, shown = self.labels[text_of(cursor.argument()).strip()]
                if item == r"\ref":
                    shown = shown.removeprefix("(").removesuffix(")")
                references.append(shown)
                found += [r"\eqref", braced(str(anchor))]
            elif isinstance(item, Group):
                found.append(
                    Group(item.sort, item.open, self.with_links(item.items, references), item.close, item.name)
                )
            else:
                found.append(item)
        return found
