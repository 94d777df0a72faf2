"""骗出一个“已验证”的办法，每一种一个测试：不是没有记录，就是页面上看得出来。

`half` 应当除以二。骗的代码除以三，或者记录以后才变。
"""

import os
import re
import shutil

import pytest

from kb.evidence.judge import State, judge_all
from kb.markdown.engine import BadInput
from tests.kb.lab import SNIPPET, TESTS

HALF = "numbers.py:half"


def state(lab, name=HALF):
    return judge_all(lab.root, "cpu")[name].state


def half_is(lab, code, imports=""):
    lab.edit("snippets/numbers.py", "    return x / 2\n", f"    return {code}\n")
    if imports:
        lab.edit("snippets/numbers.py", "import torch\n", f"import torch\n\n{imports}\n")


def add_test(lab, body, imports=""):
    """在 test_half 里先做这些。"""
    lab.edit("tests/snippets/test_numbers.py", "def test_half(device):\n", f"def test_half(device):\n{body}")
    if imports:
        lab.edit("tests/snippets/test_numbers.py", "import torch\n", f"import torch\n\n{imports}\n")


RESTS_ON = {
    "data/expected.json": "1.5",
    "data/numbers.db": "",
    ".cache/expected.json": "1.5",
    "snippets/as_text.py": "TWO = 2\n",
    "snippets/by_alias.py": "TWO = 2\n",
    "data/x.toml": "a = 1\n",
    "data/there/a.txt": "1.5",
    "snippets/by_points.py": "TWO = 2\n",
    "elsewhere/coverage/lists.py": "import os\n\n\ndef names(folder):\n    return os.listdir(folder)\n",
    "tests/snippets/.expected": "1.5",
    "helper.py": "TWO = 2\n",
    "elsewhere/another_helper.py": "TWO = 2\n",
    "data/of-the-child.json": "1.5",
    "tests/snippets/child.py": "print(open('data/of-the-child.json').read())\n",
    "snippets/factor.json": "2",
    "snippets/two.py": "TWO = 2\n",
    "snippets/other.py": "import torch\n\ntorch.set_default_dtype(torch.float32)\n",
}
READS = """\
    Path('data/expected.json').read_text()
    Path('data/link.txt').read_text()
    Path('tests/snippets/.expected').read_text()
    with open('data/x.toml', 'rb') as file:
        tomllib.load(file)
    import another_helper
    import lists
    assert lists.names('data/by-the-helper') and snippets.by_points.TWO == 2
    assert helper.TWO == another_helper.TWO == 2
    assert start_child('tests.snippets.child').wait() == 0
    assert len(list(Path('data/listed').glob('*.txt'))) < 9
    try:
        open('data/absent.txt').read()
    except OSError:
        pass
    assert not os.path.exists('.absent')
    sqlite3.connect('data/numbers.db').close()
    Path('.cache/expected.json').read_text()
    Path('snippets/as_text.py').read_text()
    Path('pyproject.toml').read_text()
    assert pkgutil.resolve_name('snippets.by_alias:TWO') == 2
"""


@pytest.fixture(scope="module")
def resting(unrecorded, tmp_path_factory):
    """测试和代码从各处读东西，一起记录一次。"""
    lab = unrecorded.copy(tmp_path_factory.mktemp("resting"))
    for name, text in RESTS_ON.items():
        lab.write(name, text)
    lab.write("data/listed/1.txt", "")
    lab.write("data/by-the-helper/1.txt", "")
    lab.write("snippets/__init__.py", "from snippets import as_text, by_alias, by_points, other\n")
    lab.write("tests/snippets/conftest.py", "import sys\n\nsys.path[:0] = ['elsewhere', 'elsewhere/coverage']\n")
    os.symlink("there/a.txt", lab.root / "data/link.txt")
    add_test(lab, READS, "import os\nimport pkgutil\nimport sqlite3\nimport tomllib\nfrom pathlib import Path\n\nimport helper\nimport snippets\nfrom kb.proof import start_child")
    half_is(
        lab,
        "x / FACTOR * 2 / two()",
        "import importlib\nfrom pathlib import Path\n\nFACTOR = int(Path(__file__).with_name('factor.json').read_text())\n\n\n"
        "def two():\n    return importlib.import_module('snippets.two').TWO",
    )
    lab.commit()
    assert lab.record(fresh=True) == ""
    assert state(lab) is State.PARTIAL  # 变异测试未运行
    return lab


