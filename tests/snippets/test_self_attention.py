"""SelfAttention 与它的三步、四种相似度函数。"""

import contextlib
import copy
import functools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kb.proof import assert_agrees, assert_holds, assert_refuses
from snippets import SelfAttention, aggregate, normalise, score, self_attention
from snippets.self_attention import (
    ATTENTIONS,
    attention_of_few,
    concatenation_attention,
    perceptron_attention,
)
from tests.snippets import reference_self_attention as reference
from tests.snippets.contract_block import Block
from tests.snippets.contract_file import File
from tests.snippets.contract_memory import Memory, largest_tensor
from tests.snippets.contract_switches import Switches
from tests.snippets.data import draw, fast, gradients
from tests.snippets.operators import Operators

SIMILARITIES = ("dot_product", "scaled_dot_product", "concatenation", "perceptron")

similarities = pytest.mark.parametrize("similarity", SIMILARITIES)


def similarity_parameters(similarity, heads, d, **options):
    """每个头一份的参数，按名字。"""
    if similarity == "concatenation":
        return {"w": draw(heads, 2 * d, **options)}
    if similarity == "perceptron":
        return {
            "W": draw(heads, d, d, **options),
            "U": draw(heads, d, d, **options),
            "v": draw(heads, d, **options),
        }
    return {}


