"""`kb embed`, `kb unembed`: the four lines of an embed go in after a block of a note and come out.

The author's bytes stay as they are, and so do the other embeds.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from kb.edit.writing import Written, editing, write
from kb.evidence.embeds import EMBED_LINES, NAMED, check_note, find_code
from kb.evidence.judge import Judge
from kb.figures.flows import is_flow, read_flow
from kb.figures.measured import read_measured
from kb.intake.merge import Version, line_end, read_version
from kb.intake.remove import find_note
from kb.markdown.engine import BadInput, Page
from kb.notes.embedded import (
    LOCK,
    Embed,
    embed_bytes,
    is_original,
    list_embeds,
    read_lock,
    with_embeds,
    without_embeds,
)
from kb.notes.private import typed

MARKUP = re.compile(r"[\s*_`~\\]")
"""What a reader doesn't see, and may leave out of words."""
EDGES = ("\x02", "\x03")


@dataclass
class Placed:
    """An embed that went in or came out."""

    note: str
    target: str
    line: int
    """Of the note's file, where it opens or opened."""
    after: str
    """The beginning of the block that it stands after, "" where it is the first."""
    written: Written = field(default_factory=Written)


@dataclass(frozen=True)
class Draft:
    """A note with its embeds, about to change."""

    name: str
    author: bytes
    locked: dict
    embeds: list[Embed]
    version: Version

    @cached_property
    def positions(self) -> list[int]:
        """Where each line of the author's begins, and where the last one ends."""
        return list(accumulate(map(len, self.version.lines), initial=0))

    def line_of(self, position: int, embeds_before: int) -> int:
        """The line of the note's file that so many embeds stand above."""
        return bisect_left(self.positions, position) + EMBED_LINES * embeds_before + 1

    def opens(self, number: int) -> int:
        """The line of the note's file where an embed opens."""
        return self.line_of(min(self.embeds[number].position, len(self.author)), number)

    def blocks(self) -> Iterator[tuple[int, int, str]]:
        """Each block with its number, the line of the file where it begins, and its text."""
        places = [embed.position for embed in self.embeds]
        for number, block in enumerate(self.version.blocks):
            if block.text not in EDGES:
                position = self.positions[block.first]
                yield number, self.line_of(position, bisect_right(places, position)), block.text

    def changed(self, embeds: list[Embed]) -> bytes:
        """The note with these embeds. Raises BadInput where they aren't found again in it."""
        note = with_embeds(self.author, embeds)
        found = list_embeds(note)
        if not is_original(note, self.locked) or targets(found) != targets(embeds):
            raise BadInput(f"{self.name}：这里的一行以单独的 CR 结束，放不下嵌入块。换一个地方。")
        return note


def targets(embeds: list[Embed]) -> list[str]:
    return sorted(embed.target for embed in embeds)


def read_draft(said: str, root: Path) -> Draft:
    """Raises BadInput where there is no such note, or it isn't what is in the lock."""
    name = find_note(said, root)
    locked = read_lock(root).get(name)
    try:
        note = (root / name).read_bytes()
    except OSError:
        raise BadInput(f"{name}：登记了，却没有这个文件。kb check 说怎么办。") from None
    if locked is None:
        raise BadInput(f"{name}：没有在 {LOCK} 里登记。先用 kb save {typed(name)} 登记。")
    if not is_original(note, locked):
        raise BadInput(
            f"{name}：去掉嵌入块以后，不是登记的原文。先用 kb save {typed(name)} 收下改动，"
            "或者取回原文（kb check 说在哪里）。"
        )
    author = without_embeds(note)[: locked["bytes"]]
    return Draft(name, author, locked, list_embeds(note), read_version(author, name))


def embed(
    said: str,
    target: str,
    after: str | None,
    at: int | None,
    root: Path,
    dry: bool,
    waiting: Callable[[], None],
) -> Placed:
    """Puts an embed after the block that holds the words `after`, or the line `at` of the file.

    Raises BadInput, which lists places to choose from, having changed nothing.
    """
    with editing(root, dry, waiting):
        draft = read_draft(said, root)
        target = target.removeprefix("snippets/")
        kind = check_target(target, draft.name, root)
        number = choose(draft, after, at)
        position, before = place_after(draft, number, target)
        line = bisect_left(draft.positions, position)
        lines = draft.version.lines[:line][::-1] + draft.version.lines
        ended = next(filter(None, map(line_end, lines)), b"\n")
        new = Embed(kind, target, position)
        note = draft.changed([*draft.embeds, replace(new, lines=embed_bytes(new, ended))])
        check_note(note, draft.name)
        block = beginning(draft.version.blocks[number].text)
        placed = Placed(draft.name, target, draft.line_of(position, before), block)
        if not dry:
            placed.written = write(root, "embed", {draft.name: note})
        return placed


