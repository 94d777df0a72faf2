"""换掉什么都看得出来：模块里的函数，函数里的代码，torch 自己的，表里的一项，导入的办法。"""

import json
import subprocess
import sys

import pytest

SNIPPET = """\
import torch

FACTOR = 2
SCALE = torch.ones(1)
TABLE = {"half": lambda x: x / 2}
LIST = [1.0, 2.0]
NESTED = {"by": {"half": [2.0, {3}]}}
cached = {}
calls = 0
device = None


def half(x, by=2, *, more=0):
    global calls, device
    calls += 1
    device = device or "cpu"
    cached[x] = x
    return x / by + more


class Block(torch.nn.Module):
    made = 0

    def __init__(self):
        super().__init__()
        Block.made += 1

    @staticmethod
    def two():
        return 2

    @property
    def three(self):
        return 3

    @torch.no_grad()
    def forward(self, x):
        return x / 2
"""
SNIPPET += """

class Setting:
    def __init__(self):
        self.by = 2
        self.used = 0

    def use(self):
        self.used += 1


SETTING = Setting()
TABLE["setting"] = SETTING
"""
TWICE = """\
import functools
from typing import overload

import torch


def first(x):  # 7
    return x


def second(x):
    return x


first = second


@functools.cache
def third(x):
    return x


def again(x):
    return 2 * x


class A:
    def f(self):  # 28
        return 1

    def f(self):
        return 2


class B:  # 35
    pass


B = A
globals()["fourth"] = second


def fourth(x):
    return x


def fifth(x):  # 47
    return x


globals()["fifth"] = fourth


@overload
def sixth(x: int): ...


def sixth(x):
    return x


@torch.no_grad()
@functools.lru_cache
def seventh(x):
    return x


class C:
    @property
    def x(self):
        return 1

    @x.setter
    def x(self, value):
        pass


if True:
    def eighth(x):
        return 1
"""
RUN = """\
import json, sys
from pathlib import Path
from kb.evidence.originals import Originals

originals = Originals(Path(sys.argv[1]), ["snippets/numbers.py", "snippets/twice.py"])
import snippets.numbers as numbers, torch, math
found = {"written": list(originals.written())}
for change, back in json.loads(sys.argv[2]):
    exec(change)
    found[change] = originals.changed()
    exec(back)
    assert not originals.changed(), back
numbers.SCALE.add_(1)
found["a tensor"] = originals.changed()
print(json.dumps(found))
"""
CHANGES = {
    "kept = numbers.half; numbers.half = lambda x: x": ("numbers.half = kept", "snippets.numbers 的 half"),
    "kept = numbers.half.__code__; numbers.half.__code__ = (lambda x, by=2, *, more=0: x).__code__": (
        "numbers.half.__code__ = kept",
        "half 的代码",
    ),
    "kept = numbers.half.__defaults__; numbers.half.__defaults__ = (3,)": ("numbers.half.__defaults__ = kept", "half 的代码"),
    "numbers.half.__kwdefaults__['more'] = 1": ("numbers.half.__kwdefaults__['more'] = 0", "half 的代码"),
    "numbers.round = abs": ("del numbers.round", "snippets.numbers 里的 round"),
    "kept = numbers.Block.__call__; numbers.Block.__call__ = abs": ("del numbers.Block.__call__", "Block 的 __call__"),
    "numbers.FACTOR = 3": ("numbers.FACTOR = 2", "snippets.numbers 的 FACTOR"),
    "kept = numbers.TABLE['half']; numbers.TABLE['half'] = abs": (
        "numbers.TABLE['half'] = kept",
        "snippets.numbers.TABLE 里的 half",
    ),
    "numbers.LIST[0] = 9.0": ("numbers.LIST[0] = 1.0", "snippets.numbers.LIST 里的 0"),
    "numbers.NESTED['by']['half'][0] = 3.0": (
        "numbers.NESTED['by']['half'][0] = 2.0",
        "snippets.numbers.NESTED 里的 by.half.0",
    ),
    "numbers.NESTED['by']['half'][1].discard(3)": (
        "numbers.NESTED['by']['half'][1].add(3)",
        "snippets.numbers.NESTED 里的 by.half.1.3",
    ),
    "numbers.SETTING.by = 3": ("numbers.SETTING.by = 2", "snippets.numbers.TABLE 里的 setting.by"),
    "kept = torch.autograd.grad; torch.autograd.grad = abs": ("torch.autograd.grad = kept", "torch.autograd 的 grad"),
    "kept = torch.func.vmap; torch.func.vmap = abs": ("torch.func.vmap = kept", "torch.func 的 vmap"),
    "kept = torch.utils.checkpoint.checkpoint; torch.utils.checkpoint.checkpoint = abs": (
        "torch.utils.checkpoint.checkpoint = kept",
        "torch.utils.checkpoint 的 checkpoint",
    ),
    "kept = numbers.Block.forward; numbers.Block.forward = abs": ("numbers.Block.forward = kept", "Block 的 forward"),
    "kept = vars(numbers.Block)['two'].__func__; old = kept.__code__; kept.__code__ = (lambda: 3).__code__": (
        "kept.__code__ = old",
        "Block.two 的代码",
    ),
    "kept = vars(numbers.Block)['three'].fget; old = kept.__code__; kept.__code__ = (lambda self: 4).__code__": (
        "kept.__code__ = old",
        "Block.three 的代码",
    ),
    "kept = torch.true_divide; torch.true_divide = abs": ("torch.true_divide = kept", "torch 的 true_divide"),
    "kept = torch.Tensor.__truediv__; torch.Tensor.__truediv__ = abs": (
        "torch.Tensor.__truediv__ = kept",
        "Tensor 的 __truediv__",
    ),
    "kept = torch.relu; torch.relu = torch.no_grad()(lambda x: x)": ("torch.relu = kept", "torch 的 relu"),
    "kept = math.pi; math.pi = 3.0": ("math.pi = kept", "math 的 pi"),
    "import builtins; kept = abs; builtins.abs = min": ("builtins.abs = kept", "builtins 的 abs"),
    "a = sys.modules['kb.proof.assertions']; kept = a.TOLERANCE; a.TOLERANCE = {}; a.sizes, old = None, a.sizes": (
        "a.TOLERANCE = kept; a.sizes = old",
        "kb.proof.assertions 的 sizes",
    ),
    "class Hook: __module__ = 'conftest'\nsys.meta_path.insert(0, Hook())": ("sys.meta_path.pop(0)", "导入的办法（conftest）"),
}
AS_BEFORE = (
    "numbers.half(1)",
    "numbers.Block()",
    "numbers.LIST.append(3.0)",
    "numbers.SETTING.use()",
    "kept = torch.relu; import functools; torch.relu = functools.wraps(kept)(torch._disable_dynamo(kept))",
)
"""换了的还是原来的；自己的缓存。"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    root = tmp_path_factory.mktemp("originals")
    (root / "snippets").mkdir()
    (root / "snippets/numbers.py").write_text(SNIPPET, "utf-8")
    (root / "snippets/twice.py").write_text(TWICE, "utf-8")
    changes = [(change, back) for change, (back, _) in CHANGES.items()] + [(each, "") for each in AS_BEFORE]
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", RUN, str(root), json.dumps(changes)],
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_name_that_stands_for_something_else_in_the_end(found):
    assert sorted(found["written"]) == [
        f"snippets/twice.py:{line}：{name} 后来又成了别的，运行的不是这里写的。改一个名字。"
        for line, name in ((28, "f"), (35, "B"), (47, "fifth"), (7, "first"))
    ]


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_seen(found, change):
    assert found[change] == CHANGES[change][1]


def test_numbers_that_change_in_place(found):
    assert found["a tensor"] == "snippets.numbers 的 SCALE 里的数"


@pytest.mark.parametrize("change", AS_BEFORE)
def test_what_is_none(found, change):
    assert found[change] == ""
