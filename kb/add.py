"""Taking notes in: each one's bytes go to `docs/posts/<abbrlink>.md`, its pictures beside it,
its fingerprint to the lock.

Order matters where a disk is full or the power fails: pictures, then the note, then the lock.
At any point in between, adding the same notes again brings everything to its end.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path

import yaml

from kb.abbrlink import give_abbrlinks, is_abbrlink, is_same, name_of
from kb.brought import Pictures
from kb.engine import BadInput
from kb.files import UNFINISHED, Store, alone, reason, write_whole
from kb.merge import keep_embeds
from kb.notes import (
    LOCK,
    fingerprint,
    front_matter,
    is_original,
    list_embeds,
    lock_bytes,
    read_lock,
)
from kb.originals import Original, Private, read_original
from kb.sources import find_sources


class Outcome(Enum):
    ADDED = "已添加"
    UNCHANGED = "没有变化"
    UPDATED = "已更新"
    PRIVATE = "私密未收"
    REFUSED = "没有添加"


@dataclass
class Result:
    """What became of one note."""

    source: str
    outcome: Outcome
    file: str | None = None
    """Where it is now, below the root of the project."""
    reason: str | None = None
    """Why it was refused or held back; nothing of a private note but its path."""
    embeds: int = 0
    """How many embeds it kept."""
    pictures: list[str] = field(default_factory=list)
    """Those that were brought along or replaced."""
    backups: list[str] = field(default_factory=list)
    """Copies of what was replaced."""
    remarks: list[str] = field(default_factory=list)


@dataclass
class Report:
    results: list[Result] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def refuse(self, path: Path, why: str) -> None:
        self.results.append(Result(str(path), Outcome.REFUSED, reason=why))

    def count(self, outcome: Outcome) -> int:
        return sum(result.outcome is outcome for result in self.results)

    @property
    def changed(self) -> bool:
        """Whether pages made from notes may have to follow."""
        return bool(self.count(Outcome.ADDED) or self.count(Outcome.UPDATED))

    @property
    def held_back(self) -> Counter[str]:
        """How many private notes there were, by reason."""
        return Counter(r.reason for r in self.results if r.outcome is Outcome.PRIVATE)

    def as_json(self) -> dict:
        return {
            "ok": not self.count(Outcome.REFUSED),
            "notes": [
                asdict(result) | {"outcome": result.outcome.name.lower()} for result in self.results
            ],
            "counts": {outcome.name.lower(): self.count(outcome) for outcome in Outcome},
            "remarks": self.remarks,
        }


def add_notes(
    paths: Iterable[Path],
    root: Path,
    waiting: Callable[[], None] = lambda: None,
    progress: Callable[[list], Iterable] = iter,
) -> Report:
    """Takes in every note below `paths`; a note that is refused changes nothing.

    `waiting` is called where another process is writing to the project, `progress` wraps the
    notes as they are taken in. Raises BadInput where the project can't be written to at all.
    """
    found = find_sources(paths)
    report = Report(remarks=found.remarks)
    for path, problem in found.problems:
        report.refuse(path, f"{path}：{problem}")
    with alone(root, waiting):
        originals = []
        for path in found.files:
            try:
                originals.append(read_original(path))
            except Private as private:
                report.results.append(hold_back(path, str(private), root))
            except BadInput as problem:
                report.refuse(path, str(problem))
        Batch(root, report).add(originals, progress)
    order = {str(path): number for number, path in enumerate(found.files)}
    report.results.sort(key=lambda result: order.get(result.source, -1))
    return report


def hold_back(path: Path, why: str, root: Path) -> Result:
    result = Result(str(path), Outcome.PRIVATE, reason=why)
    try:
        abbrlink = front_matter(path.read_text("utf-8"), yaml.BaseLoader).get("abbrlink", "")
    except (OSError, ValueError, yaml.YAMLError):
        return result
    name = name_of(abbrlink)
    if is_abbrlink(abbrlink) and (root / name).exists():
        result.remarks.append(
            f"{name} 是它从前公开的版本，仍在站点上。要撤下，删去这个文件和 {LOCK} 里的这一项。"
        )
    return result


class Batch:
    """The notes of one call, on their way into the project."""

    def __init__(self, root: Path, report: Report):
        self.root = root
        self.report = report
        self.store = Store(root)
        self.lock = read_lock(root)
        self.spelt = {name.lower(): name for name in self.lock}
        self.pictures = Pictures(root)

    def add(self, originals: list[Original], progress: Callable[[list], Iterable]) -> None:
        for folder in ("docs", "docs/posts"):
            for unfinished in (self.root / folder).glob(UNFINISHED):
                unfinished.unlink()  # a crash left it
        before = dict(self.lock)
        notes = give_abbrlinks(originals, self.root, self.report.refuse)
        try:
            for original, abbrlink in progress(notes):
                try:
                    self.report.results.append(self.take_in(original, name_of(abbrlink)))
                except BadInput as problem:
                    self.report.refuse(original.source, str(problem))
        finally:
            if self.lock != before:
                self.write_lock(before)

    def write_lock(self, before: dict) -> None:
        try:
            if before.items() <= self.lock.items():  # nothing of it is lost
                write_whole(self.root / LOCK, lock_bytes(self.lock))
            else:
                self.store.write(LOCK, lock_bytes(self.lock))
        except OSError as error:
            raise BadInput(
                f"{LOCK}：写不下（{reason(error)}）。笔记已经在 docs/posts/ 里，但没有登记。"
                "腾出空间，再运行一次同样的命令，就补上了。"
            ) from None

    def take_in(self, original: Original, name: str) -> Result:
        """Writes pictures, then the note. Raises BadInput, having changed no note."""
        self.check_case(original, name)
        result = Result(str(original.source), Outcome.ADDED, name)
        note = self.new_bytes(original, name)
        pictures, result.remarks = self.pictures.find(original, name)
        try:
            is_new = not (self.root / name).exists()
            for picture, data in pictures.items():
                if self.write(picture, data, result):
                    result.pictures.append(picture)
            changed = self.write(name, note, result)
        except OSError as error:
            raise BadInput(
                f"{original.source}：写不下 {error.filename or name}（{reason(error)}）。"
                "这篇笔记没有改动。腾出空间，再运行一次同样的命令。"
            ) from None
        self.lock[name] = fingerprint(original.data)
        if not is_new:
            changed = changed or bool(result.pictures)
            result.outcome = Outcome.UPDATED if changed else Outcome.UNCHANGED
            result.embeds = len(list_embeds(note))
        return result

    def write(self, name: str, data: bytes, result: Result) -> bool:
        """Whether it was any different. Raises OSError."""
        target = self.root / name
        if target.exists() and target.read_bytes() == data:
            return False
        if copy := self.store.write(name, data):
            result.backups.append(copy)
        return True

    def check_case(self, original: Original, name: str) -> None:
        if (other := self.spelt.get(name.lower(), name)) != name:
            raise BadInput(
                f"{original.source}：abbrlink 与 {other} 只差大小写，"
                "在 Windows 和 macOS 上是同一个文件。改成一样的，或者换一个。"
            )

    def new_bytes(self, original: Original, name: str) -> bytes:
        """What the file is to hold: the note, with the embeds of the version before."""
        target = self.root / name
        if not target.exists():
            return original.data
        try:
            before = target.read_bytes()
        except OSError as error:
            raise BadInput(f"{name}：读不到（{reason(error)}）。") from None
        if is_original(before, fingerprint(original.data)):
            return before
        locked = self.lock.get(name)
        if locked is None or not is_original(before, locked):
            raise BadInput(
                f"{original.source}：{name} 去掉嵌入块以后不是这个版本，"
                f"也不是 {LOCK} 里登记的版本，没有覆盖它。"
                f"用 git checkout {name} 取回原来的，或者把它移走，再添加。"
            )
        if not is_same(original, target, any):
            raise BadInput(
                f"{original.source}：{name} 已经是另一篇笔记，标题和日期都不同，没有覆盖它。"
                f"给这一篇换一个 abbrlink；如果真是同一篇，先把 {name} 移走。"
            )
        return keep_embeds(before, locked, original.data, (name, str(original.source)))
