"""Where a page of ours or a note points: links and pictures, in Markdown and in raw HTML."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from kb.markdown.rawhtml import Start, pieces
from kb.markdown.syntax import parse
from kb.notes.embedded import body_line

ATTRIBUTES = {"a": "href", "img": "src"}


@dataclass(frozen=True)
class Address:
    target: str
    """As the page says it, percent-encoded as a browser would."""
    line: int
    """Counted from 1."""
    tag: str
    """`a`, `img`; `include` for a file whose text is shown."""
    wiki: str = ""
    """What a link by name names, which has no address."""

    @property
    def is_picture(self) -> bool:
        return self.tag == "img"


def find_addresses(text: str, without: frozenset[str] = frozenset()) -> list[Address]:
    """All of a page, in the order of its lines."""
    tokens, start = body_tokens(text, without)
    return [
        Address(target, start + line + 1, tag, wiki)
        for line, tag, target, wiki in walk(tokens)
        if target or wiki
    ]


def body_tokens(text: str, without: frozenset[str] = frozenset()) -> tuple[Sequence[Token], int]:
    """What stands below the front matter, parsed, and how many lines that takes."""
    start = body_line(text)
    body = "\n".join(re.split(r"\r\n|\r|\n", text)[start:])
    return parse(body, without), start


def walk(tokens: Sequence[Token]) -> Iterator[tuple[int, str, str, str]]:
    """Line within the body, tag and target of each, and the name that a link is by."""
    for token, line in with_lines(tokens):
        if token.type.startswith("html_"):
            yield from ((*found, "") for found in in_html(token.content, line))
        elif token.type == "included":
            yield line, "include", str(token.attrs["src"]), ""
        elif token.nesting >= 0 and (attribute := ATTRIBUTES.get(token.tag)):
            yield line, token.tag, str(token.attrs.get(attribute, "")), str(token.attrs.get("data-wiki", ""))


def with_lines(tokens: Sequence[Token]) -> Iterator[tuple[Token, int]]:
    """All tokens of a text, each with its line."""
    for token in tokens:
        line = token.map[0] if token.map else 0
        yield token, line
        for child in token.children or ():
            yield child, line
            line += child.type in ("softbreak", "hardbreak")


def in_html(html: str, line: int) -> Iterator[tuple[int, str, str]]:
    for piece in pieces(html):
        if isinstance(piece, Start) and (target := piece.attributes.get(ATTRIBUTES.get(piece.tag, ""))):
            yield line + piece.line, piece.tag, target.strip()
