"""The author's annotations, on the pages that collect them.

Each is made from the tokens of its note again, so that it looks as it does there; its links
are turned to lead from here to where they lead from there.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from xml.etree import ElementTree as etree

from markdown import Markdown

from kb.markdown.annotations import anchor
from kb.markdown.commonmark import TreeBuilder
from kb.markdown.engine import Page, relative
from kb.markdown.html import element
from kb.markdown.links import anchor_in, find_target, is_elsewhere, leads_nowhere
from kb.notes.library import Annotation, Note
from kb.pictures.shown import PictureTreeprocessor
from kb.site.catalog import Catalog, Listing


def annotations(
    md: Markdown, page: Page, catalog: Catalog, listing: Listing
) -> Iterable[etree.Element]:
    """What stands on one page: notes, each folded where there are several, with what was said in them."""
    shelves = [(note, list(pairs)) for note, pairs in groupby(listing.items, lambda pair: pair[0])]
    for note, pairs in shelves:
        title = element("h2", None, note.title)
        number = element("span", {"class": "count"}, f"{len(pairs)} 条")
        folded = element("details", {"class": "said"}, element("summary", None, title, number))
        if len(shelves) == 1:
            folded.set("open", "open")
        folded.extend(said_in(md, page, note, [said for _, said in pairs]))
        yield folded


def said_in(
    md: Markdown, page: Page, note: Note, said_there: list[Annotation]
) -> Iterable[etree.Element]:
    """The annotations of a note, by section."""
    quotes = read_quotes(md, page, note)
    yield element("p", None, element("a", {"href": page.link_to(note.uri)}, "打开这一篇"))
    for section, there in groupby(said_there, lambda said: said.section):
        if section:
            yield element(
                "div", {"class": "said-section", "role": "heading", "aria-level": "3"}, section
            )
        for said in there:
            yield from quotes.get(said.number, [])
            yield place(page, note, said)


def read_quotes(md: Markdown, page: Page, note: Note) -> dict[int, list[etree.Element]]:
    """Number of an annotation in its note → its element."""
    sections = {said.number: said.section for said in note.annotations}
    quotes = {}
    for number, tokens in note.outline.quotes.items():
        around = etree.Element("div")
        TreeBuilder(md, md.parser.fences, home(page, note)).fill(around, tokens)
        turn_links(md, page, note, around, sections[number])
        quotes[number] = list(around)
    return quotes


def home(page: Page, note: Note) -> str:
    """The note's address as a browser sees it from this page, for links that are HTML already."""
    here, there = (
        uri.removesuffix(".md").removesuffix("index").rstrip("/") for uri in (page.uri, note.uri)
    )
    return f"{relative(there, here)}/"


def place(page: Page, note: Note, said: Annotation) -> etree.Element:
    address = f"{page.link_to(note.uri)}#{anchor(said.number, note.signatures)}"
    return element("p", {"class": "said-in"}, element("a", {"href": address}, "在笔记里看"))


def turn_links(md: Markdown, page: Page, note: Note, root: etree.Element, section: str) -> None:
    docs, there = page.root / "docs", replace(page, uri=note.uri, path=note.path)
    for link in list(root.iter("a")):
        address = link.get("href", "")
        if is_elsewhere(address):
            continue
        if (target := find_target(docs, note.uri, address)) is None:
            leads_nowhere(link, address, there)
        else:
            link.set("href", page.link_to(target))
            if fragment := address.partition("#")[2]:
                link.set("data-fragment", anchor_in(docs / target, fragment))
    for picture in list(root.iter("img")):
        address = picture.get("src", "")
        if is_elsewhere(address):
            continue
        if (target := find_target(docs, note.uri, address)) is None:
            PictureTreeprocessor(md).local(there, picture, section)
        else:
            picture.set("src", page.link_to(target))
