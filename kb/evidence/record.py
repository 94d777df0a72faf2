"""A topic's tests, run and watched: what they found becomes `evidence/<topic>/<device>.json`,
and how tensors went through its code, `flow.json`.

The tests run in a process of their own (`kb.evidence.run`). What it was seen to read is held
against what git has; whatever could make the run less than the whole truth about committed code
ends the recording, and nothing is written (`kb.evidence.refuse`).
"""

import datetime
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from kb.evidence.environment import clean_environment
from kb.evidence.imports import SNIPPETS, Project, hands_on, only_defines
from kb.evidence.keys import content_key, read_inputs, test_modules
from kb.evidence.lines import join, statements
from kb.evidence.packages import check_packages
from kb.evidence.refuse import check_committed, check_shown, check_source
from kb.evidence.regions import Region, read_file
from kb.evidence.store import PROVE
from kb.markdown.engine import BadInput
from kb.proof.watch import read_log

FLOATS = {"bfloat16", "complex128", "complex64", "float16", "float32", "float64"}
LIMIT = 7200
"""Seconds within which a topic's tests have to end."""


def in_a_process(
    job: Path, root: Path, temporary: Path, bytecode: Path, threads: int
) -> tuple[int, str]:
    """How `kb.evidence.run` ended, and what it printed. Raises subprocess.TimeoutExpired."""
    flags = ["-I", "-X", "utf8", "-X", f"pycache_prefix={bytecode}"]
    flags += ["-W", "ignore:Failed to initialize NumPy"]
    done = subprocess.run(
        [sys.executable, *flags, "-m", "kb.evidence.run", str(job)],
        cwd=root,
        env=clean_environment(temporary, threads),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=LIMIT,
    )
    return done.returncode, done.stdout


def record(
    root: Path,
    file: str,
    device: str,
    bytecode: Path,
    threads: int = 0,
    start: Callable[[Path, Path, Path, Path, int], tuple[int, str]] = in_a_process,
) -> dict:
    """Runs the tests of `snippets/<file>` and returns the document that says what happened.

    `bytecode` is a folder for what Python compiles, which began empty. Raises BadInput where the
    run is no evidence.
    """
    root = root.resolve()
    project = Project(root)
    before = read_inputs(project, file)
    modules = test_modules(project, file)
    if not modules:
        raise BadInput(
            f"snippets/{file}：tests/snippets/ 里没有测试导入它。"
            f"写一个 tests/snippets/test_{file.removesuffix('.py').split('/')[-1]}.py。"
        )
    check_committed(root, before)
    check_source(project, before)
    check_shown(root, file)
    with tempfile.TemporaryDirectory(prefix="kb-prove-") as folder:
        snippets = sorted(path for path in before if is_module(path))
        result, seen = run(
            root, file, snippets, modules, device, Path(folder), bytecode, threads, start
        )
    for problem in (*seen.get("refuse", ()), *result["problems"]):
        raise BadInput(f"{SNIPPETS}{file}：{problem}")
    packages = check_packages(seen.get("package", ()), seen.get("borrow", ()))
    read = seen_files(project, seen, result)
    check_committed(root, [path for path in read if (root / path).exists()])
    after = Project(root)
    inputs = read_inputs(after, file, read)
    for path in sorted(before.keys() | inputs.keys()):
        if path not in read and before.get(path) != inputs.get(path):
            raise BadInput(f"{path} 在运行期间改变了。再运行一次。")
    return document(root, file, device, modules, result, inputs, packages)


def is_module(path: str) -> bool:
    return path.startswith(SNIPPETS) and path.endswith(".py")


def run(
    root: Path,
    file: str,
    snippets: list[str],
    modules: list[str],
    device: str,
    folder: Path,
    bytecode: Path,
    threads: int,
    start: Callable[..., tuple[int, str]],
) -> tuple[dict, dict[str, list[str]]]:
    """What the process wrote down, and what it was seen to do."""
    temporary = folder / "tmp"
    temporary.mkdir()
    job = {
        "root": str(root),
        "file": file,
        "snippets": snippets,
        "modules": modules,
        "device": device,
        "log": str(folder / "log"),
        "result": str(folder / "result.json"),
    }
    (folder / "job.json").write_text(json.dumps(job), "utf-8")
    try:
        code, said = start(folder / "job.json", root, temporary, bytecode, threads)
    except subprocess.TimeoutExpired:
        raise BadInput(
            f"运行 {'、'.join(modules)} 过了 {LIMIT} 秒还没有结束。先用 pytest 看看停在哪里。"
        ) from None
    seen = read_log(folder / "log")
    if not (folder / "result.json").exists():
        why = "；".join(seen.get("refuse", [])) or said[-2000:]
        raise BadInput(f"运行 {'、'.join(modules)} 的进程以 {code} 结束：\n{why}")
    return json.loads((folder / "result.json").read_text("utf-8")), seen


