"""The peers: what computes the same in other packages, holding the weights of our block.

Each is made from our block and maps x (B, C, H, W) to the same shape. None is made where its
package isn't installed: `pip install -e ".[test,bench]"` brings them all.
"""

import importlib
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn


def take(module: str, name: str) -> Callable | None:
    """`from module import name`, or None where that can't be done."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of theirs: what they use that is deprecated
            return getattr(importlib.import_module(module), name)
    except ImportError:  # not installed; or, as OpenCV without libGL, not to be loaded
        return None


NonLocal2d = take("mmcv.cnn", "NonLocal2d")
ChannelSELayer = take("monai.networks.blocks", "ChannelSELayer")
SABlock = take("monai.networks.blocks", "SABlock")
SEAttention = take("fightingcv_attention.attention.SEAttention", "SEAttention")
ScaledDotProductAttention = take(
    "fightingcv_attention.attention.SelfAttention", "ScaledDotProductAttention"
)

PACKAGES = ("mmcv-lite", "monai", "fightingcv-attention")
"""As they are called where they are installed from."""


def mmcv(block: nn.Module, use_scale: bool = False) -> nn.Module | None:
    """use_scale, its default, divides θ·φ by √C′ in embedded_gaussian: not what the paper says."""
    if NonLocal2d is None:
        return None
    channels, inner = block.out.weight.shape[:2]
    peer = NonLocal2d(
        channels, reduction=channels // inner, use_scale=use_scale, mode=block.pairwise
    )
    copy(peer.g.conv, block.g)
    copy(peer.conv_out.conv, block.out)
    if block.pairwise != "gaussian":
        copy(peer.theta.conv, block.theta)
        copy(peer.phi.conv, block.phi)
    if block.pairwise == "concatenation":
        peer.concat_project.conv.weight.data.view(-1)[:] = block.pairwise_parameters["w"].data
    return peer


def mmcv_default(block: nn.Module) -> nn.Module | None:
    return mmcv(block, use_scale=True)


def monai_excitation(block: nn.Module) -> nn.Module | None:
    """Its linear layers have a bias, which is set to zero."""
    if ChannelSELayer is None:
        return None
    peer = ChannelSELayer(2, block.channels, r=block.channels // block.reduce.out_features)
    for ours, theirs in ((block.reduce, peer.fc[0]), (block.expand, peer.fc[2])):
        theirs.weight.data.copy_(ours.weight.data)
        theirs.bias.data.zero_()
    return peer


def fightingcv_excitation(block: nn.Module) -> nn.Module | None:
    if SEAttention is None:
        return None
    peer = SEAttention(block.channels, block.channels // block.reduce.out_features)
    copy(peer.fc[0], block.reduce)
    copy(peer.fc[2], block.expand)
    return peer


class Tokens(nn.Module):
    """A layer on (B, N, C) given a feature map: two views, no copy of our own."""

    def __init__(self, layer: nn.Module, call: Callable[[nn.Module, Tensor], Tensor]):
        super().__init__()
        self.layer = layer
        self.call = call

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self.layer, x.flatten(2).mT).mT.unflatten(-1, x.shape[2:])


def torch_attention(block: nn.Sequential) -> nn.Module:
    attention, out = block
    channels = attention.in_channels
    peer = nn.MultiheadAttention(channels, attention.heads, batch_first=True)
    maps = (attention.query, attention.key, attention.value)
    peer.in_proj_weight.data.copy_(torch.cat([each.weight.data.flatten(1) for each in maps]))
    peer.in_proj_bias.data.copy_(torch.cat([each.bias.data for each in maps]))
    copy(peer.out_proj, out)
    return Tokens(peer, lambda layer, x: layer(x, x, x, need_weights=False)[0])


def monai_attention(block: nn.Sequential, flash: bool = False) -> nn.Module | None:
    if SABlock is None:
        return None
    attention, out = block
    peer = SABlock(
        attention.in_channels, attention.heads, qkv_bias=True, use_flash_attention=flash
    )
    maps = (attention.query, attention.key, attention.value)
    peer.qkv.weight.data.copy_(torch.cat([each.weight.data.flatten(1) for each in maps]))
    peer.qkv.bias.data.copy_(torch.cat([each.bias.data for each in maps]))
    copy(peer.out_proj, out)
    return Tokens(peer, lambda layer, x: layer(x))


def monai_flash(block: nn.Sequential) -> nn.Module | None:
    return monai_attention(block, flash=True)


def fightingcv_attention(block: nn.Sequential) -> nn.Module | None:
    if ScaledDotProductAttention is None:
        return None
    attention, out = block
    channels, heads = attention.in_channels, attention.heads
    peer = ScaledDotProductAttention(
        channels, channels // heads, channels // heads, heads, dropout=0
    )
    copy(peer.fc_q, attention.query)
    copy(peer.fc_k, attention.key)
    copy(peer.fc_v, attention.value)
    copy(peer.fc_o, out)
    return Tokens(peer, lambda layer, x: layer(x, x, x))


def copy(theirs: nn.Module, ours: nn.Module) -> None:
    """Weight and bias, if it has one; a 1×1 convolution and a linear layer are the same."""
    theirs.weight.data.copy_(ours.weight.data.view_as(theirs.weight))
    if ours.bias is not None:
        theirs.bias.data.copy_(ours.bias.data)
