"""判定：五种状态，先符合的算数；无论证据怎样坏，都没有假的“已验证”。"""

import json
import re

import pytest

from kb.evidence.explanations import digest_for
from kb.evidence.judge import Judge, Mutation, State, judge_all
from kb.evidence.regions import read_all
from kb.evidence.store import PROVE, digest, lines_of, read_run, write_mutants, write_run
from kb.markdown.engine import BadInput
from tests.kb.lab import SNIPPET, TESTS


def states(lab, device="cpu"):
    return {name: verdict.state.value for name, verdict in judge_all(lab.root, device).items() if "numbers" in name}


def verdict(lab, name="numbers.py:double"):
    return judge_all(lab.root, "cpu")[name]


def each(state):
    return dict.fromkeys(["numbers.py", "numbers.py:double", "numbers.py:half"], state)


class TestStates:
    def test_verified(self, verified):
        assert states(verified) == each("已验证")
        found = verdict(verified)
        assert found.reasons == []
        assert len(found.tests) == 4
        assert len(found.proving) == 3
        assert found.dtypes == ["float64", "bfloat16"]

    def test_partial_without_mutants(self, recorded):
        assert states(recorded) == each("部分验证")
        assert verdict(recorded).reasons == ["变异测试未运行"]

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
            ("snippets/__init__.py", "", "print(1)\n"),
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
        assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d 记录以后，{file}( \[tool\.pytest\])? (改了|是后来的)", reason)

    def test_stale_when_a_test_file_is_gone(self, proven):
        (proven.root / "tests/snippets/test_numbers.py").unlink()
        assert states(proven) == each("已过期")
        assert verdict(proven).reasons[0].endswith("tests/snippets/test_numbers.py 没有了")

    def test_stale_when_other_text_is_shown(self, verified):
        text = read_all(verified.root)["numbers.py:double"].text
        judge = Judge(verified.root)
        assert judge.judge("cpu", "numbers.py:double", text).state is State.VERIFIED
        found = judge.judge("cpu", "numbers.py:double", text.replace("2 * x", "3 * x"))
        assert found.state is State.STALE
        assert found.reasons[0].endswith("记录以后，显示的代码不同了")

    def test_stale_says_nothing_of_the_old_run(self, proven):
        proven.edit("snippets/numbers.py", "2 * x", "2  * x")
        found = verdict(proven)
        assert (found.run, found.tests, found.errors, found.dtypes) == (None, {}, {}, [])

    def test_failed(self, proven):
        proven.change(lambda run: next(iter(run["tests"].values())).update(outcome="failed"))
        assert states(proven) == each("未通过")

    @pytest.mark.parametrize("outcome", ["skipped", "missing"])
    def test_partial_with_a_skip(self, proven, outcome):
        proven.change(lambda run: next(iter(run["tests"].values())).update(outcome=outcome))
        assert states(proven) == each("部分验证")
        assert verdict(proven).reasons[0].startswith("1 项测试没有运行：tests/snippets/test_numbers.py::test_double[")

    def test_a_test_that_did_not_pass_proves_nothing(self, proven):
        half = "tests/snippets/test_numbers.py::test_half[cpu]"
        proven.change(lambda run: run["tests"][half].update(outcome="skipped"))
        assert verdict(proven, "numbers.py:half").reasons == [
            f"1 项测试没有运行：{half}",
            "没有测试检验过第 17 行",
            "没有与参考实现比较过",
        ]

    def test_failed_comes_before_partial(self, proven):
        def edit(run):
            first, second, *_ = run["tests"].values()
            first["outcome"], second["outcome"] = "skipped", "failed"

        proven.change(edit)
        assert states(proven) == each("未通过")

    def test_partial_with_lines_that_did_not_run(self, proven):
        proven.change(
            lambda run: run["tests"]["tests/snippets/test_numbers.py::test_double_refuses_integers"].update(ran=""),
        )
        assert verdict(proven).state is State.PARTIAL
        assert verdict(proven).reasons == ["没有测试检验过第 10 行"]
        assert verdict(proven, "numbers.py:half").state is State.VERIFIED

    def test_a_test_that_asserts_nothing_proves_nothing(self, proven):
        proven.change(lambda run: run["tests"]["tests/snippets/test_numbers.py::test_half[cpu]"].update(facts=[]))
        found = verdict(proven, "numbers.py:half")
        assert found.state is State.PARTIAL
        assert found.reasons == ["没有测试检验过第 17 行", "没有与参考实现比较过"]

    def test_partial_without_a_reference(self, proven):
        fact = {"kind": "property", "name": "x"}
        proven.change(lambda run: run["tests"]["tests/snippets/test_numbers.py::test_half[cpu]"].update(facts=[fact]))
        assert verdict(proven, "numbers.py:half").reasons == ["没有与参考实现比较过"]

    def test_partial_without_a_function(self, proven):
        proven.change(lambda run: run["regions"]["numbers.py:half"].update(body=""))
        assert verdict(proven, "numbers.py:half").reasons == ["没有函数体，没有什么可以验证"]


