"""kb check：嵌入的代码都已验证才通过；--rerun 再运行一遍，与记录比较。"""

import json
import os
import shutil
import subprocess
import sys

import pytest

from kb.check.everything import touched
from kb.markdown.engine import BadInput
from tests.kb.lab import OTHER, SNIPPET, TESTS


def test_all_verified(proven):
    proven.write("docs/snippets/other.md", "# 自己的一页\n")
    code, output = proven.kb("check")
    assert code == 0
    assert output == "CPU：3 段已验证，2 段未运行\nCUDA：5 段未运行\n1 篇笔记都是原文，嵌入的代码都已验证。\n"


def test_names_note_region_state_and_remedy(proven):
    proven.write("docs/snippets/other.md", "# 自己的一页\n")
    proven.edit("snippets/numbers.py", "x / 2", "x / 2 ")
    code, output = proven.kb("check")
    assert code == 1
    assert "docs/posts/1.md、docs/snippets/numbers.md：numbers.py:double 等 3 段代码在 CPU 上已过期（" in output
    assert output.count("提交以后运行：kb prove") == 1
    assert "错误：有 1 处不对。" in output


def test_partial_is_not_enough(recorded):
    code, output = recorded.kb("check")
    assert code == 1
    assert (
        "numbers.py:double 等 3 段代码在 CPU 上部分验证（变异测试未运行）。提交以后运行：kb prove" in output
    )


def test_a_region_that_is_gone(proven):
    proven.edit("docs/posts/1.md", "numbers.py:half", "numbers.py:third")
    code, output = proven.kb("check")
    assert code == 1
    assert "docs/posts/1.md：snippets/ 里没有 numbers.py:third。现有：numbers.py、numbers.py:double、" in output


def test_an_embed_in_a_list(proven):
    proven.edit("docs/posts/1.md", "\n二\n", "\n- 二\n")
    proven.edit("docs/posts/1.md", 'half"\n```\n', 'half"\n```\n\n  还是二')
    code, output = proven.kb("check")
    assert code == 1
    assert "把它移到整个列表之后" in output


def test_what_is_almost_an_embed(proven):
    proven.edit("docs/posts/1.md", "``` {.python .embed}", "```{.python .embed}")
    code, output = proven.kb("check")
    assert code == 1
    assert "docs/posts/1.md:7：这里写得像嵌入块，却什么也没有嵌入" in output


def test_navigation_that_leads_nowhere(proven):
    text = (proven.root / "mkdocs.yml").read_text("utf-8")
    proven.write("mkdocs.yml", f"{text}\nnav: [index.md, 深: [没有.md, 'https://a.example/b.md']]\n")
    code, output = proven.kb("check")
    assert code == 1
    assert output.count("导航里的") == 1
    assert "mkdocs.yml：导航里的 没有.md，docs/ 里没有这一页" in output


def test_broken_regions(proven):
    proven.edit("snippets/numbers.py", "# --8<-- [end:half]\n", "")
    code, output = proven.kb("check")
    assert code == 1
    assert "snippets/numbers.py:15：区域 half 没有结束" in output
    assert "Traceback" not in output


def test_broken_evidence(proven):
    proven.write("evidence/numbers/cuda.json", "{")
    code, output = proven.kb("check")
    assert code == 1
    assert "evidence/numbers/cuda.json:1：不是完整的 JSON" in output


def test_a_rerun_that_agrees(proven):
    proven.write("docs/snippets/other.md", "# 自己的一页\n")
    before = (proven.root / "evidence/numbers/cpu.json").read_bytes()
    code, output = proven.kb("check", "--rerun", "--since", "HEAD")
    assert code == 0, output
    assert "再运行 0 个文件的测试" in output
    assert "重新运行的结果与记录一致" in output
    assert (proven.root / "evidence/numbers/cpu.json").read_bytes() == before


def test_a_rerun_finds_forged_evidence(proven):
    """改过证据，摘要也算对了：页面信了，重新运行不信。"""
    proven.write("docs/snippets/other.md", "# 自己的一页\n")
    forged = {"outcome": "passed", "line": 1, "facts": [], "ran": ""}
    proven.change(lambda run: run["tests"].update({"tests/snippets/test_numbers.py::test_forged[cpu]": forged}))
    proven.commit()
    assert proven.kb("check")[0] == 0
    done = subprocess.run(
        [sys.executable, "-m", "kb", "check", "--rerun", "--json"],
        cwd=proven.root,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTEST_ADDOPTS": "", "PYTHONUTF8": "1"},
    )
    assert done.returncode == 1
    assert "再运行 1 个文件的测试：numbers.py。" in done.stderr
    assert json.loads(done.stdout)["problems"] == [
        "测试 tests/snippets/test_numbers.py::test_forged[cpu]：记录的是passed，重新运行得到没有"
    ]


class TestWhatAChangeTouches:
    def touched(self, lab, name, text):
        lab.git("add", "-A")
        lab.git("commit", "-qm", "evidence", "--allow-empty")
        lab.write(name, text)
        lab.commit()
        return touched(lab.root, None)

    @pytest.mark.parametrize(
        ("name", "text", "files"),
        [
            ("docs/index.md", "# 别的\n", []),
            ("snippets/other.py", OTHER + "\n", []),
            ("snippets/numbers.py", SNIPPET + "\n", ["numbers.py"]),
            ("tests/snippets/test_numbers.py", TESTS + "\n", ["numbers.py"]),
            ("evidence/numbers/cpu.json", "{}", None),
        ],
    )
    def test_files(self, proven, name, text, files):
        if files is None:
            with pytest.raises(BadInput):
                self.touched(proven, name, text)
        else:
            assert self.touched(proven, name, text) == files

    def test_everything_where_git_knows_no_other_commit(self, proven):
        shutil.rmtree(proven.root / ".git")
        proven.git("init", "-q")
        proven.commit()
        assert touched(proven.root, None) == ["numbers.py", "other.py"]


def test_a_rerun_that_cannot_be_recorded(proven):
    proven.write("tests/snippets/test_new.py", "from snippets.numbers import half\n")
    code, output = proven.kb("check", "--rerun", "--all")
    assert code == 1
    assert "numbers.py 没有再运行成：tests/snippets/test_new.py 不在 git 里" in output


def test_needs_the_root_of_the_project(proven):
    (proven.root / "mkdocs.yml").unlink()
    code, output = proven.kb("check")
    assert code == 1
    assert "请在项目的根目录运行 kb check" in output
