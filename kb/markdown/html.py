"""Building HTML: `element("a", {"href": url}, "text", other)`."""

import re
from collections.abc import Iterable
from html import unescape
from xml.etree import ElementTree as etree

from markdown.util import AMP_SUBSTITUTE, ETX, STX


def element(
    tag: str, attributes: dict[str, str] | None = None, *children: etree.Element | str
) -> etree.Element:
    made = etree.Element(tag, attributes or {})
    append(made, children)
    return made


def append(parent: etree.Element, children: Iterable[etree.Element | str]) -> None:
    for child in children:
        if isinstance(child, etree.Element):
            parent.append(child)
        elif len(parent):
            parent[-1].tail = (parent[-1].tail or "") + literal(child)
        else:
            parent.text = (parent.text or "") + literal(child)


MARKS = str.maketrans(dict.fromkeys((STX, ETX), "\ufffd"))


def without_marks(text: str) -> str:
    """Without what Python-Markdown marks its placeholders with: text that held them would be
    replaced by some other block of the page.
    """
    return text.translate(MARKS)


def literal(text: object) -> str:
    """Text that the serializer shows as it stands: or `&lt;` would be an entity."""
    return without_marks(str(text)).replace("&", AMP_SUBSTITUTE + "amp;")


ENTITY = re.compile(r"&(?=(?:#[0-9]+|#x[0-9a-f]+|[0-9a-z]+);)", re.IGNORECASE)


def literal_entities(text: str) -> str:
    """The same for text that later steps read: only what looks like an entity is protected."""
    text = without_marks(text)
    return ENTITY.sub(AMP_SUBSTITUTE + "amp;", text) if "&" in text else text


def table(
    headings: Iterable[str],
    rows: Iterable[Iterable[etree.Element | str]],
    caption: str,
    row_headings: bool = False,
) -> etree.Element:
    """A table that scrolls by itself where it is wider than the page.

    With `row_headings`, the first cell of a row says what the row is about.
    """
    head = element("tr", None, *(element("th", {"scope": "col"}, heading) for heading in headings))
    body = [element("tr", None, *(element("td", None, cell) for cell in row)) for row in rows]
    if row_headings:
        for row in body:
            row[0].tag = "th"
            row[0].set("scope", "row")
    return element(
        "div",
        {"class": "wide", "tabindex": "0", "role": "group", "aria-label": literal(caption)},
        element(
            "table",
            {"class": "facts"},
            element("caption", None, caption),
            element("thead", None, head),
            element("tbody", None, *body),
        ),
    )


CODE = re.compile(r"<code\b[^>]*>(.*?)</code>", re.DOTALL)
TAG = re.compile(r"<[^>]*>")


def code_text(html: str) -> str:
    """What a reader sees in the `<code>` of a block that Pygments highlighted: it writes every
    `<` and `>` that isn't a tag's as an entity.
    """
    return unescape("".join(TAG.sub("", code) for code in CODE.findall(html)))
