"""重新算的函数，融合的注意力，合成一次的卷积，半精度放不下的中间结果。"""

import copy

import pytest
import torch
from torch import nn
from torch.func import grad, jvp, vjp, vmap
from torch.utils._python_dispatch import TorchDispatchMode

from kb.proof import REORDERED, assert_agrees, assert_holds
from snippets import fused
from snippets.fused import (
    at_once,
    attention_in_blocks,
    fused_attention,
    gradient_kernel,
    gradients_of,
    in_blocks,
    in_single_precision,
    kernel,
    other_gradient,
    other_kernel,
    pad,
    push,
    recompute,
    rows_of,
    wide,
)
from tests.snippets.contract_file import File
from tests.snippets.data import draw
from tests.snippets.operators import Operators

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch 的前向模式自己的

SIZES = {"query": (2, 3, 5, 7), "key": (2, 3, 11, 7), "value": (2, 3, 11, 13)}


def inputs(dtype=torch.float64, device="cpu"):
    return [draw(*shape, dtype=dtype, device=device) for shape in SIZES.values()]


def literal(query, key, value, scale=0.3):
    """先存下 N×M 的权重。"""
    return torch.softmax(scale * query @ key.mT, dim=-1) @ value


def attention(*each):
    return fused_attention(*each, scale=0.3)


def product(a, b):
    """两个输入，非线性。"""
    return (a[:, None] * b).tanh().sum(dim=1) * a


def pair(a, b):
    return product(a, b), b.sin() @ a.new_ones(7, 2)


