"""What is shown as tables: goals, who agrees, the limits and how far each block is from them."""

from benchmarks.apart import Reading
from benchmarks.blocks import OURS, Case
from benchmarks.clock import TOLERANCE, agrees
from benchmarks.goals import COLUMNS, NOISE, SIDE, goals, limit_of, moved
from benchmarks.small import CALLS, SIDES, Ratios
from benchmarks.survey import Found, Options


def goals_table(
    found: dict[str, Found],
    precision: dict,
    options: Options,
    limits: dict[str, float],
    few: dict[str, dict[bool, Ratios]],
) -> dict:
    most = f"、{options.cap / 2**30:.0f} GiB" if options.cap else ""
    return {
        "kind": "table",
        "title": "目标与实测",
        "caption": "都是同一次运行里的比值，C = 64；结果按前向判定。计时有起伏，"
        f"“不慢”容许 {NOISE - 1:.0%}。一次调用最多 {options.limit:g} 秒{most}，更多的当作这么多。",
        "columns": COLUMNS,
        "rows": goals(found, precision, options, limits, few),
    }


def small_table(found: dict[str, Found], few: dict[str, dict[bool, Ratios]]) -> dict:
    """Whoever is fastest beside ours, at each size."""
    rows = []
    for name, directions in few.items():
        for backward, ratios in directions.items():
            least = [f"{min(each.values()):.2f}" for each in ratios.values()]
            direction = "前向加反向" if backward else "前向"
            rows.append([found[name].case.title, direction, *least])
    return {
        "kind": "table",
        "title": "位置少时",
        "caption": "别人里最快的一个，时间是本站的几倍：十行的 @ 写法，没有检查，没有选择，"
        f"和算得一样的别的包。轮流各 {CALLS} 次，取中位数。",
        "columns": ["模块", "方向", *(f"{side}×{side}" for side in SIDES)],
        "rows": rows,
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
        "caption": f"{threads} 个线程，" * (device == "cpu")
        + "与别的测量在同一次运行里，开头与末尾各一次，取大的。",
        "columns": ["测什么", "每秒"],
        "rows": [
            ["大矩阵乘法，float32", f"{limits['product'] / 1e9:,.0f} GFLOP"],
            ["复制一大块内存，读写都算", f"{limits['copy'] / 1e9:,.1f} GB"],
            ["缓存里的 tanh，float32", f"{limits['tanh'] / 1e9:,.2f} G 个"],
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
        "caption": "极限：省不掉的矩阵乘法以大矩阵乘法的速度，tanh 以缓存里 tanh 的速度，x 的读写以"
        "复制的速度，取长的一个。指数、排序，和新分配内存的代价都没有算进极限。",
        "columns": ["模块，前向", "N", "运算", "读写", "极限", "实测", "实测÷极限"],
        "rows": rows,
    }


def ratio_row(case: Case, count: int, seconds: float, limits: dict[str, float]) -> list[str]:
    limit, what = limit_of(case, count, limits)
    return [
        case.title,
        f"{count:,}",
        f"{case.work(count) / 1e6:,.4g} MFLOP",
        f"{moved(case, count) / 1e6:,.4g} MB",
        f"{limit * 1e3:.3g} ms（{what}）",
        f"{seconds * 1e3:.3g} ms",
        f"{seconds / limit:.3g}",
    ]
