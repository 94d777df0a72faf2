"""Measures a case at every size: who agrees, then time and peak memory, forward and backward."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import clock
from benchmarks.apart import ERROR, NO_TIME, Reading, apart
from benchmarks.blocks import OURS, Case, Size
from benchmarks.measure import Failed

Curve = dict[int, Reading]
"""Number of positions → what was measured there."""


@dataclass(frozen=True)
class Options:
    device: str
    limit: float
    """Seconds that a call may take."""
    cap: int | None
    """Bytes that a call may take; None where the device says itself when it has no more."""
    budget: float
    """Seconds to spend on the rounds at one size."""


@dataclass
class Found:
    case: Case
    differences: dict[str, tuple[Reading, Reading]]
    """Of output and gradient, from the case's reference."""
    seconds: dict[bool, dict[str, Curve]] = field(default_factory=lambda: {False: {}, True: {}})
    """With the backward pass or without → implementation → curve."""
    bytes: dict[bool, dict[str, Curve]] = field(default_factory=lambda: {False: {}, True: {}})

    def agrees(self, name: str) -> bool:
        return clock.agrees(self.differences[name])


def survey(case: Case, sizes: list[Size], options: Options) -> Found:
    """Raises Failed, and measures nothing, where our block and its literal form differ."""
    say(f"{case.title}：结果是否相同")
    differences = apart(
        clock.agreement, case.name, options.device, limit=clock.PATIENCE, cap=options.cap
    )
    found = Found(case, differences)
    for backward in (False, True):
        survey_direction(found, sizes, backward, options)
    return found


def survey_direction(found: Found, sizes: list[Size], backward: bool, options: Options) -> None:
    case = found.case
    names = [name for name in case.names if not (backward and name in case.limits)]
    missing: dict[str, str] = {}
    for name in names:
        found.seconds[backward][name], found.bytes[backward][name] = {}, {}
        reasons = found.differences.get(name, (0.0, 0.0))[: 2 if backward else 1]
        missing |= {name: reason for reason in reasons if isinstance(reason, str)}
    for size in sizes:
        say(f"{case.title}，{size[0]}×{size[1]}，{'前向加反向' if backward else '前向'}")
        measure_size(found, names, missing, size, backward, options)


def measure_size(
    found: Found,
    names: list[str],
    missing: dict[str, str],
    size: Size,
    backward: bool,
    options: Options,
) -> None:
    """Who fails here goes into `missing`, and isn't run at a larger size: that would fail too."""
    case = found.case
    expected: dict[str, float] = {}
    seconds: dict[str, Reading] = {}
    for name in names:
        if name not in missing:
            answer = measure_once(case, name, size, backward, options)
            if isinstance(answer, str):
                missing[name] = answer
            else:
                expected[name], growth = answer
                found.bytes[backward][name][area(size)] = growth
        if name in missing:
            seconds[name] = found.bytes[backward][name][area(size)] = missing[name]
    if expected:
        patience = clock.PATIENCE + 3 * options.budget + 4 * sum(expected.values())
        answer = apart(
            clock.in_turns, case.name, expected, size, backward, options.device, options.budget,
            limit=patience, cap=options.cap,
        )  # fmt: skip
        seconds |= dict.fromkeys(expected, answer) if isinstance(answer, str) else answer
    for name, reading in seconds.items():
        if not isinstance(reading, str) and reading > options.limit:
            reading = NO_TIME
        found.seconds[backward][name][area(size)] = reading


def measure_once(
    case: Case, name: str, size: Size, backward: bool, options: Options
) -> tuple[float, Reading] | str:
    """An error of ours ends the run, one of a peer is shown as such."""
    try:
        return apart(
            clock.once, case.name, name, size, backward, options.device,
            limit=options.limit, cap=options.cap,
        )  # fmt: skip
    except Failed as error:
        if name == OURS:
            raise
        say(str(error))
        return ERROR


def area(size: Size) -> int:
    return size[0] * size[1]


def available_bytes() -> int | None:
    """What the system could still give; None where it doesn't tell."""
    try:
        lines = Path("/proc/meminfo").read_text().split("\n")
    except OSError:
        return None
    kilobytes = next(line for line in lines if line.startswith("MemAvailable:"))
    return int(kilobytes.split()[1]) * 1024


BEGAN = time.monotonic()


def say(words: str) -> None:
    print(f"{time.monotonic() - BEGAN:6.1f} 秒  {words}", file=sys.stderr, flush=True)
