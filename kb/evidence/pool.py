"""Tests against changed files, several at a time, each in a fresh process and a fresh copy.

Fresh interpreters are for recording; these processes are forked from one that has torch already.
"""

import contextlib
import functools
import gc
import itertools
import json
import multiprocessing
import multiprocessing.connection
import os
import py_compile
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from kb.evidence.environment import clean_environment
from kb.evidence.run import OPTIONS

PYTEST_ENDED = 100
"""Added to pytest's exit codes, so that a process that never got that far isn't taken for one."""
SURVIVED, NOTICED, BROKEN_IMPORT = PYTEST_ENDED, PYTEST_ENDED + 1, PYTEST_ENDED + 2
NOTHING_RAN = PYTEST_ENDED + 5
NO_COPY = 70
LONG = 8.0
"""Seconds: a mutant that hasn't met its end by then hangs, or none of many tests notices it."""
PRELOAD = ["torch", "pytest", "hypothesis", "kb.proof.assertions", "doctest", "pdb", __name__]
"""Imported once, before processes are forked; and what pytest imports when it begins."""
COMPILES = "torch._dynamo", "sympy"
"""The same where tests compile, as is seen by the package that it brings along."""


class Selection:
    """pytest plugin: these tests, in this order, but for what pytest then puts together since it
    shares a fixture; how long each takes with what it shares, in the order in which they ran.
    """

    def __init__(self, ids: list[str], assertions: ModuleType):
        self.assertions = assertions
        self.place = {id: place for place, id in enumerate(ids)}
        self.names = {part for id in ids for part in parts(id)}
        self.seconds: dict[str, float] = {}
        self.shared: dict[tuple[str, int], float] = {}
        """Fixture of several tests, with its parameter → how long it took, once for all."""
        self.made = 0.0
        """How long those took that were made for this test and those after it."""
        self.failed: str | None = None
        self.differed: list[str] = []
        """Where it said that numbers differ: digests of what was expected."""
        self.expected: set[str] = set()
        """The same of all comparisons that held."""

    def pytest_runtest_logstart(self) -> None:
        self.assertions.FAILED.clear()
        self.assertions.FACTS.clear()

    def pytest_pycollect_makeitem(self, collector, name: str) -> list | None:
        """Nothing is made of what isn't asked for: with all its parameters that takes longer than
        most tests."""
        return None if f"{collector.nodeid}::{name}" in self.names else []

    def pytest_collection_modifyitems(self, items: list) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.place),
            key=lambda item: self.place[item.nodeid],
        )

    def pytest_fixture_setup(self, fixturedef, request) -> Iterator[None]:
        began = time.perf_counter()
        result = yield
        if fixturedef.scope != "function":
            key = fixturedef.argname, request.param_index
            self.shared[key] = time.perf_counter() - began
            self.made += self.shared[key]
        return result

    def pytest_runtest_setup(self, item) -> Iterator[None]:
        self.made = 0.0
        result = yield
        indices = item.callspec.indices if hasattr(item, "callspec") else {}
        keys = [(name, indices.get(name, 0)) for name in item.fixturenames]
        self.seconds[item.nodeid] = sum(self.shared.get(key, 0.0) for key in keys) - self.made
        return result

    def pytest_runtest_logreport(self, report) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        self.expected |= {fact["expected"] for fact in self.assertions.FACTS if "expected" in fact}
        if report.failed and self.failed is None:
            self.failed = report.nodeid
            self.differed = [expected for *_, expected in self.assertions.FAILED if expected]


def parts(id: str) -> Iterator[str]:
    """`m.py::A::test_x[1]` → `m.py::A`, `m.py::A::test_x`."""
    module, *names = id.partition("[")[0].split("::")
    return itertools.accumulate(names, "{}::{}".format, initial=module)


