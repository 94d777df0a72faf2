"""独立的参考实现：非局部模块，照公式写成逐个位置的循环。"""

import torch
from torch import Tensor

from tests.snippets.loops import convolve, dot, parameters, softmax


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
                row = [dot(theta[i], phi[j]) for j in range(len(phi))]
                row = [f / len(phi) for f in row] if module.pairwise == "dot_product" else softmax(row)
            rows.append(row)
        y = torch.stack([sum(row[j] * g[j] for j in range(len(g))) for row in rows])
        y = y.T.reshape(-1, *spatial)
        outputs.append(convolve(weights, "out", y).T.reshape(sample.shape) + sample)
        all_weights.append(torch.tensor(rows, dtype=torch.float64))
    return torch.stack(outputs), torch.stack(all_weights)
