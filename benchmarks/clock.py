"""What is measured of a case, each by a function that runs in a process of its own.

The first argument of each is `ready`, to be called where the measurement begins; see `apart`.
"""

import contextlib
import ctypes
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.apart import NO_MEMORY, Reading, is_out_of_memory
from benchmarks.blocks import CASES, OURS, Case, Size
from benchmarks.measure import Failed, memory

ABSENT = "没有安装"
NO_GRADIENT = "不能训练"

TOLERANCE = 1e-9
"""Relative, in float64: what is within it is the same but for rounding."""

SHORTEST = 0.1
"""Seconds of a turn: what is faster is called several times in a row, after once uncounted, or it
would start with what the one before it left of the caches and of the memory.
"""

ROUNDS = 30
"""At most."""
FEWEST = 5
"""Rounds for which three times the budget may be spent: of two, a neighbour's noise spoils one."""

PATIENCE = 60
"""Seconds that may pass besides those of the calls themselves."""

IN_CACHE = 2**18
TIMES = 64
"""A buffer of so many float32, 1 MiB, so many times in a row."""

ODD = (12, 9)
"""Sides that differ, where outputs are compared."""
SMALL = (32, 32)
"""Where everything is called once before its memory is measured: threads and kernels are there."""


def agreement(ready: Callable, name: str, device: str) -> dict[str, tuple[Reading, Reading]]:
    ready()
    return compare(CASES[name], device)


def compare(case: Case, device: str = "cpu") -> dict[str, tuple[Reading, Reading]]:
    """How far output and gradient of each are from the reference, relative to its largest.

    Raises Failed where our own two forms differ.
    """
    x = case.input(ODD).to(device, torch.float64)
    expected = output_and_gradient(case.build(case.reference, device), x)
    found: dict[str, tuple[Reading, Reading]] = {}
    for name in case.names:
        if name in case.limits:
            continue
        module = case.build(name, device)
        if module is None:
            found[name] = ABSENT, ABSENT
        else:
            output, gradient = output_and_gradient(module, x)
            found[name] = relative(output, expected[0]), relative(gradient, expected[1])
    if not agrees(found[OURS]):
        raise Failed(f"{case.title}：{OURS}与{case.reference}的结果不同，差 {found[OURS]}")
    return found


def agrees(difference: tuple[Reading, Reading]) -> bool:
    """A gradient that a peer can't compute is no difference."""
    output, gradient = difference
    if output == ABSENT or output > TOLERANCE:
        return False
    return gradient == NO_GRADIENT or gradient <= TOLERANCE


