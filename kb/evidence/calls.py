"""Which calls of a region's code the tests made: one of them becomes its diagram.

Nobody types an example: what a test passed to the region's class or function is one. The one that
its docstring gives is what its author wants seen, where the tests run it. Of the others, those go
first whose axes all have other sizes, of these the one that sets the fewest options, and then the
smallest.
"""

import ast
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType, FrameType, ModuleType

KEPT = 200
"""Calls that differ, of each region."""
LARGEST = 100_000
"""Numbers in the tensors of a call; what is larger would keep memory from others."""
NEAR = 8
"""Frames between an example and the code: PyTorch's of a module, and the finder of doctest."""


@dataclass(frozen=True)
class Subject:
    """The class or function that a region is about."""

    region: str
    name: str
    function: Callable
    """`forward`, of a class."""


@dataclass
class Call:
    arguments: dict[str, object]
    options: int
    """How many arguments and attributes aren't what they are unless one asks."""
    alike: int
    """How many axes have the size of another of the same tensor, or are 1."""
    numbers: int
    """In its tensors."""
    is_example: bool
    """Of its docstring."""


@dataclass
class Calls:
    """What is seen of the calls, from a profile function."""

    subjects: dict[CodeType, list[Subject]]
    seen: dict[CodeType, dict[tuple, Call]] = field(default_factory=dict)

    def see(self, frame: FrameType) -> None:
        """Called as a function begins."""
        known = self.seen.setdefault(frame.f_code, {})
        is_example = any(is_from_docstring(frame, each.name) for each in self.subjects[frame.f_code])
        if len(known) >= KEPT and not is_example:
            return
        function = self.subjects[frame.f_code][0].function
        names = list(inspect.signature(function).parameters)
        arguments = {name: frame.f_locals[name] for name in names if name in frame.f_locals}
        tensors = tensors_in(arguments)
        if not tensors or not all(map(is_plain, tensors)) or is_remade(arguments.get("self")):
            return
        numbers = sum(each.numel() for each in tensors)
        if numbers > LARGEST:
            return
        shapes = tuple(tuple(each.shape) for each in tensors)
        options = options_of(function, arguments)
        alike = sum(len(shape) - len(set(shape) - {1}) for shape in shapes)
        call = Call(arguments, len(options), alike, numbers, is_example)
        known.setdefault((shapes, tuple(options), is_example), call)

    def best(self, subject: Subject) -> list[Call]:
        """The calls of it, the best example first."""
        found = self.seen.get(subject.function.__code__, {}).values()
        return sorted(
            found,
            key=lambda call: (
                not call.is_example,
                call.alike > 0,
                call.options,
                call.alike,
                call.numbers,
            ),
        )


def find_subjects(source: bytes, regions: dict, module: ModuleType) -> dict[CodeType, list[Subject]]:
    """Code → the regions that are about it: what has the region's name, else the first class
    with `forward`, else the first function.
    """
    found: dict[CodeType, list[Subject]] = {}
    nodes = [each for each in ast.parse(source).body if isinstance(each, (ast.ClassDef, ast.FunctionDef))]
    for name, region in regions.items():
        inside = [each for each in nodes if region.first <= each.lineno <= region.last]
        usable = [each for each in inside if code_of(getattr(module, each.name, None))]
        named = name.partition(":")[2]
        usable.sort(key=lambda each: (each.name != named, not isinstance(each, ast.ClassDef)))
        if named and usable:
            function = code_of(getattr(module, usable[0].name))
            subject = Subject(name, usable[0].name, function)
            found.setdefault(function.__code__, []).append(subject)
    return found


def code_of(made: object) -> Callable | None:
    """The function itself, `forward` of a module's class; None of what has no code to watch."""
    function = getattr(made, "forward", None) if isinstance(made, type) else made
    return function if inspect.isfunction(function) else None


def is_from_docstring(frame: FrameType, name: str) -> bool:
    """Whether an example in the docstring of `name` made the call, as doctest runs them."""
    caller: FrameType | None = frame
    for _ in range(NEAR):
        caller = caller and caller.f_back
        if caller and caller.f_code.co_filename.startswith("<doctest "):
            return f".{name}[" in caller.f_code.co_filename
    return False


def tensors_in(value: object) -> list:
    """Those in arguments, however deep in lists; not those of modules."""
    import torch

    if isinstance(value, torch.Tensor):
        return [value]
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(inner, (list, tuple)) or isinstance(value, dict):
        return [tensor for each in inner for tensor in tensors_in(each)]
    return []


def is_plain(tensor: object) -> bool:
    """Of memory of its own: no subclass's, none that a transformation of torch wraps."""
    import torch

    if type(tensor) not in (torch.Tensor, torch.nn.Parameter):
        return False
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    precise = not tensor.is_floating_point() or tensor.dtype in (torch.float32, torch.float64)
    return not wrapped and precise and tensor.device.type == "cpu" and 0 not in tensor.shape


def is_remade(module: object) -> bool:
    """Whether somebody has set on an instance what its class says for all."""
    return module is not None and any(hasattr(type(module), name) for name in vars(module))


def options_of(function: Callable, arguments: dict[str, object]) -> list[tuple[str, str]]:
    """What was asked for, beyond what has no default: of the call, and of its module."""
    found = [*differing(inspect.signature(function), arguments)]
    if (module := arguments.get("self")) is not None:
        found += differing(inspect.signature(type(module)), vars(module))
    return found


def differing(signature: inspect.Signature, values: dict[str, object]) -> list[tuple[str, str]]:
    return [
        (name, str(values[name]))
        for name, parameter in signature.parameters.items()
        if isinstance(values.get(name), (bool, int, float, str))
        and parameter.default is not parameter.empty
        and values[name] != parameter.default
        and not (isinstance(values[name], float) and math.isnan(values[name]))
    ]
