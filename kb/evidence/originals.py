"""What is tested is what is written: nobody exchanged it in between.

    originals = Originals(root, ["snippets/half.py"])   before any code of the tests runs
    originals.written()                                 what is bound otherwise than it is shown
    originals.changed()                                 what somebody has exchanged since

Python lets everything be exchanged: a function in its module, the code in a function, torch's own
functions, entries of a table. So the snippets are imported first, each function is held against
what Python compiles from its file, and all is looked at again after each test. What a test
exchanges and puts back within itself is left to the mutants.
"""

import ast
import builtins
import importlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from kb.evidence.imports import SNIPPETS

OF_TORCH = ("autograd", "distributed", "distributions", "fft", "func", "linalg", "random", "signal", "sparse", "special")
TOOL = ("kb.proof.assertions", "kb.proof.children", "kb.proof.watch")
SCALARS = (bool, bytes, complex, float, int, str)
REDEFINED = {"deleter", "getter", "overload", "register", "setter"}
"""Decorators of functions that share their name with another."""
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Originals:
    """Raises, when it is made, whatever the code of the snippets raises."""

    def __init__(self, root: Path, files: list[str]):
        self.root = root
        for name in TOOL:
            importlib.import_module(name)
        import torch

        theirs = [torch, *(getattr(torch, name) for name in OF_TORCH), torch.nn.functional, torch.nn.init]
        theirs += [torch.nn.utils, torch.utils.checkpoint]
        theirs += [each for each in vars(torch.nn).values() if isinstance(each, type)]
        theirs += [torch.Tensor, torch.autograd.Function]
        self.owners = [*theirs, math, builtins, *(sys.modules[name] for name in TOOL)]
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
        before = snapshot(self.owners, every=False)
        for file in files:
            importlib.import_module(module_name(file))
        package = SNIPPETS.rstrip("/")
        self.modules = [
            module for name, module in list(sys.modules.items()) if name.split(".")[0] == package
        ]
        ours = [each for module in self.modules for each in (module, *classes_of(module))]
        known = snapshot(ours)
        self.names = before + known
        self.own = {each: stored_in(module) for module in self.modules for each in (module, *classes_of(module))}
        """What code of the snippets sets itself, as a counter, or what it makes when it is needed."""
        self.tables = [
            (owner, name, table)
            for owner, names in known
            for name, value in names.items()
            if not name.startswith("__") and (table := self.deep(value))
        ]
        self.tensors = [
            (f"{owner.__name__} 的 {name}", value, value._version)
            for owner, names in known
            for name, table in names.items()
            if not name.startswith("__")
            for value in (table, *self.deep(table).values())
            if isinstance(value, torch.Tensor)
        ]
        self.functions = {
            function: inside(function, self.module_of(function))
            for _, names in known
            for value in names.values()
            for function in layers(value)
            if isinstance(function, FunctionType)
            and str(function.__module__).split(".")[0] == package
        }

    def written(self) -> Iterator[str]:
        """Names that no longer stand for what the file shows under them."""
        for module in self.modules:
            path = Path(getattr(module, "__file__", None) or "")
            if path.suffix != ".py" or not path.is_relative_to(self.root):
                continue
            source = path.read_bytes()
            codes = set(codes_in(compile(source, str(path), "exec", dont_inherit=True)))
            for owner, node in definitions(module, ast.parse(source)):
                found = vars(owner).get(node.name)
                if node.decorator_list:
                    same = found is not None  # whatever they make of it: they are shown with it
                elif isinstance(node, ast.ClassDef):
                    known = getattr(found, "__module__", None), getattr(found, "__name__", None)
                    same = isinstance(found, type) and known == (module.__name__, node.name)
                else:
                    found = getattr(found, "__func__", found)  # __new__, __init_subclass__
                    same = isinstance(found, FunctionType) and found.__code__ in codes
                    same = same and found.__code__.co_firstlineno == node.lineno
                if not same:
                    where = f"{path.relative_to(self.root).as_posix()}:{node.lineno}"
                    yield f"{where}：{node.name} 后来又成了别的，运行的不是这里写的。改一个名字。"

    def changed(self) -> str:
        """The first thing that was exchanged; empty where nothing was."""
        for owner, names in self.names:
            now = names_of(owner)
            if owner in self.modules and (new := now.keys() - names.keys() & vars(builtins).keys()):
                return f"{owner.__name__} 里的 {min(new)}"
            for name, value in names.items():
                if now.get(name) is value or self.wraps(now.get(name), value):
                    continue
                if callable(value) or name not in self.own.get(owner, ()):
                    return f"{owner.__name__} 的 {name}"
        for owner, name, known in self.tables:
            now = self.deep(names_of(owner).get(name))
            for key, value in known.items():
                if key not in now or not alike(now[key], value):
                    return f"{owner.__name__}.{name} 里的 {'.'.join(map(str, key))}"
        for function, known in self.functions.items():
            now = inside(function, self.module_of(function))
            if len(now) != len(known) or any(one is not other for one, other in zip(now, known)):
                return f"{function.__qualname__} 的代码"
        for where, tensor, version in self.tensors:
            if tensor._version != version:
                return f"{where} 里的数"
        return next(self.hooks(), "")

    def deep(self, value: object, path: tuple = (), depth: int = 4) -> dict[tuple, object]:
        """What a table, a list or an object of the snippets holds, and what that holds, by the keys
        that lead there; not what the object's class stores in it while it is used."""
        found = {}
        own = self.own.get(sys.modules.get(type(value).__module__), ())
        for key, each in entries(value).items() if depth else ():
            if key in own:
                continue
            inner = self.deep(each, (*path, key), depth - 1)
            found |= inner or {(*path, key): each}
        return found

    def module_of(self, function: FunctionType) -> set[str]:
        """What its module sets itself, while it runs."""
        return self.own.get(sys.modules.get(function.__module__), set())

    def wraps(self, now: object, then: object) -> bool:
        """Whether a package has put something of its own around it, as torch's compiler does."""
        for layer in layers(now):
            if layer is then:
                return True
            if not isinstance(layer, FunctionType) or self.is_ours(layer.__code__.co_filename):
                return False
            if any(cell.cell_contents is then for cell in layer.__closure__ or ()):
                return True
        return False

    def is_ours(self, file: str) -> bool:
        return Path(file).is_relative_to(self.root) and "site-packages" not in file

    def hooks(self) -> Iterator[str]:
        """The project's own that see what is imported."""
        for hook in (*sys.meta_path, *sys.path_hooks):
            name = getattr(hook, "__module__", None) or type(hook).__module__
            file = getattr(sys.modules.get(name), "__file__", None) or ""
            if name not in sys.modules or self.is_ours(file):
                yield f"导入的办法（{name}）"


