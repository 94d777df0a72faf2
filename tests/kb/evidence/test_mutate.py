"""变异测试：改错一处，测试要发现；被杀死的不算发现；可以中断了再接着来。"""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kb.evidence import mutate
from kb.evidence.explanations import digest_for
from kb.evidence.judge import Due, Judge, State, judge_all
from kb.evidence.mutants import make_mutants
from kb.evidence.mutate import PROGRESS, Campaign
from kb.evidence.pool import BROKEN_IMPORT, NOTHING_RAN, NOTICED, SURVIVED
from kb.evidence.store import read_mutants
from kb.markdown.engine import BadInput
from tests.kb.evidence.test_badges import report_on
from tests.kb.lab import MUTATE, SNIPPET

WEAK = (("x = torch.tensor([1.0, 2.5]", "x = torch.tensor([0.0, 0.0]"), ("[2.0, 5.0]", "[0.0, 0.0]"))
"""零乘以几都是零：测试看不出 2 改成了 3。"""


def mutants(lab):
    return read_mutants(lab.root / "evidence", "numbers.py")


class TestRun:
    def test_what_is_found(self, verified):
        document = mutants(verified)
        regions = document["regions"]
        assert {name: (region["killed"], region["total"]) for name, region in regions.items()} == {
            "numbers.py": (14, 14),
            "numbers.py:double": (9, 9),
            "numbers.py:half": (5, 5),
        }
        assert all(region["compared"] for region in regions.values())
        assert document["survivors"] == document["undecided"] == []
        for name, region in verified.evidence["regions"].items():
            assert regions[name]["key"] == region["key"]

    def test_the_page_shows_the_share(self, verified, tmp_path):
        assert "故意改错 9 处，测试发现 9 处" in report_on(verified.copy(tmp_path)).text

    def test_a_weak_test_lets_mutants_live_and_the_tick_is_gone(self, lab):
        for old, new in WEAK:
            lab.edit("tests/snippets/test_numbers.py", old, new)
        lab.commit()
        assert lab.record() == ""
        code, output = lab.mutate()
        assert code == 0, output
        survivors = mutants(lab)["survivors"]
        assert {"function": "double", "line": 11, "before": "return 2 * x", "after": "return 3 * x"} in survivors
        verdicts = judge_all(lab.root, "cpu")
        assert verdicts["numbers.py:double"].state is State.PARTIAL
        assert verdicts["numbers.py:half"].state is State.VERIFIED
        of = digest_for(SNIPPET, "double")
        explained = "".join(
            f"- {{function: double, before: {each['before']}, after: {each['after']}, why: 试一试, of: '{of}'}}\n"
            for each in survivors
        )
        lab.write("evidence/numbers/equivalent.yml", explained)
        report = report_on(lab)
        assert f"{len(survivors)} 处与原来等价，逐一解释过" in report.text
        assert [each.text for each in report.select("ul.survivors li")] == [
            f"第 11 行 return 2 * x 改成 {each['after']}：试一试" for each in survivors
        ]

    def test_an_explanation_without_a_survivor_is_reported(self, proven):
        entry = "- {function: double, before: return 2 * x, after: return 3 * x, why: x}\n"
        proven.write("evidence/numbers/equivalent.yml", entry)
        code, output = proven.kb("check")
        assert code == 1
        assert (
            "evidence/numbers/equivalent.yml：double 里的 'return 2 * x' 改成 'return 3 * x'，"
            "已经不在没有发现的改错里。删去这一项。"
        ) in output


    def test_an_explanation_of_what_was_is_reported(self, lab):
        for old, new in WEAK:
            lab.edit("tests/snippets/test_numbers.py", old, new)
        lab.commit()
        assert lab.record() == "" and lab.mutate()[0] == 0
        source, (first, *_) = SNIPPET, mutants(lab)["survivors"]
        entry = f"- {{function: double, before: {first['before']}, after: {first['after']}, why: xOF}}\n"
        for written, words in (("", "没有写 of"), (", of: '0'", "说的是这个函数从前的样子")):
            lab.write("evidence/numbers/equivalent.yml", entry.replace("OF", written))
            code, output = lab.kb("check")
            assert code == 1
            assert f"{words}，不算数。看过仍然等价，就写上 of: '{digest_for(source, 'double')}'；" in output


