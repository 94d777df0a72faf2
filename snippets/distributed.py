"""非局部模块分到几个进程：每个进程一段位置，结果与梯度同一个进程算的一样。

P 个进程；每个进程有 N 个位置、池化后 M 个，全部共 P·N、P·M 个；
其余字母同 non_local.py。
"""

import torch
import torch.distributed as dist
from torch import Tensor

from snippets.non_local import (
    NonLocalBlock,
    add_residual,
    check_input,
    dot_product_block,
    gaussian_output,
    look_up,
    prefix_sums,
    project,
)


# --8<-- [start:collectives] 两种通信：求和，收集
class Sum(torch.autograd.Function):
    """各进程的张量之和，每个进程都得到。

    每个进程的结果都用了它，所以梯度也是各进程的梯度之和。
    """

    @staticmethod
    def forward(ctx, tensor: Tensor, group: dist.ProcessGroup | None) -> Tensor:
        ctx.group = group
        total = tensor.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return Sum.apply(gradient, ctx.group), None


class Gather(torch.autograd.Function):
    """各进程的张量 (…) 排成 (P, …)，每个进程都得到。

    每个进程的结果都用了全部，所以自己那一份的梯度，要把各进程的加起来。
    """

    @staticmethod
    def forward(ctx, tensor: Tensor, group: dist.ProcessGroup | None) -> Tensor:
        ctx.group = group
        shards = tensor.new_empty(dist.get_world_size(group), *tensor.shape)
        dist.all_gather(list(shards), tensor.contiguous(), group=group)
        return shards

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return Sum.apply(gradient, ctx.group)[dist.get_rank(ctx.group)], None
# --8<-- [end:collectives]


# --8<-- [start:outputs] 四种两两关系，各传什么
def gaussian_over_ranks(
    theta: Tensor, phi: Tensor, g: Tensor, group: dist.ProcessGroup | None
) -> Tensor:
    """softmax 要看到全部 key：收集 Φ 与 g，P·M·(C′ + C″) 个数。"""
    phi, g = (
        Gather.apply(each, group).transpose(0, 1).flatten(1, 2)  # (B, P·M, C′)
        for each in (phi, g)
    )
    return gaussian_output(theta, phi, g)


def dot_product_over_ranks(
    theta: Tensor, phi: Tensor, g: Tensor, group: dist.ProcessGroup | None
) -> Tensor:
    """θ (Σ φᵀg)：每个进程只出自己的 φᵀg，C′·C″ 个数，与位置的个数无关。"""
    keys = dist.get_world_size(group) * phi.shape[-2]
    own = torch.baddbmm(g.new_zeros(()), phi.mT, g, alpha=1 / keys)
    return torch.bmm(theta, Sum.apply(own, group))


def concatenation_over_ranks(
    theta: Tensor,
    phi: Tensor,
    g: Tensor,
    group: dist.ProcessGroup | None,
    w: Tensor,
) -> Tensor:
    """每个进程排好自己的 b，收集前缀和，约 P·M·(2C″ + 1) 个数；每一份里各查一次。"""
    width, world = theta.shape[-1], dist.get_world_size(group)
    shards = (Gather.apply(each, group) for each in prefix_sums(phi @ w[width:], g))
    a = theta @ w[:width]
    y = sum(look_up(a, *shard) for shard in zip(*shards))
    return (y / (world * phi.shape[-2])).to(g.dtype)


OVER_RANKS = {
    "gaussian": gaussian_over_ranks,
    "embedded_gaussian": gaussian_over_ranks,
    "dot_product": dot_product_over_ranks,
    "concatenation": concatenation_over_ranks,
}
# --8<-- [end:outputs]


# --8<-- [start:module] 一个函数：每个进程给出自己的一段
def non_local_over_ranks(
    block: NonLocalBlock, x: Tensor, group: dist.ProcessGroup | None = None
) -> Tensor:
    """整个特征图上的 block 的输出里，这个进程的那一段。

    点积而且 Gram 矩阵便宜时，只传一个平均和一个 C×C 的矩阵。

    特征图沿第一个空间轴切开，各进程的 x 形状相同，block 的参数相同。反向时 x 的
    梯度就是整体对它的梯度；参数的梯度只来自这一段，要在各进程间求和。

    参数：
        block: 非局部模块。
        x: (B, in_channels, *空间)，这个进程的一段。
        group: 进程组，None 表示全部进程；先用 dist.init_process_group 建好。
    返回：形状与 dtype 同 x。
    异常：x 不合 block 的要求，或切开处会把池化的窗口拆成两半时抛 ValueError。

    train.py 里这样用，运行 torchrun --nproc-per-node 4 train.py：

        dist.init_process_group()
        z = non_local_over_ranks(block, x.chunk(world, dim=2)[rank])
        loss(z).backward()
        for parameter in block.parameters():
            dist.all_reduce(parameter.grad)
    """
    check_input(x, block.in_channels, block.dims, block.subsample)
    check_windows(x, block, group)
    layers = block.theta, block.phi, block.g
    if block.takes_gram(x):
        world = dist.get_world_size(group)

        def average(own: Tensor) -> Tensor:
            return Sum.apply(own, group) / world

        return dot_product_block(x, *layers, block.out, average)
    theta, phi, g = project(x, *layers, block.pool)
    y = OVER_RANKS[block.pairwise](theta, phi, g, group, **block.pairwise_parameters)
    return add_residual(x, y, block.out)
# --8<-- [end:module]


def check_windows(
    x: Tensor, block: NonLocalBlock, group: dist.ProcessGroup | None
) -> None:
    pooled = block.subsample and block.dims < 3  # 三维时切开的是时间，不池化
    if pooled and x.shape[2] % 2 and dist.get_world_size(group) > 1:
        raise ValueError(
            "subsample=True 时每个进程的第一个空间轴应是偶数，否则切开处的窗口会被"
            f"拆开，得到形状 {tuple(x.shape)}"
        )
