"""三种断言：与参考值相等、有某个性质、拒绝坏输入；怎样算相等，只有一张容差表。

每个断言把它看到的记进 FACTS：设备与 dtype 取自被检验的张量本身，不取自测试的参数。
记录证据时，没有用过这三种断言的测试什么也证明不了。
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)

TOLERANCE = {  # 相对误差：相对于参考值里最大的绝对值；绝对误差：参考值本来是零时也允许的舍入
    torch.float64: (1e-12, 1e-13),
    torch.float32: (1e-5, 1e-6),
    torch.bfloat16: (2e-2, 2e-3),
    torch.float16: (2e-3, 2e-4),
}

REORDERED = 1e-12
"""GPU 上几个线程加到同一个数上，次序每次不同：float64 的两次结果可以差这么多。"""

FACTS: list[dict] = []
"""正在运行的测试断言过什么。"""


def assert_agrees(actual: Tensor, expected: Tensor, reference: str) -> None:
    """actual 在其 dtype 的容差之内等于 expected；reference 说明 expected 从哪里来。"""
    assert actual.shape == expected.shape, f"形状 {actual.shape}，{reference} 是 {expected.shape}"
    if actual.numel() == 0:
        return
    difference = actual.detach().double().cpu() - expected.detach().double().cpu()
    error = difference.abs().max().item()
    largest = expected.detach().abs().max().item()
    relative, absolute = TOLERANCE[actual.dtype]
    allowed = relative * largest + absolute
    by_itself = relative * largest >= absolute  # 参考值再小，就只是舍入误差，与它相比没有意义
    errors = {"absolute": error, "relative": error / largest if by_itself else None}
    remember("reference", reference, actual, **errors)
    assert error <= allowed, f"与 {reference} 相差 {error:.3g}，{actual.dtype} 允许 {allowed:.3g}"


def assert_holds(subject: object, name: str, holds: Callable) -> None:
    """holds(subject) 为真，是张量时处处为真；name 说明这是什么性质。"""
    remember("property", name, subject)
    result = holds(subject)
    assert result.all() if isinstance(result, Tensor) else result, f"不成立：{name}"


def assert_refuses(message: str, call: Callable, *args: object, **options: object) -> None:
    """call(*args, **options) 抛出 ValueError，文字里有 message（正则表达式）。"""
    tensors = [value for value in (*args, *options.values()) if isinstance(value, Tensor)]
    remember("error", message, tensors[0] if tensors else None)
    with pytest.raises(ValueError, match=message):
        call(*args, **options)


def remember(kind: str, name: str, subject: object, **errors: float | None) -> None:
    where = {"device": None, "dtype": None}  # 与张量无关的断言
    if isinstance(subject, Tensor):
        where = {"device": subject.device.type, "dtype": str(subject.dtype).removeprefix("torch.")}
    FACTS.append({"kind": kind, "name": name, **where, **errors})
