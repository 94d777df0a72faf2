"""What a command is about to write, so that the next one can bring to its end what was killed.

`kb add` writes the notes one by one and the lock once, when they are all there. Before the first
it writes what the lock is to hold of each. A note that is so by then was written: the next command
enters it into the lock. So it does for `kb save`. The others write a journal without notes: pages
have to follow.
"""

from pathlib import Path

from kb.markdown.engine import BadInput
from kb.notes.embedded import LOCK, Entry, is_original, lock_bytes, parse_lock, read_lock
from kb.notes.files import reason, sweep, write_whole
from kb.site.pages import write_pages

JOURNAL = ".kb-journal.json"


def begin(root: Path, entries: dict[str, Entry]) -> None:
    """Raises OSError."""
    write_whole(root / JOURNAL, lock_bytes(entries))


def is_unfinished(root: Path) -> bool:
    return (root / JOURNAL).exists()


def resume(root: Path) -> bool:
    """Whether a command was cut off; then the lock holds what it has written.

    Raises OSError, and BadInput where the lock is damaged.
    """
    sweep(root)
    if not is_unfinished(root):
        return False
    lock = read_lock(root)
    for name, entry in read_journal(root).items():
        path = root / name
        if path.exists() and is_original(path.read_bytes(), entry):
            lock[name] = entry
    write_whole(root / LOCK, lock_bytes(lock))
    return True


def read_journal(root: Path) -> dict[str, Entry]:
    """Raises BadInput where it is damaged."""
    try:
        return parse_lock((root / JOURNAL).read_bytes())
    except BadInput:
        raise BadInput(
            f"{JOURNAL}：坏了，看不出上一次写到哪里。删去这个文件，再添加上一次的笔记。"
        ) from None


def finish(root: Path) -> tuple[list[str], str | None]:
    """What became of the pages made from notes, or why they couldn't follow."""
    try:
        pages = write_pages(root)
        end(root)
    except BadInput as problem:
        return [], str(problem)
    except OSError as error:
        return [], f"{JOURNAL}：都做完了，只是删不掉它（{reason(error)}）。删去这个文件。"
    return pages, None


def end(root: Path) -> None:
    (root / JOURNAL).unlink(missing_ok=True)
