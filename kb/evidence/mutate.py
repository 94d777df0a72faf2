"""Proof that the tests can fail: changed copies of a topic's file meet its tests.

Each file of `snippets/` is changed in one place at a time (`kb.evidence.mutants`), and the tests
that ran that place are run against the copy, the fastest first. A mutant that no test notices
survives. One whose process is killed or doesn't end in time is tried again by itself; if that
comes to nothing either, it is undecided. What came of it goes to `evidence/<topic>/mutants.json`,
under the keys of the evidence. Before, the tests must pass with the same code in other words.
"""

import functools
import importlib.metadata
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from kb.evidence import store
from kb.evidence.imports import Project, sha256, shown_in
from kb.evidence.keys import PROOF, SETTINGS
from kb.evidence.mutants import Mutant, exercising, make_mutants, reworded
from kb.evidence.pool import BROKEN_IMPORT, COMPILES, NOTHING_RAN, NOTICED, SURVIVED, Job, Pool, read_end, work
from kb.evidence.record import now
from kb.evidence.regions import read_file
from kb.evidence.store import PROVE
from kb.markdown.engine import BadInput

PROGRESS = ".kb-prove.jsonl"
"""What an interrupted run has found so far."""

LIKELIER = 20
"""How much sooner a test is run that noticed another mutant of the line."""
KILLED, LIVES, UNDECIDED = "killed", "survived", "undecided"


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
    """Seconds for a mutant; 0 until it is known how long the tests take."""
    expected: set[str] = field(default_factory=set)
    """Digests of the references that the tests compare with: one that a mutant changes is made by the
    code that it should judge."""

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

    @property
    def orders(self) -> list[tuple[str, ...]]:
        """In which tests met mutants; one that begins another isn't run by itself."""
        ran = {outcome.ran for outcome in self.outcomes.values() if outcome.ran}
        starts = {each[:length] for each in ran for length in range(1, len(each))}
        return sorted(ran - starts)

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Those that ran it, the fastest first, and earlier those that noticed another in its line;
        where it gives another value, first those that compare with a reference."""
        chosen = exercising(mutant, self.text, self.passed)
        known = self.outcomes.items()
        noticed = {outcome.ran[-1] for other, outcome in known if outcome.ran and other.line == mutant.line}

        def place(id: str) -> tuple[bool, float, str]:
            seconds = self.seconds.get(id, 0.0) / (LIKELIER if id in noticed else 1)
            return mutant.is_value and not self.compares(id), seconds, id

        return sorted(chosen, key=place)

    def compares(self, id: str) -> bool:
        return any(fact["kind"] == "reference" for fact in self.passed[id]["facts"])


class Outcome(NamedTuple):
    """What became of a mutant."""

    state: str
    compared: bool = False
    """Whether a comparison with a reference noticed it, with the same numbers as without it."""
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
                self.work(pool, topics, report)

    def work(self, pool: Pool, topics: list[Topic], report: Callable) -> None:
        work(pool, [self.stages(topic, report) for topic in topics])
        left = [topic for topic in topics if topic.waiting]
        for topic in left:
            for mutant in topic.waiting:
                ids, source = topic.tests_of(mutant), mutant.source.encode()
                code, workspace = pool.alone(topic.file, source, ids, 2 * topic.limit)
                self.settle(topic, mutant, self.outcome(topic, mutant, code, workspace))
                report(topic, mutant)
        work(pool, [self.stages(topic, report) for topic in left])

    def stages(self, topic: Topic, report: Callable) -> Iterator[Iterable[Job]]:
        """Its tests without a mutant, with each of them, and without one in the orders in which they
        met them; then it is stored. Not yet where one is to be tried again by itself."""
        same = reworded(topic.text).encode()
        if not topic.limit:
            ended = functools.partial(self.check_baseline, topic)
            yield [Job(topic.file, same, list(topic.passed), 3600, ended)]
        yield self.meetings(topic, report)
        if topic.waiting:
            return
        orders = ((list(ids), functools.partial(self.check_order, topic, ids)) for ids in topic.orders)
        yield (Job(topic.file, same, ids, topic.limit, ended) for ids, ended in orders)
        self.store(topic)
        report(topic, None)

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

    def check_baseline(self, topic: Topic, code: int, workspace: Path) -> None:
        """The tests must pass with the same code in other words, or kills mean nothing; and how
        long they take."""
        if code != SURVIVED:
            log = Path(f"{workspace}.log").read_text("utf-8", "replace")
            raise BadInput(
                f"snippets/{topic.file} 只换了排版，每个函数多一行不做事的，测试就没有通过"
                f"（进程以 {code} 结束）：它们看的是代码怎样写，不是算出什么；或者不能重复；或者要读的文件"
                "没有被看见，副本里就没有。"
                f"改好测试，提交，再运行 {PROVE} {topic.file}。\n{log[-2000:]}"
            )
        end = read_end(workspace)
        topic.seconds, topic.limit = end["seconds"], 60 + 5 * end["took"]
        topic.expected = {*end["expected"]}

    def meetings(self, topic: Topic, report: Callable) -> Iterator[Job]:
        """Of the mutants that have no outcome yet with their tests."""

        def ended(mutant: Mutant, code: int, workspace: Path) -> None:
            outcome = self.outcome(topic, mutant, code, workspace)
            if outcome.state != UNDECIDED:
                self.settle(topic, mutant, outcome)
                report(topic, mutant)

        for mutant in topic.waiting:
            if ids := topic.tests_of(mutant):
                source = mutant.source.encode()
                yield Job(topic.file, source, ids, topic.limit, functools.partial(ended, mutant))
            else:
                self.settle(topic, mutant, Outcome(LIVES))
                report(topic, mutant)

    def check_order(self, topic: Topic, ids: list[str], code: int, workspace: Path) -> None:
        """The tests that noticed mutants must pass without one, in the order in which they met it:
        some need what another test has left behind, and fail by themselves."""
        if code != SURVIVED:
            raise BadInput(
                f"{read_end(workspace)['failed'] or ids[-1]} 换一个次序、不跟在别的测试后面就通不过，"
                f"没有改错也一样（进程以 {code} 结束），它“发现”的不算。让每一项测试自己准备它要的，提交，再运行 {PROVE} {topic.file}。"
            )

    def outcome(self, topic: Topic, mutant: Mutant, code: int, workspace: Path) -> Outcome:
        if code in (SURVIVED, NOTHING_RAN):  # it may have taken the tests away, and nobody said so
            return Outcome(LIVES)
        if code == NOTICED:
            end = read_end(workspace)
            compared = not topic.expected.isdisjoint(end["differed"])
            return Outcome(KILLED, compared, tuple(end["seconds"]) or tuple(topic.tests_of(mutant)))
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
