"""All notes under `docs/posts/`, with what their front matter and headings say of them.

What the pages made from notes are made of. A note is read once and again when its file has
changed, so that reading thousands of them again costs little more than looking at each. Its text
is parsed when somebody asks what is in it: best while its page is made, which parses it as well.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path, PurePosixPath

from markdown_it.token import Token

from kb.markdown.annotations import signature_of
from kb.markdown.engine import BadInput
from kb.markdown.links import is_elsewhere
from kb.markdown.marks import MARK
from kb.markdown.rawhtml import shown_of_html
from kb.markdown.settings import read_settings
from kb.markdown.syntax import parse
from kb.notes.addresses import walk
from kb.notes.embedded import EMBED_FIRST, EMBED_MIDDLE, Entry, locked_note
from kb.notes.head import find_head, head_values
from kb.notes.private import refuse_private
from kb.notes.times import read_moment, zone_of

GROWS = re.compile(r"\$|```|~~~|\\[(\[]")
LINE_END = re.compile(r"\r\n?")
MAY_LINK = re.compile(
    r"\[\[ | (?<!!)\[[^\[\]\n]*\]\(\s*<?(?![a-z]+:|\#) | \)\]\((?![a-z]+:|\#) | ^\s*\[[^\]\n]+\]:\s*(?![a-z]+:)"
    r" | href\s*=\s*[\"']?(?![a-z]+:|\#) | post_link",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
"""What a link to another note looks like; it saves parsing those that have none."""
NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
"""Characters that HTML and XML can't hold, or show nothing of."""
BIDI = {"\u202a": "\u202c", "\u202b": "\u202c", "\u202d": "\u202c", "\u202e": "\u202c"}
BIDI |= {"\u2066": "\u2069", "\u2067": "\u2069", "\u2068": "\u2069"}
"""What turns the direction of all text that follows → what ends that."""
DATES = ("date", "created", "publishdate", "pubdate", "datepublished")
"""Keys that say when a note was written, as one spells them without `-`, `_` and capitals."""


@dataclass(frozen=True)
class Annotation:
    """A quote that the page shows as the author's annotation."""

    number: int
    """Which of the note's annotations it is, from 1."""
    section: str
    """The heading it stands under, without its mark; "" above the first."""
    size: int
    """Bytes of its Markdown; tenfold where it has code or formulas, which grow most."""
    nested: bool
    """Whether it stands within another annotation."""


@dataclass(frozen=True)
class Note:
    uri: str
    """Path below `docs/`, with forward slashes."""
    path: Path
    meta: dict
    """The front matter, every value a string as written."""
    title: str
    heading: str
    """What stands above it: the title, unless that is a heading of its own, or stands for none."""
    date: str | None
    """In the time of the base, to the minute; as written where that can't be read; None where there
    is none."""
    when: datetime | None
    """The same as a time, None where there is none that can be read."""
    tags: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    """The paths of its categories."""
    cover: str
    description: str
    pinned: int
    """How far up it is pinned to the home page, 0 where it isn't."""
    names: tuple[str, ...] = ()
    """What other notes call it: its title, the name of its file, its aliases."""
    signatures: tuple[str, ...] = ()
    """What its annotations begin with."""
    without: frozenset[str] = frozenset()
    """Ways of writing that mean nothing in it."""

    @property
    def category(self) -> tuple[str, ...]:
        """The first of them, () where it has none."""
        return self.categories[0] if self.categories else ()

    @cached_property
    def outline(self) -> "Outline":
        body = body_of(read_text(self.path, f"docs/{self.uri}"))
        return Outline(body, self.signatures, self.without)

    @cached_property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Where its links lead within the base: names of notes, and addresses, one of the two."""
        text = read_text(self.path, f"docs/{self.uri}")
        return self.outline.links if MAY_LINK.search(text) else ()

    @property
    def done(self) -> int:
        """How many headings have the author's mark."""
        return self.outline.done

    @property
    def headings(self) -> int:
        return self.outline.headings

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        return self.outline.annotations

    @property
    def embeds(self) -> tuple[str, ...]:
        """What it embeds, such as `self_attention.py:score`."""
        return self.outline.embeds


