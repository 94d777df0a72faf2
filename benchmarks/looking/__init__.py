"""注意力在看哪里：用 snippets/ 里的代码，算出一张照片上每个位置的权重，`python -m benchmarks.looking` 写成图。

没有训练过的模型：一个位置的特征是它那一块的平均颜色，分成 2×2 小块，12 个数，各自减去平均、
除以标准差；线性映射的参数是固定种子的随机数。照片：china.jpg，Daniel Buechele，CC BY 2.0，
随 scikit-learn 发布；colours.json 是它缩小到 36×24 的颜色。
"""

import base64
import datetime
import json
import struct
import zlib
from pathlib import Path

import torch
from torch import Tensor

from kb import evidence
from kb.evidence.keys import sha256
from kb.evidence.machine import environment
from snippets.channel_attention import channel_weights
from snippets.non_local import gaussian, softmax_by_column
from snippets.self_attention import normalise, score

ROOT = Path(__file__).parents[2]
WIDE, HIGH = 18, 12
"""Positions."""
STILL = 7 * WIDE + 5
"""The position that is shown where no script runs."""
PHOTO, WEIGHTS = "docs/assets/looking/china.jpg", "docs/assets/looking/weights.bin"
INPUTS = (
    *(f"snippets/{name}.py" for name in ("channel_attention", "fused", "non_local", "self_attention")),
    *("benchmarks/looking/__init__.py", "benchmarks/looking/__main__.py", "benchmarks/looking/colours.json", PHOTO, WEIGHTS),
)
FORMS = (
    ("非局部：高斯，行 softmax", "θ、φ 就是特征除以 ⁴√12；亮的是这个位置看的地方，和为 1"),
    ("非局部：高斯，列 softmax", "同一个打分矩阵，沿另一轴归一化；这一行的和不是 1"),
    ("自注意力：缩放点积", "Q、K 是随机的线性映射"),
    ("自注意力：拼接", "每个位置看的都一样：query 那一项被 softmax 约去"),
    ("自注意力：感知机", "随机的单隐层感知机"),
)


def features() -> Tensor:
    """(N, 12)，每一列平均是 0，标准差是 1。"""
    raw = base64.b64decode(json.loads((Path(__file__).with_name("colours.json")).read_text("utf-8"))["rgb"])
    cells = torch.tensor(list(raw), dtype=torch.float64).reshape(HIGH, 2, WIDE, 2, 3)
    cells = cells.permute(0, 2, 1, 3, 4).reshape(HIGH * WIDE, 12)
    return (cells - cells.mean(0)) / cells.std(0)


def all_weights(x: Tensor) -> list[Tensor]:
    """FORMS 里每一种的权重 (N, N)，第 i 行是位置 i 看到的。"""
    draw = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=x.dtype) / shape[-1] ** 0.5

    d = x.shape[-1]
    query, key = (x @ (2 * random(d, d)) for _ in range(2))
    query, key = query[None, None], key[None, None]
    by_row = gaussian(x[None] / d**0.25, x[None] / d**0.25)[0]
    scores = (x @ x.mT) / d**0.5
    by_column = softmax_by_column(scores[None])[0]
    own = {
        "concatenation": {"w": 3 * random(1, 2 * d)},
        "perceptron": {"W": random(1, d, d), "U": random(1, d, d), "v": 4 * random(1, d)},
    }
    names = ("scaled_dot_product", "concatenation", "perceptron")
    return [by_row, by_column, *(normalise(score(query, key, each, **own.get(each, {})))[0, 0] for each in names)]


def channels(x: Tensor) -> list[float]:
    """channel_weights 的权重，每个通道一个；特征取绝对值，否则每个通道的平均都是 0。"""
    draw = torch.Generator().manual_seed(1)
    first, second = (torch.randn(*shape, generator=draw, dtype=x.dtype) for shape in ((6, 12), (12, 6)))
    image = x.mT.reshape(1, 12, HIGH, WIDE).abs()
    weights = channel_weights(image, lambda z: z @ first.mT, lambda z: z @ second.mT / 2)
    return [round(each, 4) for each in weights.flatten().tolist()]


def quantised(weights: Tensor) -> tuple[list[float], bytes]:
    """每一行的最大值，和每个权重是它的二百五十五分之几。"""
    largest = weights.amax(1, keepdim=True)
    return largest.flatten().tolist(), bytes((weights / largest * 255).round().to(torch.uint8).flatten().tolist())


def main() -> None:
    x = features()
    forms, maxima, body = [], b"", b""
    for (name, about), weights in zip(FORMS, all_weights(x), strict=True):
        largest, levels = quantised(weights)
        maxima += struct.pack(f"<{len(largest)}f", *largest)
        body += levels
        row = levels[STILL * WIDE * HIGH : (STILL + 1) * WIDE * HIGH]
        still = {"largest": round(largest[STILL], 6), "levels": base64.b64encode(row).decode()}
        forms.append({"name": name, "about": about} | still)
    (ROOT / WEIGHTS).write_bytes(zlib.compress(maxima + body, 9))
    figure = {
        "kind": "looking",
        "title": "注意力在看哪里",
        "caption": "在照片上点一处，或者用方向键移动：亮的是那个位置看的地方，亮度是权重（除以最大的）的平方根。"
        "权重由这一篇里验证过的代码算出；没有训练过的模型，特征只是每一块的颜色，线性映射是固定种子的随机数，"
        "所以它看的是颜色像不像，不是里面有什么。最下面是通道注意力的权重：每个通道一个（特征取绝对值，参数也是随机数），与位置无关。",
        "alt": "一座中国寺庙，红墙、飞檐，后面是天空",
        "size": [576, 384],
        "photo": PHOTO.removeprefix("docs/"),
        "data": WEIGHTS.removeprefix("docs/"),
        "grid": [WIDE, HIGH],
        "still": STILL,
        "forms": forms,
        "channels": channels(x),
        "channel_names": [f"{colour}{cell + 1}" for cell in range(4) for colour in ("红", "绿", "蓝")],
        "credit": {
            "author": "Daniel Buechele",
            "address": "https://www.flickr.com/photos/danielbuechele/6061409035/",
            "licence": "CC BY 2.0",
            "licence_address": "https://creativecommons.org/licenses/by/2.0/deed.zh-hans",
            "changes": "随 scikit-learn 发布，这里裁剪、缩小、压缩过",
        },
    }
    document = {
        "recorded": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": "python -m benchmarks.looking",
        "remake": True,
        "device": "cpu",
        "environment": environment("cpu"),
        "inputs": {path: sha256((ROOT / path).read_bytes()) for path in INPUTS},
        "figures": {"photograph": figure},
    }
    evidence.write(ROOT / "benchmarks/figures/looking.json", document)
