"""记录：如实写下全部；不是全部，就什么也不写。"""

import math
import os
import shutil

import pytest

from kb.evidence.record import facts_on, merge
from kb.evidence.store import parse
from tests.kb.lab import TESTS

DOUBLE = "tests/snippets/test_numbers.py::test_double[cpu-torch.float64]"
HALF = "tests/snippets/test_numbers.py::test_half[cpu]"


def refused(lab, file="numbers.py"):
    """Nothing was written; the reason."""
    reason = lab.record(file)
    assert reason
    assert not (lab.root / "evidence/numbers/cpu.json").exists()
    return reason


class TestWhatIsWritten:
    def test_a_plain_run_writes_nothing(self, lab):
        code, output = lab.warm("pytest")
        assert code == 0
        assert "4 passed" in output
        assert os.listdir(lab.root / "evidence") == []

    def test_facts(self, recorded):
        evidence = recorded.evidence
        assert evidence["command"] == "kb prove numbers.py"
        assert evidence["tests"][DOUBLE] == {
            "outcome": "passed",
            "line": 8,
            "facts": [{"kind": "reference", "name": "手算的值", "dtype": "float64", "absolute": 0.0, "relative": 0.0}],
            "ran": "9,11",
        }
        assert {"pytest", "torch"} <= evidence["environment"]["packages"].keys()
        assert "evidence-notes" not in evidence["environment"]["packages"]

    def test_regions_and_modules(self, recorded):
        regions = recorded.evidence["regions"]
        assert list(regions) == ["numbers.py", "numbers.py:double", "numbers.py:half"]
        assert regions["numbers.py:double"]["body"] == "9-11"
        assert regions["numbers.py"]["body"] == "9-11,17"
        assert recorded.evidence["modules"] == ["tests/snippets/test_numbers.py"]

    def test_only_tests_of_this_device(self, recorded):
        assert list(recorded.evidence["tests"]) == [
            DOUBLE.replace("float64", "bfloat16"),
            DOUBLE,
            "tests/snippets/test_numbers.py::test_double_refuses_integers",
            HALF,
        ]
        assert not (recorded.root / "evidence/numbers/cuda.json").exists()

    def test_other_tests_are_not_run(self, lab):
        lab.write("tests/kb/test_other.py", "def test_it():\n    raise AssertionError\n")
        lab.write("tests/snippets/test_other.py", "def test_it():\n    raise AssertionError\n")
        lab.commit()
        assert lab.record() == ""
        assert all("other" not in id for id in lab.evidence["tests"])

    @pytest.mark.parametrize("fresh", [True, False])
    def test_the_same_run_twice_differs_only_in_date(self, recorded, lab, fresh):
        """也在不是从头开始的进程里（tests/kb/warm.py），它看不见的只有早就导入了的包。"""
        lab.record(fresh=fresh)
        one, other = dict(recorded.evidence), dict(lab.evidence)
        for each in (one, other):
            del each["recorded"], each["digest"]
        if not fresh:
            kept = other["environment"]["packages"].keys()
            packages = one["environment"]["packages"]
            one["environment"] |= {"packages": {name: packages[name] for name in packages if name in kept}}
        assert one == other

    def test_the_file_fits_its_schema_and_sorts_its_keys(self, recorded):
        data = (recorded.root / "evidence/numbers/cpu.json").read_bytes()
        document = parse(data, "cpu.json", "run")
        assert list(document) == sorted(document)
        assert data.endswith(b"}\n")
        assert b"\r" not in data

    def test_a_failure_is_evidence_too(self, lab):
        lab.edit("snippets/numbers.py", "2 * x", "3 * x")
        lab.commit()
        assert lab.record() == ""
        test = lab.evidence["tests"][DOUBLE]
        assert test["outcome"] == "failed"
        assert "与 手算的值 相差 2.5" in test["why"]


