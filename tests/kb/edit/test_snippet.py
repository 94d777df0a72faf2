"""kb snippet：一段能运行的代码和它的测试，照原样就通过，也能记录成证据。"""

import json
import re

import pytest

from kb.evidence import store
from kb.evidence.regions import read_regions

FILES = ("snippets/foo_bar.py", "tests/snippets/test_foo_bar.py")


def test_both_pass_and_prove(lab):
    """不改一个字，提交，记录，就是已验证；下一步的命令都写明了。"""
    code, output = lab.kb("snippet", "foo_bar")
    assert code == 0, output
    assert all(f"已写好：{file}\n" in output for file in FILES)
    command = re.search(r"python -m (pytest tests/snippets/test_foo_bar.py)", output)[1]
    code, said = lab.warm(*command.split(), "--device", "cpu")
    assert code == 0, said
    assert " 6 passed" in said
    lab.commit()
    assert lab.record("foo_bar.py") == ""
    assert lab.mutate("foo_bar.py")[0] == 0
    tests = store.read_run(lab.root / "evidence", "foo_bar.py", "cpu")["tests"].values()
    assert {fact["kind"] for test in tests for fact in test["facts"]} == {"reference", "property", "error"}
    written = re.findall(r"kb (embed 笔记 \S+) --after", output)
    assert len(written) == 2
    for each in written:
        code, said = lab.kb(*each.replace("笔记", "1").split(), "--after", "二")
        assert code == 0, said
    assert "foo_bar" not in lab.kb("check")[1]
    (figure,) = lab.page().select("figure.flow")
    sentences = [each.text for each in figure.select("ol > li")]
    assert sentences[0] == "输入 scores，形状 (2, K)"
    assert sentences[-3:-1] == [
        "求和，沿 K：由 weights 得到 (2, 1)",
        "逐元素除：由 weights、第 5 步的结果 得到 (2, K)",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("weights / weights.sum(dim=-1, keepdim=True)", "weights"),
        ("scores - largest", "scores"),
        ("raise ValueError", "raise TypeError"),
    ],
)
def test_its_tests_can_fail(lab, old, new):
    lab.kb("snippet", "foo_bar")
    lab.edit(FILES[0], old, new)
    code, said = lab.warm("pytest", FILES[1], "--device", "cpu", "-q")
    assert code == 1, said
    assert " failed" in said


def test_one_region_with_a_title(project, kb):
    assert kb("snippet", "foo_bar")[0] == 0
    ((name, region),) = read_regions(project.root / FILES[0], FILES[0]).items()
    assert name == "foo_bar" and region.title and "(..., K)" in region.text


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("self-attention", "只用小写字母、数字和下划线，以字母开头，例如 self_attention。"),
        ("Foo", "例如 foo。"),
        ("2d", "不能作名字"),
        ("注意力", "不能作名字"),
        ("../x", "不能作名字"),
        ("", "不能作名字"),
        ("foo.py", "例如 foo_py。"),
        ("class", "class 是 Python 的关键字。换一个名字，例如 my_class。"),
        ("json", "json 与标准库的模块同名"),
        ("torch", "torch 与已有的模块 torch 同名"),
        ("fft", "fft 与 torch.fft 同名，读的人分不清。换一个名字，例如 my_fft。"),
        ("pytest", "pytest 与已有的模块 pytest 同名"),
        ("tests", "tests 与已有的模块 tests 同名"),
        ("numbers", "numbers 与标准库的模块同名"),
    ],
)
def test_refuses_a_bad_name(project, kb, name, says):
    before = {path for path in project.root.rglob("*")}
    code, output = kb("snippet", name)
    assert code == 1 and says in output
    assert {path for path in project.root.rglob("*")} == before


@pytest.mark.parametrize("file", FILES)
def test_refuses_what_is_there(project, kb, file):
    project.write(file, "自己的\n")
    code, output = kb("snippet", "foo_bar")
    assert code == 1 and f"{file} 已经有了，没有动它。" in output
    assert [(project.root / each).exists() for each in FILES] == [each == file for each in FILES]
    assert (project.root / file).read_text("utf-8") == "自己的\n"


def test_dry_run(project, kb):
    code, output = kb("snippet", "foo_bar", "--dry-run")
    assert (code, output) == (0, "".join(f"会写：{file}\n" for file in FILES))
    assert not any((project.root / file).exists() for file in FILES)


def test_as_json(kb):
    document = json.loads(kb("snippet", "foo_bar", "--json")[1])
    assert (document["ok"], document["files"]) == (True, list(FILES))


def test_the_tool_does_not_import_torch(lab):
    code, said = lab.run("-c", "import sys, kb.edit.snippet as s; s.owner_of('fft'); sys.exit('torch' in sys.modules)")
    assert code == 0, said
