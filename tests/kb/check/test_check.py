"""kb check：嵌入的代码都已验证才通过；--rerun 再运行一遍，与记录比较。"""

import json
import os
import subprocess
import sys

from kb.evidence.store import RECORD, write


def test_all_verified(proven):
    proven.write("docs/snippets/other.md", "# 自己的一页\n")
    code, output = proven.kb("check")
    assert code == 0
    assert output == "CPU：3 段已验证，2 段部分验证\nCUDA：5 段未运行\n1 篇笔记都是原文，嵌入的代码都已验证。\n"


def test_names_note_region_state_and_remedy(proven):
    proven.write("docs/snippets/other.md", "# 自己的一页\n")
    proven.edit("snippets/numbers.py", "x / 2", "x / 2 ")
    code, output = proven.kb("check")
    assert code == 1
    assert "docs/posts/1.md：numbers.py:half 在 CPU 上已过期（" in output
    assert output.count(f"提交以后重新记录：{RECORD}") == 3
    assert "错误：有 3 处不对。" in output


def test_partial_is_not_enough(recorded):
    code, output = recorded.kb("check")
    assert code == 1
    assert (
        "docs/snippets/other.md：other.py 在 CPU 上部分验证（没有测试检验过第 3 行；没有与参考实现比较过）。改好代码或测试，"
        in output
    )


def test_a_region_that_is_gone(proven):
    proven.edit("docs/posts/1.md", "numbers.py:half", "numbers.py:third")
    code, output = proven.kb("check")
    assert code == 1
    assert "docs/posts/1.md：snippets/ 里没有 numbers.py:third。现有：numbers.py、numbers.py:double、" in output


def test_broken_regions(proven):
    proven.edit("snippets/numbers.py", "# --8<-- [end:half]\n", "")
    code, output = proven.kb("check")
    assert code == 1
    assert "snippets/numbers.py:15：区域 half 没有结束" in output
    assert "Traceback" not in output


def test_broken_evidence(proven):
    proven.write("evidence/cuda.json", "{")
    code, output = proven.kb("check")
    assert code == 1
    assert "evidence/cuda.json:1：不是完整的 JSON" in output


def test_a_rerun_that_agrees(proven):
    proven.write("docs/snippets/other.md", "# 自己的一页\n")
    before = (proven.root / "evidence/cpu.json").read_bytes()
    code, output = proven.kb("check", "--rerun")
    assert code == 0, output
    assert "重新运行的结果与记录一致" in output
    assert (proven.root / "evidence/cpu.json").read_bytes() == before


def test_a_rerun_as_json_keeps_pytest_off_the_document(proven):
    proven.write("docs/snippets/other.md", "# 自己的一页\n")
    done = subprocess.run(
        [sys.executable, "-m", "kb", "check", "--rerun", "--json"],
        cwd=proven.root,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTEST_ADDOPTS": "", "PYTHONUTF8": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"] is True
    assert " passed" in done.stderr


def test_a_rerun_judges_with_the_same_mutants(proven):
    region = {
        "key": proven.evidence["regions"]["numbers.py:half"]["key"],
        "recorded": "2026-01-01T00:00:00Z",
        "packages": {},
        "killed": 0,
        "total": 1,
        "survivors": [{"line": 17, "before": "x", "after": "y"}],
    }
    write(proven.root / "evidence/mutation.json", {"command": "kb mutate", "regions": {"numbers.py:half": region}})
    code, output = proven.kb("check", "--rerun")
    assert code == 1
    assert "numbers.py:half 在 CPU 上部分验证（1 个变异没有被测试发现" in output
    assert "重新运行得到" not in output


def test_a_rerun_finds_forged_evidence(proven):
    """改过证据，摘要也算对了：页面信了，重新运行不信。"""
    proven.write("docs/snippets/other.md", "# 自己的一页\n")
    document = proven.evidence
    document["tests"]["tests/snippets/test_numbers.py::test_forged[cpu]"] = {
        "outcome": "passed",
        "line": 1,
        "facts": [],
        "ran": {},
    }
    document["regions"]["other.py:zero"]["key"] = "0" * 64
    write(proven.root / "evidence/cpu.json", document)
    assert proven.kb("check")[0] == 0
    code, output = proven.kb("check", "--rerun")
    assert code == 1
    assert "测试 tests/snippets/test_numbers.py::test_forged[cpu]：记录的是passed，重新运行得到没有" in output
    assert f"内容键 other.py:zero：记录的是{'0' * 64}，" in output
    assert "状态 other.py:zero：记录的是已过期，重新运行得到部分验证" in output


def test_a_rerun_that_cannot_be_recorded(proven):
    proven.write("tests/snippets/test_new.py", "")
    code, output = proven.kb("check", "--rerun")
    assert code == 1
    assert "tests/snippets/test_new.py 不在 git 里" in output
    assert "重新运行没有写出证据" in output


def test_needs_the_root_of_the_project(proven):
    (proven.root / "mkdocs.yml").unlink()
    code, output = proven.kb("check")
    assert code == 1
    assert "请在项目的根目录运行 kb check" in output