def run_tests(workspace: str, ids: list[str]) -> None:
    """In a process of its own: ends with PYTEST_ENDED + pytest's exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent sees to it
    log = os.open(f"{workspace}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    import pytest
    import torch

    from kb.proof import assertions

    os.chdir(workspace)
    temporary = Path(f"{workspace}.tmp")
    temporary.mkdir(exist_ok=True)
    environment = clean_environment(temporary)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # as the new environment says
    sys.dont_write_bytecode = True  # a mutant may have the size and the second of another
    sys.pycache_prefix = f"{workspace}.made"
    torch.set_num_threads(1)
    modules = sorted({id.partition("::")[0] for id in ids})
    selection = Selection(ids, assertions)
    for first in (Selection.pytest_collection_modifyitems, Selection.pytest_pycollect_makeitem):
        pytest.hookimpl(tryfirst=True)(first)  # before pytest's own
    pytest.hookimpl(wrapper=True)(Selection.pytest_fixture_setup)
    pytest.hookimpl(wrapper=True)(Selection.pytest_runtest_setup)
    options = [*OPTIONS, "-p", "_hypothesis_pytestplugin", "-x", "--device", "cpu"]
    options += ["--assert=plain"]  # nobody reads what a failing assertion says
    places = [f"--rootdir={workspace}", "-c", f"{workspace}/pyproject.toml"]
    gc.freeze()  # pytest collects garbage several times; what was there before the fork is none
    began = time.perf_counter()
    code = pytest.main([*options, *places, *modules], plugins=[selection])
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)  # a folder without __init__.py has none
        if name.startswith("snippets") and file and not file.startswith(workspace):
            os._exit(NO_COPY)
    found = {name: getattr(selection, name) for name in ("seconds", "failed", "differed")}
    found["expected"] = sorted(selection.expected)
    found["took"] = time.perf_counter() - began
    Path(f"{workspace}.json").write_text(json.dumps(found), "utf-8")
    os._exit(PYTEST_ENDED + code)


@dataclass(frozen=True)
class Run:
    """Tests that are running against a changed file, in a copy of the project."""

    job: object
    process: multiprocessing.process.BaseProcess
    began: float
    limit: float
    workspace: Path


class Pool:
    """Runs tests against mutants, several at a time, each in a fresh process and a fresh copy.

    `files` are those that a copy of the project holds, with what is in them. Ctrl-C takes effect in
    `finished`, so that no process is left behind half started.
    """

    def __init__(
        self, files: dict[str, bytes | None], workers: int, folder: str, compiles: bool = False
    ):
        method = (
            "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        )
        self.context = multiprocessing.get_context(method)
        if method == "forkserver":
            self.context.set_forkserver_preload(preloaded() + [COMPILES[0]] * compiles)
        self.whole = Path(folder).resolve() / "whole"
        self.made = self.whole.with_name("made")
        for name, data in files.items():
            lay(self.whole / name, data, self.made / name)
        self.places = map(self.whole.with_name, map(str, itertools.count()))
        self.free = [*itertools.islice(self.places, workers)]
        self.workers = workers
        self.running: list[Run] = []
        self.waiting: list[Run] = []
        """Those that take long: most of them only wait, and another runs beside each."""
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

    def start(self, job: object, file: str, source: bytes, ids: list[str], limit: float) -> None:
        workspace = self.free.pop()
        shutil.rmtree(workspace, ignore_errors=True)
        shutil.rmtree(f"{workspace}.tmp", ignore_errors=True)
        Path(f"{workspace}.json").unlink(missing_ok=True)
        shutil.rmtree(f"{workspace}.made", ignore_errors=True)
        shutil.copytree(self.whole, workspace)
        made = shutil.copytree(self.made, Path(f"{workspace}.made", *workspace.parts[1:]))
        bytecode_of(made / "snippets" / file).unlink(missing_ok=True)
        (workspace / "snippets" / file).write_bytes(source)
        process = self.context.Process(target=run_tests, args=(str(workspace), ids), daemon=False)
        with nothing_of_the_shell():
            process.start()
        self.running.append(Run(job, process, time.monotonic(), limit, workspace))

    def finished(self) -> Iterator[tuple[object, int, Path]]:
        """Jobs that have ended, with their exit codes. Waits for a second at most."""
        multiprocessing.connection.wait([run.process.sentinel for run in self.running], timeout=1)
        if self.interrupted:
            raise KeyboardInterrupt
        for run in list(self.running):
            took = time.monotonic() - run.began
            if run.process.is_alive() and took > run.limit:
                run.process.kill()
                run.process.join()
            if not run.process.is_alive():
                run.process.join()
                self.running.remove(run)
                if run in self.waiting:
                    self.waiting.remove(run)
                else:
                    self.free.append(run.workspace)
                yield run.job, run.process.exitcode, run.workspace

            elif took > LONG and run not in self.waiting and len(self.waiting) < 2 * self.workers:
                self.waiting.append(run)
                self.free.append(next(self.places))

    def alone(self, file: str, source: bytes, ids: list[str], limit: float) -> tuple[int, Path]:
        """One job while nothing else runs."""
        self.start(None, file, source, ids, limit)
        while True:
            for _, code, workspace in self.finished():
                return code, workspace


def preloaded() -> list[str]:
    from _pytest.config import default_plugins

    return [*PRELOAD, *(f"_pytest.{name}" for name in default_plugins), "kb.proof.plugin"]


def lay(path: Path, data: bytes | None, made: Path) -> None:
    """A file, or a folder, and what Python makes of it at `made`: no process has to compile what is
    the same in all."""
    for each in (path, made):
        each.parent.mkdir(parents=True, exist_ok=True)
    if data is None:
        path.mkdir(exist_ok=True)
        return
    path.write_bytes(data)
    if path.suffix == ".py":
        with contextlib.suppress(py_compile.PyCompileError):
            mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
            py_compile.compile(str(path), str(bytecode_of(made)), doraise=True, invalidation_mode=mode)


def bytecode_of(path: Path) -> Path:
    """Where Python looks for it below `sys.pycache_prefix`."""
    return path.with_name(f"{path.stem}.{sys.implementation.cache_tag}.pyc")


@dataclass(frozen=True)
class Job:
    """Tests of a file with something in its place."""

    file: str
    source: bytes
    ids: list[str]
    limit: float
    ended: Callable[[int, Path], None]
    """Hears of the exit code, and where it ran."""


def work(pool: Pool, works: list[Iterator[Iterable[Job]]]) -> None:
    """Jobs of each work, in stages: all of one have ended before the next begins. Those of the works
    that stand before come first, but one place is for the next: some jobs only wait, for a minute.
    """
    jobs: list[Iterator[Job]] = [iter(()) for _ in works]
    running = [0] * len(works)

    def following() -> Iterator[tuple[int, Job]]:
        full = [count >= pool.workers - 1 for count in running]
        for number in sorted(range(len(works)), key=full.__getitem__):
            while True:
                if job := next(jobs[number], None):
                    yield number, job
                if running[number] or (stage := next(works[number], None)) is None:
                    break
                jobs[number] = iter(stage)

    while True:
        while pool.free and (found := next(following(), None)):
            number, job = found
            pool.start((number, job), job.file, job.source, job.ids, job.limit)
            running[number] += 1
        if not pool.running:
            return
        for (number, job), code, workspace in pool.finished():
            running[number] -= 1
            job.ended(code, workspace)


@contextlib.contextmanager
def nothing_of_the_shell() -> Iterator[None]:
    """The first process that is forked from, and what each is told, know only what `python -I`
    would: PYTHONPATH could bring along something that makes tests fail."""
    environment, path = dict(os.environ), list(sys.path)
    clean = clean_environment(Path(tempfile.gettempdir()))
    clean["PYTHONWARNINGS"] = "ignore:Failed to initialize NumPy"
    clean["PYTHONSAFEPATH"] = "1"  # it is told to import torch and so on: not what lies in the base
    os.environ.clear()
    os.environ.update(clean)
    sys.path[:] = isolated_path()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        sys.path[:] = path


@functools.cache
def isolated_path() -> list[str]:
    command = [sys.executable, "-I", "-c", "import json, sys; print(json.dumps(sys.path))"]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def read_end(workspace: Path) -> dict:
    """What a process has said at its end: how long each test takes, and all took; which failed and how;
    what was expected."""
    path = Path(f"{workspace}.json")
    found = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return {"seconds": {}, "took": 0.0, "failed": None, "differed": [], "expected": []} | found
