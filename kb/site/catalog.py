"""Which pages there are to find notes by, and what stands on each.

One page a tag and a category, an index of each, an archive by month, and pages with all annotations.
A page holds only so much, so that it stays light however many notes there are; what doesn't
fit stands on further pages. `kb.site.pages` keeps a file for each below `docs/`, `kb.site.listings`
fills them.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from kb.markdown.links import find_target
from kb.notes.library import Note, read_library
from kb.site.slugs import slugs

NOTES_A_PAGE = 100
TAGS_A_PAGE = 800
BYTES_A_PAGE = 100_000
"""Of the annotations' Markdown; their HTML is longer."""

UNDATED = "没有日期"


@dataclass(frozen=True)
class Listing:
    """One page."""

    uri: str
    """Path below `docs/`, with forward slashes."""
    fill: str
    """What kind of page it is: `kb.site.listings` has a function for each."""
    title: str
    items: tuple
    """What stands on it: notes, tags, or (note, annotation) pairs."""
    of: str | tuple[str, ...] = ""
    """The tag or category whose notes these are."""
    uris: tuple[str, ...] = ()
    """This page and those that it is continued on, in order."""

    @property
    def number(self) -> int:
        """Which of `uris` it is, from 1."""
        return self.uris.index(self.uri) + 1