KEPT = ("title", "date", "kind", "source")
"""What the lock knows of a note that its front matter doesn't say."""

_notes: dict[Path, tuple[tuple, Note]] = {}


def read_library(root: Path) -> list[Note]:
    """The notes of the project, the newest first, those without a date last.

    Raises BadInput where front matter can't be read or a note is private.
    """
    notes = []
    for path in (root / "docs/posts").rglob("[!.]*.md"):  # no site has files with a dot
        try:
            notes.append(read_note(path, root))
        except FileNotFoundError:  # deleted just now
            _notes.pop(path, None)
    return sorted(notes, key=lambda note: (note.when or datetime.min, note.uri), reverse=True)


def read_note(path: Path, root: Path) -> Note:
    """One note, from memory if the file is as it was."""
    stat = os.stat(path)
    settings = read_settings(root)
    locked = locked_note(root, path.relative_to(root).as_posix())
    kept = tuple(locked.get(key, "") for key in KEPT)
    state = (stat.st_mtime_ns, stat.st_size, settings.signatures, settings.timezone, settings.without, kept)
    known, note = _notes.get(path, (None, None))
    if state != known:
        note = parse_note(path, root, locked)
        _notes[path] = (state, note)
    return note


def parse_note(path: Path, root: Path, locked: Entry) -> Note:
    name = path.relative_to(root).as_posix()
    text = read_text(path, name)
    refuse_private(text, name)
    return make_note(path, root, text, locked)


def make_note(path: Path, root: Path, text: str, locked: Entry) -> Note:
    """The note that a text is, or would be."""
    name = path.relative_to(root).as_posix()
    head = find_head(text)
    meta = head_values(head, name)
    title = heading = text_of(meta.get("title"))
    settings = read_settings(root)
    outline = None if title else Outline(text[head.end :], settings.signatures, settings.without)
    date = text_of(date_in(meta)) or text_of(locked.get("date"))
    if outline and not (title := text_of(outline.title)):
        title = heading = text_of(locked.get("title"))
    moment = read_moment(date, zone_of(settings.timezone))
    note = Note(
        uri=path.relative_to(root / "docs").as_posix(),
        path=path,
        meta=meta,
        title=title or path.stem,
        heading=heading,
        date=str(moment) if moment else date or None,
        when=moment.when if moment else None,
        tags=tuple(dict.fromkeys(each for key in ("tags", "tag") for each in list_of(meta.get(key)))),
        categories=category_paths(meta, "hugo" if head.form == "TOML" else text_of(locked.get("kind"))),
        cover=text_of(meta.get("index_img")),
        description=text_of(meta.get("description")),
        pinned=max(map(pin, (meta.get("top"), meta.get("sticky")))),
        names=names_of(title, meta, locked),
        signatures=settings.signatures,
        without=settings.without,
    )
    if outline:
        remember(note, outline)
    return note


def remember(note: Note, outline: "Outline") -> None:
    """What is in a note, where somebody has found out already."""
    vars(note)["outline"] = outline


def read_text(path: Path, name: str) -> str:
    """Raises BadInput, which calls the file `name`."""
    try:
        return path.read_bytes().decode("utf-8").lstrip("\ufeff")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadInput(f"{name}:{line}：不是 UTF-8 编码。用作者的原文替换这个文件。") from None


def body_of(text: str) -> str:
    """What stands below the front matter."""
    return text[find_head(text).end :]


def date_in(meta: dict) -> object:
    """When the note was written, by the first key that says it."""
    said = {key.replace("-", "").replace("_", "").lower(): value for key, value in meta.items()}
    return next((said[key] for key in DATES if said.get(key)), None)


def text_of(value: object) -> str:
    """One line of text, "" for what is no string."""
    text = " ".join(NOT_TEXT.sub("", value).split()) if isinstance(value, str) else ""
    return text if text.isascii() else text + open_ends(text)


def open_ends(text: str) -> str:
    """What ends the turns of direction that a text leaves open, or they would go on behind it."""
    ends: list[str] = []
    for char in text:
        if char in BIDI:
            ends.append(BIDI[char])
        elif ends and char == ends[-1]:
            ends.pop()
    return "".join(reversed(ends))


def list_of(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for each in values if (text := text_of(each))]


