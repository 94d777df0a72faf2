"""What makes a run of the tests no evidence: each check raises BadInput, which says why.

A run counts only where it is of committed code that nobody patched, and that shows what it is.
"""

import ast
import functools
import io
import json
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from kb.evidence.characters import check_characters
from kb.evidence.imports import SNIPPETS, TOOL, Project, parse, shown_in
from kb.evidence.keys import PROOF, SETTINGS, pytest_settings
from kb.evidence.regions import read_file
from kb.markdown.engine import BadInput
from kb.proof import NAMES

PATCHES = ("monkeypatch", "mocker", "mock")
OUTSIDE = "在 Python 之外读文件"
OTHER = "启动看不见的进程"
BELOW = {
    "FileStore": OUTSIDE,
    "InterpreterPoolExecutor": "另开一个解释器",
    "PyTorchFileReader": OUTSIDE,
    "_interpreters": "另开一个解释器",
    "_posixsubprocess": OTHER,
    "_winapi": OTHER,
    "_xxsubinterpreters": "另开一个解释器",
    "cffi": OUTSIDE,
    "cpp_extension": OUTSIDE,
    "ctypes": OUTSIDE,
    "cv2": OUTSIDE,
    "dbm": OUTSIDE,
    "PackageImporter": OUTSIDE,
    "dir_fd": "打开说不出是哪个的文件",
    "duckdb": OUTSIDE,
    "export.load": OUTSIDE,
    "fchdir": "打开说不出是哪个的文件",
    "from_file": OUTSIDE,
    "h5py": OUTSIDE,
    "interpreters": "另开一个解释器",
    "jit.load": OUTSIDE,
    "load_library": OUTSIDE,
    "mmap": OUTSIDE,
    "polars": OUTSIDE,
    "posix": OUTSIDE,
    "pyarrow": OUTSIDE,
    "safetensors": OUTSIDE,
}
"""Modules, functions and arguments by which code does what no audit hook sees."""
INNER = {
    "__builtins__",
    "__closure__",
    "__code__",
    "__defaults__",
    "__globals__",
    "__kwdefaults__",
    "_getframe",
    "CodeType",
    "FunctionType",
    "MonkeyPatch",
    "f_globals",
    "f_locals",
    "meta_path",
    "path_hooks",
    "pluginmanager",
    "pytest_plugins",
    "settrace",
    "setprofile",
}
"""What only somebody who exchanges code, or the tool, has a use for."""
OF_FUNCTIONS = {"__closure__", "__code__", "__defaults__", "__globals__", "__kwdefaults__"}
CHANGE = {
    *("__delattr__", "__delitem__", "__setattr__", "__setitem__", "append", "clear", "extend", "insert"),
    *("pop", "popitem", "remove", "setdefault", "update"),
}
"""Methods that put something else into a table or a list."""
LEAD_ON = {"__getattribute__", "getattr", "getmodule", "type", "vars"}
"""Functions whose result belongs to what they are given."""
COMPUTING = {"_pytest", "builtins", "kb", "math", "pytest", "snippets", "torch"}
"""Packages in which nothing may be exchanged."""
SETTINGS_OF_TORCH = "backends"
"""Where torch keeps what anybody may set."""
ATTACH = re.compile(r"\s*attach\b.*\bas\b", re.IGNORECASE | re.DOTALL)
"""How SQLite opens another database."""
TOOLS_OWN = re.compile(r"kb(\.\w+)+")


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
    marks = {line[2:]: line[0] for line in git(root, "ls-files", "-v", "-z") if line}
    changed = set(git(root, "diff", "--name-only", "-z", "--relative", "HEAD"))
    files = {path.partition(" ")[0] if path == SETTINGS else path for path in paths}
    for folder in [path for path in files if path.endswith("/")]:
        files |= {f"{folder}{name}" for name in shown_in(root / folder)}
    tracked = {*marks, *(folder for path in marks for folder in folders_of(path))}
    for path in sorted(path for path in files - {PROOF} if not path.endswith("/")):
        if path not in tracked:
            raise BadInput(f"{path} 不在 git 里。先 git add 并提交，或者移走它。")
        if path in changed:
            raise BadInput(f"{path} 有还没提交的修改。先提交，再记录。")
        if marks.get(path, "H") != "H":
            raise BadInput(
                f"{path}：git 被告知不去看它改了没有。运行 git update-index --no-assume-unchanged "
                f"--no-skip-worktree {path}，再提交。"
            )