class TestSteps:
    # 一个 query q = (1, 2)，两个 key k₁ = (3, 4)、k₂ = (0, −1)，一个头
    QUERY = torch.tensor([[[[1.0, 2.0]]]])
    KEY = torch.tensor([[[[3.0, 4.0], [0.0, -1.0]]]])

    def by_hand(self, device, similarity, **parameters):
        parameters = {name: torch.tensor([value], device=device) for name, value in parameters.items()}
        return score(self.QUERY.to(device), self.KEY.to(device), similarity, **parameters)

    def expect(self, scores, *values):
        assert_agrees(scores, torch.tensor([[[values]]]), "手算的值")

    def test_dot_product_by_hand(self, device):
        # 1·3 + 2·4 = 11；1·0 + 2·(−1) = −2
        self.expect(self.by_hand(device, "dot_product"), 11.0, -2.0)

    def test_scaled_dot_product_by_hand(self, device):
        # d = 2：上面两数除以 √2
        self.expect(self.by_hand(device, "scaled_dot_product"), 11 / math.sqrt(2), -2 / math.sqrt(2))

    def test_the_similarity_is_scaled_unless_told_otherwise(self, device):
        scores = score(self.QUERY.to(device), self.KEY.to(device))
        self.expect(scores, 11 / math.sqrt(2), -2 / math.sqrt(2))

    def test_concatenation_by_hand(self, device):
        # w = (1, 10, 100, 1000)：1 + 20 + 300 + 4000 = 4321；1 + 20 + 0 − 1000 = −979
        scores = self.by_hand(device, "concatenation", w=[1.0, 10.0, 100.0, 1000.0])
        self.expect(scores, 4321.0, -979.0)

    def test_perceptron_by_hand(self, device):
        # W q = (1·1 + 0·2, 0·1 + 0.5·2) = (1, 1)
        # U k₁ = (0.1·4, 0.1·3) = (0.4, 0.3)，U k₂ = (−0.1, 0)
        # v = (2, −1)：2·tanh 1.4 − tanh 1.3；2·tanh 0.9 − tanh 1
        scores = self.by_hand(
            device,
            "perceptron",
            W=[[1.0, 0.0], [0.0, 0.5]],
            U=[[0.0, 0.1], [0.1, 0.0]],
            v=[2.0, -1.0],
        )
        first = 2 * math.tanh(1.4) - math.tanh(1.3)
        second = 2 * math.tanh(0.9) - math.tanh(1.0)
        self.expect(scores, first, second)

    def test_normalise_by_hand(self, device):
        # e⁰ : e^ln3 = 1 : 3
        weights = normalise(torch.tensor([[[[0.0, math.log(3)]]]], device=device))
        assert_agrees(weights, torch.tensor([[[[0.25, 0.75]]]]), "手算的值")

    def test_aggregate_by_hand(self, device):
        # ¼·(4, 8, 0) + ¾·(0, 4, −4) = (1, 5, −3)
        weights = torch.tensor([[[[0.25, 0.75]]]], device=device)
        value = torch.tensor([[[[4.0, 8.0, 0.0], [0.0, 4.0, -4.0]]]], device=device)
        y = aggregate(weights, value)
        assert_agrees(y, torch.tensor([[[[1.0, 5.0, -3.0]]]]), "手算的值")

    def test_few_positions(self, dtype, device):
        query, key, value = (draw(6, size, 9, dtype=dtype, device=device) for size in (5, 5, 7))
        y = attention_of_few(query, key, value, 0.5)
        query, key, value = (each.double().cpu() for each in (query, key, value))
        expected = value @ (0.5 * query.mT @ key).softmax(-1).mT
        assert_agrees(y, expected, "torch.softmax，float64")

    @similarities
    def test_score_against_loops(self, similarity, dtype, device):
        options = {"dtype": dtype, "device": device}
        query, key = draw(2, 3, 5, 7, **options), draw(2, 3, 11, 7, **options)
        own = similarity_parameters(similarity, 3, 7, **options)
        scores = score(query, key, similarity, **own)
        weights = {f"parameters.{name}": value.double().cpu() for name, value in own.items()}
        query, key = query.double().cpu(), key.double().cpu()
        expected = [
            [
                [
                    [reference.similarity(similarity, q, k, weights, head) for k in key[b, head]]
                    for q in query[b, head]
                ]
                for head in range(3)
            ]
            for b in range(2)
        ]
        assert_agrees(scores, torch.tensor(expected, dtype=torch.float64), "逐对循环，float64")

    def test_concatenation_really_concatenates(self, device):
        query, key, w = draw(2, 3, 5, 7), draw(2, 3, 11, 7), draw(3, 14)
        pairs = torch.cat(
            [query[:, :, :, None].expand(-1, -1, -1, 11, -1), key[:, :, None].expand(-1, -1, 5, -1, -1)],
            dim=-1,
        )
        literal = (pairs * w[None, :, None, None]).sum(-1)
        scores = score(query.to(device), key.to(device), "concatenation", w=w.to(device))
        assert_agrees(scores, literal, "torch.cat 拼出每一对，再与 w 点积")

    @given(seed=st.integers(0, 2**32), scale=st.sampled_from([0.01, 1.0, 100.0]), keys=st.integers(1, 13))
    def test_rows_sum_to_one(self, device, seed, scale, keys):
        generator = torch.Generator().manual_seed(seed)
        scores = scale * torch.randn(2, 3, 5, keys, generator=generator, dtype=torch.float64)
        weights = normalise(scores.to(device))
        assert_holds(weights, "权重不为负", lambda weights: weights >= 0)
        assert_agrees(weights.sum(-1), torch.ones(2, 3, 5), "和为一")

    @given(seed=st.integers(0, 2**32))
    def test_softmax_over_concatenation_ignores_the_query(self, device, seed):
        """w₁·q 对每个 key 都一样，softmax 把它消去。"""
        generator = torch.Generator().manual_seed(seed)
        one, other, key = (torch.randn(2, 3, 5, 7, generator=generator).double() for _ in range(3))
        w = torch.randn(3, 14, generator=generator).double().to(device)
        key = key.to(device)
        weights = normalise(score(one.to(device), key, "concatenation", w=w))
        others = normalise(score(other.to(device), key, "concatenation", w=w))
        assert_agrees(weights, others, "另一组 query 的权重")
        assert_holds(weights, "每个 query 的权重都相同", lambda weights: (weights - weights[:, :, :1]).abs() < 1e-12)

    def test_unknown_similarity_lists_the_choices(self, device):
        message = f"{'、'.join(SIMILARITIES)} 之一，得到 'cosine'"
        assert_refuses(message, score, self.QUERY.to(device), self.KEY.to(device), "cosine")


