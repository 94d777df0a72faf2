"""How many digits the forms without an N×N matrix lose as N grows, next to the literal ones.

The reference is the literal form in float64, on the very inputs that the others get, so that
the error is that of the computation alone. All N queries go through ours; the literal form
takes a sample of them, for which its matrix still fits at N = 10⁶.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from benchmarks.apart import apart
from benchmarks.blocks import INNER, OURS, PLAIN
from benchmarks.clock import PATIENCE, relative
from benchmarks.survey import Curve, say
from snippets import non_local

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
COUNTS = (100, 316, 1_000, 3_162, 10_000, 31_623, 100_000, 316_228, 1_000_000)
QUERIES = 64
SEEDS = 3
"""The largest error of so many draws is what counts."""
TITLES = {"concatenation": "拼接", "dot-product": "点积"}


def concatenation(theta: Tensor, phi: Tensor, g: Tensor, w: Tensor) -> Tensor:
    return non_local.concatenation(theta, phi, w) @ g


def dot_product(theta: Tensor, phi: Tensor, g: Tensor, w: Tensor) -> Tensor:
    return non_local.dot_product(theta, phi) @ g


FORMS: dict[str, tuple[Callable, Callable]] = {
    "concatenation": (
        lambda theta, phi, g, w: non_local.concatenation_output(theta, phi, g, w),
        concatenation,
    ),
    "dot-product": (
        lambda theta, phi, g, w: non_local.dot_product_output(theta, phi, g),
        dot_product,
    ),
}


def errors(ready: Callable, form: str, dtype: str, count: int, device: str) -> tuple[float, float]:
    """Of ours and of the literal form, relative to the largest output."""
    ours, plain = FORMS[form]
    ready()
    worst = [0.0, 0.0]
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        drawn = [torch.randn(1, count, INNER) for _ in range(3)] + [torch.randn(2 * INNER) / 8]
        theta, phi, g, w = (each.to(device, DTYPES[dtype]) for each in drawn)
        some = torch.randperm(count)[:QUERIES].to(device)
        few = theta[:, some]
        expected = plain(*(each.double() for each in (few, phi, g, w)))
        got = ours(theta, phi, g, w)[:, some], plain(few, phi, g, w)
        found = [relative(each.double(), expected) for each in got]
        worst = [max(pair) for pair in zip(worst, found, strict=True)]
    return tuple(worst)


def measure_precision(
    form: str, counts: Iterable[int], device: str, cap: int | None
) -> dict[str, Curve]:
    """A curve of each dtype for ours and for the literal form."""
    names = [f"{name}，{dtype}" for dtype in DTYPES for name in (OURS, PLAIN)]
    curves: dict[str, Curve] = {name: {} for name in names}
    for count in counts:
        say(f"精度：{TITLES[form]}，N = {count:,}")
        for dtype in DTYPES:
            answer = apart(errors, form, dtype, count, device, limit=4 * PATIENCE, cap=cap)
            both = (answer, answer) if isinstance(answer, str) else answer
            for name, error in zip((OURS, PLAIN), both, strict=True):
                curves[f"{name}，{dtype}"][count] = error
    return curves
