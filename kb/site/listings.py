"""Markdown extension: the pages made from notes.

The page whose front matter says `fill: home` says what there is and where to begin; the pages that
`kb pages` keeps (`fill: tag`, …) get their part of `kb.site.catalog`:

| fill | what it gets |
|---|---|
| home | what is proven, pinned and newest notes as cards, and with many notes their categories and tags |
| tags, categories | every tag, category, with the number of its notes |
| tag, category | its notes |
| archive | all notes, by month |
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

from kb.evidence.badges import in_all, judge_of
from kb.evidence.regions import read_all
from kb.evidence.store import DEVICES
from kb.markdown.engine import Page, current_page
from kb.markdown.html import append, element
from kb.markdown.links import is_elsewhere
from kb.markdown.settings import read_settings
from kb.notes.library import Note
from kb.pictures.copies import shown_copies
from kb.pictures.shown import show
from kb.site.catalog import UNDATED, Catalog, Listing, in_words, month_of, read_catalog
from kb.site.collected_annotations import annotations
from kb.site.frame import categories_of, find_cover, link, tags_of, time_of
from kb.site.pages import missing_pages

log = logging.getLogger("mkdocs.kb")

CARDS = 12
FEW = 3
"""Notes that are all there is to begin with."""
WAYS = 30
"""Categories and tags, as many of each, that lead on from the home page."""
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
            for paragraph in root.findall("p"):
                paragraph.set("class", "home-text")
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
    if proven := read_all(page.root):
        judge = judge_of(page)
        judged = [[judge.judge(device, name, proven[name].text) for device in DEVICES] for name in proven]
        yield element("div", {"class": "home"}, in_all(page, judged))
    pinned = sorted((note for note in catalog.notes if note.pinned), key=lambda note: -note.pinned)
    newest = [note for note in catalog.notes if not note.pinned]
    notes = [*pinned, *newest][:CARDS]
    if not notes:
        yield element("p", None, "这里还没有笔记。")
        return
    begin = len(notes) if len(notes) <= FEW else min(len(pinned), CARDS)
    for words, shown in (("从这里开始", notes[:begin]), ("最新的笔记", notes[begin:])):
        if shown:
            yield element("h2", None, words)
            yield element("ul", {"class": "cards"}, *(card(page, catalog, note) for note in shown))
    yield element("p", None, link(page, "archive/index.md", f"全部 {len(catalog.notes)} 篇，按月归档"))
    if len(catalog.notes) > CARDS:
        yield from ways_in(page, catalog)


def ways_in(page: Page, catalog: Catalog) -> Elements:
    """The categories that have none above them, and the tags of most notes, each with its number."""
    categories = catalog.by_count(catalog.children.get((), []))
    tags = sorted(catalog.tags, key=lambda tag: (-len(catalog.tags[tag]), tag))
    ways = {
        ("分类", "categories/index.md"): [
            counted(page, catalog.category_uris[path], path[-1], catalog.categories[path])
            for path in categories
        ],
        ("标签", "tags/index.md"): [
            counted(page, catalog.tag_uris[tag], tag, catalog.tags[tag]) for tag in tags
        ],
    }
    for (words, uri), links in ways.items():
        if links:
            yield element("h2", None, words)
            more = [link(page, uri, f"全部 {len(links)} 个")] if len(links) > WAYS else []
            items = (element("li", None, each) for each in (*links[:WAYS], *more))
            yield element("ul", {"class": "tags"}, *items)


def counted(page: Page, uri: str, words: str, notes: Sequence) -> etree.Element:
    """A link to a listing, with the number of its notes."""
    made = link(page, uri, words)
    append(made, (count(notes),))
    return made


def card(page: Page, catalog: Catalog, note: Note) -> etree.Element:
    made = element("li", {"class": "card"}, title(page, note), facts(page, note))
    made[0].set("class", "card-title")
    if cover := find_cover(page, note):
        made.set("data-cover", cover if is_elsewhere(cover) else page.link_to(cover))
        made.set("data-letter", next(filter(str.isalpha, note.title), ""))
    if note.tags:
        made.append(tags_of(page, catalog, note))
    return made


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
        paths = categories_of(page, catalog, note)
        parts.append(element("div", {"class": "note-category"}, *paths))
    line = element("div", {"class": "note-facts"})
    for part in parts:
        append(line, (part, " "))
    return line


def title(page: Page, note: Note) -> etree.Element:
    return element("a", {"href": page.link_to(note.uri)}, note.title)


def note_list(page: Page, catalog: Catalog, notes: Sequence[Note]) -> etree.Element:
    items = [
        element(
            "li",
            None,
            title(page, note),
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
        element("li", None, counted(page, catalog.tag_uris[tag], tag, catalog.tags[tag]))
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
    """Every month on the first page leads to its notes, here or on one of the pages that follow."""
    if len(listing.uris) > 1 and listing.number == 1:
        yield from years(page, catalog)
    for month, notes in groupby(listing.items, month_of):
        yield element("h2", {"id": anchor(month)}, in_words(month))
        items = (element("li", None, day(note), title(page, note)) for note in notes)
        yield element("ul", {"class": "notes is-short"}, *items)


def day(note: Note) -> etree.Element | str:
    """01-20, of a note whose month stands above it."""
    return element("time", {"datetime": note.date}, f"{note.when:%m-%d}") if note.when else ""


def years(page: Page, catalog: Catalog) -> Elements:
    """A line a year with its months, each a link to the first of its notes."""
    pages: dict[str, str] = {}
    for listing in catalog.listings.values():
        if listing.fill == "archive":
            for note in listing.items:
                pages.setdefault(month_of(note), listing.uri)
    for year, months in groupby(pages, lambda month: month.partition("-")[0]):
        line = element("p", {"class": "year"}, f"{year} 年" if year.isdigit() else "")
        for month in months:
            words = f"{int(month[5:])} 月" if year.isdigit() else month
            link = {"href": page.link_to(pages[month]), "data-fragment": anchor(month)}
            append(line, (" ", element("a", link, words, count(catalog.months[month]))))
        yield line


def anchor(month: str) -> str:
    return "undated" if month == UNDATED else month


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
    for function in (tags, tag, categories, category, archive, annotations)
}


class CoverTreeprocessor(Treeprocessor):
    """Covers of cards: they load when near; where one doesn't come, `theme/assets/site.js` leaves the
    first letter of the title in its place.
    """

    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        copies = shown_copies(page.root)
        for card in root.iter("li"):
            if cover := card.attrib.pop("data-cover", None):
                made = element("img", {"src": cover, "alt": ""})
                show(page, made, copies.get(cover))
                letter = card.attrib.pop("data-letter")
                place = {"class": "card-cover", "data-letter": letter, "aria-hidden": "true"}
                card.insert(0, element("span", place, made))


class ListingExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(ListingTreeprocessor(md), "kb-listings", 17)
        md.treeprocessors.register(CoverTreeprocessor(md), "kb-covers", 7)


def makeExtension(**options) -> ListingExtension:
    return ListingExtension(**options)