class TestRecompute:
    """与不重新算的同一函数比较。"""

    def given(self, device):
        return draw(5, device=device), draw(7, 5, device=device).mT

    def test_value_and_first_derivatives(self, device):
        a, b = self.given(device)
        assert_agrees(recompute(product, a, b), product(a, b), "同一函数")
        for one, other in zip(self.gradients(recompute_product, a, b), self.gradients(product, a, b)):
            assert_agrees(one, other, "同一函数的梯度")
        tangents = draw(5, device=device), draw(5, 7, device=device)
        for given in ((a, b), tangents):
            one, other = (jvp(each, (a, b), given)[1] for each in (recompute_product, product))
            assert_agrees(one, other, "同一函数的方向导数")
        one, other = (jvp(lambda a: each(a, b), (a,), tangents[:1])[1] for each in (recompute_product, product))
        assert_agrees(one, other, "同一函数的方向导数，只有一个输入在动")

    def test_one_input(self, device):
        a, _ = self.given(device)
        assert_agrees(recompute(torch.sin, a), a.sin(), "同一函数")

    def gradients(self, function, *inputs):
        inputs = [each.clone().requires_grad_() for each in inputs]
        return torch.autograd.grad(function(*inputs).square().sum(), inputs)

    def test_derivatives_of_derivatives(self, device):
        a, b = (each.requires_grad_() for each in self.given(device))
        assert_holds(
            a,
            "一阶、二阶，反向、前向，都与有限差分一致",
            lambda a: torch.autograd.gradcheck(
                recompute_product, (a, b), check_forward_ad=True, nondet_tol=REORDERED
            )
            and torch.autograd.gradgradcheck(recompute_product, (a, b), nondet_tol=REORDERED),
        )
        third = [
            grad(lambda a: grad(lambda a: grad(lambda a: each(a, b).square().sum())(a).square().sum())(a).sum())(a)
            for each in (recompute_product, product)
        ]
        assert_agrees(*(each.detach() for each in third), "同一函数的三阶导数")

    def test_each_of_a_batch(self, device):
        a, b = draw(3, 5, device=device), draw(5, 7, device=device)
        for dims in ((0, None), (1, None)):
            given = a if dims[0] == 0 else a.mT
            one, other = (vmap(each, in_dims=dims)(given, b) for each in (recompute_product, product))
            assert_agrees(one, other, "同一函数")
            one, other = (
                vmap(grad(lambda a, b: each(a, b).square().sum(), argnums=1), in_dims=dims)(given, b)
                for each in (recompute_product, product)
            )
            assert_agrees(one, other, "同一函数的梯度")

    def test_several_outputs(self, device):
        a, b = self.given(device)
        cotangents = draw(5, device=device), draw(5, 2, device=device)
        pulled = gradients_of(pair, 2)(*cotangents, a, b)
        for one, other in zip(pulled, vjp(pair, a, b)[1](cotangents), strict=True):
            assert_agrees(one, other, "torch.func.vjp")
        pushed = push(pair, (a, b), (a, None))
        for one, other in zip(pushed, jvp(pair, (a, b), (a, torch.zeros_like(b)))[1], strict=True):
            assert_agrees(one, other, "torch.func.jvp")

    def test_holds_nothing_but_the_inputs(self, device):
        a, b = (each.requires_grad_() for each in self.given(device))
        saved = []
        with torch.autograd.graph.saved_tensors_hooks(lambda each: saved.append(each) or each, lambda each: each):
            y = recompute(product, a, b)
        assert_holds(y, "存着的只有输入", lambda _: {each.data_ptr() for each in saved} <= {a.data_ptr(), b.data_ptr()})
        with Operators() as seen:
            y.sum().backward()
        assert_holds(y, "反向时再算一遍", lambda _: "tanh" in [call.name for call in seen.calls])

    def test_compiles_and_exports(self, device):
        a, b = (each.requires_grad_() for each in self.given(device))

        class Module(torch.nn.Module):
            def forward(self, a, b):
                return recompute(product, a, b)

        torch.compiler.reset()
        compiled = torch.compile(Module(), backend="aot_eager", fullgraph=True)
        assert_agrees(compiled(a, b), product(a, b), "未编译的同一函数")
        for one, other in zip(self.gradients(compiled, a, b), self.gradients(product, a, b)):
            assert_agrees(one, other, "未编译的同一函数的梯度")
        exported = torch.export.export(Module(), (a, b)).module()
        assert_agrees(exported(a, b), product(a, b), "未导出的同一函数")

    def test_computes_again_under_the_same_autocast(self, device):
        a, b = draw(5, 7, dtype=torch.float32, device=device).requires_grad_(), draw(7, 3, device=device).float()
        assert_holds(recompute(torch.matmul, a, b), "没有 autocast 时照输入", lambda y: y.dtype == torch.float32)
        with torch.autocast(device, torch.float16):
            y = recompute(torch.matmul, a, b)
        assert_holds(y, "照 autocast 的 dtype", lambda y: y.dtype == torch.float16)
        with Operators() as seen:
            y.sum().backward()
        products = [call for call in seen.calls if call.name == "mm"]
        dtypes = {each.dtype for call in products for each in call.inputs}
        assert_holds(y, "重新算时也是", lambda _: dtypes == {torch.float16})


def recompute_product(a, b):
    return recompute(product, a, b)


