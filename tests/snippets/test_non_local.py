"""NonLocalBlock 与它的三步、四种两两关系。"""

import contextlib
import copy
import functools
import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from kb.proof import REORDERED, assert_agrees, assert_holds, assert_refuses
from snippets import NonLocalBlock, non_local
from snippets.non_local import (
    OUTPUTS,
    centred_gram,
    dot_product_block,
    look_up,
    prefers_gram,
    prefix_sums,
    project,
    project_at_once,
    add_residual,
    map_positions,
    project_onto,
    residual_output,
    softmax_by_column,
    softmax_by_row,
)
from snippets.non_local import PAIRWISE as PAIRWISE_FUNCTIONS
from tests.snippets import reference_non_local as reference
from tests.snippets.contract_block import Block
from tests.snippets.contract_file import File
from tests.snippets.contract_memory import Memory
from tests.snippets.contract_switches import Switches
from tests.snippets.data import draw, fast, gradients, wake
from tests.snippets.loops import convolve, parameters
from tests.snippets.operators import Operators

PAIRWISE = ("gaussian", "embedded_gaussian", "dot_product", "concatenation")
SPATIAL = {1: (11,), 2: (5, 7), 3: (2, 3, 5)}

pairwises = pytest.mark.parametrize("pairwise", PAIRWISE)
all_dims = pytest.mark.parametrize("dims", [1, 2, 3])
subsampling = pytest.mark.parametrize("subsample", [False, True], ids=["whole", "subsample"])
seeds = st.integers(0, 2**32)


class TestSteps:
    @given(seed=seeds, rows=st.integers(1, 11), columns=st.integers(1, 13))
    def test_rows_and_columns_sum_to_one(self, device, seed, rows, columns):
        generator = torch.Generator().manual_seed(seed)
        scores = torch.randn(2, rows, columns, generator=generator).double().to(device)
        by_row, by_column = softmax_by_row(scores), softmax_by_column(scores)
        assert_holds(by_row, "权重都为正", lambda weights: weights > 0)
        assert_holds(by_column, "权重都为正", lambda weights: weights > 0)
        assert_agrees(by_row.sum(2), torch.ones(2, rows), "每行和为一")
        assert_agrees(by_column.sum(1), torch.ones(2, columns), "每列和为一")

    @given(seed=seeds)
    def test_by_column_is_by_row_of_the_transpose(self, device, seed):
        generator = torch.Generator().manual_seed(seed)
        scores = torch.randn(2, 5, 7, generator=generator).double().to(device)
        transposed = softmax_by_row(scores.transpose(1, 2)).transpose(1, 2)
        assert_agrees(softmax_by_column(scores), transposed, "转置、按行、再转置")

    def test_row_and_column_by_hand(self, device):
        # 行 (0, ln 3) → (¼, ¾)；列 (0, ln 4)ᵀ → (⅕, ⅘)ᵀ，列 (ln 3, ln 6)ᵀ → (⅓, ⅔)ᵀ
        scores = torch.tensor([[[0.0, math.log(3)], [math.log(4), math.log(6)]]], device=device)
        by_row = torch.tensor([[[1 / 4, 3 / 4], [4 / 10, 6 / 10]]])
        by_column = torch.tensor([[[1 / 5, 1 / 3], [4 / 5, 2 / 3]]])
        assert_agrees(softmax_by_row(scores), by_row, "手算的值")
        assert_agrees(softmax_by_column(scores), by_column, "手算的值")

    def test_the_form_of_g_decides(self, device):
        """g 为 M×C′ 配按行，g 为 C′×M 配按列：同一个输出，只差转置。"""
        theta, phi, g = draw(2, 5, 3, device=device), draw(2, 7, 3, device=device), draw(2, 7, 11, device=device)
        by_row = softmax_by_row(theta @ phi.transpose(1, 2)) @ g
        by_column = g.transpose(1, 2) @ softmax_by_column(phi @ theta.transpose(1, 2))
        assert_agrees(by_column, by_row.transpose(1, 2), "按行的输出，转置")

    @all_dims
    @subsampling
    def test_project(self, dims, subsample, device):
        block = NonLocalBlock(7, 3, dims=dims, subsample=subsample).to(device).double()
        x = draw(2, 7, *SPATIAL[dims], device=device)
        theta, phi, g = project(x, block.theta, block.phi, block.g, block.pool)
        weights, sample = parameters(block), x[1].cpu()
        expected = {name: convolve(weights, name, sample) for name in ("theta", "phi", "g")}
        if subsample:
            for name in ("phi", "g"):
                expected[name] = reference.max_pool(expected[name], SPATIAL[dims], time_kept=dims == 3)
        for actual, name in ((theta, "theta"), (phi, "phi"), (g, "g")):
            assert_agrees(actual[1], expected[name], "逐个位置的卷积与池化")

    def test_residual_by_hand(self, device):
        # 权重 (¼, ¾)，g = (4, 8)：y = ¼·4 + ¾·8 = 7；out(y) = 10 y + 1 = 71；加上 x = (100, 200)
        x = torch.tensor([[[100.0, 200.0]]], device=device)
        weights = torch.tensor([[[0.25, 0.75], [0.25, 0.75]]], device=device)
        g = torch.tensor([[[4.0], [8.0]]], device=device)
        z = residual_output(x, weights, g, lambda y: 10 * y + 1)
        assert_agrees(z, torch.tensor([[[171.0, 271.0]]]), "手算的值")

    # θ = (1, 2)，φ₁ = (3, 4)、φ₂ = (0, −1)，M = 2
    @pytest.mark.parametrize(
        ("pairwise", "expected"),
        [
            # 点积 11 与 −2：softmax 为 1/(1+e⁻¹³) 与 e⁻¹³/(1+e⁻¹³)
            ("gaussian", [1 / (1 + math.exp(-13)), math.exp(-13) / (1 + math.exp(-13))]),
            ("embedded_gaussian", [1 / (1 + math.exp(-13)), math.exp(-13) / (1 + math.exp(-13))]),
            # 11 / 2；−2 / 2
            ("dot_product", [5.5, -1.0]),
            # w = (1, 10, 100, 1000)：ReLU(1 + 20 + 300 + 4000) / 2；ReLU(1 + 20 − 1000) / 2 = 0
            ("concatenation", [2160.5, 0.0]),
        ],
    )
    def test_pairwise_by_hand(self, pairwise, expected, device):
        theta = torch.tensor([[[1.0, 2.0]]], device=device)
        phi = torch.tensor([[[3.0, 4.0], [0.0, -1.0]]], device=device)
        own = {"w": torch.tensor([1.0, 10.0, 100.0, 1000.0], device=device)}
        weights = PAIRWISE_FUNCTIONS[pairwise](theta, phi, **(own if pairwise == "concatenation" else {}))
        assert_agrees(weights, torch.tensor([[expected]]), "手算的值")


