"""non_local_over_ranks：两个、四个进程各算一段，与一个进程算的一样。"""

import math
from pathlib import Path

import pytest
import torch

from kb.proof import assert_agrees, assert_holds, assert_refuses
from snippets import distributed
from snippets.distributed import OVER_RANKS, Gather, NonLocalBlock, Sum, non_local_over_ranks
from tests.snippets.contract_file import imported_by
from tests.snippets.data import draw, gradients
from tests.snippets.operators import Operators
from tests.snippets.ranks import ALONE, group_of, whole

PAIRWISE = ("gaussian", "embedded_gaussian", "dot_product", "concatenation")


@pytest.fixture(scope="module", params=[2, 4], ids=["2 processes", "4 processes"])
def compute(request):
    with group_of(request.param) as compute:
        yield compute


@pytest.mark.parametrize("pairwise", PAIRWISE)
@pytest.mark.parametrize(
    ("dims", "subsample", "shape", "dtype"),
    [
        (1, False, (12,), "float64"),
        (1, False, (480,), "float64"),  # 每个进程的一段超过 105 个位置：点积用 Gram 矩阵
        (2, False, (4, 5), "float64"),
        (2, True, (8, 5), "float64"),
        (3, True, (4, 5, 3), "float64"),
        (2, True, (8, 5), "float32"),
        (2, True, (8, 5), "bfloat16"),
        (2, True, (8, 5), "float16"),
    ],
    ids=str,
)
def test_is_what_one_process_computes(compute, pairwise, dims, subsample, shape, dtype):
    case = pairwise, dims, subsample, shape, dtype
    block, x = whole(*case)
    z, x_gradient, parameter_gradients = compute(*case)
    assert_agrees(z, block(x), "一个进程的输出")
    if dtype == "float64":  # 舍入随求和的次序变，本来是零的梯度就只剩舍入，位置越多越大
        positions = math.prod(shape)
        expected = gradients(block, block, x)
        for one, other in zip([x_gradient, *parameter_gradients], expected, strict=True):
            assert_agrees(one / positions, other / positions, "一个进程的梯度，除以位置数")


@pytest.mark.parametrize("pairwise", PAIRWISE)
def test_only_the_given_group_counts(compute, pairwise):
    """在只有自己的组里，就是一个进程算；不切开，奇数的轴也可以池化。"""
    case = pairwise, 2, True, (5, 7), "float64"
    block, x = whole(*case)
    world = torch.distributed.get_world_size()
    z, x_gradient, parameter_gradients = compute(*case, alone=True)
    own = [(x.detach() + rank).requires_grad_() for rank in range(world)]
    assert_agrees(z, torch.cat([block(each) for each in own], dim=2), "一个进程的输出")
    expected = [gradients(block, block, each) for each in own]
    assert_agrees(x_gradient, torch.cat([each[0] for each in expected], dim=2), "一个进程的梯度")
    for one, other in zip(parameter_gradients, expected[0][1:], strict=True):
        assert_agrees(one, other, "一个进程的梯度")


@pytest.mark.parametrize("positions", [12, 160])
@pytest.mark.parametrize("pairwise", PAIRWISE)
def test_alone_it_is_the_block(compute, pairwise, positions):
    block, x = whole(pairwise, 1, False, (positions,), "float64")
    assert_agrees(non_local_over_ranks(block, x, ALONE[0]), block(x), "一个进程的输出")


@pytest.mark.parametrize("pairwise", PAIRWISE)
def test_the_output_of_each_relation(compute, pairwise):
    theta, phi, g, w = draw(2, 5, 3), draw(2, 7, 3), draw(2, 7, 4), draw(6)
    own = {"w": w} if pairwise == "concatenation" else {}
    scores = theta @ phi.mT
    weights = scores.softmax(-1)
    if pairwise == "dot_product":
        weights = scores / 7
    elif pairwise == "concatenation":
        weights = ((theta @ w[:3])[:, :, None] + (phi @ w[3:])[:, None]).relu() / 7
    y = OVER_RANKS[pairwise](theta, phi, g, ALONE[0], **own)
    assert_agrees(y, weights @ g, "先存下权重的写法")


def test_sum_and_gather_of_one_process(compute):
    x = draw(3, 5)
    assert_agrees(Sum.apply(x, ALONE[0]), x.clone(), "它自己")
    assert_agrees(Gather.apply(x, ALONE[0]), x[None].clone(), "它自己")


def test_refuses_to_split_a_window(compute):
    block = NonLocalBlock(7, subsample=True)
    message = (
        "^subsample=True 时每个进程的第一个空间轴应是偶数，否则切开处的窗口会被拆开，"
        r"得到形状 \(2, 7, 3, 4\)$"
    )
    assert_refuses(message, non_local_over_ranks, block, torch.randn(2, 7, 3, 4))


def test_refuses_what_the_block_refuses(compute):
    assert_refuses("x 应为浮点张量", non_local_over_ranks, NonLocalBlock(7), torch.ones(2, 7, 3, 4).long())
    pooled = NonLocalBlock(7, subsample=True)
    assert_refuses("被池化的轴（H, W）都应不小于 2", non_local_over_ranks, pooled, torch.ones(2, 7, 4, 1))


def test_sends_what_is_contiguous(compute):
    """NCCL 不收别的；梯度却常常是转置的。"""
    with Operators() as seen:
        Sum.apply(draw(3, 5).mT, ALONE[0])
    ((tensor, *_),) = [call.inputs for call in seen.calls if call.name == "allreduce_"]
    assert_holds(tensor, "连续", lambda tensor: tensor.is_contiguous())


def test_needs_only_the_block_that_it_splits():
    assert set(imported_by(Path(distributed.__file__))) == {"torch", "torch.distributed", "snippets.non_local"}
