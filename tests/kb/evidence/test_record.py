"""pytest --record-evidence：如实写下全部；不是全部，就什么也不写。"""

import json
import math
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from kb.evidence.record import Recorder, merge
from kb.evidence.refuse import find_patches
from kb.evidence.store import RECORD, parse
from tests.kb.lab import ROOT, TESTS

DOUBLE = "tests/snippets/test_numbers.py::test_double[cpu-torch.float64]"


def refused(lab, code, output):
    """Nothing was written, and the reason stands in one line, without a traceback."""
    assert code != 0
    assert not (lab.root / "evidence/cpu.json").exists()
    assert "Traceback" not in output
    (line,) = re.findall(r"(?:不能记录证据|没有写入证据)：(.*)", output)
    return line


class TestWhatIsWritten:
    def test_a_plain_run_writes_nothing(self, lab):
        code, output = lab.run("-m", "pytest")
        assert code == 0
        assert "4 passed" in output
        assert not (lab.root / "evidence/cpu.json").exists()

    def test_facts(self, recorded):
        evidence = recorded.evidence
        assert evidence["command"] == RECORD
        assert evidence["tests"][DOUBLE] == {
            "outcome": "passed",
            "line": 8,
            "facts": [{"kind": "reference", "name": "手算的值", "dtype": "float64", "absolute": 0.0, "relative": 0.0}],
            "ran": {"snippets/numbers.py": "9,11"},
        }
        assert evidence["environment"]["packages"].keys() == {"coverage", "hypothesis", "pytest", "torch"}

    def test_regions(self, recorded):
        regions = recorded.evidence["regions"]
        assert list(regions) == ["numbers.py", "numbers.py:double", "numbers.py:half", "other.py", "other.py:zero"]
        assert regions["numbers.py:double"]["body"] == "9-11"
        assert regions["numbers.py"]["body"] == "9-11,17"
        assert regions["numbers.py"]["modules"] == ["tests/snippets/test_numbers.py"]
        assert regions["other.py"]["modules"] == []

    def test_only_tests_of_this_device(self, recorded):
        assert list(recorded.evidence["tests"]) == [
            DOUBLE.replace("float64", "bfloat16"),
            DOUBLE,
            "tests/snippets/test_numbers.py::test_double_refuses_integers",
            "tests/snippets/test_numbers.py::test_half[cpu]",
        ]
        assert not (recorded.root / "evidence/cuda.json").exists()

    def test_other_tests_are_not_run(self, lab):
        lab.write("tests/kb/test_other.py", "def test_it():\n    raise AssertionError\n")
        lab.commit()
        assert lab.record()[0] == 0

    def test_the_same_run_twice_differs_only_in_date(self, recorded, lab):
        lab.record("--no-skips")
        one, other = recorded.evidence, lab.evidence
        for each in (one, other):
            del each["recorded"], each["digest"]
        assert one == other

    def test_the_file_fits_its_schema_and_sorts_its_keys(self, recorded):
        data = (recorded.root / "evidence/cpu.json").read_bytes()
        document = parse(data, "cpu.json", "run")
        assert list(document) == sorted(document)
        assert data.endswith(b"}\n")
        assert b"\r" not in data

    def test_what_the_summary_says(self, lab):
        code, output = lab.record()
        assert code == 0
        assert "CPU：5 段代码里 3 段已验证" in output
        assert "other.py:zero 部分验证：没有测试检验过第 3 行；没有与参考实现比较过" in output

    def test_a_failure_is_evidence_too(self, lab):
        lab.edit("snippets/numbers.py", "2 * x", "3 * x")
        lab.commit()
        assert lab.record()[0] == 1
        test = lab.evidence["tests"][DOUBLE]
        assert test["outcome"] == "failed"
        assert "与 手算的值 相差 2.5" in test["why"]


