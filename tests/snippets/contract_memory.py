"""不要权重时不存 N×M 矩阵：看分配了什么，也看进程真正占了多少内存。

一个模块的测试这样用它：

    class TestMemory(Memory):
        frugal = {"名字": lambda: 模块，通道数 6}
        fused = ["交给融合内核的"]
        literal = ["位置少时先存矩阵的"]
        always = ["位置再少也不存的"]
        peak = "测内存峰值的模块，名字"
"""

import subprocess
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from kb.proof import assert_holds, start_child
from tests.snippets.data import fast
from tests.snippets.operators import Operators

STATUS = Path("/proc/self/status")  # 内存峰值 VmHWM；ru_maxrss 不行，它从父进程继承


def largest_tensor(block, x, **options):
    with Operators() as seen:
        y = block(x, **options)
        (y[0] if options else y).sum().backward()
    return seen.largest


class Aligned(TorchFunctionMode):
    """记下交给融合内核的张量最后一维的宽度。"""

    def __init__(self):
        super().__init__()
        self.widths = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is F.scaled_dot_product_attention:
            self.widths += [tensor.shape[-1] for tensor in args]
        return function(*args, **(kwargs or {}))


class Memory:
    frugal: dict = {}
    fused: list = []
    literal: list = []
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
        x = torch.randn(1, 6, 32, 32, device=device, dtype=dtype).contiguous(memory_format=layout)
        positions = 32 * 32
        keys = positions // 4 if frugal == "subsample" else positions
        assert_holds(x, "不产生 N×M 大小的张量", lambda x: largest_tensor(block, x) < positions * keys / 4)

    def test_widths_suit_the_kernels_of_a_gpu(self, fused, device):
        """CUDA 的内核要求按 16 字节对齐：float16 是 8 的倍数。补得也不比这更多。"""
        block = fast(self.frugal[fused]()).to(device)
        x = torch.randn(1, 6, 4, 4, device=device)
        with Aligned() as seen:
            y = block(x)
        assert_holds(y, "三个张量补到同一个 8 的倍数", lambda _: len(seen.widths) == 3 and set(seen.widths) in ({8}, {16}))

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
        """N·M 不超过 65536 时先存下它：更快，也不大。"""
        block = self.frugal[literal]().to(device)
        few, more = torch.randn(1, 6, 16, 16, device=device), torch.randn(1, 6, 16, 17, device=device)
        assert_holds(few, "256 个位置时有 N×M 大小的张量", lambda x: largest_tensor(block, x) >= 256 * 256)
        assert_holds(more, "272 个位置时没有", lambda x: largest_tensor(block, x) < 272 * 272 / 2)

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
