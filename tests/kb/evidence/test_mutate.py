"""kb mutate：改错一处，测试要发现；没有发现的要列出来，也可以中断了再接着来。"""

import ast
import json
import signal
import subprocess
import sys
import time

import pytest

from kb.evidence.judge import judge_all
from kb.evidence.mutate import (
    BROKEN_IMPORT,
    NOTICED,
    PROGRESS,
    SURVIVED,
    Campaign,
    Mutant,
    Pool,
    difference,
    exercising,
    make_mutants,
)
from kb.evidence.regions import list_files
from kb.evidence.store import RECORD, read
from kb.markdown.engine import BadInput
from tests.kb.lab import ROOT, SNIPPET

MATRIX = '''\
def f(a: int | None, b=3):
    """Docstring 1."""
    return g(
        a @ b,
        1,
    )
'''


class TestMutants:
    def test_one_place_at_a_time(self):
        changes = {(mutant.line, mutant.before, mutant.after) for mutant in make_mutants("x.py", MATRIX)}
        assert changes == {
            (1, "def f(a: int | None, b=3):", "def f(a: int | None, b=4):"),
            (3, "return g(\na @ b,\n1,\n)", "return None"),
            (4, "a @ b,", "None,"),
            (4, "a @ b,", "b @ a,"),
            (4, "a @ b,", ""),
            (5, "1,", "2,"),
            (5, "1,", "None,"),
            (5, "1,\n)", ")"),
        }

    @pytest.mark.parametrize("file", list_files(ROOT))
    def test_each_is_python_and_differs(self, file):
        source = (ROOT / "snippets" / file).read_text("utf-8")
        mutants = make_mutants(file, source)
        assert len(mutants) > 60
        assert len({mutant.source for mutant in mutants} | {source}) == len(mutants) + 1
        for mutant in mutants:
            ast.parse(mutant.source)

    def test_difference(self):
        assert difference("a\n  b\nc\n", "a\n  x\nc\n") == (2, "b", "x")
        assert difference("a\nb\nc\nd\n", "a\nd\n") == (2, "b\nc", "")

    def test_the_tests_that_ran_the_line_the_most_particular_first(self, recorded):
        verdict = judge_all(recorded.root, "cpu")["numbers.py"]
        path = "tests/snippets/test_numbers.py::"

        def chosen(line):
            return [
                id.removeprefix(path) for id in exercising(Mutant("numbers.py", line, "", "", ""), SNIPPET, verdict)
            ]

        doubles = ["test_double[cpu-torch.bfloat16]", "test_double[cpu-torch.float64]"]
        assert chosen(17) == ["test_half[cpu]"]
        assert chosen(9) == [*doubles, "test_double_refuses_integers"]
        assert chosen(10) == ["test_double_refuses_integers"]
        assert chosen(7) == ["test_half[cpu]", *doubles, "test_double_refuses_integers"]


@pytest.fixture(scope="module")
def mutated(recorded, tmp_path_factory):
    """小项目，它运行 kb mutate 的结果；只读。"""
    lab = recorded.copy(tmp_path_factory.mktemp("mutated"))
    return lab, *lab.kb("mutate")


