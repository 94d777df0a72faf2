"""`kb pictures`: copies of what the notes show from other servers, fetched, listed and cleared away.

A few pictures at a time, of one server fewer still. Each is written as it comes and entered into
the lock soon after, so that what was ended half-way goes on where it was.
"""

import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from pathlib import Path

from kb.markdown.places import host_of
from kb.notes.files import alone, write_whole
from kb.pictures.contents import Picture
from kb.pictures.copies import LOCK, Copy, lock_bytes, name_of, read_copies, unused
from kb.pictures.fetch import Limits, NoAnswer, fetch
from kb.pictures.route import NotFetched
from kb.pictures.smaller import TYPES, check_installed, make_smaller
from kb.pictures.wanted import Wanted, find_wanted, shown_in

AT_ONCE = 8
OF_ONE_SERVER = 4
GIVE_UP = 8
BETWEEN = 5
"""Seconds after which what has come is entered into the lock."""


@dataclass
class Failure:
    address: str
    why: str
    places: list[tuple[str, int]]


@dataclass
class Report:
    wanted: int
    """How many pictures the notes show from other servers."""
    held_back: int
    """How many of them are only in notes whose licence lets nobody copy."""
    there: int
    """How many have a copy already."""
    missing: list[str] = field(default_factory=list)
    """Those to fetch."""
    fetched: dict[str, Copy] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    made: int = 0
    """Smaller copies."""
    pruned: list[str] = field(default_factory=list)
    """Files below `docs/` that were taken away."""

    def as_json(self) -> dict:
        return {
            "ok": not self.failures,
            "wanted": self.wanted,
            "held_back": self.held_back,
            "there": self.there,
            "missing": self.missing,
            "fetched": {address: f"docs/{copy.uri()}" for address, copy in self.fetched.items()},
            "bytes": sum(copy.bytes for copy in self.fetched.values()),
            "smaller": self.made,
            "failed": [{"address": each.address, "reason": each.why, "notes": each.places} for each in self.failures],
            "pruned": self.pruned,
        }


def plan(root: Path, everything: bool = False) -> tuple[Report, dict[str, Wanted]]:
    """What there is to fetch; `everything`: whatever the licences say. Raises BadInput."""
    wanted, copies = find_wanted(root), read_copies(root)
    there = {address for address, copy in copies.items() if is_there(root, copy)} & wanted.keys()
    may = {address for address, each in wanted.items() if everything or each.allowed}
    missing = [address for address in wanted if address in may - there]
    return Report(len(wanted), len(wanted.keys() - may - there), len(there), missing), wanted


def is_there(root: Path, copy: Copy) -> bool:
    try:
        return (root / "docs" / copy.uri()).stat().st_size == copy.bytes
    except OSError:
        return False


def keep_pictures(
    root: Path,
    waiting: Callable[[], None] = lambda: None,
    progress: Callable[[Iterable, int, str], Iterable] = lambda items, number, label: items,
    everything: bool = False,
    local: bool = False,
    smaller: bool = False,
    limits: Limits = Limits(),
) -> Report:
    """Fetches what is missing. Raises BadInput and OSError, having kept what had come."""
    if smaller:
        check_installed()
    report, wanted = plan(root, everything)
    writer = Writer(root, waiting, smaller)
    try:
        for address, copy in progress(lacking := writer.lacking(wanted), len(lacking), "缩小图片"):
            report.made += writer.make_up_for(address, copy)
        coming = fetch_all(report.missing, limits, local)
        for address, got in progress(coming, len(report.missing), "取图片"):
            if isinstance(got, Picture):
                report.fetched[address] = copy = writer.write(address, got)
                report.made += len(copy.smaller)
            else:
                report.failures.append(Failure(address, str(got), wanted[address].places))
    finally:
        writer.flush()
    return report


class Server:
    """One that is asked for pictures: not for many at once, and no more where it never answers."""

    def __init__(self):
        self.turns = threading.Semaphore(OF_ONE_SERVER)
        self.unanswered = 0
        """How often in a row it hasn't answered, or had no time."""

    def ask(self, address: str, limits: Limits, local: bool, over: threading.Event) -> Picture | NotFetched:
        with self.turns:
            if self.unanswered >= GIVE_UP:
                return NotFetched(f"{host_of(address)} 接连 {GIVE_UP} 次没有回答，不再问它；过些时候再运行")
            try:
                got = fetch(address, limits, local, over)
            except NotFetched as problem:
                got = problem
            self.unanswered = self.unanswered + 1 if isinstance(got, NoAnswer) else 0
            return got