class TestWhatTheRunRestsOn:
    """记录，再改：不过期就是假的。"""

    @pytest.mark.parametrize("name", RESTS_ON)
    def test_a_file_that_changes_makes_it_stale(self, resting, name):
        assert name in resting.evidence["inputs"]
        resting.write(name, RESTS_ON[name] + "\n")
        assert state(resting) is State.STALE
        resting.write(name, RESTS_ON[name])
        assert state(resting) is State.PARTIAL

    @pytest.mark.parametrize(
        "name", ["data/listed/2.txt", "data/by-the-helper/2.txt", "data/absent.txt", ".absent", "data/numbers.db-wal"]
    )
    def test_a_file_that_comes_makes_it_stale(self, resting, name):
        path = resting.write(name, "3")
        assert state(resting) is State.STALE
        path.unlink()
        assert state(resting) is State.PARTIAL

    def test_the_whole_of_pyproject_where_that_is_read(self, resting):
        before = (resting.root / "pyproject.toml").read_text("utf-8")
        resting.write("pyproject.toml", before + "\n")
        assert state(resting) is State.STALE
        resting.write("pyproject.toml", before)
        assert state(resting) is State.PARTIAL

    def test_a_file_that_goes_makes_it_stale(self, resting):
        (resting.root / "data/expected.json").unlink()
        assert state(resting) is State.STALE
        resting.write("data/expected.json", RESTS_ON["data/expected.json"])

    def test_the_variables_of_the_shell(self, lab, monkeypatch):
        """记录的进程看不到它们：在这里对，在别处不对的代码，记录下来就是没有通过。"""
        for name in ("KB_FACTOR", "LANG"):
            monkeypatch.setenv(name, "de_DE.UTF-8")
        half_is(lab, "x / (2 if 'de_DE.UTF-8' in map(os.environ.get, ('KB_FACTOR', 'LANG')) else 3)", "import os")
        lab.commit()
        assert lab.record(fresh=True) == ""
        assert state(lab) is State.FAILED

    def test_uncommitted_data(self, lab):
        add_test(lab, "    open('data/expected.json').read()\n")
        lab.commit()
        lab.write("data/expected.json", "1.5")
        assert lab.record() == "data/expected.json 不在 git 里。先 git add 并提交，或者移走它。"


class TestWhatCannotBeSeen:
    @pytest.mark.parametrize(
        ("body", "imports", "named"),
        [
            ("    subprocess.run(['true'])\n", "import subprocess", "启动了别的进程（"),
            ("    os.system('true')\n", "import os", "启动了别的进程（os.system"),
            ("    if os.fork() == 0:\n        os._exit(0)\n", "import os", "启动了别的进程（os.fork"),
            (
                "    multiprocessing.get_context('spawn').Process(target=print).start()\n",
                "import multiprocessing",
                "启动了别的进程（fork_exec",
            ),
            ("    ctypes.CDLL(None)\n", "import ctypes", "ctypes 可以在 Python 之外读文件"),
            ("    torch.from_file('x', size=1)\n", "", "from_file 可以在 Python 之外读文件"),
            ("    open('/etc/hostname-of-nobody', 'a').close()\n", "", None),
            ("    socket.create_connection(('127.0.0.1', 9))\n", "import socket", "连到网络"),
        ],
        ids=lambda value: value if isinstance(value, str) and "import" in value else "",
    )
    def test_is_refused_by_name(self, lab, body, imports, named):
        if named is None:
            body, named = self.outside(lab), "打开了项目以外的"
        guarded = "    try:\n" + "".join(f"    {line}\n" for line in body.splitlines()) + "    except Exception:\n        pass\n"
        add_test(lab, guarded, imports)
        lab.commit()
        assert named in lab.record()
        assert not (lab.root / "evidence/numbers/cpu.json").exists()

    def outside(self, lab):
        path = lab.root.parent / "outside.txt"
        path.write_text("1.5", "utf-8")
        return f"    open({str(path)!r}).read()\n"

    def test_a_reference_in_the_tool(self, lab):
        lab.edit("tests/snippets/test_numbers.py", "import torch\n", "import torch\n\nfrom kb.evidence.lines import join\n")
        lab.commit()
        assert "用到了 kb.evidence.lines" in lab.record()

    def test_a_package_that_was_changed(self, lab, monkeypatch):
        from kb.evidence import packages

        real, versions = packages.installed()
        path = next(path for path in real if path.endswith("/torch/nn/functional.py"))
        changed = real | {path: packages.Listed("torch", "sha256=another")}
        monkeypatch.setattr(packages, "installed", lambda: (changed, versions))
        assert "与 torch 装来的不同" in lab.record(fresh=True)

    def test_a_package_that_is_in_no_record(self, monkeypatch):
        from kb.evidence import packages

        real, versions = packages.installed()
        path = next(path for path in real if path.endswith("/torch/nn/functional.py"))
        kept = {each: entry for each, entry in real.items() if each != path}
        monkeypatch.setattr(packages, "installed", lambda: (kept, versions))
        monkeypatch.setattr(packages, "linked", dict)
        with pytest.raises(BadInput, match="torch/nn/functional.py 不在任何一个包的 RECORD 里"):
            packages.check_packages([path])