class TestAttentions:
    """三步合一、不存 N×M 矩阵的写法。"""

    @pytest.mark.parametrize("similarity", list(ATTENTIONS))
    @pytest.mark.parametrize("widths", [(7, 7), (3, 11), (11, 3), (8, 8), (9, 9)], ids=str)
    def test_against_the_three_steps(self, similarity, widths, dtype, device):
        d, e = widths
        options = {"dtype": dtype, "device": device}
        query, key, value = draw(2, 3, 5, d, **options), draw(2, 3, 13, d, **options), draw(2, 3, 13, e, **options)
        own = similarity_parameters(similarity, 3, d, **options)
        wide = {name: parameter.double() for name, parameter in own.items()}
        scores = score(query.double(), key.double(), similarity, **wide)
        literal = aggregate(normalise(scores), value.double())
        assert_agrees(ATTENTIONS[similarity](query, key, value, **own), literal, "三步，float64")

    @pytest.mark.parametrize("heads", [1, 2])
    def test_concatenation_is_the_three_steps(self, heads, dtype, device):
        """Q、K、V 一个也不算，输出与三步的一样，每个位置都是它。"""
        module = SelfAttention(5, 6, 14, heads=heads, similarity="concatenation").to(device, dtype)
        x, own = draw(3, 5, 2, 7, dtype=dtype, device=device), module.similarity_parameters
        y = concatenation_attention(x, module.query, module.key, module.value, **own)
        literal = copy.deepcopy(module).double()(x.double(), return_weights=True)[0]
        assert_agrees(y, literal, "三步，float64")
        assert_holds(y, "自己的内存", lambda y: y.is_contiguous())

    def test_concatenation_reads_x_alone(self, device):
        """没有一个张量有 N 个位置、每个位置 heads·d 或 heads·e 个数，输出除外。"""
        module = SelfAttention(5, 6, 14, heads=2, similarity="concatenation").to(device)
        x = draw(3, 5, 2, 7, dtype=torch.float32, device=device)
        with Operators() as seen, torch.no_grad():
            module(x)
        large = {tuple(output.shape) for output in seen.outputs if output.numel() > x.numel()}
        assert_holds(x, "比 x 大的只有输出", lambda _: large == {(3, 14, 2, 7)})

    def test_unused_parameters_have_gradients_of_zero(self, device):
        module = SelfAttention(5, 6, 14, heads=2, similarity="concatenation").to(device)
        module(draw(3, 5, 2, 7, dtype=torch.float32, device=device)).square().sum().backward()
        for unused in (module.query.weight, module.query.bias, module.key.bias):
            assert_holds(unused, "约去的参数，梯度是零，而不是没有", lambda unused: unused.grad == 0)

    def perceptron(self, device, limit):
        """三步与分块的感知机注意力，同样的输入。"""
        inputs = [draw(2, 3, n, 7, device=device).requires_grad_() for n in (5, 13, 13)]
        own = {name: value.requires_grad_() for name, value in similarity_parameters("perceptron", 3, 7, device=device).items()}
        query, key, value = inputs
        literal = aggregate(normalise(score(query, key, "perceptron", **own)), value)
        return perceptron_attention(*inputs, **own, limit=limit), literal, [*inputs, *own.values()]

    @pytest.mark.parametrize("limit", [1, 546, 2 * 546 + 1, 5 * 546, 2**20])
    def test_perceptron_in_blocks_of_queries(self, limit, device):  # 一个 query 的隐层：2·3·13·7 = 546
        y, literal, inputs = self.perceptron(device, limit)
        assert_agrees(y, literal, "三步")
        expected = torch.autograd.grad(literal.square().sum(), inputs)
        for one, other in zip(torch.autograd.grad(y.square().sum(), inputs), expected, strict=True):
            assert_agrees(one, other, "三步的梯度")

    def test_perceptron_in_blocks_compiles_and_exports(self, device):
        inputs = [draw(1, 2, n, 7, device=device) for n in (5, 13, 13)]
        own = similarity_parameters("perceptron", 2, 7, device=device)

        class Module(torch.nn.Module):
            def forward(self, query, key, value):
                return perceptron_attention(query, key, value, **own, limit=2 * 2 * 13 * 7)

        y = Module()(*inputs)
        torch.compiler.reset()
        compiled = torch.compile(Module(), backend="aot_eager", fullgraph=True)
        assert_agrees(compiled(*inputs), y, "未编译的同一函数")
        assert_agrees(torch.export.export(Module(), tuple(inputs)).module()(*inputs), y, "未导出的同一函数")


