"""How commands write to a base: one at a time, all or nothing, with copies and a record for undo.

Who is killed half-way leaves a journal; the next command brings lock and pages to their end.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kb.intake import journal
from kb.markdown.engine import BadInput
from kb.notes.backups import Store, note_change
from kb.notes.embedded import LOCK, Entry, lock_bytes, read_lock
from kb.notes.files import alone, reason, write_whole


@dataclass
class Written:
    backups: list[str] = field(default_factory=list)
    """Copies of what was replaced."""
    pages: list[str] = field(default_factory=list)
    """What became of the pages made from notes."""
    problem: str | None = None
    """Why those couldn't follow."""


@contextmanager
def editing(root: Path, dry: bool, waiting: Callable[[], None]) -> Iterator[None]:
    """Nobody else writes, and what was cut off before has come to its end; `dry`: it is left so."""
    with alone(root, waiting):
        try:
            if not dry and journal.resume(root):
                journal.finish(root)
        except OSError as error:
            raise BadInput(f"{error.filename or root}：写不了（{reason(error)}）。") from None
        yield


def write(
    root: Path, command: str, files: dict[str, bytes], entries: dict[str, Entry] | None = None
) -> Written:
    """Writes files below the root, and entries of the lock. Raises BadInput, with everything as it
    was.
    """
    lock, entries, written = read_lock(root), entries or {}, Written()
    store = Store(root, command)
    before = {name: path.read_bytes() if (path := root / name).exists() else None for name in files}
    try:
        store.record(*(note_change(name, lock.get(name), new) for name, new in entries.items()))
        journal.begin(root, entries)
        for name, data in files.items():
            if copy := store.write(name, data):
                written.backups.append(copy)
        if entries:
            write_whole(root / LOCK, lock_bytes(lock | entries))
    except BaseException as error:
        for name, data in before.items():
            if data is not None and (root / name).read_bytes() != data:
                write_whole(root / name, data)
            elif data is None and (root / name).exists():
                (root / name).unlink()
        store.discard()
        journal.end(root)
        if isinstance(error, OSError):
            raise BadInput(
                f"{error.filename or root}：写不下（{reason(error)}）。什么也没有改。"
            ) from None
        raise
    written.pages, written.problem = journal.finish(root)
    return written