SURVIVOR = {"function": "double", "line": 11, "before": "return 2 * x", "after": "return 2 / x"}
EXPLAINED = f"- {{function: double, before: return 2 * x, after: return 2 / x, why: 一样, of: '{digest_for(SNIPPET, 'double')}'}}\n"


class TestMutation:
    @pytest.fixture
    def mutated(self, proven):
        self.mutate(proven, survivors=[SURVIVOR])
        return proven

    def mutate(self, lab, killed=4, total=5, survivors=(), undecided=(), compared=3):
        keys = {name: region["key"] for name, region in lab.evidence["regions"].items()}
        lines = {"numbers.py": [1, 18], "numbers.py:double": [7, 11], "numbers.py:half": [16, 17]}
        regions = {
            name: {"key": key, "lines": lines[name], "killed": killed, "total": total, "compared": compared}
            for name, key in keys.items()
        }
        document = {"command": PROVE, "recorded": "2026-01-01T00:00:00Z", "packages": {}, "regions": regions}
        lists = {"survivors": list(survivors), "undecided": list(undecided)}
        write_mutants(lab.root / "evidence", "numbers.py", document | lists)

    def test_unexplained_survivors(self, mutated):
        found = verdict(mutated)
        assert found.mutation == Mutation(4, 5, 3, [], [SURVIVOR], [])
        assert (found.state, found.reasons) == (State.PARTIAL, ["1 处改错没有被测试发现，也没有解释"])
        assert verdict(mutated, "numbers.py:half").state is State.VERIFIED

    def test_explained_survivors(self, mutated):
        mutated.write("evidence/numbers/equivalent.yml", EXPLAINED)
        assert verdict(mutated).mutation == Mutation(4, 5, 3, [(SURVIVOR, "一样")], [], [])
        assert verdict(mutated).state is State.VERIFIED

    @pytest.mark.parametrize("change", [("2 / x", "2 + x"), ("double", "half"), ("why", "number: 2, why")])
    def test_an_explanation_is_for_one_change_in_one_function(self, mutated, change):
        mutated.write("evidence/numbers/equivalent.yml", EXPLAINED.replace(*change))
        assert verdict(mutated).state is State.PARTIAL

    @pytest.mark.parametrize("change", [("of: '", "of: '0"), ("of:", "off:")])
    def test_an_explanation_is_of_the_function_as_it_was(self, mutated, change):
        mutated.write("evidence/numbers/equivalent.yml", EXPLAINED.replace(*change))
        assert verdict(mutated).state is State.PARTIAL

    def test_what_is_undecided_is_not_noticed(self, proven):
        self.mutate(proven, undecided=[SURVIVOR])
        assert verdict(proven).reasons == ["1 处改错没有定论：测试的进程被杀死，或者没有按时结束"]

    def test_none_that_a_comparison_noticed(self, proven):
        self.mutate(proven, compared=0)
        assert verdict(proven).reasons == ["没有一处改错是与参考实现比较时发现的，比较的是不是这段代码算出的值就不知道"]

    def test_code_without_a_place_to_go_wrong(self, proven):
        self.mutate(proven, killed=0, total=0)
        assert verdict(proven).reasons == ["这段代码里没有可以改错的地方，测试会不会发现错误就不知道"]

    def test_stale_when_the_code_changes(self, mutated):
        mutated.edit("snippets/numbers.py", "2 * x", "x * 2")
        mutated.commit()
        assert mutated.record() == ""
        assert verdict(mutated).mutation == "已过期"
        assert (verdict(mutated).state, verdict(mutated).reasons) == (State.PARTIAL, ["变异测试已过期"])

    @pytest.mark.parametrize(
        ("file", "text", "message"),
        [
            ("mutants.json", "{", "evidence/numbers/mutants.json:1：不是完整的 JSON"),
            ("equivalent.yml", "- {function: x", "evidence/numbers/equivalent.yml:1：不是正确的 YAML"),
            ("equivalent.yml", EXPLAINED + "- {function: x}\n", "evidence/numbers/equivalent.yml:2：这一项不合格式"),
            ("equivalent.yml", EXPLAINED.replace("一样", "''"), "evidence/numbers/equivalent.yml:1：why 是空的"),
            ("equivalent.yml", EXPLAINED * 2, "evidence/numbers/equivalent.yml:2：与前面的一项重复"),
            ("equivalent.yml", "x: 1\n", "evidence/numbers/equivalent.yml:1：应是一个列表"),
        ],
    )
    def test_what_cannot_be_read_hides_no_survivor(self, mutated, file, text, message):
        mutated.write(f"evidence/numbers/{file}", text)
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
        document["schema"] = 3
    if kind == "edited":
        document["tests"]["tests/snippets/test_numbers.py"]["test_half[cpu]"]["outcome"] = "failed"
    if kind == "lacking":
        del document["tests"]
        document["digest"] = digest(document)
    if kind == "another shape":
        document["tests"] = []
        document["digest"] = digest(document)
        return json.dumps(document)
    if kind == "conflict":
        lines = text.split("\n")
        return "\n".join([*lines[:5], "<<<<<<< HEAD", *lines[5:9], "=======", *lines[5:9], ">>>>>>> other", *lines[9:]])
    return lines_of(document)


