"""执行了哪些算子：每个的名字、收到的张量、产生的张量。"""

from typing import NamedTuple

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Call(NamedTuple):
    name: str
    inputs: list[Tensor]
    outputs: list[Tensor]


class Operators(TorchDispatchMode):
    """with Operators() as seen：其间的算子依次记在 seen.calls 里。"""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        inputs = tensors(args)
        result = function(*args, **(kwargs or {}))
        self.calls.append(Call(function.overloadpacket.__name__, inputs, tensors(result)))
        return result

    @property
    def outputs(self):
        return [output for call in self.calls for output in call.outputs]

    @property
    def largest(self):
        """产生的最大的张量有多少个数。"""
        return max(output.numel() for output in self.outputs)


def tensors(values):
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