def fetch_all(addresses: list[str], limits: Limits, local: bool) -> Iterator[tuple[str, Picture | NotFetched]]:
    servers: dict[str, Server] = defaultdict(Server)
    over = threading.Event()

    def submit(address: str) -> Future:
        return pool.submit(servers[host_of(address)].ask, address, limits, local, over)

    pool, line = ThreadPoolExecutor(AT_ONCE), iter(addresses)
    asked: dict[Future, str] = {}
    try:
        while True:  # no more than so many are asked for, or they would pile up here
            asked |= {submit(each): each for each in islice(line, 2 * AT_ONCE - len(asked))}
            if not asked:
                return
            for done in wait(asked, return_when=FIRST_COMPLETED).done:
                yield asked.pop(done), done.result()
    finally:
        over.set()
        pool.shutdown(cancel_futures=True)  # Ctrl-C waits for those under way alone


class Writer:
    """Writes copies, and now and then what has come into the lock."""

    def __init__(self, root: Path, waiting: Callable[[], None], smaller: bool):
        self.root = root
        self.waiting = waiting
        self.smaller = smaller
        self.new: dict[str, Copy] = {}
        self.last = time.monotonic()

    def write(self, address: str, picture: Picture) -> Copy:
        """Raises OSError and BadInput."""
        digest = hashlib.sha256(picture.data).hexdigest()
        today = date.today().isoformat()
        copy = Copy(
            name_of(digest, picture.ending), len(picture.data), digest, today, picture.width, picture.height
        )
        with alone(self.root, self.waiting):
            write_whole(self.root / "docs" / copy.uri(), picture.data)
        if self.smaller:
            copy = self.with_smaller(copy, picture.data)
        self.remember(address, copy)
        return copy

    def with_smaller(self, copy: Copy, data: bytes) -> Copy:
        made = make_smaller(data, copy.file.partition(".")[2])
        with alone(self.root, self.waiting):
            for width, webp in made.items():
                write_whole(self.root / "docs" / copy.uri(width), webp)
        return replace(copy, smaller=tuple(made))

    def lacking(self, wanted: Collection[str]) -> list[tuple[str, Copy]]:
        """Copies that are to have smaller ones and have none yet."""
        return [
            (address, copy)
            for address, copy in (read_copies(self.root).items() if self.smaller else ())
            if address in wanted and not copy.smaller and copy.file.partition(".")[2] in TYPES and is_there(self.root, copy)
        ]

    def make_up_for(self, address: str, copy: Copy) -> int:
        """How many smaller ones were made."""
        made = self.with_smaller(copy, (self.root / "docs" / copy.uri()).read_bytes())
        self.remember(address, made)
        return len(made.smaller)

    def remember(self, address: str, copy: Copy) -> None:
        self.new[address] = copy
        if time.monotonic() - self.last > BETWEEN:
            self.flush()

    def flush(self) -> None:
        """Another process may have written the lock meanwhile: its lines stay."""
        if self.new:
            with alone(self.root, self.waiting):
                write_whole(self.root / LOCK, lock_bytes(read_copies(self.root) | self.new))
            self.new = {}
        self.last = time.monotonic()


def prune(root: Path, waiting: Callable[[], None] = lambda: None, dry: bool = False) -> list[str]:
    """Takes away copies that no public note shows, and files of ours that have no line; returns the
    files, below `docs/`. Raises BadInput and OSError.
    """
    with alone(root, waiting):
        wanted, copies = find_wanted(root), read_copies(root)
        kept = {address: copy for address, copy in copies.items() if address in wanted}
        files = unused(root, kept.values())
        if not dry:
            if kept != copies:
                write_whole(root / LOCK, lock_bytes(kept))
            for uri in files:
                (root / "docs" / uri).unlink(missing_ok=True)
    return files


def copies_of(root: Path, names: Collection[str]) -> tuple[dict[str, Copy], list[str]]:
    """The copies that these notes show and no other public one, by address, and their files that
    are there, below `docs/`. Raises BadInput.
    """
    copies = read_copies(root)
    if not copies:
        return {}, []
    kept = find_wanted(root, names)
    shown = {address for name in names for address in shown_in(root, name)}
    theirs = {address: copy for address, copy in copies.items() if address in shown - kept.keys()}
    left = {uri for address, copy in copies.items() if address not in theirs for uri in copy.uris}
    there = {uri for copy in theirs.values() for uri in copy.uris if (root / "docs" / uri).is_file()}
    return theirs, sorted(there - left)