class TestDigests:
    CODE = "import x\n\nLOW = 1\n\n\nclass A:\n    @x\n    def f(self):\n        return 1  # 说\n\n    def g(self):\n        return 2\n"

    def test_what_its_names_stand_for_belongs_to_it(self):
        code = self.CODE.replace("return 1", "return LOW")
        changed = code.replace("LOW = 1", "LOW = 0")
        assert digest_for(changed, "A.f") != digest_for(code, "A.f")
        assert digest_for(changed, "A.g") == digest_for(code, "A.g")

    @pytest.mark.parametrize("change", [("return 1", "return 3"), ("# 说", "# 话"), ("@x", "@y")])
    def test_of_this_function_alone(self, change):
        changed = self.CODE.replace(*change)
        assert digest_for(changed, "A.f") != digest_for(self.CODE, "A.f")
        assert digest_for(changed, "A.g") == digest_for(self.CODE, "A.g")
        assert digest_for(changed, "<module>") != digest_for(self.CODE, "<module>")


class TestOutcomes:
    @pytest.fixture
    def campaign(self, proven, monkeypatch):
        monkeypatch.setattr(mutate, "write_progress", lambda *_: None)
        return Campaign(proven.root, ["numbers.py"])

    @pytest.mark.parametrize(
        ("code", "outcome"),
        [(SURVIVED, "survived"), (NOTICED, "killed"), (BROKEN_IMPORT, "killed"), (NOTHING_RAN, "survived"), (-11, "undecided"), (-9, "undecided")],
    )
    def test_what_an_exit_means(self, campaign, code, outcome):
        topic = campaign.topics[0]
        found = campaign.outcome(topic, topic.mutants[0], code, Path("/nowhere/0"))
        assert (found.state, found.compared) == (outcome, False)

    def test_what_noticed_it(self, campaign, tmp_path):
        topic = campaign.topics[0]
        ids = topic.tests_of(topic.mutants[0])
        end = {"failed": ids[1], "differed": ["a"], "seconds": dict.fromkeys(ids[:2], 0.1)}
        (tmp_path / "0.json").write_text(json.dumps(end), "utf-8")
        for expected, compared in (({"a", "b"}, True), ({"b"}, False)):  # 参考值自己也变了，就不算
            topic.expected = expected
            found = campaign.outcome(topic, topic.mutants[0], NOTICED, tmp_path / "0")
            assert found == ("killed", compared, tuple(ids[:2]))

    def test_another_value_meets_comparisons_first(self, campaign):
        topic = campaign.topics[0]
        topic.seconds = {id: 9.0 if "refuses" not in id else 0.0 for id in topic.passed}
        (value,) = [each for each in topic.mutants if each.after == "return (2 * x) * 2"]
        (other,) = [each for each in topic.mutants if each.after == "return None" and each.line == value.line]
        assert topic.compares(topic.tests_of(value)[0])
        assert not any("refuses" in id for id in topic.tests_of(value)[:2]) and topic.tests_of(other)

    def test_what_noticed_another_in_the_line_comes_earlier(self, campaign):
        """A slow test isn't run before all fast ones, but before others that are slow."""
        topic = campaign.topics[0]
        one, other = [each for each in topic.mutants if each.is_value and each.function == "double"]
        first, second = topic.tests_of(one)
        for seconds, order in ((0.1, [first, second]), (1.0, [second, first])):
            topic.outcomes.clear()
            topic.seconds = {first: seconds, second: 8.0}
            assert topic.tests_of(other) == [first, second]
            topic.outcomes[one] = mutate.Outcome("killed", False, (first, second))
            assert topic.tests_of(other) == order

    @pytest.mark.parametrize("code", [0, 1, 2, 70, SURVIVED + 3, SURVIVED + 4])
    def test_a_run_that_failed_by_itself_kills_nothing(self, campaign, code):
        """进程自己出了错，没有跑到测试；或者 pytest 内部出错、用法不对、没有找到测试。"""
        with pytest.raises(BadInput, match=f"改错以后的测试没有跑成，进程以 {code} 结束"):
            campaign.outcome(campaign.topics[0], campaign.topics[0].mutants[0], code, Path("/nowhere/0"))

    @pytest.mark.parametrize(("second", "outcome"), [(NOTICED, "killed"), (SURVIVED, "survived"), (-9, "undecided")])
    def test_what_was_killed_from_outside_is_tried_again_by_itself(self, campaign, monkeypatch, second, outcome):
        topic = campaign.topics[0]
        topic.mutants = topic.mutants[:2]

        class FakePool:
            workers, free, running, alone_with = 2, [1], [], []

            def start(self, job, *_):
                self.running.append(job)
                self.free = []

            def finished(self):
                self.free = [1]
                code = -9 if len(self.alone_with) == 0 and not self.seen() else NOTICED
                yield self.running.pop(), code, Path("/nowhere/0")

            def seen(self):
                seen, self.first = getattr(self, "first", False), True
                return seen

            def alone(self, *_):
                self.alone_with.append(list(self.running))
                return second, Path("/nowhere/0")

        pool = FakePool()
        topic.limit = 60
        monkeypatch.setattr(campaign, "store", lambda topic: None)
        monkeypatch.setattr(campaign, "check_order", lambda *_: None)
        campaign.work(pool, [topic], lambda *_: None)
        assert sorted(each.state for each in topic.outcomes.values()) == sorted(["killed", outcome])
        assert pool.alone_with == [[]], "别的都结束了才再试"


