"""`kb mutate`: proof that the tests can fail.

Each file of `snippets/` is changed in one place at a time, by mutmut's operators and two of
our own, and the tests that evidence says ran that place are run against the copy, those
that run the fewest lines first. A mutant that no test notices survives. What came of it goes
to `evidence/mutation.json`, under the same content key as the evidence.

mutmut's own runner isn't used: it puts a dispatching wrapper around each function, which
`torch.compile(fullgraph=True)` and `torch.export` would have to trace.
"""

import datetime
import difflib
import hashlib
import importlib.metadata
import json
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kb.evidence import store
from kb.evidence.judge import State, Verdict, complaint, judge_all
from kb.evidence.lines import expand, statements
from kb.evidence.regions import list_files, read_all
from kb.evidence.store import MUTATE, RECORD
from kb.markdown.engine import BadInput

PROGRESS = ".kb-mutate.jsonl"
"""What an interrupted run has found so far."""

PYTEST_ENDED = 100
"""Added to pytest's exit codes, so that a process that never got that far isn't taken for one."""
SURVIVED, NOTICED, BROKEN_IMPORT = PYTEST_ENDED, PYTEST_ENDED + 1, PYTEST_ENDED + 2
PRELOAD = ["torch", "torch._dynamo", "pytest", "hypothesis", "kb.evidence.mutate"]


@dataclass(frozen=True)
class Mutant:
    file: str
    line: int
    before: str
    after: str
    source: str

    @property
    def id(self) -> str:
        return hashlib.sha256(f"{self.file}\n{self.source}".encode()).hexdigest()[:16]


def make_mutants(file: str, source: str) -> list[Mutant]:
    """All copies of a file that differ from it in one place."""
    import libcst as cst
    from mutmut.mutation.file_mutation import MutationVisitor
    from mutmut.mutation.mutators import mutation_operators
    from mutmut.mutation.pragma_handling import IgnoredCode

    def swapped_product(node: cst.BinaryOperation) -> Iterator[cst.BinaryOperation]:
        """`a @ b` to `b @ a`."""
        if isinstance(node.operator, cst.MatrixMultiply):
            yield node.with_changes(left=node.right, right=node.left)

    def no_result(node: cst.Return) -> Iterator[cst.Return]:
        """`return x` to `return None`."""
        if node.value is not None:
            yield node.with_changes(value=cst.Name("None"))

    operators = [
        *mutation_operators,
        (cst.BinaryOperation, swapped_product),
        (cst.Return, no_result),
    ]
    visitor = MutationVisitor(operators, IgnoredCode(set(), set(), set()))
    module = cst.MetadataWrapper(cst.parse_module(source)).visit(visitor)
    parts = [*module.header, *module.body, *module.footer]
    texts = [module.code_for_node(part) for part in parts]
    place_of = {node: place for place, part in enumerate(parts) for node in nodes_of(part)}
    mutants = {}
    for mutation in visitor.mutations:
        place = place_of[mutation.original_node]  # the rest stays, and needn't be written again
        part = parts[place].deep_replace(mutation.original_node, mutation.mutated_node)
        changed = "".join([*texts[:place], module.code_for_node(part), *texts[place + 1 :]])
        if not module.has_trailing_newline:
            changed = changed.removesuffix("\n")
        mutant = Mutant(file, *difference(source, changed), changed)
        mutants.setdefault(mutant.id, mutant)
    return list(mutants.values())


def nodes_of(node) -> Iterator:
    """A node of libcst and all nodes in it."""
    yield node
    for child in node.children:
        yield from nodes_of(child)


def difference(source: str, changed: str) -> tuple[int, str, str]:
    """The first line that differs, and the lines before and after."""
    old, new = source.split("\n"), changed.split("\n")
    spans = [
        span
        for span in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        if span[0] != "equal"
    ]
    first, last = spans[0][1], spans[-1][2]
    first_new, last_new = spans[0][3], spans[-1][4]
    joined = (
        "\n".join(line.strip() for line in lines)
        for lines in (old[first:last], new[first_new:last_new])
    )
    return first + 1, *joined


def exercising(mutant: Mutant, source: str, verdict: Verdict) -> list[str]:
    """The tests that ran the changed statement, the most particular first.

    A change outside of function bodies, in a default say, concerns all tests of the file.
    """
    path = f"snippets/{mutant.file}"
    line = statements(source.encode()).get(mutant.line)
    ran = {
        id: expand(test["ran"].get(path, ""))
        for id, test in verdict.tests.items()
        if test["outcome"] == "passed"
    }
    chosen = [id for id, lines in ran.items() if (line in lines if line else lines)]
    return sorted(chosen, key=lambda id: (len(ran[id]), id))


