"""参考实现共用的：照公式写成逐个位置的循环，用 float64，只读模块的 state_dict。"""

import math

import torch
from torch import Tensor


def parameters(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().double().cpu() for name, value in module.state_dict().items()}


def convolve(weights: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    """核为 1 的卷积，x (C, *空间) → 每个位置一行 (N, C′)。"""
    flat = x.reshape(x.shape[0], -1)
    matrix = weights[f"{name}.weight"].reshape(-1, x.shape[0])
    bias = weights[f"{name}.bias"]
    return torch.stack([matrix @ flat[:, i] + bias for i in range(flat.shape[1])])


def softmax(scores: list[float]) -> list[float]:
    largest = max(scores)
    exponentials = [math.exp(score - largest) for score in scores]
    return [value / sum(exponentials) for value in exponentials]


def dot(q: Tensor, k: Tensor) -> float:
    return sum(a * b for a, b in zip(q.tolist(), k.tolist(), strict=True))
