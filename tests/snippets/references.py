"""独立的参考实现：照公式写成逐个位置的循环，用 float64，只读模块的 state_dict。"""

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


def similarity(name: str, q: Tensor, k: Tensor, weights: dict[str, Tensor], head: int) -> float:
    """一个 query 与一个 key 的相似度。"""
    if name == "dot_product":
        return sum(a * b for a, b in zip(q.tolist(), k.tolist(), strict=True))
    if name == "scaled_dot_product":
        return similarity("dot_product", q, k, weights, head) / math.sqrt(len(q))
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


def max_pool(features: Tensor, spatial: tuple[int, ...], time_kept: bool) -> Tensor:
    """(N, C′) 按 spatial 摆开，窗口 2、步长 2 逐窗取最大，零头舍去。time_kept：第一个轴不池化。"""
    grid = features.reshape(*spatial, -1)
    steps = [1 if time_kept and axis == 0 else 2 for axis in range(len(spatial))]
    windows = [range(size // step) for size, step in zip(spatial, steps, strict=True)]
    rows = []
    for place in torch.cartesian_prod(*(torch.tensor(list(window)) for window in windows)).reshape(
        -1, len(spatial)
    ):
        corner = [
            slice(int(index) * step, int(index) * step + step)
            for index, step in zip(place, steps, strict=True)
        ]
        rows.append(grid[tuple(corner)].reshape(-1, grid.shape[-1]).max(dim=0).values)
    return torch.stack(rows)


def non_local(module, x: Tensor) -> tuple[Tensor, Tensor]:
    weights, x = parameters(module), x.double().cpu()
    outputs, all_weights = [], []
    for sample in x:
        spatial = sample.shape[1:]
        if module.pairwise == "gaussian":
            theta = phi = sample.reshape(sample.shape[0], -1).T
        else:
            theta, phi = convolve(weights, "theta", sample), convolve(weights, "phi", sample)
        g = convolve(weights, "g", sample)
        if module.subsample:
            phi, g = (max_pool(each, spatial, time_kept=len(spatial) == 3) for each in (phi, g))
        rows = []
        for i in range(len(theta)):
            if module.pairwise == "concatenation":
                w = weights["pairwise_parameters.w"]
                row = [max(0.0, float(w @ torch.cat([theta[i], phi[j]]))) / len(phi) for j in range(len(phi))]
            else:
                row = [similarity("dot_product", theta[i], phi[j], {}, 0) for j in range(len(phi))]
                row = [f / len(phi) for f in row] if module.pairwise == "dot_product" else softmax(row)
            rows.append(row)
        y = torch.stack([sum(row[j] * g[j] for j in range(len(g))) for row in rows])
        y = y.T.reshape(-1, *spatial)
        outputs.append(convolve(weights, "out", y).T.reshape(sample.shape) + sample)
        all_weights.append(torch.tensor(rows, dtype=torch.float64))
    return torch.stack(outputs), torch.stack(all_weights)


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
