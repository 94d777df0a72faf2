"""Markdown extension: other notes, or parts of them, shown in place.

    ![[另一篇笔记]]  ![[笔记#小节]]  ![[笔记#^block-id]]

becomes

    <div class="shown-note" role="group" aria-label="…">
      <p class="shown-title"><a href="…">笔记 › 小节</a></p>
      … what stands there …
    </div>

It is made anew from the other note's tokens: its links and pictures lead where they lead there, its
embeds are embeds here, judged where they stand. Headings are none of this page's, nor are
anchors. Nothing is shown within itself, more than three deep, or over a megabyte on a page: there
the link stands. All notes that the catalog knows are public.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| ShownTreeprocessor | treeprocessors | kb-shown-notes | 19 | before badges (18) and all that looks at what a note is made of |
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from markdown_it.token import Token

from kb.markdown.commonmark import TreeBuilder
from kb.markdown.engine import Page, current_page
from kb.markdown.html import element
from kb.markdown.links import loose
from kb.markdown.marks import MARK
from kb.markdown.syntax import parse
from kb.notes.embedded import EMBED_FIRST, EMBED_MIDDLE
from kb.notes.library import Note, body_of, note_text, read_note, read_text, shown_text
from kb.site.catalog import Catalog, read_catalog
from kb.site.collected_annotations import home, turn_links

DEEPEST = 3
MOST = 1_000_000
"""Bytes of Markdown that a page shows of other notes."""
HEADING = re.compile("h([1-6])")


class ShownTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        if page.is_note and any(link.get("data-shown") for link in root.iter("a")):
            Showing(self.md, page, read_catalog(page.root, page.build)).fill(root, (page.uri,))


class Showing:
    """What one page shows of other notes."""

    def __init__(self, md: Markdown, page: Page, catalog: Catalog):
        self.md = md
        self.page = page
        self.catalog = catalog
        self.left = MOST
        self.number = 0

    def fill(self, around: etree.Element, within: tuple[str, ...]) -> None:
        """Puts notes in the place of the links that stand alone in their paragraph; `within` are the
        notes that `around` is in.
        """
        for parent in list(around.iter()):
            for child in list(parent):
                link = alone(child)
                if link is not None and (made := self.show(link, within)) is not None:
                    made.tail = child.tail
                    parent[list(parent).index(child)] = made

    def show(self, link: etree.Element, within: tuple[str, ...]) -> etree.Element | None:
        name, _, section = link.get("data-wiki", "").partition("#")
        uri = self.catalog.find(name) if name.strip() else within[-1]
        if uri is None or uri in within or len(within) > DEEPEST:
            return None
        note = read_note(self.page.root / "docs" / uri, self.page.root)
        text = note_text(body_of(read_text(note.path, f"docs/{uri}")))
        tokens = part(parse(text, note.without), section)
        size = sum(len(token.content.encode()) for token in tokens)
        if not tokens or size > self.left:
            return None
        self.left -= size
        made = element("div", {"class": "shown-note", "role": "group", "aria-label": note.title})
        title = etree.SubElement(made, "p", {"class": "shown-title"})
        title.append(link)
        link.tail = None
        del link.attrib["data-shown"]
        made.extend(self.elements(note, tokens, (*within, uri)))
        return made

    def elements(self, note: Note, tokens: Sequence[Token], within: tuple[str, ...]) -> list[etree.Element]:
        around = etree.Element("div")
        builder = TreeBuilder(self.md, [self.embed], home(self.page, note), note.uri)
        builder.fill(around, tokens)
        for made in around.iter():
            as_part(made)
        turn_links(self.md, self.page, note, around, note.title)
        self.fill(around, within)
        return list(around)

    def embed(self, token: Token) -> etree.Element | None:
        """The figure of an embed of the other note, as this page would have it."""
        target = EMBED_MIDDLE.fullmatch(token.content.strip())
        opening = f"{token.markup} {token.info.strip()}"
        kind = next((kind for kind, first in EMBED_FIRST.items() if first == opening), None)
        if kind is None or target is None:
            return None
        self.number += 1
        here = f"docs/{self.page.uri}（展示的笔记里的嵌入块）"
        figure = self.md.parser.embeds[kind](target[1], replace(self.page), here)
        figure.set("id", f"{figure.get('id')}-shown-{self.number}")
        return figure


def alone(paragraph: etree.Element) -> etree.Element | None:
    """The link that is all of a paragraph, where it shows a note."""
    if paragraph.tag not in ("p", "li") or len(paragraph) != 1 or (paragraph.text or "").strip():
        return None
    link = paragraph[0]
    return link if link.get("data-shown") and not (link.tail or "").strip() else None


def as_part(made: etree.Element) -> None:
    """An element of another note: no heading of this page, without an anchor of its own."""
    if made.tag != "figure":
        made.attrib.pop("id", None)
    if found := HEADING.fullmatch(made.tag):
        made.tag = "div"
        made.attrib |= {"role": "heading", "aria-level": found[1], "class": f"shown-h{found[1]}"}
        made.text = (made.text or "").replace(MARK, "").strip() or made.text


def part(tokens: Sequence[Token], section: str) -> Sequence[Token]:
    """What stands under a heading, or the block of an anchor; all where none is named, nothing where
    there is none.
    """
    name = section.rpartition("#")[2].strip()
    if not name:
        return tokens
    return block(tokens, name[1:]) if name.startswith("^") else under(tokens, loose(name))


def under(tokens: Sequence[Token], name: str) -> Sequence[Token]:
    start = None
    for place, token in enumerate(tokens):
        if token.type != "heading_open" or token.level:
            continue
        if start is not None and token.tag <= tokens[start].tag:
            return tokens[start:place]
        if start is None and loose(shown_text(tokens[place + 1])) == name:
            start = place
    return () if start is None else tokens[start:]


def block(tokens: Sequence[Token], name: str) -> Sequence[Token]:
    """The outermost block, but one item of a list, that holds the anchor, or stands before it."""
    start, before = 0, 0
    for place, token in enumerate(tokens):
        if token.nesting == 1 and (token.level == 0 or token.type == "list_item_open"):
            before, start = start, place
        if any(child.type == "anchor" and child.content == name for child in token.children or ()):
            if len(token.children) == 1:
                start = before
            opening = tokens[start]
            closing = opening.type.replace("_open", "_close")
            ends = (n for n in range(start, len(tokens)) if (tokens[n].type, tokens[n].level) == (closing, opening.level))
            end = next(ends, start)
            inside = tokens[start : end + 1]
            return inside[1:-1] if opening.type == "list_item_open" else inside
    return ()


class ShownExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(ShownTreeprocessor(md), "kb-shown-notes", 19)


def makeExtension(**options) -> ShownExtension:
    return ShownExtension(**options)
