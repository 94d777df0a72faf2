"""What a command replaces is kept in `.kb-backup/<time>/`, with a record of what it did.

The record, `changes.jsonl`, says what is about to be done before it is, a line for each thing:

    {"number": 7, "command": "add", "time": "2024-05-01T09:30:00"}
    {"file": "docs/posts/1.md", "before": "<SHA-256>", "after": "<SHA-256>"}
    {"file": "docs/posts/1/x.png", "before": null, "after": "<SHA-256>"}
    {"note": "docs/posts/1.md", "before": {"bytes": 9, "sha256": "…"}, "after": {…}}
    {"lost": "docs/posts/2.md"}

null is nothing: there was no such file, or no such note in the lock. What is lost was removed
without a copy, because it is private. So whatever moment a command was killed at, each of these is
as it was before or as it was to be; a record that names none that it brought about is empty.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from kb.markdown.engine import BadInput
from kb.notes.embedded import ABOUT_US
from kb.notes.files import BACKUPS, write_whole

CHANGES = "changes.jsonl"
BEGUN = "undoing.jsonl"
"""The name of a record while its command is being undone."""


def digest(path: Path) -> str | None:
    """SHA-256 of what is there, None where nothing is. Raises OSError."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None


class Store:
    """Writes below the root of a project, and keeps copies and a record of one command."""

    def __init__(self, root: Path, command: str = ""):
        """Without the name of a command nothing is recorded."""
        self.root = root
        self.command = command
        self._folder: Path | None = None

    def write(self, name: str, data: bytes) -> str | None:
        """Returns the name of the copy of what was there, None where nothing was replaced.

        Raises OSError, leaving `name` as it was.
        """
        target = self.root / name
        before = digest(target)
        after = hashlib.sha256(data).hexdigest()
        if before == after:
            return None
        self.record({"file": name, "before": before, "after": after})
        copy = self.keep(name) if before else None
        write_whole(target, data)
        return copy

    def keep(self, name: str) -> str:
        """Copies what is there, and returns the name of the copy. Raises OSError."""
        copy = self.folder() / name
        write_whole(copy, (self.root / name).read_bytes())
        return copy.relative_to(self.root).as_posix()

    def record(self, *lines: dict) -> None:
        """Says what is about to be done. Raises OSError."""
        if self.command and lines:
            folder = self.folder()
            with (folder / CHANGES).open("a", encoding="utf-8", newline="\n") as file:
                file.writelines(json.dumps(line) + "\n" for line in lines)

    def discard(self) -> None:
        """Nothing of it has been done after all."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def folder(self) -> Path:
        """One folder for all copies of this command, never one that was there before."""
        if self._folder is None:
            now, count = datetime.now(), 1
            time = now.strftime("%Y%m%d-%H%M%S")
            folder = self.root / BACKUPS / time
            while folder.exists():
                count += 1
                folder = self.root / BACKUPS / f"{time}-{count}"
            number = max(map(number_of, find_records(self.root)), default=0) + 1
            folder.mkdir(parents=True)
            self._folder = folder
            head = {"number": number, "command": self.command}
            self.record(head | {"time": now.isoformat(timespec="seconds")})
        return self._folder


def note_change(name: str, before: dict | None, after: dict | None) -> dict:
    """The line of a record about an entry of the lock."""
    return {"note": name, "before": before, "after": after}


def is_alike(one: dict | None, other: dict | None) -> bool:
    """Whether two entries of the lock say the same of the author's."""
    return without_ours(one) == without_ours(other)


def without_ours(entry: dict | None) -> dict:
    return {key: value for key, value in (entry or {}).items() if key not in ABOUT_US}


@dataclass
class Record:
    """What a command did, or was about to do."""

    folder: Path
    command: str
    time: str
    files: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    """Name → SHA-256 before and after."""
    notes: dict[str, tuple[dict | None, dict | None]] = field(default_factory=dict)
    """Name → entry of the lock before and after."""
    lost: list[str] = field(default_factory=list)
    begun: bool = False
    """Whether it was being undone when somebody ended that."""

    def begin(self) -> "Record":
        """Marks it as being undone. Raises OSError."""
        if not self.begun:
            os.replace(self.folder / CHANGES, self.folder / BEGUN)
        return replace(self, begun=True)


def find_records(root: Path) -> list[Path]:
    names = (CHANGES, BEGUN)
    return [path for name in names for path in (root / BACKUPS).glob(f"*/{name}")]


def number_of(path: Path) -> int:
    """Which command it was, counted from 1; 0 where it can't be told."""
    try:
        with path.open("rb") as file:
            return int(json.loads(file.readline())["number"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def read_records(root: Path) -> Iterator[Record]:
    """The newest first. Raises BadInput at one that is damaged."""
    for path in sorted(find_records(root), key=number_of, reverse=True):
        yield read_record(path, root)


def read_record(path: Path, root: Path) -> Record:
    try:
        *whole, _ = path.read_bytes().decode("utf-8").split("\n")  # the last was cut off, or is ""
        head, *lines = map(json.loads, whole)
        record = Record(path.parent, head["command"], head["time"], begun=path.name == BEGUN)
        for line in lines:
            if "lost" in line:
                record.lost.append(line["lost"])
                continue
            kind = "file" if "file" in line else "note"
            found = record.files if kind == "file" else record.notes
            before, _ = found.get(line[kind], (line["before"], None))
            found[line[kind]] = before, line["after"]
    except (OSError, ValueError, KeyError, TypeError):
        name = path.relative_to(root).as_posix()
        raise BadInput(
            f"{name}：坏了，看不出那一步做过什么。删去这个文件，就跳过那一步；"
            "它旁边的备份都还在。"
        ) from None
    return record
