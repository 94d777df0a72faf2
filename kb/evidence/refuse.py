"""What makes a run of the tests no evidence: each check raises BadInput, which says why.

A run counts only where it is of everything, with the project's own settings, on committed
code that nobody changed or patched meanwhile.
"""

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from kb.evidence.keys import PROOF, SETTINGS, TESTS, read_inputs
from kb.evidence.store import RECORD
from kb.markdown.engine import BadInput

ALLOWED = re.compile(
    r"-[qsv]+|-r\w+|--(tb|color|durations|device|evidence-dir)=.+|--import-mode=importlib"
    r"|--(record-evidence|no-skips|strict-markers|no-header)|-p(kb\.evidence\.record|kb\.proof\.plugin|no:cacheprovider)"
)
TAKES_A_VALUE = ("-p", "-r", "--tb", "--color", "--durations", "--device", "--evidence-dir")
PATCHES = ("monkeypatch", "mocker", "mock")


def check_invocation(config: pytest.Config) -> None:
    """Only a run of everything, with the project's own settings, is evidence."""
    arguments = [*shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), *config.getini("addopts")]
    arguments += config.invocation_params.args
    while arguments:
        argument = arguments.pop(0)
        if argument in TAKES_A_VALUE and arguments:
            argument += ("" if argument in ("-p", "-r") else "=") + arguments.pop(0)
        if not ALLOWED.fullmatch(argument):
            raise BadInput(
                f"参数 {argument} 会改变运行哪些测试、怎样运行。"
                f"要记录的是 {TESTS}/ 的全部测试：{RECORD}"
            )
    if hasattr(config, "workerinput"):
        raise BadInput("测试要一个接一个地运行，不能用 xdist 分到几个进程。")
    if config.inipath != config.rootpath / "pyproject.toml":
        raise BadInput(f"pytest 的设置来自 {config.inipath}，应来自 pyproject.toml。请删去前者。")


def git(root: Path, *arguments: str) -> list[str]:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, check=True, encoding="utf-8"
        )
    except (OSError, subprocess.CalledProcessError) as error:
        problem = (getattr(error, "stderr", None) or str(error)).strip()
        raise BadInput(f"要在 git 检出里记录，证据才说得出是哪些代码；git 说：{problem}") from None
    return done.stdout.split("\0")


def check_committed(root: Path, paths: Iterable[str]) -> None:
    tracked = set(git(root, "ls-files", "-z"))
    changed = set(git(root, "diff", "--name-only", "-z", "--relative", "HEAD"))
    files = {path.partition(" ")[0] if path == SETTINGS else path for path in paths}
    for path in sorted(files - {PROOF}):
        if path not in tracked:
            raise BadInput(f"{path} 不在 git 里。先 git add 并提交，或者移走它。")
        if path in changed:
            raise BadInput(f"{path} 有还没提交的修改。先提交，再记录。")


def check_unchanged(root: Path, inputs: dict[str, str]) -> None:
    now: dict[str, str] = {}
    for path in inputs:
        if path.startswith("snippets/"):
            now |= read_inputs(root, path.removeprefix("snippets/"))
    for path in sorted(inputs.keys() | now.keys()):
        if inputs.get(path) != now.get(path):
            raise BadInput(f"{path} 在运行期间改变了。再运行一次。")


def check_loaded(root: Path, inputs: dict[str, str]) -> list[str]:
    """The project's files that are loaded: snippets from here, and nothing outside the key."""
    loaded = []
    for name, module in sorted(sys.modules.items()):
        file = Path(getattr(module, "__file__", None) or os.devnull).resolve()
        if name.split(".")[0] == "snippets" and not file.is_relative_to(root / "snippets"):
            raise BadInput(f"{name} 来自 {file}，不是这个检出里的 snippets/。在项目的根目录运行。")
        elsewhere = not file.is_relative_to(root) or file.is_relative_to(sys.prefix)
        if elsewhere or "site-packages" in file.parts or not file.is_file():
            continue
        path = file.relative_to(root).as_posix()
        if path not in inputs and not path.startswith("kb/"):
            raise BadInput(
                f"测试用到了 {path}，它却不在 {TESTS}/ 里：它变了，证据不会过期。把它移到那里。"
            )
        loaded.append(path)
    return loaded


def check_patches(root: Path, inputs: dict[str, str]) -> None:
    """Tests look at the snippets as they are."""
    for path in inputs:
        if path.endswith(".py") and not path.startswith("snippets/"):
            for line, what in find_patches((root / path).read_text("utf-8")):
                raise BadInput(f"{path}:{line}：{what} 可以换掉 snippets 里的东西，测试里不能用。")


def find_patches(source: str) -> Iterator[tuple[int, str]]:
    tree = ast.parse(source)
    ours = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
        if (getattr(node, "module", None) or alias.name).split(".")[0] == "snippets"
    }

    def is_ours(node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in ours

    for node in ast.walk(tree):
        match node:
            case ast.arg(arg=name) if name in PATCHES:
                yield node.lineno, name
            case ast.Import(names=names) if any(PATCHES[2] in alias.name for alias in names):
                yield node.lineno, PATCHES[2]
            case ast.ImportFrom(module=module, names=names) if module in (
                "mock",
                "unittest.mock",
            ) or (module == "unittest" and any(alias.name == "mock" for alias in names)):
                yield node.lineno, PATCHES[2]
            case ast.Attribute(ctx=ast.Store() | ast.Del()) if is_ours(node.value):
                yield node.lineno, ast.unparse(node)
            case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[owner, *_]) if is_ours(
                owner
            ):
                yield node.lineno, ast.unparse(node)
