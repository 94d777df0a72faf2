"""A note that its author has made private since it was published here: which of ours it was.

It is the note of its abbrlink; or, where it has none, that of the same title and date, or of the
same text below the front matter, if that is long enough to be no other's.
"""

import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import yaml

from kb.intake.abbrlink import is_abbrlink, name_of
from kb.intake.originals import identity_of
from kb.notes.any_front_matter import Unreadable, read_pairs
from kb.notes.embedded import FRONT_MATTER, front_matter, without_embeds
from kb.notes.private import plain

LONG_ENOUGH = 40
"""Characters."""


class PublicNotes:
    """Those that are in the project."""

    def __init__(self, root: Path):
        self.root = root

    def find(self, source: Path) -> list[str]:
        """The names of those that a private note was, below the root."""
        try:
            text = source.read_bytes().decode("utf-8")
            meta = {plain(key): str(value) for key, value in read_pairs(text) if value is not None}
        except (OSError, UnicodeDecodeError, Unreadable):
            return []
        number = name_of(meta.get("abbrlink", "").lower())
        if is_abbrlink(meta.get("abbrlink")) and (name := self.by_letters.get(number)):
            return [name]
        title, date = identity_of(meta)
        alike = [
            name
            for day, name in self.by_title.get(title, ())
            if day == date or not (day and date)
        ]
        return alike or self.by_body.get(body_of(text), [])

    @cached_property
    def by_letters(self) -> dict[str, str]:
        return {name.lower(): name for name, _ in self.names()}

    @cached_property
    def by_title(self) -> dict[str, list[tuple[str, str]]]:
        """Title → date and name."""
        found: dict[str, list[tuple[str, str]]] = {}
        for name, text in self.texts:
            try:
                title, date = identity_of(front_matter(text, yaml.BaseLoader))
            except (yaml.YAMLError, ValueError, RecursionError):
                continue
            if title:
                found.setdefault(title, []).append((date, name))
        return found

    @cached_property
    def by_body(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, text in self.texts:
            if body := body_of(text):
                found.setdefault(body, []).append(name)
        return found

    @cached_property
    def texts(self) -> list[tuple[str, str]]:
        return [
            (name, without_embeds(path.read_bytes()).decode("utf-8", "replace"))
            for name, path in self.names()
        ]

    def names(self) -> Iterable[tuple[str, Path]]:
        for path in sorted((self.root / "docs/posts").rglob("*.md")):
            yield path.relative_to(self.root).as_posix(), path


def body_of(text: str) -> str:
    """What is below the front matter, blanks aside; "" where that says too little."""
    found = FRONT_MATTER.match(text)
    body = re.sub(r"\s+", " ", text[found.end() :] if found else text).strip()
    return body if len(body) >= LONG_ENOUGH else ""