class TestRun:
    def test_what_is_found(self, mutated):
        lab, code, output = mutated
        regions = read(lab.root / "evidence", "mutation", "mutation")["regions"]
        assert {name: (region["killed"], region["total"]) for name, region in regions.items() if "numbers" in name} == {
            "numbers.py": (10, 10),
            "numbers.py:double": (7, 7),
            "numbers.py:half": (3, 3),
        }
        assert regions["numbers.py:double"]["key"] == lab.evidence["regions"]["numbers.py:double"]["key"]
        assert "numbers.py:double：改错 7 处，发现 7 处" in output

    def test_survivors_are_listed_and_fail(self, mutated):
        lab, code, output = mutated
        survivors = read(lab.root / "evidence", "mutation", "mutation")["regions"]["other.py:zero"]["survivors"]
        assert survivors == [
            {"line": 3, "before": "return x - x", "after": "return None"},
            {"line": 3, "before": "return x - x", "after": "return x + x"},
        ]
        assert code == 1
        assert "  第 3 行\n    - return x - x\n    + return x + x\n" in output
        assert "2 处没有被发现，也没有解释" in output

    def test_explained_survivors_pass_and_nothing_runs_again(self, mutated, tmp_path):
        lab = mutated[0].copy(tmp_path)
        lab.write(
            "evidence/equivalent.yml",
            "".join(
                f"- {{file: other.py, before: return x - x, after: return {after}, why: 试一试}}\n"
                for after in ("None", "x + x")
            ),
        )
        page = lab.page("snippets/other.md")
        assert "改错 2 处，发现 0 处，其余等价" in page.summary.text
        assert [each.text for each in page.select("ul.survivors li")] == [
            f"第 3 行 return x - x 改成 return {after}：试一试" for after in ("None", "x + x")
        ]
        before = (lab.root / "evidence/mutation.json").read_bytes()
        code, output = lab.kb("mutate")
        assert code == 0
        assert "other.py:zero：改错 2 处，发现 0 处，2 处等价" in output
        assert "处，0:" not in output
        assert (lab.root / "evidence/mutation.json").read_bytes() == before

    def test_an_explanation_without_a_survivor_is_reported(self, mutated, tmp_path):
        lab = mutated[0].copy(tmp_path)
        lab.write(
            "evidence/equivalent.yml", "- {file: numbers.py, before: return 2 * x, after: return 3 * x, why: x}\n"
        )
        code, output = lab.kb("check")
        assert code == 1
        assert (
            "evidence/equivalent.yml：numbers.py 的 'return 2 * x' 改成 'return 3 * x'，"
            "已经不在没有发现的变异里。删去这一项。"
        ) in output

    def test_the_page_shows_the_share(self, mutated):
        details = mutated[0].page().select_one("details.evidence")
        assert "改错 7 处，发现 7 处" in details.summary.text
        assert "故意改错 7 处，测试发现 7 处" in details.text

    def test_a_weak_test_lets_mutants_live(self, proven):
        proven.edit("tests/snippets/test_numbers.py", "x = torch.tensor([1.0, 2.5]", "x = torch.tensor([0.0, 0.0]")
        proven.edit("tests/snippets/test_numbers.py", "[2.0, 5.0]", "[0.0, 0.0]")
        proven.commit()
        assert proven.record()[0] == 0
        code, output = proven.kb("mutate", "numbers.py")
        assert code == 1
        assert "    - return 2 * x\n    + return 3 * x\n" in output
        assert "numbers.py:half：改错 3 处，发现 3 处" in output


def test_a_copy_is_whole_again_afterwards(recorded, tmp_path):
    ended = []
    with Pool(recorded.root, 1, str(tmp_path)) as pool:
        pool.start(
            "job", "numbers.py", "raise ValueError", ["tests/snippets/test_numbers.py::test_half[cpu]"], limit=60
        )
        assert (tmp_path / "0/snippets/numbers.py").read_text("utf-8") == "raise ValueError"
        while pool.running:
            ended += pool.finished()
    assert ended == [("job", BROKEN_IMPORT)]
    assert (tmp_path / "0/snippets/numbers.py").read_text("utf-8") == SNIPPET


def test_what_never_ends_is_noticed(recorded, tmp_path):
    ended = []
    with Pool(recorded.root, 1, str(tmp_path)) as pool:
        pool.start(
            "job", "numbers.py", "while True:\n    pass\n", ["tests/snippets/test_numbers.py::test_half[cpu]"], limit=3
        )
        while pool.running:
            ended += pool.finished()
    ((job, code),) = ended
    assert job == "job"
    assert code < 0


@pytest.mark.parametrize(
    ("code", "outcome"), [(SURVIVED, "survived"), (NOTICED, "killed"), (BROKEN_IMPORT, "killed"), (-11, "killed")]
)
def test_what_an_exit_means(recorded, monkeypatch, code, outcome):
    monkeypatch.setattr("kb.evidence.mutate.write_progress", lambda *_: None)
    campaign = Campaign(recorded.root, ["numbers.py"])
    mutant = campaign.mutants[0]
    campaign.settle(mutant, code)
    assert campaign.outcomes == {mutant: outcome}


