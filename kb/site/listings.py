"""Markdown extension: the pages made from notes.

The page whose front matter says `fill: home` gets the newest notes as cards; the pages that
`kb pages` keeps (`fill: tag`, …) get their part of `kb.site.catalog`:

| fill | what it gets |
|---|---|
| home | pinned and newest notes, as cards |
| tags, categories, archive | every tag, category, month, with the number of its notes |
| tag, category, month | its notes |
| annotations | the author's annotations, by note and section |

| registered | in | as | priority | why there |
|---|---|---|---|---|
| ListingTreeprocessor | treeprocessors | kb-listings | 17 | before annotations (15), marks (10) and pictures (8), which see to what it adds, toc (5) and links (0) |
| CoverTreeprocessor | treeprocessors | kb-covers | 7 | after pictures (8): a card needs no note in place of its cover |
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from kb.markdown.engine import Page, current_page
from kb.markdown.html import append, element
from kb.markdown.links import find_target, is_elsewhere
from kb.markdown.settings import read_settings
from kb.notes.library import Note
from kb.pictures.copies import shown_copies
from kb.pictures.shown import show
from kb.site.catalog import Catalog, Listing, in_words, read_catalog
from kb.site.collected_annotations import annotations
from kb.site.frame import categories_of, link, tags_of, time_of
from kb.site.pages import missing_pages

log = logging.getLogger("mkdocs.kb")

CARDS = 12
STEPS_IN_TREE = 300
"""Categories that a tree shows at most; those further down are on the pages of theirs."""

Elements = Iterable[etree.Element]


class ListingTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        fill = page.meta.get("fill")
        if fill == "home":
            catalog = read_catalog(page.root, page.build)
            root.extend(home(page, catalog))
            for problem in missing_pages(page.root, catalog):
                log.warning(problem)
        elif fill in FILL:
            catalog = read_catalog(page.root, page.build)
            root.append(element("h1", None, str(page.meta.get("title", ""))))
            listing = catalog.listings.get(page.uri)
            if listing is None or not listing.items:
                empty = "这里还没有笔记。"
                if fill == "annotations" and not read_settings(page.root).signatures:
                    empty = "在 mkdocs.yml 里写上 kb 的 signature，以它开头的引用就收集到这里。"
                root.append(element("p", None, empty))
            else:
                root.extend(FILL[fill](self.md, page, catalog, listing))
                root.extend(pager(page, listing))


def home(page: Page, catalog: Catalog) -> Elements:
    pinned = sorted((note for note in catalog.notes if note.pinned), key=lambda note: -note.pinned)
    newest = [note for note in catalog.notes if not note.pinned]
    yield element("h2", None, "最新的笔记")
    notes = [*pinned, *newest][:CARDS]
    if not notes:
        yield element("p", None, "这里还没有笔记。")
        return
    yield element("ul", {"class": "cards"}, *(card(page, catalog, note) for note in notes))
    yield element(
        "p", None, link(page, "archive/index.md", f"全部 {len(catalog.notes)} 篇，按月归档")
    )


def card(page: Page, catalog: Catalog, note: Note) -> etree.Element:
    title = element("a", {"href": page.link_to(note.uri), "class": "card-title"}, note.title)
    made = element("li", {"class": "card"}, title, facts(page, note))
    if cover := cover_address(page, note):
        made.set("data-cover", cover)
    if note.tags:
        made.append(tags_of(page, catalog, note))
    return made


def cover_address(page: Page, note: Note) -> str | None:
    """Where a note's cover is to be had from this page, None where it isn't."""
    if not note.cover or is_elsewhere(note.cover):
        return note.cover
    target = find_target(page.root / "docs", note.uri, note.cover)
    return page.link_to(target) if target else None


def facts(page: Page, note: Note, catalog: Catalog | None = None) -> etree.Element:
    """Date, progress and, with a catalog, category of a note, in one line."""
    parts = []
    if note.pinned:
        parts.append(element("span", {"class": "pinned"}, "置顶"))
    if note.date:
        parts.append(time_of(note, 10))
    if note.done:
        progress = f"完成 {note.done}/{note.headings} 节"
        parts.append(element("span", {"class": "progress"}, progress))
    if catalog and note.categories:
        parts.append(categories_of(page, catalog, note))
    line = element("div", {"class": "note-facts"})
    for part in parts:
        append(line, (part, " "))
    return line


def note_list(page: Page, catalog: Catalog, notes: Sequence[Note]) -> etree.Element:
    items = [
        element(
            "li",
            None,
            element("a", {"href": page.link_to(note.uri)}, note.title),
            facts(page, note, catalog),
        )
        for note in notes
    ]
    return element("ul", {"class": "notes"}, *items)


def count(notes: Sequence) -> etree.Element:
    return element("span", {"class": "count"}, f" {len(notes)} 篇")


def up(page: Page, *steps: tuple[str, str], notes: Sequence) -> etree.Element:
    """Where a listing stands: links to the pages above it, and how many notes it has."""
    line = element("p")
    for number, (uri, words) in enumerate(steps):
        append(line, (" / " if number else "", link(page, uri, words)))
    append(line, (f"，这里 {len(notes)} 篇",))
    return line


def tags(md: Markdown, page: Page, catalog: Catalog, listing: Listing) -> Elements:
    items = [
        element("li", None, link(page, catalog.tag_uris[tag], tag), count(catalog.tags[tag]))
        for tag in listing.items
    ]
    yield element("ul", {"class": "tags"}, *items)


def tag(md: Markdown, page: Page, catalog: Catalog, listing: Listing) -> Elements:
    yield up(page, ("tags/index.md", "全部标签"), notes=catalog.tags[listing.of])
    yield note_list(page, catalog, listing.items)


def categories(md: Markdown, page: Page, catalog: Catalog, listing: Listing) -> Elements:
    yield tree(page, catalog, ())


def category(md: Markdown, page: Page, catalog: Catalog, listing: Listing) -> Elements:
    path = listing.of
    above = [
        (catalog.category_uris[path[:length]], path[length - 1]) for length in range(1, len(path))
    ]
    yield up(page, ("categories/index.md", "全部分类"), *above, notes=catalog.categories[path])
    if path in catalog.children and listing.number == 1:
        yield tree(page, catalog, path)
    yield note_list(page, catalog, listing.items)


def tree(page: Page, catalog: Catalog, path: tuple[str, ...]) -> etree.Element:
    """The categories below one, as deep as there is room for."""
    levels = [catalog.children[path]]
    while below := [each for above in levels[-1] for each in catalog.children.get(above, [])]:
        if sum(map(len, levels)) + len(below) > STEPS_IN_TREE:
            break
        levels.append(below)
    deepest = len(path) + len(levels)

    def branch(path: tuple[str, ...]) -> etree.Element:
        made = element("ul", {"class": "tree"})
        for each in catalog.by_count(catalog.children[path]):
            step = link(page, catalog.category_uris[each], each[-1])
            made.append(element("li", None, step, count(catalog.categories[each])))
            if each in catalog.children and len(each) < deepest:
                made[-1].append(branch(each))
        return made

    return branch(path)


def archive(md: Markdown, page: Page, catalog: Catalog, listing: Listing) -> Elements:
    for year, months in groupby(listing.items, lambda month: month.partition("-")[0]):
        yield element("h2", None, f"{year} 年" if year.isdigit() else year)
        items = [
            element(
                "li",
                None,
                link(page, catalog.month_uris[month], in_words(month)),
                count(catalog.months[month]),
            )
            for month in months
        ]
        yield element("ul", {"class": "months"}, *items)


def month(md: Markdown, page: Page, catalog: Catalog, listing: Listing) -> Elements:
    yield up(page, ("archive/index.md", "全部归档"), notes=catalog.months[listing.of])
    yield note_list(page, catalog, listing.items)


def pager(page: Page, listing: Listing) -> Elements:
    """Links to the pages that a listing is continued on."""
    if len(listing.uris) == 1:
        return
    items = element("ol")
    for number, uri in enumerate(listing.uris, 1):
        words = link(page, uri, str(number))
        if uri == page.uri:
            words = element("span", {"aria-current": "page"}, str(number))
        items.append(element("li", None, words))
    yield element("nav", {"class": "pager", "aria-label": "分页"}, items)


FILL: dict[str, Callable[[Markdown, Page, Catalog, Listing], Elements]] = {
    function.__name__: function
    for function in (tags, tag, categories, category, archive, month, annotations)
}


class CoverTreeprocessor(Treeprocessor):
    """Covers of cards: they load when near; `theme/assets/site.js` removes those that don't come."""

    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        copies = shown_copies(page.root)
        for card in root.iter("li"):
            if cover := card.attrib.pop("data-cover", None):
                made = element("img", {"src": cover, "alt": "", "class": "card-cover"})
                show(page, made, copies.get(cover))
                card.insert(0, made)


class ListingExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(ListingTreeprocessor(md), "kb-listings", 17)
        md.treeprocessors.register(CoverTreeprocessor(md), "kb-covers", 7)


def makeExtension(**options) -> ListingExtension:
    return ListingExtension(**options)
