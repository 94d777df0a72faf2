"""What the evidence amounts to: one state for each embed and device.

The first that fits:

| state | means |
|---|---|
| 未运行 untested | no evidence names this region on this device |
| 已过期 stale | evidence exists, its key is another |
| 未通过 failed | one of its tests failed |
| 部分验证 partial | body lines not run, a test skipped, no comparison with a reference; or its own mutants not run, or not all noticed or explained |
| 已验证 verified | none of the above |
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from kb.evidence import store
from kb.evidence.explanations import digest_for, place_of, read_explanations
from kb.evidence.imports import Project
from kb.evidence.keys import GONE, content_key, read_inputs
from kb.evidence.lines import expand
from kb.evidence.regions import read_all, read_text
from kb.evidence.store import DEVICES, PROVE
from kb.markdown.engine import BadInput

DUE = ("未运行", "已过期")
"""What mutants say that have not been run."""
UNREADABLE = "读不出"
COARSE = {"bfloat16", "float16"}
"""In another than these, it has to be compared."""
NEW = "上次记录时还没有这段代码"


class State(Enum):
    UNTESTED = "未运行"
    STALE = "已过期"
    FAILED = "未通过"
    PARTIAL = "部分验证"
    VERIFIED = "已验证"


@dataclass(frozen=True)
class Mutation:
    """How many changed copies of the code the tests noticed."""

    killed: int
    total: int
    compared: int
    """How many of the killed a comparison with a reference noticed."""
    explained: list[tuple[dict, str]]
    """Survivors that can't be noticed, each with the reason."""
    unexplained: list[dict]
    undecided: list[dict]


@dataclass(frozen=True)
class Verdict:
    name: str
    """`file.py:name`, or `file.py`."""
    device: str
    state: State
    reasons: list[str]
    """Why it isn't verified."""
    key: str
    run: dict | None = None
    """The whole evidence of the device; None unless it is about this very code."""
    tests: dict[str, dict] = field(default_factory=dict)
    """The region's tests, by id."""
    proving: dict[str, dict] = field(default_factory=dict)
    """Those among them that passed, asserted something and ran its lines."""
    mutation: Mutation | str = "未运行"
    """Or why there is none."""
    broken: bool = False
    """Whether a file of evidence can't be read."""

    @property
    def skipped(self) -> dict[str, dict]:
        return {
            id: test for id, test in self.tests.items() if test["outcome"] in ("skipped", "missing")
        }

    @property
    def missed(self) -> list[int]:
        """Statements in the region's functions that no proving test ran."""
        ran = frozenset().union(*(expand(test["ran"]) for test in self.proving.values()))
        return sorted(expand(self.run["regions"][self.name]["body"]) - ran)

    @functools.cached_property
    def errors(self) -> dict[tuple[str, str], dict]:
        """(reference, dtype) → the largest errors measured."""
        found: dict[tuple[str, str], dict] = {}
        for test in self.proving.values():
            for fact in test["facts"]:
                if fact["kind"] == "reference" and "absolute" in fact:
                    known = found.setdefault((fact["name"], fact["dtype"]), {})
                    for error in fact.keys() & {"absolute", "relative"}:
                        known[error] = max(fact[error], known.get(error, 0.0))
        return found

    @functools.cached_property
    def dtypes(self) -> list[str]:
        seen = {fact.get("dtype") for test in self.proving.values() for fact in test["facts"]}
        return [dtype for dtype in ("float64", "float32", "bfloat16", "float16") if dtype in seen]


@dataclass(frozen=True)
class Due:
    """What a topic needs, before all of it can be verified."""

    file: str
    record: bool
    mutate: bool
    why: str


