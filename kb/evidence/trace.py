"""A call, followed through torch: every operation, what it took and the shape of what it gave.

    steps = trace(function, arguments, folder)

torch itself says what is called (`TorchFunctionMode`): operations as the code writes them, `softmax`
and `conv2d`, not the hundreds below. Python says in which function of the base (`sys.setprofile`),
what its docstring calls the axes, and by which name a value is known there.
"""

import inspect
import itertools
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType

import torch
from torch.overrides import TorchFunctionMode

from kb.evidence.calls import tensors_in
from kb.evidence.letters import bind, shapes_of

SAME = {
    *("to", "type", "float", "double", "half", "bfloat16", "contiguous", "clone", "detach", "alias"),
    *("requires_grad_", "type_as", "cpu", "cuda", "detach_", "view_as"),
}
"""What leaves a tensor what it is, as far as its shape tells."""
AXIS = {
    **dict.fromkeys(("softmax", "log_softmax", "mean", "sum", "amax", "amin", "logsumexp"), 1),
    **dict.fromkeys(("cumsum", "cumprod", "prod", "std", "var", "sort", "argsort", "cat"), 1),
    **dict.fromkeys(("stack", "argmax", "argmin", "max", "min", "concat"), 1),
    **dict.fromkeys(("topk", "norm"), 2),
}
"""Where an operation's axis stands among what it is called with."""
FACTORIES = {f"{new}{what}{like}" for what in ("zeros", "ones", "empty", "full", "tensor")
             for new, like in (("new_", ""), ("", "_like"))}
"""What makes a tensor of another's kind, without looking at its numbers."""
POOLS = ("max_pool", "avg_pool")
SCALARS = ("add", "sub", "mul", "div", "pow", "rsub", "true_divide")
NAMES = {
    **{f"__{each}__": each for each in ("add", "sub", "mul", "matmul", "pow", "getitem", "setitem")},
    **{"__truediv__": "div", "__rtruediv__": "rdiv", "__rsub__": "rsub", "__radd__": "add"},
    **{"__rmul__": "mul", "__rmatmul__": "rmatmul", "__neg__": "neg", "__rdiv__": "rdiv"},
}


@dataclass
class Step:
    op: str
    """`input`, or what torch calls it."""
    of: list[int]
    """The steps that it takes."""
    shape: list[int]
    uses: list[str] = field(default_factory=list)
    """Parameters of modules, by the modules' names."""
    name: str = ""
    """By which the code knows the result."""
    about: dict = field(default_factory=dict)
    """`along`, `kernel`, `scalar`: what the operation was told."""
    told: list[str] = field(default_factory=list)
    """What a docstring calls its axes, "" where none does."""
    inside: list[tuple[int, str]] = field(default_factory=list)
    """The calls of functions of the base that it happened in, outermost first."""
    fixed: bool = False
    """Whether no argument has a part in it."""


@dataclass
class Trace:
    steps: list[Step]
    outputs: list[int]

    def pattern(self) -> list[tuple]:
        """What is the same for a call with other sizes."""
        return [(each.op, each.of, each.uses) for each in self.steps]


