"""Markdown extension: what stands above and below a note, made from its front matter.

Above: title, date, author, the path of its category, its tags, its cover. Below: the notes
before and after it in its category, where it comes from, under which licence, and whether
code was added. Pages that aren't notes have none. A page that is private ends the build.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| FrameTreeprocessor | treeprocessors | kb-frame | 12 | when the note is whole; before pictures (8), which see to the cover |
| TitleTreeprocessor | treeprocessors | kb-title | 4 | after toc (5): the title is no section of the note |
"""

import os.path
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from kb.catalog import Catalog, read_catalog
from kb.engine import Page, current_page
from kb.html import element, literal
from kb.library import Note, read_note, read_text
from kb.private import refuse_private, refuse_withdrawn

LICENCE = "https://creativecommons.org/licenses/by/4.0/deed.zh-hans"


class FrameTreeprocessor(Treeprocessor):
    def __init__(self, md: Markdown, author: str, origin: str):
        super().__init__(md)
        self.author = author
        self.origin = origin

    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        name = f"docs/{page.uri}"
        if not page.is_note:
            refuse_private(read_text(page.path, name), name)
            return
        refuse_withdrawn(page.root, name)
        note = read_note(page.path, page.root)  # refuses a private one
        catalog = read_catalog(page.root, page.build)
        has_code = root.find("figure[@class='embed']") is not None
        root.insert(0, self.head(page, catalog, note))
        if any(near := catalog.neighbours.get(note.uri, ())):
            root.append(neighbours(page, *near))
        root.append(self.foot(page, has_code))

    def head(self, page: Page, catalog: Catalog, note: Note) -> etree.Element:
        facts = element("div", {"class": "note-facts"})
        if note.date:
            facts.append(time_of(note))
        facts.append(element("span", None, f"作者 {self.author}"))
        if note.category:
            facts.append(category_of(page, catalog, note))
        head = element("div", {"class": "note-head"}, facts)
        if note.tags:
            head.append(tags_of(page, catalog, note))
        if note.cover:
            cover = element("img", {"src": note.cover, "alt": "封面"})
            head.append(element("p", {"class": "note-cover"}, cover))
        return head

    def foot(self, page: Page, has_code: bool) -> etree.Element:
        origin = self.origin.format(abbrlink=page.path.stem)
        added = "本站在作者的段落之间加入了代码；" if has_code else ""
        line = element(
            "p",
            None,
            f"原文作者 {self.author}，发表于 ",
            element("a", {"href": origin}, origin),
            "，以 ",
            element("a", {"href": LICENCE, "rel": "license"}, "CC BY 4.0"),
            f" 许可。{added}作者的文字一字未改。",
        )
        return element("div", {"class": "note-foot", "role": "note"}, line)


def time_of(note: Note, length: int = 16) -> etree.Element:
    """The date as written, to the minute or shorter."""
    attributes = {"datetime": note.date} if note.when else None
    return element("time", attributes, note.date.replace("T", " ")[:length])


def category_of(page: Page, catalog: Catalog, note: Note) -> etree.Element:
    """The path of its category, each step a link to its page."""
    steps = element("ol")
    for length, step in enumerate(note.category, 1):
        uri = catalog.category_uris.get(note.category[:length])
        steps.append(element("li", None, link(page, uri, step)))
    return element("nav", {"class": "note-category", "aria-label": "分类"}, steps)


def tags_of(page: Page, catalog: Catalog, note: Note) -> etree.Element:
    items = [element("li", None, link(page, catalog.tag_uris.get(tag), tag)) for tag in note.tags]
    return element("ul", {"class": "note-tags", "aria-label": "标签"}, *items)


def link(page: Page, uri: str | None, text: str) -> etree.Element:
    """A link to a page made from notes; the bare text while `kb pages` has yet to make it."""
    if uri is None or not os.path.isfile(f"{page.root}/docs/{uri}"):
        return element("span", None, text)
    return element("a", {"href": page.link_to(uri)}, text)


def neighbours(page: Page, older: Note | None, newer: Note | None) -> etree.Element:
    """Links to the notes before and after one in its category."""
    links = [
        element(
            "p",
            None,
            f"{words}：",
            element("a", {"href": page.link_to(note.uri), "rel": rel}, note.title),
        )
        for words, rel, note in (("上一篇", "prev", older), ("下一篇", "next", newer))
        if note
    ]
    return element("nav", {"class": "note-neighbours", "aria-label": "同一分类的笔记"}, *links)


class TitleTreeprocessor(Treeprocessor):
    """The title as a heading. The theme would leave it out where a note has an `#` heading."""

    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        if page.is_note and (title := page.meta.get("title")):
            heading = etree.Element("h1")
            heading.text = literal(title)
            root.insert(0, heading)


class FrameExtension(Extension):
    def __init__(self, **options):
        self.config = {
            "author": ["", "Name of the notes' author"],
            "origin": ["", "Address of the original; {abbrlink} is the note's number"],
        }
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:
        processor = FrameTreeprocessor(md, **self.getConfigs())
        md.treeprocessors.register(processor, "kb-frame", 12)
        md.treeprocessors.register(TitleTreeprocessor(md), "kb-title", 4)
        convert = md.convert  # would do nothing at all for a note without text
        md.convert = lambda source: convert(source if source.strip() else "<!-- -->")


def makeExtension(**options) -> FrameExtension:
    return FrameExtension(**options)