class TestSelfAttention:
    @similarities
    @pytest.mark.parametrize("heads", [1, 2])
    def test_against_loops(self, similarity, heads, dtype, device):
        module = fast(SelfAttention(5, 6, 14, heads=heads, similarity=similarity)).to(device, dtype)
        x = draw(2, 5, 2, 3, dtype=dtype, device=device)
        y, weights = module(x, return_weights=True)
        expected_y, expected_weights = reference.self_attention(module, x)
        assert_agrees(weights, expected_weights, "逐个位置的循环，float64")
        assert_agrees(y, expected_y, "逐个位置的循环，float64")
        assert_agrees(module(x), expected_y, "逐个位置的循环，float64")

    @similarities
    def test_is_the_three_steps(self, similarity, device):
        """模块的结果，就是卷积之后依次调用 score、normalise、aggregate。"""
        module = fast(SelfAttention(5, 6, 14, heads=2, similarity=similarity)).to(device).double()
        x = draw(3, 5, 2, 7, device=device)
        query, key, value = (
            conv(x).reshape(3, 2, -1, 14).transpose(-2, -1) for conv in (module.query, module.key, module.value)
        )
        own = dict(module.similarity_parameters.items())
        y = aggregate(normalise(score(query, key, similarity, **own)), value)
        literal = y.transpose(-2, -1).reshape(3, 14, 2, 7)
        assert_agrees(module(x), literal, "三步")

    def test_against_multihead_attention(self, device):
        """同样的权重，torch.nn.MultiheadAttention（输出投影设为恒等）给出同样的结果。"""
        module = fast(SelfAttention(6, heads=3)).to(device).double()
        peer = torch.nn.MultiheadAttention(6, 3, batch_first=True, dtype=torch.float64, device=device)
        convs = (module.query, module.key, module.value)
        with torch.no_grad():
            peer.in_proj_weight.copy_(torch.cat([conv.weight[:, :, 0, 0] for conv in convs]))
            peer.in_proj_bias.copy_(torch.cat([conv.bias for conv in convs]))
            peer.out_proj.weight.copy_(torch.eye(6))
            peer.out_proj.bias.zero_()
        x = draw(2, 6, 5, 7, device=device)
        sequence = x.flatten(2).transpose(1, 2)
        y, weights = module(x, return_weights=True)
        peer_y, peer_weights = peer(sequence, sequence, sequence, average_attn_weights=False)
        assert_agrees(y, peer_y.transpose(1, 2).reshape(x.shape), "torch.nn.MultiheadAttention")
        assert_agrees(module(x), y, "要权重时的输出")
        assert_agrees(weights, peer_weights, "torch.nn.MultiheadAttention")

    def test_by_hand(self, device):
        # 一个通道、两个位置 x = (0, ln 3)；query = 1（只有偏置），key = x，value = 4x / ln 3 = (0, 4)
        # 打分 (0, ln 3)，权重 (¼, ¾)，输出 ¾·4 = 3，两个位置都一样
        module = SelfAttention(1).to(device)
        for conv, weight, bias in (
            (module.query, 0.0, 1.0),
            (module.key, 1.0, 0.0),
            (module.value, 4 / math.log(3), 0.0),
        ):
            torch.nn.init.constant_(conv.weight, weight)
            torch.nn.init.constant_(conv.bias, bias)
        x = torch.tensor([[[[0.0, math.log(3)]]]], device=device)
        assert_agrees(module(x), torch.tensor([[[[3.0, 3.0]]]]), "手算的值")

    def test_scaling_keeps_float16_from_overflowing(self, device):
        # 点积 256·20² = 102400 超出 float16；除以 √256 之后只有 6400
        query = torch.full((1, 1, 2, 256), 20.0, device=device, dtype=torch.float16)
        scores = score(query, query, "scaled_dot_product")
        assert_agrees(scores, torch.full((1, 1, 2, 2), 6400.0), "手算的值")

    @pytest.mark.parametrize("similarity", ["concatenation", "perceptron"])
    def test_similarity_parameters_start_like_linear_layers(self, similarity):
        module = SelfAttention(60, similarity=similarity)
        for parameter in module.similarity_parameters.values():
            bound = 1 / math.sqrt(parameter.shape[-1])
            assert_holds(parameter, "初始值在 ±1/√输入维数 之间", lambda p: 0.9 * bound < p.abs().max() <= bound)
            assert_holds(parameter, "初始值以零为中心", lambda p: abs(p.mean()) < 0.3 * bound)

    @similarities
    def test_shapes(self, similarity, device):
        module = SelfAttention(5, 6, 14, heads=2, similarity=similarity).to(device)
        y, weights = module(torch.randn(3, 5, 2, 7, device=device), return_weights=True)
        assert_holds(y, "形状为 (B, value_channels, H, W)", lambda y: y.shape == (3, 14, 2, 7))
        assert_holds(weights, "权重的形状为 (B, heads, N, N)", lambda weights: weights.shape == (3, 2, 14, 14))

    def test_channels_default_to_in_channels(self):
        module = SelfAttention(5)
        for conv in (module.query, module.key, module.value):
            assert_holds(conv, "通道数默认等于 in_channels", lambda conv: conv.weight.shape == (5, 5, 1, 1))
            assert_holds(conv, "有偏置", lambda conv: conv.bias.shape == (5,))

    def test_similarity_parameters_are_per_head(self):
        shapes = {
            "dot_product": {},
            "scaled_dot_product": {},
            "concatenation": {"w": (2, 6)},
            "perceptron": {"W": (2, 3, 3), "U": (2, 3, 3), "v": (2, 3)},
        }
        for similarity in SIMILARITIES:
            module = SelfAttention(5, 6, 14, heads=2, similarity=similarity)
            own = {name: tuple(value.shape) for name, value in module.similarity_parameters.items()}
            assert_holds(own, "相似度的参数每头一份", lambda own: own == shapes[similarity])

    @similarities
    @given(data=st.data())
    def test_follows_a_permutation_of_positions(self, similarity, device, data):
        """位置怎样打乱，输出就怎样打乱，权重的行与列都跟着打乱。"""
        order = torch.tensor(data.draw(st.permutations(range(11))), device=device)
        torch.manual_seed(data.draw(st.integers(0, 2**32)))
        module = fast(SelfAttention(5, 6, 14, heads=2, similarity=similarity)).to(device).double()
        x = draw(2, 5, 1, 11, device=device)
        y, weights = module(x, return_weights=True)
        permuted_y, permuted_weights = module(x[..., order], return_weights=True)
        assert_agrees(permuted_y, y[..., order], "打乱未打乱的输出")
        assert_agrees(permuted_weights, weights[..., order, :][..., order], "打乱未打乱的权重")

    @similarities
    def test_gradients_are_those_of_the_steps(self, similarity, device):
        module = fast(SelfAttention(5, 6, 14, heads=2, similarity=similarity)).to(device).double()
        x = draw(2, 5, 3, 7, device=device).requires_grad_()
        literal = gradients(lambda x: module(x, return_weights=True)[0], module, x)
        for one, other in zip(gradients(module, module, x), literal, strict=True):
            assert_agrees(one, other, "三步的梯度")

    @similarities
    def test_many_positions_give_the_same(self, similarity, device):
        """位置多得模块自己就不存 N×N 矩阵。"""
        module = SelfAttention(5, 6, 14, heads=2, similarity=similarity).to(device).double()
        x = draw(2, 5, 19, 27, device=device)
        assert_agrees(module(x), module(x, return_weights=True)[0], "三步")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"similarity": "cosine"}, f"similarity 应为 {'、'.join(SIMILARITIES)} 之一，得到 'cosine'"),
            ({"heads": 7}, "整除 key_channels=6 与 value_channels=14，得到 heads=7"),
            ({"heads": 3}, "整除 key_channels=6 与 value_channels=14，得到 heads=3"),
            ({"heads": 0}, "得到 heads=0"),
            ({"in_channels": 0}, "in_channels、key_channels、value_channels 都应不小于 1，得到 0、6、14"),
            ({"key_channels": 0}, "都应不小于 1，得到 5、0、14"),
            ({"value_channels": 0}, "都应不小于 1，得到 5、6、0"),
        ],
    )
    def test_refuses_bad_arguments(self, options, message):
        sizes = {"in_channels": 5, "key_channels": 6, "value_channels": 14}
        assert_refuses(message, SelfAttention, **sizes | options)