class Follower(TorchFunctionMode):
    def __init__(self, folder: str, root: Callable):
        super().__init__()
        self.folder = folder
        self.root = root.__code__
        self.steps: list[Step] = []
        self.numbers: dict[int, int] = {}
        """Of the tensors seen, by identity."""
        self.kept: list[object] = []
        """They stay alive, or another would get the identity of one that is gone."""
        self.uses: dict[int, str] = {}
        self.stack: list[tuple[int, str]] = []
        self.calls = itertools.count()

    def begin(self, arguments: dict[str, object]) -> None:
        for name, value in arguments.items():
            if isinstance(value, torch.nn.Module):
                for path, parameter in (*value.named_parameters(), *value.named_buffers()):
                    self.uses[id(parameter)] = owner_of("" if name == "self" else name, path)
            else:
                several = value.items() if isinstance(value, dict) else [(name, value)]
                for key, each in several:
                    for tensor in tensors_in(each):
                        self.add(Step("input", [], list(tensor.shape), name=key), tensor)

    def add(self, step: Step, tensor: object) -> int:
        step.told = [""] * len(step.shape)
        step.inside = list(self.stack[1:])
        self.steps.append(step)
        self.kept.append(tensor)
        self.numbers[id(tensor)] = len(self.steps) - 1
        return len(self.steps) - 1

    def number(self, tensor: object) -> int:
        """The step that made it; what nobody has seen before is part of the code."""
        if id(tensor) not in self.numbers:
            uses = [self.uses[id(tensor)]] if id(tensor) in self.uses else []
            self.add(Step("constant", [], list(tensor.shape), uses, fixed=True), tensor)
        return self.numbers[id(tensor)]

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        keywords = keywords or {}
        result = function(*arguments, **keywords)
        made = tensors_in(result if isinstance(result, (tuple, list)) else [result])
        op = name_of(function)
        if op == "setitem":
            made = tensors_in([arguments[0]])
        if made:
            self.note(op, arguments, keywords, made)
        return result

    def note(self, op: str, arguments: tuple, keywords: dict, made: list) -> None:
        taken = tensors_in([*arguments, keywords])
        of = [self.number(each) for each in taken]
        if op in SAME and of and list(made[0].shape) == self.steps[of[0]].shape:
            self.kept.append(made[0])
            self.numbers[id(made[0])] = of[0]
            return
        fixed = op in FACTORIES or all(self.steps[each].fixed for each in of)
        uses = [use for each in of if self.steps[each].fixed for use in self.steps[each].uses]
        about = dict(told(op, arguments, keywords, taken))
        moving = [] if fixed else [each for each in of if not self.steps[each].fixed]
        for number, tensor in enumerate(made):
            part = {"part": number} if len(made) > 1 else {}
            shape = list(tensor.shape)
            step = Step(op, moving, shape, list(dict.fromkeys(uses)), about=about | part, fixed=fixed)
            self.add(step, tensor)

    def profile(self, frame: FrameType, event: str, value: object) -> None:
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(self.folder):
            return
        if code.co_name.startswith("<"):
            return
        if event == "call":
            self.stack.append((next(self.calls), code.co_name))
        count = code.co_argcount + code.co_kwonlyargcount
        arguments = {name: frame.f_locals.get(name) for name in code.co_varnames[:count]}
        if event == "call":
            parameters, _ = shapes_of(self.doc(frame))
            for name, tensor in arguments.items():
                if isinstance(tensor, torch.Tensor) and id(tensor) in self.numbers:
                    self.tell(tensor, parameters.get(name) or parameters.get(""))
            return
        _, returned = shapes_of(self.doc(frame))
        made = [each for each in tensors_in([value]) if id(each) in self.numbers]
        if len(made) == len(returned):
            for tensor, axes in zip(made, returned, strict=True):
                self.tell(tensor, axes)
        for name, tensor in frame.f_locals.items():
            if name not in arguments and isinstance(tensor, torch.Tensor) and id(tensor) in self.numbers:
                step = self.steps[self.numbers[id(tensor)]]
                step.name = step.name or name
        self.stack.pop()

    def doc(self, frame: FrameType) -> str:
        """Of the function; of `forward`, its class's too."""
        owner = frame.f_locals.get("self") if frame.f_code.co_name == "forward" else None
        docs = [type(owner).__doc__ if owner is not None else "", next(iter(frame.f_code.co_consts), "")]
        return "\n".join(each for each in docs if isinstance(each, str))

    def tell(self, tensor: object, axes: list[str] | None) -> None:
        step = self.steps[self.numbers[id(tensor)]]
        letters = bind(axes, len(step.shape)) if axes else []
        step.told = [old or new for old, new in zip(step.told, letters)] if letters else step.told


def trace(function: Callable, arguments: dict[str, object], folder: str) -> Trace:
    """Calls it, as a test did, and follows it. Raises whatever the call raises."""
    follower = Follower(folder, function)
    follower.begin(arguments)
    bound = inspect.BoundArguments(inspect.signature(function), arguments)
    before = sys.getprofile()
    sys.setprofile(None)
    try:
        with torch.no_grad(), follower:
            sys.setprofile(follower.profile)
            result = function(*bound.args, **bound.kwargs)
    finally:
        sys.setprofile(before)
    outputs = [follower.number(each) for each in tensors_in([result])]
    return Trace(follower.steps, outputs)


def owner_of(module: str, path: str) -> str:
    """`theta.weight` is theta's, `parameters.w` is w, the weight of the argument `reduce` its."""
    *parents, last = path.split(".")
    if last in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        return ".".join(filter(None, [module, *parents])) or last
    return last


def name_of(function: Callable) -> str:
    name = getattr(function, "__name__", str(function))
    if name == "__get__":  # an attribute: x.mT
        return getattr(getattr(function, "__self__", None), "__name__", name)
    name = NAMES.get(name, name)
    return name.removesuffix("_") if not name.startswith("_") else name


def told(op: str, arguments: tuple, keywords: dict, taken: list) -> Iterator[tuple[str, object]]:
    """What a reader has to know of how it was called."""
    if op in AXIS:
        place = AXIS[op]
        axes = keywords.get("dim", arguments[place] if len(arguments) > place else None)
        axes = [axes] if isinstance(axes, int) else axes
        if isinstance(axes, (list, tuple)) and all(isinstance(each, int) for each in axes):
            rank = taken[0].ndim + (op == "stack")
            yield "along", [each % rank for each in axes]
    elif op.startswith("conv"):
        yield "kernel", list(arguments[1].shape[2:])
    elif any(each in op for each in POOLS):
        size = keywords.get("kernel_size", arguments[1] if len(arguments) > 1 else None)
        size = [size] * int(op[-2]) if isinstance(size, int) and op[-2:-1].isdigit() else size
        if isinstance(size, (list, tuple)) and all(isinstance(each, int) for each in size):
            yield "kernel", list(size)
    elif op == "getitem":
        index = arguments[1] if isinstance(arguments[1], tuple) else (arguments[1],)
        if all(each is None or each is ... or each == slice(None) for each in index):
            yield "adds", True
    elif op in SCALARS or op == "rdiv":
        for each in arguments[:2]:
            if isinstance(each, (int, float)) and math.isfinite(each):
                yield "scalar", each
