"""Proof that the tests can fail: changed copies of a topic's file meet its tests.

Each file of `snippets/` is changed in one place at a time (`kb.evidence.mutants`), and the tests
that ran that place are run against the copy, the fastest first. A mutant that no test notices
survives. One whose process is killed or doesn't end in time is tried again by itself; if that
comes to nothing either, it is undecided. What came of it goes to `evidence/<topic>/mutants.json`,
under the keys of the evidence. Before, the tests must pass with the same code in other words.

Fresh interpreters are for recording; these processes are forked from one that has torch already.
"""

import contextlib
import functools
import gc
import importlib.metadata
import json
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from kb.evidence import store
from kb.evidence.environment import clean_environment
from kb.evidence.imports import Project, sha256, shown_in
from kb.evidence.keys import PROOF, SETTINGS
from kb.evidence.mutants import Mutant, exercising, make_mutants, reworded
from kb.evidence.record import now
from kb.evidence.regions import read_file
from kb.evidence.run import OPTIONS
from kb.evidence.store import PROVE
from kb.markdown.engine import BadInput

PROGRESS = ".kb-prove.jsonl"
"""What an interrupted run has found so far."""

PYTEST_ENDED = 100
"""Added to pytest's exit codes, so that a process that never got that far isn't taken for one."""
SURVIVED, NOTICED, BROKEN_IMPORT = PYTEST_ENDED, PYTEST_ENDED + 1, PYTEST_ENDED + 2
NO_COPY = 70
PRELOAD = ["torch", "pytest", "hypothesis", "kb.proof.assertions", __name__]
"""Imported once, before processes are forked."""
COMPILES = "torch._dynamo", "sympy"
"""The same where tests compile, as is seen by the package that it brings along."""

KILLED, LIVES, UNDECIDED = "killed", "survived", "undecided"


