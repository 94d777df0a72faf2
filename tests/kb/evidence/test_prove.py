"""kb prove：只做要做的，说得出为什么；分得开几份，断了接得上。"""

import pytest
from click.testing import CliRunner

from kb.cli.commands import main
from kb.evidence.judge import Due, Judge, State, judge_all
from kb.evidence.prove import choose, tidy
from kb.markdown.engine import BadInput
from tests.kb.lab import OTHER, SNIPPET, TESTS

NEVER = "CPU 上未运行：还没有在 CPU 上运行过"
ALONE = Due("other.py", True, True, NEVER)


def due(lab, device="cpu"):
    return Judge(lab.root).due(device)


class TestWhatIsDue:
    def test_all_of_it_at_first(self, unrecorded):
        assert due(unrecorded) == [Due("numbers.py", True, True, NEVER), ALONE]

    def test_mutants_where_they_were_not_run(self, recorded):
        assert due(recorded) == [Due("numbers.py", False, True, "变异测试未运行"), ALONE]

    def test_nothing_of_what_is_proven(self, verified):
        assert due(verified) == [ALONE]

    def test_mutants_do_not_run_on_a_gpu(self, verified):
        assert [(each.file, each.record, each.mutate) for each in due(verified, "cuda")] == [
            ("numbers.py", True, False),
            ("other.py", True, False),
        ]

    def test_which_file_changed(self, proven):
        proven.edit("tests/snippets/test_numbers.py", "[1.5]", "[1.50]")
        (first, _) = due(proven)
        assert (first.record, first.mutate) == (True, True)
        assert first.why.endswith("记录以后，tests/snippets/test_numbers.py 改了")

    def test_mutants_that_cannot_be_read(self, proven):
        proven.write("evidence/numbers/mutants.json", "{")
        assert due(proven)[0] == Due("numbers.py", False, True, "变异测试读不出")

    def test_what_fails_needs_other_code_first(self, proven):
        proven.change(lambda run: next(iter(run["tests"].values())).update(outcome="failed"))
        (proven.root / "evidence/numbers/mutants.json").unlink()
        assert due(proven) == [ALONE]

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("snippets/new.py", SNIPPET),
            ("tests/snippets/test_new.py", TESTS.replace("snippets.numbers", "snippets.new")),
            ("docs/posts/2.md", "# 二\n"),
            ("data/x.json", "{}"),
            ("snippets/other.py", OTHER + "\n"),
        ],
    )
    def test_what_has_nothing_to_do_with_it(self, proven, name, text):
        proven.write(name, text)
        assert "numbers.py" not in [each.file for each in due(proven)]


class TestTheChoice:
    @pytest.fixture
    def many(self, lab):
        for name in "abcde":
            lab.write(f"snippets/{name}.py", SNIPPET)
        return lab

    def test_only_those_that_are_named(self, many):
        assert [each.file for each in choose(many.root, ["b.py", "d.py"], "cpu", False, (1, 1))] == ["b.py", "d.py"]

    def test_one_that_is_not_there(self, many):
        with pytest.raises(BadInput, match="snippets/ 里没有 x.py。现有：a.py、b.py、"):
            choose(many.root, ["x.py"], "cpu", False, (1, 1))

    def test_all(self, proven):
        assert choose(proven.root, ["numbers.py"], "cpu", False, (1, 1)) == []
        (one,) = choose(proven.root, ["numbers.py"], "cpu", True, (1, 1))
        assert (one.record, one.mutate) == (True, True)

    @pytest.mark.parametrize("of", [1, 2, 3, 10])
    def test_shards_are_everything_once(self, many, of):
        shards = [choose(many.root, [], "cpu", False, (number + 1, of)) for number in range(of)]
        files = [each.file for shard in shards for each in shard]
        assert sorted(files) == ["a.py", "b.py", "c.py", "d.py", "e.py", "numbers.py", "other.py"]
        assert max(map(len, shards)) - min(map(len, shards)) <= 1

    def test_a_shard_does_not_move_with_what_is_done(self, proven):
        for name in "abcde":
            proven.write(f"snippets/{name}.py", SNIPPET)
        shards = [choose(proven.root, [], "cpu", False, (number, 2)) for number in (1, 2)]
        files = [[each.file for each in shard] for shard in shards]
        assert files == [["a.py", "c.py", "e.py", "other.py"], ["b.py", "d.py"]]  # numbers.py is done