class Selection:
    """pytest plugin: these tests, in this order."""

    def __init__(self, ids: list[str]):
        self.place = {id: place for place, id in enumerate(ids)}

    def pytest_collection_modifyitems(self, items: list) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.place),
            key=lambda item: self.place[item.nodeid],
        )


def run_tests(workspace: str, file: str, ids: list[str]) -> None:
    """In a process of its own: ends with PYTEST_ENDED + pytest's exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent sees to it
    log = os.open(f"{workspace}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    import pytest
    import torch

    os.chdir(workspace)
    os.environ |= {"PYTEST_ADDOPTS": "", "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode = True  # a mutant may have the size and the second of another
    torch.set_num_threads(1)
    modules = sorted({id.partition("::")[0] for id in ids})
    options = ["-x", "-q", "-p", "no:cacheprovider", "--device", "cpu", "--rootdir", workspace]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # some are loaded already
    code = pytest.main([*options, *modules], plugins=[Selection(ids)])
    for name, module in list(sys.modules.items()):
        if name.startswith("snippets") and not module.__file__.startswith(workspace):
            os._exit(70)  # not the copy
    os._exit(PYTEST_ENDED + code)


@dataclass(frozen=True)
class Run:
    """Tests that are running against a changed file, in a copy of the project."""

    job: object
    process: multiprocessing.process.BaseProcess
    deadline: float
    workspace: Path
    target: Path
    original: bytes


class Pool:
    """Runs tests against mutants, several at a time, each in a fresh process.

    Ctrl-C takes effect in `finished`, so that no process is left behind half started.
    """

    def __init__(self, root: Path, workers: int, folder: str):
        method = (
            "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        )
        self.context = multiprocessing.get_context(method)
        if method == "forkserver":
            self.context.set_forkserver_preload(PRELOAD)
            os.environ.setdefault("PYTHONWARNINGS", "ignore:Failed to initialize NumPy")
        self.free = []
        for number in range(workers):
            workspace = Path(folder).resolve() / str(number)
            for name in ("snippets", "tests"):
                shutil.copytree(
                    root / name, workspace / name, ignore=shutil.ignore_patterns("__pycache__")
                )
            shutil.copy(root / "pyproject.toml", workspace)
            self.free.append(workspace)
        self.running: list[Run] = []
        self.interrupted = False

    def __enter__(self) -> "Pool":
        self.on_interrupt = signal.signal(signal.SIGINT, self.interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        for run in self.running:
            run.process.kill()
            run.process.join()
        signal.signal(signal.SIGINT, self.on_interrupt)

    def interrupt(self, *_: object) -> None:
        self.interrupted = True

    def start(self, job: object, file: str, source: str, ids: list[str], limit: float) -> None:
        workspace = self.free.pop()
        target = workspace / "snippets" / file
        original = target.read_bytes()
        target.write_bytes(source.encode())
        process = self.context.Process(
            target=run_tests, args=(str(workspace), file, ids), daemon=True
        )
        process.start()
        deadline = time.monotonic() + limit
        self.running.append(Run(job, process, deadline, workspace, target, original))

    def finished(self) -> Iterator[tuple[object, int]]:
        """Jobs that have ended, with their exit codes. Waits for a second at most."""
        multiprocessing.connection.wait([run.process.sentinel for run in self.running], timeout=1)
        if self.interrupted:
            raise KeyboardInterrupt
        for run in list(self.running):
            if run.process.is_alive() and time.monotonic() > run.deadline:
                run.process.kill()  # it never ends: noticed
                run.process.join()
            if not run.process.is_alive():
                run.process.join()
                self.running.remove(run)
                run.target.write_bytes(run.original)
                self.free.append(run.workspace)
                yield run.job, run.process.exitcode


class Campaign:
    """Brings `evidence/mutation.json` up to date.

    Raises BadInput where the evidence isn't up to date, or the tests fail without a mutant.
    """

    def __init__(self, root: Path, files: list[str]):
        self.root = root
        self.verdicts = judge_all(root, "cpu")
        known = list_files(root)
        if missing := sorted(set(files) - set(known)):
            raise BadInput(f"snippets/ 里没有 {'、'.join(missing)}。现有：{'、'.join(known)}。")
        for verdict in self.verdicts.values():
            if verdict.state in (State.UNTESTED, State.STALE, State.FAILED):
                raise BadInput(complaint(verdict))
        done = self.done()
        self.sources = {
            file: (root / "snippets" / file).read_bytes().decode()
            for file in files or known
            if self.key(file) not in done
        }
        self.mutants = [
            mutant for file, source in self.sources.items() for mutant in make_mutants(file, source)
        ]
        progress = read_progress(root)
        self.outcomes = {
            mutant: progress[self.key(mutant.file), mutant.id]
            for mutant in self.mutants
            if (self.key(mutant.file), mutant.id) in progress
        }

    def done(self) -> set[str]:
        document = store.read(self.root / "evidence", "mutation", "mutation")
        return {region["key"] for region in document["regions"].values()} if document else set()

    def key(self, file: str) -> str:
        return self.verdicts[file].key

    def run(self, workers: int, report: Callable[[Mutant | None], None]) -> None:
        """`report` hears of each mutant that has met its tests, and first of none."""
        waiting = [mutant for mutant in reversed(self.mutants) if mutant not in self.outcomes]
        if not waiting:
            return
        report(None)
        with tempfile.TemporaryDirectory() as folder, Pool(self.root, workers, folder) as pool:
            limit = 30 + 3 * self.check_baseline(pool)
            while waiting or pool.running:
                while waiting and pool.free:
                    self.start(pool, waiting.pop(), limit)
                for mutant, code in pool.finished():
                    self.settle(mutant, code)
                    report(mutant)

    def check_baseline(self, pool: Pool) -> float:
        """Seconds that all tests take without a mutant. They must pass, or kills mean nothing."""
        started = time.monotonic()
        for file, source in self.sources.items():
            tests = self.verdicts[file].tests
            if ids := [id for id, test in tests.items() if test["outcome"] == "passed"]:
                pool.start(file, file, source, ids, limit=3600)
            while pool.running:
                for _, code in pool.finished():
                    if code != SURVIVED:
                        log = Path(f"{pool.free[-1]}.log").read_text("utf-8", "replace")
                        raise BadInput(
                            f"没有变异时，snippets/{file} 的测试就没有通过（进程以 {code} 结束）。"
                            f"先重新记录：{RECORD}\n{log[-2000:]}"
                        )
        return time.monotonic() - started

    def start(self, pool: Pool, mutant: Mutant, limit: float) -> None:
        ids = exercising(mutant, self.sources[mutant.file], self.verdicts[mutant.file])
        if ids:
            pool.start(mutant, mutant.file, mutant.source, ids, limit)
        else:
            self.outcomes[mutant] = "survived"

    def settle(self, mutant: Mutant, code: int) -> None:
        crashed_or_killed = code < 0  # by a signal: it takes a change to do that
        if not crashed_or_killed and code not in (SURVIVED, NOTICED, BROKEN_IMPORT):
            place = f"snippets/{mutant.file}:{mutant.line}"
            raise BadInput(f"{place} 的变异没有跑成，进程以 {code} 结束。")
        self.outcomes[mutant] = "survived" if code == SURVIVED else "killed"
        write_progress(self.root, self.key(mutant.file), mutant.id, self.outcomes[mutant])

    def store(self) -> None:
        """Each mutant counts for its file and for the region that it stands in."""
        document = store.read(self.root / "evidence", "mutation", "mutation")
        regions = document["regions"] if document else {}
        regions = {name: found for name, found in regions.items() if name in self.verdicts}
        for name, region in read_all(self.root).items():
            file = name.partition(":")[0]
            if file in self.sources:
                own = [mutant for mutant in self.mutants if mutant.file == file]
                if ":" in name:
                    own = [each for each in own if region.first <= each.line <= region.last]
                regions[name] = self.region(name, own)
        path = self.root / "evidence/mutation.json"
        store.write(path, {"command": MUTATE, "regions": regions})
        self.forget_progress()

    def forget_progress(self) -> None:
        """Of the files that were stored; what is known of others stays for the next run."""
        known = read_progress(self.root)
        (self.root / PROGRESS).unlink(missing_ok=True)
        waiting = {self.verdicts[name].key for name in self.verdicts if name not in self.sources}
        for (key, mutant), outcome in known.items():
            if key in waiting:
                write_progress(self.root, key, mutant, outcome)

    def region(self, name: str, mutants: list[Mutant]) -> dict:
        survivors = [
            {"line": mutant.line, "before": mutant.before, "after": mutant.after}
            for mutant in mutants
            if self.outcomes[mutant] == "survived"
        ]
        return {
            "key": self.verdicts[name].key,
            "recorded": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "packages": {each: importlib.metadata.version(each) for each in ("mutmut", "torch")},
            "killed": len(mutants) - len(survivors),
            "total": len(mutants),
            "survivors": sorted(survivors, key=lambda each: (each["line"], each["after"])),
        }


def read_progress(root: Path) -> dict[tuple[str, str], str]:
    """(key of the file, mutant) → outcome, from an interrupted run."""
    path = root / PROGRESS
    found = {}
    for line in path.read_text("utf-8").splitlines() if path.exists() else []:
        try:
            entry = json.loads(line)
            found[entry["key"], entry["mutant"]] = entry["outcome"]
        except (ValueError, KeyError, TypeError):
            continue  # the line that was being written
    return found


def write_progress(root: Path, key: str, mutant: str, outcome: str) -> None:
    with open(root / PROGRESS, "a", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps({"key": key, "mutant": mutant, "outcome": outcome}) + "\n")
