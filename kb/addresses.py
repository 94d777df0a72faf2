"""Where a page of ours or a note points: links and pictures, in Markdown and in raw HTML."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from markdown_it.token import Token

from kb.notes import body_line
from kb.syntax import parse

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
    for token in tokens:
        line = token.map[0] if token.map else 0
        if token.type == "html_block":
            yield from in_html(token.content, line)
        for child in token.children or ():
            if child.type in ("softbreak", "hardbreak"):
                line += 1
            elif child.type == "html_inline":
                yield from in_html(child.content, line)
            elif child.nesting >= 0 and (attribute := ATTRIBUTES.get(child.tag)):
                yield line, child.tag, str(child.attrs.get(attribute, ""))


def in_html(html: str, line: int) -> Iterator[tuple[int, str, str]]:
    found: list[tuple[int, str, str]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if target := dict(attrs).get(ATTRIBUTES.get(tag, "")):
                found.append((line + self.getpos()[0] - 1, tag, target.strip()))

    reader = Reader()
    reader.feed(html)
    reader.close()
    return iter(found)