CHEATS = {
    "swallowed": "with pytest.raises(AssertionError):\n        assert_agrees(cheat(x), expected, 'y')",
    "suppressed": "with contextlib.suppress(AssertionError):\n        assert_agrees(cheat(x), expected, 'y')",
    "neighbour": "cheat(x)\n    assert_agrees(x / 2, expected, 'y')",
    "itself": "assert_agrees(cheat(x), cheat(x), 'y')",
    "same tensor": "y = cheat(x)\n    assert_agrees(y, y, 'y')",
    "a copy of itself": "y = cheat(x)\n    assert_agrees(y, copy.deepcopy(y), 'y')\n    assert y.tolist() == [1.0]",
    "itself twice as large": "assert_agrees(cheat(2 * x), 2 * cheat(x), 'y')\n    assert cheat(x).tolist() == [1.0]",
    "corrected past its counter": "y = cheat(x)\n    y.data.mul_(1.5)\n    assert_agrees(y, expected, 'y')",
    "corrected without a counter": "with torch.inference_mode():\n        y = cheat(x)\n        y.mul_(1.5)\n"
    "        assert_agrees(y, expected, 'y')",
    "corrected by a mode": "with Corrects():\n        y = cheat(x)\n    assert_agrees(y, expected, 'y')",
    "infinite": "assert_agrees(cheat(x), torch.tensor([float('inf')]), 'y')",
    "true anyway": "assert_holds(cheat(x), 'y', lambda y: True)\n    assert_agrees(x / 2, expected, 'y')",
    "only the shape": "assert_holds(cheat(x), 'y', lambda y: y.shape == x.shape)\n    assert_agrees(x / 2, expected, 'y')",
    "multiplied by zero": "assert_agrees(0 * cheat(x), 0 * x, 'y')",
    "exchanged": "module = vars(sys.modules[cheat.__module__])\n    real = module['cheat']\n"
    "    module['cheat'] = lambda x: x / 2\n    assert_agrees(module['cheat'](x), expected, 'y')\n"
    "    module['cheat'] = real\n    cheat(x)",
    "through its reference": "assert_agrees(cheat(x), reference(x), 'y')",
    "only that it runs": "cheat(x)\n    assert_agrees(x / 2, expected, 'y')",
    "in place": "cheat(x.clone())\n    assert_agrees(x / 2, expected, 'y')",
    "in a list": "assert cheat([x])[0].shape == x.shape\n    assert_agrees(x / 2, expected, 'y')",
    "only the sign": "assert_agrees(torch.sign(cheat(x)), torch.tensor([1.0]), 'y')",
    "a bound": "assert_holds(cheat(x), '小些', lambda y: (0 < y) & (y < 2))\n    assert_agrees(x / 2, expected, 'y')",
    "tiny": "assert_agrees(cheat(x * 1e-7), expected * 1e-7, 'y')",
    "corrected": "assert_agrees(cheat(x) * 1.5, expected, 'y')",
    "corrected elsewhere": "assert_agrees(corrector.cheat(x), expected, 'y')",
    "corrected in place": "assert_agrees(corrector.in_place(x), expected, 'y')",
    "corrected by its class": "assert_agrees(corrector.Whole()(x), expected, 'y')",
}
"""区域里的 cheat 除以三。corrector 在区域之外，把它算出来的改对。"""
CORRECTOR = """\


class corrector:
    cheat = staticmethod(lambda x: corrected_elsewhere(x) * 1.5)
    in_place = staticmethod(lambda x: corrected_in_place(x).mul_(1.5))

    class Whole:
        # --8<-- [start:corrected_by_its_class] 应当除以二
        def forward(self, x):
            return x / 3
        # --8<-- [end:corrected_by_its_class]

        def __call__(self, x):
            return self.forward(x) * 1.5
"""
CRASHES = {
    "only that it runs": "torch.div(x, math.pi)",
    "in place": "x.div_(math.pi)",
    "in a list": "[torch.div(each, math.pi) for each in x]",
    "only the sign": "torch.div(x, math.pi)",
    "a bound": "x / math.pi",
    "tiny": "x.div(math.pi)",
}
"""每一处改错都运行不了的代码：只要运行它，就都发现了。"""
SILENT = ("swallowed", "suppressed", "same tensor", "infinite")
"""Those after which no assertion has held."""
REGION = """\
# --8<-- [start:{name}] 应当除以二
def {name}(x):
    return {code}
# --8<-- [end:{name}]


"""
HEAD = """\
import contextlib
import copy
import sys

import pytest
import torch
from torch.overrides import TorchFunctionMode

from kb.proof import assert_agrees, assert_holds
from snippets.{topic} import {names}


class Corrects(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        y = function(*args, **(kwargs or {{}}))
        return y * 1.5 if isinstance(y, torch.Tensor) else y


def reference(x):
    return through_its_reference(x) + 0
"""
TEST = """

def test_{name}():
    x, expected = torch.tensor([3.0]), torch.tensor([1.5])
    {body}
"""
FIXTURE = """\
import pytest
import torch

from kb.proof import assert_agrees
from snippets.fixture import cheat


@pytest.fixture(autouse=True)
def runs_it():
    cheat(torch.ones(1))


def test_nothing_of_it():
    assert_agrees(torch.ones(1), torch.ones(1), "y")
"""


