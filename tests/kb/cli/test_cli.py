"""命令行说的全是中文：帮助、用法错误；--json 时出了错也是一个 JSON 文档。"""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from kb.cli.chinese import WORDS
from kb.cli.commands import main
from tests.kb.lab import ROOT

COMMANDS = sorted(main.commands)
WITH_JSON = [name for name in COMMANDS if any("--json" in option.opts for option in main.commands[name].params)]
ARGUMENTS = {"add": ["x.md"], "embed": ["1", "x.py:y"], "unembed": ["1", "x.py:y"], "save": ["1"], "snippet": ["x"]}
OURS = r"\.?[\w./-]*\.(?:md|py|json|yml|torch)\b|--?[a-z-]+|kb|main|keep|drop|docs/posts|snippets/|evidence/|docs/assets/pictures/|gh-pages|SITE_URL|origin|"
OURS += "|".join(COMMANDS)
NAMES = r"git|wheel|Pillow|CC BY|CPU|CUDA|cpu|cuda|JSON|SHA-256|Hexo|abbrlink|front matter|README|N"
"""Latin words that may stand in help: names of files, options, commands, and terms."""


def english(text):
    """What is left of a text without the words that belong there."""
    text = re.sub(rf"(?<![A-Za-z])(?:{OURS}|{NAMES})(?![A-Za-z])", "", text)
    return re.findall(r"[A-Za-z]{2,}", text)


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=str)
def test_help(command):
    done = CliRunner().invoke(main, [*command, "--help"], prog_name="kb")
    assert done.exit_code == 0
    assert done.output.startswith(f"用法： {' '.join(['kb', *command])} [选项]")
    assert "\n选项:\n" in done.output
    assert "显示帮助并退出。" in done.output
    assert english(done.output) == []


WRONG = {
    "no such option": (["--nonsuch"], "没有选项 '--nonsuch'。"),
    "nearly an option": (["--hlep"], "没有选项 '--hlep'。 是不是 '--help'？"),
    "value of a flag": (["--help=1"], "选项 '--help' 后面不带值。"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_usage(command, wrong):
    arguments, message = WRONG[wrong]
    done = CliRunner().invoke(main, [command, *arguments], prog_name="kb")
    assert done.exit_code == 2
    alike = [message.replace("是不是 '--help'？", f"（是不是其中之一：'--help', '{each}'？）") for each in ("--keep", "--title")]
    assert any(f"错误：{each}" in done.output for each in (message, *alike))
    assert english(done.output.replace("nonsuch", "").replace("hlep", "")) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ad"], "没有命令 'ad'。 是不是 'add'？"),
        (["nonsuch"], "没有命令 'nonsuch'。"),
        (["add"], "没有写参数 '路径...'"),
        (["check", "x"], "多了一个参数（x）。"),
        (["check", "x", "y"], "多了几个参数（x y）。"),
        (["prove", "--jobs"], "选项 '--jobs' 后面要有一个值。"),
        (["prove", "--jobs", "x"], "'-j' / '--jobs' 的值不对：'x' 不是数字。"),
        (["prove", "--jobs", "0"], "'-j' / '--jobs' 的值不对：0 不在范围 x>=1 里。"),
    ],
)
def test_other_wrong_usage(arguments, message):
    done = CliRunner().invoke(main, arguments, prog_name="kb")
    assert done.exit_code == 2
    assert f"错误：{message}" in done.output
    assert english(done.output.replace("nonsuch", "").replace("'ad'", "")) == []


def test_without_a_command():
    done = CliRunner().invoke(main, [], prog_name="kb")
    assert done.exit_code == 2
    assert english(done.output) == []


def test_every_word_is_one_of_clicks():
    """click 改了它的话，这里就失败，而不是悄悄变回英文。"""
    said = set()
    for path in Path(click.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "ngettext"):
                said |= {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
    assert set(WORDS) <= said


@pytest.mark.parametrize("command", WITH_JSON)
class TestJson:
    def test_wrong_usage(self, command):
        done = CliRunner().invoke(main, [command, "--json", "--nonsuch"])
        assert (done.exit_code, done.stderr) == (2, "")
        assert json.loads(done.stdout) == {"ok": False, "error": "没有选项 '--nonsuch'。"}

    def test_elsewhere(self, command, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        done = CliRunner().invoke(main, [command, "--json", *ARGUMENTS.get(command, [])])
        assert (done.exit_code, done.stderr) == (1, "")
        document = json.loads(done.stdout)
        assert document["ok"] is False
        assert f"没有 mkdocs.yml。请在项目的根目录运行 kb {command}。" in document["error"]

    def test_interrupted(self, command, project, monkeypatch):
        monkeypatch.chdir(project.root)

        def interrupt(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(f"{main.commands[command].callback.__module__}.project_root", interrupt)
        done = CliRunner().invoke(main, [command, "--json", *ARGUMENTS.get(command, [])])
        assert done.exit_code == 1
        assert json.loads(done.stdout) == {"ok": False, "error": "中断了。"}


def test_as_a_program(project):
    """真正的进程：只有 JSON 在标准输出上，以非零结束。"""
    done = subprocess.run(
        [sys.executable, "-m", "kb", "add", "missing.md", "--json"],
        cwd=project.root,
        env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PATH": ""},
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["notes"][0]["reason"] == "missing.md：读不到这个文件（没有这个文件）。检查路径。"


@pytest.mark.skipif(sys.platform != "linux", reason="别的系统上文件名总是 Unicode")
@pytest.mark.parametrize("options", [[], ["--json"]], ids=str)
def test_a_file_name_in_another_encoding(project, options):
    """Windows 上打的包在 Linux 上解开，文件名常是 GBK 的字节。"""
    name = "笔记.md".encode("gbk")
    (project.root / "in").mkdir()
    (project.root / "in" / os.fsdecode(name)).write_text("---\nabbrlink: 1\n---\n")
    done = subprocess.run(
        [sys.executable, "-m", "kb", "add", "in", *options],
        cwd=project.root,
        env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8:strict", "PATH": ""},
        capture_output=True,
    )
    output = done.stdout.decode("utf-8")
    assert b"Traceback" not in done.stderr
    assert r"\udcb1" in output
    assert (project.root / "docs/posts/1.md").exists()
    if options:
        assert os.fsencode(json.loads(output)["notes"][0]["source"]) == b"in/" + name
