"""What was wanted, and what the same run measured: the rows of a table, nothing by hand."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.apart import NO_MEMORY, NO_TIME, Reading
from benchmarks.blocks import CLONE, COPY, OURS, PLAIN, Case
from benchmarks.precision import TITLES
from benchmarks.small import Ratios
from benchmarks.survey import Curve, Found, Options

COLUMNS = ["目标", "比较对象", "要求", "前向", "前向加反向", "结果"]

SIDE = 64 * 64
LARGEST = 540 * 960
BEYOND_CACHE = LARGEST
"""Positions from which x alone is 133 MB, more than any cache here."""
NOISE = 1.05
"""Two equal times may come out as far apart as this."""

WANTED = {
    "non-local-concatenation": (1_000, 500),
    "non-local-dot-product": (25, 8),
    "non-local-gaussian": (2, 8),
    "non-local-embedded-gaussian": (2, 8),
}
"""Times faster and times less memory than each peer, at SIDE."""

FROM_LIMIT = {
    "non-local-dot-product": (LARGEST, 3),
    "non-local-concatenation": (LARGEST, 12),
    "self-attention-concatenation": (LARGEST, 2),
    "self-attention-perceptron": (SIDE, 2),
    "non-local-gaussian": (256 * 256, 1.5),
    "non-local-embedded-gaussian": (256 * 256, 1.5),
    "self-attention-scaled-dot-product": (256 * 256, 1.5),
}
"""Positions, and times the limit at most."""

SMALL = 1 / 1.03
"""How slow ours may be next to the fastest of the others where there are few positions."""

NOT_MEASURED = "没有量"


def goals(
    found: dict[str, Found],
    precision: dict[str, dict[str, Curve]],
    options: Options,
    limits: dict[str, float],
    few: dict[str, dict[bool, Ratios]],
) -> list[list[str]]:
    rows = []
    for name, (count, times) in FROM_LIMIT.items():
        if name in found:
            rows.append(from_limit(found[name], count, times, limits))
    for name, directions in few.items():
        rows.append(not_slower_small(found[name], directions))
    for name, (faster, less) in WANTED.items():
        if name in found:
            rows += against_peers(found[name], faster, less, options)
    for name in ("non-local-gaussian", "non-local-embedded-gaussian"):
        if name in found:
            rows += never_slower(found[name], peers(found[name]))
    for name in WANTED if options.device == "cuda" else list(WANTED)[:2]:
        if name in found:
            rows.append(under_two_gibibytes(found[name]))
    for name in ("channel-attention", "channel-attention-channels-last"):
        if name in found:
            rows += near_the_limit(found[name])
    if "self-attention-perceptron" in found:
        rows += never_slower(found["self-attention-perceptron"], [PLAIN])
    for form, curves in precision.items():
        rows += within_ten_times(form, curves)
    return rows


def moved(case: Case, count: int) -> int:
    """Bytes of x that must be read or written."""
    x = next(case.input(size).nbytes for size in case.sizes if size[0] * size[1] == count)
    return case.passes * x


def limit_of(case: Case, count: int, limits: dict[str, float]) -> tuple[float, str]:
    """Seconds that can't be gone below, and what takes them."""
    return max(
        (case.work(count) / limits["product"], "运算"),
        (case.tanh(count) / limits["tanh"], "tanh"),
        (moved(case, count) / limits["copy"], "内存"),
    )


def from_limit(found: Found, count: int, times: float, limits: dict[str, float]) -> list[str]:
    taken = found.seconds[False][OURS].get(count, NOT_MEASURED)
    known = not isinstance(taken, str)
    limit, what = limit_of(found.case, count, limits) if known else (1.0, "")
    return [
        f"{found.case.title}，N = {count:,}，离极限",
        f"{what}的极限" if known else "—",
        f"≤ {times:g} 倍",
        str(Ratio(taken, limit)),
        "—",
        Ratio(times * limit, taken).verdict(1),
    ]


def not_slower_small(found: Found, directions: dict[bool, Ratios]) -> list[str]:
    """The worst of all sizes and of all others, in both directions."""
    worst = [
        min((min(others.values()), side) for side, others in ratios.items())
        for ratios in directions.values()
    ]
    return [
        f"{found.case.title}，位置少时不慢",
        "最快的一个",
        f"≥ {SMALL:.2f} 倍",
        *(f"最差 {Ratio(ratio)}（{side}×{side}）" for ratio, side in worst),
        Ratio(min(worst)[0]).verdict(SMALL),
    ]


def peers(found: Found) -> list[str]:
    """Those that compute the same."""
    names = [name for name in found.differences if name != OURS]
    return [name for name in names if found.agrees(name)]


