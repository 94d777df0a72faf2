"""A newer version of a note takes over the embeds of the one before.

Each embed follows the author's block that it stands after: the same text, in a place that
continues the old one beyond doubt. Where there is none, somebody has to say whether the embed goes
to the nearest place or is taken out; otherwise nothing is taken over.

A block's place is beyond doubt where the blocks around it that stayed as they were, taken
together with it, occur once in either version. A block that kept no neighbour must at least
be in the section it was in.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain

from kb.evidence.embeds import check_note
from kb.markdown.engine import BadInput
from kb.markdown.syntax import parse
from kb.notes.embedded import (
    Embed,
    body_line,
    embed_bytes,
    fingerprint,
    is_original,
    list_embeds,
    without_embeds,
)

MOST_ALIKE = 100
"""A block that occurs more often than this is in no place beyond doubt."""
MOST_COMPARED = 2_000
"""Blocks of either version, up to which it is said what a block has become."""
PLACES_SHOWN = 5
KEEP, DROP = "keep", "drop"
"""What may become of an embed whose block is gone."""


@dataclass(frozen=True)
class Block:
    """A top-level block; lines are counted from 0, `end` is the first one after it."""

    text: str
    first: int
    end: int
    heading: bool = False


@dataclass(frozen=True)
class Version:
    """A note without embeds, as lines and as blocks between two that are always there."""

    lines: list[bytes]
    blocks: list[Block]
    name: str
    """For messages."""

    def block_before(self, line: int) -> int | None:
        """The block that ends before `line`; None where the line is within one."""
        number = max(n for n, block in enumerate(self.blocks[:-1]) if block.end <= line)
        return number if line <= self.blocks[number + 1].first else None

    def line_after(self, number: int, empty: int = 1) -> int | None:
        """Where an embed can stand after a block, `empty` lines below it if there are so many;
        None where the next block follows at once."""
        block, after = self.blocks[number], self.blocks[number + 1]
        last = number + 2 == len(self.blocks)
        if not last and number and block.end == after.first:
            return None
        return min(block.end + max(empty, 0 if last or not number else 1), after.first)

    def section(self, number: int) -> str:
        """The heading above a block, without the mark that its section is done."""
        above = (block.text for block in reversed(self.blocks[: number + 1]) if block.heading)
        return re.sub(r"\s*\[√\]\s*", " ", next(above, ""))


def read_version(original: bytes, name: str) -> Version:
    text = original.decode("utf-8")
    lines = re.split(r"\r\n|\r|\n", text)
    start = body_line(text)
    kinds: dict[int, str] = {}
    ranges = []
    for token in parse("\n".join(lines[start:])):
        if token.level == 0 and token.map and token.nesting >= 0:
            first, end = (start + line for line in token.map)
            while end > first and not lines[end - 1].strip():
                end -= 1  # a list's lines include the empty ones after it
            ranges.append((first, end))
            kinds[first] = token.type
    covered = {line for first, end in ranges for line in range(first, end)}
    ranges += [
        (n, n + 1) for n in range(start, len(lines)) if lines[n].strip() and n not in covered
    ]
    blocks = [
        Block("\n".join(lines[first:end]), first, end, kinds.get(first) == "heading_open")
        for first, end in sorted(ranges)
    ]
    whole = original.splitlines(keepends=True)
    edges = Block("\x02", 0, start), Block("\x03", len(whole), len(whole))
    return Version(whole, [edges[0], *blocks, edges[1]], name)


def keep_embeds(
    note: bytes,
    locked: dict,
    new: bytes,
    names: tuple[str, str],
    decide: Callable[[str, str], str | None] = lambda problem, place: None,
    said: list[str] | None = None,
) -> bytes:
    """`new` with the embeds of `note`, which is the version of `locked` with embeds.

    `names` of the two are for messages. `decide` is told why an embed can't follow and which place
    is the nearest, and answers `keep`, `drop` or None; `said` gets what became of those. Raises
    BadInput where one is left.
    """
    embeds = list_embeds(note)
    if not embeds:
        return new
    author = without_embeds(note)[: locked["bytes"]]
    old, now = read_version(author, names[0]), read_version(new, names[1])
    places: dict[int, list[Embed]] = {}
    complaints = []
    for number, embed in enumerate(embeds):
        line = min(len(author[: embed.position].splitlines()), len(old.lines))
        try:
            place = follow(old, now, line, 4 * number)
        except BadInput as problem:
            complaint = f"嵌入块 {embed.target} {problem}"
            place, after = nearest(old, now, line, embed)
            choice = decide(complaint, after)
            if choice is None or (choice == KEEP and place is None):
                complaints.append(complaint)
                continue
            now_is = f"放到了{after}后面" if choice == KEEP else "取出来了"
            said.append(f"嵌入块 {embed.target} {now_is}。")
            if choice == DROP:
                continue
        places.setdefault(place, []).append(embed)
    if not complaints:
        merged = insert(now.lines, places)
        kept = sorted(embed.target for embed in list_embeds(merged))
        wanted = sorted(embed.target for embed in chain(*places.values()))
        if is_original(merged, fingerprint(new)) and kept == wanted:
            return merged
        complaints.append("新版本的行尾与嵌入块合不到一起（一行以单独的 CR 结束）。")
    raise BadInput(
        f"{names[1]}：是 {names[0]} 的新版本，但嵌入块不能都跟过去，什么也没有改。\n"
        + "".join(f"  {complaint}\n" for complaint in complaints)
        + "  加上 --embeds keep，就放到最近的地方；加上 --embeds drop，就取出来，"
        "再用 kb embed 嵌到新的位置。"
    )


def follow(old: Version, now: Version, line: int, added: int) -> int:
    """The line of `now` before which an embed stands that stood before `line` of `old`.

    `added` lines of embeds stood above it. Raises BadInput, which says why it can't.
    """
    number = old.block_before(line)
    if number is None:
        raise BadInput(f"在 {old.name}:{line + added + 1} 不在两个顶层块之间。")
    found = [
        place
        for place, size in counterparts(old.blocks, now.blocks, number)
        if size > 1 or old.section(number) == now.section(place)
    ]
    if len(found) != 1:
        raise BadInput(describe(old, now, number, added))
    (place,) = found
    found = now.line_after(place, line - old.blocks[number].end)
    if found is None:
        raise BadInput(
            f"跟在{quote(old, number, added)}后面，新版本里它后面没有空行了：{quote(now, place)}。"
        )
    return found


def nearest(old: Version, now: Version, line: int, embed: Embed) -> tuple[int | None, str]:
    """The line of `now` that is nearest to where the embed stood before `line` of `old`, and the
    block before it in words; None where no place will do.
    """
    number = max(n for n, block in enumerate(old.blocks[:-1]) if block.end <= line)
    wanted = became(old, now, number)
    for place in sorted(range(len(now.blocks) - 1), key=lambda each: (abs(each - wanted), -each)):
        found = now.line_after(place)
        if found is not None and stands(insert(now.lines, {found: [embed]}), now.name):
            return found, quote(now, place) if place else " front matter "
    return None, ""


def became(old: Version, now: Version, number: int) -> int:
    """The block of `now` where the block of `old` was."""
    before, after = as_letters(old.blocks, now.blocks)
    if max(len(before), len(after)) > MOST_COMPARED:
        once = Counter(before), Counter(after)
        for place in range(number, -1, -1):
            if all(count[before[place]] == 1 for count in once):
                return after.index(before[place])
    for _, first, end, place, last in SequenceMatcher(None, before, after, False).get_opcodes():
        if first <= number < end:
            return max(min(place + number - first, last - 1), 0)
    return 0


def stands(note: bytes, name: str) -> bool:
    """Whether the embeds of a note are where they may be."""
    try:
        check_note(note, name)
    except BadInput:
        return False
    return True


def counterparts(old: list[Block], now: list[Block], number: int) -> Iterator[tuple[int, int]]:
    """Places in `now` that continue the block, each with the length of what stayed around."""
    before, after = as_letters(old, now)
    places = [place for place, letter in enumerate(after) if letter == before[number]]
    for place in places if len(places) <= MOST_ALIKE else ():
        above = alike(before[:number][::-1], after[:place][::-1])
        below = alike(before[number:], after[place:])
        stayed = after[place - above : place + below]
        if occurs_once(stayed, before) and occurs_once(stayed, after):
            yield place, len(stayed)


def as_letters(*versions: list[Block]) -> list[str]:
    """Each version as a string, one letter for each text: strings are compared fast."""
    letters: dict[str, str] = {}
    for block in chain(*versions):
        number = len(letters)
        letters.setdefault(block.text, chr(number + (0x800 if number >= 0xD800 else 0)))
    return ["".join(letters[block.text] for block in blocks) for blocks in versions]


def alike(one: str, other: str) -> int:
    """How long they are the same from the beginning."""
    lengths = range(1, min(len(one), len(other)) + 1)
    return bisect_left(lengths, True, key=lambda length: one[:length] != other[:length])


def occurs_once(part: str, whole: str) -> bool:
    first = whole.find(part)
    return first >= 0 and whole.find(part, first + 1) < 0


def describe(old: Version, now: Version, number: int, added: int) -> str:
    """Why a block isn't found, naming it in both versions."""
    text = old.blocks[number].text
    same = [place for place, block in enumerate(now.blocks) if block.text == text]
    intro = f"跟在{quote(old, number, added)}后面，"
    if same:
        places = "、".join(f"第 {now.blocks[place].first + 1} 行" for place in same[:PLACES_SHOWN])
        more = f"等 {len(same)} 处" if len(same) > PLACES_SHOWN else ""
        return f"{intro}新版本里看不出哪一处是它：{now.name} 的{places}{more}。"
    if max(len(old.blocks), len(now.blocks)) <= MOST_COMPARED:
        pairs = SequenceMatcher(None, *as_letters(old.blocks, now.blocks), autojunk=False)
        for kind, first, end, place, last in pairs.get_opcodes():
            if kind == "replace" and first <= number < end:
                changed = quote(now, min(place + number - first, last - 1))
                return f"{intro}新版本里它改了：{changed}。"
    return f"{intro}新版本 {now.name} 里没有它了。"


def quote(version: Version, number: int, added: int = 0) -> str:
    block = version.blocks[number]
    first, *more = block.text.split("\n")
    shown = first.strip()[:60] + ("……" if more or len(first.strip()) > 60 else "")
    return f"“{shown}”（{version.name}:{block.first + added + 1}）"


def insert(lines: list[bytes], places: dict[int, list[Embed]]) -> bytes:
    """The lines with embeds before some of them, ending as the line before each ends."""
    merged: list[bytes] = []
    usual = next((end for end in map(line_end, reversed(lines)) if end), b"\n")
    for number in range(len(lines) + 1):
        if number in places:
            end = line_end(lines[number - 1]) if number else usual
            if not end:  # the author's last line has none
                end = usual
                merged.append(end)
            merged += (embed_bytes(embed, end) for embed in places[number])
        merged += lines[number : number + 1]
    return b"".join(merged)


def line_end(line: bytes) -> bytes:
    return line[len(line.rstrip(b"\r\n")) :]