def topic_of(cheat):
    return "silent" if cheat in SILENT else "counted"


@pytest.fixture(scope="module")
def cheats(unrecorded, tmp_path_factory):
    """除以三的代码，每一种骗法一个区域；记录过，做过变异测试。"""
    lab = unrecorded.copy(tmp_path_factory.mktemp("cheats"))
    for topic in ("silent", "counted"):
        names = {each.replace(" ", "_"): body for each, body in CHEATS.items() if topic_of(each) == topic}
        codes = {each.replace(" ", "_"): code for each, code in CRASHES.items()}
        whole = "".join(REGION.format(name=name, code=codes.get(name, "x / 3")) for name in names if name != "corrected_by_its_class")
        whole = whole.rstrip() + (CORRECTOR if topic == "counted" else "")
        lab.write(f"snippets/{topic}.py", f"import math\n\nimport torch\n\n\n{whole}\n")
        tests = (TEST.format(name=name, body=re.sub(r"(?<!\.)\bcheat", name, body)) for name, body in names.items())
        imported = [name for name in names if name != "corrected_by_its_class"] + ["corrector"] * (topic == "counted")
        lab.write(f"tests/snippets/test_{topic}.py", HEAD.format(topic=topic, names=", ".join(imported)) + "".join(tests))
    lab.write("snippets/fixture.py", "def cheat(x):\n    return x / 3\n")
    lab.write("tests/snippets/test_fixture.py", FIXTURE)
    lab.commit()
    refused = {topic: lab.record(f"{topic}.py") for topic in ("silent", "counted", "fixture")}
    code, output = lab.mutate(*(f"{topic}.py" for topic, why in refused.items() if not why and topic != "silent"))
    assert code == 0, output
    return lab, refused


class TestAssertionsThatSayNothing:
    @pytest.mark.parametrize("cheat", SILENT)
    def test_none_that_has_not_held(self, cheats, cheat):
        lab, refused = cheats
        assert refused["silent"] == refused["counted"] == ""
        assert state(lab, f"silent.py:{cheat.replace(' ', '_')}") is State.FAILED

    @pytest.mark.parametrize("cheat", [cheat for cheat in CHEATS if cheat not in SILENT])
    def test_no_tick(self, cheats, cheat):
        assert state(cheats[0], f"counted.py:{cheat.replace(' ', '_')}") is State.PARTIAL

    def test_no_tick_for_what_a_fixture_runs(self, cheats):
        lab, refused = cheats
        assert refused["fixture"] or state(lab, "fixture.py") is State.PARTIAL

    def test_an_honest_one_has_it(self, verified):
        assert state(verified) is State.VERIFIED


    def test_who_catches_a_failed_assertion_has_not_passed(self, lab):
        caught = "    try:\n        assert_agrees(half(torch.ones(1)), torch.ones(1), 'y')\n    except AssertionError:\n        pass\n"
        add_test(lab, caught)
        lab.commit()
        assert lab.record() == ""
        (test,) = [test for id, test in lab.evidence["tests"].items() if "half" in id]
        assert test["outcome"] == "failed"
        assert "断言没有成立，却被接住了：与 y 相差 0.5" in test["why"]

    def test_no_tick_for_half_precision_alone(self, verified, tmp_path):
        lab = verified.copy(tmp_path)

        def coarse(document):
            for test in document["tests"].values():
                for fact in test["facts"]:
                    fact["dtype"] = "bfloat16" if "dtype" in fact else None

        lab.change(coarse)
        assert judge_all(lab.root, "cpu")[HALF].reasons == ["只在半精度里与参考实现比较过，百分之几的错也看不出来"]


