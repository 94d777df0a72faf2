"""`kb snippet`: a file of code with one region, and its tests with the three assertions.

Both work as they stand; what they compute is an example that gives way to the author's own.
"""

import keyword
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from kb.edit.writing import Written, editing, write
from kb.evidence.keys import TESTS
from kb.markdown.engine import BadInput

CODE = '''\
"""示例：一行分数变成权重。换成自己的代码，再改这一行。

K 每行有几个分数；前面可以有任意几个轴。
"""

import torch
from torch import Tensor


# --8<-- [start:NAME] 示例：一行分数变成权重
def NAME(scores: Tensor) -> Tensor:
    """exp(s_k) / Σ_j exp(s_j)：每一行的权重都是正数，加起来是 1。

    参数：scores (..., K)，浮点。
    返回：(..., K)，dtype 同 scores。
    异常：scores 不是浮点张量时抛 ValueError。
    """
    if not scores.is_floating_point():
        raise ValueError(f"scores 应为浮点张量，得到 {scores.dtype}")
    largest = scores.amax(dim=-1, keepdim=True)  # (..., 1)，减去它，exp 不会溢出
    weights = torch.exp(scores - largest)
    return weights / weights.sum(dim=-1, keepdim=True)
# --8<-- [end:NAME]
'''

TEST = '''\
"""NAME：与逐个数的循环相比，每行的和是 1，坏的输入被拒绝。"""

import math

import torch

from kb.proof import assert_agrees, assert_holds, assert_refuses
from snippets.NAME import NAME


def by_loops(scores):
    """参考实现：Python 的数，一个一个算，float64。"""
    rows = [[math.exp(score) for score in row] for row in scores.flatten(0, -2).tolist()]
    weights = [[weight / sum(row) for weight in row] for row in rows]
    return torch.tensor(weights, dtype=torch.float64).reshape(scores.shape)


def test_against_loops(device, dtype, seed):
    scores = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(seed)).to(device, dtype)
    assert_agrees(NAME(scores), by_loops(scores), "逐个数的循环，float64")


def test_every_row_adds_up_to_one(device):
    scores = torch.tensor([[1.0, 2.0, 3.0], [1e4, 0.0, -1e4]], device=device)
    weights = NAME(scores)
    assert_holds(weights, "每行的和是 1，很大的分数也不溢出", lambda w: (w.sum(-1) - 1).abs() < 1e-6)


def test_refuses_integers():
    assert_refuses("scores 应为浮点张量，得到 torch.int64", NAME, torch.tensor([[1, 2]]))
'''


@dataclass
class Begun:
    name: str
    files: list[str]
    written: Written = field(default_factory=Written)


def begin_snippet(name: str, root: Path, dry: bool, waiting: Callable[[], None]) -> Begun:
    """Raises BadInput, having changed nothing."""
    check_name(name, root)
    wanted = {
        f"snippets/{name}.py": CODE.replace("NAME", name).encode(),
        f"{TESTS}/test_{name}.py": TEST.replace("NAME", name).encode(),
    }
    with editing(root, dry, waiting):
        there = {file: (root / file).read_bytes() for file in wanted if (root / file).exists()}
        if len(there) == len(wanted) or not there.items() <= wanted.items():
            raise BadInput(f"{'、'.join(there)} 已经有了，没有动它。换一个名字，或者直接改这个文件。")
        begun = Begun(name, [file for file in wanted if file not in there])
        if not dry:
            begun.written = write(root, "snippet", {file: wanted[file] for file in begun.files})
        return begun


def check_name(name: str, root: Path) -> None:
    """Raises BadInput where it can't name a module and a region, or stands for another module."""
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise BadInput(
            f"{name!r} 不能作名字：它是文件名、函数名和区域名，只用小写字母、数字和下划线，以字母开头，"
            f"例如 {suggest(name)}。"
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise BadInput(f"{name} 是 Python 的关键字。换一个名字，例如 my_{name}。")
    if owner := owner_of(name):
        raise BadInput(f"{name} 与{owner}同名，读的人分不清。换一个名字，例如 my_{name}。")


def suggest(name: str) -> str:
    plain = re.sub(r"\W+|_+", "_", name, flags=re.ASCII).strip("_").lower()
    return plain if re.match("[a-z]", plain) else "self_attention"


def owner_of(name: str) -> str | None:
    """Whose module of that name there is already."""
    if name in sys.stdlib_module_names:
        return "标准库的模块"
    if name != "torch" and (torch := find_spec("torch")):
        for folder in torch.submodule_search_locations or ():
            if (Path(folder) / name).is_dir() or (Path(folder) / f"{name}.py").is_file():
                return f" torch.{name} "
    if name in ("snippets", "tests") or find_spec(name):
        return f"已有的模块 {name} "
    return None