class TestWhatCounts:
    def record(self, lab, tests, path="tests/snippets/test_numbers.py"):
        lab.write(path, tests)
        lab.commit()
        lab.record()
        return lab.evidence["tests"]

    def outcome(self, lab, tests, name="test_half"):
        found = self.record(lab, tests)
        (test,) = [test for id, test in found.items() if name in id]
        return test["outcome"]

    @pytest.mark.parametrize(
        ("before", "outcome"),
        [
            ("@pytest.mark.skip(reason='x')\ndef test_half", "skipped"),
            ("@pytest.mark.xfail(strict=False)\ndef test_half", "skipped"),
            ("@pytest.mark.xfail(strict=True)\ndef test_half", "failed"),
            (
                "@pytest.fixture\ndef broken():\n    raise OSError\n\n\n@pytest.mark.usefixtures('broken')\ndef test_half",
                "failed",
            ),
            (
                "@pytest.fixture\ndef late():\n    yield\n    raise OSError\n\n\n@pytest.mark.usefixtures('late')\ndef test_half",
                "failed",
            ),
        ],
    )
    def test_outcomes(self, lab, before, outcome):
        assert self.outcome(lab, TESTS.replace("def test_half", before)) == outcome

    def test_an_expected_failure_is_skipped(self, lab):
        tests = TESTS.replace("def test_half", "@pytest.mark.xfail\ndef test_half").replace("1.5", "9.9")
        assert self.outcome(lab, tests) == "skipped"

    def test_what_a_conftest_deselects_is_missing(self, lab):
        conftest = "def pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if 'half' not in i.name]\n"
        found = self.record(lab, conftest, "tests/snippets/conftest.py")
        assert {id: test["outcome"] for id, test in found.items() if "half" in id} == {
            "tests/snippets/test_numbers.py::test_half[cpu]": "missing"
        }

    def test_a_file_that_is_skipped_is_seen(self, lab):
        found = self.record(
            lab, "import pytest\n\npytest.skip('x', allow_module_level=True)\n", "tests/snippets/test_x.py"
        )
        assert found["tests/snippets/test_x.py"] == {
            "outcome": "skipped",
            "line": 1,
            "why": "x",
            "facts": [],
            "ran": {},
        }

    def test_the_device_is_read_from_the_tensor(self, lab):
        tests = TESTS.replace("assert_agrees(half(", "device = 'meta'\n    assert_agrees(half(", 1)
        tests = tests.replace(
            "half(torch.tensor([3.0], device=device)), torch.tensor([1.5])",
            "half(torch.ones(0, device=device)), torch.ones(0)",
        )
        found = self.record(lab, tests)
        assert found["tests/snippets/test_numbers.py::test_half[cpu]"]["facts"] == []

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

    @pytest.mark.parametrize(
        "tests",
        [
            "from tests.snippets import helper\n\n\ndef test_it():\n    helper.zero(1)\n",
            # 跳过了，一行也没有运行
            "import pytest\n\nfrom tests.snippets.helper import zero\n\n\n@pytest.mark.skip\ndef test_it():\n    zero(1)\n",
            # 运行了，却看不出导入
            "import importlib\n\n\ndef test_it():\n    importlib.import_module('snippets.other').zero(1)\n",
        ],
    )
    def test_whose_test_it_is(self, lab, tests):
        lab.write("tests/snippets/helper.py", "from snippets.other import zero\n")
        self.record(lab, tests, "tests/snippets/test_x.py")
        assert lab.evidence["regions"]["other.py"]["modules"] == ["tests/snippets/test_x.py"]


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
    """没有 GPU 也能检查：哪些测试、哪些断言算在 CUDA 名下。"""

    @pytest.fixture
    def facts(self, monkeypatch):
        monkeypatch.setattr("kb.evidence.record.environment", lambda device: {})

        def facts(parameter, *devices):
            params = {"device": parameter} if parameter else {}
            recorder = Recorder.__new__(Recorder)
            recorder.__dict__.update(
                config=SimpleNamespace(getoption=lambda *_: None),
                files={},
                inputs={},
                items={"test": SimpleNamespace(callspec=SimpleNamespace(params=params))},
                tests={"test": {}},
                facts={
                    "test": [{"kind": "property", "name": str(each), "dtype": None, "device": each} for each in devices]
                },
                lines_by_test=lambda: {},
            )
            found = {device: recorder.document(device)["tests"] for device in ("cpu", "cuda")}
            return {
                device: [fact["name"] for fact in tests["test"]["facts"]] for device, tests in found.items() if tests
            }

        return facts

    @pytest.mark.parametrize(
        ("parameter", "devices", "counted"),
        [
            ("cuda", ["cuda"], {"cuda": ["cuda"]}),
            ("cuda", ["cpu"], {"cuda": []}),  # 说是 CUDA，比较的却是 CPU 上的张量
            ("cuda", [None], {"cuda": []}),
            ("cpu", ["cpu", "cuda"], {"cpu": ["cpu"]}),
            (None, ["cpu"], {"cpu": ["cpu"], "cuda": []}),
            (None, [None], {"cpu": ["None"], "cuda": ["None"]}),  # 与张量无关，在哪里都一样
            (None, ["cuda", None], {"cpu": ["None"], "cuda": ["None", "cuda"]}),
        ],
    )
    def test_what_counts(self, facts, parameter, devices, counted):
        assert facts(parameter, *devices) == counted


