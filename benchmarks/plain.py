"""What somebody would write in ten lines: the N×N matrix with `@`, no checks, no choice.

On the weights of our block. Nothing in it is there for small sizes, where what a call costs besides
its arithmetic weighs most: a block that is as fast there costs nothing extra.
"""

import torch
from torch import Tensor, nn

from snippets import NonLocalBlock, SelfAttention


class PlainNonLocal(nn.Module):
    """x (B, C, *space) → the same shape."""

    def __init__(self, block: NonLocalBlock):
        super().__init__()
        self.theta, self.phi, self.g, self.out = block.theta, block.phi, block.g, block.out
        self.pairwise = block.pairwise
        self.w = block.pairwise_parameters["w"] if block.pairwise == "concatenation" else None

    def forward(self, x: Tensor) -> Tensor:
        theta = self.theta(x).flatten(2)  # (B, C′, N)
        phi = self.phi(x).flatten(2)
        g = self.g(x).flatten(2)
        if self.pairwise == "concatenation":
            width = len(self.w) // 2
            a, b = self.w[:width] @ theta, self.w[width:] @ phi  # (B, N)
            weights = torch.relu(a[:, :, None] + b[:, None]) / phi.shape[2]
        elif self.pairwise == "dot_product":
            weights = theta.mT @ phi / phi.shape[2]
        else:
            weights = torch.softmax(theta.mT @ phi, dim=2)
        y = g @ weights.mT
        return self.out(y.view(*y.shape[:2], *x.shape[2:])) + x


class PlainAttention(nn.Module):
    """x (B, C, H, W) → the same shape."""

    def __init__(self, attention: SelfAttention):
        super().__init__()
        self.query, self.key, self.value = attention.query, attention.key, attention.value
        self.heads = attention.heads
        self.similarity = attention.similarity
        for name, parameter in attention.similarity_parameters.items():
            self.register_parameter(name, parameter)

    def forward(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        query, key, value = (
            each(x).view(batch, self.heads, -1, height * width)
            for each in (self.query, self.key, self.value)
        )  # (B, heads, d, N)
        weights = torch.softmax(self.scores(query, key), dim=3)
        y = value @ weights.mT
        return y.view(batch, -1, height, width)

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        d = query.shape[2]
        if self.similarity == "concatenation":
            a, b = self.w[:, None, :d] @ query, self.w[:, None, d:] @ key  # (B, heads, 1, N)
            return a.mT + b
        if self.similarity == "perceptron":
            hidden = (self.W @ query).mT[:, :, :, None] + (self.U @ key).mT[:, :, None]
            return torch.tanh(hidden) @ self.v[0]
        return (query.mT / d**0.5) @ key


def plain(block: nn.Module) -> nn.Module:
    if isinstance(block, NonLocalBlock):
        return PlainNonLocal(block)
    attention, out = block
    return nn.Sequential(PlainAttention(attention), out)
