"""A note's address: its `abbrlink`, or the one that hexo-abbrlink would give it.

hexo-abbrlink 2.2.1 with `alg: crc32` and `rep: dec` takes the CRC-32 of the title's UTF-8
bytes as a decimal number, and the next one that is free where another note has it already.
A note that is here keeps its address when its title changes: the lock knows the file it is from.
"""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path, PurePosixPath

from kb.intake.originals import Original, identity_of
from kb.markdown.engine import BadInput
from kb.notes.embedded import Entry, body_line, fingerprint, front_matter, without_embeds


def name_of(abbrlink: str) -> str:
    """Where the note is, below the root of the project."""
    return f"docs/posts/{abbrlink}.md"


def is_abbrlink(text: object) -> bool:
    """Whether it is written in decimal or hexadecimal digits alone."""
    return isinstance(text, str) and re.fullmatch(r"[0-9A-Fa-f]+", text) is not None


def crc_abbrlinks(title: str) -> Iterator[str]:
    """What a note of this title may be called, in the order of preference."""
    return map(str, count(zlib.crc32(title.encode())))


def give_abbrlinks(
    originals: list[Original],
    root: Path,
    refuse: Callable[[Path, str], None],
    sources: "Sources",
) -> list[tuple[Original, str]]:
    """Each note with its abbrlink, in the same order.

    `refuse` is told of notes that can't have one, or that want the same one: all of them.
    Written ones go first, so that a computed one is never in their way, then those that are here
    under another title.
    """
    wanted: dict[str, list[Original]] = {}
    alike: dict[object, list[Original]] = {}
    for original in originals:
        try:
            if abbrlink := written_abbrlink(original):
                wanted.setdefault(abbrlink.lower(), []).append(original)
            else:
                who = original.identity if original.is_titled else original.source
                alike.setdefault(who, []).append(original)
        except BadInput as problem:
            refuse(original.source, str(problem))
    given: dict[Path, str] = {}
    for abbrlink, rivals in wanted.items():
        if len(rivals) == 1:
            given[rivals[0].source] = rivals[0].meta["abbrlink"]
        else:
            refuse_all(rivals, f"写着同一个 abbrlink：{abbrlink}。改掉多余的", refuse)
    taken = set(wanted)
    alone = []
    for rivals in alike.values():
        if len(rivals) == 1:
            alone += rivals
        else:
            problem = "没有 abbrlink，标题和日期又都相同，分不出谁是谁。给每一篇写上自己的 abbrlink"
            refuse_all(rivals, problem, refuse)
    for original in alone:
        names = sources.notes_of(original, root)
        if len(names) == 1 and (abbrlink := PurePosixPath(names[0]).stem).lower() not in taken:
            given[original.source] = abbrlink
            taken.add(abbrlink.lower())
    for original in alone:
        if original.source not in given:
            abbrlink = given[original.source] = free_abbrlink(original, root, taken)
            taken.add(abbrlink)
    return [(each, given[each.source]) for each in originals if each.source in given]


def refuse_all(rivals: list[Original], problem: str, refuse: Callable[[Path, str], None]) -> None:
    for original in rivals:
        others = "、".join(str(rival.source) for rival in rivals if rival is not original)
        refuse(original.source, f"{original.source}：与 {others} {problem}，再添加。一篇也没有收。")


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
            f"得到 {abbrlink[:60] if isinstance(abbrlink, str) else '列表或映射'!r}。它是笔记的文件名和网址，例如 abbrlink: 681746266。"
        )
    if len(f"{abbrlink}.md") > 255:
        raise BadInput(
            f"{original.source}：abbrlink 有 {len(abbrlink)} 位，作文件名太长（最多 252 位）。"
            "换一个短的，例如 abbrlink: 681746266。"
        )
    return abbrlink


class Sources:
    """Which notes of the lock came from which file."""

    def __init__(self, lock: dict[str, Entry]):
        self.lock = lock
        self.named: dict[str, dict[tuple[str, ...], list[str]]] = {}
        for name, entry in lock.items():
            if parts := PurePosixPath(entry.get("source", "")).parts[::-1]:
                self.named.setdefault(parts[0], {}).setdefault(parts, []).append(name)

    def notes_from(self, original: Original) -> list[str]:
        """Those that came from a file of that path; if there is none, as far up as both say."""
        mine = PurePosixPath(original.below).parts[::-1]
        alike = self.named.get(mine[0], {})
        return alike.get(mine) or [
            name
            for theirs, names in alike.items()
            if all(one == other for one, other in zip(mine, theirs))
            for name in names
        ]

    def notes_of(self, original: Original, root: Path) -> list[str]:
        """Of those the ones that it is a version of: byte for byte of one that was changed here."""
        added = fingerprint(original.data)["sha256"]
        return [
            name
            for name in self.notes_from(original)
            if self.lock[name].get("added") == added or continues(original, root / name)
        ]


def continues(original: Original, note: Path) -> bool:
    """Whether it has title and date of a note that is here, or half of its lines."""
    try:
        text = without_embeds(note.read_bytes()).decode("utf-8", "replace")
    except OSError:
        return False
    if original.identity == identity_of(front_matter(text)):
        return True
    mine, theirs = lines_of(original.text), lines_of(text)
    return 0 < min(len(mine), len(theirs)) <= 2 * len(mine & theirs)


def lines_of(note: str) -> set[str]:
    return set(filter(None, map(str.strip, note.splitlines()[body_line(note) :])))


def free_abbrlink(original: Original, root: Path, taken: set[str]) -> str:
    """The first that no other note has; a note that is here already keeps its own."""

    def is_free(abbrlink: str) -> bool:
        note = root / name_of(abbrlink)
        return abbrlink not in taken and (not note.exists() or is_same(original, note, all))

    return next(filter(is_free, crc_abbrlinks(original.identity[0])))


def is_same(original: Original, note: Path, agree: Callable[[Iterable[bool]], bool]) -> bool:
    """Whether title and date (`all` or `any` of them) are those of a note that is here."""
    try:
        meta = front_matter(note.read_bytes().decode("utf-8", "replace"))
    except OSError:
        return False
    pairs = zip(original.identity, identity_of(meta), strict=True)
    return bool(meta) and agree(mine == theirs for mine, theirs in pairs)
