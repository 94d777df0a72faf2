"""NonLocalBlock 与它的三步、四种两两关系。"""

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
    dot_product_output,
    look_up,
    pad,
    prefix_sums,
    project,
    residual_output,
    softmax_by_column,
    softmax_by_row,
)
from snippets.non_local import PAIRWISE as PAIRWISE_FUNCTIONS
from tests.snippets import reference_non_local as reference
from tests.snippets.contract_block import Block
from tests.snippets.contract_file import File
from tests.snippets.contract_memory import Memory
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
    @pytest.mark.parametrize("widths", [(7, 7), (3, 11), (11, 3), (8, 8), (9, 9)], ids=str)
    @pytest.mark.parametrize("sizes", [(5, 13), (31, 2), (37, 29)], ids=str)
    def test_against_the_literal_form(self, pairwise, widths, sizes, dtype, device):
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

    def test_pads_only_what_is_missing(self, device):
        x = draw(2, 3, 8, device=device)
        assert_holds(x, "宽度已够、连续的张量不复制", lambda x: pad(x, 8) is x)
        assert_agrees(pad(x, 11), torch.cat([x, x.new_zeros(2, 3, 3)], dim=2), "后面接上零")

    @pytest.mark.parametrize("pairwise", ["dot_product", "concatenation"])
    def test_gradients_of_gradients(self, pairwise, device):
        theta, phi, g, own = sample(pairwise, 5, 7, (3, 2), device=device)
        inputs = [each.requires_grad_() for each in (theta, phi, g, *own.values())]
        assert_holds(
            theta,
            "二阶梯度与有限差分一致",
            lambda _: torch.autograd.gradgradcheck(OUTPUTS[pairwise], inputs, fast_mode=True, nondet_tol=REORDERED),
        )


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
        x = draw(2, 3, 17, 19, device=device)
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


# 两种次序的乘加次数：270 与 616；715 与 144；144 与 144，相等时不存；208 与 225；2660 与 2574
@pytest.mark.parametrize(
    ("positions", "keys", "widths", "pairs"),
    [(3, 5, (7, 11), True), (11, 13, (2, 3), False), (3, 6, (4, 4), False), (13, 2, (3, 5), True), (7, 19, (9, 11), False)],
)
def test_dot_product_takes_the_cheaper_order(positions, keys, widths, pairs, device):
    theta, phi = draw(2, positions, widths[0], device=device), draw(2, keys, widths[0], device=device)
    g = draw(2, keys, widths[1], device=device)
    with Operators() as seen:
        dot_product_output(theta, phi, g)
    shapes = [output.shape for output in seen.outputs]
    assert_holds(theta, "乘加少时才存 N×M 矩阵", lambda _: ((2, positions, keys) in shapes) == pairs)
    assert_holds(theta, "否则存 C′×C″ 矩阵", lambda _: ((2, *widths) in shapes) != pairs)


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
    for name, dims, subsample in itertools.product(PAIRWISE, (1, 2, 3), (False, True))
}


class TestBlock(Block):
    blocks = BLOCKS | {
        "gaussian-small": made("gaussian", 2, True, as_built),
        "concatenation-small": made("concatenation", 3, False, as_built),
    }
    representatives = ["embedded_gaussian-2d-subsample", "concatenation-2d"]
    planes = [name for name in BLOCKS if "2d" in name]


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
    literal = ["gaussian", "embedded_gaussian", "concatenation"]
    always = ["dot_product"]
    peak = "tests.snippets.peak_non_local"


class TestFile(File):
    module = non_local
    names = {"NonLocalBlock"}