class TestAttention:
    @pytest.mark.parametrize("widths", [(7, 7), (3, 11), (11, 3), (8, 8), (9, 9), (16, 5)], ids=str)
    def test_against_the_literal_form(self, widths, dtype, device):
        d, e = widths
        given = [draw(2, 3, n, width, dtype=dtype, device=device) for n, width in ((5, d), (13, d), (13, e))]
        y = fused_attention(*given, scale=0.3)
        assert_agrees(y, literal(*(each.double() for each in given)), "先存下权重的写法，float64")

    def test_pads_only_what_is_missing(self, device):
        x = draw(2, 3, 5, 8, device=device)
        assert_holds(x, "宽度已够、连续的张量不复制", lambda x: pad(x, 8) is x)
        assert_agrees(pad(x, 11), torch.cat([x, x.new_zeros(2, 3, 5, 3)], dim=3), "后面接上零")

    def test_first_derivatives(self, dtype, device):
        given = inputs(dtype, device)
        weights = draw(2, 3, 5, 13, dtype=dtype, device=device)
        found, expected = (
            torch.autograd.grad((function(*each) * weights).sum(), each)
            for function, each in (
                (attention, [each.clone().requires_grad_() for each in given]),
                (literal, [each.double().requires_grad_() for each in given]),
            )
        )
        for one, other in zip(found, expected, strict=True):
            if dtype in (torch.float64, torch.float32):
                assert_agrees(one, other, "先存下权重的写法的梯度，float64")
            else:  # 内核里的和用半精度存
                close = (one - other).abs().max() < 0.02 * other.abs().max()
                assert_holds(one, "与 float64 的梯度相差不超过百分之二", lambda _: close)

    def test_every_derivative_is_that_of_the_literal_form(self, device):
        given = inputs(device=device)
        tangents = inputs(device=device)

        def all_of(function):
            def first(*each):
                return grad(lambda *each: function(*each).square().sum(), argnums=(0, 1, 2))(*each)

            def penalty(*each):
                return sum(one.square().sum() for one in first(*each))

            several = [torch.stack([each, each + 1], dim=1) for each in given[:1]] + given[1:]
            dims = (1, None, None)
            yield function(*given)
            yield from first(*given)
            yield from grad(penalty, argnums=(0, 1, 2))(*given)
            yield grad(lambda query: grad(penalty)(query, *given[1:]).square().sum())(given[0])
            yield jvp(function, tuple(given), tuple(tangents))[1]
            yield jvp(lambda key: function(given[0], key, given[2]), (given[1],), (tangents[1],))[1]
            yield from jvp(first, tuple(given), tuple(tangents))[1]
            yield vmap(function, in_dims=dims)(*several)
            yield from vmap(first, in_dims=dims)(*several)
            yield from vmap(grad(penalty, argnums=(0, 1)), in_dims=dims)(*several)

        for one, other in zip(all_of(attention), all_of(literal), strict=True):
            size = max(1, other.abs().max().item())
            assert_agrees(one / size, other / size, "先存下权重的写法的导数")

    def test_forward_mode(self, device):
        given = [each.requires_grad_() for each in inputs(device=device)]
        assert_holds(
            given[0],
            "前向模式与有限差分一致",
            lambda _: torch.autograd.gradcheck(
                attention, given, check_forward_ad=True, fast_mode=True, nondet_tol=REORDERED
            )
            and torch.autograd.gradgradcheck(
                attention, given, check_fwd_over_rev=True, fast_mode=True, nondet_tol=REORDERED
            ),
        )

    def test_kernels_of_other_devices(self, device):
        """不在 CPU 上时用 scaled_dot_product_attention，梯度再算一遍前向；meta 上看得见形状。"""
        given = inputs(device=device)
        query, key, value = given = [pad(each, 16) for each in given]
        expected = literal(*given)
        gradient = torch.randn_like(expected)
        gradients = vjp(literal, *given)[1](gradient)
        y, nothing = other_kernel(*given, 0.3)
        assert_agrees(y, expected, "先存下权重的写法")
        assert_holds(nothing, "反向什么也不用", lambda nothing: nothing.numel() == 0)
        for one, other in zip(other_gradient(gradient, *given, y, nothing, 0.3), gradients, strict=True):
            assert_agrees(one, other, "先存下权重的写法的梯度")
        meta = [each.to("meta") for each in given]
        with Operators() as seen:
            y, logsumexp = kernel(*meta, 0.3)
            found = gradient_kernel(torch.empty_like(y), *meta, y, logsumexp, 0.3)
        names = {call.name for call in seen.calls}
        assert_holds(y, "meta 上不用 CPU 的内核", lambda _: not any("for_cpu" in name for name in names))
        assert_holds(y, "meta 上的梯度，形状同输入", lambda _: [one.shape for one in found] == [one.shape for one in meta])

    def test_the_kernel_of_the_device_is_used_twice(self, device):
        """前向一次，反向一次；三个张量补到同一个 8 的倍数，也不更多。"""
        given = [draw(2, 3, n, width, device=device).requires_grad_() for n, width in ((5, 9), (17, 9), (17, 3))]
        with Operators() as seen:
            attention(*given).sum().backward()
        calls = [call for call in seen.calls if "scaled_dot_product" in call.name]
        assert_holds(given[0], "融合的内核两次", lambda _: len(calls) == 2 or device != "cpu")
        widths = [tensor.shape[-1] for tensor in calls[0].inputs]
        assert_holds(given[0], "补到 16", lambda _: widths == [16, 16, 16])

    def test_empty_batch(self, device):
        given = [each[:0].requires_grad_() for each in inputs(device=device)]
        y = attention(*given)
        y.sum().backward()
        assert_holds(y, "空的批次得到空的输出", lambda y: y.shape == (0, 3, 5, 13))
        assert_holds(given[0].grad, "空的梯度", lambda gradient: gradient.shape == (0, 3, 5, 7))

    def test_different_dtypes_meet_in_the_wider(self, device):
        query, key, value = inputs(device=device)
        y = attention(query, key, value.float())
        assert_holds(y, "float64", lambda y: y.dtype == torch.float64)
        assert_agrees(y, literal(query, key, value.float().double()), "先存下权重的写法")

    def test_compiles_and_exports(self, device):
        given = [each.requires_grad_() for each in inputs(device=device)]

        class Module(torch.nn.Module):
            def forward(self, *each):
                return attention(*each)

        torch.compiler.reset()
        compiled = torch.compile(Module(), backend="aot_eager", fullgraph=True)
        assert_agrees(compiled(*given), literal(*given), "先存下权重的写法")
        found, expected = (torch.autograd.grad(each(*given).square().sum(), given) for each in (compiled, literal))
        for one, other in zip(found, expected, strict=True):
            assert_agrees(one, other, "先存下权重的写法的梯度")
        exported = torch.export.export(Module(), tuple(given)).module()
        assert_agrees(exported(*given), literal(*given), "先存下权重的写法")

    def test_half_precision_scores_are_single(self, device):
        """打分 100·100·16 超出 float16：方向导数、二阶导数里也不变成 NaN。"""
        query = torch.full((1, 1, 3, 16), 100.0, device=device, dtype=torch.float16)
        y = attention_in_blocks(1.0)(query, query, query)
        assert_holds(y, "dtype 同输入", lambda y: y.dtype == torch.float16)
        assert_agrees(y, torch.full((1, 1, 3, 16), 100.0), "手算的值")
        gradient = grad(lambda each: attention(each, query, query).sum())(query)
        assert_holds(gradient, "梯度是有限的", torch.isfinite)