def folders_of(path: str) -> Iterator[str]:
    parts = path.split("/")
    for number in range(1, len(parts)):
        yield "/".join(parts[:number])


def check_source(project: Project, paths: Iterable[str]) -> None:
    """Tests look at the snippets as they are, and both do only what can be seen."""
    check_names(project, paths)
    check_settings(project.root)
    for path in sorted(paths):
        if not path.endswith(".py"):
            continue
        check_encoding(project.read(path) or b"", path)
        check_characters((project.read(path) or b"").decode("utf-8-sig", "replace"), path)
        tree = parse(project.read(path) or b"")
        if tree is None:
            raise BadInput(f"{path}：Python 读不懂它，有语法错误。先让它能运行。")
        for line, name in find_tool(tree):
            raise BadInput(
                f"{path}:{line}：用到了 {name}。工具改了，证据不会过期，所以只能写"
                " from kb.proof import assert_agrees 这样的。参考实现写在 tests/snippets/ 里。"
            )
        for line, what, why in find_below(tree):
            raise BadInput(f"{path}:{line}：{what} 可以{why}，记录证据的代码里不能用。")
        if path.startswith(SNIPPETS):
            for line, what in find_exchanges(tree):
                raise BadInput(f"{path}:{line}：{what} 让运行的和写着的不一样，snippets/ 里不能用。")
        else:
            for line, what in find_patches(tree):
                raise BadInput(
                    f"{path}:{line}：{what} 可以换掉被检验的代码，或者改变报告的结果，测试里不能用。"
                )


def check_shown(root: Path, file: str) -> None:
    """A region that shows a function shows all of it, and its decorators, which may make another of
    it; names that it gives a value stand for that in the end.

    Raises BadInput about the first that doesn't.
    """
    regions = read_file(root, file)
    tree = parse((root / SNIPPETS / file).read_bytes()) or ast.Module([], [])
    for name, lines in bound(tree).items():
        if len(lines) > 1:
            lines = "、".join(map(str, lines))
            raise BadInput(
                f"{SNIPPETS}{file}:{lines} 行：{name} 绑定了几次，只有最后一次算数，读者看到的是另一次。改名。"
            )
    for name, region in regions.items():
        for node in ast.walk(tree):
            is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            if is_function and region.first <= node.lineno <= region.last < node.end_lineno:
                raise BadInput(
                    f"{SNIPPETS}{file}:{node.lineno}：区域 {name.partition(':')[2]} 里有 {node.name} 的开头，没有它的结尾，"
                    f"读者就不知道它还做什么。把结束的标记移到第 {node.end_lineno} 行下面。"
                )
            first = min((each.lineno for each in getattr(node, "decorator_list", ())), default=None)
            if first and first < region.first <= node.lineno <= region.last:
                raise BadInput(
                    f"{SNIPPETS}{file}:{first}：区域 {name.partition(':')[2]} 里有 {node.name}，没有它的装饰器，"
                    "读者就不知道它后来成了什么。把开始的标记移到装饰器上面。"
                )


