"""大到一定的时候换一种算法的模块：contract_derivatives 之外，过了界线只差舍入。

    class TestDerivatives(Switches):
        switches = {"名字": lambda: (模块, 输入的形状, 界线的两边)}
"""

from torch.func import grad

from kb.proof import assert_agrees
from tests.snippets.contract_derivatives import Derivatives, penalty
from tests.snippets.data import draw


class Switches(Derivatives):
    switches: dict = {}

    def pytest_generate_tests(self, metafunc):
        super().pytest_generate_tests(metafunc)
        if "switch" in metafunc.fixturenames:
            metafunc.parametrize("switch", list(self.switches))

    def test_crossing_a_switch_changes_only_rounding(self, switch, device):
        """界线两边是同一个函数：值、梯度、二阶梯度都一样。"""
        module, shape, other = self.switches[switch]()
        module.to(device).double()
        x = draw(*shape, device=device)
        one, two = (self.three(module, setting, x) for setting in other)
        for name, here, there in zip(("值", "梯度", "二阶梯度"), one, two, strict=True):
            assert_agrees(here, there, f"界线另一边的{name}")

    def three(self, module, setting, x):
        with setting(module):
            forward = lambda x: module(x)  # noqa: E731
            return forward(x), grad(lambda x: forward(x).square().sum())(x), grad(lambda x: penalty(forward, x))(x)