def place_after(draft: Draft, number: int, target: str) -> tuple[int, int]:
    """Where among the author's bytes an embed stands after a block, below those that stand there
    already; and how many embeds stand above it. Raises BadInput.
    """
    block, following = draft.version.blocks[number : number + 2]
    line = draft.version.line_after(number)
    if line is None:
        raise BadInput(
            f"{draft.name}：“{beginning(block.text)}”后面没有空行，紧接着是"
            f"“{beginning(following.text)}”，中间放不下。换一段，或者在 --at 写后面的行号。"
        )
    place, before = draft.positions[line], 0
    for n, there in enumerate(draft.embeds):
        position = min(there.position, len(draft.author))
        if draft.positions[block.end] <= position <= draft.positions[following.first]:
            if there.target == target:
                raise BadInput(f"{draft.name}:{draft.opens(n)}：{target} 已经嵌在这里。没有改。")
            place = position
        before += position <= place
    return place, before


def check_target(target: str, name: str, root: Path) -> str:
    """Its kind. Raises BadInput where there is nothing to show."""
    if target.partition(":")[0].endswith(".json"):
        try:
            if is_flow(target):
                read_flow(Judge(root), target)
            else:
                read_measured(root, target)
        except BadInput as problem:
            raise BadInput(f"{name}：{problem}") from None
        return "figure"
    if not target.partition(":")[0].endswith(".py"):
        raise BadInput(f"{target}：写成 {NAMED['python']}，图写成 {NAMED['figure']}。")
    find_code(target, Page(root, name.removeprefix("docs/"), root / name, {}), name)
    return "python"


def choose(draft: Draft, after: str | None, at: int | None) -> int:
    """The number of the block that is meant. Raises BadInput, which lists the choice."""
    blocks = list(draft.blocks())
    if at is not None:
        found = [number for number, line, _ in blocks if line <= at]
        if not found:
            raise BadInput(f"{draft.name}：第 {at} 行以前没有段落。{places(draft, blocks)}")
        return found[-1]
    if not after or not MARKUP.sub("", after):
        raise BadInput(
            f"{draft.name}：嵌在哪里？写 --after '那一段里的文字'，或者 --at 行号。{places(draft, blocks)}"
        )
    found = [each for each in blocks if after in each[2]] or [
        each for each in blocks if MARKUP.sub("", after) in MARKUP.sub("", each[2])
    ]
    if not found:
        raise BadInput(f"{draft.name}：没有一段里有“{after}”。{places(draft, blocks)}")
    if len(found) > 1:
        raise BadInput(
            f"{draft.name}：有 {len(found)} 段里有“{after}”。多写几个字，或者用 --at 行号选一处："
            + listed(found)
        )
    return found[0][0]


def places(draft: Draft, blocks: list[tuple[int, int, str]]) -> str:
    """The blocks that an embed can stand after, a line each."""
    return "可以嵌在这些段落后面：" + listed(
        [each for each in blocks if draft.version.line_after(each[0]) is not None]
    )


def listed(blocks: list[tuple[int, int, str]]) -> str:
    return "".join(f"\n  第 {line} 行：{beginning(text)}" for _, line, text in blocks)


def beginning(text: str) -> str:
    first, *more = text.split("\n")
    return first.strip()[:40] + ("……" if more or len(first.strip()) > 40 else "")


def unembed(
    said: str, target: str, at: int | None, root: Path, dry: bool, waiting: Callable[[], None]
) -> Placed:
    """Takes an embed out; `at` is a line of it where there are several. Raises BadInput, having
    changed nothing.
    """
    with editing(root, dry, waiting):
        draft = read_draft(said, root)
        target = target.removeprefix("snippets/")
        same = [n for n, each in enumerate(draft.embeds) if each.target == target]
        if not same:
            there = "、".join(dict.fromkeys(each.target for each in draft.embeds))
            raise BadInput(f"{draft.name}：没有嵌着 {target}。嵌着的有：{there or '（没有）'}。")
        found = [n for n in same if at is None or draft.opens(n) <= at < draft.opens(n) + 4]
        if len(found) != 1:
            lines = "、".join(str(draft.opens(n)) for n in same)
            raise BadInput(
                f"{draft.name}：{target} 嵌在第 {lines} 行。用 --at 行号说明取出哪一处。"
            )
        (number,) = found
        note = draft.changed([each for n, each in enumerate(draft.embeds) if n != number])
        placed = Placed(draft.name, target, draft.opens(number), "")
        if not dry:
            placed.written = write(root, "unembed", {draft.name: note})
        return placed
