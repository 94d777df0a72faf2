"""What a claim about a region stands on, and the key that binds it to those bytes.

The key is a SHA-256 over the region's name, the text shown, and the digests of everything that
has a say in the run: the region's file and the files of `snippets/` that it imports; the test
modules that exercise it and all that they import; the conftests above them, pytest's settings and
the version of `kb.proof`'s rules; and what the recorded run was seen to read besides. Versions of
packages, devices and dates have no part in it: they belong to the claim.
"""

import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from kb.evidence.imports import SNIPPETS, Project, is_dynamic, sha256
from kb.proof import RULES

TESTS = "tests/snippets"
SETTINGS = "pyproject.toml [tool.pytest]"
"""Stands among the inputs for the part of pyproject.toml that pytest reads."""
PROOF = "kb.proof"
"""Stands among the inputs for the rules of the tool's assertions and fixtures."""
GONE = "0" * 64
"""Stands for the digest of a file that isn't there."""


def content_key(region: str, text: str, inputs: dict[str, str]) -> str:
    """The key of `file.py:name`, or of a whole `file.py`, shown as `text`."""
    claim = [region, sha256(text.encode()), sorted(inputs.items())]
    return sha256(json.dumps(claim, ensure_ascii=False).encode())


def read_inputs(project: Project, file: str, seen: Iterable[str] = ()) -> dict[str, str]:
    """Path and SHA-256 of everything that claims about `snippets/<file>` stand on.

    `seen` is what a run of its tests was seen to read.
    """
    modules = test_modules(project, file)
    tests = [*modules, *conftests(project, modules)]
    files = {f"{SNIPPETS}{file}", *tests}
    for path in list(files):
        files |= project.reach(path)
    files |= project.run_beside(files)
    files |= project.instead(files)
    if any(is_dynamic(project.read(path) or b"") for path in files):
        files |= project.all_snippets()
    files -= {path for path in files if project.read(path) is None}
    inputs = {path: project.digest(path) for path in files}
    inputs |= {path: project.digest(path) or GONE for path in seen if path not in (SETTINGS, PROOF)}
    return inputs | {
        SETTINGS: settings_digest(project),
        PROOF: sha256(str(RULES).encode()),
    }


def test_modules(project: Project, file: str) -> list[str]:
    """Those that reach `snippets/<file>`, otherwise than through other snippets; and those that reach
    what no import names, where they name this file, or none."""
    by_file, dynamic = tested(project)
    named = {module for module, any_file in dynamic.items() if any_file or names(project, module, file)}
    return sorted(named.union(by_file.get(f"{SNIPPETS}{file}", ())))


def tested(project: Project) -> tuple[dict[str, list[str]], dict[str, bool]]:
    """File → the test modules that reach it; and those that reach what no import names → whether that
    may be any file, since they name none."""
    if "tested" not in project.found:
        by_file: dict[str, list[str]] = {}
        dynamic = {}
        for module in all_test_modules(project):
            files = project.reach(module, through_snippets=False)
            for path in files:
                by_file.setdefault(path, []).append(module)
            if any(is_dynamic(project.read(each) or b"") for each in (module, *files)):
                known = (path.removeprefix(SNIPPETS) for path in project.all_snippets())
                dynamic[module] = not any(names(project, module, each) for each in known)
        project.found["tested"] = by_file, dynamic
    return project.found["tested"]


def names(project: Project, module: str, file: str) -> bool:
    """Whether a test that imports as it goes names the file at all."""
    stem = re.escape(file.removesuffix(".py").split("/")[-1])
    text = (project.read(module) or b"").decode("utf-8", "replace")
    return re.search(rf"(?<![^\W_]){stem}(?![^\W_])", text) is not None


def all_test_modules(project: Project) -> list[str]:
    """Of `tests/snippets/`, by the names that pytest looks for."""
    if TESTS not in project.found:
        folder = project.root / TESTS
        found = {*folder.rglob("test_*.py"), *folder.rglob("*_test.py")}
        names = (path.relative_to(project.root).as_posix() for path in found if path.is_file())
        project.found[TESTS] = sorted(names)
    return project.found[TESTS]


def conftests(project: Project, modules: Iterable[str]) -> list[str]:
    """Those that pytest loads for these modules."""
    folders = {""}
    for module in [*modules, f"{TESTS}/x"]:
        parts = module.split("/")[:-1]
        folders |= {"/".join(parts[:number]) + "/" for number in range(1, len(parts) + 1)}
    paths = (f"{folder}conftest.py" for folder in folders)
    return sorted(path for path in paths if project.read(path) is not None)


def settings_digest(project: Project) -> str:
    if SETTINGS not in project.found:
        project.found[SETTINGS] = sha256(pytest_settings(project.root))
    return project.found[SETTINGS]


def pytest_settings(root: Path) -> bytes:
    path = root / "pyproject.toml"
    data = path.read_bytes() if path.exists() else b""
    try:
        settings = tomllib.loads(data.decode()).get("tool", {}).get("pytest", {})
    except ValueError:  # half-written
        return data
    return json.dumps(settings, sort_keys=True, ensure_ascii=False, default=str).encode()


def reach(root: Path, path: str) -> frozenset[str]:
    """The project's own files that a file imports, followed as far as they go."""
    return Project(root).reach(path)
