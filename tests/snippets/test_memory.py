"""不要权重时不存 N×M 矩阵：看分配了什么，也看进程真正占了多少内存。"""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from kb.proof import assert_holds
from snippets import NonLocalBlock, SelfAttention
from snippets.non_local import dot_product_output
from snippets.self_attention import perceptron_attention
from tests.snippets.data import draw, fast
from tests.snippets.operators import Operators

STATUS = Path("/proc/self/status")  # 内存峰值 VmHWM；ru_maxrss 不行，它从父进程继承

FUSED = {
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
BLOCKS = FUSED | {
    "self-attention concatenation": lambda: SelfAttention(6, heads=2, similarity="concatenation"),
    "non-local dot_product": lambda: NonLocalBlock(6, pairwise="dot_product"),
    "non-local concatenation": lambda: NonLocalBlock(6, pairwise="concatenation"),
}


def largest_tensor(block, x, **options):
    with Operators() as seen:
        y = block(x, **options)
        (y[0] if options else y).sum().backward()
    return seen.largest


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


@pytest.mark.parametrize("name", FUSED)
def test_widths_suit_the_kernels_of_a_gpu(name, device):
    """CUDA 的内核要求按 16 字节对齐：float16 是 8 的倍数。补得也不比这更多。"""
    block = fast(FUSED[name]()).to(device)
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


@pytest.mark.parametrize("name", ["scaled_dot_product", "gaussian", "embedded_gaussian", "non-local concatenation"])
def test_few_positions_make_that_matrix(name, device):
    """N·M 不超过 65536 时先存下它：更快，也不大。"""
    block = BLOCKS[name]().to(device)
    few, more = torch.randn(1, 6, 16, 16, device=device), torch.randn(1, 6, 16, 17, device=device)
    assert_holds(few, "256 个位置时有 N×M 大小的张量", lambda x: largest_tensor(block, x) >= 256 * 256)
    assert_holds(more, "272 个位置时没有", lambda x: largest_tensor(block, x) < 272 * 272 / 2)


@pytest.mark.parametrize("name", ["non-local dot_product", "self-attention concatenation"])
def test_what_is_always_faster_needs_no_few_positions(name, device):
    block, x = BLOCKS[name]().to(device), torch.randn(1, 6, 16, 16, device=device)
    assert_holds(x, "256 个位置时也没有 N×M 大小的张量", lambda x: largest_tensor(block, x) < 256 * 256 / 2)


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


@pytest.mark.parametrize(("limit", "calls"), [(17 * 130, 1), (17 * 130 - 1, 4), (7 * 130, 6)])
def test_perceptron_computes_blocks_again_for_the_gradient(limit, calls, device):
    """一块就够时隐层只算一次；否则每一块算两次，前向不存着。"""
    query, seen = run_perceptron(limit, device)
    names = [call.name for call in seen.calls]
    assert_holds(query, "tanh 算了几次", lambda _: names.count("tanh_") == calls)


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


@pytest.mark.skipif(not STATUS.exists(), reason=f"这个系统没有 {STATUS}，读不到进程的内存峰值")
def test_peak_memory():
    """96×96 个位置的 N×N float32 矩阵要 324 MiB；前向加反向的峰值增长远小于它。"""
    program = """
        import re, torch
        from snippets import NonLocalBlock, SelfAttention
        from snippets.non_local import PAIRWISE

        def peak():
            return int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1]) / 1024

        blocks = [NonLocalBlock(16, pairwise=name) for name in PAIRWISE]
        blocks += [SelfAttention(16, 8, 24, similarity=name) for name in ("dot_product", "concatenation")]
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