@pytest.mark.parametrize("code", [0, 1, 2, 70, SURVIVED + 3, SURVIVED + 4, SURVIVED + 5])
def test_a_run_that_failed_by_itself_kills_nothing(recorded, code):
    """进程自己出了错，没有跑到测试；或者 pytest 内部出错、用法不对、没有找到测试。"""
    campaign = Campaign(recorded.root, ["numbers.py"])
    with pytest.raises(BadInput, match=f"的变异没有跑成，进程以 {code} 结束"):
        campaign.settle(campaign.mutants[0], code)
    assert campaign.outcomes == {}


class TestInterruption:
    def test_what_is_known_is_not_run_again(self, proven):
        keys = {file: judge_all(proven.root, "cpu")[file].key for file in ("numbers.py", "other.py")}
        mutants = make_mutants("numbers.py", SNIPPET)
        entries = [
            json.dumps({"key": keys["numbers.py"], "mutant": mutant.id, "outcome": "survived"})
            for mutant in mutants[1:]
        ]
        other = json.dumps({"key": keys["other.py"], "mutant": "0" * 16, "outcome": "killed"})
        stale = json.dumps({"key": "0" * 64, "mutant": mutants[0].id, "outcome": "survived"})
        proven.write(PROGRESS, "\n".join([*entries, other, stale, '{"key": "cut o']))
        code, output = proven.kb("mutate", "numbers.py")
        assert f"{len(mutants)} 处，{len(mutants) - 1} 处已经知道" in output
        region = read(proven.root / "evidence", "mutation", "mutation")["regions"]["numbers.py"]
        assert (region["killed"], region["total"]) == (1, len(mutants))
        assert (proven.root / PROGRESS).read_text("utf-8") == f"{other}\n", "别的文件的接着用"

    def test_all_done_leaves_no_progress(self, proven):
        proven.kb("mutate")
        assert not (proven.root / PROGRESS).exists()

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows 上不能向另一个进程发 Ctrl-C")
    def test_ctrl_c_keeps_what_was_found(self, proven):
        process = subprocess.Popen(
            [sys.executable, "-m", "kb", "mutate", "numbers.py", "--workers", "1"],
            cwd=proven.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        progress = proven.root / PROGRESS
        while not (progress.exists() and progress.read_text("utf-8").count("\n") > 1):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "中断了。再运行 kb mutate，从这里接着来。" in output
        assert "Traceback" not in output
        assert not (proven.root / "evidence/mutation.json").exists()
        found = progress.read_text("utf-8").count("\n")
        assert found < 10
        assert {json.loads(line)["outcome"] for line in progress.read_text("utf-8").splitlines()} == {"killed"}


class TestRefusals:
    def refused(self, lab, *arguments):
        code, output = lab.kb("mutate", *arguments)
        assert code == 1
        assert "Traceback" not in output
        assert not (lab.root / "evidence/mutation.json").exists()
        return output

    def test_code_without_evidence(self, unrecorded):
        assert f"numbers.py 在 CPU 上未运行（还没有在 CPU 上运行过）。提交以后重新记录：{RECORD}" in self.refused(
            unrecorded
        )

    def test_code_that_has_changed(self, proven):
        proven.edit("snippets/numbers.py", "2 * x", "x * 2")
        assert "numbers.py 在 CPU 上已过期（" in self.refused(proven)

    def test_a_file_that_is_not_there(self, recorded):
        assert "snippets/ 里没有 missing.py。现有：numbers.py、other.py。" in self.refused(recorded, "missing.py")

    def test_tests_that_fail_here(self, proven):
        """证据在别处记录；在这里，没有变异测试就不通过。"""
        proven.edit(
            "tests/snippets/test_numbers.py",
            "def test_half(device):\n",
            "def test_half(device):\n    import os\n    assert 'HERE' not in os.environ\n",
        )
        proven.commit()
        assert proven.record()[0] == 0
        code, output = proven.run("-m", "kb", "mutate", "numbers.py", HERE="1")
        assert code == 1
        assert "没有变异时，snippets/numbers.py 的测试就没有通过" in output
        assert "assert 'HERE' not in" in output
