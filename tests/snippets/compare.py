"""怎样算相等：一张容差表，一个比较函数。"""

import torch
from torch import Tensor

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)

TOLERANCE = {  # 相对误差：相对于参考值里最大的绝对值；绝对误差：参考值本来是零时也允许的舍入
    torch.float64: (1e-12, 1e-13),
    torch.float32: (1e-5, 1e-6),
    torch.bfloat16: (2e-2, 2e-3),
    torch.float16: (2e-3, 2e-4),
}


def assert_agrees(actual: Tensor, expected: Tensor, reference: str) -> None:
    """actual 在其 dtype 的容差之内等于 expected；reference 说明 expected 从哪里来。"""
    assert actual.shape == expected.shape, f"形状 {actual.shape}，{reference} 是 {expected.shape}"
    if actual.numel() == 0:
        return
    difference = actual.detach().double().cpu() - expected.detach().double().cpu()
    error = difference.abs().max().item()
    relative, absolute = TOLERANCE[actual.dtype]
    allowed = relative * expected.detach().abs().max().item() + absolute
    assert error <= allowed, f"与 {reference} 相差 {error:.3g}，{actual.dtype} 允许 {allowed:.3g}"