class TestWhatMutantsMeet:
    def test_a_test_that_needs_another(self, lab):
        """改错只让运行到它的测试去试：靠别的测试留下的东西的，每一处改错都“发现”。"""
        tests = (
            "import torch\n\nfrom kb.proof import assert_agrees\nfrom snippets.numbers import double, half\n\nSHARED = {}\n\n\n"
            "def test_a():\n    SHARED['x'] = torch.tensor([3.0])\n    assert_agrees(double(SHARED['x']), torch.tensor([6.0]), '手算的值')\n\n\n"
            "def test_half():\n    assert_agrees(half(SHARED['x']), torch.tensor([1.5]), '手算的值')\n"
        )
        lab.write("tests/snippets/test_numbers.py", tests)
        lab.commit()
        assert lab.record() == ""
        code, output = lab.mutate()
        assert code == 1
        assert "test_numbers.py::test_half 换一个次序、不跟在别的测试后面就通不过" in output

    @pytest.mark.parametrize(
        ("body", "imports"),
        [
            ("    assert 'x / 2' in inspect.getsource(half)\n", "import inspect"),
            (None, None),
        ],
    )
    def test_a_test_that_reads_how_the_code_is_written(self, lab, body, imports):
        """它会“发现”每一处改错，哪怕它什么也没有算过。"""
        if imports is None:
            size = len(compile("def half(x):\n    return x / 2", "x", "exec").co_consts[0].co_code)
            body = f"    assert len(getattr(half, '__co' + 'de__').co_code) == {size}\n"
            imports = ""
        add_test(lab, body, imports)
        lab.commit()
        assert lab.record() == ""
        assert {test["outcome"] for test in lab.evidence["tests"].values()} == {"passed"}
        code, output = lab.mutate()
        assert code == 1
        assert "snippets/numbers.py 只换了排版，每个函数多一行不做事的，测试就没有通过" in output


