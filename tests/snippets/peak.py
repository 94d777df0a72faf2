"""进程的内存峰值增长了多少：不要权重时，再要权重时。"""

import re
from pathlib import Path

import torch


def peak():
    status = Path("/proc/self/status").read_text("utf-8")
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) / 1024


def print_growth(blocks):
    """blocks 是 16 个通道的模块；要权重的是第一个。"""
    for size in (8, 96):  # 先用小的热身
        before = peak()
        for block in blocks:
            x = torch.randn(1, 16, size, size, requires_grad=True)
            block(x).sum().backward()
            torch.func.grad(lambda x: block(x).sum())(x.detach())
    print(peak() - before)
    blocks[0](torch.randn(1, 16, 96, 96), return_weights=True)
    print(peak() - before)
