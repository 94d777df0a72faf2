"""测试里不能有的：能换掉被检验的代码的，看不见的，伸到工具里去的。"""

import pytest

from kb.evidence.imports import Project, parse
from kb.evidence.refuse import (
    check_committed,
    check_names,
    check_settings,
    check_shown,
    find_below,
    find_patches,
    find_tool,
)
from kb.markdown.engine import BadInput


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("def test_x(monkeypatch): monkeypatch.setattr(a, 'b', c)", "monkeypatch"),
        ("def test_x(monkeypatch): other(monkeypatch)", "monkeypatch"),
        ("def test_x(mocker): pass", "mocker"),
        ("import unittest.mock", "mock"),
        ("from unittest import mock", "mock"),
        ("from unittest.mock import patch", "mock"),
        ("import snippets\nsnippets.numbers.half = 1", "snippets.numbers.half"),
        ("import snippets.numbers as n\nn.half = 1", "n.half"),
        ("from snippets import numbers\ndel numbers.half", "numbers.half"),
        ("from snippets.numbers import Block\nBlock.forward += 1", "Block.forward"),
        ("from snippets import numbers\nsetattr(numbers, 'half', 1)", "setattr(numbers, 'half', 1)"),
        ("from snippets.numbers import TABLE\nTABLE['half'] = 1", "TABLE['half']"),
        ("import math\nmath.pi = 3", "math.pi"),
        ("import torch\nt = torch\nn = t.nn\nn.functional.relu = 1", "n.functional.relu"),
        ("from snippets.numbers import half\nhalf.__code__ = other", "__code__"),
        ("half.__code__ = other", "__code__"),
        ("f.__globals__['TWO'] = 3", "__globals__"),
        ("setattr(f, '__defaults__', 3)", "__defaults__"),
        ("from types import FunctionType", "FunctionType"),
        ("import sys\nsys.meta_path.insert(0, x)", "meta_path"),
        ("import torch\ntorch.library.Library('aten', 'IMPL')", "torch.library"),
        ("from torch.library import impl", "torch.library"),
        ("pytest_plugins = ['evil']", "pytest_plugins"),
        ("def f(request): request.config.pluginmanager.register(x)", "pluginmanager"),
        ("import sys\nsys._getframe(1)", "_getframe"),
    ],
)
def test_ways_to_patch(source, what):
    assert what in [found for _, found in find_patches(parse(source.encode()))]


@pytest.mark.parametrize(
    "source",
    [
        "def test_x(monkeypatch): monkeypatch.setenv('A', '1')",
        "import os\nos.environ['HERE'] = '1'",
        "import torch\ntorch.backends.cudnn.deterministic = True",
        "from torch.backends import cudnn\ncudnn.benchmark = False",
        "import torch\nb = torch.backends\nb.cudnn.benchmark = False",
        "import torch.backends.cudnn as cudnn\ncudnn.benchmark = False",
        "import sys\nsys.argv = ['x']",
        "import matplotlib.pyplot as plt\nplt.rcParams['x'] = 1",
        "class Library: pass\nbooks = Library()",
        "import torch\nx = torch.ones(2)\nx[0] = 1",
        "import torch\nclass A(torch.nn.Module):\n    def f(self):\n        self.y = 1",
        "from snippets.numbers import Block\nblock = Block()\nblock.weight = 1",
        "import sys\nsys.path.insert(0, 'elsewhere')",
    ],
)
def test_what_tests_may_do(source):
    assert not [*find_patches(parse(source.encode()))]


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import kb", "kb"),
        ("import kb.proof", "kb.proof"),
        ("import kb.proof.watch as w", "kb.proof.watch"),
        ("from kb import proof", "kb"),
        ("from kb.proof import watch", "kb.proof.watch"),
        ("from kb.proof import assertions", "kb.proof.assertions"),
        ("from kb.proof.assertions import remember", "kb.proof.assertions"),
        ("import sys\nsys.modules['kb.proof.watch']", "kb.proof.watch"),
        ("import importlib\nimportlib.import_module('kb.evidence.run')", "kb.evidence.run"),
    ],
)
def test_the_tool_is_out_of_reach(source, what):
    assert [found for _, found in find_tool(parse(source.encode()))] == [what]