def bound(tree: ast.Module) -> dict[str, list[int]]:
    """The names that a module gives values whatever happens, but for those of functions and classes,
    → the lines where it does; also where a function or a class takes such a name."""
    found: dict[str, list[int]] = {}
    defined: dict[str, list[int]] = {}
    for node in tree.body:
        names: list[str] = []
        match node:
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names = [each.asname or each.name for each in aliases if "." not in (each.asname or each.name)]
            case ast.Assign(targets=targets):
                names = [each.id for target in targets for each in ast.walk(target) if is_stored(each)]
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()) | ast.AugAssign(target=ast.Name(id=name)):
                names = [name]
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                defined.setdefault(name, []).append(node.lineno)
        for name in names:
            found.setdefault(name, []).append(node.lineno)
    return {name: sorted([*lines, *defined.get(name, ())]) for name, lines in found.items() if name != "_"}


def is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def check_encoding(source: bytes, path: str) -> None:
    """Raises BadInput where Python is told to read other characters than are shown."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    except SyntaxError:
        encoding = "别的编码"
    if encoding not in ("utf-8", "utf-8-sig"):
        raise BadInput(f"{path}:1：代码要用 UTF-8，这里声明的是 {encoding}。删去 coding 那一行，存成 UTF-8。")


def find_exchanges(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Where code puts something else into a function; and what is run without being seen to be: a
    statement that stands in one line with its condition."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name, ctx=ast.Store() | ast.Del()) | ast.Constant(value=name) if (
                isinstance(name, str) and name in OF_FUNCTIONS
            ):
                yield node.lineno, name
            case ast.If(body=[first, *_]) | ast.For(body=[first, *_]) | ast.While(body=[first, *_]) if (
                first.lineno == node.lineno
            ):
                yield node.lineno, "条件和它管的语句写在一行"


def find_tool(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What reaches into the tool, but for what tests are meant to use."""
    for node in ast.walk(tree):
        names: list[str] = []
        match node:
            case ast.Import():
                names = [each.name for each in node.names]
            case ast.ImportFrom(module="kb.proof", level=0):
                names = [f"kb.proof.{each.name}" for each in node.names if each.name not in NAMES]
            case ast.ImportFrom(level=0):
                names = [node.module or ""]
            case ast.Constant(value=str(text)) if TOOLS_OWN.fullmatch(text):
                names = [text]
        for name in names:
            if name.split(".")[0] == TOOL:
                yield node.lineno, name


