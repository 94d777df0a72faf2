"""不要权重时不存 N×M 矩阵：看分配了什么，也看进程真正占了多少内存。

一个模块的测试这样用它：

    class TestMemory(Memory):
        frugal = {"名字": lambda: 模块，通道数 6}
        fused = ["交给融合内核的"]
        literal = {"位置少时先存矩阵的": (最大的尺寸, 再大的, 那时矩阵有多少个数)}
        always = ["位置再少也不存的"]
        peak = "测内存峰值的模块，名字"
"""

import subprocess
from pathlib import Path

import pytest
import torch

from kb.proof import assert_holds, start_child
from tests.snippets.data import fast
from tests.snippets.operators import Operators

STATUS = Path("/proc/self/status")  # 内存峰值 VmHWM；ru_maxrss 不行，它从父进程继承


def largest_tensor(block, x, **options):
    with Operators() as seen:
        y = block(x, **options)
        (y[0] if options else y).sum().backward()
    return seen.largest


class Memory:
    frugal: dict = {}
    fused: list = []
    literal: dict = {}
    always: list = []
    peak = ""

    def pytest_generate_tests(self, metafunc):
        for group in ("frugal", "fused", "literal", "always"):
            if group in metafunc.fixturenames:
                metafunc.parametrize(group, list(getattr(self, group)))

    @pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "channels_last"])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
    def test_no_matrix_of_all_pairs(self, frugal, layout, dtype, device):  # float64 在 CUDA 上没有融合内核
        block = self.frugal[frugal]().to(device, dtype)
        x = torch.randn(1, 6, 40, 40, device=device, dtype=dtype).contiguous(memory_format=layout)
        positions = 40 * 40
        keys = positions // 4 if frugal == "subsample" else positions
        assert_holds(x, "不产生 N×M 大小的张量", lambda x: largest_tensor(block, x) < positions * keys / 4)
        with Operators() as seen:
            torch.func.grad(lambda x: block(x).sum())(x)
        assert_holds(x, "torch.func.grad 也不产生", lambda _: seen.largest < positions * keys / 4)

    def test_widths_suit_the_kernels_of_a_gpu(self, fused, device):
        """CUDA 的内核要求按 16 字节对齐：float16 是 8 的倍数。补得也不比这更多。"""
        block = fast(self.frugal[fused]()).to(device)
        x = torch.randn(1, 6, 4, 4, device=device)
        with Operators() as seen:
            y = block(x)
        (call,) = [call for call in seen.calls if "scaled_dot_product" in call.name]
        widths = [tensor.shape[-1] for tensor in call.inputs]
        assert_holds(y, "三个张量补到同一个 8 的倍数", lambda _: len(widths) == 3 and set(widths) in ({8}, {16}))

    def test_asking_for_weights_makes_that_matrix(self, frugal, device):
        """上一个测试看得见 N×M 矩阵：要权重时它就在。"""
        block = self.frugal[frugal]().to(device)
        x = torch.randn(1, 6, 32, 32, device=device)
        keys = 16 * 16 if frugal == "subsample" else 32 * 32
        assert_holds(
            x,
            "要权重时才有 N×M 大小的张量",
            lambda x: largest_tensor(block, x, return_weights=True) >= 32 * 32 * keys,
        )

    def test_few_positions_make_that_matrix(self, literal, device):
        """每个头的 N·M，加起来不超过 2¹⁹ 时先存下它：更快，也不大。"""
        block = self.frugal[literal]().to(device)
        few, more, pairs = self.literal[literal]
        few, more = (torch.randn(1, 6, *size, device=device) for size in (few, more))
        assert_holds(few, "不超过时有 N×M 大小的张量", lambda x: largest_tensor(block, x) >= pairs)
        assert_holds(more, "再多一点就没有", lambda x: largest_tensor(block, x) < pairs / 2)

    def test_what_is_always_faster_needs_no_few_positions(self, always, device):
        block, x = self.frugal[always]().to(device), torch.randn(1, 6, 16, 16, device=device)
        assert_holds(x, "256 个位置时也没有 N×M 大小的张量", lambda x: largest_tensor(block, x) < 256 * 256 / 2)

    @pytest.mark.skipif(not STATUS.exists(), reason=f"这个系统没有 {STATUS}，读不到进程的内存峰值")
    def test_peak_memory(self):
        """96×96 个位置的 N×N float32 矩阵要 324 MiB；前向加反向的峰值增长远小于它。"""
        child = start_child(self.peak, stdout=subprocess.PIPE, text=True)
        output, _ = child.communicate()
        assert child.returncode == 0
        fused, literal = map(float, output.split())
        matrix = (96 * 96) ** 2 * 4 / 1024**2
        assert literal > matrix, f"要权重时的峰值增长 {literal:.0f} MiB，应容得下一个 N×N 矩阵"
        assert fused < matrix / 3, f"不要权重时的峰值增长 {fused:.0f} MiB"