OUTCOMES = """

@pytest.fixture
def broken():
    raise OSError


@pytest.fixture
def late():
    yield
    raise OSError


@pytest.mark.skip(reason='x')
def test_skipped():
    pass


@pytest.mark.xfail(strict=False)
def test_may_fail():
    pass


@pytest.mark.xfail(strict=True)
def test_must_fail():
    pass


@pytest.mark.xfail
def test_fails_as_expected():
    assert False


def test_broken_before(broken):
    pass


def test_broken_after(late):
    pass
"""


class TestWhatCounts:
    def record(self, lab, tests, path="tests/snippets/test_numbers.py"):
        lab.write(path, tests)
        lab.commit()
        assert lab.record() == ""
        return lab.evidence["tests"]

    def test_outcomes(self, lab):
        found = self.record(lab, TESTS + OUTCOMES)
        outcomes = {id.partition("::")[2].partition("[")[0]: test["outcome"] for id, test in found.items()}
        assert {name: outcome for name, outcome in outcomes.items() if outcome != "passed"} == {
            "test_skipped": "skipped",
            "test_may_fail": "skipped",
            "test_must_fail": "failed",
            "test_fails_as_expected": "skipped",
            "test_broken_before": "failed",
            "test_broken_after": "failed",
        }

    def test_a_file_that_is_skipped_is_seen(self, lab):
        skipped = "import pytest\n\nfrom snippets.numbers import half\n\npytest.skip('x', allow_module_level=True)\n"
        found = self.record(lab, skipped, "tests/snippets/test_x.py")
        assert found["tests/snippets/test_x.py"] == {
            "outcome": "skipped",
            "line": 1,
            "why": "x",
            "facts": [],
            "ran": "",
        }

    def test_the_device_is_read_from_the_tensor(self, lab):
        tests = TESTS.replace("assert_agrees(half(", "device = 'meta'\n    assert_agrees(half(", 1)
        tests = tests.replace(
            "half(torch.tensor([3.0], device=device)), torch.tensor([1.5])",
            "half(torch.ones(0, device=device)), torch.ones(0)",
        )
        assert self.record(lab, tests)[HALF]["facts"] == []

    def test_a_device_less_assertion_counts_only_without_a_device(self, lab):
        tests = TESTS + (
            "\n\n@pytest.mark.parametrize('n', [1])\ndef test_free(n):\n    assert_refuses('x', int_, 'x')\n"
            "\n\ndef test_bound(device):\n    assert_refuses('x', int_, 'x')\n"
            "\n\ndef int_(x):\n    half(torch.ones(1))\n    raise ValueError('x')\n"
        )
        found = self.record(lab, tests)
        path = "tests/snippets/test_numbers.py::"
        assert found[path + "test_free[1]"]["facts"] == [{"kind": "error", "name": "x"}]
        assert found[path + "test_bound[cpu]"]["facts"] == []

    def test_tests_of_a_class_are_those_of_the_module_that_uses_it(self, lab):
        """契约：别的文件里的类，测试的文件继承它。"""
        lab.write(
            "tests/snippets/contract.py",
            "import torch\n\nfrom kb.proof import assert_agrees\n\n\nclass Linear:\n    def test_zero(self, device):\n"
            "        zero = torch.zeros(1, device=device)\n"
            "        assert_agrees(self.call(zero), torch.zeros(1), '零')\n",
        )
        tests = TESTS + (
            "\n\nfrom tests.snippets.contract import Linear\n\n\nclass TestHalf(Linear):\n"
            "    call = staticmethod(half)\n"
        )
        found = self.record(lab, tests)["tests/snippets/test_numbers.py::TestHalf::test_zero[cpu]"]
        assert (found["file"], found["line"]) == ("tests/snippets/contract.py", 7)
        assert "tests/snippets/contract.py" in lab.evidence["inputs"]

    def test_a_conversion_at_the_end_is_no_dtype_of_the_computation(self, lab):
        tests = TESTS.replace(
            "assert_agrees(half(torch.tensor([3.0], device=device)), torch.tensor([1.5]), \"手算的值\")",
            "x = half(torch.tensor([3.0], device=device))\n"
            "    for dtype in (torch.float64, torch.float32, torch.bfloat16):\n"
            "        assert_agrees(x.to(dtype, copy=True), torch.tensor([1.5]), \"手算的值\")",
        )
        assert [fact["dtype"] for fact in self.record(lab, tests)[HALF]["facts"]] == ["float32"]