def run_perceptron(limit, device):
    """17 个 query，13 个 key，两个头，隐层 5 维：每个 query 的隐层 2·13·5 个数。"""
    query, key, value = (draw(1, 2, n, 5, device=device).requires_grad_() for n in (17, 13, 13))
    W, U, v = draw(2, 5, 5, device=device), draw(2, 5, 5, device=device), draw(2, 5, device=device)
    with Operators() as seen:
        perceptron_attention(query, key, value, W, U, v, limit=limit).sum().backward()
    return query, seen


# limit = 1：一次一个 query，2·13·5 个数，比 W q 的 2·17·5 还少
@pytest.mark.parametrize(("limit", "largest"), [(1, 2 * 17 * 5), (2**9, 3 * 2 * 13 * 5), (2**12, 17 * 2 * 13 * 5)])
def test_perceptron_holds_few_hidden_values(limit, largest, device):
    query, seen = run_perceptron(limit, device)
    assert_holds(query, "一次算尽可能多的 query，不超过 limit", lambda _: seen.largest == largest)


def test_perceptron_holds_a_million_hidden_values(device):
    """CPU 上要留在缓存里；GPU 上一块要大，在没有值的 meta 设备上看得见。"""
    block, x = SelfAttention(4, similarity="perceptron").to(device), torch.randn(1, 4, 64, 64, device=device)
    expected = 2**20 if device == "cpu" else 2**24
    assert_holds(x, "CPU 上最大的张量有 2²⁰ 个数，GPU 上 2²⁴ 个", lambda x: largest_tensor(block, x) == expected)
    block.to("meta")
    assert_holds(x, "meta 设备上 2²⁴ 个", lambda x: largest_tensor(block, x.to("meta")) == 2**24)


