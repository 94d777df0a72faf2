"""Markdown extension: what stands above and below a note, made from its front matter.

Above: title, date, author, the path of its category, its tags, its cover. Below: the notes
before and after it in its category, where it comes from, under which licence, and whether
code was added. Whose it is comes from `notes.lock.json`; what isn't known isn't shown, and that
the author's words are unchanged is said where it is true of this very file. Pages that aren't
notes have none. A page that is private ends the build.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| FrameTreeprocessor | treeprocessors | kb-frame | 12 | when the note is whole; before pictures (8), which see to the cover |
| TitleTreeprocessor | treeprocessors | kb-title | 4 | after toc (5): the title is no section of the note |
"""

import os.path
from html import unescape
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from markdown.util import AMP_SUBSTITUTE

from kb.markdown.engine import Page, current_page
from kb.markdown.html import element, literal, literal_entities
from kb.markdown.links import find_target, is_elsewhere
from kb.notes.embedded import WHOSE, Entry, is_original, locked_note
from kb.notes.library import Note, read_note, read_text, text_of
from kb.notes.licences import read_licence
from kb.notes.private import refuse_private, refuse_withdrawn
from kb.site.catalog import Catalog, read_catalog, same_name

MENTIONS = 12
"""How many are shown at once."""
INNER = str.maketrans("「」", "『』")
"""Quotes within quotes: what is quoted can't end the quote."""


class FrameTreeprocessor(Treeprocessor):
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
        locked = locked_note(page.root, name)
        root.insert(0, head(page, catalog, note, text_of(locked.get("author"))))
        if any(near := catalog.neighbours.get(note.uri, ())):
            root.append(neighbours(page, *near))
        if others := catalog.mentions.get(note.uri):
            root.append(mentions(page, others))
        if line := foot(page, locked, has_code):
            around = {"class": "note-foot", "role": "note"}
            root.append(element("div", around, element("p", None, *line)))


def head(page: Page, catalog: Catalog, note: Note, author: str) -> etree.Element:
    facts = element("div", {"class": "note-facts"})
    if note.date:
        facts.append(time_of(note))
    if author:
        facts.append(element("span", None, f"作者 {author}"))
    if note.categories:
        categories = categories_of(page, catalog, note)
        facts.append(element("nav", {"class": "note-category", "aria-label": "分类"}, *categories))
    made = element("div", {"class": "note-head"}, facts)
    if note.tags:
        made.append(tags_of(page, catalog, note))
    if note.cover:
        cover = element("img", {"src": note.cover, "alt": "封面"})
        made.append(element("p", {"class": "note-cover"}, cover))
    return made


def find_cover(page: Page, note: Note) -> str | None:
    """A note's cover: its address elsewhere, or its path below `docs/`; None where there is none."""
    if not note.cover or is_elsewhere(note.cover):
        return note.cover or None
    return find_target(page.root / "docs", note.uri, note.cover)


def foot(page: Page, locked: Entry, has_code: bool) -> list[etree.Element | str]:
    """Whose the note is, as far as that is known, and what became of it here."""
    unchanged = bool(locked) and is_original(page.path.read_bytes(), locked)
    became = [
        ["本站在作者的段落之间加入了代码"] if has_code else [],
        ["作者的文字一字未改"] if unchanged else [],
    ]
    return sentence(whose(locked), "，") + sentence(became, "；")


def whose(locked: Entry) -> list[list[etree.Element | str]]:
    """The parts of a sentence, those empty that nothing is known for."""
    author, licence, origin = (text_of(locked.get(key)) for key in WHOSE)
    address = element("a", {"href": literal_entities(origin)}, origin)
    name, deed = read_licence(licence)
    return [
        [f"原文作者 {author}"] if author else [],
        ["发表于 " if author else "原文发表于 ", address] if is_elsewhere(origin) else [],
        ["以 ", element("a", {"href": deed, "rel": "license"}, name), " 许可"]
        if deed
        else [f"许可：「{name.translate(INNER)}」" if name else ""],
    ]


def sentence(parts: list[list[etree.Element | str]], between: str) -> list[etree.Element | str]:
    """The parts that there are, and a full stop; nothing where there are none."""
    there = [part for part in parts if any(part)]
    made = [each for part in there for each in (between, *part)]
    return [*made[1:], "。"] if made else []


def time_of(note: Note, length: int = 16) -> etree.Element:
    """Its date, to the minute or shorter."""
    attributes = {"datetime": note.date} if note.when else None
    return element("time", attributes, note.date[:length])


def categories_of(page: Page, catalog: Catalog, note: Note) -> list[etree.Element]:
    """The paths of its categories, each step a link to its page."""
    paths = []
    for path in note.categories:
        steps = element("ol")
        for length, step in enumerate(path, 1):
            uri = catalog.category_uris.get(path[:length])
            steps.append(element("li", None, link(page, uri, step)))
        paths.append(steps)
    return paths


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


def mentions(page: Page, notes: list[Note]) -> etree.Element:
    """Links to the notes that have one to this."""
    items = [element("li", None, element("a", {"href": page.link_to(note.uri)}, note.title)) for note in notes]
    words = "提到这一篇的笔记"
    made = element("nav", {"class": "note-mentions", "aria-label": words}, element("p", None, f"{words}："))
    made.append(element("ul", None, *items[:MENTIONS]))
    if more := items[MENTIONS:]:
        made.append(element("details", None, element("summary", None, f"还有 {len(more)} 篇"), element("ul", None, *more)))
    return made


class TitleTreeprocessor(Treeprocessor):
    """The title as a heading. The theme would leave it out where a note has an `#` heading.

    Where the note begins with a heading that says the same, that one stands above, with its anchor.
    """

    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        if not page.is_note:
            return
        if title := read_note(page.path, page.root).heading:
            heading = etree.Element("h1")
            heading.text = literal(title)
            first = root[1] if len(root) > 1 else heading
            if first.tag in ("h1", "h2") and same_name(said_in(first)) == same_name(title):
                if first is not heading:
                    root.remove(first)
                first.tag, heading = "h1", first
            root.insert(0, heading)


def said_in(heading: etree.Element) -> str:
    """Without the author's mark and the link to itself."""
    parts = [heading.text or ""]
    for child in heading:
        parts += [] if child.get("class") in ("mark", "headerlink") else child.itertext()
        parts.append(child.tail or "")
    return unescape("".join(parts).replace(AMP_SUBSTITUTE, "&"))


class FrameExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(FrameTreeprocessor(md), "kb-frame", 12)
        md.treeprocessors.register(TitleTreeprocessor(md), "kb-title", 4)
        convert = md.convert  # would do nothing at all for a note without text
        md.convert = lambda source: convert(source if source.strip() else "<!-- -->")


def makeExtension(**options) -> FrameExtension:
    return FrameExtension(**options)
