"""ChannelAttention：通道权重与它的使用。"""

import copy
import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kb.proof import assert_agrees, assert_holds, assert_refuses
from snippets import ChannelAttention, channel_attention
from snippets.channel_attention import channel_weights, reweight
from tests.snippets import reference_channel_attention as reference
from tests.snippets.contract_block import Block
from tests.snippets.contract_derivatives import Derivatives
from tests.snippets.contract_file import File
from tests.snippets.data import draw


class TestSteps:
    def test_weights_by_hand(self, device):
        # 两个通道的平均：(1 + 3) / 2 = 2，(0 − 2) / 2 = −1
        # reduce：2 − (−1) = 3，ReLU 不变；expand：(0, ln 3)·3 / 3 = (0, ln 3)；sigmoid：½，3/4
        x = torch.tensor([[[[1.0, 3.0]], [[0.0, -2.0]]]], device=device)
        scale = torch.tensor([0.0, math.log(3) / 3], device=device)
        weights = channel_weights(x, lambda z: z[:, :1] - z[:, 1:], lambda hidden: hidden * scale)
        assert_agrees(weights, torch.tensor([[[[0.5]], [[0.75]]]]), "手算的值")

    def test_relu_cuts_negative_hidden_values(self, device):
        # reduce 得 −3，ReLU 得 0，无论 expand 怎样放大都是 sigmoid(0) = ½
        x = torch.full((1, 1, 2, 2), 3.0, device=device)
        weights = channel_weights(x, lambda z: -z, lambda hidden: 100 * hidden)
        assert_agrees(weights, torch.tensor([[[[0.5]]]]), "手算的值")

    def test_reweight_by_hand(self, device):
        x = torch.tensor([[[[1.0, 3.0]], [[0.0, -2.0]]]], device=device)
        weights = torch.tensor([[[[0.5]], [[0.75]]]], device=device)
        assert_agrees(reweight(x, weights), torch.tensor([[[[0.5, 1.5]], [[0.0, -1.5]]]]), "手算的值")


class TestChannelAttention:
    def test_against_loops(self, dtype, device):
        module = ChannelAttention(7, reduction=3).to(device, dtype)
        x = draw(2, 7, 3, 5, dtype=dtype, device=device)
        expected = reference.channel_weights(module, x)
        assert_agrees(module.weights(x), expected, "逐个通道的循环，float64")
        assert_agrees(module(x), x.double().cpu() * expected, "逐个通道的循环，float64")

    @given(seed=st.integers(0, 2**32), scale=st.sampled_from([0.01, 1.0, 10.0]))
    def test_weights_lie_between_zero_and_one(self, device, seed, scale):
        torch.manual_seed(seed)
        module = ChannelAttention(7, reduction=2).to(device).double()
        weights = module.weights(scale * draw(2, 7, 3, 5, device=device))
        assert_holds(weights, "形状为 (B, C, 1, 1)", lambda weights: weights.shape == (2, 7, 1, 1))
        assert_holds(weights, "都在 0 与 1 之间", lambda weights: (weights > 0) & (weights < 1))

    @given(data=st.data())
    def test_weights_ignore_where_things_are(self, device, data):
        """打乱位置不改变权重，输出跟着打乱。"""
        order = torch.tensor(data.draw(st.permutations(range(11))), device=device)
        torch.manual_seed(data.draw(st.integers(0, 2**32)))
        module = ChannelAttention(7, reduction=2).to(device).double()
        x = draw(2, 7, 1, 11, device=device)
        assert_agrees(module.weights(x[..., order]), module.weights(x), "未打乱的权重")
        assert_agrees(module(x[..., order]), module(x)[..., order], "打乱未打乱的输出")

    def test_se_resnet_50_parameters(self):
        """SE-ResNet-50：16 个残差块各加一个，r = 16；论文第 4 节说约 250 万。"""
        stages = {256: 3, 512: 4, 1024: 6, 2048: 3}  # 输出通道数 : 块数，He 等 2016 表 1
        added = sum(
            blocks * sum(parameter.numel() for parameter in ChannelAttention(channels).parameters())
            for channels, blocks in stages.items()
        )
        assert_holds(added, "SE-ResNet-50 增加的参数约 250 万", lambda added: added == 2_514_944)

    @pytest.mark.parametrize("reduction", [0, -1, 8])
    def test_refuses_a_bad_reduction(self, reduction):
        assert_refuses(f"1 与 channels=7 之间，得到 {reduction}", ChannelAttention, 7, reduction=reduction)

    def test_refuses_another_shape_in_float16_too(self):
        module = ChannelAttention(7, reduction=3).half()
        for wrong in (torch.ones(2, 7, 3).half(), torch.ones(2, 8, 3, 5).half(), torch.ones(2, 7, 0, 5).half()):
            message = rf"x 的形状应为 \(B, 7, H, W\)，H、W 不小于 1，得到 {re.escape(str(tuple(wrong.shape)))}"
            assert_refuses(message, module, wrong)
            assert_refuses(message, module.weights, wrong)

    @pytest.mark.parametrize("reduction", [1, 7])
    def test_takes_the_reductions_at_the_ends(self, reduction):
        module = ChannelAttention(7, reduction)
        assert_holds(module, "reduce 有 C // r 个单元", lambda m: m.reduce.weight.shape == (7 // reduction, 7))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 300.0, 3e4])
def test_float16_is_finite(scale, device):
    """中间层、梯度是很多数的和，float16 放不下；结果放得下，就没有 NaN，没有无穷大。"""
    module = ChannelAttention(64, reduction=2).half().to(device)
    x = (scale * torch.rand(2, 64, 17, 19, device=device)).half().requires_grad_()
    wide, exact = copy.deepcopy(module).double(), x.detach().double().requires_grad_()
    y, expected = module(x), wide(exact)
    assert_agrees(y, expected, "同样的输入，float64")
    assert_agrees(module.weights(x), wide.weights(exact), "同样的输入，float64")
    assert_holds((y, module.weights(x)), "都是 float16", lambda both: {one.dtype for one in both} == {torch.float16})
    gradients = [torch.autograd.grad(each.sum(), given)[0] for each, given in ((y, x), (expected, exact))]
    assert_holds(gradients[0], "梯度是有限的", torch.isfinite)
    assert_agrees(*gradients, "同样的输入，float64 的梯度")


class TestBlock(Block):
    blocks = {"reduction 3": lambda: (ChannelAttention(7, reduction=3), (2, 7, 3, 5))}
    representatives = planes = list(blocks)


class TestDerivatives(Derivatives):
    """原样的写法就是它自己：看的是各种求导都算得出，互相一致。"""

    forms = {"reduction 3": lambda: (ChannelAttention(7, reduction=3), (2, 7, 3, 5))}
    literal = staticmethod(lambda module, x: reweight(x, channel_weights(x, module.reduce, module.expand)))


class TestFile(File):
    module = channel_attention
    names = {"ChannelAttention"}
