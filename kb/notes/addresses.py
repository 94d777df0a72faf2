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
    is_picture: bool


def find_addresses(text: str) -> list[Address]:
    """All of a page, in the order of its lines."""
    tokens, start = body_tokens(text)
    return [
        Address(target, start + line + 1, tag == "img")
        for line, tag, target in walk(tokens)
        if target
    ]


def body_tokens(text: str) -> tuple[Sequence[Token], int]:
    """What stands below the front matter, parsed, and how many lines that takes."""
    start = body_line(text)
    body = "\n".join(re.split(r"\r\n|\r|\n", text)[start:])
    return parse(body), start


def walk(tokens: Sequence[Token]) -> Iterator[tuple[int, str, str]]:
    """Line within the body, tag and target of each."""
    for token, line in with_lines(tokens):
        if token.type.startswith("html_"):
            yield from in_html(token.content, line)
        elif token.nesting >= 0 and (attribute := ATTRIBUTES.get(token.tag)):
            yield line, token.tag, str(token.attrs.get(attribute, ""))


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
