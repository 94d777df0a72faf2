"""判定：五种状态，先符合的算数；无论证据怎样坏，都没有假的“已验证”。"""

import json
import re

import pytest

from kb.evidence.judge import Mutation, State, judge, judge_all
from kb.evidence.regions import read_all
from kb.evidence.store import RECORD, digest, read, write
from kb.markdown.engine import BadInput
from tests.kb.lab import TESTS


def states(lab, device="cpu"):
    return {name: verdict.state.value for name, verdict in judge_all(lab.root, device).items() if "numbers" in name}


def verdict(lab, name="numbers.py:double"):
    return judge_all(lab.root, "cpu")[name]


def change(lab, edit, file="cpu"):
    """证据被改过，而且改的人把摘要也算对了。"""
    document = json.loads((lab.root / f"evidence/{file}.json").read_text("utf-8"))
    edit(document)
    write(lab.root / f"evidence/{file}.json", document)


def each(state):
    return dict.fromkeys(["numbers.py", "numbers.py:double", "numbers.py:half"], state)


class TestStates:
    def test_verified(self, recorded):
        assert states(recorded) == each("已验证")
        found = verdict(recorded)
        assert found.reasons == []
        assert len(found.tests) == 4
        assert len(found.proving) == 3
        assert found.dtypes == ["float64", "bfloat16"]

    def test_untested_without_evidence(self, unrecorded):
        assert states(unrecorded) == each("未运行")
        assert verdict(unrecorded).reasons == ["还没有在 CPU 上运行过"]

    def test_untested_on_another_device(self, recorded):
        assert states(recorded, "cuda") == each("未运行")

    def test_untested_when_renamed(self, proven):
        proven.edit("snippets/numbers.py", "[start:half]", "[start:halve]")
        proven.edit("snippets/numbers.py", "[end:half]", "[end:halve]")
        found = verdict(proven, "numbers.py:halve")
        assert (found.state, found.reasons) == (State.UNTESTED, ["上次记录时还没有这段代码"])

    @pytest.mark.parametrize(
        ("file", "old", "new"),
        [
            ("snippets/numbers.py", "2 * x", "2  * x"),
            ("snippets/numbers.py", "x / 2", "x / 2 "),
            ("snippets/__init__.py", "", "\n"),
            ("tests/conftest.py", "", "\n"),
            ("tests/snippets/test_numbers.py", "[2.0, 5.0]", "[2.0, 5.00]"),
            ("tests/snippets/test_numbers.py", "def test_half", "@pytest.mark.skip\ndef test_half"),
            ("tests/snippets/test_numbers.py", TESTS[TESTS.index("def test_half") :], ""),
            ("pyproject.toml", '"error",', ""),
        ],
    )
    def test_stale(self, proven, file, old, new):
        proven.edit(file, old, new)
        assert states(proven) == each("已过期")
        (reason,) = verdict(proven).reasons
        assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d 记录以后，{file}( \[tool\.pytest\])? 改了", reason)

    def test_stale_when_a_test_file_is_gone(self, proven):
        (proven.root / "tests/snippets/test_numbers.py").unlink()
        assert states(proven) == each("已过期")
        assert verdict(proven).reasons[0].endswith("tests/snippets/test_numbers.py 没有了")

    def test_stale_when_other_text_is_shown(self, recorded):
        text = read_all(recorded.root)["numbers.py:double"].text
        assert judge(recorded.root, "cpu", "numbers.py:double", text).state is State.VERIFIED
        found = judge(recorded.root, "cpu", "numbers.py:double", text.replace("2 * x", "3 * x"))
        assert found.state is State.STALE
        assert found.reasons[0].endswith("记录以后，显示的代码不同了")

    def test_stale_says_nothing_of_the_old_run(self, proven):
        proven.edit("snippets/numbers.py", "2 * x", "2  * x")
        found = verdict(proven)
        assert (found.run, found.tests, found.errors, found.dtypes) == (None, {}, {}, [])

    def test_failed(self, proven):
        change(proven, lambda run: next(iter(run["tests"].values())).update(outcome="failed"))
        assert states(proven) == each("未通过")

    @pytest.mark.parametrize("outcome", ["skipped", "missing"])
    def test_partial_with_a_skip(self, proven, outcome):
        change(proven, lambda run: next(iter(run["tests"].values())).update(outcome=outcome))
        assert states(proven) == each("部分验证")
        assert verdict(proven).reasons[0].startswith("1 项测试没有运行：tests/snippets/test_numbers.py::test_double[")

    def test_a_test_that_did_not_pass_proves_nothing(self, proven):
        half = "tests/snippets/test_numbers.py::test_half[cpu]"
        change(proven, lambda run: run["tests"][half].update(outcome="skipped"))
        assert verdict(proven, "numbers.py:half").reasons == [
            f"1 项测试没有运行：{half}",
            "没有测试检验过第 17 行",
            "没有与参考实现比较过",
        ]

    def test_failed_comes_before_partial(self, proven):
        def edit(run):
            first, second, *_ = run["tests"].values()
            first["outcome"], second["outcome"] = "skipped", "failed"

        change(proven, edit)
        assert states(proven) == each("未通过")

    def test_partial_with_lines_that_did_not_run(self, proven):
        change(
            proven,
            lambda run: run["tests"]["tests/snippets/test_numbers.py::test_double_refuses_integers"].update(ran={}),
        )
        assert verdict(proven).state is State.PARTIAL
        assert verdict(proven).reasons == ["没有测试检验过第 10 行"]
        assert verdict(proven, "numbers.py:half").state is State.VERIFIED

    def test_a_test_that_asserts_nothing_proves_nothing(self, proven):
        change(proven, lambda run: run["tests"]["tests/snippets/test_numbers.py::test_half[cpu]"].update(facts=[]))
        found = verdict(proven, "numbers.py:half")
        assert found.state is State.PARTIAL
        assert found.reasons == ["没有测试检验过第 17 行", "没有与参考实现比较过"]

    def test_partial_without_a_reference(self, proven):
        fact = {"kind": "property", "name": "x"}
        change(proven, lambda run: run["tests"]["tests/snippets/test_numbers.py::test_half[cpu]"].update(facts=[fact]))
        assert verdict(proven, "numbers.py:half").reasons == ["没有与参考实现比较过"]

    def test_partial_without_a_function(self, proven):
        change(proven, lambda run: run["regions"]["numbers.py:half"].update(body=""))
        assert verdict(proven, "numbers.py:half").reasons == ["没有函数体，没有什么可以验证"]


