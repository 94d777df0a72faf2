"""A note that its author has made private since it was published here: which of ours it was.

Two notes by chance, or two authors, may have one abbrlink, or one title. So two of these have to
agree: abbrlink, title, date, and the text below the front matter, if that is long enough to be no
other's; the text alone does too. Where a note only looks alike, that is said, and nothing done.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from kb.intake.abbrlink import is_abbrlink, name_of
from kb.intake.originals import identity_of
from kb.notes.any_front_matter import Unreadable, read_pairs
from kb.notes.embedded import front_matter, without_embeds
from kb.notes.head import find_head
from kb.notes.private import plain

LONG_ENOUGH = 40
"""Characters."""


@dataclass(frozen=True)
class Traits:
    """What a note is known by; "" says nothing."""

    title: str
    date: str
    body: str

    def agree(self, other: "Traits") -> set[str]:
        """The names of those that both have, and alike."""
        mine, theirs = vars(self), vars(other)
        return {key for key, value in mine.items() if value and value == theirs[key]}


@dataclass
class Found:
    same: list[str] = field(default_factory=list)
    """The names, below the root, of those that the private note was."""
    alike: list[str] = field(default_factory=list)
    """Of those that may be others'."""


class PublicNotes:
    """Those that are in the project."""

    def __init__(self, root: Path):
        self.root = root

    def find(self, source: Path) -> Found:
        """Those that a private note was, or may have been."""
        try:
            text = source.read_bytes().decode("utf-8")
            meta = {plain(key): str(value) for key, value in read_pairs(text) if value is not None}
        except (OSError, UnicodeDecodeError, Unreadable):
            return Found()
        mine, found = traits_of(text, meta), Found()
        number = meta.get("abbrlink")
        numbered = self.by_letters.get(name_of(number.lower())) if is_abbrlink(number) else None
        for name, theirs in self.traits.items():
            agree = mine.agree(theirs)
            if "body" in agree or len(agree) + (name == numbered) > 1:
                found.same.append(name)
            elif name == numbered or "title" in agree:
                found.alike.append(name)
        return Found([numbered]) if numbered in found.same else found

    @cached_property
    def by_letters(self) -> dict[str, str]:
        return {name.lower(): name for name, _ in self.names()}

    @cached_property
    def traits(self) -> dict[str, Traits]:
        texts = (
            (name, without_embeds(path.read_bytes()).decode("utf-8", "replace"))
            for name, path in self.names()
        )
        return {name: traits_of(text, front_matter(text)) for name, text in texts}

    def names(self) -> Iterable[tuple[str, Path]]:
        for path in sorted((self.root / "docs/posts").rglob("*.md")):
            yield path.relative_to(self.root).as_posix(), path


def traits_of(text: str, meta: dict) -> Traits:
    title, date = identity_of(meta)
    return Traits(title.strip(), date.strip(), body_of(text))


def body_of(text: str) -> str:
    """What is below the front matter, blanks aside; "" where that says too little."""
    body = re.sub(r"\s+", " ", text[find_head(text).end :]).strip()
    return body if len(body) >= LONG_ENOUGH else ""