@pytest.mark.parametrize(("queries", "hidden"), [(1024, 2**22), (1025, 2**20)])
def test_perceptron_keeps_few_hidden_values(queries, hidden, device):
    """一个 query 的隐层 1024·4 个数：1024 个 query 一共 2²² 个，正好还存着；再多就一块一块地算。"""
    options = {"dtype": torch.float32, "device": device}
    query, key, value = (draw(1, 1, n, 4, **options) for n in (queries, 1024, 1024))
    W, v = draw(1, 4, 4, **options), draw(1, 4, **options)
    with Operators() as seen:
        perceptron_attention(query, key, value, W, W, v)
    expected = hidden if device == "cpu" else queries * 1024 * 4  # GPU 上一块 2²⁴ 个数
    assert_holds(query, "一次算的隐层有多少个数", lambda _: seen.largest == expected)


@pytest.mark.parametrize(("limit", "calls"), [(17 * 130, 1), (17 * 130 - 1, 4), (7 * 130, 6)])
def test_perceptron_computes_blocks_again_for_the_gradient(limit, calls, device):
    """一块就够时隐层只算一次；否则每一块算两次，前向不存着。"""
    query, seen = run_perceptron(limit, device)
    names = [call.name for call in seen.calls]
    assert_holds(query, "tanh 算了几次", lambda _: names.count("tanh_") == calls)


