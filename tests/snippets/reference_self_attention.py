"""独立的参考实现：自注意力，照公式写成逐个位置的循环。"""

import math

import torch
from torch import Tensor

from tests.snippets.loops import convolve, dot, parameters, softmax


def similarity(name: str, q: Tensor, k: Tensor, weights: dict[str, Tensor], head: int) -> float:
    """一个 query 与一个 key 的相似度。"""
    if name == "dot_product":
        return dot(q, k)
    if name == "scaled_dot_product":
        return dot(q, k) / math.sqrt(len(q))
    own = {key.split(".")[1]: value[head] for key, value in weights.items() if "parameters" in key}
    if name == "concatenation":
        return float(own["w"] @ torch.cat([q, k]))
    hidden = [math.tanh(value) for value in (own["W"] @ q + own["U"] @ k).tolist()]
    return sum(a * b for a, b in zip(own["v"].tolist(), hidden, strict=True))


def self_attention(module, x: Tensor) -> tuple[Tensor, Tensor]:
    weights, x = parameters(module), x.double().cpu()
    outputs, all_weights = [], []
    for sample in x:
        query, key, value = (convolve(weights, name, sample) for name in ("query", "key", "value"))
        d, e = query.shape[1] // module.heads, value.shape[1] // module.heads
        columns, sample_weights = [], []
        for head in range(module.heads):
            q, k = query[:, head * d : (head + 1) * d], key[:, head * d : (head + 1) * d]
            v = value[:, head * e : (head + 1) * e]
            rows = [
                softmax([similarity(module.similarity, q[i], k[j], weights, head) for j in range(len(k))])
                for i in range(len(q))
            ]
            columns.append(
                torch.stack([sum(row[j] * v[j] for j in range(len(v))) for row in rows])
            )
            sample_weights.append(torch.tensor(rows, dtype=torch.float64))
        outputs.append(torch.cat(columns, dim=1).T.reshape(-1, *sample.shape[1:]))
        all_weights.append(torch.stack(sample_weights))
    return torch.stack(outputs), torch.stack(all_weights)
