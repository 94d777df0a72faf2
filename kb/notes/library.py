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
from pathlib import Path

from markdown_it.token import Token

from kb.markdown.annotations import signature_of
from kb.markdown.engine import BadInput
from kb.markdown.marks import MARK
from kb.markdown.rawhtml import shown_of_html
from kb.markdown.settings import read_settings
from kb.markdown.syntax import parse
from kb.notes.embedded import EMBED_FIRST, EMBED_MIDDLE, FRONT_MATTER
from kb.notes.front_matter import read_meta
from kb.notes.private import refuse_private

GROWS = re.compile(r"\$|```|~~~|\\[(\[]")
LINE_END = re.compile(r"\r\n?")
NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
"""Characters that HTML and XML can't hold, or show nothing of."""
BIDI = {"\u202a": "\u202c", "\u202b": "\u202c", "\u202d": "\u202c", "\u202e": "\u202c"}
BIDI |= {"\u2066": "\u2069", "\u2067": "\u2069", "\u2068": "\u2069"}
"""What turns the direction of all text that follows → what ends that."""
DATE = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")


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
    date: str | None
    """As written, None where there is none."""
    when: datetime | None
    """The date as local time, None where there is none that can be read."""
    tags: tuple[str, ...]
    category: tuple[str, ...]
    """The path of its category, () where it has none."""
    cover: str
    description: str
    pinned: int
    """How far up it is pinned to the home page, 0 where it isn't."""
    signatures: tuple[str, ...] = ()
    """What its annotations begin with."""

    @cached_property
    def outline(self) -> "Outline":
        body = parts_of(read_text(self.path, f"docs/{self.uri}"))[1]
        return Outline(body, self.signatures)

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
    state = (stat.st_mtime_ns, stat.st_size, read_settings(root).signatures)
    known, note = _notes.get(path, (None, None))
    if state != known:
        note = parse_note(path, root)
        _notes[path] = (state, note)
    return note


def parse_note(path: Path, root: Path) -> Note:
    name = path.relative_to(root).as_posix()
    text = read_text(path, name)
    refuse_private(text, name)
    head, body = parts_of(text)
    meta = read_meta(head, name)
    title = text_of(meta.get("title"))
    signatures = read_settings(root).signatures
    outline = None if title else Outline(body, signatures)
    date = text_of(meta.get("date")) or None
    note = Note(
        uri=path.relative_to(root / "docs").as_posix(),
        path=path,
        meta=meta,
        title=title or text_of(outline.title) or path.stem,
        date=date,
        when=parse_date(date),
        tags=tuple(dict.fromkeys(list_of(meta.get("tags")))),
        category=category_path(meta),
        cover=text_of(meta.get("index_img")),
        description=text_of(meta.get("description")),
        pinned=max(map(pin, (meta.get("top"), meta.get("sticky")))),
        signatures=signatures,
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
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadInput(f"{name}:{line}：不是 UTF-8 编码。用作者的原文替换这个文件。") from None


def parts_of(text: str) -> tuple[str, str]:
    """Front matter and body."""
    found = FRONT_MATTER.match(text)
    return (found.group(1), text[found.end() :]) if found else ("", text)


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


def category_path(meta: dict) -> tuple[str, ...]:
    """`categories` as a path: a list is one already, a single string has one step.

    Hexo lets a list of lists name several paths; the first one counts.
    """
    categories = meta.get("categories")
    if isinstance(categories, list) and categories and isinstance(categories[0], list):
        categories = categories[0]
    return tuple(list_of(categories))


def pin(value: object) -> int:
    """`sticky: 100`, `top: true`; a bigger number stands further up."""
    value = text_of(value).lower()
    return int(value[:9]) if value.isdecimal() else int(value in ("true", "yes", "on"))


def parse_date(date: str | None) -> datetime | None:
    """Local time, whatever zone may follow; None also for a year that no feed can name."""
    if not (found := DATE.match(date or "")):
        return None
    try:
        when = datetime(*(int(part) for part in found.groups(default="0")))
    except ValueError:
        return None
    return when if 1000 <= when.year < 9999 else None


def note_text(body: str) -> str:
    """The body as the site's generators pass it on, so that it is parsed once for all."""
    return LINE_END.sub("\n", body).lstrip("\n")


class Outline:
    """Headings, annotations and embeds of a note's body."""

    def __init__(self, body: str, signatures: tuple[str, ...] = ()):
        text = note_text(body)
        tokens, lines = parse(text), text.split("\n")
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
