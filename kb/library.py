"""All notes under `docs/posts/`, with what their front matter and headings say of them.

What the pages made from notes are made of. A note is read once and again when its file has
changed, so that reading thousands of them again costs little more than looking at each.
"""

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from kb.engine import BadInput
from kb.notes import EMBED_FIRST, EMBED_MIDDLE, private_because

SIGNATURE = "alec："
MARK = "[√]"

FRONT_MATTER = re.compile(
    r"\ufeff?---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
PRIVATE = {"password", "published", "draft"}
STRINGS = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
VALUES = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DATE = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")


@dataclass(frozen=True)
class Annotation:
    """A quote that the page shows as the author's annotation."""

    number: int
    """Which of the note's annotations it is, from 1."""
    section: str
    """The heading it stands under, without its mark; "" above the first."""
    lines: tuple[int, int]
    """First line and line after the last, counted from 0 at the start of the body."""
    size: int
    """Characters of these lines."""


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
    done: int
    """How many headings have the author's mark."""
    headings: int
    annotations: tuple[Annotation, ...]
    embeds: tuple[str, ...]
    """What it embeds, such as `self_attention.py:score`."""


_notes: dict[Path, tuple[tuple[int, int], Note]] = {}


def read_library(root: Path) -> list[Note]:
    """The notes of the project, the newest first, those without a date last.

    Raises BadInput where front matter can't be read or a note is private.
    """
    notes = []
    for path in (root / "docs/posts").rglob("*.md"):
        try:
            notes.append(read_note(path, root))
        except FileNotFoundError:  # deleted just now
            _notes.pop(path, None)
    return sorted(notes, key=lambda note: (note.when or datetime.min, note.uri), reverse=True)


def read_note(path: Path, root: Path) -> Note:
    """One note, from memory if the file is as it was."""
    stat = os.stat(path)
    state = (stat.st_mtime_ns, stat.st_size)
    known, note = _notes.get(path, (None, None))
    if state != known:
        note = parse_note(path, root)
        _notes[path] = (state, note)
    return note


def parse_note(path: Path, root: Path) -> Note:
    name = path.relative_to(root).as_posix()
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadInput(f"{name}:{line}：不是 UTF-8 编码。用作者的原文替换这个文件。") from None
    found = FRONT_MATTER.match(text)
    meta = parse_meta(found.group(1), name) if found else {}
    outline = Outline(text[found.end() :] if found else text)
    date = text_of(meta.get("date")) or None
    return Note(
        uri=path.relative_to(root / "docs").as_posix(),
        path=path,
        meta=meta,
        title=text_of(meta.get("title")) or outline.title or path.stem,
        date=date,
        when=parse_date(date),
        tags=tuple(dict.fromkeys(list_of(meta.get("tags")))),
        category=category_path(meta),
        cover=text_of(meta.get("index_img")),
        description=text_of(meta.get("description")),
        done=outline.done,
        headings=outline.headings,
        annotations=tuple(outline.annotations),
        embeds=tuple(outline.embeds),
    )


def parse_meta(source: str, name: str) -> dict:
    """The front matter as strings. Raises BadInput, also where it makes the note private."""
    try:
        meta = yaml.load(source, STRINGS)
        if not isinstance(meta, dict):
            return {}
        values = yaml.load(source, VALUES) if meta.keys() & PRIVATE else {}
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 2}" if mark else name
        raise BadInput(
            f"{place}：front matter 不是正确的 YAML（{getattr(error, 'problem', None) or error}）。"
            "改正这一行。"
        ) from None
    refuse_private(values, name)
    return meta


def refuse_private(meta: dict, name: str) -> None:
    """Raises BadInput where this front matter makes the note called `name` private."""
    if reason := private_because(meta):
        raise BadInput(
            f"{name}：这篇笔记的 front matter 写着 {reason}，是私密的，不能放在 docs/ 里。"
            "请把文件移出 docs/。"
        )


def text_of(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


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


def parse_date(date: str | None) -> datetime | None:
    """Local time, whatever zone may follow."""
    if not (found := DATE.match(date or "")):
        return None
    try:
        return datetime(*(int(part) for part in found.groups(default="0")))
    except ValueError:
        return None


class Outline:
    """Headings, annotations and embeds of a note's body.

    Blocks are parsed, but of the text inside them only headings and what a quote begins with.
    """

    def __init__(self, body: str):
        self.title = ""
        self.done = self.headings = 0
        self.annotations: list[Annotation] = []
        self.embeds: list[str] = []
        parser = make_parser()
        body = re.sub(r"\r\n?", "\n", body).replace("\0", "\ufffd")
        self.lines = body.split("\n")
        env: dict = {}
        tokens: list[Token] = []
        parser.block.parse(body, parser, env, tokens)
        section = ""
        for number, token in enumerate(tokens):
            if token.type == "heading_open":
                text = shown_text(parser, tokens[number + 1].content, env)
                section = text.replace(MARK, "", 1).strip()
                self.title = self.title or section
                self.headings += 1
                self.done += MARK in text
            elif token.type == "blockquote_open" and self.signed(tokens[number + 1 :], parser, env):
                self.add_annotation(token, section)
            elif token.type == "fence" and f"{token.markup} {token.info.strip()}" == EMBED_FIRST:
                if embed := EMBED_MIDDLE.fullmatch(token.content.strip()):
                    self.embeds.append(embed.group(1))

    def signed(self, inside: list[Token], parser: MarkdownIt, env: dict) -> bool:
        if inside[0].type != "paragraph_open" or SIGNATURE[0] not in inside[1].content:
            return False
        return shown_text(parser, inside[1].content, env).lstrip().startswith(SIGNATURE)

    def add_annotation(self, quote: Token, section: str) -> None:
        first, end = quote.map
        size = sum(len(line) + 1 for line in self.lines[first:end])
        number = len(self.annotations) + 1
        self.annotations.append(Annotation(number, section, (first, end), size))


def make_parser() -> MarkdownIt:
    return MarkdownIt("gfm-like2")


def shown_text(parser: MarkdownIt, source: str, env: dict) -> str:
    """The text that a reader sees of one line of Markdown; HTML stays as written."""
    (inline,) = parser.parseInline(source, env)
    return "".join(
        "\n" if token.type in ("softbreak", "hardbreak") else token.content
        for token in inline.children
        if token.type != "image"
    )
