"""`kb remove`: a note leaves the site, with its entry in the lock and the copies of its pictures.

All of it is moved aside first, to `.kb-backup/<time>/` or, where the note is private, to a folder
that is then deleted; where something can't be moved, what was moved comes back. Pictures go first
and the lock last: a command that was killed half-way can be run again.
"""

import html
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from glob import escape
from pathlib import Path
from urllib.parse import unquote

from kb.intake import journal
from kb.intake.abbrlink import is_abbrlink, name_of
from kb.intake.fitting import OURS
from kb.intake.local_pictures import files_of
from kb.markdown.engine import BadInput
from kb.markdown.links import find_target
from kb.markdown.places import place
from kb.notes.addresses import body_tokens, find_addresses, with_lines
from kb.notes.any_front_matter import Unreadable
from kb.notes.backups import Store, digest, note_change
from kb.notes.embedded import LOCK, front_matter, lock_bytes, locked_note, read_lock
from kb.notes.files import BACKUPS, UNFINISHED, alone, reason, write_whole
from kb.notes.private import private_because
from kb.pictures.copies import LOCK as PICTURES_LOCK
from kb.pictures.copies import forget, read_copies
from kb.pictures.copies import lock_bytes as copies_bytes
from kb.pictures.keep import copies_of
from kb.pictures.wanted import shown_in


@dataclass
class Removed:
    """One note, and what went with it."""

    note: str
    private: bool
    files: list[str]
    """What left the project: the note, if it was there, and its pictures."""
    backups: list[str] = field(default_factory=list)
    """Where those are now."""
    older: list[str] = field(default_factory=list)
    """Copies of it that were made before, and stay."""


@dataclass
class Removal:
    notes: list[Removed]
    pages: list[str] = field(default_factory=list)
    """What became of the pages made from notes."""
    problem: str | None = None
    """Why those couldn't follow."""

    def as_json(self) -> dict:
        return {
            "ok": not self.problem,
            "notes": [asdict(note) for note in self.notes],
            "problem": self.problem,
        }


def remove_notes(
    names: Iterable[str], root: Path, keep: bool, dry: bool, waiting: Callable[[], None]
) -> Removal:
    """`keep`: of private notes too a copy is kept. `dry`: nothing is done. Raises BadInput, having
    changed nothing.
    """
    with alone(root, waiting):
        try:
            if not dry and journal.resume(root):
                journal.finish(root)
            wanted = list(dict.fromkeys(find_note(name, root) for name in names))
            removed = plan(wanted, root)
            if dry:
                return Removal(removed)
            journal.begin(root, {})
            move_away(removed, root, keep)
        except OSError as error:
            raise BadInput(
                f"{error.filename or LOCK}：移不走（{reason(error)}）。什么也没有撤下。"
            ) from None
        return Removal(removed, *journal.finish(root))


def find_note(said: str, root: Path) -> str:
    """Its name below the root: `said` is its number, its path or its title. Raises BadInput where
    there is no such note, or more than one of the title.
    """
    name = name_of(said) if is_abbrlink(said) else inside(said, root)
    if name and ((root / name).is_file() or name in read_lock(root)):
        return name
    named = [
        path.relative_to(root).as_posix()
        for path in sorted((root / "docs/posts").rglob("*.md"))
        if front_matter(read(path)).get("title") == said
    ]
    if len(named) == 1:
        return named[0]
    if named:
        raise BadInput(f"{said}：有 {len(named)} 篇笔记是这个标题：{'、'.join(named)}。写号码或路径。")
    raise BadInput(
        f"{said}：没有这篇笔记。写它的号码或路径，例如 681746266 或 docs/posts/681746266.md，"
        "或者它的标题；kb list 列出全部笔记。"
    )


def inside(said: str, root: Path) -> str | None:
    """A path that is one of a note in the project, below the root."""
    path, posts = Path(os.path.abspath(root / said)), root.absolute() / "docs/posts"
    if path.suffix.lower() == ".md" and path.is_relative_to(posts):
        return path.relative_to(root.absolute()).as_posix()
    return None


def plan(names: list[str], root: Path) -> list[Removed]:
    """Each note with its files; a picture that several have goes with the first."""
    going: set[str] = set()
    found = []
    for name in names:
        pictures = [each for each in own_pictures(name, root, names) if each not in going]
        going.update(pictures)
        note = [name] if (root / name).is_file() else []
        copies = {
            path.relative_to(root).as_posix()
            for each in dict.fromkeys([name, *pictures])
            for path in (root / BACKUPS).glob(f"*/{escape(each)}")
        }
        found.append(Removed(name, is_private(name, root), pictures + note, older=sorted(copies)))
    return found