class Largest(TorchDispatchMode):
    """softmax 的结果最大有多少个数。"""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function is torch.ops.aten._softmax.default:
            self.sizes.append(result.numel())
        return result


class TestBlocks:
    @pytest.mark.parametrize(("rows", "calls"), [(0, 5), (1, 5), (2, 3), (4, 2), (5, 1), (9, 1)])
    def test_a_few_rows_at_a_time(self, rows, calls, device):
        query, key, value = inputs(device=device)
        seen = []

        def function(query, key, value):
            seen.append(query.shape[2])
            return literal(query, key, value)

        y = in_blocks(function, rows, (query,), key, value)
        assert_agrees(y, literal(query, key, value), "一次算完")
        assert_holds(y, "一次尽可能多的行", lambda _: (len(seen), max(seen)) == (calls, min(5, max(1, rows))))

    def test_several_are_split_alike(self, device):
        query, key, value = inputs(device=device)
        y = in_blocks(lambda a, b, key, value: literal(a * b, key, value), 2, (query, query + 1), key, value)
        assert_agrees(y, literal(query * (query + 1), key, value), "一次算完")

    def test_blocks_are_computed_again(self, device):
        query, key, value = (each.requires_grad_() for each in inputs(device=device))
        for rows, calls in ((2, 6), (5, 1)):
            seen = []

            def function(*each):
                seen.append(each)
                return literal(*each)

            y = in_blocks(function, rows, (query,), key, value)
            y.sum().backward()
            assert_holds(y, "几块时反向再算一遍，一块时不必", lambda _: len(seen) == calls)

    def test_how_many_rows(self, device):
        # 2·3·11 = 66 个打分一行：2²⁰ / 66 = 15887.5
        key = draw(2, 3, 11, 7, device=device)
        assert_holds(key, "一块不超过 2²⁰ 个打分", lambda key: rows_of(key) == 15887)
        assert_holds(key, "一块不超过 limit 个打分", lambda key: rows_of(key, 131) == 1)
        assert_holds(key, "一块最多 2²⁰ 个打分", lambda key: rows_of(key[:1, :1, :1]) == 2**20)
        assert_holds(key[:0], "没有 key 时也除得出", lambda key: rows_of(key, 131) == 131)

    def test_derivatives_by_blocks(self, device):
        """打分太多时，方向导数、二阶导数也一次几个 query：2·3·11 个打分一行，一块 15887 行。"""
        shapes = ((2, 3, 15888, 2), (2, 3, 11, 2), (2, 3, 11, 2))
        given, tangents = (tuple(draw(*shape, device=device) for shape in shapes) for _ in range(2))

        def second(function):
            def penalty(query):
                return grad(lambda query: function(query, *given[1:]).square().sum())(query).square().sum()

            return grad(penalty)

        with Largest() as seen:
            one = jvp(attention, given, tangents)[1]
            two = second(attention)(given[0])
        assert_holds(one, "softmax 一次不超过 15887 行", lambda _: max(seen.sizes) == 15887 * 66)
        assert_agrees(one, jvp(literal, given, tangents)[1], "先存下权重的写法的方向导数")
        assert_agrees(two, second(literal)(given[0]), "先存下权重的写法的二阶导数")


