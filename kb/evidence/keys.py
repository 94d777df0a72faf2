"""What a claim about a region stands on, and the key that binds it to those bytes.

The key is a SHA-256 over the region's name, the text shown, and the digests of everything
that has a say in the run: the region's file, the files of `snippets/` that it imports, all
of `tests/snippets/`, the conftests above it, pytest's settings and the version of `kb.proof`'s
rules. Versions of packages, devices and dates have no part in it: they belong to the claim.
"""

import ast
import functools
import hashlib
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

from kb.proof import RULES

TESTS = "tests/snippets"
SETTINGS = "pyproject.toml [tool.pytest]"
"""Stands among the inputs for the part of pyproject.toml that pytest reads."""
PROOF = "kb.proof"
"""Stands among the inputs for the rules of the tool's assertions and fixtures."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def content_key(region: str, text: str, inputs: dict[str, str]) -> str:
    """The key of `file.py:name`, or of a whole `file.py`, shown as `text`."""
    claim = [region, sha256(text.encode()), sorted(inputs.items())]
    return sha256(json.dumps(claim, ensure_ascii=False).encode())


def read_inputs(root: Path, file: str) -> dict[str, str]:
    """Path and SHA-256 of everything that claims about `snippets/<file>` stand on."""
    files = {f"snippets/{file}", "snippets/__init__.py"}
    files |= {path for path in reach(root, f"snippets/{file}") if path.startswith("snippets/")}
    files |= set(testing_files(root))
    inputs = {path: sha256((root / path).read_bytes()) for path in files if (root / path).exists()}
    rules = sha256(str(RULES).encode())
    return inputs | {SETTINGS: sha256(pytest_settings(root)), PROOF: rules}


def testing_files(root: Path) -> Iterator[str]:
    """All of `tests/snippets/`, and the conftests that pytest loads for it."""
    for path in (root / TESTS).rglob("*"):
        parts = path.relative_to(root).parts
        if path.is_file() and "__pycache__" not in parts and not path.name.startswith("."):
            yield "/".join(parts)
    for folder in ("tests/", ""):
        if (root / f"{folder}conftest.py").exists():
            yield f"{folder}conftest.py"


def pytest_settings(root: Path) -> bytes:
    path = root / "pyproject.toml"
    data = path.read_bytes() if path.exists() else b""
    try:
        settings = tomllib.loads(data.decode()).get("tool", {}).get("pytest", {})
    except ValueError:  # half-written, as above
        return data
    return json.dumps(settings, sort_keys=True, ensure_ascii=False, default=str).encode()


def reach(root: Path, path: str) -> set[str]:
    """The project's own files that a file imports, followed as far as they go.

    Names that a package's `__init__` only hands on are followed to where they are defined,
    so `from snippets import SelfAttention` reaches `snippets/self_attention.py` alone.
    """
    reached: set[str] = set()
    waiting = [path]
    while waiting:
        current = waiting.pop()
        if current not in reached:
            reached.add(current)
            source = (root / current).read_bytes()
            for module, name in imports(source, package=current.split("/")[:-1]):
                waiting += resolve(root, module, name)
    return reached - {path}


@functools.lru_cache(maxsize=512)
def _imports(source: bytes) -> list[tuple[int, tuple[str, ...], str | None, str | None]]:
    found = []
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # half-written: its bytes have changed the key already
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(0, tuple(alias.name.split(".")), None, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = tuple((node.module or "").split(".")) if node.module else ()
            found += [(node.level, module, alias.name, alias.asname) for alias in node.names]
    return found


def imports(source: bytes, package: list[str]) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """(module, name) for `from module import name`, (module, None) for `import module`."""
    for level, module, name, _ in _imports(source):
        base = tuple(package[: len(package) - level + 1]) if level else ()
        yield base + module, name


def resolve(root: Path, module: tuple[str, ...], name: str | None) -> list[str]:
    """The files of the project that an import of `name` from `module` comes down to."""
    path = "/".join(module)
    if module and (root / f"{path}.py").is_file():
        return [f"{path}.py"]
    if name and (root / path / f"{name}.py").is_file():
        return [f"{path}/{name}.py" if path else f"{name}.py"]
    package = f"{path}/__init__.py"
    if not module or not (root / package).is_file():
        return []  # not the project's own
    for level, origin, original, alias in _imports((root / package).read_bytes()):
        if name and name == (alias or original):
            base = module[: len(module) - level + 1] if level else ()
            return resolve(root, base + origin, original)
    return [package]
