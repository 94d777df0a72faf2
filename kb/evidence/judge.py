"""What the evidence amounts to: one state for each embed and device.

The first that fits:

| state | means |
|---|---|
| 未运行 untested | no evidence names this region on this device |
| 已过期 stale | evidence exists, its key is another |
| 未通过 failed | one of its tests failed |
| 部分验证 partial | body lines not run, a test skipped, no comparison with a reference, or surviving mutants unexplained |
| 已验证 verified | none of the above |
"""

import functools
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

import yaml

from kb.evidence import store
from kb.evidence.keys import content_key, read_inputs
from kb.evidence.lines import expand
from kb.evidence.regions import list_files, read_all
from kb.evidence.store import DEVICES, RECORD
from kb.markdown.engine import BadInput

EQUIVALENT = "equivalent.yml"


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
    explained: list[tuple[dict, str]]
    """Survivors that can't be noticed, each with the reason."""
    unexplained: list[dict]


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
        path = f"snippets/{self.name.partition(':')[0]}"
        ran = frozenset().union(*(expand(test["ran"][path]) for test in self.proving.values()))
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


def judge(
    root: Path,
    device: str,
    name: str,
    shown: str,
    inputs: dict[str, str] | None = None,
    folder: Path | None = None,
) -> Verdict:
    """The verdict on the region `name` as it is shown to the reader.

    `inputs` is what the claim stands on, where that has been read already. `folder` holds the
    evidence: `evidence/`, unless it says otherwise.
    """
    folder = folder or root / "evidence"
    inputs = inputs or read_inputs(root, name.partition(":")[0])
    key = content_key(name, shown, inputs)
    try:
        run = store.read(folder, device)
    except BadInput as problem:
        return Verdict(name, device, State.UNTESTED, [str(problem)], key, broken=True)
    if run is None:
        return Verdict(name, device, State.UNTESTED, [f"还没有在 {DEVICES[device]} 上运行过"], key)
    region = run["regions"].get(name)
    if region is None:
        return Verdict(name, device, State.UNTESTED, ["上次记录时还没有这段代码"], key)
    if region["key"] != key:
        return Verdict(name, device, State.STALE, [changes(run, inputs)], key)

    path = f"snippets/{name.partition(':')[0]}"
    body = expand(region["body"])
    tests = {
        id: test for id, test in run["tests"].items() if id.partition("::")[0] in region["modules"]
    }
    proving = {
        id: test
        for id, test in tests.items()
        if test["outcome"] == "passed"
        and test["facts"]
        and body & expand(test["ran"].get(path, ""))
    }
    gaps = []
    try:
        mutation = read_mutation(folder, name, key)
    except BadInput as problem:
        mutation = "读不出"
        gaps.append(str(problem))
    verdict = Verdict(
        name, device, State.VERIFIED, [], key, run, tests, proving, mutation, broken=bool(gaps)
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
    if isinstance(mutation, Mutation) and mutation.unexplained:
        gaps.append(f"{len(mutation.unexplained)} 个变异没有被测试发现，也没有解释，见 kb mutate")
    return replace(verdict, state=State.PARTIAL, reasons=gaps) if gaps else verdict


def complaint(verdict: Verdict) -> str:
    """What is wrong with an embed, and how to mend it."""
    state = f"{verdict.name} 在 {DEVICES[verdict.device]} 上{verdict.state.value}"
    if verdict.broken:
        return f"{state}。{'；'.join(verdict.reasons)}"
    first = "" if verdict.state in (State.UNTESTED, State.STALE) else "改好代码或测试，"
    return f"{state}（{'；'.join(verdict.reasons)}）。{first}提交以后重新记录：{RECORD}"


def judge_all(root: Path, device: str, folder: Path | None = None) -> dict[str, Verdict]:
    """The verdict on everything in `snippets/`, as it stands in the files."""
    inputs = {file: read_inputs(root, file) for file in list_files(root)}
    return {
        name: judge(root, device, name, region.text, inputs[name.partition(":")[0]], folder)
        for name, region in read_all(root).items()
    }


def changes(run: dict, inputs: dict[str, str]) -> str:
    """What differs from what was recorded."""
    differ = sorted(path for path, digest in inputs.items() if run["inputs"].get(path) != digest)
    gone = sorted(
        path for path in run["inputs"] if path not in inputs and not path.startswith("snippets/")
    )
    words = [f"{'、'.join(differ)} 改了"] if differ else []
    words += [f"{'、'.join(gone)} 没有了"] if gone else []
    return f"{run['recorded'][:10]} 记录以后，{'，'.join(words) or '显示的代码不同了'}"


def read_mutation(folder: Path, name: str, key: str) -> Mutation | str:
    document = store.read(folder, "mutation", kind="mutation")
    explanations = read_explanations(folder)
    region = document["regions"].get(name) if document else None
    if region is None:
        return "未运行"
    if region["key"] != key:
        return "已过期"
    explained, unexplained = [], []
    for survivor in region["survivors"]:
        place = (name.partition(":")[0], survivor["before"], survivor["after"])
        if why := explanations.get(place):
            explained.append((survivor, why))
        else:
            unexplained.append(survivor)
    return Mutation(region["killed"], region["total"], explained, unexplained)


def read_explanations(folder: Path) -> dict[tuple[str, str, str], str]:
    """(file, line before, line after) → why no test can tell the two apart."""
    path = folder / EQUIVALENT
    return (
        parse_explanations(path.read_bytes(), f"{folder.name}/{EQUIVALENT}")
        if path.exists()
        else {}
    )


@functools.lru_cache(maxsize=8)
def parse_explanations(data: bytes, shown_as: str) -> dict[tuple[str, str, str], str]:
    expected = "每一项要有 file、before、after、why，都是文字"
    try:
        found = {}
        for entry in yaml.safe_load(data.decode("utf-8")) or []:
            file, before, after, why = (
                entry[part].strip() for part in ("file", "before", "after", "why")
            )
            found[file, before, after] = why
        return found
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise BadInput(f"{shown_as}:{line}：不是正确的 YAML。{expected}。") from None
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError):
        raise BadInput(f"{shown_as}：内容不对。{expected}。") from None
