"""The blocks of `snippets/` next to their peers: time, memory, precision.

    python -m benchmarks [--quick] [--device cuda] [--only NAME] [--json FILE]

writes `benchmarks/figures/<device>.json`, from which pages draw. `--quick` only tries
everything at small sizes and writes nothing unless `--json` says where.
"""

import argparse
import sys
from pathlib import Path

from benchmarks import clock, figures, precision
from benchmarks.apart import apart
from benchmarks.blocks import CASES
from benchmarks.measure import Failed
from benchmarks.small import CALLS, small
from benchmarks.survey import Options, area, available_bytes, say, survey
from kb import evidence

MOST_MEMORY = 16 * 2**30
"""Bytes that a call may take, or 80 % of what is free if that is less."""


LIMIT = 20
"""Seconds that a call may take."""


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="每个模块与同类相比")
    parser.add_argument("--quick", action="store_true", help="只到 16×16，每项只量一轮，看能不能跑")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="在哪里算")
    parser.add_argument("--only", default="", help="只量名字里有这几个字的模块")
    parser.add_argument("--limit", type=float, default=LIMIT, help="一次调用最多几秒")
    parser.add_argument("--json", type=Path, help="结果写进这个文件，而不是 benchmarks/figures/<设备>.json")
    return parser.parse_args(words)


def options_of(chosen: argparse.Namespace) -> Options:
    free = available_bytes()
    cap = int(min(0.8 * free, MOST_MEMORY)) if chosen.device == "cpu" and free else None
    if chosen.quick:
        return Options(chosen.device, min(chosen.limit, 2), cap, budget=0.05)
    return Options(chosen.device, chosen.limit, cap, budget=2)


def measure(chosen: argparse.Namespace) -> dict:
    """Raises Failed where that can't be done."""
    options = options_of(chosen)
    device = chosen.device
    inputs = figures.read_inputs(figures.ROOT)
    if not apart(clock.available, device, limit=clock.PATIENCE):
        raise Failed("没有 CUDA 设备")
    cases = [case for case in CASES.values() if chosen.only in case.name]
    if not cases:
        raise Failed(f"--only 应是这些名字之一，或其中几个字：{'、'.join(CASES)}")
    most = 16 * 16 if chosen.quick else 10**9
    say("这台机器的极限")
    before = limits(chosen)
    found = {
        case.name: survey(case, [size for size in case.sizes if area(size) <= most], options)
        for case in cases
    }
    curves = {
        form: precision.measure_precision(
            form, precision.COUNTS[: 2 if chosen.quick else None], device, options.cap
        )
        for form in precision.FORMS
        if f"non-local-{form}" in found
    }
    calls = 3 if chosen.quick else CALLS
    few = {
        name: {backward: small(each, backward, options, calls) for backward in (False, True)}
        for name, each in found.items()
        if not each.case.limits
    }
    say("再量一次极限")
    after = limits(chosen)
    best = {name: max(before[name], after[name]) for name in before}
    threads = apart(clock.threads, device, limit=clock.PATIENCE)
    if changed := inputs.items() ^ figures.read_inputs(figures.ROOT).items():
        paths = "、".join(sorted({path for path, _ in changed}))
        raise Failed(f"量的时候 {paths} 改了，不知道量的是哪一种。不要改，再运行一次。")
    return figures.document(found, curves, best, threads, options, inputs, command(chosen), few)


def limits(chosen: argparse.Namespace) -> dict[str, float]:
    side, seconds = (512, 0.1) if chosen.quick else (4096 if chosen.device == "cpu" else 8192, 5)
    answer = apart(clock.limits, chosen.device, side, seconds, limit=clock.PATIENCE + seconds)
    if isinstance(answer, str):
        raise Failed(f"量不出这台机器的极限：{answer}")
    return answer


def command(chosen: argparse.Namespace) -> str:
    words = ["python -m benchmarks"]
    words += ["--quick"] * chosen.quick + [f"--device {chosen.device}"] * (chosen.device != "cpu")
    words += [f"--only {chosen.only}"] * bool(chosen.only)
    words += [f"--limit {chosen.limit:g}"] * (chosen.limit != LIMIT)
    return " ".join(words)


def report(document: dict) -> str:
    """The tables, as lines of text."""
    lines = []
    for figure in document["figures"].values():
        if figure["kind"] == "table":
            lines += ["", figure["title"], " | ".join(figure["columns"])]
            lines += [" | ".join(row) for row in figure["rows"]]
    return "\n".join(lines)


def main(words: list[str] | None = None) -> None:
    chosen = arguments(words)
    try:
        document = measure(chosen)
    except Failed as error:
        sys.exit(str(error))
    print(report(document))
    whole = not (chosen.quick or chosen.only)
    usual = figures.ROOT / f"benchmarks/figures/{chosen.device}.json" if whole else None
    if path := chosen.json or usual:
        evidence.write(path, document)
        say(f"已写入 {path}")


if __name__ == "__main__":
    main()
