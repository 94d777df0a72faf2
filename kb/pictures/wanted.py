"""Which pictures the notes show from other servers, and which of them may be copied."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kb.markdown.settings import read_settings
from kb.notes.addresses import find_addresses
from kb.notes.any_front_matter import Unreadable
from kb.notes.embedded import Entry, front_matter, read_lock
from kb.notes.licences import read_licence
from kb.notes.private import private_because

WEB = re.compile("(?:https?:)?//", re.IGNORECASE)


@dataclass
class Wanted:
    places: list[tuple[str, int]] = field(default_factory=list)
    """Name of a note below the root, and the line there."""
    allowed: bool = False
    """Whether one of those notes may be copied."""


def find_wanted(root: Path, without: Collection[str] = ()) -> dict[str, Wanted]:
    """Address → where public notes show it, but those named in `without`. Raises BadInput."""
    lock, author = read_lock(root), read_settings(root).author
    found: dict[str, Wanted] = {}
    for path in sorted((root / "docs/posts").rglob("[!.]*.md")):
        name = path.relative_to(root).as_posix()
        entry = lock.get(name, {})
        if name in without or (text := public_text(path, entry)) is None:
            continue
        allowed = may_copy(entry, author)
        for address, line in pictures_of(text, root):
            wanted = found.setdefault(address, Wanted())
            wanted.places.append((name, line))
            wanted.allowed |= allowed
    return found


def shown_in(root: Path, name: str) -> set[str]:
    """The pictures from other servers in one note, public or not."""
    try:
        text = (root / name).read_bytes().decode("utf-8", "replace")
    except OSError:
        return set()
    return {address for address, _ in pictures_of(text, root)}


def public_text(path: Path, entry: Entry) -> str | None:
    """None where it isn't public, or can't be read: `kb check` says which."""
    try:
        text = path.read_bytes().decode("utf-8")
        return None if entry.get("private") or private_because(text) else text
    except (OSError, UnicodeDecodeError, Unreadable):
        return None


def may_copy(entry: Entry, author: str) -> bool:
    """Whether its licence is one that lets everybody copy, or it is the base's own."""
    return bool(read_licence(str(entry.get("licence", "")))[1]) or bool(author and entry.get("author") == author)


def pictures_of(text: str, root: Path) -> Iterator[tuple[str, int]]:
    """Address and line, the cover first."""
    cover = front_matter(text).get("index_img")
    if isinstance(cover, str) and WEB.match(cover := cover.strip()):
        lines = text.split("\n")
        yield cover, next((n for n, line in enumerate(lines, 1) if "index_img" in line), 1)
    for address in find_addresses(text, read_settings(root).without):
        if address.is_picture and WEB.match(address.target):
            yield address.target, address.line