class TestBrokenEvidence:
    @pytest.mark.parametrize(
        ("kind", "message"),
        [
            ("truncated", r"evidence/numbers/cpu\.json:\d+：不是完整的 JSON（.*）。"),
            ("not JSON", r"evidence/numbers/cpu\.json:1：不是完整的 JSON（.*）。"),
            ("empty", r"evidence/numbers/cpu\.json:1：不是完整的 JSON（.*）。"),
            ("a list", r"evidence/numbers/cpu\.json：格式的版本是 None，应为 2。"),
            ("older", r"evidence/numbers/cpu\.json：格式的版本是 0，应为 2。"),
            ("newer", r"evidence/numbers/cpu\.json：格式的版本是 3，应为 2。"),
            ("edited", r"evidence/numbers/cpu\.json：内容与文件里的摘要不符，被改动过。"),
            ("lacking", r"evidence/numbers/cpu\.json：内容不合格式（.*tests.*）。"),
            ("another shape", r"evidence/numbers/cpu\.json：内容不合格式（.*tests.*）。"),
            ("conflict", r"evidence/numbers/cpu\.json:6：有没解决的合并冲突（<<<<<<< HEAD）。"),
        ],
    )
    def test_no_tick_and_the_file_is_named(self, proven, kind, message):
        path = proven.root / "evidence/numbers/cpu.json"
        path.write_text(spoil(path.read_text("utf-8"), kind), "utf-8")
        assert states(proven) == each("未运行")
        found = verdict(proven)
        assert found.broken
        assert re.match(message, found.reasons[0])
        assert found.reasons[0].endswith(f"不要手工修改：删去它，重新运行 {PROVE}。")

    def test_other_encodings(self, proven):
        path = proven.root / "evidence/numbers/cpu.json"
        path.write_bytes(path.read_text("utf-8").encode("utf-16"))
        assert states(proven) == each("未运行")
        assert "不是 UTF-8 编码的 JSON" in verdict(proven).reasons[0]

    def test_an_interrupted_write_leaves_the_old_file(self, proven, monkeypatch):
        path = proven.root / "evidence/numbers/cpu.json"
        old = path.read_bytes()

        def stop(*args):
            raise KeyboardInterrupt

        monkeypatch.setattr("kb.evidence.store.os.replace", stop)
        with pytest.raises(KeyboardInterrupt):
            write_run(proven.root / "evidence", "numbers.py", proven.evidence)
        assert path.read_bytes() == old
        assert sorted(each.name for each in path.parent.iterdir()) == ["cpu.json", "flow.json", "mutants.json"]

    def test_evidence_of_another_device(self, proven):
        proven.write("evidence/numbers/cuda.json", (proven.root / "evidence/numbers/cpu.json").read_text("utf-8"))
        assert states(proven, "cuda") == each("未运行")
        found = judge_all(proven.root, "cuda")["numbers.py"]
        assert found.reasons == [
            "evidence/numbers/cuda.json：里面是 cpu 的证据。删去它，重新运行 kb prove numbers.py --device cuda。"
        ]

    @pytest.mark.parametrize("number", ["NaN", "Infinity"])
    def test_errors_that_are_no_numbers(self, proven, number):
        path = proven.root / "evidence/numbers/cpu.json"
        text = path.read_text("utf-8")
        assert '"facts":[[0,0.0' in text
        path.write_text(text.replace('"facts":[[0,0.0', f'"facts":[[0,{number}'), "utf-8")
        assert states(proven) == each("未运行")
        assert f"不是完整的 JSON（{number}）" in verdict(proven).reasons[0]

    def test_a_comparison_without_a_dtype(self, proven):
        half = "tests/snippets/test_numbers.py::test_half[cpu]"
        proven.change(lambda run: run["tests"][half]["facts"][0].pop("dtype"))
        assert states(proven) == each("未运行")
        assert "内容不合格式" in verdict(proven).reasons[0]

    @pytest.mark.parametrize("part", ["facts", "lines"])
    def test_numbers_beyond_a_table(self, proven, part):
        document = json.loads((proven.root / "evidence/numbers/cpu.json").read_text("utf-8"))
        document[part] = []
        document["digest"] = digest(document)
        proven.write("evidence/numbers/cpu.json", lines_of(document))
        assert "编号指到了表外" in verdict(proven).reasons[0]

    def test_another_version_of_torch_is_shown_as_what_it_is(self, proven):
        proven.change(lambda run: run["environment"]["packages"].update(torch="1.0.0"))
        assert verdict(proven).run["environment"]["packages"]["torch"] == "1.0.0"

    def test_mutants_are_no_run(self, proven):
        mutants = (proven.root / "evidence/numbers/mutants.json").read_text("utf-8")
        proven.write("evidence/numbers/cpu.json", mutants)
        with pytest.raises(BadInput, match="内容不合格式"):
            read_run(proven.root / "evidence", "numbers.py", "cpu")


class TestTheFormatBefore:
    @pytest.mark.parametrize("name", ["cpu.json", "mutation.json", "equivalent.yml"])
    def test_is_stale_with_the_one_command(self, unrecorded, lab, name):
        lab.write(f"evidence/{name}", "{}")
        found = verdict(lab)
        assert (found.state, found.reasons) == (State.STALE, ["证据是从前的格式"])