class Catalog:
    def __init__(self, notes: list[Note]):
        """Of all notes, newest first."""
        self.notes = notes
        self.tags = group(notes, lambda note: note.tags)
        self.categories = group(notes, lambda note: prefixes(note.categories))
        self.months = group(notes, lambda note: [month_of(note)])
        self.neighbours = dict(self.find_neighbours())
        """Path of a note → the next older and the next newer one of the same category."""
        self.children = group(sorted(self.categories), lambda path: [path[:-1]])
        self.tag_uris = {tag: f"tags/{name}.md" for tag, name in slugs(self.tags).items()}
        self.category_uris = dict(self.name_categories((), "categories"))

    @cached_property
    def by_name(self) -> dict[str, str]:
        """What a note may be called → its path; the first of those that share a name."""
        found: dict[str, str] = {}
        for rank in range(max((len(note.names) for note in self.notes), default=0)):
            for note in reversed(self.notes):
                if rank < len(note.names):
                    found.setdefault(same_name(note.names[rank]), note.uri)
        return found

    def find(self, name: str) -> str | None:
        """The path of the note of this name, with or without folders before it."""
        last = name.strip().replace("\\", "/").rpartition("/")[2]
        without = re.sub(r"\.(?:md|markdown)$", "", last, flags=re.IGNORECASE)
        found = (self.by_name.get(same_name(each)) for each in (name, last, without))
        return next(filter(None, found), None)

    @cached_property
    def mentions(self) -> dict[str, list[Note]]:
        """Path of a note → the notes with a link to it, newest first."""
        found: dict[str, list[Note]] = {}
        for note in self.notes:
            for uri in {self.target(note, *link) for link in note.links} - {note.uri, None}:
                found.setdefault(uri, []).append(note)
        return found

    def target(self, note: Note, address: str, name: str) -> str | None:
        """The note that a link leads to, by its name, or by its address as this base has it, or as
        the author's files are called.
        """
        if name:
            name = name.partition("#")[0]
            return self.find(name) if name.strip() else note.uri
        docs = note.path.parents[note.uri.count("/")]
        path = unquote(address.partition("#")[0])
        uri = find_target(docs, note.uri, address)
        return self.find(path) if uri is None and path.lower().endswith((".md", ".markdown")) else uri

    @cached_property
    def listings(self) -> dict[str, Listing]:
        """By path below `docs/`. Only they take more than the notes' front matter."""
        return {listing.uri: listing for listing in self.list_pages()}

    def name_categories(self, path: tuple[str, ...], folder: str) -> Iterable[tuple]:
        children = self.children.get(path, [])
        for name, slug in slugs(child[-1] for child in children).items():
            yield (*path, name), f"{folder}/{slug}.md"
            yield from self.name_categories((*path, name), f"{folder}/{slug}")

    def list_pages(self) -> Iterable[Listing]:
        tags = sorted(self.tags, key=lambda tag: (-len(self.tags[tag]), tag))
        yield from paged("tags/index.md", "tags", "标签", chunks(tags, TAGS_A_PAGE))
        for tag, uri in self.tag_uris.items():
            notes = chunks(self.tags[tag], NOTES_A_PAGE)
            yield from paged(uri, "tag", f"标签：{tag}", notes, tag)

        top = tuple(path for path in self.categories if len(path) == 1)
        yield from paged("categories/index.md", "categories", "分类", [top])
        for path, uri in self.category_uris.items():
            notes = chunks(self.categories[path], NOTES_A_PAGE)
            yield from paged(uri, "category", f"分类：{' / '.join(path)}", notes, path)

        by_month = [note for notes in self.months.values() for note in notes]
        yield from paged("archive/index.md", "archive", "归档", chunks(by_month, NOTES_A_PAGE))

        said = [(note, each) for note in self.notes for each in note.annotations if not each.nested]
        parts = chunks(said, BYTES_A_PAGE, lambda pair: 300 + pair[1].size)
        yield from paged("annotations/index.md", "annotations", "批注", parts)

    def find_neighbours(self) -> Iterable[tuple[str, tuple[Note | None, Note | None]]]:
        for shelf in group(self.notes, lambda note: [note.category]).values():
            for place, note in enumerate(shelf):
                older = shelf[place + 1] if place + 1 < len(shelf) else None
                yield note.uri, (older, shelf[place - 1] if place else None)

    def by_count(self, paths: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """Categories, those with most notes first."""
        return sorted(paths, key=lambda path: (-len(self.categories[path]), path))


def same_name(name: str) -> str:
    """Alike for names that nobody tells apart."""
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def group(items: Iterable, keys: Callable[[object], Iterable]) -> dict:
    """Key → the items that have it, in their order."""
    found: dict = {}
    for item in items:
        for key in keys(item):
            found.setdefault(key, []).append(item)
    return found


def prefixes(paths: tuple[tuple[str, ...], ...]) -> list[tuple[str, ...]]:
    """(a, b) → (a,), (a, b): a note in a category is in all those above it, once in each."""
    found = (path[:length] for path in paths for length in range(1, len(path) + 1))
    return list(dict.fromkeys(found))


def month_of(note: Note) -> str:
    return f"{note.when:%Y-%m}" if note.when else UNDATED


def in_words(month: str) -> str:
    """2023-01 → 2023 年 1 月."""
    year, _, number = month.partition("-")
    return f"{year} 年 {int(number)} 月" if number else month


def chunks(
    items: Sequence, limit: int, size: Callable[[object], int] = lambda item: 1
) -> list[tuple]:
    """The items in runs of at most `limit`, one at least in each; [()] where there are none."""
    runs: list[list] = [[]]
    total = 0
    for item in items:
        total += size(item)
        if runs[-1] and total > limit:
            runs.append([])
            total = size(item)
        runs[-1].append(item)
    return [tuple(run) for run in runs]


def paged(
    uri: str, fill: str, title: str, parts: list[tuple], of: str | tuple[str, ...] = ""
) -> Iterable[Listing]:
    """A listing a part: `tags/x.md`, `tags/x/page-2.md`, …"""
    folder = uri.removesuffix(".md").removesuffix("/index")
    uris = (uri, *(f"{folder}/page-{number}.md" for number in range(2, len(parts) + 1)))
    for number, (each, items) in enumerate(zip(uris, parts, strict=True), 1):
        suffix = f"（第 {number} 页）" if number > 1 else ""
        yield Listing(each, fill, title + suffix, items, of, uris)


_last: tuple[object, Path, Catalog] | None = None


def read_catalog(root: Path, build: object = None) -> Catalog:
    """The catalog of the project, put together once for each `build` (see `kb.markdown.engine.Page`)."""
    global _last
    if build is None or _last is None or _last[0] is not build or _last[1] != root:
        _last = build, root, Catalog(read_library(root))
    return _last[2]
