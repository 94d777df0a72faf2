"""Three assertions: agrees with a reference, has a property, refuses bad input.

What counts as equal stands in one table of tolerances. Each assertion remembers in FACTS what it
saw, once it holds: device and dtype are those of the tensor itself, not of the test's parameters;
and in FAILED what it said where it didn't. A test that uses none of the three proves nothing.
"""

import ctypes
import functools
import hashlib
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import pytest
import torch
import torch.overrides
import torch.utils._python_dispatch
from torch import Tensor
from torch.utils._device import DeviceContext

from kb.proof import children

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)

TOLERANCE = MappingProxyType(
    {
        torch.float64: (1e-12, 1e-13),
        torch.float32: (1e-5, 1e-6),
        torch.bfloat16: (2e-2, 2e-3),
        torch.float16: (2e-3, 2e-4),
    }
)
"""dtype → relative error, to the value of the reference or, where that is small, to its scale; and
absolute error, the rounding that is allowed where the reference is nothing but zeros."""

SPREAD = 100
"""The scale of a reference is that of its largest value, but at most so many times the median of
those that aren't zero: a few that are huge don't hide what the others say."""

REORDERED = 1e-12
"""On a GPU threads add to the same number in another order each time: two results in float64 may
differ by so much (`nondet_tol` of torch.autograd.gradcheck)."""

FACTS: list[dict] = []
"""What the running test has asserted."""

RETURNED: deque[tuple[str, Tensor, str]] = deque(maxlen=512)
"""What the snippets' functions have returned in the running test: the place of the function, the
value, and a digest of its numbers as they were."""

REMEMBERED = 2**17
"""Numbers that a returned value may have: larger ones would be held for nothing."""

FAILED: list[tuple[str, str, str]] = []
"""What it has asserted in vain, by which assertion: a test that goes on after that hasn't passed.
Where two tensors differ in their numbers alone, also a digest of what was expected."""


class Differ(AssertionError):
    """Two tensors of one shape, both finite and each computed by itself, are not equal."""

    expected = ""
    """Digest of the reference."""


def said(assertion: Callable) -> Callable:
    """Notes where it fails, whoever catches that."""

    @functools.wraps(assertion)
    def noted(*arguments: object, **options: object) -> None:
        try:
            assertion(*arguments, **options)
        except (AssertionError, pytest.fail.Exception) as error:
            text = str(error).partition("\n")[0]
            FAILED.append((assertion.__name__, text, getattr(error, "expected", "")))
            raise

    return noted


@said
def assert_agrees(actual: Tensor, expected: Tensor, reference: str) -> None:
    """`actual` equals `expected` of the same shape, within the tolerance of actual's dtype.

    Both are of floating point, and tensors as torch makes them: another class could say of itself
    what it likes. `expected` is finite and was computed by itself: the same tensor, or another look
    at the same memory, agrees with itself whatever is in it. `reference` says in words where it
    comes from. Raises AssertionError.
    """
    check_plain(actual, expected)
    assert actual.shape == expected.shape, f"形状 {actual.shape}，{reference} 是 {expected.shape}"
    assert actual.dtype in TOLERANCE, f"{actual.dtype} 没有允许的误差，应是 {DTYPES} 之一"
    if actual.numel() == 0:
        return
    assert memory(actual) != memory(expected), f"{reference} 与被检验的是同一块内存，比较不出什么"
    assert expected.isfinite().all(), f"{reference} 里有无穷大或 NaN，和它比较不出误差"
    difference = (actual.detach().double().cpu() - expected.detach().double().cpu()).abs()
    relative, absolute = TOLERANCE[actual.dtype]
    size = sizes(expected)
    excess, place = (difference - (relative * size + absolute)).flatten().max(dim=0)
    error, allowed = difference.max().item(), (relative * size + absolute).flatten()[place].item()
    by_itself = relative * size.max() >= absolute  # below, it is rounding, and no ratio says anything
    ratio = (difference / size).max().item() if by_itself else None
    here = difference.flatten()[place].item()
    of, digest = origins(actual), numbers_of(expected)
    if not excess <= 0:
        differ = Differ(f"与 {reference} 相差 {here:.3g}，{actual.dtype} 允许 {allowed:.3g}")
        differ.expected = digest
        raise differ
    remember("reference", reference, actual, absolute=error, relative=ratio, of=of, expected=digest)


def returned(where: str, *values: object) -> None:
    """Notes the tensors that a function of the snippets has returned, or in what it has returned;
    none while something of the test's stands between a call of torch and what it does."""
    if modes_of_torch() or torch._C._functorch.peek_interpreter_stack() is not None:
        return
    for value in values:
        if isinstance(value, Tensor):
            if has_numbers(value) and value.numel() <= REMEMBERED:
                RETURNED.append((where, value, numbers_of(value)))
        elif isinstance(value, (tuple, list)):
            returned(where, *value)
        elif isinstance(value, dict):
            returned(where, *value.values())