@pytest.mark.parametrize("source", ["from kb.proof import assert_agrees, REORDERED", "'kb.proof 里的断言'", "import kbase"])
def test_what_tests_use_of_the_tool(source):
    assert not [*find_tool(parse(source.encode()))]


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import ctypes", "ctypes"),
        ("import numpy.ctypeslib, mmap", "mmap"),
        ("torch.from_file('x', size=1)", "from_file"),
        ("torch.jit.load('x.pt')", "jit.load"),
        ("import torch.jit as tj\ntj.load('x.pt')", "jit.load"),
        ("torch.export.load('x.pt2')", "export.load"),
        ("from torch.package import PackageImporter", "PackageImporter"),
        ("db.execute(\"ATTACH 'x.db' AS x\")", "attach"),
        ("from torch import jit\njit.load('x.pt')", "jit.load"),
        ("from torch.jit import load", "jit.load"),
        ("torch.distributed.FileStore('x')", "FileStore"),
        ("torch._C.PyTorchFileReader('x')", "PyTorchFileReader"),
        ("import dbm.dumb", "dbm"),
        ("import _interpreters", "_interpreters"),
        ("from concurrent.futures import InterpreterPoolExecutor", "InterpreterPoolExecutor"),
        ("os.open('x', 0, dir_fd=3)", "dir_fd"),
        ("os.fchdir(3)", "fchdir"),
        ("from safetensors.torch import load_file", "safetensors"),
    ],
)
def test_what_no_hook_sees(source, what):
    assert what in [found for _, found, _ in find_below(parse(source.encode()))]


def test_torch_load_is_seen():
    assert not [*find_below(parse(b"import torch\ntorch.load('x.pt', weights_only=True)"))]


@pytest.mark.parametrize("name", ["math.py", "torch/__init__.py", "json/nested.py", "yaml.py"])
def test_nothing_takes_the_place_of_what_is_known(tmp_path, name):
    with pytest.raises(BadInput, match=f"^{name}：与 Python 或者装着的包里的 .* 同名"):
        check_names(Project(tmp_path), ["snippets/math.py", "tests/snippets/torch.py", "helper.py", name])


def test_a_package_beside_a_module(tmp_path):
    """Python 导入的是文件夹，页面显示的是文件。"""
    for name in ("snippets/half.py", "snippets/half/__init__.py", "snippets/two.py", "snippets/two.cpython-311.so"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", "utf-8")
    for name, rival in (("half.py", "half/__init__.py"), ("two.py", "two.cpython-311.so")):
        with pytest.raises(BadInput, match=f"^snippets/{rival}：旁边有同名的 .py"):
            check_names(Project(tmp_path), [f"snippets/{name}"])


def test_what_pytest_calls_a_test(tmp_path):
    for settings in ('[tool.pytest.ini_options]\npython_files = ["check_*.py"]\n', '[tool.pytest]\npython_classes = "X"\n'):
        (tmp_path / "pyproject.toml").write_text(settings, "utf-8")
        with pytest.raises(BadInput, match="^pyproject.toml：pytest 的 python_.* 不能改"):
            check_settings(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\nxfail_strict = true\n', "utf-8")
    check_settings(tmp_path)


def test_a_region_without_its_decorator(tmp_path):
    path = tmp_path / "snippets/x.py"
    path.parent.mkdir()
    region = "# --8<-- [start:half] 一半\n{}def half(x):\n    return x / 3\n# --8<-- [end:half]\n"
    path.write_text(region.format("@corrected\n"), "utf-8")
    check_shown(tmp_path, "x.py")
    path.write_text("@corrected\n" + region.format(""), "utf-8")
    with pytest.raises(BadInput, match="^snippets/x.py:1：区域 half 里有 half，没有它的装饰器"):
        check_shown(tmp_path, "x.py")


class TestCommitted:
    def test_what_git_was_told_not_to_look_at(self, lab):
        lab.git("update-index", "--assume-unchanged", "snippets/numbers.py")
        lab.edit("snippets/numbers.py", "x / 2", "x / 3")
        with pytest.raises(BadInput, match="^snippets/numbers.py：git 被告知不去看它改了没有。"):
            check_committed(lab.root, ["snippets/numbers.py"])

    def test_a_folder_that_holds_what_git_has_not(self, lab):
        lab.write("data/a/1.txt", "")
        lab.commit()
        check_committed(lab.root, ["data/", "data"])
        lab.write("data/2.txt", "")
        with pytest.raises(BadInput, match="^data/2.txt 不在 git 里"):
            check_committed(lab.root, ["data/"])
