"""独立的参考实现：通道注意力，照公式写成逐个数的循环。"""

import math

import torch
from torch import Tensor

from tests.snippets.loops import parameters


def channel_weights(module, x: Tensor) -> Tensor:
    weights, x = parameters(module), x.double().cpu()
    samples = []
    for sample in x:
        squeezed = [sum(channel.flatten().tolist()) / channel.numel() for channel in sample]
        hidden = [
            max(0.0, sum(w * z for w, z in zip(row, squeezed, strict=True)))
            for row in weights["reduce.weight"].tolist()
        ]
        samples.append(
            [
                1 / (1 + math.exp(-sum(w * h for w, h in zip(row, hidden, strict=True))))
                for row in weights["expand.weight"].tolist()
            ]
        )
    return torch.tensor(samples, dtype=torch.float64)[:, :, None, None]
