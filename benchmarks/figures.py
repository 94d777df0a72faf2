"""From what was measured to `benchmarks/figures/<device>.json`, which pages draw from."""

import datetime
import importlib.metadata
import json
from pathlib import Path

from benchmarks.apart import Reading
from benchmarks.blocks import OURS, Case
from benchmarks.clock import TOLERANCE, agrees
from benchmarks.goals import COLUMNS, NOISE, SIDE, goals
from benchmarks.growth import exponent
from benchmarks.peers import PACKAGES
from benchmarks.survey import Curve, Found, Options
from kb.keys import reach, sha256
from kb.record import environment

ROOT = Path(__file__).parents[1]

LARGE = 64 * 64
"""Positions from which the slope is taken: below, what is fixed weighs most."""

SMALLEST = 256 * 1024
TOO_SMALL = "太小，量不出"
"""Memory grows by pages, and by what libraries keep for later: less than this says nothing."""

SLOWER, LARGER = "时间", "峰值内存"


def document(
    found: dict[str, Found],
    precision: dict[str, dict[str, Curve]],
    limits: dict[str, float],
    threads: int,
    options: Options,
    command: str,
) -> dict:
    device = options.device
    inputs = read_inputs(ROOT)
    figures = {"goals": goals_table(found, precision, options)}
    figures["agreement"] = agreement_table(found)
    figures["limits"] = limits_table(limits, threads, device)
    figures["ratios-to-limits"] = ratios_table(found, limits)
    for case in found.values():
        figures |= plots(case, threads, device, inputs)
    for form, curves in precision.items():
        figures[f"precision-{form}"] = precision_plot(form, curves)
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
    return [path for path in inputs if not path.startswith("snippets/") or path.endswith(f"/{file}")]


def with_peers(environment: dict) -> dict:
    packages = dict(environment["packages"])
    for name in PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return environment | {"packages": packages}


def plots(found: Found, threads: int, device: str, inputs: dict[str, str]) -> dict[str, dict]:
    """Four: time and memory, forward and with the backward pass."""
    figures = {}
    for what, curves, unit in ((SLOWER, found.seconds, "s"), (LARGER, found.bytes, "B")):
        for backward in (False, True):
            name = f"{found.case.name}-{'time' if what == SLOWER else 'memory'}"
            name += "-backward" if backward else ""
            shown = curves[backward]
            if what == LARGER:
                shown = {name: with_small(curve) for name, curve in shown.items()}
                shown = {name: curve for name, curve in shown.items() if name not in found.case.limits}
            figures[name] = {
                "kind": "plot",
                "title": f"{found.case.title}：{'前向加反向' if backward else '前向'}的{what}",
                "caption": caption(what, threads, device),
                "inputs": stands_on(found.case.file, inputs),
                "x": {"label": "位置数 N"},
                "y": {"label": what, "unit": unit},
                "series": [series(label(found, name), curve) for name, curve in shown.items()],
            }
    return figures


def caption(what: str, threads: int, device: str) -> str:
    where = f"{threads} 个线程" if device == "cpu" else "一块 GPU"
    if what == SLOWER:
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
    known = [(count, value) for count, value in curve.items() if not isinstance(value, str) and value]
    chosen = [each for each in known if each[0] >= LARGE]
    if len(chosen) < 3:
        chosen = known[-3:]
    return exponent(*zip(*chosen, strict=True)) if len(chosen) > 1 else None


def goals_table(found: dict[str, Found], precision: dict, options: Options) -> dict:
    most = f"、{options.cap / 2**30:.0f} GiB" if options.cap else ""
    return {
        "kind": "table",
        "title": "目标与实测",
        "caption": "都是同一次运行里的比值，C = 64；结果按前向判定。计时有起伏，"
        f"“不慢”容许 {NOISE - 1:.0%}。一次调用最多 {options.limit:g} 秒{most}，更多的当作这么多。",
        "columns": COLUMNS,
        "rows": goals(found, precision, options),
    }


def agreement_table(found: dict[str, Found]) -> dict:
    rows = []
    for each in found.values():
        for name, (output, gradient) in each.differences.items():
            if name != each.case.reference:
                same = "结果相同" if agrees((output, gradient)) else "结果不同"
                verdict = output if isinstance(output, str) else same
                rows.append([each.case.title, name, digits(output), digits(gradient), verdict])
    return {
        "kind": "table",
        "title": "先比结果，再比快慢",
        "caption": "权重相同，float64，与原样写法（通道注意力没有另一种写法，与本站）相差最多多少，"
        f"相对于最大的值；{TOLERANCE:.0e} 以内算相同。",
        "columns": ["模块", "实现", "输出", "梯度", "结果"],
        "rows": rows,
    }


def digits(reading: Reading) -> str:
    return reading if isinstance(reading, str) else f"{reading:.1e}"


def limits_table(limits: dict[str, float], threads: int, device: str) -> dict:
    return {
        "kind": "table",
        "title": "这台机器的极限",
        "caption": f"{threads} 个线程，" * (device == "cpu") + "与别的测量在同一次运行里，开头与末尾各一次，取大的。",
        "columns": ["测什么", "每秒"],
        "rows": [
            ["大矩阵乘法，float32", f"{limits['product'] / 1e9:,.0f} GFLOP"],
            ["复制一大块内存，读写都算", f"{limits['copy'] / 1e9:,.1f} GB"],
        ],
    }


def ratios_table(found: dict[str, Found], limits: dict[str, float]) -> dict:
    rows = []
    for each in found.values():
        seconds = each.seconds[False][OURS]
        known = [count for count, value in seconds.items() if not isinstance(value, str)]
        for count in dict.fromkeys([*(count for count in known if count == SIDE), *known[-1:]]):
            rows.append(ratio_row(each.case, count, seconds[count], limits))
    return {
        "kind": "table",
        "title": "离极限多远",
        "caption": "极限：省不掉的矩阵乘法以大矩阵乘法的速度，x 的读写以复制的速度，取长的一个。"
        "指数、tanh、排序，和新分配内存的代价都没有算进极限。",
        "columns": ["模块，前向", "N", "运算", "读写", "极限", "实测", "实测÷极限"],
        "rows": rows,
    }


def ratio_row(case: Case, count: int, seconds: float, limits: dict[str, float]) -> list[str]:
    x = next(case.input(size).nbytes for size in case.sizes if size[0] * size[1] == count)
    work, moved = case.work(count), case.passes * x
    computing, moving = work / limits["product"], moved / limits["copy"]
    limit = max(computing, moving)
    return [
        case.title,
        f"{count:,}",
        f"{work / 1e6:,.4g} MFLOP",
        f"{moved / 1e6:,.4g} MB",
        f"{limit * 1e3:.3g} ms（{'运算' if computing > moving else '内存'}）",
        f"{seconds * 1e3:.3g} ms",
        f"{seconds / limit:.3g}",
    ]


def precision_plot(form: str, curves: dict[str, Curve]) -> dict:
    return {
        "kind": "plot",
        "title": f"非局部模块 · {form} 的误差",
        "caption": "与 float64 的原样写法相差最多多少，相对于最大的输出；取 64 个 query、3 次里最大的。",
        "inputs": [path for path in read_inputs(ROOT) if not path.startswith("snippets/")]
        + ["snippets/non_local.py"],
        "x": {"label": "位置数 N"},
        "y": {"label": "相对误差", "unit": ""},
        "series": [series(name, curve) for name, curve in curves.items()],
    }


def write(path: Path, made: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
