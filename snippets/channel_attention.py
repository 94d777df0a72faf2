"""通道注意力（Squeeze-and-Excitation）：给每个通道一个权重，权重的形状是 1×1×C。

B 批大小，C 通道数，H、W 特征图的高与宽，r 压缩比 reduction。
出处：Hu 等 2018，Squeeze-and-Excitation Networks（arXiv 1709.01507）。
"""

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn


# --8<-- [start:channel_weights] 通道权重：压缩成 1×1×C，再算出每个通道的权重
def channel_weights(
    x: Tensor,
    reduce: Callable,
    expand: Callable,
) -> Tensor:
    """σ(W₂ δ(W₁ z))：z 是各通道的全局平均，δ 是 ReLU，σ 是 sigmoid。

    参数：x (B, C, H, W)；reduce（W₁）、expand（W₂）是不带偏置的全连接层，
        C → C // r → C。
    返回：(B, C, 1, 1)，在 (0, 1) 之间，dtype 同 x。
    出处：Hu 等 2018（arXiv 1709.01507），式 (2) 与式 (3)。
    """
    squeezed = x.mean(dim=(2, 3))  # (B, C)
    excited = torch.sigmoid(expand(torch.relu(reduce(squeezed))))
    return excited[:, :, None, None]
# --8<-- [end:channel_weights]


# --8<-- [start:reweight] 使用权重：每个通道乘上自己的权重
def reweight(
    x: Tensor,
    weights: Tensor,
) -> Tensor:
    """第 c 个通道的每个位置，都乘以第 c 个权重。

    参数：x (B, C, H, W)；weights (B, C, 1, 1)。
    返回：形状与 dtype 同 x。
    出处：Hu 等 2018（arXiv 1709.01507），式 (4)。
    """
    return x * weights
# --8<-- [end:reweight]


# --8<-- [start:module] 通道注意力模块
class ChannelAttention(nn.Module):
    """通道注意力：算出每个通道的权重，乘回输入。

    输出总在新分配的内存里，x 不变：写回 x，或写进反复用的一块，会改掉别处还要用的数，
    反向要用的 x 也没有了，所以不提供。

    参数：
        channels: 通道数 C。
        reduction: 压缩比 r，1 到 channels 之间；中间层有 channels // reduction 个单元。
    形状：x (B, channels, H, W) → 同样形状，浮点，dtype 不变。
    异常：reduction 或 x 不合上述要求时抛 ValueError。
    出处：Hu 等 2018（arXiv 1709.01507），3.1、3.2 节；
        两个全连接层不带偏置，参数量见第 4 节式 (5)。

    >>> attention = ChannelAttention(64)
    >>> x = torch.randn(2, 64, 8, 6)
    >>> tuple(attention.weights(x).shape), tuple(attention(x).shape)
    ((2, 64, 1, 1), (2, 64, 8, 6))
    """

    def __init__(self, channels: int, reduction: int = 16):
        super().__init__()
        if not 1 <= reduction <= channels:
            raise ValueError(
                f"reduction 应在 1 与 channels={channels} 之间，得到 {reduction}"
            )
        self.channels = channels
        self.reduce = nn.Linear(channels, channels // reduction, bias=False)
        self.expand = nn.Linear(channels // reduction, channels, bias=False)

    def weights(self, x: Tensor) -> Tensor:
        """每个通道的权重，(B, C, 1, 1)，在 (0, 1) 之间。"""
        check_input(x, self.channels)
        if x.dtype == torch.float16:
            return self.in_single_precision(x)[1].half()
        return channel_weights(x, self.reduce, self.expand)

    def forward(self, x: Tensor) -> Tensor:
        """x · weights(x)。"""
        if x.dtype == torch.float16:
            check_input(x, self.channels)
            return reweight(*self.in_single_precision(x)).half()
        return reweight(x, self.weights(x))

    def in_single_precision(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x 与权重，float32：中间层与梯度是很多数的和，float16 放不下。"""
        reduce, expand = (
            functools.partial(nn.functional.linear, weight=layer.weight.float())
            for layer in (self.reduce, self.expand)
        )
        return x.float(), channel_weights(x.float(), reduce, expand)
# --8<-- [end:module]


def check_input(x: Tensor, channels: int) -> None:
    if x.ndim != 4 or x.shape[1] != channels or 0 in x.shape[2:]:
        raise ValueError(
            f"x 的形状应为 (B, {channels}, H, W)，H、W 不小于 1，得到 {tuple(x.shape)}"
        )
    if not x.is_floating_point():
        raise ValueError(f"x 应为浮点张量，得到 {x.dtype}")
