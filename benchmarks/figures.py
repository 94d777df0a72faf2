"""From what was measured to `benchmarks/figures/<device>.json`, which pages draw from."""

import datetime
import importlib.metadata
from pathlib import Path

from benchmarks import tables
from benchmarks.apart import Reading
from benchmarks.blocks import OURS
from benchmarks.gains import gains_table
from benchmarks.growth import exponent
from benchmarks.peers import PACKAGES
from benchmarks.precision import QUERIES, SEEDS, TITLES
from benchmarks.small import Ratios
from benchmarks.survey import Curve, Found, Options
from kb.evidence.keys import reach, sha256
from kb.evidence.machine import environment

ROOT = Path(__file__).parents[1]

LARGE = 64 * 64
"""Positions from which the slope is taken: below, what is fixed weighs most."""

SMALLEST = 256 * 1024
TOO_SMALL = "太小，量不出"
"""Memory grows by pages, and by what libraries keep for later: less than this says nothing."""

TIME, MEMORY = "时间", "峰值内存"


def document(
    found: dict[str, Found],
    precision: dict[str, dict[str, Curve]],
    limits: dict[str, float],
    threads: int,
    options: Options,
    inputs: dict[str, str],
    command: str,
    few: dict[str, dict[bool, Ratios]],
) -> dict:
    device = options.device
    figures = {
        "gains": gains_table(found, options),
        "goals": tables.goals_table(found, precision, options, limits, few),
        "small": tables.small_table(found, few),
        "agreement": tables.agreement_table(found),
        "limits": tables.limits_table(limits, threads, device),
        "ratios-to-limits": tables.ratios_table(found, limits),
    }
    for case in found.values():
        figures |= plots(case, threads, device, inputs)
    for form, curves in precision.items():
        figures[f"precision-{form}"] = precision_plot(form, curves, inputs)
    return {
        "recorded": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": command,
        "device": device,
        "environment": with_peers(environment(device)),
        "inputs": inputs,
        "figures": figures,
    }


def read_inputs(root: Path) -> dict[str, str]:
    """Path and SHA-256 of the blocks, and of the code that measured them."""
    main = "benchmarks/__main__.py"
    paths = {path for path in reach(root, main) | {main} if not path.startswith("kb/")}
    return {path: sha256((root / path).read_bytes()) for path in sorted(paths)}


def stands_on(file: str, inputs: dict[str, str]) -> list[str]:
    """What a figure of one block depends on: not on the other blocks."""
    block = f"snippets/{file}"
    own = reach(ROOT, block) | {block}
    return [path for path in inputs if not path.startswith("snippets/") or path in own]


def with_peers(environment: dict) -> dict:
    packages = dict(environment["packages"])
    for name in PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return environment | {"packages": packages}


def plots(
    found: Found, threads: int, device: str, inputs: dict[str, str]
) -> dict[str, dict]:
    """Four: time and memory, forward and with the backward pass."""
    figures = {}
    for backward, direction in ((False, "前向"), (True, "前向加反向")):
        shown = {
            TIME: ("time", "s", found.seconds[backward]),
            MEMORY: ("memory", "B", of_memory(found, backward)),
        }
        for what, (name, unit, curves) in shown.items():
            figures[f"{found.case.name}-{name}{'-backward' * backward}"] = {
                "kind": "plot",
                "title": f"{found.case.title}：{direction}的{what}",
                "caption": caption(what, threads, device),
                "inputs": stands_on(found.case.file, inputs),
                "x": {"label": "位置数 N"},
                "y": {"label": what, "unit": unit},
                "series": [series(label(found, each), curve) for each, curve in curves.items()],
            }
    return figures


def of_memory(found: Found, backward: bool) -> dict[str, Curve]:
    """A limit of speed has no say here."""
    return {
        name: with_small(curve)
        for name, curve in found.bytes[backward].items()
        if name not in found.case.limits
    }


def caption(what: str, threads: int, device: str) -> str:
    where = f"{threads} 个线程" if device == "cpu" else "一块 GPU"
    if what == TIME:
        return f"B = 1，float32，{where}，各种实现轮流运行，取一次调用的中位数。"
    return f"B = 1，float32，{where}，每次测量在自己的进程里：一次调用比调用之前多用的。"


def with_small(curve: Curve) -> Curve:
    return {
        count: TOO_SMALL if not isinstance(taken, str) and taken < SMALLEST else taken
        for count, taken in curve.items()
    }


def label(found: Found, name: str) -> str:
    """Says it of a peer that computes something else."""
    installed = not isinstance(found.differences.get(name, ("",))[0], str)
    return f"{name}（结果不同）" if installed and not found.agrees(name) else name


def series(name: str, curve: Curve) -> dict:
    made = {"name": name, "points": [point(count, reading) for count, reading in curve.items()]}
    if name.startswith(OURS):
        made["ours"] = True
    if (slope := slope_of(curve)) is not None:
        made["slope"] = round(slope, 3)
    return made


def point(count: int, reading: Reading) -> dict:
    if isinstance(reading, str):
        return {"x": count, "y": None, "why": reading}
    return {"x": count, "y": reading}


def slope_of(curve: Curve) -> float | None:
    """Exponent of growth over the large sizes, or the last three; None of fewer than two."""
    known = [
        (count, value) for count, value in curve.items() if not isinstance(value, str) and value > 0
    ]
    chosen = [each for each in known if each[0] >= LARGE]
    if len(chosen) < 3:
        chosen = known[-3:]
    return exponent(*zip(*chosen, strict=True)) if len(chosen) > 1 else None


def precision_plot(form: str, curves: dict[str, Curve], inputs: dict[str, str]) -> dict:
    return {
        "kind": "plot",
        "title": f"非局部模块 · {TITLES[form]}的误差",
        "caption": f"与 float64 的原样写法相差最多多少，相对于最大的输出；"
        f"{QUERIES} 个 query、{SEEDS} 次里最大的。",
        "inputs": stands_on("non_local.py", inputs),
        "x": {"label": "位置数 N"},
        "y": {"label": "相对误差", "unit": ""},
        "series": [series(name, curve) for name, curve in curves.items()],
    }