SURVIVOR = {"line": 11, "before": "return 2 * x", "after": "return 2 / x"}
EXPLAINED = "- {file: numbers.py, before: return 2 * x, after: return 2 / x, why: 一样}\n"


class TestMutation:
    @pytest.fixture
    def mutated(self, proven):
        region = {
            "key": verdict(proven).key,
            "recorded": "2026-01-01T00:00:00Z",
            "packages": {},
            "killed": 4,
            "total": 5,
            "survivors": [SURVIVOR],
        }
        write(
            proven.root / "evidence/mutation.json", {"command": "kb mutate", "regions": {"numbers.py:double": region}}
        )
        return proven

    def test_unexplained_survivors(self, mutated):
        found = verdict(mutated)
        assert found.mutation == Mutation(4, 5, [], [SURVIVOR])
        assert (found.state, found.reasons) == (State.PARTIAL, ["1 个变异没有被测试发现，也没有解释，见 kb mutate"])
        assert verdict(mutated, "numbers.py:half").mutation == "未运行"

    def test_explained_survivors(self, mutated):
        mutated.write("evidence/equivalent.yml", EXPLAINED)
        assert verdict(mutated).mutation == Mutation(4, 5, [(SURVIVOR, "一样")], [])
        assert verdict(mutated).state is State.VERIFIED

    def test_an_explanation_is_for_one_change_only(self, mutated):
        mutated.write("evidence/equivalent.yml", EXPLAINED.replace("2 / x", "2 + x"))
        assert verdict(mutated).state is State.PARTIAL

    def test_kept_but_stale_when_the_code_changes(self, mutated):
        mutated.edit("snippets/numbers.py", "2 * x", "x * 2")
        mutated.commit()
        assert mutated.record()[0] == 0
        assert verdict(mutated).mutation == "已过期"
        assert verdict(mutated).state is State.VERIFIED
        assert (mutated.root / "evidence/mutation.json").exists()

    @pytest.mark.parametrize(
        ("file", "text", "message"),
        [
            ("mutation.json", "{", "evidence/mutation.json:1：不是完整的 JSON"),
            ("equivalent.yml", "- {file: x", "evidence/equivalent.yml:1：不是正确的 YAML"),
            (
                "equivalent.yml",
                "- {file: x}\n",
                "evidence/equivalent.yml：内容不对。每一项要有 file、before、after、why",
            ),
            ("equivalent.yml", "x: 1\n", "evidence/equivalent.yml：内容不对"),
        ],
    )
    def test_what_cannot_be_read_hides_no_survivor(self, mutated, file, text, message):
        mutated.write(f"evidence/{file}", text)
        found = verdict(mutated)
        assert found.state is State.PARTIAL
        assert found.broken
        assert found.reasons[0].startswith(message)


