"""Few positions, where checks, look-ups and copies weigh as much as the arithmetic.

Each block in turns with whoever computes the same: `plain`, which has none of that, and the peers.
"""

import statistics
import time
from collections.abc import Callable

from benchmarks.apart import apart
from benchmarks.blocks import CASES, OURS, PLAIN, Case
from benchmarks.clock import PATIENCE, prepared, synchronise
from benchmarks.measure import Failed
from benchmarks.plain import plain
from benchmarks.survey import Found, Options, say

SIDES = (4, 6, 8, 12, 16)
CALLS = 200
WARM = 20
"""Calls of each that aren't counted."""
WRITTEN_OUT = "十行的 @ 写法"

Ratios = dict[int, dict[str, float]]
"""Side → who else → how many times ours they take."""


def small(found: Found, backward: bool, options: Options, calls: int = CALLS) -> Ratios:
    """Raises Failed where that can't be measured."""
    case = found.case
    say(f"{case.title}，位置少，{'前向加反向' if backward else '前向'}")
    peers = peers_in(found, backward)
    answer = apart(in_turns, case.name, peers, backward, options.device, calls, limit=4 * PATIENCE)
    if isinstance(answer, str):
        raise Failed(f"{case.title}，位置少：{answer}")
    return answer


def peers_in(found: Found, backward: bool) -> list[str]:
    """Those that compute the same, and have a gradient where one is wanted."""
    return [
        name
        for name in found.case.names[1:]
        if name != PLAIN and found.agrees(name)
        and not (backward and isinstance(found.differences[name][1], str))
    ]


def in_turns(
    ready: Callable, case_name: str, peers: list[str], backward: bool, device: str, calls: int
) -> Ratios:
    case = CASES[case_name]
    ready()
    return {side: ratios(case, peers, side, backward, device, calls) for side in SIDES}


def ratios(
    case: Case, peers: list[str], side: int, backward: bool, device: str, calls: int
) -> dict[str, float]:
    modules = {name: case.build(name, device) for name in (OURS, *peers)}
    modules[WRITTEN_OUT] = plain(case.build(OURS, device))
    x = case.input((side, side), device)
    turns = {
        name: prepared(module, x.clone(), backward)
        for name, module in modules.items()
        if module is not None
    }
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(WARM + calls):
        order = list(turns) if number % 2 else list(reversed(turns))
        for name in order:
            synchronise(device)
            began = time.perf_counter()
            turns[name]()
            synchronise(device)
            if number >= WARM:
                taken[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    return {name: each / medians[OURS] for name, each in medians.items() if name != OURS}