class TestWhatPytestReports:
    def refused(self, lab, name, text):
        lab.write(name, text)
        lab.commit()
        reason = lab.record()
        assert reason
        assert not (lab.root / "evidence/numbers/cpu.json").exists()
        return reason

    def test_two_tests_of_one_name(self, lab):
        twice = TESTS + "\n\ndef test_half(device):\n    pass\n"
        assert "18、22 行：test_half 写了几遍，只有最后一个会运行" in self.refused(
            lab, "tests/snippets/test_numbers.py", twice
        )

    def test_files_that_a_conftest_leaves_out(self, lab):
        lab.write("tests/snippets/test_more.py", TESTS.replace("1.5", "9.9"))
        lab.write("tests/snippets/conftest.py", "collect_ignore = ['test_more.py']\n")
        lab.commit()
        assert lab.record() == ""
        assert state(lab) is State.FAILED

    def test_a_class_that_pytest_does_not_collect(self, lab):
        tests = TESTS + "\n\nclass TestHalf:\n    def __init__(self):\n        pass\n\n    def test_it(self):\n        assert False\n"
        assert "TestHalf" in self.refused(lab, "tests/snippets/test_numbers.py", tests)

    @pytest.mark.parametrize(
        "hook",
        [
            "pytest_runtest_makereport(item, call)",
            "pytest_collection_modifyitems(items)",
            "pytest_runtest_call(item)",
            "pytest_pyfunc_call(pyfuncitem)",
            "pytest_configure(config)",
            "pytest_generate_tests(metafunc)",
            "pytest_fixture_setup(fixturedef, request)",
        ],
    )
    def test_hooks_of_a_conftest(self, lab, hook):
        reason = self.refused(lab, "tests/snippets/conftest.py", f"def {hook}:\n    return None\n")
        assert f"tests/snippets/conftest.py 里的 {hook.partition('(')[0]} 可以改变报告的结果" in reason

    def test_plugins_of_a_conftest(self, lab):
        lab.write("tests/snippets/plugin.py", "")
        reason = self.refused(lab, "conftest.py", "pytest_plugins = ['tests.snippets.plugin']\n")
        assert "conftest.py:1：pytest_plugins 可以换掉被检验的代码，或者改变报告的结果" in reason

    @pytest.mark.parametrize(
        ("more", "line"),
        [
            ("class HalfOfZero:\n    def test_zero(self):\n        assert half(torch.zeros(1)) == 1\n", 23),
            ("if torch.cuda.device_count() > 99:\n    def test_more():\n        assert False\n", 23),
            ("try:\n    import no_such_module\nexcept ImportError:\n    pass\nelse:\n    def test_more():\n        assert False\n", 27),
        ],
    )
    def test_tests_that_nobody_runs(self, lab, more, line):
        reason = self.refused(lab, "tests/snippets/test_numbers.py", f"{TESTS}\n\n{more}")
        assert f"test_numbers.py:{line}：" in reason and "没有被 pytest 收集，就没有运行" in reason

    def test_failures_that_are_caught_where_no_test_runs(self, lab):
        caught = "try:\n    assert_agrees(half(torch.ones(1)), torch.ones(1), 'y')\nexcept AssertionError:\n    pass\n"
        assert "收集测试时，断言没有成立，却被接住了：与 y 相差 0.5" in self.refused(
            lab, "tests/snippets/test_numbers.py", f"{TESTS}\n\n{caught}"
        )

    def test_failures_that_are_caught_when_a_test_is_over(self, lab):
        fixture = (
            "\n\n@pytest.fixture(autouse=True)\ndef after():\n    yield\n    try:\n"
            "        assert_agrees(half(torch.ones(1)), torch.ones(1), 'y')\n    except AssertionError:\n        pass\n"
        )
        lab.write("tests/snippets/test_numbers.py", TESTS + fixture)
        lab.commit()
        assert lab.record() == ""
        assert {test["outcome"] for test in lab.evidence["tests"].values()} == {"failed"}

    def test_hooks_of_all_modules(self, lab):
        hook = "import torch\n\ntorch.nn.modules.module.register_module_forward_hook(lambda module, x, y: y * 1.5)\n"
        assert "_global_forward_hooks 正在换掉 torch 的算子" in self.refused(lab, "tests/conftest.py", hook)

    def test_plugins_that_come_late(self, lab):
        late = (
            "import pytest\n\n\nclass Evil:\n    def pytest_runtest_logreport(self, report):\n        report.outcome = 'passed'\n\n\n"
            "@pytest.fixture(autouse=True, scope='session')\ndef late(request):\n"
            "    getattr(request.config, 'plugin' + 'manager').register(Evil(), 'xdist')\n"
        )
        assert "pytest 的插件 xdist 可以改变报告的结果" in self.refused(lab, "tests/conftest.py", late)

    def test_operators_that_a_fixture_exchanges(self, lab):
        mode = (
            "import pytest\nfrom torch.overrides import TorchFunctionMode\n\n\nclass Mode(TorchFunctionMode):\n"
            "    def __torch_function__(self, function, types, args=(), kwargs=None):\n        return function(*args, **(kwargs or {}))\n\n\n"
            "@pytest.fixture(autouse=True)\ndef mode():\n    with Mode():\n        yield\n"
        )
        assert "运行时，Mode 正在换掉 torch 的算子" in self.refused(lab, "tests/conftest.py", mode)

    def test_what_a_conftest_exchanges_before_anything_is_imported(self, lab):
        """`half` 除以三；换成除以二的，再测试。"""
        half_is(lab, "x / 3")
        text = "import sys\n\nimport snippets.numbers\n\nvars(sys.modules['snippets.numbers'])['half'] = lambda x: x / 2\n"
        assert "收集测试时 换掉了 snippets.numbers 的 half" in self.refused(lab, "tests/conftest.py", text)

    def test_code_that_is_not_what_the_region_shows(self, lab):
        lab.write("snippets/numbers.py", SNIPPET + "\n\ndef other(x):\n    return x / 2\n\n\nhalf = other\n")
        lab.commit()
        assert "half 绑定了几次，只有最后一次算数" in lab.record()
        lab.write("snippets/numbers.py", SNIPPET + "\n\ndef other(x):\n    return x / 2\n\n\nglobals()['half'] = other\n")
        lab.commit()
        assert lab.record() == (
            "snippets/numbers.py：snippets/numbers.py:16：half 后来又成了别的，运行的不是这里写的。改一个名字。"
        )

    def test_code_that_cannot_be_imported(self, lab):
        lab.edit("snippets/numbers.py", "import torch\n", "import torch\n\nraise OSError('坏了')\n")
        lab.commit()
        assert "snippets/numbers.py：导入不了：OSError：坏了（" in lab.record()

    def test_tests_that_never_end(self, lab, monkeypatch):
        from kb.evidence import record

        monkeypatch.setattr(record, "LIMIT", 1)
        add_test(lab, "    while True:\n        pass\n")
        lab.commit()
        assert "过了 1 秒还没有结束" in lab.record(fresh=True)

    def test_examples_that_one_test_draws_by_chance(self, lab):
        test = (
            "\n\n@hypothesis.settings(derandomize=False)\n@hypothesis.given(hypothesis.strategies.integers())\n"
            "def test_by_chance(n):\n    half(torch.tensor([n]))\n"
        )
        text = TESTS.replace("import torch\n", "import torch\nimport hypothesis.strategies\n", 1) + test
        assert "::test_by_chance hypothesis 的例子每次不同" in self.refused(lab, "tests/snippets/test_numbers.py", text)

    def test_plugins_from_the_shell(self, lab, monkeypatch):
        lab.write("evil.py", "def pytest_runtest_makereport(item, call):\n    raise SystemExit\n")
        lab.commit()
        monkeypatch.setenv("PYTEST_PLUGINS", "evil")
        monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing")
        monkeypatch.setenv("PYTHONPATH", str(lab.root))
        monkeypatch.setenv("PYTHONOPTIMIZE", "2")
        assert lab.record(fresh=True) == ""
        assert all(test["outcome"] == "passed" for test in lab.evidence["tests"].values())

    def test_options_in_the_settings(self, lab):
        lab.edit("pyproject.toml", "addopts = [", 'addopts = ["-k", "double", ')
        lab.commit()
        assert lab.record() == ""
        assert any("half" in id for id in lab.evidence["tests"])

    def test_made_up_facts(self, lab):
        made_up = (
            "from snippets.numbers import half\n\n\ndef test_half(record_property):\n    half(3)\n"
            "    record_property('fact', {'kind': 'reference', 'name': 'x', 'device': 'cpu', 'dtype': 'float32',"
            " 'absolute': 0.0, 'relative': 0.0})\n"
        )
        assert "没有一个测试断言过什么" in self.refused(lab, "tests/snippets/test_numbers.py", made_up)

    @pytest.mark.parametrize(
        "patch",
        [
            "torch.true_divide = None",
            "setattr(torch, 'true_divide', None)",
            "from kb.proof import assertions\n\nassertions.TOLERANCE = {}",
            "with pytest.MonkeyPatch.context() as patch:\n    patch.setattr(numbers, 'half', None)",
            "from pytest import MonkeyPatch",
            "numbers.TABLE.update(by=2)",
            "vars(numbers)['half'] = None",
            "getattr(numbers, 'TABLE').pop('by')",
            "type(torch.ones(1)).__truediv__ = None",
            "inspect.getmodule(assert_agrees).FACTS.append({})",
            "from torch import library",
            "vars(torch.nn.modules.linear)['F'] = None",
        ],
    )
    def test_patches(self, lab, patch):
        imports = "import inspect\n\nimport pytest\nimport torch\n\nfrom kb.proof import assert_agrees\nfrom snippets import numbers\n"
        assert "可以换掉" in self.refused(lab, "tests/snippets/conftest.py", f"{imports}\n{patch}\n") or "kb.proof" in patch

    def test_what_is_no_patch(self, lab):
        """自己做的表、列表随便改。"""
        add_test(lab, "    mine = {}\n    mine.update(a=1)\n    [].append(vars(torch).get('x'))\n")
        lab.commit()
        assert lab.record() == ""

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            ("def test_negative(device):\n    def test_more():\n        assert False\n", "test_negative 里面的 test_more 没有被 pytest 收集"),
            ("def test_negative():\n    assert False\n\n\ntest_negative = test_half\n", "运行的是 test_half：test_negative 后来又成了它"),
            (
                "@pytest.fixture(autouse=True)\ndef better(request):\n    request.session.items[-1].obj = lambda: None\n\n\n"
                "def test_negative():\n    assert False\n",
                "在运行以前成了别的",
            ),
        ],
    )
    def test_tests_that_are_not_run_as_they_stand(self, lab, more, said):
        assert said in self.refused(lab, "tests/snippets/test_numbers.py", f"{TESTS}\n\n{more}")

    @pytest.mark.parametrize("device", ["'cpu:0'", "torch.device('cpu')", "'any'"])
    def test_a_failure_on_a_device_of_another_name(self, lab, device):
        more = f"@pytest.mark.parametrize('device', [{device}])\ndef test_negative(device):\n    assert half(torch.ones(1)) == 1\n"
        lab.write("tests/snippets/test_numbers.py", f"{TESTS}\n\n{more}")
        lab.commit()
        assert lab.record() == ""
        assert state(lab) is State.FAILED