def spoil(text, kind):
    document = json.loads(text)
    if kind == "truncated":
        return text[: len(text) // 2]
    if kind == "not JSON":
        return "已验证"
    if kind == "empty":
        return ""
    if kind == "a list":
        return "[]"
    if kind == "older":
        document["schema"] = 0
        document["digest"] = digest(document)
    if kind == "newer":
        document["schema"] = 2
    if kind == "edited":
        next(iter(document["tests"].values()))["outcome"] = "failed"
    if kind == "lacking":
        del document["tests"]
        document["digest"] = digest(document)
    if kind == "another shape":
        document["tests"] = []
        document["digest"] = digest(document)
    if kind == "conflict":
        lines = text.split("\n")
        return "\n".join([*lines[:5], "<<<<<<< HEAD", *lines[5:9], "=======", *lines[5:9], ">>>>>>> other", *lines[9:]])
    return json.dumps(document, sort_keys=True, ensure_ascii=False, indent=1)


class TestBrokenEvidence:
    @pytest.mark.parametrize(
        ("kind", "message"),
        [
            ("truncated", r"evidence/cpu\.json:\d+：不是完整的 JSON（.*）。"),
            ("not JSON", r"evidence/cpu\.json:1：不是完整的 JSON（.*）。"),
            ("empty", r"evidence/cpu\.json:1：不是完整的 JSON（.*）。"),
            ("a list", r"evidence/cpu\.json：格式的版本是 None，应为 1。"),
            ("older", r"evidence/cpu\.json：格式的版本是 0，应为 1。"),
            ("newer", r"evidence/cpu\.json：格式的版本是 2，应为 1。"),
            ("edited", r"evidence/cpu\.json：内容与文件里的摘要不符，被改动过。"),
            ("lacking", r"evidence/cpu\.json：内容不合格式（.*tests.*）。"),
            ("another shape", r"evidence/cpu\.json：内容不合格式（.*tests.*）。"),
            ("conflict", r"evidence/cpu\.json:6：有没解决的合并冲突（<<<<<<< HEAD）。"),
        ],
    )
    def test_no_tick_and_the_file_is_named(self, proven, kind, message):
        path = proven.root / "evidence/cpu.json"
        path.write_text(spoil(path.read_text("utf-8"), kind), "utf-8")
        assert states(proven) == each("未运行")
        found = verdict(proven)
        assert found.broken
        assert re.match(message, found.reasons[0])
        assert found.reasons[0].endswith(f"不要手工修改：删去它，重新运行 {RECORD}。")

    def test_other_encodings(self, proven):
        path = proven.root / "evidence/cpu.json"
        path.write_bytes(path.read_text("utf-8").encode("utf-16"))
        assert states(proven) == each("未运行")
        assert "不是 UTF-8 编码的 JSON" in verdict(proven).reasons[0]

    def test_an_interrupted_write_leaves_the_old_file(self, proven, monkeypatch):
        path = proven.root / "evidence/cpu.json"
        old = path.read_bytes()

        def stop(*args):
            raise KeyboardInterrupt

        monkeypatch.setattr("kb.evidence.store.os.replace", stop)
        with pytest.raises(KeyboardInterrupt):
            write(path, proven.evidence)
        assert path.read_bytes() == old
        assert sorted(each.name for each in path.parent.iterdir()) == ["cpu.json", "equivalent.yml"]

    def test_evidence_of_another_device(self, proven):
        proven.write("evidence/cuda.json", (proven.root / "evidence/cpu.json").read_text("utf-8"))
        assert states(proven, "cuda") == each("未运行")
        found = judge_all(proven.root, "cuda")["numbers.py"]
        assert found.reasons == ["evidence/cuda.json：里面是 cpu 的证据。删去它，在 cuda 上重新记录。"]

    @pytest.mark.parametrize("number", ["NaN", "Infinity"])
    def test_errors_that_are_no_numbers(self, proven, number):
        document = proven.evidence
        document["tests"]["tests/snippets/test_numbers.py::test_half[cpu]"]["facts"][0]["absolute"] = float(number)
        write(proven.root / "evidence/cpu.json", document)
        assert states(proven) == each("未运行")
        assert f"不是完整的 JSON（{number}）" in verdict(proven).reasons[0]

    def test_a_comparison_without_a_dtype(self, proven):
        change(
            proven, lambda run: run["tests"]["tests/snippets/test_numbers.py::test_half[cpu]"]["facts"][0].pop("dtype")
        )
        assert states(proven) == each("未运行")
        assert "内容不合格式" in verdict(proven).reasons[0]

    def test_another_version_of_torch_is_shown_as_what_it_is(self, proven):
        change(proven, lambda run: run["environment"]["packages"].update(torch="1.0.0"))
        assert verdict(proven).run["environment"]["packages"]["torch"] == "1.0.0"

    def test_a_mutation_is_no_run(self, proven):
        write(proven.root / "evidence/cpu.json", {"command": "x", "regions": {}})
        with pytest.raises(BadInput, match="内容不合格式"):
            read(proven.root / "evidence", "cpu")