class TestAtOnce:
    """与一个一个地卷积比较。"""

    @pytest.mark.parametrize("dims", [1, 2, 3])
    def test_several_convolutions_as_one_product(self, dims, dtype, device):
        conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
        layers = [conv(7, width, 1).to(device, dtype) for width in (3, 1, 5)]
        x = draw(2, 7, *(2, 3, 5)[-dims:], dtype=dtype, device=device)
        exact = [copy.deepcopy(layer).double()(x.double()).flatten(2) for layer in layers]
        y = at_once(x, *layers)
        with Operators() as seen:
            at_once(x, *layers)
        assert_agrees(y, torch.cat(exact, dim=1), "一个一个地卷积，float64")
        products = [call.name for call in seen.calls if call.name in ("convolution", "baddbmm")]
        assert_holds(y, "只有一次矩阵乘法", lambda _: products == ["baddbmm"])


class TestSingle:
    def test_wide(self, dtype, device):
        x = draw(3, 5, dtype=dtype, device=device)
        expected = torch.float64 if dtype == torch.float64 else torch.float32
        assert_holds(wide(x), "至少是 float32", lambda x: x.dtype == expected)
        assert_agrees(wide(x), x.double().clone(), "同样的数")

    def test_what_float16_cannot_hold_on_the_way(self, device):
        """1000·1000 超出 float16，除以 1000 又放得下。"""

        class Module(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.factor = torch.nn.Parameter(torch.tensor(1000.0))

            def forward(self, x, divisor=1.0, both=False):
                y = self.factor * x / divisor
                return (y, x) if both else y

        module, x = Module().to(device).half(), torch.full((2, 3), 1000.0, device=device).half()
        y = in_single_precision(module, x, 1000.0)
        assert_agrees(y, torch.full((2, 3), 1000.0), "手算的值")
        both = in_single_precision(module, x, 1000.0, True)
        for one in both:
            assert_agrees(one, torch.full((2, 3), 1000.0), "手算的值")
        assert_holds(both, "都是 float16", lambda both: {one.dtype for one in (y, *both)} == {torch.float16})


class TestFile(File):
    module = fused
    names = {"fused_attention", "recompute"}