def against_peers(
    found: Found, faster: float, less: float, options: Options
) -> Iterator[list[str]]:
    """A peer that went beyond a limit took at least that much."""
    for what, curves, wanted, least in (
        ("快", found.seconds, faster, {NO_TIME: options.limit}),
        ("省内存", found.bytes, less, {NO_MEMORY: options.cap} if options.cap else {}),
    ):
        for peer in peers(found):
            ratios = [ratio(curves[backward], peer, SIDE, least) for backward in (False, True)]
            yield [
                f"{found.case.title}，64×64，{what}",
                peer,
                f"≥ {wanted:,} 倍",
                *(str(each) for each in ratios),
                ratios[0].verdict(wanted),
            ]


def never_slower(found: Found, names: list[str]) -> Iterator[list[str]]:
    """The worst of all sizes."""
    for peer in names:
        worst = [lowest(found.seconds[backward], peer) for backward in (False, True)]
        shown = [f"最差 {ratio}（N = {count:,}）" if count else str(ratio) for ratio, count in worst]
        verdict = worst[0][0].verdict(1 / NOISE)
        yield [f"{found.case.title}，各种大小都不慢", peer, "≥ 1 倍", *shown, verdict]


def under_two_gibibytes(found: Found) -> list[str]:
    taken = [curves.get(OURS, {}).get(LARGEST, NOT_MEASURED) for curves in found.bytes.values()]
    shown = [each if isinstance(each, str) else f"{each / 2**30:.2f} GiB" for each in taken]
    return [
        f"{found.case.title}，960×540，内存",
        "—",
        "< 2 GiB",
        *shown,
        Ratio(2 * 2**30, taken[0]).verdict(1),
    ]


def near_the_limit(found: Found) -> Iterator[list[str]]:
    """x read twice and written once: a copy and another reading, which is half a copy."""
    ours, again = (found.seconds[False][name] for name in (OURS, COPY))
    for copy in (COPY, CLONE):
        first = found.seconds[False][copy]
        over = max(
            (
                ours[count] / (first[count] + again[count] / 2)
                for count in ours
                if count >= BEYOND_CACHE
                and not any(isinstance(each[count], str) for each in (ours, first, again))
            ),
            default=NOT_MEASURED,
        )
        yield [
            f"{found.case.title}，大于缓存时离内存极限",
            copy,
            "≤ 1.3 倍",
            str(Ratio(over)),
            "—",
            Ratio(1.3, over).verdict(1),
        ]


def within_ten_times(form: str, curves: dict[str, Curve]) -> Iterator[list[str]]:
    for name, curve in curves.items():
        if not name.startswith(OURS):
            continue
        plain = curves[name.replace(OURS, PLAIN)]
        worst = max(
            (
                curve[count] / plain[count]
                for count in curve
                if not any(isinstance(each[count], str) for each in (curve, plain)) and plain[count]
            ),
            default=NOT_MEASURED,
        )
        yield [
            f"非局部模块 · {TITLES[form]}，误差，{name.partition('，')[2]}，N 到 {max(curve, default=0):,}",
            PLAIN,
            "≤ 10 倍",
            str(Ratio(worst)),
            "—",
            Ratio(10, worst).verdict(1),
        ]


@dataclass(frozen=True)
class Ratio:
    """One reading over another, or why there is none."""

    above: Reading
    below: Reading = 1.0
    at_least: bool = False
    """`above` is a limit that was reached, so the ratio is larger than it says."""

    @property
    def value(self) -> Reading:
        missing = [each for each in (self.above, self.below) if isinstance(each, str)]
        if missing or not self.below:
            return missing[-1] if missing else NOT_MEASURED
        return self.above / self.below

    def __str__(self) -> str:
        if isinstance(self.value, str):
            return self.value
        digits = f"{self.value:,.0f}" if self.value >= 100 else f"{self.value:.3g}"
        return f"{'超过 ' * self.at_least}{digits} 倍"

    def verdict(self, wanted: float) -> str:
        if isinstance(self.value, str):
            return self.value
        if self.value >= wanted:
            return "达到"
        return "不能判定" if self.at_least else f"未达到，差 {wanted / self.value:.2f} 倍"


def ratio(curves: dict[str, Curve], peer: str, count: int, least: dict[str, float] = {}) -> Ratio:
    """How many times ours the peer takes; at `least` so much where it has reached a limit."""
    ours, theirs = (curves.get(name, {}).get(count, NOT_MEASURED) for name in (OURS, peer))
    if isinstance(ours, str):
        return Ratio(ours if ours == NOT_MEASURED else OURS + ours)
    if isinstance(theirs, str) and theirs in least:
        return Ratio(least[theirs], ours, at_least=True)
    if isinstance(theirs, str) and theirs != NOT_MEASURED:
        theirs = f"对方{theirs}"
    return Ratio(theirs, ours)


def lowest(curves: dict[str, Curve], peer: str) -> tuple[Ratio, int]:
    """With the size where it is; 0 where the two were measured nowhere together."""
    ratios = [(ratio(curves, peer, count), count) for count in curves.get(OURS, {})]
    known = [each for each in ratios if not isinstance(each[0].value, str)]
    return min(known, key=lambda each: each[0].value, default=(Ratio(NOT_MEASURED), 0))