def seen_files(project: Project, seen: dict[str, list[str]], result: dict) -> set[str]:
    """The project's files that the run rests on, and folders that it listed, with a slash.

    Not those that Python only imported because their package hands them on: files that do nothing
    but define, and of which no function ran.
    """
    ran = {path for test in result["tests"].values() for path in test["ran"]}
    found = {path for path in seen.get("read", ()) if not is_noise(project.root, path)}
    found |= {f"{path}/" for path in seen.get("list", ())}
    inits = {path for path in project.all_snippets() if path.endswith("/__init__.py")}
    handed_on = {path for init in inits for path in project.reach(init)}
    imported = [path for path in seen.get("import", ()) if (project.root / path).is_file()]
    for path in (*imported, *seen.get("open", ())):
        source = project.read(path)
        if path == "pyproject.toml":  # what pytest reads of it is in every key
            continue
        if is_noise(project.root, path):
            continue
        if source is None or not path.endswith(".py"):
            found.add(path)
        elif path.endswith("/__init__.py") and hands_on(source):
            continue
        elif path in handed_on and path not in ran and only_defines(source):
            continue
        else:
            found.add(path)
    return found | ran


def is_noise(root: Path, path: str) -> bool:
    """What Python looks for and doesn't find: `.pdbrc`, `<unknown>`, hooks of the import system."""
    return path.startswith(("<", ".pdbrc", "__editable__")) and not (root / path).exists()


def document(
    root: Path,
    file: str,
    device: str,
    modules: list[str],
    result: dict,
    inputs: dict[str, str],
    packages: dict[str, str],
) -> dict:
    path = f"{SNIPPETS}{file}"
    tests = {}
    for nodeid, test in result["tests"].items():
        if test["device"] in (device, None):
            facts = merge(facts_on(device, test))
            ran = test["ran"].get(path, "")
            kept = {name: test[name] for name in ("outcome", "line", "file", "why") if name in test}
            tests[nodeid] = kept | {"facts": facts, "ran": ran}
    failed = any(test["outcome"] == "failed" for test in tests.values())
    if not failed and not any(fact for test in tests.values() for fact in test["facts"]):
        raise BadInput(
            f"{path}：没有一个测试断言过什么，没有什么可以记录。"
            "用 from kb.proof import assert_agrees，与独立算出的参考值比较。"
        )
    body = set(statements((root / path).read_bytes()).values())
    machine = result["machine"]
    regions = read_file(root, file)
    keys = {name: content_key(name, region.text, inputs) for name, region in regions.items()}
    return {
        "device": device,
        "recorded": now(),
        "command": f"{PROVE} {file}" + (f" --device {device}" if device != "cpu" else ""),
        "environment": machine | {"packages": packages},
        "inputs": inputs,
        "modules": modules,
        "regions": {
            name: {
                "key": keys[name],
                "body": join(line for line in body if region.first <= line <= region.last),
                "own": own_values(result["tests"], device, path, region),
            }
            for name, region in regions.items()
        },
        "tests": tests,
        "flows": {name: {"key": keys[name]} | flow for name, flow in result["flows"].items()},
    }


def own_values(tests: dict[str, dict], device: str, path: str, region: Region) -> int:
    """In how many tests that passed a value that the region's own code returned was compared."""
    places = {f"{path}:{line}" for line in range(region.first, region.last + 1)}
    return sum(
        test["outcome"] == "passed"
        and test["device"] in (device, None)
        and any(places.intersection(fact.get("of", ())) for fact in facts_on(device, test))
        for test in tests.values()
    )


def now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def facts_on(device: str, test: dict) -> Iterator[dict]:
    """What the test asserted there, of what was computed in the dtype that it says.

    A conversion at the end says nothing of the computation.
    """
    for fact in test["facts"]:
        on_it = fact["device"] == (device if test["device"] or fact["device"] else None)
        computed = FLOATS.intersection(test["computed"])  # code of whole numbers has none
        if on_it and (fact["dtype"] is None or not computed or fact["dtype"] in test["computed"]):
            yield fact


def merge(facts: Iterator[dict]) -> list[dict]:
    """One of each kind, name and dtype, with the largest errors."""
    merged: dict[tuple[str, str, str], dict] = {}
    for fact in facts:
        known = merged.setdefault(
            (fact["kind"], fact["name"], fact["dtype"] or ""),
            {name: fact[name] for name in ("kind", "name", "dtype") if fact[name]},
        )
        for error in ("absolute", "relative"):
            value = fact.get(error)
            if value is not None and math.isfinite(value):
                known[error] = max(value, known.get(error, 0.0))
    return [merged[key] for key in sorted(merged)]
