"""Three assertions: agrees with a reference, has a property, refuses bad input.

What counts as equal stands in one table of tolerances. Each assertion remembers in FACTS what it
saw, once it holds: device and dtype are those of the tensor itself, not of the test's parameters.
A test that uses none of the three proves nothing.
"""

from collections.abc import Callable
from types import MappingProxyType

import pytest
import torch
from torch import Tensor

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)

TOLERANCE = MappingProxyType(
    {
        torch.float64: (1e-12, 1e-13),
        torch.float32: (1e-5, 1e-6),
        torch.bfloat16: (2e-2, 2e-3),
        torch.float16: (2e-3, 2e-4),
    }
)
"""dtype → relative error, to the largest absolute value of the reference; and absolute error, the
rounding that is allowed where the reference is nothing but zeros."""

REORDERED = 1e-12
"""On a GPU threads add to the same number in another order each time: two results in float64 may
differ by so much (`nondet_tol` of torch.autograd.gradcheck)."""

FACTS: list[dict] = []
"""What the running test has asserted."""


def assert_agrees(actual: Tensor, expected: Tensor, reference: str) -> None:
    """`actual` equals `expected` of the same shape, within the tolerance of actual's dtype.

    `expected` is finite and was computed by itself: the same tensor, or another look at the same
    memory, agrees with itself whatever is in it. `reference` says in words where it comes from.
    Raises AssertionError.
    """
    assert actual.shape == expected.shape, f"形状 {actual.shape}，{reference} 是 {expected.shape}"
    if actual.numel() == 0:
        return
    assert memory(actual) != memory(expected), f"{reference} 与被检验的是同一块内存，比较不出什么"
    assert expected.isfinite().all(), f"{reference} 里有无穷大或 NaN，和它比较不出误差"
    difference = actual.detach().double().cpu() - expected.detach().double().cpu()
    error = difference.abs().max().item()
    largest = expected.detach().abs().max().item()
    relative, absolute = TOLERANCE[actual.dtype]
    allowed = relative * largest + absolute
    by_itself = relative * largest >= absolute  # below, it is rounding, and no ratio says anything
    errors = {"absolute": error, "relative": error / largest if by_itself else None}
    assert error <= allowed, f"与 {reference} 相差 {error:.3g}，{actual.dtype} 允许 {allowed:.3g}"
    remember("reference", reference, actual, **errors)


def memory(tensor: Tensor) -> tuple[str, int]:
    """Where its values lie; two without any lie nowhere."""
    storage = tensor.untyped_storage()
    return str(tensor.device), storage.data_ptr() or id(tensor)


def assert_holds(subject: object, name: str, holds: Callable) -> None:
    """`holds(subject)` is true, everywhere where it is a tensor; `name` is the property in words.

    Raises AssertionError.
    """
    result = holds(subject)
    assert result.all() if isinstance(result, Tensor) else result, f"不成立：{name}"
    remember("property", name, subject)


def assert_refuses(message: str, call: Callable, *args: object, **options: object) -> None:
    """`call(*args, **options)` raises ValueError, whose text `message`, a pattern, is found in.

    Raises AssertionError.
    """
    tensors = [value for value in (*args, *options.values()) if isinstance(value, Tensor)]
    with pytest.raises(ValueError, match=message):
        call(*args, **options)
    remember("error", message, tensors[0] if tensors else None)


def remember(kind: str, name: str, subject: object, **errors: float | None) -> None:
    where = {"device": None, "dtype": None}  # it isn't about a tensor
    if isinstance(subject, Tensor):
        where = {"device": subject.device.type, "dtype": str(subject.dtype).removeprefix("torch.")}
    FACTS.append({"kind": kind, "name": name, **where, **errors})