class Judge:
    """Judges what the files of a base say now, each read once.

    `folder` holds the evidence: `evidence/`, unless it says otherwise.
    """

    def __init__(self, root: Path, folder: Path | None = None):
        self.project = Project(root)
        self.folder = folder or root / store.FOLDER
        self.claims: dict[tuple[str, str], dict[str, str]] = {}
        self.said: set[str] = set()
        """What a build has warned of, for all its pages."""

    def inputs(self, file: str, run: dict | None, device: str) -> dict[str, str]:
        """What claims about the file stand on: also what its run was seen to read."""
        if (file, device) not in self.claims:
            seen = run["inputs"] if run else ()
            self.claims[file, device] = read_inputs(self.project, file, seen)
        return self.claims[file, device]

    def judge(self, device: str, name: str, shown: str) -> Verdict:
        """The verdict on the region `name` as it is shown to the reader."""
        file = name.partition(":")[0]
        try:
            run, problem = store.read_run(self.folder, file, device), None
        except BadInput as error:
            run, problem = None, str(error)
        inputs = self.inputs(file, run, device)
        key = content_key(name, shown, inputs)
        if problem:
            return Verdict(name, device, State.UNTESTED, [problem], key, broken=True)
        if run is None:
            return self.without_run(device, name, key)
        region = run["regions"].get(name)
        if region is None:
            return Verdict(name, device, State.UNTESTED, [NEW], key)
        if region["key"] != key:
            return Verdict(name, device, State.STALE, [changes(run, inputs)], key)
        return self.conclude(device, name, shown, key, run)

    def without_run(self, device: str, name: str, key: str) -> Verdict:
        if device == "cpu" and store.is_old(self.folder):
            return Verdict(name, device, State.STALE, ["证据是从前的格式"], key)
        words = f"还没有在 {DEVICES[device]} 上运行过"
        return Verdict(name, device, State.UNTESTED, [words], key)

    def conclude(self, device: str, name: str, shown: str, key: str, run: dict) -> Verdict:
        body, tests = expand(run["regions"][name]["body"]), run["tests"]
        proving = {
            id: test
            for id, test in tests.items()
            if test["outcome"] == "passed" and test["facts"] and body & expand(test["ran"])
        }
        gaps, broken = [], False
        try:
            mutation = self.mutation(name, shown)
        except BadInput as problem:
            mutation, broken = UNREADABLE, True
            gaps.append(str(problem))
        verdict = Verdict(
            name, device, State.VERIFIED, [], key, run, tests, proving, mutation, broken
        )
        if failed := [id for id, test in tests.items() if test["outcome"] == "failed"]:
            return replace(
                verdict, state=State.FAILED, reasons=[f"{len(failed)} 项测试没有通过：{failed[0]}"]
            )
        if verdict.skipped:
            gaps.append(f"{len(verdict.skipped)} 项测试没有运行：{next(iter(verdict.skipped))}")
        if missed := verdict.missed:
            gaps.append(f"没有测试检验过第 {'、'.join(map(str, missed))} 行")
        if not body:
            gaps.append("没有函数体，没有什么可以验证")
        elif not verdict.errors:
            gaps.append("没有与参考实现比较过")
        elif not {dtype for _, dtype in verdict.errors} - COARSE:
            gaps.append("只在半精度里与参考实现比较过，百分之几的错也看不出来")
        elif not run["regions"][name].get("own"):
            gaps.append(
                "比较的都不是它自己返回的值，是别的函数用它算出来的；"
                "写一个 assert_agrees(它(…), …)"
            )
        elif all(errors.get("relative") is None for errors in verdict.errors.values()):
            gaps.append("比较的参考值都是零，或者小得像舍入误差，差多少倍看不出来")
        if not broken:
            gaps += doubts(mutation)
        return replace(verdict, state=State.PARTIAL, reasons=gaps) if gaps else verdict

    def mutation(self, name: str, shown: str) -> Mutation | str:
        """How the region's mutants fared. They met the tests on the CPU."""
        file = name.partition(":")[0]
        run = store.read_run(self.folder, file, "cpu")
        key = content_key(name, shown, self.inputs(file, run, "cpu"))
        document = store.read_mutants(self.folder, file)
        region = document["regions"].get(name) if document else None
        if region is None:
            return "未运行"
        if region["key"] != key:
            return "已过期"
        explanations = read_explanations(self.folder, file)
        first, last = region["lines"]
        survivors, undecided = (
            [each for each in document[kind] if first <= each["line"] <= last]
            for kind in ("survivors", "undecided")
        )
        source = self.source(file) if explanations else ""
        explained, unexplained = [], []
        for survivor in survivors:
            said = explanations.get(place_of(survivor))
            if said and said.of == digest_for(source, survivor["function"]):
                explained.append((survivor, said.why))
            else:
                unexplained.append(survivor)
        counts = region["killed"], region["total"], region.get("compared", 0)
        return Mutation(*counts, explained, unexplained, undecided)

    def source(self, file: str) -> str:
        return read_text(self.project.root / "snippets" / file, f"snippets/{file}")

    def all(self, device: str) -> dict[str, Verdict]:
        """The verdict on everything in `snippets/`, as it stands in the files."""
        return {
            name: self.judge(device, name, region.text)
            for name, region in read_all(self.project.root).items()
        }


    def due(self, device: str = "cpu") -> list[Due]:
        """The topics that aren't proven as they are now, each with the reason."""
        verdicts: dict[str, list[Verdict]] = {}
        for name, verdict in self.all(device).items():
            verdicts.setdefault(name.partition(":")[0], []).append(verdict)
        found = []
        for file, judged in verdicts.items():
            old = [each for each in judged if each.state in (State.UNTESTED, State.STALE)]
            late = [each for each in judged if each.mutation in (*DUE, UNREADABLE)]
            if old:
                words = f"{DEVICES[device]} 上{old[0].state.value}：{old[0].reasons[0]}"
                found.append(Due(file, True, device == "cpu", words))
            elif device == "cpu" and (words := self.undrawn(file, judged)):
                found.append(Due(file, True, bool(late), words))
            elif device == "cpu" and late and judged[0].state is not State.FAILED:
                found.append(Due(file, False, True, f"变异测试{late[0].mutation}"))
            elif device == "cpu" and (count := max(map(undecided, judged))):
                found.append(Due(file, False, True, f"{count} 处改错没有定论"))
        return found

    def undrawn(self, file: str, judged: list[Verdict]) -> str:
        """Why the topic's diagrams aren't of the code as it is, "" where they are."""
        try:
            document = store.read_flows(self.folder, file)
        except BadInput:
            return f"数据流图{UNREADABLE}"
        if document is None:
            return "数据流图还没有"
        keys = {verdict.name: verdict.key for verdict in judged}
        fresh = all(flow["key"] == keys.get(name) for name, flow in document["flows"].items())
        return "" if fresh else "数据流图已过期"