def test_a_folder_without_an_init(lab):
    lab.write("snippets/vision/quarter.py", "def quarter(x):\n    return x / 4\n")
    test = "import torch\n\nfrom kb.proof import assert_agrees\nfrom snippets.vision.quarter import quarter\n\n\n"
    test += "def test_quarter():\n    assert_agrees(quarter(torch.ones(1)), torch.tensor([0.25]), '手算')\n"
    lab.write("tests/snippets/test_quarter.py", test)
    lab.commit()
    assert lab.record("vision/quarter.py") == ""
    code, output = lab.mutate("vision/quarter.py")
    assert code == 0, output
    assert judge_all(lab.root, "cpu")["vision/quarter.py"].state is State.VERIFIED


class TestInterruption:
    def test_what_is_known_is_not_run_again(self, proven):
        key = proven.evidence["regions"]["numbers.py"]["key"]
        known = make_mutants("numbers.py", SNIPPET)
        entries = [
            json.dumps({"key": key, "mutant": mutant.id, "outcome": "survived", "compared": False, "ran": []})
            for mutant in known[1:]
        ]
        other = json.dumps({"key": "1" * 64, "mutant": "0" * 16, "outcome": "killed", "compared": False, "ran": []})
        stale = json.dumps({"key": "0" * 64, "mutant": known[0].id, "outcome": "survived", "compared": False, "ran": []})
        proven.write(PROGRESS, "\n".join([*entries, other, stale, '{"key": "cut o']))
        code, output = proven.mutate()
        assert code == 0, output
        region = mutants(proven)["regions"]["numbers.py"]
        assert (region["killed"], region["total"]) == (1, len(known))
        assert (proven.root / PROGRESS).read_text("utf-8") == f"{other}\n{stale}\n", "别的文件的接着用"

    def test_only_what_is_undecided_is_tried_again(self, proven):
        key = proven.evidence["regions"]["numbers.py"]["key"]
        first, *others = make_mutants("numbers.py", SNIPPET)
        outcomes = {first.id: "undecided"} | dict.fromkeys([each.id for each in others], "survived")
        entries = [
            json.dumps({"key": key, "mutant": id, "outcome": outcome, "compared": False, "ran": []})
            for id, outcome in outcomes.items()
        ]
        proven.write(PROGRESS, "\n".join([*entries, ""]))
        code, output = proven.mutate()
        assert code == 0, output
        region = mutants(proven)["regions"]["numbers.py"]
        assert (region["killed"], region["total"], mutants(proven)["undecided"]) == (1, 1 + len(others), [])
        assert not (proven.root / PROGRESS).exists()

    def test_progress_is_kept_where_something_is_undecided(self, proven, monkeypatch):
        campaign = Campaign(proven.root, ["numbers.py"])
        (topic,) = campaign.topics
        for mutant in topic.mutants:
            campaign.settle(topic, mutant, mutate.Outcome("killed"))
        campaign.settle(topic, topic.mutants[0], mutate.Outcome("undecided"))
        campaign.store(topic)
        assert (proven.root / PROGRESS).read_text("utf-8").count("\n") == len(topic.mutants) + 1
        (again,) = Campaign(proven.root, ["numbers.py"]).topics
        assert again.waiting == [topic.mutants[0]]
        assert Judge(proven.root).due()[0] == Due("numbers.py", False, True, "1 处改错没有定论")

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows 上不能向另一个进程发 Ctrl-C")
    def test_ctrl_c_keeps_what_was_found(self, proven):
        (proven.root / "evidence/numbers/mutants.json").unlink()
        process = subprocess.Popen(
            [sys.executable, "-m", "kb", "prove", "numbers.py", "-j", "1"],
            cwd=proven.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        progress = proven.root / PROGRESS
        while not (progress.exists() and progress.read_text("utf-8").count("\n") > 1):
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
        assert process.returncode == 1
        assert "中断了。再运行 kb prove，从这里接着来。" in output
        assert "Traceback" not in output
        assert not (proven.root / "evidence/numbers/mutants.json").exists()
        assert {json.loads(line)["outcome"] for line in progress.read_text("utf-8").splitlines()} == {"killed"}


def test_what_changed_after_it_was_recorded(proven):
    proven.edit("tests/snippets/test_numbers.py", "[1.5]", "[1.25]")
    code, output = proven.mutate()
    assert code == 1
    assert "tests/snippets/test_numbers.py 在记录以后改了。提交它，再运行一次 kb prove。" in output


def test_nothing_of_the_shell_or_of_the_base_is_taken_for_a_package(proven, tmp_path):
    """PYTHONPATH 里的 sitecustomize 会让每一处改错都“被发现”；先导入的 torch、pytest 这些是装来的，
    不是当前文件夹里叫这个名字的。"""
    evil = tmp_path / "evil"
    evil.mkdir()
    seen = tmp_path / "seen"
    (evil / "sitecustomize.py").write_text(f"import sys\nopen({str(seen)!r}, 'a').write(' '.join(sys.orig_argv) + '\\n')\n", "utf-8")
    (evil / "evil.py").write_text("", "utf-8")
    proven.edit("snippets/numbers.py", "    return x / 2\n", "    return x / TWO\n")
    before = "import torch\n\ntry:\n    import evil\n    TWO = 3\nexcept ImportError:\n    TWO = 2\n"
    proven.edit("snippets/numbers.py", "import torch\n", before)
    proven.commit()
    assert proven.record() == ""
    proven.write("hypothesis.py", "import os\n\nos._exit(1)\n")
    code, output = proven.run("-c", MUTATE, "numbers.py", PYTHONPATH=str(evil))
    assert code == 0, output
    started = seen.read_text("utf-8")
    assert "Campaign" in started, "它自己是看得见的"
    assert "forkserver" not in started and "multiprocessing" not in started