def output_and_gradient(module: nn.Module, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """The gradient is None where it can't be computed."""
    x = x.detach().clone().requires_grad_()
    y = module.double()(x)
    try:
        (gradient,) = torch.autograd.grad(y.sin().sum(), x)
    except RuntimeError:  # something it needs was overwritten
        gradient = None
    return y.detach(), gradient


def relative(got: Tensor | None, expected: Tensor) -> Reading:
    if got is None:
        return NO_GRADIENT
    return ((got - expected).abs().max() / expected.abs().max()).item()


def prepared(module: nn.Module, x: Tensor, backward: bool) -> Callable[[], Tensor]:
    """One call, without arguments; what it needs is there before."""
    if not backward:
        return torch.no_grad()(lambda: module(x))
    x.requires_grad_()
    gradient = torch.ones_like(x)

    def call() -> Tensor:
        x.grad = None
        module.zero_grad()
        y = module(x)
        y.backward(gradient)
        return y

    return call


def once(
    ready: Callable, case_name: str, name: str, size: Size, backward: bool, device: str
) -> tuple[float, Reading]:
    """Seconds and peak bytes of one call, the first of this size.

    The bytes are those beyond what was in use before: weights, x and its gradient-to-be are
    there, and a call with a small x has been made.
    """
    case = CASES[case_name]
    module = case.build(name, device)
    prepared(module, case.input(SMALL, device), backward)()
    call = prepared(module, case.input(size, device), backward)
    synchronise(device)
    ready()
    peak = Peak(device)
    began = time.perf_counter()
    y = call()
    synchronise(device)
    seconds = time.perf_counter() - began
    del y
    return seconds, peak.growth()


class Peak:
    """Bytes in use at the peak beyond those in use now."""

    def __init__(self, device: str):
        self.device = device
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
            self.before = torch.cuda.memory_allocated()
        else:
            with contextlib.suppress(OSError):  # no /proc
                give_back()
                Path("/proc/self/clear_refs").write_text("5")  # VmHWM falls to VmRSS
                self.before = memory("self", "VmHWM")

    def growth(self) -> Reading:
        if self.device == "cuda":
            return torch.cuda.max_memory_allocated() - self.before
        try:
            return memory("self", "VmHWM") - self.before
        except (OSError, AttributeError):
            return "这个系统上没有 /proc"


def give_back() -> None:
    """What has been freed, to the system: it would hide as much of what comes."""
    with contextlib.suppress(AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


def in_turns(
    ready: Callable,
    case_name: str,
    expected: dict[str, float],
    size: Size,
    backward: bool,
    device: str,
    budget: float,
) -> dict[str, Reading]:
    """Median seconds of a call of each, taking turns.

    `expected` says whom to measure, and roughly how long a call takes: in as many rounds as
    `rounds_in` says, the first of which isn't counted if there are three.
    """
    case = CASES[case_name]
    calls = {
        name: prepared(case.build(name, device), case.input(size, device), backward)
        for name in expected
    }
    turn = min(SHORTEST, budget / len(expected) / 10)
    repeats = {name: math.ceil(turn / seconds) for name, seconds in expected.items()}
    one_round = sum(expected[name] * repeats[name] for name in calls)
    rounds = rounds_in(budget, one_round)
    ready()
    found: dict[str, list[float]] = {name: [] for name in calls}
    failed: dict[str, Reading] = {}
    for _ in range(rounds):
        for name in [name for name in calls if name not in failed]:
            try:
                found[name].append(seconds_of(calls[name], repeats[name], device))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                failed[name] = NO_MEMORY
    counted = {name: times[rounds >= 3 :] for name, times in found.items()}
    return {name: statistics.median(times) for name, times in counted.items() if times} | failed


def rounds_in(budget: float, one_round: float) -> int:
    """As many as `budget` seconds hold, or FEWEST if three times as many seconds hold them."""
    rounds = max(budget / one_round, min(FEWEST, 3 * budget / one_round))
    return max(1, min(ROUNDS, int(rounds)))


def seconds_of(call: Callable, repeats: int, device: str) -> float:
    if repeats > 1:
        call()
    synchronise(device)
    began = time.perf_counter()
    for _ in range(repeats):
        call()
    synchronise(device)
    return (time.perf_counter() - began) / repeats


def synchronise(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def limits(ready: Callable, device: str, side: int, seconds: float) -> dict[str, float]:
    """What this machine can do: FLOP/s of a matrix product, bytes/s of a copy, tanh/s, taking turns.

    A copy of S bytes counts as 2·S: read once and written once. tanh is computed in place, in cache.
    """
    a = torch.randn(side, side, device=device)
    b = torch.randn(8 * side, side, device=device)
    c = torch.empty_like(b)
    few = torch.randn(IN_CACHE, device=device)
    calls = {
        "product": lambda: torch.mm(a, a),
        "copy": lambda: c.copy_(b),
        "tanh": lambda: [few.tanh_() for _ in range(TIMES)],
    }
    ready()
    found: dict[str, list[float]] = {name: [] for name in calls}
    until = time.perf_counter() + seconds
    while not found["tanh"] or time.perf_counter() < until:
        for name, call in calls.items():
            found[name].append(seconds_of(call, 1, device))
    return {
        "product": 2 * side**3 / statistics.median(found["product"]),
        "copy": 2 * b.numel() * b.element_size() / statistics.median(found["copy"]),
        "tanh": TIMES * IN_CACHE / statistics.median(found["tanh"]),
    }


def threads(ready: Callable, device: str) -> int:
    ready()
    return torch.get_num_threads()


def available(ready: Callable, device: str) -> bool:
    ready()
    return device == "cpu" or torch.cuda.is_available()
