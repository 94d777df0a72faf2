"""对每个模块都成立的事：dtype、内存布局、空批次、编译、导出、存取、梯度。

一个模块的测试这样用它：

    class TestBlock(Block):
        blocks = {"名字": lambda: (模块, 输入的形状)}
        representatives = ["名字"]
"""

import copy
import importlib.util
import re
import shutil
import sysconfig
from pathlib import Path

import pytest
import torch

from kb.proof import REORDERED, assert_agrees, assert_holds, assert_refuses


class Block:
    blocks: dict = {}
    """名字 → 造出 (模块, 输入的形状) 的函数。"""
    representatives: list = []
    """其中用来做慢的测试的。"""
    planes: list = []
    """其中输入是图像、与刚建好时一样的，用来看可变的尺寸。"""

    def pytest_generate_tests(self, metafunc):
        for name, values in {
            "name": list(self.blocks),
            "representative": self.representatives,
            "plane": self.planes,
        }.items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values)

    def build(self, name, device):
        module, shape = self.blocks[name]()
        return module.to(device), torch.randn(shape, device=device)

    @pytest.fixture
    def block(self, name, device):
        """(模块, 输入)，float32。"""
        return self.build(name, device)

    def test_keeps_dtype_and_device(self, block, dtype):
        module, x = block
        y = module.to(dtype)(x.to(dtype))
        assert_holds(y, "dtype 与输入相同", lambda y: y.dtype == dtype)
        assert_holds(y, "设备与输入相同", lambda y: y.device == x.device)
        assert_holds(y, "没有无穷大，没有 NaN", torch.isfinite)

    def test_channels_last_gives_the_same(self, block, dtype):
        module, x = block
        module, x = module.to(dtype), x.to(dtype)
        if x.ndim == 3:
            other = x.transpose(1, 2).contiguous().transpose(1, 2)
        else:
            layout = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
            other = x.contiguous(memory_format=layout)
        assert not other.is_contiguous()
        assert_agrees(module(other), module(x), "同一输入，contiguous 布局")

    def test_empty_batch(self, block):
        module, x = block
        shape = (0, *module(x).shape[1:])
        assert_holds(module(x[:0]), "空的批次得到空的输出", lambda y: y.shape == shape)

    def test_reads_no_value(self, block):
        """meta 设备上的张量没有值：算到一半要看一个值（在 GPU 上就是停下来，拷回主机），就会出错。"""
        module, x = block
        shape = module(x).shape
        module.to("meta")

        def runs_without_values(x):
            x = x.to("meta").requires_grad_()
            y = module(x)
            y.sum().backward()
            return y.shape == shape and x.grad.is_meta

        assert_holds(x, "前向与反向都不看张量的值", runs_without_values)

    def test_state_dict_round_trip(self, block):
        module, x = block
        other = copy.deepcopy(module)
        for parameter in other.parameters():
            torch.nn.init.zeros_(parameter)
        assert_holds(other(x), "参数清零后输出不同", lambda y: not torch.equal(y, module(x)))
        other.load_state_dict(module.state_dict())
        assert_holds(other(x), "读回参数后输出逐位相等", lambda y: torch.equal(y, module(x)))

    def test_compiles_as_one_graph(self, block):
        module, x = block
        torch.compiler.reset()
        compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
        x.requires_grad_()
        assert_agrees(compiled(x), module(x), "未编译的同一模块")
        (gradient,) = torch.autograd.grad(compiled(x).square().sum(), x)
        (expected,) = torch.autograd.grad(module(x).square().sum(), x)
        assert_agrees(gradient, expected, "未编译的同一模块的梯度")

    @pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning")  # inductor 自己的
    def test_compiles_with_inductor(self, representative, device):
        headers = Path(sysconfig.get_path("include"), "Python.h")
        if not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))) or not headers.exists():
            pytest.skip("没有 C++ 编译器或 Python 头文件，inductor 用不了")
        if device == "cuda" and importlib.util.find_spec("triton") is None:
            pytest.skip("没有 triton，inductor 在 GPU 上用不了")
        module, x = self.build(representative, device)
        torch.compiler.reset()
        compiled = torch.compile(module, fullgraph=True)
        with torch.no_grad():
            assert_agrees(compiled(x), module(x), "未编译的同一模块")

    def test_exports(self, block):
        module, x = block
        exported = torch.export.export(module, (x,)).module()
        assert_agrees(exported(x), module(x), "未导出的同一模块")

    def test_exports_with_dynamic_sizes(self, plane, device):
        """导出一次，批次不同、位置多的、少的输入都能用。"""
        module, (_, channels, *_) = self.blocks[plane]()
        vars(module).pop("small", None)  # 与刚建好时一样
        module.to(device)
        x = torch.randn(2, channels, 17, 19, device=device)
        sizes = {0: torch.export.Dim("batch", min=2)}
        sizes |= {axis: torch.export.Dim(f"axis{axis}", min=4, max=512) for axis in (2, 3)}
        exported = torch.export.export(module, (x,), dynamic_shapes=(sizes,)).module()
        for shape in ((3, 4, 5), (5, 18, 23)):
            x = torch.randn(shape[0], channels, *shape[1:], device=device)
            assert_agrees(exported(x), module(x), "未导出的同一模块")

    def test_gradients(self, block):
        """解析梯度与有限差分一致，对输入，也对每个参数。"""
        module, x = block
        module, x = module.double(), x.double()[:2].requires_grad_()
        names = [name for name, _ in module.named_parameters()]
        values = [value.detach().requires_grad_() for value in module.parameters()]

        def forward(x, *values):
            return torch.func.functional_call(module, dict(zip(names, values, strict=True)), (x,))

        assert_holds(
            x,
            "解析梯度与有限差分一致",
            lambda x: torch.autograd.gradcheck(forward, (x, *values), fast_mode=True, nondet_tol=REORDERED),
        )

    def test_refuses_integers(self, block):
        module, x = block
        assert_refuses("x 应为浮点张量，得到 torch.int64", module, x.long())

    def test_refuses_a_wrong_rank(self, block):
        module, x = block
        axes = {3: "L", 4: "H, W", 5: "T, H, W"}[x.ndim]
        for other in (x[0], x[..., None]):
            came = re.escape(str(tuple(other.shape)))
            assert_refuses(rf"x 的形状应为 \(B, {x.shape[1]}, {axes}\)，.*得到 {came}", module, other)

    def test_refuses_a_wrong_channel_count(self, block):
        module, x = block
        message = rf"x 的形状应为 \(B, {x.shape[1]}, .*得到 \(\d+, {2 * x.shape[1]}, "
        assert_refuses(message, module, torch.cat([x, x], dim=1))

    def test_refuses_an_empty_axis(self, block):
        module, x = block
        for axis in range(2, x.ndim):
            assert_refuses("不小于 1，得到", module, x.narrow(axis, 0, 0))