def sample(pairwise, positions, keys, widths, **options):
    """θ、Φ、g，以及拼接要的 w。"""
    theta, phi = draw(2, positions, widths[0], **options), draw(2, keys, widths[0], **options)
    own = {"w": draw(2 * widths[0], **options)} if pairwise == "concatenation" else {}
    return theta, phi, draw(2, keys, widths[1], **options), own


def literal(pairwise, theta, phi, g, own):
    """先存下 N×M 的权重，float64。"""
    own = {name: value.double() for name, value in own.items()}
    return PAIRWISE_FUNCTIONS[pairwise](theta.double(), phi.double(), **own) @ g.double()


class OneByOne(TorchDispatchMode):
    """cumsum 从头加到尾，只用张量自己的 dtype：CUDA 的内核就是这样加的。"""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.cumsum.default:
            tensor, dim = args
            return torch.stack(list(itertools.accumulate(tensor.unbind(dim))), dim)
        return function(*args, **(kwargs or {}))


class TestOutputs:
    """不存 N×M 矩阵的写法。"""

    @pairwises
    @pytest.mark.parametrize("sizes", [(5, 13), (31, 2), (37, 29)], ids=str)
    def test_against_the_literal_form(self, pairwise, sizes, dtype, device):
        for widths in ((7, 7), (3, 11), (11, 3), (8, 8), (9, 9)):
            theta, phi, g, own = sample(pairwise, *sizes, widths, dtype=dtype, device=device)
            y = OUTPUTS[pairwise](theta, phi, g, **own)
            assert_agrees(y, literal(pairwise, theta, phi, g, own), "先存下权重的写法，float64")

    @pairwises
    @given(seed=seeds, keys=st.integers(1, 13), scale=st.sampled_from([0.01, 1.0, 10.0]))
    def test_against_the_literal_form_at_any_size(self, pairwise, device, seed, keys, scale):
        torch.manual_seed(seed)
        theta, phi, g, own = sample(pairwise, 11, keys, (3, 5), device=device)
        y = OUTPUTS[pairwise](scale * theta, phi, g, **own)
        assert_agrees(y, literal(pairwise, scale * theta, phi, g, own), "先存下权重的写法，float64")

    def test_concatenation_by_hand(self, device):
        # w = (1, 1)，a = (−2, 1, 5)，b = (3, −1)，g = (10, 100)，M = 2
        # a = −2：ReLU(1)·10 + ReLU(−3)·100 = 10；a = 1：4·10 + 0·100 = 40；a = 5：8·10 + 4·100 = 480
        theta = torch.tensor([[[-2.0], [1.0], [5.0]]], device=device)
        phi = torch.tensor([[[3.0], [-1.0]]], device=device)
        g = torch.tensor([[[10.0], [100.0]]], device=device)
        y = OUTPUTS["concatenation"](theta, phi, g, w=torch.ones(2, device=device))
        assert_agrees(y, torch.tensor([[[5.0], [20.0], [240.0]]]), "手算的值")

    def test_sums_do_not_depend_on_where_b_lies(self, device):
        """a 在 −1000、b 在 1000 附近，和却只有一左右：减去中心，float32 也不丢位数。"""
        a, b = draw(1, 311, dtype=torch.float32) - 1000, draw(1, 509, dtype=torch.float32) + 1000
        g = draw(1, 509, 3, dtype=torch.float32)
        expected = torch.relu(a.double()[:, :, None] + b.double()[:, None]) @ g.double()
        y = look_up(a.to(device), *prefix_sums(b.to(device), g.to(device)))
        assert_agrees(y, expected, "逐对相加，float64")

    @pytest.mark.parametrize("pairwise", ["dot_product", "concatenation"])
    def test_many_keys_lose_no_digits(self, pairwise, dtype, device):
        """十万个 key：前缀和、C′×C″ 矩阵的每个数都是十万项的和。"""
        theta, phi, g, own = sample(pairwise, 7, 100_003, (3, 2), dtype=dtype, device=device)
        y = OUTPUTS[pairwise](theta, phi, g + 1, **own)
        assert_agrees(y, literal(pairwise, theta, phi, g + 1, own), "先存下权重的写法，float64")

    def test_sums_beyond_float16_do_not_overflow(self, device):
        # 70000 个 1 的平均是 1；它们的和超出 float16
        one = torch.ones(1, 3, 70_000, device=device, dtype=torch.float16).mT
        y = OUTPUTS["dot_product"](one, one, one)
        assert_agrees(y[:, :1], torch.full((1, 1, 3), 3.0), "手算的值")
        y = OUTPUTS["concatenation"](one, one, one, w=torch.full((6,), 0.5, device=device, dtype=torch.float16))
        assert_agrees(y[:, :1], torch.full((1, 1, 3), 3.0), "手算的值")

    def test_prefix_sums_are_in_single_precision_at_least(self, dtype, device):
        b, g = draw(3, 5, dtype=dtype, device=device), draw(3, 5, 2, dtype=dtype, device=device)
        center, ascending, sums = prefix_sums(b, g)
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        assert_holds(
            b, "中心、−b、前缀和都用 float32 或 float64", lambda _: {each.dtype for each in (center, ascending, sums)} == {wide}
        )
        assert_agrees(center, b.double().mean(dim=1, keepdim=True), "每个样本的平均")
        assert_holds(ascending, "−b 从小到大", lambda ascending: ascending.diff(dim=1) >= 0)

    @pytest.mark.parametrize("keys", [3, 255, 256, 600])  # 256 行一块，最前面还有一行零
    def test_prefix_sums_are_those_of_one_by_one(self, keys, device):
        b, g = draw(3, keys, device=device), draw(3, keys, 2, device=device)
        *_, sums = prefix_sums(b, g)
        order = b.argsort(dim=1, descending=True)[..., None]
        g = g.gather(1, order.expand_as(g))
        b = (b - b.mean(dim=1, keepdim=True))[..., None].gather(1, order)
        terms = torch.cat([torch.zeros(3, 1, 4, device=device), torch.cat([g, b * g], dim=2)], dim=1)
        with OneByOne():
            expected = terms.cumsum(dim=1)
        assert_agrees(sums[:, : keys + 1], expected, "从头加到尾")
        assert_holds(sums, "行数是 256 的倍数", lambda sums: sums.shape == (3, -(-(keys + 1) // 256) * 256, 4))

    def test_digits_do_not_rest_on_how_cumsum_adds(self, device):
        """CPU 的 cumsum 用 float64 累加，CUDA 的不用；十万个 key 也一样准。"""
        theta, phi, g, own = sample("concatenation", 7, 100_003, (3, 2), dtype=torch.float32, device=device)
        with OneByOne():
            y = OUTPUTS["concatenation"](theta, phi, g + 1, **own)
        expected = literal("concatenation", theta, phi, g + 1, own)
        error = ((y - expected).abs().max() / expected.abs().max()).item()
        assert_holds(y, "相对误差不超过 2⁻²⁰", lambda _: error <= 2**-20)

    @pytest.mark.parametrize("pairwise", ["dot_product", "concatenation"])
    def test_gradients_of_gradients(self, pairwise, device):
        theta, phi, g, own = sample(pairwise, 5, 7, (3, 2), device=device)
        inputs = [each.requires_grad_() for each in (theta, phi, g, *own.values())]
        assert_holds(
            theta,
            "二阶梯度与有限差分一致",
            lambda _: torch.autograd.gradgradcheck(OUTPUTS[pairwise], inputs, fast_mode=True, nondet_tol=REORDERED),
        )


class TestGram:
    """点积不池化：C×C 的矩阵代替 θ、φ、g。"""

    @all_dims
    def test_against_the_literal_form(self, dims, dtype, device):
        block = wake(NonLocalBlock(7, 3, dims=dims, pairwise="dot_product")).to(device, dtype)
        x = draw(2, 7, *SPATIAL[dims], dtype=dtype, device=device) + 1
        z = dot_product_block(x, block.theta, block.phi, block.g, block.out)
        literal = copy.deepcopy(block).double()(x.double(), return_weights=True)[0]
        assert_agrees(z, literal, "先存下权重的写法，float64")

    @pytest.mark.parametrize("mean", [0, 1, 30, 1000])
    def test_biases_that_cancel_the_mean_cost_no_digits(self, mean, device):
        """θ、φ、g 减去了平均：x 的起伏是 1，平均是 1000，误差也不比先存下权重的大多少。"""
        block = wake(NonLocalBlock(16, 8, dims=1, pairwise="dot_product"))
        for layer in (block.theta, block.phi, block.g):
            layer.bias.data = -mean * layer.weight.data.sum(dim=(1, 2))
        block.to(device)
        x = draw(1, 16, 3001, dtype=torch.float32, device=device) + mean
        exact = copy.deepcopy(block).double()(x.double(), return_weights=True)[0]
        literal = block(x, return_weights=True)[0]
        z = dot_product_block(x, block.theta, block.phi, block.g, block.out)
        errors = [(each - exact).abs().max() / (exact - x).abs().max() for each in (z, literal)]
        assert_holds(z, "误差不超过先存下权重的四倍，或者舍入", lambda _: errors[0] <= max(4 * errors[1], 2**-20))

    @pytest.mark.parametrize("limit", [1, 2 * 7 * 3, 2 * 7 * 11 - 1, 2 * 7 * 11, 2**20])
    def test_gram_in_blocks(self, limit, device):
        x, mean = draw(2, 7, 11, device=device).requires_grad_(), draw(2, 7, 1, device=device).requires_grad_()
        gram = centred_gram(x, mean, limit)
        expected = torch.einsum("bin,bjn->bij", x - mean, x - mean) / 11
        assert_agrees(gram, expected, "einsum")
        found, gradients = (torch.autograd.grad(each.square().sum(), (x, mean)) for each in (gram, expected))
        for one, other in zip(found, gradients, strict=True):
            assert_agrees(one, other, "einsum 的梯度")

    @pytest.mark.parametrize(("limit", "columns"), [(1, 1), (2 * 7 * 3, 3), (2 * 7 * 11 - 1, 10), (2 * 7 * 11, 11), (None, 11)])
    def test_how_many_columns_at_a_time(self, limit, columns, device):
        x, mean = draw(2, 7, 11, device=device), draw(2, 7, 1, device=device)
        with Operators() as seen:
            centred_gram(x, mean, *([limit] if limit else []))
        centred = [call.outputs[0].shape[2] for call in seen.calls if call.name == "sub"]
        assert_holds(x, "一块尽可能多的列", lambda _: (max(centred), sum(centred)) == (columns, 11))

    def test_a_block_holds_a_million_numbers(self, device):
        # 2²⁰ / 17 = 61680.9 列，2²⁰ + 1 正好是 61681 列
        x = draw(1, 17, 61682, dtype=torch.float32, device=device)
        with Operators() as seen:
            centred_gram(x, x[..., :1])
        centred = [call.outputs[0].numel() for call in seen.calls if call.name == "sub"]
        assert_holds(x, "一块不超过 2²⁰ 个数", lambda _: centred == [61680 * 17, 2 * 17])

    def test_one_channel_in_blocks(self, device):
        x = draw(1, 1, 11, device=device)
        with Operators() as seen:
            centred_gram(x, x[..., :1], 5)
        centred = [call.outputs[0].numel() for call in seen.calls if call.name == "sub"]
        assert_holds(x, "一块 5 列", lambda _: centred == [5, 5, 1])

    def test_is_one_block_where_it_is_exported(self, device):
        x, mean = draw(2, 7, 11, device=device), draw(2, 7, 1, device=device)

        class Module(torch.nn.Module):
            def forward(self, x, mean):
                return centred_gram(x, mean, 1)

        exported = torch.export.export(Module(), (x, mean))
        expected = torch.einsum("bin,bjn->bij", x - mean, x - mean) / 11
        assert_agrees(exported.module()(x, mean), expected, "einsum")
        names = [str(node.target) for node in exported.graph.nodes]
        assert_holds(x, "一次算完", lambda _: sum(name.startswith("aten.sub") for name in names) == 1)

    # 2·N·C² + 2·C·C′·(C + C′) 与 4·N·C·C′ + 2·N·C′·min(N, C′)
    @pytest.mark.parametrize(
        ("positions", "channels", "inter_channels", "gram"),
        [
            (35, 3, 5, True),  # 870 与 3850
            (35, 7, 3, False),  # 3850 与 3570
            (12, 4, 2, False),  # 都是 480
            (5, 4, 3, True),  # 328 与 330
            (3, 2, 8, False),  # 344 与 336
            (192, 64, 32, False),
            (193, 64, 32, True),
        ],
    )
    def test_the_cheaper_is_taken(self, positions, channels, inter_channels, gram, device):
        assert_holds(positions, "乘加少时才用 Gram 矩阵", lambda n: prefers_gram(n, channels, inter_channels, 0) == gram)
        block = fast(NonLocalBlock(channels, inter_channels, dims=1, pairwise="dot_product")).to(device)
        with Operators() as seen:
            block(torch.randn(1, channels, positions, device=device))
        products = [output.shape for call in seen.calls for output in call.outputs]
        assert_holds(block, "模块也是", lambda _: ((1, channels, channels) in products) == gram)

    @pytest.mark.parametrize(("overhead", "gram"), [(2047, True), (2048, False)])
    def test_what_it_saves_must_be_worth_its_calls(self, overhead, gram, device):
        # N = 193：乘加 1,974,272 与 1,976,320，省 2048 次
        assert_holds(193, "省的比调用多的才用", lambda n: prefers_gram(n, 64, 32, overhead) == gram)
        block = NonLocalBlock(64, 32, dims=1, pairwise="dot_product").to(device)
        block.overhead = overhead
        x = torch.randn(1, 64, 193, device=device)
        assert_holds(block, "模块也是", lambda block: block.takes_gram(x) == gram)

    # 2·N·64² + 2·64·32·96 + 2²² 与 4·N·64·32 + 2·N·32²，N = 2240 时正好相等
    @pytest.mark.parametrize(("positions", "gram"), [(2240, False), (2241, True)])
    def test_how_many_calls_a_block_counts(self, positions, gram, device):
        x = torch.randn(1, 64, positions, device=device)
        block = NonLocalBlock(64, 32, dims=1, pairwise="dot_product").to(device)
        assert_holds(block, "两千多个位置才用", lambda block: block.takes_gram(x) == gram)

    def test_pooling_and_autocast_take_none(self, device):
        x = torch.randn(1, 3, 40, device=device)
        block = fast(NonLocalBlock(3, 5, dims=1, pairwise="dot_product")).to(device)
        assert_holds(block, "不池化时用", lambda block: block.takes_gram(x))
        block.subsample = True
        assert_holds(block, "池化时不用", lambda block: not block.takes_gram(x))
        block.subsample = False
        with torch.autocast(device, torch.bfloat16):
            assert_holds(block, "autocast 里不用", lambda block: not block.takes_gram(x))
        block.pairwise = "gaussian"
        assert_holds(block, "不是点积时不用", lambda block: not block.takes_gram(x))

    def test_takes_three_looks_at_x(self, device):
        """没有一个张量有 C′ 个通道、N 个位置。"""
        block = fast(NonLocalBlock(3, 5, dims=1, pairwise="dot_product")).to(device)
        x = torch.randn(2, 3, 40, device=device)
        with Operators() as seen, torch.no_grad():
            block(x)
        assert_holds(x, "没有比 x 大的张量", lambda x: seen.largest <= x.numel())


class TestVectors:
    """拼接：两个向量代替两个卷积。"""

    @subsampling
    def test_computes_only_one_number_at_each_position(self, subsample, device):
        block = NonLocalBlock(7, 6, dims=1, pairwise="concatenation", subsample=subsample).to(device)
        with Operators() as seen, torch.no_grad():
            fast(block)(torch.randn(2, 7, 40, device=device))
        features = [call for call in seen.calls if [each.shape for each in call.outputs] in ([(2, 6, 40)], [(2, 40, 6)])]
        names = [call.name for call in features if call.name in ("convolution", "baddbmm")]
        expected = ["convolution"] * 2 if subsample else ["baddbmm"]
        assert_holds(block, "只算 g，用矩阵乘法；池化时还有 φ", lambda _: names == expected)

    @pytest.mark.parametrize("dims", [1, 2, 3])
    def test_a_convolution_as_a_product(self, dims, dtype, device):
        conv = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)[dims - 1]
        layer, back = conv(7, 3, 1).to(device, dtype), conv(3, 7, 1).to(device, dtype)
        x = draw(2, 7, *SPATIAL[dims], dtype=dtype, device=device)
        y = map_positions(x, layer)
        exact, exact_back = (copy.deepcopy(each).double() for each in (layer, back))
        expected = exact(x.double())
        assert_agrees(y, expected.flatten(2).mT, "卷积，float64")
        z = add_residual(x, expected.flatten(2).mT.to(dtype), back)
        assert_agrees(z, exact_back(expected.to(dtype).double()) + x.double(), "卷积，再加上 x，float64")

    def test_the_residual_is_added_in_place(self, device):
        layer = torch.nn.Conv1d(3, 7, 1).to(device)
        x, y = torch.randn(2, 7, 11, device=device), torch.randn(2, 11, 3, device=device)
        with Operators() as seen, torch.no_grad():
            add_residual(x, y, layer)
        names = [call.name for call in seen.calls if call.name.startswith("add")]
        assert_holds(x, "写在乘积的内存里", lambda _: names == ["add_"])

    def test_project_onto(self, dtype, device):
        layer = torch.nn.Conv1d(7, 3, 1).to(device, dtype)
        w, x = draw(3, dtype=dtype, device=device), draw(2, 7, 11, dtype=dtype, device=device)
        expected = torch.einsum("c,bcn->bn", w.double(), copy.deepcopy(layer).double()(x.double()))
        assert_agrees(project_onto(w, x, layer), expected, "先卷积，再与 w 点积，float64")


class TestFew:
    """位置少：几个卷积合成一次矩阵乘法。"""

    @pairwises
    @subsampling
    def test_against_project(self, pairwise, subsample, dtype, device):
        block = NonLocalBlock(7, 3, pairwise=pairwise, subsample=subsample).to(device, dtype)
        x = draw(2, 7, 5, 4, dtype=dtype, device=device)
        found = project_at_once(x, block.theta, block.phi, block.g, block.pool)
        exact = copy.deepcopy(block).double()
        expected = project(x.double().clone(), exact.theta, exact.phi, exact.g, exact.pool)
        for one, other in zip(found, expected, strict=True):
            assert_agrees(one, other, "project，float64")

    @pytest.mark.parametrize("pairwise", sorted(set(PAIRWISE) - {"dot_product"}))
    def test_the_block_takes_one_product(self, pairwise, device):
        block = NonLocalBlock(7, 3, pairwise=pairwise).to(device)
        with Operators() as seen:
            block(torch.randn(2, 7, 5, 4, device=device))
        names = [call.name for call in seen.calls if call.name in ("convolution", "baddbmm")]
        assert_holds(block, "两次矩阵乘法：θ、φ、g 一次，out 一次，没有卷积", lambda _: names == ["baddbmm"] * 2)


class TestNonLocalBlock:
    @pairwises
    @all_dims
    @subsampling
    def test_against_loops(self, pairwise, dims, subsample, dtype, device):
        block = wake(NonLocalBlock(3, 2, dims=dims, pairwise=pairwise, subsample=subsample))
        block = fast(block).to(device, dtype)
        x = draw(2, 3, *{1: (7,), 2: (3, 5), 3: (2, 3, 5)}[dims], dtype=dtype, device=device)
        z, weights = block(x, return_weights=True)
        expected_z, expected_weights = reference.non_local(block, x)
        assert_agrees(weights, expected_weights, "逐对循环，float64")
        assert_agrees(z, expected_z, "逐对循环，float64")
        assert_agrees(block(x), expected_z, "逐对循环，float64")

    @pairwises
    @all_dims
    @subsampling
    @given(seed=seeds)
    def test_starts_as_the_identity(self, pairwise, dims, subsample, device, seed):
        torch.manual_seed(seed)
        block = NonLocalBlock(7, dims=dims, pairwise=pairwise, subsample=subsample).to(device)
        x = torch.randn(2, 7, *SPATIAL[dims], device=device)
        assert_holds(block(x), "刚建好时输出逐位等于输入", lambda z: torch.equal(z, x))

    @pairwises
    @given(data=st.data())
    def test_follows_a_permutation_of_positions(self, pairwise, device, data):
        order = torch.tensor(data.draw(st.permutations(range(11))), device=device)
        torch.manual_seed(data.draw(seeds))
        block = fast(wake(NonLocalBlock(7, 3, dims=1, pairwise=pairwise))).to(device).double()
        x = draw(2, 7, 11, device=device)
        z, weights = block(x, return_weights=True)
        permuted_z, permuted_weights = block(x[..., order], return_weights=True)
        assert_agrees(permuted_z, z[..., order], "打乱未打乱的输出")
        assert_agrees(permuted_weights, weights[:, order][:, :, order], "打乱未打乱的权重")

    @pairwises
    @all_dims
    @subsampling
    def test_weights_shape(self, pairwise, dims, subsample, device):
        block = NonLocalBlock(7, dims=dims, pairwise=pairwise, subsample=subsample).to(device)
        z, weights = block(torch.randn(2, 7, *SPATIAL[dims], device=device), return_weights=True)
        positions = math.prod(SPATIAL[dims])
        # 11 // 2；(5 // 2)·(7 // 2)；三维不动时间：2·(3 // 2)·(5 // 2)
        pooled = {1: 5, 2: 6, 3: 4}[dims] if subsample else positions
        assert_holds(z, "输出与输入同形状", lambda z: z.shape == (2, 7, *SPATIAL[dims]))
        assert_holds(weights, "权重的形状为 (B, N, M)", lambda weights: weights.shape == (2, positions, pooled))

    def test_subsampling_adds_no_parameters(self):
        names = NonLocalBlock(7).state_dict().keys()
        assert_holds(
            NonLocalBlock(7, subsample=True), "池化不增加参数", lambda block: block.state_dict().keys() == names
        )

    @pytest.mark.parametrize(("channels", "expected"), [(1, 1), (7, 3), (8, 4)])
    def test_inter_channels_default_to_half(self, channels, expected):
        block = NonLocalBlock(channels)
        shapes = {
            f"{name}.{kind}": shape
            for name in ("theta", "phi", "g")
            for kind, shape in (("weight", (expected, channels, 1, 1)), ("bias", (expected,)))
        }
        shapes |= {"out.weight": (channels, expected, 1, 1), "out.bias": (channels,)}
        assert_holds(
            block,
            "中间通道数默认是一半",
            lambda block: {name: value.shape for name, value in block.state_dict().items()} == shapes,
        )

    def test_concatenation_starts_like_a_linear_layer(self):
        (w,) = NonLocalBlock(120, pairwise="concatenation").pairwise_parameters.values()
        bound = 1 / math.sqrt(120)
        assert_holds(w, "形状为 (2C′)", lambda w: w.shape == (120,))
        assert_holds(w, "初始值在 ±1/√(2C′) 之间", lambda w: 0.9 * bound < w.abs().max() <= bound)
        assert_holds(w, "初始值以零为中心", lambda w: abs(w.mean()) < 0.3 * bound)

    def test_gaussian_compares_x_itself(self):
        names = {"g.weight", "g.bias", "out.weight", "out.bias"}
        assert_holds(
            NonLocalBlock(7, pairwise="gaussian"),
            "高斯没有 θ、Φ 的参数",
            lambda block: block.state_dict().keys() == names,
        )

    @pairwises
    @all_dims
    @subsampling
    def test_gradients_are_those_of_the_steps(self, pairwise, dims, subsample, device):
        block = wake(NonLocalBlock(7, 3, dims=dims, pairwise=pairwise, subsample=subsample))
        block = fast(block).to(device).double()
        x = draw(2, 7, *SPATIAL[dims], device=device).requires_grad_()
        literal = gradients(lambda x: block(x, return_weights=True)[0], block, x)
        for one, other in zip(gradients(block, block, x), literal, strict=True):
            assert_agrees(one, other, "先存下权重的写法的梯度")

    @pairwises
    def test_many_positions_give_the_same(self, pairwise, device):
        """位置多得模块自己就不存 N×M 矩阵。"""
        block = wake(NonLocalBlock(3, 2, pairwise=pairwise)).to(device).double()
        x = draw(2, 3, 25, 29, device=device)
        assert_agrees(block(x), block(x, return_weights=True)[0], "先存下权重的写法")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"pairwise": "cosine"}, f"pairwise 应为 {'、'.join(PAIRWISE)} 之一，得到 'cosine'"),
            ({"dims": 4}, "dims 应为 1、2、3 之一，得到 4"),
            ({"inter_channels": 0}, "in_channels、inter_channels 都应不小于 1，得到 7、0"),
            ({"in_channels": 0}, "in_channels、inter_channels 都应不小于 1，得到 0、1"),
        ],
    )
    def test_refuses_bad_arguments(self, options, message):
        assert_refuses(message, NonLocalBlock, **{"in_channels": 7, **options})

    @pytest.mark.parametrize(("dims", "shape"), [(1, (1,)), (2, (1, 5)), (2, (5, 1)), (3, (2, 5, 1))])
    def test_refuses_to_pool_a_short_axis(self, dims, shape, device):
        block = NonLocalBlock(7, dims=dims, subsample=True).to(device)
        x = torch.randn(2, 7, *shape, device=device)
        axes = "L" if dims == 1 else "H, W"
        assert_refuses(rf"被池化的轴（{axes}）都应不小于 2，得到形状 \(2, 7, ", block, x)

    def test_time_is_not_pooled_and_may_be_short(self, device):
        block = NonLocalBlock(7, dims=3, subsample=True).to(device)
        z = block(torch.randn(2, 7, 1, 2, 3, device=device))
        assert_holds(z, "时间轴只有一帧也可以", lambda z: z.shape == (2, 7, 1, 2, 3))