def has_numbers(tensor: Tensor) -> bool:
    """Whether it lies in memory, and doesn't stand for others while torch traces, maps or exports."""
    plain = type(tensor) in (Tensor, torch.nn.Parameter) and tensor.layout == torch.strided
    traced = torch._is_functional_tensor(tensor) or torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    return plain and not traced and not tensor.is_meta


def origins(tensor: Tensor) -> list[str]:
    """The functions that returned this very value or a piece of it: not a copy, and unchanged since."""
    return sorted(
        {
            where
            for where, value, digest in RETURNED
            if is_part(tensor, value) and numbers_of(value) == digest
        }
    )


def is_part(tensor: Tensor, value: Tensor) -> bool:
    """Whether it is a value, or a piece cut out of it, its axes in the same order."""
    if tensor.dtype != value.dtype or memory(tensor) != memory(value):
        return False
    if (tensor.is_neg(), tensor.is_conj()) != (value.is_neg(), value.is_conj()):
        return False
    steps = iter(steps_of(value))
    return tensor.data_ptr() >= value.data_ptr() and all(step in steps for step in steps_of(tensor))


def steps_of(tensor: Tensor) -> list[int]:
    """Strides of the axes that have more than one place."""
    return [step for step, size in zip(tensor.stride(), tensor.shape, strict=True) if size > 1]


def numbers_of(tensor: Tensor) -> str:
    """A digest of them, whoever changes them and how."""
    here = tensor.detach().resolve_neg().resolve_conj().cpu().contiguous()
    data = ctypes.string_at(here.data_ptr(), here.numel() * here.element_size()) if here.numel() else b""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def sizes(expected: Tensor) -> Tensor:
    """What the error of each value is relative to: its own size, or the scale of them all."""
    values = expected.detach().double().cpu().abs()
    median = values[values > 0].median() if values.any() else values.max()
    return values.clamp(min=min(values.max().item(), SPREAD * median.item()))


def check_plain(*tensors: Tensor) -> None:
    for tensor in tensors:
        plain = type(tensor) in (Tensor, torch.nn.Parameter)
        assert plain, f"{type(tensor).__name__} 不是普通的张量，它说自己等于什么都可以"
    modes = "、".join(modes_of_torch())
    assert not modes, f"{modes} 正在换掉 torch 的算子，这时的比较说明不了什么"


def modes_of_torch() -> list[str]:
    """What stands between a call of torch and what it does, but for a default device."""
    modes = [
        *torch.overrides._get_current_function_mode_stack(),
        *torch.utils._python_dispatch._get_current_dispatch_mode_stack(),
    ]
    names = [type(mode).__name__ for mode in modes if not isinstance(mode, DeviceContext)]
    hooks = vars(torch.nn.modules.module).items()
    return names + [name for name, value in hooks if name.startswith("_global_") and value]


def memory(tensor: Tensor) -> tuple[str, int]:
    """Where its values lie; two without any lie nowhere."""
    storage = tensor.untyped_storage()
    return str(tensor.device), storage.data_ptr() or id(tensor)


@said
def assert_holds(subject: object, name: str, holds: Callable) -> None:
    """`holds(subject)` is true, everywhere where it is a tensor; `name` is the property in words.

    Raises AssertionError.
    """
    result = holds(subject)
    assert result.all() if isinstance(result, Tensor) else result, f"不成立：{name}"
    remember("property", name, subject)


@said
def assert_refuses(message: str | Exception, call: Callable, *args: object, **options: object) -> None:
    """`call(*args, **options)` raises ValueError, in whose text `message`, a pattern, is found.

    Another class is asked for by an instance of it, whose text is the pattern: `TypeError("应为张量")`.
    It has to be that very class, raised by a line of `snippets/`: a call with the wrong arguments is
    no refusal.

    Raises AssertionError.
    """
    tensors = [value for value in (*args, *options.values()) if isinstance(value, Tensor)]
    wanted, text = (ValueError, message) if isinstance(message, str) else (type(message), str(message))
    with pytest.raises(wanted, match=text) as caught:
        call(*args, **options)
    if wanted is not ValueError:
        error, message = caught.value, f"{wanted.__name__}：{text}"
        where = [frame.filename for frame in traceback.extract_tb(error.__traceback__)][-1]
        assert type(error) is wanted, f"应是 {wanted.__name__}，得到它的子类 {type(error).__name__}"
        assert is_of_snippets(where), f"{wanted.__name__} 应由 snippets/ 里的代码提出，这一个来自 {where}"
    remember("error", message, tensors[0] if tensors else None)


def is_of_snippets(path: str) -> bool:
    return Path(path).resolve().is_relative_to((children.ROOT[0] / "snippets").resolve())


def remember(kind: str, name: str, subject: object, **more: float | list | None) -> None:
    where = {"device": None, "dtype": None}  # it isn't about a tensor
    if isinstance(subject, Tensor):
        where = {"device": subject.device.type, "dtype": str(subject.dtype).removeprefix("torch.")}
    FACTS.append({"kind": kind, "name": name, **where, **more})
