"""The cases: each block of `snippets/`, with all that computes the same.

An implementation is a module from x (1, C, H, W) to the same shape; all of a case hold the
same random weights. `OURS` is what `block(x)` does, `PLAIN` the literal form, which makes the
N×N matrix first.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from benchmarks import peers
from snippets import ChannelAttention, NonLocalBlock, SelfAttention

OURS = "本站"
PLAIN = "先存 N×N 矩阵"
COPY = "复制，写进现成的内存"
CLONE = "复制，写进新分配的内存"

CHANNELS = 64
INNER = 32
"""Channels in the middle of a non-local block."""
HEADS = 4

Size = tuple[int, int]
SIZES: tuple[Size, ...] = (
    (8, 8), (16, 16), (32, 32), (64, 64), (128, 128), (256, 256), (540, 960)
)  # fmt: skip

Make = Callable[[nn.Module], nn.Module | None]


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    file: str
    """Where the block is, in `snippets/`."""
    make: Callable[[], nn.Module]
    """Our block."""
    others: dict[str, Make]
    """From our block: what else computes the same; None where it isn't installed."""
    reference: str = PLAIN
    sizes: tuple[Size, ...] = SIZES
    layout: torch.memory_format = torch.contiguous_format
    work: Callable[[int], float] = lambda positions: 0.0
    """Floating-point operations of the matrix products that `OURS` can't do without."""
    tanh: Callable[[int], float] = lambda positions: 0.0
    """How many tanh it can't do without."""
    passes: int = 2
    """How often it must go over memory the size of x: once to read, once to write."""
    limits: tuple[str, ...] = field(default=())
    """Of `others`, those that stand for a limit instead of computing the same."""

    def build(self, name: str, device: str = "cpu", seed: int = 0) -> nn.Module | None:
        torch.manual_seed(seed)
        block = self.make()
        randomise(block)
        module = block if name == OURS else self.others[name](block)
        return None if module is None else module.to(device).eval()

    def input(self, size: Size, device: str = "cpu", seed: int = 1) -> Tensor:
        torch.manual_seed(seed)
        x = torch.randn(1, CHANNELS, *size, device=device)
        return x.contiguous(memory_format=self.layout)

    @property
    def names(self) -> list[str]:
        return [OURS, *self.others]


def randomise(module: nn.Module) -> None:
    """All parameters, also those that start at zero; their size by the number of inputs."""
    for parameter in module.parameters():
        inputs = parameter[0].numel() if parameter.ndim > 1 else 4 * INNER
        nn.init.normal_(parameter, std=inputs**-0.5)


class Plain(nn.Module):
    """The literal form of our block; what follows it stays."""

    def __init__(self, block: nn.Module):
        super().__init__()
        self.block, *rest = block if isinstance(block, nn.Sequential) else [block]
        self.rest = nn.Sequential(*rest)

    def forward(self, x: Tensor) -> Tensor:
        return self.rest(self.block(x, return_weights=True)[0])


class Copy(nn.Module):
    """Reads x once and writes as much once, over what was written before."""

    def __init__(self, block: nn.Module):
        super().__init__()
        self.output = None

    def forward(self, x: Tensor) -> Tensor:
        if self.output is None or self.output.shape != x.shape:
            self.output = torch.empty_like(x)
        return self.output.copy_(x)


class Clone(nn.Module):
    """The same, into memory that has to be got first, as for any block that returns a tensor."""

    def __init__(self, block: nn.Module):
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x.clone()


def non_local(pairwise: str, title: str, inner_work: Callable[[int], float]) -> Case:
    maps = 2 if pairwise == "gaussian" else 4
    others = {PLAIN: Plain, "mmcv": peers.mmcv}
    if pairwise == "embedded_gaussian":
        others["mmcv（默认的 use_scale）"] = peers.mmcv_default
    return Case(
        f"non-local-{pairwise.replace('_', '-')}",
        f"非局部模块 · {title}",
        "non_local.py",
        lambda: NonLocalBlock(CHANNELS, INNER, pairwise=pairwise),
        others,
        work=lambda positions: maps * 2 * positions * CHANNELS * INNER + inner_work(positions),
    )


def self_attention(
    similarity: str,
    title: str,
    heads: int,
    others: dict[str, Make],
    work: Callable[[int], float],
    tanh: Callable[[int], float] = lambda positions: 0.0,
) -> Case:
    """With the linear map after it that the peers have built in."""
    return Case(
        f"self-attention-{similarity.replace('_', '-')}",
        f"自注意力 · {title}",
        "self_attention.py",
        lambda: nn.Sequential(
            SelfAttention(CHANNELS, heads=heads, similarity=similarity),
            nn.Conv2d(CHANNELS, CHANNELS, 1),
        ),
        {PLAIN: Plain} | others,
        work=lambda positions: 4 * 2 * positions * CHANNELS**2 + work(positions),
        tanh=tanh,
    )


def channel_attention(name: str, title: str, layout: torch.memory_format) -> Case:
    return Case(
        f"channel-attention{name}",
        f"通道注意力{title}",
        "channel_attention.py",
        lambda: ChannelAttention(CHANNELS),
        {
            "monai": peers.monai_excitation,
            "fightingcv": peers.fightingcv_excitation,
            COPY: Copy,
            CLONE: Clone,
        },
        reference=OURS,
        sizes=(*SIZES, (1080, 1920)),
        layout=layout,
        passes=3,
        limits=(COPY, CLONE),
    )


CASES = {
    case.name: case
    for case in (
        non_local("gaussian", "高斯", lambda n: 2 * n**2 * (CHANNELS + INNER)),
        non_local("embedded_gaussian", "嵌入高斯", lambda n: 2 * n**2 * 2 * INNER),
        non_local("dot_product", "点积", lambda n: 2 * 2 * n * INNER**2),
        non_local("concatenation", "拼接", lambda n: 2 * 2 * n * INNER),
        self_attention(
            "scaled_dot_product",
            f"缩放点积，{HEADS} 个头",
            HEADS,
            {
                "torch MultiheadAttention": peers.torch_attention,
                "monai": peers.monai_attention,
                "monai（flash）": peers.monai_flash,
                "fightingcv": peers.fightingcv_attention,
            },
            lambda n: 2 * n**2 * 2 * CHANNELS,
        ),
        self_attention("concatenation", "拼接", 1, {}, lambda n: 2 * 2 * n * CHANNELS),
        self_attention(
            "perceptron",
            "感知机",
            1,
            {},
            lambda n: 2 * n**2 * 2 * CHANNELS,
            tanh=lambda n: n**2 * CHANNELS,
        ),
        channel_attention("", "", torch.contiguous_format),
        channel_attention("-channels-last", " · channels-last", torch.channels_last),
    )
}