class TestWhoseTestItIs:
    @pytest.mark.parametrize(
        ("tests", "counts"),
        [
            ("from snippets.other import zero\n", True),
            ("from snippets import other\n", True),
            ("import snippets.other\n", True),
            ("import snippets\n", False),  # 包里什么也没有交出来
            ("from tests.snippets import helper\n", True),
            ("import importlib\n\nother = importlib.import_module('snippets.other')\n", True),
            ("from snippets.user import double\n", False),  # 经过别的文件
            ("from snippets.numbers import half\n", False),
        ],
    )
    def test_by_what_it_imports(self, lab, tests, counts):
        from kb.evidence.imports import Project
        from kb.evidence.keys import test_modules

        lab.write("tests/snippets/helper.py", "from snippets.other import zero\n")
        lab.write("snippets/user.py", "from snippets.other import zero\n\n\ndef double(x):\n    return x\n")
        lab.write("tests/snippets/test_x.py", tests)
        assert ("tests/snippets/test_x.py" in test_modules(Project(lab.root), "other.py")) is counts


def test_facts_are_merged_by_their_largest_errors():
    def fact(name, dtype, **errors):
        return {"kind": "reference", "name": name, "dtype": dtype, "device": "cpu", **errors}

    facts = [
        fact("b", "float32", absolute=2.0, relative=0.5),
        fact("b", "float32", absolute=3.0, relative=0.25),
        fact("b", "float64", absolute=math.nan, relative=None),
        fact("a", "float32", absolute=1.0, relative=None),
        fact("b", "float32", absolute=1.0, relative=math.inf),
    ]
    assert merge(facts) == [
        {"kind": "reference", "name": "a", "dtype": "float32", "absolute": 1.0},
        {"kind": "reference", "name": "b", "dtype": "float32", "absolute": 3.0, "relative": 0.5},
        {"kind": "reference", "name": "b", "dtype": "float64"},
    ]


class TestAnotherDevice:
    """没有 GPU 也能检查：哪些断言算在 CUDA 名下。"""

    @pytest.mark.parametrize(
        ("parameter", "devices", "counted"),
        [
            ("cuda", ["cuda"], {"cpu": [], "cuda": ["cuda"]}),
            ("cuda", ["cpu"], {"cpu": ["cpu"], "cuda": []}),  # 说是 CUDA，比较的却是 CPU 上的张量
            ("cuda", [None], {"cpu": [], "cuda": []}),
            (None, ["cpu"], {"cpu": ["cpu"], "cuda": []}),
            (None, [None], {"cpu": ["None"], "cuda": ["None"]}),  # 与张量无关，在哪里都一样
            (None, ["cuda", None], {"cpu": ["None"], "cuda": ["cuda", "None"]}),
        ],
    )
    def test_what_counts(self, parameter, devices, counted):
        facts = [{"kind": "property", "name": str(each), "dtype": None, "device": each} for each in devices]
        test = {"device": parameter, "facts": facts, "computed": []}
        assert {device: [fact["name"] for fact in facts_on(device, test)] for device in ("cpu", "cuda")} == counted


