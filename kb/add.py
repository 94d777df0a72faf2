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

from kb.abbrlink import abbrlinks, is_abbrlink
from kb.addresses import find_addresses
from kb.engine import BadInput
from kb.files import UNFINISHED, Store, alone, reason, write_whole
from kb.links import ON_ONE_MACHINE, is_elsewhere
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
from kb.places import find_on_disk, place
from kb.sources import find_sources

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".bmp", ".avif", ".ico")
LARGEST_PICTURE = 20 * 2**20


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

    def count(self, outcome: Outcome) -> int:
        return sum(result.outcome is outcome for result in self.results)

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
        refuse(report, path, f"{path}：{problem}")
    with alone(root, waiting):
        originals = []
        for path in found.files:
            try:
                originals.append(read_original(path))
            except Private as private:
                report.results.append(hold_back(path, str(private), root))
            except BadInput as problem:
                refuse(report, path, str(problem))
        Batch(root, report).add(originals, progress)
    order = {str(path): number for number, path in enumerate(found.files)}
    report.results.sort(key=lambda result: order.get(result.source, -1))
    return report


def refuse(report: Report, path: Path, why: str) -> None:
    report.results.append(Result(str(path), Outcome.REFUSED, reason=why))


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


def name_of(abbrlink: str) -> str:
    return f"docs/posts/{abbrlink}.md"


class Batch:
    """The notes of one call, on their way into the project."""

    def __init__(self, root: Path, report: Report):
        self.root = root
        self.report = report
        self.store = Store(root)
        self.lock = read_lock(root)
        self.brought: dict[str, Path] = {}
        """Place of each picture of this call → the file that it came from."""

    def add(self, originals: list[Original], progress: Callable[[list], Iterable]) -> None:
        for folder in ("docs", "docs/posts"):
            for unfinished in (self.root / folder).glob(UNFINISHED):
                unfinished.unlink()  # a crash left it
        before = dict(self.lock)
        try:
            for original, abbrlink in progress(self.give_addresses(originals)):
                try:
                    self.report.results.append(self.take_in(original, abbrlink))
                except BadInput as problem:
                    refuse(self.report, original.source, str(problem))
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

    # addresses

    def give_addresses(self, originals: list[Original]) -> list[tuple[Original, str]]:
        """Each note with its abbrlink. Refuses notes that want the same one."""
        wanted: dict[str, list[Original]] = {}
        without = []
        for original in originals:
            try:
                if abbrlink := written_abbrlink(original):
                    wanted.setdefault(abbrlink.lower(), []).append(original)
                else:
                    without.append(original)
            except BadInput as problem:
                refuse(self.report, original.source, str(problem))
        given = {}
        for abbrlink, rivals in wanted.items():
            if len(rivals) == 1:
                given[abbrlink] = rivals[0]
            else:
                self.refuse_rivals(rivals, f"写着同一个 abbrlink：{abbrlink}", "改掉多余的")
        same: dict[tuple[str, str], list[Original]] = {}
        for original in without:
            same.setdefault(original.identity, []).append(original)
        for rivals in same.values():
            if len(rivals) == 1:
                given[self.free_abbrlink(rivals[0], given.keys() | wanted.keys())] = rivals[0]
            else:
                self.refuse_rivals(
                    rivals,
                    "没有 abbrlink，标题和日期又都相同，分不出谁是谁",
                    "在 front matter 里给每一篇写上自己的 abbrlink",
                )
        links = {id(original): abbrlink for abbrlink, original in given.items()}
        return [
            (original, str(original.meta.get("abbrlink") or links[id(original)]))
            for original in originals
            if id(original) in links
        ]

    def refuse_rivals(self, rivals: list[Original], problem: str, remedy: str) -> None:
        for original in rivals:
            others = "、".join(str(rival.source) for rival in rivals if rival is not original)
            refuse(
                self.report,
                original.source,
                f"{original.source}：与 {others} {problem}。{remedy}，再添加。一篇也没有收。",
            )

    def free_abbrlink(self, original: Original, taken: set[str]) -> str:
        """As hexo-abbrlink counts on from the title's CRC-32; the same note keeps its own."""
        for abbrlink in abbrlinks(original.identity[0]):
            note = self.root / name_of(abbrlink)
            if abbrlink not in taken and (not note.exists() or is_same(original, note, all)):
                return abbrlink
        raise AssertionError("there is always a next number")

    # one note

    def take_in(self, original: Original, abbrlink: str) -> Result:
        """Writes pictures, then the note. Raises BadInput, having changed no note."""
        name = name_of(abbrlink)
        self.check_case(original, name)
        result = Result(str(original.source), Outcome.ADDED, name)
        note = self.new_bytes(original, name)
        pictures = self.find_pictures(original, name.removeprefix("docs/"), result)
        try:
            is_new = not (self.root / name).exists()
            for place_, data in pictures.items():
                if self.write(place_, data, result):
                    result.pictures.append(place_)
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
        others = [other for other in self.lock if other.lower() == name.lower() and other != name]
        if others:
            raise BadInput(
                f"{original.source}：abbrlink 与 {others[0]} 只差大小写，"
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
                f"也不是 {LOCK} 里登记的版本，没有覆盖它。用 git checkout {name} 取回原来的，或者把它移走，再添加。"
            )
        if not is_same(original, target, any):
            raise BadInput(
                f"{original.source}：{name} 已经是另一篇笔记，标题和日期都不同，没有覆盖它。"
                f"给这一篇换一个 abbrlink；如果真是同一篇，先把 {name} 移走。"
            )
        return keep_embeds(before, locked, original.data, (name, str(original.source)))

    # pictures

    def find_pictures(self, original: Original, uri: str, result: Result) -> dict[str, bytes]:
        """Place → bytes of each local picture; what can't be brought along is remarked on."""
        found: dict[str, bytes] = {}
        for address, line in pictures_of(original):
            here = f"{original.source}:{line}：图片 {address}"
            if ON_ONE_MACHINE.match(address):
                result.remarks.append(f"{here} 是作者电脑上的路径，网页上看不到。")
            elif is_elsewhere(address) or address.startswith("#"):
                continue
            elif (file := find_on_disk(original.source, address)) is None:
                result.remarks.append(f"{here} 找不到，没有带来。")
            elif (where := place(uri, address)) is None or not self.is_inside(f"docs/{where}"):
                result.remarks.append(f"{here} 指到了站点外面，没有带来。")
            elif file.suffix.lower() not in PICTURES:
                result.remarks.append(f"{here} 不是图片（{'、'.join(PICTURES)}），没有带来。")
            elif file.stat().st_size > LARGEST_PICTURE:
                result.remarks.append(f"{here} 超过 {LARGEST_PICTURE >> 20} MB，没有带来。")
            else:
                try:
                    found[f"docs/{where}"] = file.read_bytes()
                except OSError as error:
                    result.remarks.append(f"{here} 读不到（{reason(error)}），没有带来。")
                    continue
                self.check_clash(f"{here}", f"docs/{where}", uri, file, found[f"docs/{where}"])
        return found

    def is_inside(self, name: str) -> bool:
        """Whether it is below docs/, symbolic links followed."""
        return (self.root / name).resolve().is_relative_to((self.root / "docs").resolve())

    def check_clash(self, here: str, name: str, uri: str, file: Path, data: bytes) -> None:
        """Raises BadInput where another picture, which isn't this note's alone, is in place."""
        target = self.root / name
        first = self.brought.setdefault(name, file)
        shared = not name.startswith(f"docs/{uri.removesuffix('.md')}/")
        if shared and target.exists() and target.read_bytes() != data:
            whose = f"，来自 {first}" if first != file else ""
            raise BadInput(
                f"{here} 要放在 {name}，那里已经有另一张不同的图{whose}，别的笔记也可能用着它。"
                f"如果是同一张图的新版本，把 {name} 移走，再添加；否则把其中一张改名。"
            )


