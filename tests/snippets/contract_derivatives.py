"""各阶、各种方式的导数都算得出，与原样的写法一样；半精度里没有 NaN。

一个模块的测试这样用它：

    class TestDerivatives(Derivatives):
        forms = {"名字": lambda: (模块, 输入的形状)}
        literal = staticmethod(lambda module, x: 原样的写法)

有界线的用 contract_switches。
"""

import copy
import itertools

import pytest
import torch
from torch.autograd import forward_ad
from torch.func import functional_call, grad, jvp, vmap

from kb.proof import assert_agrees, assert_holds
from tests.snippets.data import draw

SCALES = (1e-6, 1.0, 18.0, 300.0, 5e3)
SIZES = ((2, 3), (5, 7))


def with_weights(module, x):
    """原样的写法：先存下权重。"""
    return module(x, return_weights=True)[0]


def penalty(forward, x):
    """梯度的平方和：它的梯度要求两次导。"""
    return grad(lambda x: forward(x).square().sum())(x).square().sum()


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch 的前向模式自己的
class Derivatives:
    forms: dict = {}
    literal = staticmethod(with_weights)

    def pytest_generate_tests(self, metafunc):
        if "form" in metafunc.fixturenames:
            metafunc.parametrize("form", list(self.forms))

    def build(self, form, device, dtype=torch.float64):
        module, shape = self.forms[form]()
        return module.to(device, dtype), draw(*shape, dtype=dtype, device=device)

    def test_second_derivatives(self, form, device):
        """梯度惩罚：对输入、对每个参数。"""
        module, x = self.build(form, device)
        x.requires_grad_()
        inputs = [x, *module.parameters()]

        def second(forward):
            (first,) = torch.autograd.grad(forward(x).square().sum(), x, create_graph=True)
            found = torch.autograd.grad(first.square().sum(), inputs, allow_unused=True)
            return [torch.zeros_like(of) if one is None else one for one, of in zip(found, inputs)]

        expected = second(lambda x: self.literal(module, x))
        size = max(1, *(each.abs().max().item() for each in expected))  # 本来是零的只剩舍入
        for one, other in zip(second(module), expected, strict=True):
            assert_agrees(one / size, other / size, "原样的写法的二阶导数")
        functional = grad(lambda x: penalty(module, x))(x.detach())
        assert_agrees(functional, expected[0], "原样的写法的二阶导数")

    def test_directional_derivatives(self, form, device):
        module, x = self.build(form, device)
        tangent = torch.randn_like(x)
        literal = jvp(lambda x: self.literal(module, x), (x,), (tangent,))[1]
        assert_agrees(jvp(module, (x,), (tangent,))[1], literal, "原样的写法的方向导数")
        with forward_ad.dual_level():
            forward = forward_ad.unpack_dual(module(forward_ad.make_dual(x, tangent))).tangent
        assert_agrees(forward, literal, "原样的写法的方向导数")
        product = jvp(lambda x: penalty(module, x), (x,), (tangent,))[1]
        expected = jvp(lambda x: penalty(lambda x: self.literal(module, x), x), (x,), (tangent,))[1]
        assert_agrees(product, expected, "原样的写法的二阶方向导数")

    def test_derivatives_of_each_sample(self, form, device):
        """vmap 套着 grad：每个样本一份参数的梯度；几组参数一起算。"""
        module, x = self.build(form, device)
        parameters = {name: value.detach() for name, value in module.named_parameters()}

        def both(forward):
            def loss(parameters, x):
                return forward(parameters, x[None]).square().sum()

            per_sample = vmap(grad(loss), in_dims=(None, 0))(parameters, x)
            several = {name: torch.stack([value, value / 2]) for name, value in parameters.items()}
            return [*per_sample.values(), vmap(forward, in_dims=(0, None))(several, x)]

        class Literal(torch.nn.Module):
            def __init__(own):
                super().__init__()
                own.module = module

            def forward(own, x):
                return self.literal(own.module, x)

        literal = Literal()
        expected = both(
            lambda given, x: functional_call(literal, {f"module.{name}": value for name, value in given.items()}, (x,))
        )
        actual = both(lambda given, x: functional_call(module, given, (x,)))
        for one, other in zip(actual, expected, strict=True):
            assert_agrees(one, other, "原样的写法")
        twice = vmap(grad(lambda x: penalty(module, x[None])))(x)
        expected = grad(lambda x: penalty(lambda x: self.literal(module, x), x))(x)
        assert_agrees(twice, expected, "原样的写法的二阶导数")

    @pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=str)
    def test_half_precision_is_finite(self, form, half, device):
        """同样的输入，float64 的结果放得下，半精度的就没有 NaN，没有无穷大；差得也不多。"""
        for scale, size, prepared in itertools.product(SCALES, SIZES, (True, False)):
            module, shape = self.forms[form]()
            if not prepared:
                vars(module).pop("small", None)  # 与刚建好时一样
            module.to(device, half)
            shape = (*shape[:2], *(size if len(shape) == 4 else size[:1] * (len(shape) - 2)))
            x = (scale * torch.relu(draw(*shape))).to(device, half).requires_grad_()
            wide = copy.deepcopy(module).double()
            exact = x.detach().double().requires_grad_()
            for options in ({}, {"return_weights": True}) if self.literal is with_weights else ({},):
                y, expected = module(x, **options), wide(exact, **options)
                pairs = zip(y, expected) if options else [(y, expected)]
                for one, other in pairs:
                    fits = other.abs() < 0.99 * torch.finfo(half).max
                    assert_holds(one, "放得下的都是有限的", lambda one: one.isfinite() | ~fits)
                    assert_holds(one, "dtype 与输入相同", lambda one: one.dtype == half)
                one, other = (each[0] if options else each for each in (y, expected))
                (gradient,) = torch.autograd.grad(one, x, torch.ones_like(one))
                (other,) = torch.autograd.grad(other, exact, torch.ones_like(other))
                fits = other.abs() < 0.99 * torch.finfo(half).max
                assert_holds(gradient, "放得下的梯度都是有限的", lambda gradient: gradient.isfinite() | ~fits)

    def test_autocast_gives_what_the_steps_give(self, form, device):
        module, x = self.build(form, device, torch.float32)
        x.requires_grad_()
        with torch.autocast(device, torch.bfloat16):
            y, literal = module(x), self.literal(module, x)
        assert_holds(y, "dtype 与原样的写法相同", lambda y: y.dtype == literal.dtype)
        y, literal = y.bfloat16(), literal.detach()
        assert_holds(y, "与原样的写法相差百分之几", lambda y: (y - literal).abs().max() < 0.1 * literal.abs().max())
        y.float().square().sum().backward()
        assert_holds(x.grad, "梯度是有限的", torch.isfinite)