class TestRefusals:
    @pytest.mark.parametrize(
        "name", ["snippets/numbers.py", "tests/snippets/test_numbers.py", "tests/conftest.py", "pyproject.toml"]
    )
    def test_uncommitted_changes(self, lab, name):
        lab.write(name, (lab.root / name).read_text("utf-8") + "\n")
        assert refused(lab) == f"{name} 有还没提交的修改。先提交，再记录。"
        lab.git("add", "-A")
        assert refused(lab) == f"{name} 有还没提交的修改。先提交，再记录。"

    def test_untracked_files(self, lab):
        lab.write("tests/snippets/test_new.py", "from snippets.numbers import half\n")
        assert refused(lab) == "tests/snippets/test_new.py 不在 git 里。先 git add 并提交，或者移走它。"

    def test_without_git(self, lab, monkeypatch):
        shutil.rmtree(lab.root / ".git")
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(lab.root.parent))
        assert refused(lab).startswith("要在 git 检出里记录")

    def test_git_is_missing(self, lab, monkeypatch):
        monkeypatch.setenv("PATH", "")
        assert refused(lab).startswith("找不到 git。先装好它")

    def test_without_tests(self, lab):
        assert refused(lab, "other.py") == (
            "snippets/other.py：tests/snippets/ 里没有测试导入它。写一个 tests/snippets/test_other.py。"
        )

    def test_files_that_change_while_the_tests_run(self, lab):
        lab.edit(
            "tests/snippets/test_numbers.py",
            "def test_half(device):\n",
            "def test_half(device):\n    open('snippets/numbers.py', 'a').write('\\n')\n",
        )
        lab.commit()
        assert refused(lab).startswith("snippets/numbers.py 有还没提交的修改")

    def test_patched_snippets(self, lab):
        lab.edit(
            "tests/snippets/test_numbers.py",
            "def test_half(device):\n",
            "def test_half(device):\n    import sys\n    vars(sys.modules['snippets.numbers'])['half'] = lambda x: x / 2\n",
        )
        lab.commit()
        assert refused(lab).endswith("换掉了 snippets.numbers 的 half，那就不是在测试原来的代码。")

    def test_a_patching_test_is_named(self, lab):
        lab.edit("tests/snippets/test_numbers.py", "def test_half(device):\n", "def test_half(device, monkeypatch):\n    monkeypatch.setattr(torch, 'x', 1)\n")
        lab.commit()
        assert refused(lab) == "tests/snippets/test_numbers.py:18：monkeypatch 可以换掉被检验的代码，或者改变报告的结果，测试里不能用。"

    def test_one_name_used_twice(self, lab):
        lab.edit("snippets/numbers.py", "[start:half]", "[start:double]")
        lab.edit("snippets/numbers.py", "[end:half]", "[end:double]")
        lab.commit()
        assert refused(lab).startswith("snippets/numbers.py:15：区域 double 在第 6 行已经有了")

    def test_examples_that_differ_each_time(self, lab):
        profile = "hypothesis.settings.load_profile('default')"
        lab.write("tests/conftest.py", f"import hypothesis\n\n{profile}\n")
        lab.commit()
        assert "hypothesis 的例子每次不同" in refused(lab)

    def test_nothing_that_was_asserted(self, lab):
        lab.write(
            "tests/snippets/test_numbers.py",
            "from snippets.numbers import half\n\n\ndef test_it():\n    assert half(2) == 1\n",
        )
        lab.commit()
        assert "没有一个测试断言过什么" in refused(lab)

    def test_a_file_that_cannot_be_collected(self, lab):
        lab.write("tests/snippets/test_broken.py", "from snippets.numbers import half\n\nraise OSError('坏了')\n")
        lab.commit()
        assert "tests/snippets/test_broken.py 收集不了：OSError: 坏了" in refused(lab)

    def test_code_that_python_cannot_read(self, lab):
        lab.edit("snippets/numbers.py", "return x / 2", "return x /")
        lab.commit()
        assert refused(lab) == "snippets/numbers.py：Python 读不懂它，有语法错误。先让它能运行。"

    def test_a_process_that_is_killed(self, lab):
        lab.edit(
            "tests/snippets/test_numbers.py",
            "def test_half(device):\n",
            "def test_half(device):\n    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)\n",
        )
        lab.commit()
        assert "的进程以 -9 结束" in refused(lab)

    def test_what_was_recorded_before_stays(self, lab, recorded):
        shutil.copytree(recorded.root / "evidence", lab.root / "evidence", dirs_exist_ok=True)
        before = (lab.root / "evidence/numbers/cpu.json").read_bytes()
        lab.edit("snippets/numbers.py", "2 * x", "3 * x")
        assert lab.record()
        assert (lab.root / "evidence/numbers/cpu.json").read_bytes() == before
        assert sorted(os.listdir(lab.root / "evidence/numbers")) == ["cpu.json", "flow.json"]