# 乘加：先存 2·N·M·C′ 次，否则 (N + M)·C′² 次。除以 C′：50 与 70；池化时 110 与 112，156 与 133，36 与 36，相等时不存
@pytest.mark.parametrize(
    ("positions", "subsample", "inner", "pairs"),
    [(5, False, 7, True), (8, False, 7, False), (11, True, 7, True), (13, True, 7, False), (6, True, 4, False)],
)
def test_dot_product_takes_the_cheaper_order(positions, subsample, inner, pairs, device):
    block = wake(NonLocalBlock(17, inner, dims=1, pairwise="dot_product", subsample=subsample)).to(device)
    with Operators() as seen, torch.no_grad():
        block(torch.randn(2, 17, positions, device=device))
    products = [call for call in seen.calls if call.name in ("bmm", "baddbmm") and 17 not in call.inputs[-1].shape]
    first = [tuple(each.shape[1:]) for each in products[0].inputs[-2:]]
    keys = positions // 2 if subsample else positions
    expected = [(positions, inner), (inner, keys)] if pairs else [(inner, keys), (keys, inner)]
    assert_holds(block, "乘加少的一对先乘：θφᵀ，或 φᵀg", lambda _: first == expected)


@pytest.mark.parametrize(
    ("dims", "subsample", "size", "keys"), [(1, False, (11,), 11), (2, True, (6, 5), 6), (3, True, (2, 3, 7), 6)]
)
@pytest.mark.parametrize("pairwise", ["gaussian", "embedded_gaussian", "concatenation"])
def test_few_are_no_more_than_small(pairwise, dims, subsample, size, keys, device):
    block = wake(NonLocalBlock(3, 2, dims=dims, pairwise=pairwise, subsample=subsample)).to(device)
    positions, x = math.prod(size), torch.randn(2, 3, *size, device=device)
    for small, stored in ((positions * keys, True), (positions * keys - 1, False)):
        block.small = small
        with Operators() as seen, torch.no_grad():
            block(x)
        shapes = {tuple(output.shape[-2:]) for output in seen.outputs}
        assert_holds(block, "N·M 不超过 small 才存 N×M 矩阵", lambda _: ((positions, keys) in shapes) == stored)


