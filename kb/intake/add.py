"""Taking notes in: each one's bytes go to `docs/posts/<abbrlink>.md`, its pictures beside it,
its fingerprint and whose it is to the lock.

Order matters where a disk is full, the power fails or somebody ends it: a journal of what the lock
is to hold, pictures, then the note, then the lock, then the pages made from notes. At any point in
between, adding the same notes again, or newer ones, brings everything to its end.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

from kb.intake import journal
from kb.intake.abbrlink import Sources, give_abbrlinks, is_same, name_of
from kb.intake.constructs import constructs_of
from kb.intake.known import collection_of
from kb.intake.local_pictures import Pictures
from kb.intake.merge import keep_embeds
from kb.intake.originals import Original, Private, read_original
from kb.intake.remove import own_pictures
from kb.intake.report import Look, Outcome, Report, Result
from kb.intake.sources import find_sources
from kb.intake.whose import Whose
from kb.intake.withdrawn import PublicNotes
from kb.markdown.engine import BadInput
from kb.markdown.rawhtml import losses
from kb.notes.addresses import body_tokens
from kb.notes.backups import Store, is_alike, note_change
from kb.notes.embedded import (
    HALF,
    LOCK,
    WHOSE,
    Entry,
    fingerprint,
    is_original,
    list_embeds,
    lock_bytes,
    read_lock,
)
from kb.notes.files import BACKUPS, alone, reason, write_whole
from kb.notes.library import date_in, make_note, text_of
from kb.notes.private import removal, typed
from kb.notes.times import HOME, read_moment, read_time


def add_notes(
    paths: Iterable[Path],
    root: Path,
    whose: Whose = Whose(),
    waiting: Callable[[], None] = lambda: None,
    progress: Callable[[list], Iterable] = iter,
    decide: Callable[[str, str], str | None] = lambda problem, place: None,
    dry: bool = False,
) -> Report:
    """Takes in every note below `paths`; a note that is refused changes nothing. `dry` writes nothing,
    and says what each page would be.

    `decide` says what becomes of an embed that can't follow (`kb.intake.merge.keep_embeds`).

    `waiting` is called where another process is writing to the project, `progress` wraps the
    notes as they are taken in. Raises BadInput where the project can't be written to at all.
    """
    found = find_sources(paths)
    whose.check(len(found.files))
    report = Report(remarks=found.remarks)
    for path, problem in found.problems:
        report.refuse(path, f"{path}：{problem}")
    with nullcontext() if dry else alone(root, waiting):
        originals, private = [], {}
        for path, collection in found.files.items():
            try:
                originals.append(read_original(path, collection))
            except Private as why:
                private[path] = str(why)
            except BadInput as problem:
                report.refuse(path, str(problem))
        kinds = Counter(collection_of(each.source, each.collection)[1] for each in originals)
        report.kinds = {kind: number for kind, number in kinds.most_common() if kind not in ("", "mkdocs")}
        try:
            resumed = not dry and journal.resume(root)
        except OSError as error:
            raise BadInput(f"{error.filename or root}：写不了（{reason(error)}）。") from None
        batch = Batch(root, report, whose, decide, dry)
        batch.add(originals, private, progress)
        if batch.undated:
            report.remarks.append(
                f"{batch.undated} 篇没有写 date，排在没有日期的笔记里。"
                "要有日期，写成 date: 2024-03-01 20:00:00。"
            )
        if dry:
            pass
        elif report.changed or resumed or report.still_public:
            report.pages, report.problem = journal.finish(root)
        else:
            journal.end(root)
    order = {str(path): number for number, path in enumerate(found.files)}
    report.results.sort(key=lambda result: order.get(result.source, -1))
    return report


class Batch:
    """The notes of one call, on their way into the project."""

    def __init__(
        self,
        root: Path,
        report: Report,
        whose: Whose,
        decide: Callable[[str, str], str | None],
        dry: bool,
    ):
        self.dry = dry
        self.undated = 0
        """New ones without a date."""
        self.root = root
        self.decide = decide
        self.report = report
        self.whose = whose
        self.store = Store(root, "add")
        self.lock = read_lock(root)
        self.spelt = {name.lower(): name for name in self.lock}
        self.sources = Sources(self.lock)
        self.pictures = Pictures(root)

    def add(
        self,
        originals: list[Original],
        private: dict[Path, str],
        progress: Callable[[list], Iterable],
    ) -> None:
        """Takes in notes, holds back private ones, which are given with the reason."""
        before = dict(self.lock)
        notes = give_abbrlinks(originals, self.root, self.report.refuse, self.sources)
        entries = {name_of(abbrlink): self.entry(note, abbrlink) for note, abbrlink in notes}
        try:
            self.announce({name: new for name, new in entries.items() if before.get(name) != new})
            for original, abbrlink in progress(notes):
                name = name_of(abbrlink)
                try:
                    self.report.results.append(self.take_in(original, name, entries[name]))
                except BadInput as problem:
                    self.report.refuse(original.source, str(problem))
            public = PublicNotes(self.root)
            taken = {result.file for result in self.report.results}
            for source, why in private.items():
                self.report.results.append(self.hold_back(source, why, public, taken))
        finally:
            self.write_lock(before)

    def announce(self, entries: dict[str, Entry]) -> None:
        try:
            if entries and not self.dry:
                journal.begin(self.root, entries)
        except OSError as error:
            raise BadInput(
                f"{journal.JOURNAL}：写不下（{reason(error)}）。什么也没有改。"
                "腾出空间，再运行一次同样的命令。"
            ) from None

    def entry(self, original: Original, abbrlink: str) -> Entry:
        known = self.lock.get(name_of(abbrlink), {})
        mark = fingerprint(original.data)
        if known.get("added") == mark["sha256"]:  # that is the version that was changed here
            mark = {key: known[key] for key in (*mark, "added")}
        is_numbered = original.meta.get("abbrlink") or HALF.search(original.below)
        source = {} if is_numbered else {"source": original.below}
        return mark | self.whose.of(original.meta, abbrlink, known) | source | original.known

    def hold_back(self, source: Path, why: str, public: PublicNotes, taken: set) -> Result:
        """Says what is still here of a private note, and enters that into the lock."""
        result = Result(str(source), Outcome.PRIVATE, reason=why)
        found = public.find(source)
        for name in found.alike:
            result.remarks.append(
                f"{name} 与它的 abbrlink 或标题相同，别的对不上，看作另一篇，没有动它。"
                f"如果那是它从前公开的版本，用 {removal(name)} 撤下。"
            )
        for name in found.same:
            if name in taken:  # another note of this call
                continue
            result.file = name
            if name in self.lock:
                self.lock[name] = {**self.lock[name], "private": True}
            pictures = own_pictures(name, self.root)
            also = f"，它的图片 {'、'.join(pictures)} 也在" if pictures else ""
            result.remarks.append(
                f"{name} 是它从前公开的版本，仍在站点上{also}。用 {removal(name)} 撤下；"
                f"git 的历史和 {BACKUPS}/ 里还有公开过的内容，要另外删去。"
            )
        return result

    def write_lock(self, before: dict) -> None:
        if self.dry:
            return
        new, path = lock_bytes(self.lock), self.root / LOCK
        try:
            if before.items() <= self.lock.items():  # nothing of it is lost
                if self.lock and (not path.exists() or path.read_bytes() != new):
                    write_whole(path, new)
            else:
                self.store.keep(LOCK)
                write_whole(path, new)
        except OSError as error:
            raise BadInput(
                f"{LOCK}：写不下（{reason(error)}）。笔记已经在 docs/posts/ 里，但没有登记。"
                "腾出空间，再运行一次同样的命令，就补上了。"
            ) from None

    def take_in(self, original: Original, name: str, entry: Entry) -> Result:
        """Writes pictures, then the note. Raises BadInput, having changed no note."""
        self.check_case(original, name)
        whose = {key: entry.get(key) for key in WHOSE}
        result = Result(str(original.source), Outcome.ADDED, name, **whose)
        note = self.new_bytes(original, name, entry, said := [])
        pictures, result.remarks = self.pictures.find(original, name)
        result.remarks += said
        result.remarks += remarks_on_date(date_in(original.meta))
        result.dropped = len(losses(body_tokens(original.text)[0]))
        known = self.lock.get(name, {})
        try:
            is_new = not (self.root / name).exists()
            if not is_alike(known, entry) and not self.dry:
                self.store.record(note_change(name, known or None, entry))
            for picture, data in pictures.items():
                if self.write(picture, data, result):
                    result.pictures.append(picture)
            changed = self.write(name, note, result)
        except OSError as error:
            raise BadInput(
                f"{original.source}：写不下 {error.filename or name}（{reason(error)}）。"
                "这篇笔记没有改动。腾出空间，再运行一次同样的命令。"
            ) from None
        if self.dry:
            result.look = self.look(original, name, entry)
        if is_new:
            result.remarks += self.namesakes(original, name, entry)
            self.undated += not (date_in(original.meta) or entry.get("date"))
        self.lock[name] = entry
        if not is_new:
            is_whose = {key: known.get(key) for key in WHOSE}
            changed = changed or bool(result.pictures) or whose != is_whose
            result.outcome = Outcome.UPDATED if changed else Outcome.UNCHANGED
            result.embeds = len(list_embeds(note))
        return result

    def look(self, original: Original, name: str, entry: Entry) -> Look:
        note = make_note(self.root / name, self.root, original.text.lstrip("\ufeff"), entry)
        found = constructs_of(original.text, note.without)
        address = f"{name.removeprefix('docs/').removesuffix('.md')}/"
        paths, tags = list(map(list, note.categories)), list(note.tags)
        return Look(note.title, note.date, paths, tags, address, dict(found.known), dict(found.unknown))

    def write(self, name: str, data: bytes, result: Result) -> bool:
        """Whether it was any different. Raises OSError."""
        target = self.root / name
        if target.exists() and target.read_bytes() == data:
            return False
        if not self.dry and (copy := self.store.write(name, data)):
            result.backups.append(copy)
        return True

    def namesakes(self, original: Original, name: str, entry: Entry) -> list[str]:
        """What to say of a note that may be an older version of one that has just come."""
        others = self.sources.notes_from(original) if "source" in entry else []
        return [
            f"{other} 也来自这个文件，标题或日期变了，正文也大半不同，看作另一篇。如果是同一篇："
            f"kb undo，在 front matter 里写上 abbrlink: {Path(other).stem}，再添加。"
            for other in others
            if other != name
        ]

    def check_case(self, original: Original, name: str) -> None:
        if (other := self.spelt.get(name.lower(), name)) != name:
            raise BadInput(
                f"{original.source}：abbrlink 与 {other} 只差大小写，"
                "在 Windows 和 macOS 上是同一个文件。改成一样的，或者换一个。"
            )

    def new_bytes(self, original: Original, name: str, entry: Entry, said: list[str]) -> bytes:
        """What the file is to hold: the note, with the embeds of the version before; `said` gets
        what became of those that couldn't follow.
        """
        target = self.root / name
        if not target.exists():
            return original.data
        try:
            before = target.read_bytes()
        except OSError as error:
            raise BadInput(f"{name}：读不到（{reason(error)}）。") from None
        if is_original(before, entry):
            return before
        locked = self.lock.get(name)
        if locked is None or not is_original(before, locked):
            raise BadInput(
                f"{original.source}：{name} 去掉嵌入块以后不是这个版本，"
                f"也不是 {LOCK} 里登记的版本，没有覆盖它。"
                f"是自己在这里改的，先用 kb save {typed(name)} 收下；不要它，"
                f"用 git checkout {name} 取回原来的，再添加。"
            )
        known = self.sources.notes_of(original, self.root)
        if name not in known and not is_same(original, target, any):
            raise BadInput(
                f"{original.source}：{name} 已经是另一篇笔记，标题和日期都不同，没有覆盖它。"
                f"给这一篇换一个 abbrlink；如果真是同一篇，先把 {name} 移走。"
            )
        if "added" in locked:
            said.append("原文更新了，在这里改过、用 kb save 收下的那一份换下了；kb undo 撤销。")
        names = (name, str(original.source))
        return keep_embeds(before, locked, original.data, names, self.decide, said)


def remarks_on_date(date: object) -> Iterator[str]:
    written = text_of(date)
    if date and read_moment(written, HOME) is None:
        yield (
            f"date 写的是 {written[:40]!r}，看不懂，排在没有日期的笔记里。"
            "写成 2024-03-01 20:00:00 这样的。"
        )
    elif (when := read_time(date)) and when > datetime.now(UTC):
        yield "date 还没到，现在就公开。Hugo、Jekyll 这样的工具到那时才发布它。"