def made(similarity, prepare=fast):
    return lambda: (prepare(SelfAttention(5, 6, 14, heads=2, similarity=similarity)), (3, 5, 2, 7))


def as_built(block):
    """位置这么少，模块会先存下 N×M 的矩阵。"""
    return block


class TestBlock(Block):
    blocks = {name: made(name) for name in SIMILARITIES} | {"small": made("scaled_dot_product", as_built)}
    representatives = ["scaled_dot_product"]
    planes = list(SIMILARITIES)


def block_of(similarity, size=(3, 5)):
    return lambda: (fast(SelfAttention(5, 4, 6, heads=2, similarity=similarity)), (2, 5, *size))


@contextlib.contextmanager
def keep(block, **options):
    """界线放在别处。"""
    vars(block).update(options)
    yield


class Limited(SelfAttention):
    """感知机一次的隐层不超过 limit 个数。"""

    def forward(self, x):
        convs = (self.query, self.key, self.value)
        maps = [conv(x).flatten(2).unflatten(1, (self.heads, -1)).mT for conv in convs]
        return perceptron_attention(*maps, **self.similarity_parameters, limit=self.limit)


def limited(limit):
    def make():
        block = Limited(5, 4, 6, heads=2, similarity="perceptron")
        return block, (2, 5, 3, 5), [functools.partial(keep, limit=each) for each in (limit, limit - 1)]

    return make


def around_pairs(similarity):
    """N·N 正好在界线上，与刚过了界线：15 个位置，两个头。"""

    def make():
        block, shape = block_of(similarity)()
        return block, shape, [functools.partial(keep, small=each) for each in (2 * 225, 2 * 225 - 1)]

    return make


class TestDerivatives(Switches):
    forms = {similarity: block_of(similarity) for similarity in SIMILARITIES}
    switches = {similarity: around_pairs(similarity) for similarity in ("dot_product", "scaled_dot_product")} | {
        "perceptron": limited(15 * 2 * 2 * 15 * 2)  # 全部隐层
    }


class TestMemory(Memory):
    frugal = {
        "dot_product": lambda: SelfAttention(6, similarity="dot_product"),
        "scaled_dot_product": lambda: SelfAttention(6, heads=2),
        "no padding": lambda: SelfAttention(6, 8, 8),
        "wider keys": lambda: SelfAttention(6, 12, 3, heads=3),
        "wider values": lambda: SelfAttention(6, 3, 12, heads=3),
        "concatenation": lambda: SelfAttention(6, heads=2, similarity="concatenation"),
    }
    fused = [name for name in frugal if name != "concatenation"]
    literal = {"scaled_dot_product": ((16, 32), (19, 27), 2 * 512 * 512)}
    always = ["concatenation"]
    peak = "tests.snippets.peak_self_attention"


class TestFile(File):
    module = self_attention
    others = {"snippets.fused"}
    names = {"SelfAttention"}
