"""不要权重时，softmax 形式不存 N×M 矩阵：看分配了什么，也看进程真正占了多少内存。"""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from snippets import NonLocalBlock, SelfAttention
from tests.snippets.compare import assert_holds

STATUS = Path("/proc/self/status")  # 内存峰值 VmHWM；ru_maxrss 不行，它从父进程继承

BLOCKS = {
    "dot_product": lambda: SelfAttention(6, similarity="dot_product"),
    "scaled_dot_product": lambda: SelfAttention(6, heads=2),
    "no padding": lambda: SelfAttention(6, 8, 8),
    "wider keys": lambda: SelfAttention(6, 12, 3, heads=3),
    "wider values": lambda: SelfAttention(6, 3, 12, heads=3),
    "gaussian": lambda: NonLocalBlock(6, pairwise="gaussian"),
    "embedded_gaussian": lambda: NonLocalBlock(6, 5),
    "embedded_gaussian, no padding": lambda: NonLocalBlock(6, 8),
    "subsample": lambda: NonLocalBlock(6, subsample=True),
}


class LargestTensor(TorchDispatchMode):
    """记下执行期间任何一个算子产生的最大张量有多少个元素。"""

    elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for value in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(value, torch.Tensor):
                self.elements = max(self.elements, value.numel())
        return result


def largest_tensor(block, x, **options):
    with LargestTensor() as seen:
        y = block(x, **options)
        (y[0] if options else y).sum().backward()
    return seen.elements


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "channels_last"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_no_matrix_of_all_pairs(name, layout, dtype, device):  # float64 在 CUDA 上没有融合内核
    block = BLOCKS[name]().to(device, dtype)
    x = torch.randn(1, 6, 32, 32, device=device, dtype=dtype).contiguous(memory_format=layout)
    positions = 32 * 32
    keys = positions // 4 if name == "subsample" else positions
    assert_holds(x, "不产生 N×M 大小的张量", lambda x: largest_tensor(block, x) < positions * keys / 4)


class Aligned(TorchFunctionMode):
    """记下交给融合内核的张量最后一维的宽度。"""

    def __init__(self):
        super().__init__()
        self.widths = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is F.scaled_dot_product_attention:
            self.widths += [tensor.shape[-1] for tensor in args]
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", BLOCKS)
def test_widths_suit_the_kernels_of_a_gpu(name, device):
    """CUDA 的内核要求按 16 字节对齐：float16 是 8 的倍数。补得也不比这更多。"""
    block = BLOCKS[name]().to(device)
    x = torch.randn(1, 6, 4, 4, device=device)
    with Aligned() as seen:
        y = block(x)
    assert_holds(y, "三个张量补到同一个 8 的倍数", lambda _: len(seen.widths) == 3 and set(seen.widths) in ({8}, {16}))


@pytest.mark.parametrize("name", BLOCKS)
def test_asking_for_weights_makes_that_matrix(name, device):
    """上一个测试看得见 N×M 矩阵：要权重时它就在。"""
    block = BLOCKS[name]().to(device)
    x = torch.randn(1, 6, 32, 32, device=device)
    keys = 16 * 16 if name == "subsample" else 32 * 32
    assert_holds(
        x,
        "要权重时才有 N×M 大小的张量",
        lambda x: largest_tensor(block, x, return_weights=True) >= 32 * 32 * keys,
    )


@pytest.mark.skipif(not STATUS.exists(), reason=f"这个系统没有 {STATUS}，读不到进程的内存峰值")
def test_peak_memory():
    """96×96 个位置的 N×N float32 矩阵要 324 MiB；前向加反向的峰值增长远小于它。"""
    program = """
        import re, torch
        from snippets import NonLocalBlock, SelfAttention

        def peak():
            return int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1]) / 1024

        blocks = [SelfAttention(16, 8, 24), NonLocalBlock(16), NonLocalBlock(16, pairwise="gaussian")]
        for size in (8, 96):  # 先用小的热身
            before = peak()
            for block in blocks:
                block(torch.randn(1, 16, size, size, requires_grad=True)).sum().backward()
        print(peak() - before)
        blocks[1](torch.randn(1, 16, 96, 96), return_weights=True)
        print(peak() - before)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    fused, literal = map(float, done.stdout.split())
    matrix = (96 * 96) ** 2 * 4 / 1024**2
    assert literal > matrix, f"要权重时的峰值增长 {literal:.0f} MiB，应容得下一个 N×N 矩阵"
    assert fused < matrix / 3, f"不要权重时的峰值增长 {fused:.0f} MiB"