class TestTidying:
    @pytest.mark.parametrize("name", ["cpu.json", "cuda.json", "mutation.json", "equivalent.yml"])
    def test_the_format_before(self, proven, name):
        proven.write(f"evidence/{name}", "{}")
        assert list(tidy(proven.root)) == [f"evidence/{name}：从前的格式，删去了"]
        assert judge_all(proven.root, "cpu")["numbers.py"].state is State.VERIFIED

    def test_code_that_is_gone(self, proven):
        for name in ("other/cpu.json", "gone/cpu.json", "gone/mutants.json", "gone/notes.txt"):
            proven.write(f"evidence/{name}", "{}")
        assert list(tidy(proven.root)) == [
            "evidence/gone/cpu.json：没有 snippets/gone.py 了，删去了",
            "evidence/gone/mutants.json：没有 snippets/gone.py 了，删去了",
        ]
        assert (proven.root / "evidence/gone/notes.txt").exists()
        assert (proven.root / "evidence/other/cpu.json").exists()


class TestTheCommand:
    def test_from_nothing_to_proven(self, lab):
        code, output = lab.kb("prove", "--dry-run")
        assert code == 0
        assert "numbers.py：记录、变异测试（CPU 上未运行" in output
        assert not (lab.root / "evidence/numbers").exists()
        lab.write("evidence/cpu.json", "{}")
        code, output = lab.kb("prove", "snippets/numbers.py")
        assert code == 0, output
        assert "evidence/cpu.json：从前的格式，删去了" in output
        assert "numbers.py:half 已验证：改错 5 处，发现 5 处" in output
        assert judge_all(lab.root, "cpu")["numbers.py"].state is State.VERIFIED
        before = (lab.root / "evidence/numbers/cpu.json").read_bytes()
        code, output = lab.kb("prove", "numbers.py")
        assert (code, output) == (0, "没有要做的，证据都是现在的。\n")
        assert (lab.root / "evidence/numbers/cpu.json").read_bytes() == before

    def test_where_only_reading_is_installed(self, proven, monkeypatch):
        proven.edit("snippets/numbers.py", "x / 2", "x * 0.5")
        monkeypatch.setattr("kb.evidence.prove.find_spec", lambda name: None if name in ("torch", "pytest") else name)
        monkeypatch.chdir(proven.root)
        for command in (["prove"], ["check", "--rerun", "--all"]):
            done = CliRunner().invoke(main, command)
            assert done.exit_code == 1
            assert "证明要用的 torch、pytest 没有装在这个 Python 里" in done.output
            assert 'pip install -c constraints.txt -e ".[test]"' in done.output

    def test_one_that_is_refused_leaves_the_others(self, proven):
        code, output = proven.kb("prove")
        assert code == 1
        assert "没有记录 other.py：snippets/other.py：tests/snippets/ 里没有测试导入它" in output
        assert "Traceback" not in output

    def test_survivors_are_shown_with_what_to_do(self, lab):
        lab.edit("tests/snippets/test_numbers.py", "[3.0]", "[0.0]")
        lab.edit("tests/snippets/test_numbers.py", "[1.5]", "[0.0]")
        lab.commit()
        assert lab.record() == ""
        code, output = lab.kb("prove", "numbers.py")
        assert code == 1
        assert "没有被发现：snippets/numbers.py:17" in output
        assert "  第 17 行（half）\n    - return x / 2\n    + return x / 3\n" in output
        assert "没有被发现的改错：补上测试；与原来等价的，在 evidence/<文件>/equivalent.yml 里写明为什么" in output

    @pytest.mark.parametrize("shard", ["0/2", "3/2", "x", "1", "1/0"])
    def test_shards_that_are_none(self, unrecorded, shard):
        code, output = unrecorded.kb("prove", "--shard", shard)
        assert code == 1
        assert f"--shard 应是 3/20 这样的，第几份/共几份，得到 '{shard}'。" in output