def module_name(file: str) -> str:
    """`snippets/vision/half.py` → snippets.vision.half."""
    return file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def snapshot(owners: list, every: bool = True) -> list[tuple[object, dict[str, object]]]:
    """What the names of modules and classes stand for; or only of those that compute."""
    return [
        (
            owner,
            {
                name: value
                for name, value in names_of(owner).items()
                if every or callable(value) or isinstance(value, (float, property, staticmethod))
            },
        )
        for owner in owners
    ]


def names_of(owner: object) -> dict[str, object]:
    """Of a class, also what it inherits; of torch's classes, what they have themselves."""
    if isinstance(owner, type) and (owner.__module__.split(".")[0] != "torch" or owner.__name__ == "Tensor"):
        return {name: value for each in reversed(owner.__mro__) for name, value in vars(each).items()}
    return dict(vars(owner))


def stored_in(module: ModuleType) -> set[str]:
    """Names that functions of the module declare global, and attributes that they set."""
    path = Path(getattr(module, "__file__", None) or "")
    tree = ast.parse(path.read_bytes() if path.suffix == ".py" else b"")
    found = set()
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(function):
                if isinstance(node, ast.Global):
                    found |= {*node.names}
                elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                    if not makes(function, node):
                        found.add(node.attr)
    return found


def makes(function: ast.FunctionDef | ast.AsyncFunctionDef, node: ast.Attribute) -> bool:
    """Whether it is what `__init__` gives to the object that it makes."""
    first = function.args.args[0].arg if function.args.args else ""
    return function.name == "__init__" and isinstance(node.value, ast.Name) and node.value.id == first


def classes_of(module: ModuleType) -> list[type]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    ]


def entries(value: object) -> dict:
    """What a table, a list, or an object of a class of the snippets holds, each by its key."""
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, (list, tuple)):
        return dict(enumerate(value))
    if isinstance(value, (set, frozenset)):
        return {each: each for each in value}
    is_ours = type(value).__module__.split(".")[0] == SNIPPETS.rstrip("/")
    return dict(vars(value)) if is_ours and hasattr(value, "__dict__") else {}


def alike(now: object, then: object) -> bool:
    same_kind = type(now) is type(then) and isinstance(now, SCALARS)
    return now is then or (same_kind and now == then)


def inside(function: FunctionType, own: set[str]) -> tuple[object, ...]:
    """What a function's body, its defaults and its attributes are, but for those that its code
    sets itself."""
    keywords = function.__kwdefaults__ or {}
    more = {name: value for name, value in vars(function).items() if name not in own}
    values = (each[name] for each in (keywords, more) for name in sorted(each))
    return function.__code__, function.__defaults__, *values


def layers(value: object) -> Iterator[object]:
    """A function, and what a method, a property or a decorator has wrapped."""
    while value is not None:
        yield value
        if not isinstance(value, (classmethod, property, staticmethod)) and (
            not callable(value) or isinstance(value, type)
        ):
            return
        value = getattr(value, "fget", None) or getattr(
            value, "__func__", getattr(value, "__wrapped__", None)
        )


def codes_in(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from codes_in(each)


def definitions(module: ModuleType, tree: ast.Module) -> Iterator[tuple[object, Definition]]:
    """The functions and classes that a module defines whatever happens, and their methods."""
    waiting: list[tuple[object, list[ast.stmt]]] = [(module, tree.body)]
    while waiting:
        owner, body = waiting.pop()
        for node in body:
            if not isinstance(node, Definition) or REDEFINED & {*map(last_name, node.decorator_list)}:
                continue
            yield owner, node
            inner = vars(owner).get(node.name)
            if isinstance(node, ast.ClassDef) and isinstance(inner, type):
                waiting.append((inner, node.body))


def last_name(decorator: ast.expr) -> str:
    call = decorator.func if isinstance(decorator, ast.Call) else decorator
    return call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "")
