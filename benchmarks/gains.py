"""What the fast forms give next to the literal ones: one row each, one sentence of why."""

from benchmarks.apart import NO_MEMORY, NO_TIME, Reading
from benchmarks.blocks import OURS, PLAIN
from benchmarks.goals import LARGEST, NOT_MEASURED, SIDE, ratio
from benchmarks.survey import Found, Options

WHY = {
    "non-local-dot-product": "θ、φ、g 一个也不算，整个模块是一个随数据变的 1×1 卷积",
    "non-local-concatenation": "排好序，查前缀和：N·M 变成 N log M",
    "non-local-gaussian": "融合的注意力：算的一样多，一块一块地算，不存矩阵",
    "non-local-embedded-gaussian": "同上",
    "self-attention-scaled-dot-product": "同上，几个头一起算",
    "self-attention-concatenation": "输出与 query 无关，只算一个向量",
    "self-attention-perceptron": "一次几个 query，隐层留在缓存里，反向时重新算",
}


def gains_table(found: dict[str, Found], options: Options) -> dict:
    return {
        "kind": "table",
        "title": "得到了什么",
        "caption": "与先存 N×N 矩阵的写法比，64×64 个位置，输出相同；最后一列是本站在 960×540 上一次前向。",
        "columns": ["模块", "怎样做到", "前向快", "前向加反向快", "反向也省内存", "960×540"],
        "rows": [row(found[name], why, options) for name, why in WHY.items() if name in found],
    }


def row(found: Found, why: str, options: Options) -> list[str]:
    reached = {NO_TIME: options.limit}
    full = {NO_MEMORY: options.cap} if options.cap else {}
    faster = [ratio(found.seconds[backward], PLAIN, SIDE, reached) for backward in (False, True)]
    less = ratio(found.bytes[True], PLAIN, SIDE, full)
    largest = found.seconds[False][OURS].get(LARGEST, NOT_MEASURED)
    return [found.case.title, why, *map(str, faster), str(less), seconds(largest)]


def seconds(taken: Reading) -> str:
    if isinstance(taken, str):
        return taken
    return f"{taken:.2g} 秒" if taken >= 1 else f"{taken * 1e3:.3g} 毫秒"
