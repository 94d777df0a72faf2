"""Which files of the project a file of Python rests on, read from its text.

Names that a package's `__init__` only hands on are followed to where they are defined, so that
`from snippets import SelfAttention` reaches `snippets/self_attention.py` alone, and `__init__` may
grow. Python runs the other files that it names as well; one that does more than define things when
it is imported has a say in whatever imports the package, and counts everywhere.
"""

import ast
import functools
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

SNIPPETS = "snippets/"
TOOL = "kb"
"""Our own package: no part of a base, also where it lies in the same folder."""
HARMLESS = {  # decorators that only wrap what they decorate
    "abstractmethod",
    "cache",
    "cached_property",
    "classmethod",
    "contextmanager",
    "dataclass",
    "inference_mode",
    "lru_cache",
    "no_grad",
    "once_differentiable",
    "overload",
    "property",
    "staticmethod",
    "wraps",
}
BASES = {  # classes that do nothing with what is made from them
    *("ABC", "Enum", "Generic", "IntEnum", "NamedTuple", "Protocol", "StrEnum", "TypedDict", "object"),
    *("Dataset", "Function", "Module", "Exception", "RuntimeError", "TypeError", "ValueError"),
}
DYNAMIC = {
    "__import__",
    "__loader__",
    "__spec__",
    "exec_module",
    "eval",
    "exec",
    "get_objects",
    "import_module",
    "load_module",
    "locate",
    "modules",
    "resolve_name",
    "run_module",
}
"""Names by which code reaches what no import names."""
BY_NAME = {"__import__", "find_spec", "import_module", "importorskip"}
"""Functions that are told which module."""
DYNAMIC_MODULES = {"gc", "pickle", "pkgutil", "pydoc", "zipimport"}
"""Modules that are made for it."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Project:
    """The files of a base as they are now, each read once."""

    def __init__(self, root: Path):
        self.root = root
        self.contents: dict[str, bytes | None] = {}
        self.reached: dict[tuple[str, bool], frozenset[str]] = {}
        self.found: dict[str, object] = {}
        """What others have found out about the project, by the name of what it is."""

    def read(self, path: str) -> bytes | None:
        if path not in self.contents:
            file = self.root / path
            self.contents[path] = file.read_bytes() if file.is_file() else None
        return self.contents[path]

    def digest(self, path: str) -> str | None:
        """SHA-256 of a file; of the names in it, where the path ends with a slash.

        A folder without one is there, whatever is in it.
        """
        if path.endswith("/"):
            return names_in(self.root / path)
        data = self.read(path)
        if data is None:
            return sha256(b"") if (self.root / path).is_dir() else None
        return sha256(data)

    def reach(self, path: str, through_snippets: bool = True) -> frozenset[str]:
        """The project's own files that a file imports, followed as far as they go.

        Without `through_snippets` the search ends at files of `snippets/`.
        """
        if (path, through_snippets) not in self.reached:
            reached: set[str] = set()
            waiting = [path]
            while waiting:
                current = waiting.pop()
                if current not in reached:
                    reached.add(current)
                    ends = current.startswith(SNIPPETS) and current != path
                    if through_snippets or not ends or hands_on(self.read(current) or b"x = 1"):
                        waiting += self.imported(current)
            self.reached[path, through_snippets] = frozenset(reached - {path})
        return self.reached[path, through_snippets]

    def imported(self, path: str) -> Iterator[str]:
        package = path.split("/")[:-1]
        for module, name in imports(self.read(path) or b"", package):
            yield from self.resolve(module, name)

    def resolve(self, module: tuple[str, ...], name: str | None) -> list[str]:
        """The files of the project that an import of `name` from `module` comes down to."""
        path = "/".join(module)
        if module[:1] == (TOOL,):
            return []
        if module and self.read(f"{path}.py") is not None:
            return [f"{path}.py"]
        if name and self.read(f"{path}/{name}.py" if path else f"{name}.py") is not None:
            return [f"{path}/{name}.py" if path else f"{name}.py"]
        package = f"{path}/__init__.py"
        if not module or self.read(package) is None:
            return []  # not the project's own
        for level, origin, original, alias in _imports(self.read(package)):
            if name and name == (alias or original):
                base = module[: len(module) - level + 1] if level else ()
                return self.resolve(base + origin, original)
        return [package]

    def instead(self, paths: Iterable[str]) -> set[str]:
        """What Python would import in the place of these: a package, an extension module."""
        found = set()
        for path in paths:
            stem = path.removesuffix(".py")
            if path.endswith(".py") and not path.endswith("/__init__.py"):
                folder = self.root / path.rpartition("/")[0]
                names = self.names(folder)
                last = stem.rpartition("/")[2]
                found |= {f"{stem}/__init__.py"} if last in names and (self.root / stem).is_dir() else set()
                found |= {
                    f"{path.rpartition('/')[0]}/{name}".lstrip("/")
                    for name in names
                    if name.startswith(f"{last}.") and name.endswith((".so", ".pyd"))
                }
        return {path for path in found if (self.root / path).is_file()}

    def names(self, folder: Path) -> list[str]:
        key = f"names in {folder}"
        if key not in self.found:
            self.found[key] = os.listdir(folder) if folder.is_dir() else []
        return self.found[key]

    def run_beside(self, paths: Iterable[str]) -> set[str]:
        """What Python runs besides when it imports these: of their packages, the files that do
        more than define things."""
        inits = {
            f"{path[:place]}/__init__.py"
            for path in paths
            for place in range(len(path))
            if path[place] == "/"
        }
        found = set()
        for init in inits:
            source = self.read(init)
            if source is None:
                continue
            if not hands_on(source):
                found |= {init, *self.reach(init)}
            else:
                files = self.reach(init)
                found |= {each for each in files if not only_defines(self.read(each) or b"")}
        return found

    def all_snippets(self) -> set[str]:
        files = (self.root / SNIPPETS).rglob("*.py")
        return {path.relative_to(self.root).as_posix() for path in files}


def names_in(folder: Path) -> str | None:
    """A digest of what a listing of the folder shows."""
    return sha256("\n".join(shown_in(folder)).encode()) if folder.is_dir() else None


def shown_in(folder: Path) -> list[str]:
    """What a folder holds, but for what tools put there."""
    hidden = {"__pycache__", ".git"}
    return sorted(path.name for path in folder.iterdir() if path.name not in hidden)


@functools.lru_cache(maxsize=2048)
def parse(source: bytes) -> ast.Module | None:
    """None where it is half-written: its bytes have changed the key already."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