class TestRefusals:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["-k", "half"],
            ["-m", "not slow"],
            ["-x"],
            ["--maxfail=1"],
            ["--lf"],
            ["--deselect", "tests/snippets/test_numbers.py::test_half"],
            ["--ignore=tests/snippets/test_numbers.py"],
            ["tests/snippets/test_numbers.py"],
            ["-n", "2"],
            ["-p", "other"],
            ["-o", "xfail_strict=false"],
            ["-c", "pyproject.toml"],
            ["--runxfail"],
            ["--collect-only"],
            ["--assert=plain"],
            ["--hypothesis-seed=1"],
        ],
        ids=" ".join,
    )
    def test_a_part_of_the_tests(self, unrecorded, arguments):
        code, output = unrecorded.record(*arguments)
        if arguments[0] == "-n":  # without xdist pytest doesn't know it
            assert code != 0
            assert not (unrecorded.root / "evidence/cpu.json").exists()
        elif arguments[0] == "-p":
            assert code != 0
        else:
            line = refused(unrecorded, code, output)
            assert line.startswith(f"参数 {arguments[0].partition('=')[0]}")
            assert RECORD in line

    def test_options_from_the_environment(self, unrecorded):
        line = refused(unrecorded, *unrecorded.record(PYTEST_ADDOPTS="-k half"))
        assert line.startswith("参数 -k 会改变运行哪些测试")

    def test_options_from_the_settings(self, lab):
        lab.edit("pyproject.toml", "addopts = [", 'addopts = ["--deselect=x", ')
        lab.commit()
        assert refused(lab, *lab.record()).startswith("参数 --deselect=x 会改变")

    def test_other_settings(self, lab):
        lab.write("pytest.ini", "[pytest]\naddopts = -p kb.evidence.record\n")
        lab.commit()
        assert "pytest.ini，应来自 pyproject.toml" in refused(lab, *lab.record())

    @pytest.mark.parametrize("options", [[], ["--record-evidence"]])
    def test_python_without_assertions(self, unrecorded, options):
        code, output = unrecorded.run("-O", "-m", "pytest", *options)
        assert code == pytest.ExitCode.USAGE_ERROR
        assert "python -O 会跳过断言" in output
        assert "Traceback" not in output
        assert not (unrecorded.root / "evidence/cpu.json").exists()

    @pytest.mark.parametrize(
        "name", ["snippets/numbers.py", "tests/snippets/test_numbers.py", "tests/conftest.py", "pyproject.toml"]
    )
    def test_uncommitted_changes(self, lab, name):
        lab.write(name, (lab.root / name).read_text("utf-8") + "\n")
        assert refused(lab, *lab.record()) == f"{name} 有还没提交的修改。先提交，再记录。"
        lab.git("add", "-A")
        assert refused(lab, *lab.record()) == f"{name} 有还没提交的修改。先提交，再记录。"

    def test_untracked_files(self, lab):
        lab.write("tests/snippets/test_new.py", "def test_it():\n    pass\n")
        assert refused(lab, *lab.record()) == "tests/snippets/test_new.py 不在 git 里。先 git add 并提交，或者移走它。"

    def test_without_git(self, lab):
        import shutil

        shutil.rmtree(lab.root / ".git")
        assert refused(lab, *lab.record(GIT_CEILING_DIRECTORIES=str(lab.root.parent))).startswith("要在 git 检出里记录")

    def test_files_that_change_while_the_tests_run(self, lab):
        lab.edit(
            "tests/snippets/test_numbers.py",
            "def test_half(device):\n",
            "def test_half(device):\n    open('snippets/numbers.py', 'a').write('\\n')\n",
        )
        lab.commit()
        assert refused(lab, *lab.record()) == "snippets/numbers.py 在运行期间改变了。再运行一次。"

    def test_a_test_file_that_appears_while_the_tests_run(self, lab):
        lab.edit(
            "tests/snippets/test_numbers.py",
            "def test_half(device):\n",
            "def test_half(device):\n    open('tests/snippets/new.py', 'w').close()\n",
        )
        lab.commit()
        assert refused(lab, *lab.record()) == "tests/snippets/new.py 在运行期间改变了。再运行一次。"

    def test_helpers_outside_of_the_key(self, lab):
        lab.write("helper.py", "")
        lab.edit("tests/snippets/test_numbers.py", "import torch\n", "import torch\n\nimport helper\n")
        lab.commit()
        assert refused(lab, *lab.record()).startswith("测试用到了 helper.py，它却不在 tests/snippets/ 里")

    def test_snippets_from_elsewhere(self, lab, tmp_path_factory):
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        lab.copy(elsewhere)
        lab.write("tests/snippets/conftest.py", f"import sys\n\nsys.path.insert(0, {str(elsewhere)!r})\n")
        lab.commit()
        assert f"来自 {elsewhere}" in refused(lab, *lab.record())

    def test_patched_snippets(self, lab):
        lab.edit(
            "tests/snippets/test_numbers.py",
            "def test_half(device):\n",
            "def test_half(device):\n    import sys\n    vars(sys.modules['snippets.numbers'])['half'] = lambda x: x / 2\n",
        )
        lab.commit()
        line = refused(lab, *lab.record())
        assert (
            line
            == "tests/snippets/test_numbers.py::test_half[cpu] 换掉了 snippets.numbers 的 half，那就不是在测试原来的代码。"
        )

    @pytest.mark.parametrize(
        ("source", "what"),
        [
            ("def test_x(monkeypatch): pass", "monkeypatch"),
            ("def test_x(mocker): pass", "mocker"),
            ("import unittest.mock", "mock"),
            ("from unittest import mock", "mock"),
            ("from unittest.mock import patch", "mock"),
            ("import snippets\nsnippets.numbers.half = 1", "snippets.numbers.half"),
            ("import snippets.numbers as n\nn.half = 1", "n.half"),
            ("from snippets import numbers\ndel numbers.half", "numbers.half"),
            ("from snippets.numbers import Block\nBlock.forward += 1", "Block.forward"),
            ("from snippets import numbers\nsetattr(numbers, 'half', 1)", "setattr(numbers, 'half', 1)"),
        ],
    )
    def test_ways_to_patch(self, source, what):
        assert [found for _, found in find_patches(source)] == [what]

    def test_our_own_tests_patch_nothing(self):
        for path in (ROOT / "tests/snippets").glob("*.py"):
            assert list(find_patches(path.read_text("utf-8"))) == []

    def test_a_patching_test_is_named(self, lab):
        lab.edit("tests/snippets/test_numbers.py", "def test_half(device):", "def test_half(device, monkeypatch):")
        lab.commit()
        assert (
            refused(lab, *lab.record())
            == "tests/snippets/test_numbers.py:18：monkeypatch 可以换掉 snippets 里的东西，测试里不能用。"
        )

    def test_one_name_used_twice(self, lab):
        lab.edit("snippets/numbers.py", "[start:half]", "[start:double]")
        lab.edit("snippets/numbers.py", "[end:half]", "[end:double]")
        lab.commit()
        assert refused(lab, *lab.record()).startswith("snippets/numbers.py:15：区域 double 在第 6 行已经有了")

    def test_examples_that_differ_each_time(self, lab):
        profile = "hypothesis.settings.load_profile('default')"
        lab.write("tests/conftest.py", f"import hypothesis\n\n{profile}\n")
        lab.commit()
        assert refused(lab, *lab.record()).startswith("hypothesis 的例子每次不同")

    def test_nothing_that_looked_at_a_tensor(self, lab):
        lab.write("tests/snippets/test_numbers.py", "def test_it():\n    pass\n")
        lab.commit()
        assert refused(lab, *lab.record()).startswith("没有一个测试检验过张量")

    def test_a_file_that_cannot_be_collected(self, lab):
        lab.write("tests/snippets/test_x.py", "import nothing_of_this_name\n")
        lab.commit()
        code, output = lab.record()
        assert code == pytest.ExitCode.INTERRUPTED
        assert "没有写入证据：这次运行没有从头到尾跑完。" in output
        assert not (lab.root / "evidence/cpu.json").exists()

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows 上不能向另一个进程发 Ctrl-C")
    def test_an_interrupted_run_leaves_the_old_file(self, recorded, lab):
        old = lab.write("evidence/cpu.json", (recorded.root / "evidence/cpu.json").read_text("utf-8")).read_bytes()
        lab.edit(
            "tests/snippets/test_numbers.py",
            "def test_half(device):\n",
            "def test_half(device):\n    open('started', 'w').close()\n    import time; time.sleep(60)\n",
        )
        lab.commit()
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "--record-evidence"],
            cwd=lab.root,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        while not (lab.root / "started").exists():
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert "没有写入证据：这次运行没有从头到尾跑完。" in output
        assert sorted(path.name for path in (lab.root / "evidence").iterdir()) == ["cpu.json", "equivalent.yml"]
        assert (lab.root / "evidence/cpu.json").read_bytes() == old


def test_lines_that_only_another_test_proves(recorded):
    """Every number in the file is one that this project has: nothing is hard-coded."""
    text = json.dumps(recorded.evidence["regions"])
    assert "self_attention" not in text