def is_private(name: str, root: Path) -> bool:
    try:
        return bool(locked_note(root, name).get("private") or private_because(read(root / name)))
    except Unreadable:
        return True


def own_pictures(name: str, root: Path, going: Iterable[str] = ()) -> list[str]:
    """The pictures below `docs/` that this note has, and no page but those that are going, copies of
    those on other servers too; none of the site's own.
    """
    pictures = used_by(root / name, root)
    folder = (root / name).with_suffix("")
    pictures |= {path.relative_to(root).as_posix() for path in folder.rglob("*") if path.is_file()}
    for path in (root / "docs").rglob("*.md") if pictures else ():
        if path.relative_to(root).as_posix() not in {name, *going}:
            if mentions(read(path), pictures):
                pictures -= used_by(path, root) | pointed_at(path, root)
    theirs = sorted(picture for picture in pictures if picture.split("/")[1] not in OURS)
    return theirs + [f"docs/{uri}" for uri in copies_of(root, {name, *going})[1]]


def mentions(text: str, pictures: Iterable[str]) -> bool:
    """Whether one of their names occurs, however it is written: quick, and true too often."""
    plain = html.unescape(unquote(text)).replace("\\", "")
    return any(Path(picture).name.replace("\\", "") in plain for picture in pictures)


def used_by(path: Path, root: Path) -> set[str]:
    """The files below `docs/` that a page shows, or leads to."""
    text = read(path)
    uri = path.relative_to(root / "docs").as_posix()
    addresses = {(address, what) for address, _, what in files_of(text, front_matter(text))}
    found = ((find_target(root / "docs", uri, address), what) for address, what in addresses)
    return {f"docs/{target}" for target, what in found if target and what.takes(target)}


def pointed_at(path: Path, root: Path) -> set[str]:
    """Whatever below `docs/` a page names in a link or anywhere in HTML, as a page or as a file."""
    text = read(path)
    tokens, _ = body_tokens(text)
    htmls = (token.content for token, _ in with_lines(tokens) if token.type.startswith("html_"))
    named = [address.target for address in find_addresses(text)]
    named += [word for each in htmls for word in re.split(r"[\s,'\"=<>]+", html.unescape(each))]
    uri = path.relative_to(root / "docs")
    folders = (uri.as_posix(), f"{uri.parent.as_posix()}.md")
    return {f"docs/{place(folder, each)}" for folder in folders for each in named}


def read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def move_away(removed: list[Removed], root: Path, keep: bool) -> None:
    """Raises OSError, with everything where it was."""
    store, bin = Store(root, "remove"), root / UNFINISHED.replace("*", "removed")
    moved: list[tuple[Path, Path]] = []
    lock, copies = read_lock(root), read_copies(root)
    gone, _ = copies_of(root, [note.note for note in removed])
    shown = {address for note in removed if keep or not note.private for address in shown_in(root, note.note)}
    try:
        if gone:
            forget(root, gone.keys(), store.folder() if shown & gone.keys() else None, shown)
        for note in removed:
            kept = keep or not note.private
            store.record(*changes(note, lock, root) if kept else [{"lost": note.note}])
            for file in note.files:
                target = (store.folder() if kept else bin) / file
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(root / file, target)
                moved.append((root / file, target))
                if kept:
                    note.backups.append(target.relative_to(root).as_posix())
            lock.pop(note.note, None)
        write_whole(root / LOCK, lock_bytes(lock))
    except BaseException:
        for source, target in reversed(moved):
            os.replace(target, source)
        if gone:
            write_whole(root / PICTURES_LOCK, copies_bytes(copies))
        store.discard()
        raise
    shutil.rmtree(bin, ignore_errors=True)
    for source, _ in moved:
        tidy(source.parent, root / "docs/posts")


def changes(note: Removed, lock: dict, root: Path) -> Iterator[dict]:
    """What is recorded of a removal that leaves copies."""
    for file in note.files:
        yield {"file": file, "before": digest(root / file), "after": None}
    if note.note in lock:
        yield note_change(note.note, lock[note.note], None)


def tidy(folder: Path, end: Path) -> None:
    """Folders that are empty now go too; one that can't is in nobody's way."""
    with suppress(OSError):  # it isn't empty, or has gone
        while folder not in (end, end.parent):
            folder.rmdir()
            folder = folder.parent