class Selection:
    """pytest plugin: these tests, in this order, but for what pytest then puts together since it
    shares a fixture; how long each takes with what it shares, in the order in which they ran.
    """

    def __init__(self, ids: list[str], assertions: ModuleType):
        self.assertions = assertions
        self.place = {id: place for place, id in enumerate(ids)}
        self.seconds: dict[str, float] = {}
        self.shared: dict[tuple[str, int], float] = {}
        """Fixture of several tests, with its parameter → how long it took, once for all."""
        self.made = 0.0
        """How long those took that were made for this test and those after it."""
        self.failed: str | None = None
        self.compared = False
        """Whether that was a comparison with a reference."""

    def pytest_runtest_logstart(self) -> None:
        self.assertions.FAILED.clear()

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
        if report.failed and self.failed is None:
            self.failed = report.nodeid
            self.compared = any(kind == "assert_agrees" for kind, _ in self.assertions.FAILED)


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
    torch.set_num_threads(1)
    modules = sorted({id.partition("::")[0] for id in ids})
    selection = Selection(ids, assertions)
    pytest.hookimpl(tryfirst=True)(Selection.pytest_collection_modifyitems)  # before pytest's own
    pytest.hookimpl(wrapper=True)(Selection.pytest_fixture_setup)
    pytest.hookimpl(wrapper=True)(Selection.pytest_runtest_setup)
    options = [*OPTIONS, "-p", "_hypothesis_pytestplugin", "-x", "--device", "cpu"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # some are loaded already
    places = [f"--rootdir={workspace}", "-c", f"{workspace}/pyproject.toml"]
    gc.freeze()  # pytest collects garbage several times; what was there before the fork is none
    began = time.perf_counter()
    code = pytest.main([*options, *places, *modules], plugins=[selection])
    for name, module in list(sys.modules.items()):
        if name.startswith("snippets") and not module.__file__.startswith(workspace):
            os._exit(NO_COPY)
    found = {name: getattr(selection, name) for name in ("seconds", "failed", "compared")}
    found["took"] = time.perf_counter() - began
    Path(f"{workspace}.json").write_text(json.dumps(found), "utf-8")
    os._exit(PYTEST_ENDED + code)


@dataclass(frozen=True)
class Run:
    """Tests that are running against a changed file, in a copy of the project."""

    job: object
    process: multiprocessing.process.BaseProcess
    deadline: float
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
            self.context.set_forkserver_preload(PRELOAD + [COMPILES[0]] * compiles)
        self.files = files
        self.free = [Path(folder).resolve() / str(number) for number in range(workers)]
        self.workers = workers
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

    def start(self, job: object, file: str, source: bytes, ids: list[str], limit: float) -> None:
        workspace = self.free.pop()
        shutil.rmtree(workspace, ignore_errors=True)
        shutil.rmtree(f"{workspace}.tmp", ignore_errors=True)
        Path(f"{workspace}.json").unlink(missing_ok=True)
        for name, data in (self.files | {f"snippets/{file}": source}).items():
            copy = workspace / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if data is None:
                copy.mkdir(exist_ok=True)
            else:
                copy.write_bytes(data)
        process = self.context.Process(target=run_tests, args=(str(workspace), ids), daemon=False)
        with nothing_of_the_shell():
            process.start()
        self.running.append(Run(job, process, time.monotonic() + limit, workspace))

    def finished(self) -> Iterator[tuple[object, int, Path]]:
        """Jobs that have ended, with their exit codes. Waits for a second at most."""
        multiprocessing.connection.wait([run.process.sentinel for run in self.running], timeout=1)
        if self.interrupted:
            raise KeyboardInterrupt
        for run in list(self.running):
            if run.process.is_alive() and time.monotonic() > run.deadline:
                run.process.kill()
                run.process.join()
            if not run.process.is_alive():
                run.process.join()
                self.running.remove(run)
                self.free.append(run.workspace)
                yield run.job, run.process.exitcode, run.workspace

    def alone(self, file: str, source: bytes, ids: list[str], limit: float) -> tuple[int, Path]:
        """One job while nothing else runs."""
        self.start(None, file, source, ids, limit)
        while True:
            for _, code, workspace in self.finished():
                return code, workspace


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


@dataclass
class Topic:
    """A file of `snippets/` whose mutants are to meet their tests."""

    file: str
    run: dict
    """What was recorded of it."""
    source: bytes
    mutants: list[Mutant]
    outcomes: dict[Mutant, "Outcome"]
    seconds: dict[str, float] = field(default_factory=dict)
    limit: float = 0.0

    @property
    def key(self) -> str:
        return self.run["regions"][self.file]["key"]

    @property
    def passed(self) -> dict[str, dict]:
        tests = self.run["tests"].items()
        return {id: test for id, test in tests if test["outcome"] == "passed"}

    @property
    def waiting(self) -> list[Mutant]:
        return [mutant for mutant in self.mutants if mutant not in self.outcomes]

    @property
    def text(self) -> str:
        return self.source.decode("utf-8-sig")

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Those that ran it, the fastest first; where it gives another value, first those that
        compare with a reference."""
        chosen = exercising(mutant, self.text, self.passed)
        return sorted(
            chosen,
            key=lambda id: (mutant.is_value and not self.compares(id), self.seconds.get(id, 0.0), id),
        )

    def compares(self, id: str) -> bool:
        return any(fact["kind"] == "reference" for fact in self.passed[id]["facts"])


class Outcome(NamedTuple):
    """What became of a mutant."""

    state: str
    compared: bool = False
    """Whether a comparison with a reference noticed it."""
    ran: tuple[str, ...] = ()
    """The tests up to the one that noticed it."""


class Campaign:
    """All mutants of some topics meet their tests; each topic is stored when it is through."""

    def __init__(self, root: Path, files: list[str]):
        self.root = root
        progress = read_progress(root)
        self.topics = []
        for file in files:
            run = store.read_run(root / store.FOLDER, file, "cpu")
            source = (root / "snippets" / file).read_bytes()
            mutants = make_mutants(file, source.decode("utf-8-sig"))
            key = run["regions"][file]["key"]
            known = {mutant: progress.get((key, mutant.id)) for mutant in mutants}
            outcomes = {
                mutant: outcome
                for mutant, outcome in known.items()
                if outcome and outcome.state != UNDECIDED
            }
            self.topics.append(Topic(file, run, source, mutants, outcomes))

    @property
    def total(self) -> int:
        return sum(len(topic.mutants) for topic in self.topics)

    @property
    def done(self) -> int:
        return sum(len(topic.outcomes) for topic in self.topics)

    def run(self, workers: int, report: Callable[[Topic, Mutant | None], None]) -> None:
        """`report` hears of each mutant that has met its tests, and of each topic that is stored.

        Raises BadInput where tests fail without a mutant.
        """
        for topic in self.topics:
            if not topic.waiting:
                self.store(topic)
                report(topic, None)
        topics = [topic for topic in self.topics if topic.waiting]
        if not topics:
            return
        files = {path: data for topic in topics for path, data in self.files_of(topic)}
        compiles = any(COMPILES[1] in topic.run["environment"]["packages"] for topic in topics)
        with tempfile.TemporaryDirectory(prefix="kb-prove-") as folder:
            with Pool(files, workers, folder, compiles) as pool:
                self.check_baseline(pool, topics)
                for topic in topics:
                    self.run_topic(pool, topic, report)

    def files_of(self, topic: Topic) -> Iterator[tuple[str, bytes | None]]:
        """What a copy of the project needs for the topic's tests; a folder holds nothing.

        Raises BadInput where it isn't what was recorded.
        """
        known = topic.run["inputs"]
        paths = {path.rstrip("/") for path in known} - {SETTINGS, PROOF}
        paths |= packages(self.root)
        for path in sorted(paths | {f"snippets/{topic.file}", "pyproject.toml"}):
            file = self.root / path
            data = file.read_bytes() if file.is_file() else None
            if f"{path}/" in known and file.is_dir():  # what is in it was counted
                yield from ((f"{path}/{each}", b"") for each in shown_in(file) if (file / each).is_file())
            if data is not None and known.get(path, sha256(data)) != sha256(data):
                raise BadInput(f"{path} 在记录以后改了。提交它，再运行一次 {PROVE}。")
            if file.exists():
                yield path, data

    def check_baseline(self, pool: Pool, topics: list[Topic]) -> None:
        """The tests must pass with the same code in other words, or kills mean nothing; and how
        long they take."""
        waiting = [(topic, reworded(topic.text)) for topic in topics]
        while waiting or pool.running:
            while waiting and pool.free:
                topic, source = waiting.pop(0)
                pool.start(topic, topic.file, source.encode(), list(topic.passed), limit=3600)
            for topic, code, workspace in pool.finished():
                if code != SURVIVED:
                    log = Path(f"{workspace}.log").read_text("utf-8", "replace")
                    raise BadInput(
                        f"snippets/{topic.file} 只换了排版，每个函数多一行不做事的，测试就没有通过"
                        f"（进程以 {code} 结束）：它们看的是代码怎样写，不是算出什么；或者不能重复。"
                        f"改好测试，提交，再运行 {PROVE} {topic.file}。\n{log[-2000:]}"
                    )
                end = read_end(workspace)
                topic.seconds, topic.limit = end["seconds"], 60 + 5 * end["took"]

    def run_topic(
        self, pool: Pool, topic: Topic, report: Callable[[Topic, Mutant | None], None]
    ) -> None:
        waiting, again = topic.waiting[::-1], []
        while waiting or pool.running:
            while waiting and pool.free:
                mutant = waiting.pop()
                if ids := topic.tests_of(mutant):
                    pool.start(mutant, topic.file, mutant.source.encode(), ids, topic.limit)
                else:
                    self.settle(topic, mutant, Outcome(LIVES))
                    report(topic, mutant)
            for mutant, code, workspace in pool.finished():
                outcome = self.outcome(topic, mutant, code, workspace)
                if outcome.state == UNDECIDED:
                    again.append(mutant)
                else:
                    self.settle(topic, mutant, outcome)
                    report(topic, mutant)
        for mutant in again:
            ids, source = topic.tests_of(mutant), mutant.source.encode()
            code, workspace = pool.alone(topic.file, source, ids, 2 * topic.limit)
            self.settle(topic, mutant, self.outcome(topic, mutant, code, workspace))
            report(topic, mutant)
        self.check_orders(pool, topic)
        self.store(topic)
        report(topic, None)

    def check_orders(self, pool: Pool, topic: Topic) -> None:
        """The tests that noticed mutants must pass without one, in the order in which they met it:
        some need what another test has left behind, and fail by themselves."""
        ran = {outcome.ran for outcome in topic.outcomes.values() if outcome.ran}
        starts = {each[:length] for each in ran for length in range(1, len(each))}
        waiting = sorted(ran - starts)
        source = reworded(topic.text).encode()
        while waiting or pool.running:
            while waiting and pool.free:
                ids = waiting.pop()
                pool.start(ids, topic.file, source, list(ids), topic.limit)
            for ids, code, workspace in pool.finished():
                if code != SURVIVED:
                    raise BadInput(
                        f"{read_end(workspace)['failed'] or ids[-1]} 换一个次序、不跟在别的测试后面就通不过，"
                        f"没有改错也一样（进程以 {code} 结束），它“发现”的不算。让每一项测试自己准备它要的，提交，再运行 {PROVE} {topic.file}。"
                    )

    def outcome(self, topic: Topic, mutant: Mutant, code: int, workspace: Path) -> Outcome:
        if code == SURVIVED:
            return Outcome(LIVES)
        if code == NOTICED:
            end = read_end(workspace)
            return Outcome(KILLED, end["compared"], tuple(end["seconds"]) or tuple(topic.tests_of(mutant)))
        if code == BROKEN_IMPORT:
            return Outcome(KILLED)
        if code < 0:  # by a signal: from outside, or because it took too long
            return Outcome(UNDECIDED)
        place = f"snippets/{mutant.file}:{mutant.line}"
        raise BadInput(f"{place} 改错以后的测试没有跑成，进程以 {code} 结束。")

    def settle(self, topic: Topic, mutant: Mutant, outcome: Outcome) -> None:
        topic.outcomes[mutant] = outcome
        write_progress(self.root, topic.key, mutant.id, outcome)

    def store(self, topic: Topic) -> None:
        """Each mutant counts for its file and for the region that it stands in."""
        regions = {}
        for name, region in read_file(self.root, topic.file).items():
            own = [each for each in topic.mutants if region.first <= each.line <= region.last]
            regions[name] = {
                "key": topic.run["regions"][name]["key"],
                "lines": [region.first, region.last],
                "killed": sum(topic.outcomes[each].state == KILLED for each in own),
                "compared": sum(topic.outcomes[each].compared for each in own),
                "total": len(own),
            }
        found = {
            outcome: sorted(
                (each.place for each in topic.mutants if topic.outcomes[each].state == outcome),
                key=lambda place: (place["line"], place["after"]),
            )
            for outcome in (LIVES, UNDECIDED)
        }
        document = {
            "command": f"{PROVE} {topic.file}",
            "recorded": now(),
            "packages": {each: importlib.metadata.version(each) for each in ("mutmut", "torch")},
            "regions": regions,
            "survivors": found[LIVES],
            "undecided": found[UNDECIDED],
        }
        store.write_mutants(self.root / store.FOLDER, topic.file, document)
        if not found[UNDECIDED]:  # else these alone are tried next time
            forget_progress(self.root, topic.key)


def read_end(workspace: Path) -> dict:
    """What a process has said at its end: how long each test takes, and all took; which failed and how."""
    path = Path(f"{workspace}.json")
    found = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return {"seconds": {}, "took": 0.0, "failed": None, "compared": False} | found


def packages(root: Path) -> set[str]:
    """What Python runs when it imports something of a package, whether or not it is used."""
    project = Project(root)
    folders = (root / "snippets", root / "tests")
    inits = [path for folder in folders for path in folder.rglob("__init__.py")]
    names = {path.relative_to(root).as_posix() for path in inits}
    return names.union(*map(project.reach, names))


def read_progress(root: Path) -> dict[tuple[str, str], Outcome]:
    """(key of the file, mutant) → outcome, from an interrupted run."""
    path = root / PROGRESS
    found = {}
    for line in path.read_text("utf-8").splitlines() if path.exists() else []:
        try:
            entry = json.loads(line)
            found[entry["key"], entry["mutant"]] = Outcome(
                entry["outcome"], entry["compared"], tuple(entry["ran"])
            )
        except (ValueError, KeyError, TypeError):
            continue  # the line that was being written
    return found


def write_progress(root: Path, key: str, mutant: str, outcome: Outcome) -> None:
    entry = {"key": key, "mutant": mutant, "outcome": outcome.state}
    entry |= {"compared": outcome.compared, "ran": outcome.ran}
    with open(root / PROGRESS, "a", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(entry) + "\n")


def forget_progress(root: Path, done: str) -> None:
    """Of a topic that was stored; what is known of others stays for the next run."""
    known = read_progress(root)
    (root / PROGRESS).unlink(missing_ok=True)
    for (key, mutant), outcome in known.items():
        if key != done:
            write_progress(root, key, mutant, outcome)
