"""What a reader calls the operations of torch; one that isn't here keeps torch's name."""

import math

OPERATORS = {
    "matmul": "矩阵乘", "bmm": "矩阵乘", "mm": "矩阵乘", "rmatmul": "矩阵乘",
    "baddbmm": "矩阵乘再相加", "addmm": "矩阵乘再相加", "einsum": "爱因斯坦求和",
    "linear": "全连接", "conv1d": "卷积", "conv2d": "卷积", "conv3d": "卷积",
    "max_pool1d": "最大池化", "max_pool2d": "最大池化", "max_pool3d": "最大池化",
    "avg_pool1d": "平均池化", "avg_pool2d": "平均池化", "avg_pool3d": "平均池化",
    "adaptive_avg_pool2d": "自适应平均池化", "adaptive_avg_pool1d": "自适应平均池化",
    "layer_norm": "层归一化", "batch_norm": "批归一化", "group_norm": "组归一化",
    "embedding": "查嵌入表", "relu": "ReLU", "gelu": "GELU", "silu": "SiLU",
    "mean": "平均", "sum": "求和", "amax": "最大值", "amin": "最小值", "max": "最大值",
    "min": "最小值", "std": "标准差", "var": "方差", "norm": "范数", "prod": "连乘",
    "cumsum": "前缀和", "cumprod": "前缀积", "sort": "排序", "argsort": "排序的下标",
    "topk": "最大的几个", "argmax": "最大值的下标", "searchsorted": "二分查找",
    "add": "相加", "sub": "相减", "rsub": "相减", "mul": "逐元素乘", "div": "逐元素除",
    "rdiv": "逐元素除", "neg": "取负", "pow": "乘方", "sqrt": "开方", "rsqrt": "开方的倒数",
    "abs": "绝对值", "square": "平方", "cat": "拼接", "concat": "拼接", "stack": "堆叠",
    "pad": "补零", "unfold": "取窗口", "getitem": "取一部分", "setitem": "写入一部分",
    "chunk": "切成几份", "split": "切成几份", "split_with_sizes": "切成几份",
    "index_select": "按下标取", "gather": "按下标取",
    "where": "按条件取", "masked_fill": "按掩码填", "repeat": "重复", "clamp": "限制范围",
    "scaled_dot_product_attention": "融合的注意力",
    "_scaled_dot_product_flash_attention_for_cpu": "融合的注意力",
    "multi_head_attention_forward": "多头注意力",
}  # fmt: skip
VIEWS = {
    "flatten": "展平", "ravel": "展平", "reshape": "重排", "view": "重排", "unflatten": "还原各轴",
    "transpose": "转置", "mT": "转置", "T": "转置", "mH": "转置", "swapaxes": "转置",
    "permute": "换轴", "movedim": "换轴", "moveaxis": "换轴", "unsqueeze": "加轴",
    "getitem": "加轴", "squeeze": "去轴", "expand": "扩展", "expand_as": "扩展",
    "broadcast_to": "扩展",
}  # fmt: skip
SIGNS = {"mul": "×", "div": "÷", "add": "+", "sub": "−", "pow": "的次方"}
PRODUCTS = ("matmul", "bmm", "mm")
GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η",
    "theta": "θ", "lambda": "λ", "mu": "μ", "phi": "φ", "psi": "ψ", "sigma": "σ", "tau": "τ",
    "omega": "ω",
}  # fmt: skip


def letter(name: str) -> str:
    """theta → θ."""
    return GREEK.get(name, name)


def shape_of(step: dict) -> str:
    return f"({', '.join(step['axes'])}{',' * (len(step['axes']) == 1)})"


def operator(step: dict, flow: dict) -> str:
    """What happens in a step: `θ：1×1 卷积`, `矩阵乘 θ φᵀ`, `softmax，沿 N`."""
    op, uses = step["op"], "、".join(map(letter, step.get("uses", ())))
    before = [flow["steps"][each] for each in step["of"]]
    if op == "input":
        return f"输入 {letter(step['name'])}"
    if op == "view":
        return "·".join(dict.fromkeys(VIEWS.get(each, each) for each in step.get("ops", [op])))
    if op == "call":
        part = f"，第 {step['part'] + 1} 个" if is_one_of_several(step, flow) else ""
        return step["function"] + (f"（{uses}）" if uses else "") + part
    words = OPERATORS.get(op, op)
    if "kernel" in step:
        kernel = step["kernel"]
        size = "×".join(map(str, kernel))
        words = f"{size} {words}" if len(kernel) > 1 else f"核为 {size} 的{words}"
    if "scalar" in step:
        return scalar(op, step["scalar"], flow["sizes"])
    if "along" in step and before:
        words += f"，沿 {'、'.join(axis(before[0], each) for each in step['along'])}"
    if op in PRODUCTS and len(before) == 2 and all(each.get("name") for each in before):
        turned = step.get("turned", [False, False])
        factors = (letter(each["name"]) + "ᵀ" * turn for each, turn in zip(before, turned))
        words += f" {' '.join(factors)}"
    if is_one_of_several(step, flow):
        words += f"，第 {step['part'] + 1} 个"
    if not uses:
        return words
    return f"{uses}：{words}" if op.startswith("conv") or op == "linear" else f"{words} {uses}"


def is_one_of_several(step: dict, flow: dict) -> bool:
    """Whether what made it made others that are shown too."""
    alike = (step["op"], step["of"], step.get("function"))
    parts = {each.get("part") for each in flow["steps"] if (each["op"], each["of"], each.get("function")) == alike}
    return "part" in step and len(parts) > 1


def axis(step: dict, number: int) -> str:
    name = step["axes"][number] if number < len(step["axes"]) else ""
    return name if name and not name.isdigit() else f"第 {number + 1} 轴"


def scalar(op: str, number: float, sizes: dict[str, int]) -> str:
    """÷ √d, where d is known; else the number that it was in the example."""
    shown = f"{number:.4g}"
    for name, size in sizes.items():
        if size > 1 and list(sizes.values()).count(size) == 1:
            if number == size:
                shown = name
            elif number == math.sqrt(size) and math.isqrt(size) ** 2 != size:
                shown = f"√{name}"
    if op == "rdiv":
        return f"{shown} ÷"
    if op == "rsub":
        return f"{shown} −"
    return f"{shown} {SIGNS[op]}" if op == "pow" else f"{SIGNS.get(op, op)} {shown}"