@pytest.mark.parametrize(
    ("pairwise", "there", "absent"),
    [
        ("gaussian", "scaled_dot_product_attention", "softmax"),
        ("embedded_gaussian", "scaled_dot_product_attention", "softmax"),
        ("concatenation", "sort", "relu"),
        ("dot_product", "bmm", "sub"),
    ],
)
def test_sizes_that_vary_take_what_suits_all(pairwise, there, absent, device):
    """导出成可变尺寸时，图里是不存矩阵的写法，也没有 Gram 矩阵：它只在位置多时便宜。"""
    block = wake(NonLocalBlock(3, 5, dims=1, pairwise=pairwise)).to(device)
    sizes = {"x": {2: torch.export.Dim("n", min=2, max=4096)}, "return_weights": None}
    exported = torch.export.export(block, (torch.randn(2, 3, 40, device=device), False), dynamic_shapes=sizes)
    names = " ".join(str(node.target) for node in exported.graph.nodes)
    assert_holds(block, "图里的算子", lambda _: there in names and f"aten.{absent}" not in names)


def made(pairwise, dims, subsample, prepare=fast):
    def make():
        block = NonLocalBlock(7, 3, dims=dims, pairwise=pairwise, subsample=subsample)
        return prepare(wake(block)), (2, 7, *SPATIAL[dims])

    return make


