"""The author's annotations, on the pages that collect them.

Each is made from the tokens of its note again, so that it looks as it does there; its links
are turned to lead from here to where they lead from there.
"""

from collections.abc import Iterable
from itertools import groupby
from xml.etree import ElementTree as etree

from markdown import Markdown

from kb.annotations import anchor
from kb.catalog import Catalog, Listing
from kb.commonmark import TreeBuilder, parse
from kb.engine import Page
from kb.html import element
from kb.library import Annotation, Note, find_annotations, read_parts
from kb.links import LEADS_NOWHERE, find_target, hide, is_elsewhere
from kb.syntax import parser


def annotations(
    md: Markdown, page: Page, catalog: Catalog, listing: Listing
) -> Iterable[etree.Element]:
    """What stands on one page: notes, their sections, their annotations."""
    for note, pairs in groupby(listing.items, lambda pair: pair[0]):
        quotes = read_quotes(md, page, note)
        title = element("a", {"href": page.link_to(note.uri)}, note.title)
        yield element("h2", None, title)
        for section, there in groupby((said for _, said in pairs), lambda said: said.section):
            if section:
                yield element(
                    "div", {"class": "said-section", "role": "heading", "aria-level": "3"}, section
                )
            for said in there:
                yield from quotes.get(said.number, [])
                yield place(page, note, said)


def read_quotes(md: Markdown, page: Page, note: Note) -> dict[int, list[etree.Element]]:
    """Number of an annotation in its note → its element."""
    _, body = read_parts(note.path, note.uri)
    found = find_annotations(parse(body), parser(), {})
    quotes = {}
    for number, (_, tokens) in enumerate(found, 1):
        around = etree.Element("div")
        TreeBuilder(md, md.parser.fences).fill(around, tokens)
        turn_links(page, note, around)
        quotes[number] = list(around)
    return quotes


def place(page: Page, note: Note, said: Annotation) -> etree.Element:
    address = f"{page.link_to(note.uri)}#{anchor(said.number)}"
    return element("p", {"class": "said-in"}, element("a", {"href": address}, "在笔记里看"))


def turn_links(page: Page, note: Note, root: etree.Element) -> None:
    for name, tag in (("href", "a"), ("src", "img")):
        for each in root.iter(tag):
            address = each.get(name, "")
            if not address or is_elsewhere(address):
                continue
            target = find_target(page.root / "docs", note.uri, address)
            if target is None:
                hide(each, name)
                each.set("class", "leads-nowhere")
                each.set("title", LEADS_NOWHERE)
                continue
            each.set(name, page.link_to(target))
            if fragment := address.partition("#")[2]:
                each.set("data-fragment", fragment)