def find_below(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    called = {
        each.asname: each.name.split(".")[-1]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for each in node.names
        if each.asname
    }
    for node in ast.walk(tree):
        names: list[str] = []
        match node:
            case ast.Constant(value=str(text)) if ATTACH.match(text):
                yield node.lineno, "attach", OUTSIDE
            case ast.Import():
                names = [part for each in node.names for part in each.name.split(".")]
            case ast.ImportFrom():
                names = [*(node.module or "").split("."), *(each.name for each in node.names)]
                last = (node.module or "").split(".")[-1]
                names += [f"{last}.{each.name}" for each in node.names]
            case ast.Attribute(value=ast.Attribute(attr=owner) | ast.Name(id=owner)):
                names = [node.attr, f"{called.get(owner, owner)}.{node.attr}"]
            case ast.Attribute():
                names = [node.attr]
            case ast.Call():
                names = [each.arg for each in node.keywords if each.arg]
        for name in names:
            if name in BELOW:
                yield node.lineno, name, BELOW[name]


def find_patches(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Where a test puts something else in the place of what it has imported."""
    imported = names_of_imports(tree)

    def is_imported(node: ast.expr) -> bool:
        while not isinstance(node, ast.Name):
            match node:
                case ast.Attribute(attr=attribute) if attribute == SETTINGS_OF_TORCH:
                    return False
                case ast.Attribute(value=node) | ast.Subscript(value=node):
                    continue
                case ast.Call(func=ast.Name(id="type")):
                    return True  # a class is everybody's
                case ast.Call(
                    func=ast.Name(id=name) | ast.Attribute(attr=name), args=[node, *_]
                ) if name in LEAD_ON:
                    continue
            return False
        return node.id in imported

    for node in ast.walk(tree):
        match node:
            case ast.arg(arg="monkeypatch") if only_sets_up(tree):
                continue
            case ast.arg(arg=name) if name in PATCHES:
                yield node.lineno, name
            case ast.Import(names=names) if any(PATCHES[2] in each.name for each in names):
                yield node.lineno, PATCHES[2]
            case ast.ImportFrom(module=module, names=names) if module in (
                "mock",
                "unittest.mock",
            ) or (module == "unittest" and any(each.name == "mock" for each in names)):
                yield node.lineno, PATCHES[2]
            case ast.ImportFrom(names=names) if found := INNER & {each.name for each in names}:
                yield node.lineno, min(found)
            case ast.ImportFrom(module="torch.library") | ast.Attribute(
                attr="library", value=ast.Name(id="torch")
            ):
                yield node.lineno, "torch.library"
            case ast.ImportFrom(module="torch", names=names) if any(each.name == "library" for each in names):
                yield node.lineno, "torch.library"
            case ast.Call(func=ast.Attribute(attr=name, value=owner)) if name in CHANGE and is_imported(owner):
                yield node.lineno, ast.unparse(node.func)
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.Constant(value=name) if (
                isinstance(name, str) and name in INNER
            ):
                yield node.lineno, name
            case (
                ast.Attribute(ctx=ast.Store() | ast.Del(), value=owner)
                | ast.Subscript(ctx=ast.Store() | ast.Del(), value=owner)
            ) if is_imported(owner):
                yield node.lineno, ast.unparse(node)
            case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[owner, *_]) if is_imported(
                owner
            ):
                yield node.lineno, ast.unparse(node)


def only_sets_up(tree: ast.Module) -> bool:
    """Whether `monkeypatch` only sets variables and folders, as far as one sees."""
    owners = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("setenv", "delenv", "chdir")
    }
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "monkeypatch"]
    return all(id(node) in owners for node in uses)


def names_of_imports(tree: ast.Module) -> set[str]:
    """Names that stand for something of these packages, also where it is given another name."""
    nodes = list(ast.walk(tree))
    names = {
        (each.asname or each.name).split(".")[0]
        for node in nodes
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for each in node.names
        if COMPUTING & {(module := getattr(node, "module", None) or each.name).split(".")[0]}
        and SETTINGS_OF_TORCH not in [*module.split("."), each.name]
    }

    def stands_for(node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute):
            if node.attr == SETTINGS_OF_TORCH:
                return False
            node = node.value
        return isinstance(node, ast.Name) and node.id in names

    others = {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and not isinstance(node.value, (ast.Attribute, ast.Name))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    while True:
        found = {
            target.id
            for node in nodes
            if isinstance(node, ast.Assign) and stands_for(node.value)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id not in others
        }
        if found <= names:
            return names
        names |= found


def check_settings(root: Path) -> None:
    """Raises BadInput where pytest is told to call other things tests."""
    settings = json.loads(pytest_settings(root) or b"{}")
    for name in ("python_files", "python_classes", "python_functions"):
        if name in settings.get("ini_options", {}) or name in settings:
            raise BadInput(
                f"pyproject.toml：pytest 的 {name} 不能改：测试叫 test_*.py、Test*、test*，别的没有人数过。删去它。"
            )


@functools.cache
def top_level() -> set[str]:
    """The names that packages installed here are imported by."""
    return set(packages_distributions())


def check_names(project: Project, paths: Iterable[str]) -> None:
    """No module of the project takes the place of Python's, or of a package's.

    Raises BadInput about the first that does.
    """
    paths = set(paths)
    for path in sorted(project.instead(paths)):
        raise BadInput(f"{path}：旁边有同名的 .py，Python 导入的是这一个，显示的是那一个。改一个名字。")
    taken = set(sys.stdlib_module_names) | top_level()
    for path in sorted(paths):
        first, _, rest = path.partition("/")
        name = first.removesuffix(".py")
        if name in taken and name not in ("snippets", "tests") and (rest or first != name):
            raise BadInput(
                f"{path}：与 Python 或者装着的包里的 {name} 同名，读代码的人会以为是那一个。改名。"
            )
