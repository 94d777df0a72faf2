"""`kb undo`: what the last command changed becomes again what it was, by the record that it left.

Each file has to be as that command left it, or as it was before; where one is neither, somebody
changed it since, and nothing is undone. What goes is kept in `.kb-backup/` once more. The record
goes last, so that a second `kb undo` undoes the command before, or ends what was cut off.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kb.edit.writing import editing
from kb.intake import journal
from kb.intake.remove import is_private, tidy
from kb.markdown.engine import BadInput
from kb.notes.backups import Record, Store, digest, is_alike, read_records
from kb.notes.embedded import ABOUT_US, LOCK, lock_bytes, read_lock
from kb.notes.files import BACKUPS, reason, write_whole
from kb.notes.private import removal
from kb.pictures.copies import recall


@dataclass
class Undone:
    command: str
    time: str
    restored: list[str] = field(default_factory=list)
    """Files that are again what they were."""
    taken: list[str] = field(default_factory=list)
    """Files that it had made."""
    notes: list[str] = field(default_factory=list)
    """Those whose entry in the lock is again what it was."""
    lost: list[str] = field(default_factory=list)
    """Private notes that it removed without a copy."""
    backups: list[str] = field(default_factory=list)
    """Copies of what has gone now."""
    pages: list[str] = field(default_factory=list)
    problem: str | None = None


def undo(root: Path, dry: bool, waiting: Callable[[], None]) -> Undone:
    """Raises BadInput where there is nothing to undo, or where it can't be, having changed
    nothing.
    """
    with editing(root, dry, waiting):
        for record in read_records(root):
            undone = plan(record, root)
            if undone.restored or undone.taken or undone.notes or undone.lost or record.begun:
                break
        else:
            raise BadInput(f"没有可以撤销的：{BACKUPS}/ 里没有从前的命令的记录。")
        if not dry:
            try:
                put_back(record, undone, root)
                undone.pages, undone.problem = journal.finish(root)
                shutil.rmtree(record.folder)
            except OSError as error:
                raise BadInput(
                    f"{error.filename or root}：写不了（{reason(error)}），撤销了一半。"
                    "腾出空间，再运行 kb undo，就补全了。"
                ) from None
        return undone


def plan(record: Record, root: Path) -> Undone:
    """What there is to do. Raises BadInput where something has changed since."""
    undone = Undone(record.command, record.time, lost=record.lost)
    changed = []
    for name, (before, after) in record.files.items():
        now, copy = digest(root / name), record.folder / name
        if now == before:
            continue
        if name in record.notes and (root / name).exists() and is_private(name, root):
            changed.append(f"{name} 现在是私密的，用 {removal(name)} 撤下")
        elif now != after:
            changed.append(f"{name} 在那以后改过了")
        elif before is None:
            undone.taken.append(name)
        elif digest(copy) == before:
            undone.restored.append(name)
        else:
            shown = copy.relative_to(root).as_posix()
            changed.append(f"{name} 从前的样子应在 {shown}，那里没有了")
    lock = read_lock(root)
    for name, (before, after) in record.notes.items():
        if is_alike(lock.get(name), before):
            continue
        if is_alike(lock.get(name), after):
            undone.notes.append(name)
        else:
            changed.append(f"{LOCK} 里 {name} 的一项在那以后改过了")
    if changed:
        raise BadInput(
            f"kb {record.command}（{when(record.time)}）没有撤销，什么也没有改：\n"
            + "".join(f"  {each}\n" for each in changed)
            + f"  先改回去再撤销；从前的样子都在 {record.folder.relative_to(root).as_posix()}/ 里，"
            "也可以自己取回。不要这条记录了，就删去这个文件夹。"
        )
    return undone


def when(time: str) -> str:
    return time.replace("T", " ")[:16]


def put_back(record: Record, undone: Undone, root: Path) -> None:
    """Raises OSError."""
    record = record.begin()
    entries = {name: record.notes[name][0] for name in undone.notes}
    journal.begin(root, {name: entry for name, entry in entries.items() if entry})
    store = Store(root)
    for name in [*undone.restored, *undone.taken]:
        if (root / name).exists():
            undone.backups.append(store.keep(name))
    for name in undone.restored:
        write_whole(root / name, (record.folder / name).read_bytes())
    recall(root, record.folder)
    for name in undone.taken:
        os.unlink(root / name)
        tidy((root / name).parent, root / "docs/posts")
    if entries:
        lock = read_lock(root)
        for name, entry in entries.items():
            now = lock.pop(name, {})
            if entry:
                lock[name] = entry | {key: now[key] for key in ABOUT_US if key in now}
        write_whole(root / LOCK, lock_bytes(lock))