@functools.lru_cache(maxsize=2048)
def _imports(source: bytes) -> list[tuple[int, tuple[str, ...], str | None, str | None]]:
    found = []
    nodes = list(ast.walk(parse(source) or ast.Module([], [])))
    modules = {  # what a name stands for that is followed by points
        alias.asname or alias.name.split(".")[0]: (alias.name if alias.asname else alias.name.split(".")[0])
        for node in nodes
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [(0, tuple(alias.name.split(".")), None, None) for alias in node.names]
        elif isinstance(node, ast.Attribute):
            first, *rest = points(node)
            if first in modules:
                found.append((0, (*modules[first].split("."), *rest[:-1]), rest[-1], None))
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            match node.args:
                case [ast.Constant(value=str(module)), *_] if name in BY_NAME:
                    found.append((0, tuple(module.split(".")), None, None))
        elif isinstance(node, ast.ImportFrom):
            module = tuple((node.module or "").split(".")) if node.module else ()
            found += [(node.level, module, alias.name, alias.asname) for alias in node.names]
    return found


def points(node: ast.expr) -> list[str]:
    """`a.b.c` → a, b, c; where it begins with something else than a name, an empty one stands for it."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id if isinstance(node, ast.Name) else "", *reversed(parts)]


def imports(source: bytes, package: list[str]) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """(module, name) for `from module import name`, (module, None) for `import module`."""
    for level, module, name, _ in _imports(source):
        base = tuple(package[: len(package) - level + 1]) if level else ()
        yield base + module, name


@functools.lru_cache(maxsize=2048)
def is_dynamic(source: bytes) -> bool:
    """Whether it can reach what no import of it names."""
    tree = parse(source) or ast.Module([], [])
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) if name in DYNAMIC - {"locate", "modules"}:
                return True
            case ast.Attribute(attr=name) if name in DYNAMIC - {"eval", "exec"}:
                if name != "modules" or id(node) not in called:  # of a torch module, it's a method
                    return True
            case ast.Constant(value=str(name)) if name in DYNAMIC - {"eval", "exec", "modules"}:
                return True
            case ast.Import(names=names):
                if any(alias.name.split(".")[0] in DYNAMIC_MODULES for alias in names):
                    return True
            case ast.ImportFrom(module=module, names=names):
                if (module or "").split(".")[0] in DYNAMIC_MODULES:
                    return True
                if any(alias.name in DYNAMIC | {"*"} for alias in names):
                    return True
    return False


@functools.lru_cache(maxsize=256)
def hands_on(source: bytes) -> bool:
    """Whether an `__init__` only names what stands in other files."""
    for node in (parse(source) or ast.Module([ast.Pass()], [])).body:
        match node:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.ImportFrom(names=names) if all(alias.name != "*" for alias in names):
                continue
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value) if is_plain(value):
                continue
        return False
    return True


@functools.lru_cache(maxsize=2048)
def only_defines(source: bytes) -> bool:
    """Whether importing it does nothing but define functions, classes and plain values."""
    tree = parse(source)
    return tree is not None and all(map(defines, tree.body)) and not takes_names(tree)


def takes_names(tree: ast.Module) -> bool:
    """Whether a class that isn't Python's or torch's goes by the name of one of `BASES`."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name in BASES:
            return True
        if isinstance(node, ast.ImportFrom):
            origin = (node.module or "").split(".")[0] if not node.level else ""
            known = origin == "torch" or origin in sys.stdlib_module_names
            if not known and any((each.asname or each.name) in BASES for each in node.names):
                return True
    return False


def defines(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Pass():
            return True
        case ast.Expr(value=value):
            return isinstance(value, ast.Constant)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            written = [each.annotation for each in ast.walk(node.args) if isinstance(each, ast.arg)]
            run = [*node.args.defaults, *filter(None, [*node.args.kw_defaults, *written, node.returns])]
            return all(map(is_plain, run)) and all(map(is_harmless, node.decorator_list))
        case ast.ClassDef():
            values = [*node.bases, *(keyword.value for keyword in node.keywords)]
            if node.keywords or any(base_name(each) not in BASES for each in node.bases):
                return False  # its base may do something with it
            plain = all(map(is_plain, values)) and all(map(is_harmless, node.decorator_list))
            return plain and all(map(defines, node.body))
        case ast.Assign(targets=targets, value=value):
            return is_plain(value) and all(isinstance(each, ast.Name) for each in targets)
        case ast.AnnAssign(target=ast.Name(), annotation=annotation, value=value):
            return is_plain(annotation) and (value is None or is_plain(value))
    return False


def base_name(node: ast.expr) -> str:
    base = node.value if isinstance(node, ast.Subscript) else node
    return base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")


def is_plain(node: ast.expr) -> bool:
    """Whether evaluating it calls nothing; a lambda isn't called here."""
    if isinstance(node, ast.Lambda):
        return True
    allowed = not isinstance(
        node, (ast.Call, ast.Await, ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.comprehension)
    )
    return allowed and all(
        is_plain(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)
    )


def is_harmless(decorator: ast.expr) -> bool:
    call = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "")
    return name in HARMLESS or name in ("setter", "getter")