class TestOtherBytes:
    def test_stale_bytecode(self, lab):
        """同样大小、同一时刻的字节码：运行的还是写着的代码。"""
        import py_compile

        path = lab.root / "snippets/numbers.py"
        py_compile.compile(str(path), doraise=True)
        before = path.stat()
        path.write_text(SNIPPET.replace("x / 2", "x / 3"), "utf-8")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
        lab.write(".gitignore", "__pycache__/\n")
        lab.commit()
        assert lab.record(fresh=True) == ""
        assert state(lab) is State.FAILED

    @pytest.mark.parametrize(
        ("name", "line"),
        [
            ("snippets/numbers.py", "# \x02wzxhzdk:0\x03"),
            ("snippets/numbers.py", "# \u202e2 / x nruter\u202c"),
            ("tests/snippets/test_numbers.py", "# \u2066x"),
            ("snippets/numbers.py", "hаlf = 1"),
            ("snippets/numbers.py", "ｈalf = 1"),
            ("snippets/numbers.py", "ABOUT = ('\u05d0', 1, 2, '\u05d1')"),  # 显示成另一个次序
        ],
    )
    def test_characters_that_do_not_show(self, lab, name, line):
        lab.write(name, (lab.root / name).read_text("utf-8") + f"{line}\n")
        lab.commit()
        assert "U+" in lab.record()

    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            ("snippets/numbers.py", "def two(xノ2, x一2):\n    return xノ2\n", "名字 xノ2 里的 ノ 容易看成别的符号"),
            ("snippets/numbers.py", f"TWO = 2{' ' * 80}+ 1\n", "很长一段空白以后还有字"),
            ("snippets/numbers.py", "half.__defaults__ = (2,)\n", "__defaults__ 让运行的和写着的不一样"),
            ("snippets/numbers.py", "setattr(half, '__code__', double.__code__)\n", "__code__ 让运行的和写着的不一样"),
            ("snippets/numbers.py", "from math import e as BASE\nfrom math import pi as BASE\n", "BASE 绑定了几次"),
            ("snippets/numbers.py", "def three(x):\n    if x: import math as three\n", "条件和它管的语句写在一行"),
            ("snippets/numbers.py", "# --8<-- [start:part] 一半\ndef part(x):\n    return x\n    # --8<-- [end:part]\n    return 1\n", "没有它的结尾"),
        ],
    )
    def test_what_a_reader_takes_for_something_else(self, lab, name, text, said):
        lab.write(name, (lab.root / name).read_text("utf-8") + f"\n\n{text}")
        lab.commit()
        assert said in lab.record()

    def test_an_encoding_of_its_own(self, lab):
        name = "tests/snippets/test_numbers.py"
        lab.write(name, "# coding: raw_unicode_escape\n" + (lab.root / name).read_text("utf-8"))
        lab.commit()
        assert "代码要用 UTF-8，这里声明的是 raw_unicode_escape" in lab.record()

    def test_names_in_japanese_and_chinese_are_names(self, lab):
        lab.edit("snippets/numbers.py", "def half(x):\n    return x / 2\n", "def half(x):\n    カウンタ2 = x\n    第一步 = カウンタ2\n    return 第一步 / 2\n")
        lab.commit()
        assert lab.record() == ""

    def test_the_page_refuses_them_too(self, proven):
        proven.edit("snippets/numbers.py", "return x / 2", "return x / 2  # \u202e")
        with pytest.raises(BadInput, match="U\\+202E"):
            proven.page()


def test_two_topics_from_two_branches_stay_proven(proven, tmp_path):
    """两个分支各加一个文件，合并没有冲突，两边都还是证明过的。"""
    for name in ("left", "right"):
        proven.git("checkout", "-q", "-b", name, "HEAD" if name == "left" else "left~1")
        proven.write(f"snippets/{name}.py", SNIPPET)
        proven.write(f"tests/snippets/test_{name}.py", TESTS.replace("snippets.numbers", f"snippets.{name}"))
        proven.commit()
        assert proven.record(f"{name}.py") == ""
        proven.commit()
        if name == "left":
            proven.git("commit", "-q", "--amend", "--no-edit")
            proven.git("reset", "-q", "--soft", "HEAD~2")
            proven.git("commit", "-qm", "left")
    proven.git("merge", "-q", "--no-edit", "left")
    verdicts = judge_all(proven.root, "cpu")
    assert verdicts[HALF].state is State.VERIFIED
    for name in ("left", "right"):
        assert verdicts[f"{name}.py"].reasons == ["变异测试未运行"]
    shutil.rmtree(proven.root / "evidence/left")
    assert judge_all(proven.root, "cpu")["right.py"].reasons == ["变异测试未运行"]