def written_abbrlink(original: Original) -> str | None:
    """The abbrlink in the front matter. Raises BadInput where it can't name a file."""
    abbrlink = original.meta.get("abbrlink")
    if not abbrlink:
        if not original.identity[0]:
            raise BadInput(
                f"{original.source}：front matter 里没有 abbrlink，也没有 title，定不出网址。"
                "加上其中一行，例如 title: 标题。"
            )
        return None
    if not is_abbrlink(abbrlink):
        raise BadInput(
            f"{original.source}：front matter 里的 abbrlink 应由十进制或十六进制数字组成，"
            f"得到 {str(abbrlink)[:60]!r}。它是笔记的文件名和网址，例如 abbrlink: 681746266。"
        )
    if len(f"{abbrlink}.md") > 255:
        raise BadInput(
            f"{original.source}：abbrlink 有 {len(abbrlink)} 位，作文件名太长（最多 252 位）。"
            "换一个短的，例如 abbrlink: 681746266。"
        )
    return abbrlink


def is_same(original: Original, note: Path, agree: Callable[[Iterable[bool]], bool]) -> bool:
    """Whether title and date (`all` or `any` of them) are those of a note that is here."""
    try:
        meta = front_matter(note.read_bytes().decode("utf-8", "replace"), yaml.BaseLoader)
    except (OSError, yaml.YAMLError):
        return False
    here = str(meta.get("title", "")), str(meta.get("date", ""))
    return agree(mine == theirs for mine, theirs in zip(original.identity, here, strict=True))


def pictures_of(original: Original) -> Iterable[tuple[str, int]]:
    """Address and line of every picture, the cover first."""
    if isinstance(cover := original.meta.get("index_img"), str) and cover.strip():
        lines = original.text.split("\n")
        yield cover, next((n for n, line in enumerate(lines, 1) if "index_img" in line), 1)
    for address in find_addresses(original.text):
        if address.is_picture:
            yield address.target, address.line
