"""What makes a run of the tests no evidence: each check raises BadInput, which says why.

A run counts only where it is of committed code that nobody patched, and that shows what it is.
"""

import ast
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from kb.evidence.characters import check_characters
from kb.evidence.imports import SNIPPETS, TOOL, Project, parse
from kb.evidence.keys import PROOF, SETTINGS
from kb.markdown.engine import BadInput

PATCHES = ("monkeypatch", "mocker", "mock")
BELOW = {
    "_posixsubprocess": "启动看不见的进程",
    "_winapi": "启动看不见的进程",
    "cffi": "在 Python 之外读文件",
    "cpp_extension": "在 Python 之外读文件",
    "ctypes": "在 Python 之外读文件",
    "from_file": "在 Python 之外读文件",
    "load_library": "在 Python 之外读文件",
    "mmap": "在 Python 之外读文件",
}
"""Modules and functions by which code does what no audit hook sees."""


def git(root: Path, *arguments: str) -> list[str]:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, check=True, encoding="utf-8"
        )
    except FileNotFoundError:
        raise BadInput("找不到 git。先装好它：证据要说得出是哪些代码。") from None
    except (OSError, subprocess.CalledProcessError) as error:
        problem = (getattr(error, "stderr", None) or str(error)).strip()
        raise BadInput(
            "要在 git 检出里记录，证据才说得出是哪些代码。还没有的话，先 git init，再提交；"
            f"git 说：{problem}"
        ) from None
    return done.stdout.split("\0")


def check_committed(root: Path, paths: Iterable[str]) -> None:
    tracked = set(git(root, "ls-files", "-z"))
    changed = set(git(root, "diff", "--name-only", "-z", "--relative", "HEAD"))
    files = {path.partition(" ")[0] if path == SETTINGS else path for path in paths}
    for path in sorted(files - {PROOF}):
        if path.endswith("/"):
            continue
        if path not in tracked:
            raise BadInput(f"{path} 不在 git 里。先 git add 并提交，或者移走它。")
        if path in changed:
            raise BadInput(f"{path} 有还没提交的修改。先提交，再记录。")


def check_source(project: Project, paths: Iterable[str]) -> None:
    """Tests look at the snippets as they are, and both do only what can be seen."""
    for path in sorted(paths):
        if not path.endswith(".py"):
            continue
        check_characters((project.read(path) or b"").decode("utf-8-sig", "replace"), path)
        tree = parse(project.read(path) or b"")
        if tree is None:
            raise BadInput(f"{path}：Python 读不懂它，有语法错误。先让它能运行。")
        for line, name in find_tool(tree):
            raise BadInput(
                f"{path}:{line}：导入了 {name}。工具改了，证据不会过期，所以只能用 kb.proof 里的。"
                "参考实现写在 tests/snippets/ 里。"
            )
        for line, what, why in find_below(tree):
            raise BadInput(f"{path}:{line}：{what} 可以{why}，记录证据的代码里不能用。")
        if not path.startswith(SNIPPETS):
            for line, what in find_patches(tree):
                raise BadInput(
                    f"{path}:{line}：{what} 可以换掉 snippets 里的东西，测试里不能用。"
                )


def find_tool(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Imports of the tool, but for what tests are meant to use."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        for name in names:
            if name.split(".")[0] == TOOL and name != f"{TOOL}.proof":
                yield node.lineno, name


def find_below(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [part for alias in node.names for part in alias.name.split(".")]
        elif isinstance(node, ast.ImportFrom):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Attribute):
            names = [node.attr]
        for name in names:
            if name in BELOW:
                yield node.lineno, name, BELOW[name]


def find_patches(tree: ast.Module) -> Iterator[tuple[int, str]]:
    ours = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
        if (getattr(node, "module", None) or alias.name).split(".")[0] in ("snippets", "torch", "kb")
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