def names_of(title: str, meta: dict, locked: Entry) -> tuple[str, ...]:
    file = PurePosixPath(str(locked.get("source", ""))).stem
    aliases = [each for key in ("aliases", "alias") for each in list_of(meta.get(key))]
    return tuple(dict.fromkeys(filter(None, (title, file, *aliases))))


def category_paths(meta: dict, kind: str) -> tuple[tuple[str, ...], ...]:
    """`categories`, or `category`, as paths: a list is one, a single string has one step.

    In a list with lists in it, each is a path, as Hexo has it; in one of Hugo's, each string is. In one
    line of Jekyll's, a blank is between two steps.
    """
    is_set = kind == "hugo"
    paths: list[tuple[str, ...]] = []
    for value in (meta.get("categories"), meta.get("category")):
        if kind == "jekyll" and isinstance(value, str):
            value = value.split()
        several = isinstance(value, list) and (is_set or any(isinstance(each, list) for each in value))
        paths += [tuple(list_of(each)) for each in (value if several else [value])]
    return tuple(dict.fromkeys(filter(None, paths)))


def pin(value: object) -> int:
    """`sticky: 100`, `top: true`; a bigger number stands further up."""
    value = text_of(value).lower()
    return int(value[:9]) if value.isdecimal() else int(value in ("true", "yes", "on"))


def note_text(body: str) -> str:
    """The body as the site's generators pass it on, so that it is parsed once for all."""
    return LINE_END.sub("\n", body).lstrip("\n")


class Outline:
    """Headings, annotations and embeds of a note's body."""

    def __init__(self, body: str, signatures: tuple[str, ...] = (), without: frozenset[str] = frozenset()):
        text = note_text(body)
        tokens, lines = parse(text, without), text.split("\n")
        headings = [
            shown_text(tokens[place + 1])
            for place, token in enumerate(tokens)
            if token.type == "heading_open"
        ]
        self.title = next(filter(None, map(without_mark, headings)), "")
        self.headings = len(headings)
        self.done = sum(MARK in heading for heading in headings)
        annotations = []
        self.quotes: dict[int, Sequence[Token]] = {}
        """The tokens of the annotations by their numbers, for the pages that collect them."""
        for number, (section, quote, nested) in enumerate(find_annotations(tokens, signatures), 1):
            source = "\n".join(lines[slice(*quote[0].map)])
            size = len(source.encode()) * (10 if GROWS.search(source) else 1)
            annotations.append(Annotation(number, section, size, nested))
            if not nested:
                self.quotes[number] = quote
        self.annotations = tuple(annotations)
        found = ((address, name) for _, tag, address, name in walk(tokens) if tag == "a")
        self.links = tuple(dict.fromkeys(link for link in found if not is_elsewhere(link[0])))
        self.embeds = tuple(
            found.group(1)
            for token in tokens
            if token.type == "fence"
            and f"{token.markup} {token.info.strip()}" == EMBED_FIRST["python"]
            if (found := EMBED_MIDDLE.fullmatch(token.content.strip()))
        )


def find_annotations(
    tokens: Sequence[Token], signatures: tuple[str, ...]
) -> Iterator[tuple[str, Sequence[Token], bool]]:
    """For each annotation, the heading that it stands under, its tokens from quote to quote,
    and whether it stands within another annotation."""
    section, last = "", 0
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            section = without_mark(shown_text(tokens[place + 1]))
        elif token.type == "blockquote_open" and tokens[place + 1].type == "paragraph_open":
            if signature_of(shown_text(tokens[place + 2]), signatures):
                end = place + 1
                while (tokens[end].type, tokens[end].level) != ("blockquote_close", token.level):
                    end += 1
                yield section, tokens[place : end + 1], place < last
                last = max(last, end)


def shown_text(inline: Token) -> str:
    """The text that a reader sees of a heading or paragraph."""
    return "".join(map(shown, inline.children))


def shown(token: Token) -> str:
    match token.type:
        case "softbreak" | "hardbreak":
            return "\n"
        case "html_inline":
            return shown_of_html(token.content)
        case "image":
            return ""
    return token.content


def without_mark(heading: str) -> str:
    return heading.replace(MARK, "", 1).strip()