def as_built(block):
    """位置这么少，模块会先存下 N×M 的矩阵。"""
    return block


BLOCKS = {
    f"{name}-{dims}d{'-subsample' * subsample}": made(name, dims, subsample)
    for name, (dims, subsample) in itertools.product(PAIRWISE, [(1, False), (2, False), (2, True), (3, True)])
}


class TestBlock(Block):
    blocks = BLOCKS | {
        "gaussian-small": made("gaussian", 2, True, as_built),
        "concatenation-small": made("concatenation", 3, False, as_built),
        "dot_product-gram": lambda: (fast(wake(NonLocalBlock(3, 5, pairwise="dot_product"))), (2, 3, 5, 7)),
    }
    representatives = ["embedded_gaussian-2d-subsample", "concatenation-2d"]
    planes = [name for name in BLOCKS if "2d" in name]


def block_of(pairwise, channels=(5, 3), subsample=False, small=True, dims=2, size=(3, 5)):
    def make():
        block = wake(NonLocalBlock(*channels, dims=dims, pairwise=pairwise, subsample=subsample))
        return block if small else fast(block), (2, channels[0], *size)

    return make


@contextlib.contextmanager
def keep(block, **options):
    """界线放在别处。"""
    vars(block).update(options)
    yield


def around_pairs(pairwise, subsample):
    """N·M 正好在界线上，与刚过了界线。"""

    def make():
        block, shape = block_of(pairwise, subsample=subsample, size=(4, 6))()
        pairs = 24 * (6 if subsample else 24)
        return block, shape, [functools.partial(keep, small=pairs), functools.partial(keep, small=pairs - 1)]

    return make