def undecided(verdict: Verdict) -> int:
    """How many mutants of a region are to be tried again."""
    return len(verdict.mutation.undecided) if isinstance(verdict.mutation, Mutation) else 0


def doubts(mutation: Mutation | str) -> Iterator[str]:
    """Why the mutants don't show that the tests would notice."""
    if not isinstance(mutation, Mutation):
        yield f"变异测试{mutation}"
    elif not mutation.total:
        yield "这段代码里没有可以改错的地方，测试会不会发现错误就不知道"
    else:
        if not mutation.compared:
            yield "没有一处改错是与参考实现比较时发现的，比较的是不是这段代码算出的值就不知道"
        if mutation.unexplained:
            yield f"{len(mutation.unexplained)} 处改错没有被测试发现，也没有解释"
        if mutation.undecided:
            yield f"{len(mutation.undecided)} 处改错没有定论：测试的进程被杀死，或者没有按时结束"


def needs_a_word(verdict: Verdict) -> bool:
    """Whether the builder of a site hears of it: not 已验证 on CPU, or evidence that is broken."""
    return verdict.broken or (verdict.device == "cpu" and verdict.state is not State.VERIFIED)


def complaint(verdict: Verdict, what: str = "") -> str:
    """What is wrong, and how to mend it; with the whole file, where nothing in it stands better.

    `what` says of what else it is so too.
    """
    file = verdict.name.partition(":")[0]
    alone = verdict.reasons == [NEW] or (
        verdict.state is State.PARTIAL and verdict.reasons != [f"变异测试{verdict.mutation}"]
    )
    what = what or f"{verdict.name if alone else file} "
    state = f"{what}在 {DEVICES[verdict.device]} 上{verdict.state.value}"
    if verdict.broken:
        return f"{state}。{'；'.join(verdict.reasons)}"
    due = verdict.state in (State.UNTESTED, State.STALE) or verdict.mutation in DUE
    first = "" if due else "改好代码或测试，"
    return f"{state}（{'；'.join(verdict.reasons)}）。{first}提交以后运行：{PROVE}"


def judge_all(root: Path, device: str, folder: Path | None = None) -> dict[str, Verdict]:
    """The verdict on everything in `snippets/`, as it stands in the files."""
    return Judge(root, folder).all(device)


def changes(run: dict, inputs: dict[str, str]) -> str:
    """What differs from what was recorded."""
    known = run["inputs"]
    differ = sorted(path for path in inputs if known.get(path) not in (None, inputs[path]))
    new = sorted(path for path in inputs if path not in known)
    gone = [path for path in differ if inputs[path] == GONE]
    words = []
    for paths, what in (
        ([path for path in differ if path not in gone], "改了"),
        (new, "是后来的"),
        (gone, "没有了"),
    ):
        if paths:
            words.append(f"{'、'.join(paths)} {what}")
    return f"{run['recorded'][:10]} 记录以后，{'，'.join(words) or '显示的代码不同了'}"