class Optional(NonLocalBlock):
    """可以不用 Gram 矩阵。"""

    gram = True

    def takes_gram(self, x):
        return self.gram and super().takes_gram(x)


def around_gram():
    block = fast(wake(Optional(3, 5, pairwise="dot_product")))
    return block, (2, 3, 3, 5), [functools.partial(keep, gram=each) for each in (True, False)]


class TestDerivatives(Switches):
    forms = {
        f"{pairwise}{'-subsample' * subsample}": block_of(pairwise, subsample=subsample, small=False)
        for pairwise, subsample in itertools.product(PAIRWISE, (False, True))
    } | {"dot_product-gram": block_of("dot_product", (3, 5), small=False)}
    switches = {
        f"{pairwise}{'-subsample' * subsample}": around_pairs(pairwise, subsample)
        for pairwise, subsample in itertools.product(("gaussian", "embedded_gaussian", "concatenation"), (False, True))
    } | {"gram": around_gram}


class TestMemory(Memory):
    frugal = {
        "gaussian": lambda: NonLocalBlock(6, pairwise="gaussian"),
        "embedded_gaussian": lambda: NonLocalBlock(6, 5),
        "embedded_gaussian, no padding": lambda: NonLocalBlock(6, 8),
        "subsample": lambda: NonLocalBlock(6, subsample=True),
        "dot_product": lambda: NonLocalBlock(6, pairwise="dot_product"),
        "concatenation": lambda: NonLocalBlock(6, pairwise="concatenation"),
    }
    fused = [name for name in frugal if name not in ("dot_product", "concatenation")]
    literal = dict.fromkeys(["gaussian", "embedded_gaussian", "concatenation"], ((4, 181), (25, 29), 724 * 724))
    always = ["dot_product"]
    peak = "tests.snippets.peak_non_local"


class TestFile(File):
    module = non_local
    others = {"snippets.fused"}
    names = {"NonLocalBlock"}
