"""`kb check`: whether every embed is verified on CPU; with `--rerun`, whether it still would be."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from kb import evidence
from kb.engine import BadInput
from kb.evidence import DEVICES, RECORD
from kb.judge import (
    EQUIVALENT,
    Mutation,
    State,
    complaint,
    judge,
    judge_all,
    read_explanations,
)
from kb.keys import TESTS
from kb.notes import find_embeds
from kb.regions import read_all


def check_embeds(root: Path) -> list[str]:
    """What is wrong, a line each. Raises BadInput where snippets can't be read."""
    regions = read_all(root)
    problems = []
    for name, pages in find_embeds(root).items():
        if name.startswith(f"{TESTS}/"):
            continue
        for uri, _ in pages:
            if name not in regions:
                problems.append(
                    f"docs/{uri}：snippets/ 里没有 {name}。现有：{'、'.join(regions)}。"
                )
                continue
            for device in DEVICES:
                verdict = judge(root, device, name, regions[name].text)
                unverified = device == "cpu" and verdict.state is not State.VERIFIED
                if unverified or verdict.broken:
                    problems.append(f"docs/{uri}：{complaint(verdict)}")
    return problems


def check_explanations(root: Path) -> list[str]:
    """Explanations of mutants that there are no more, or that a test kills by now."""
    survivors: dict[str, list[dict]] = {}
    for name, verdict in judge_all(root, "cpu").items():
        if isinstance(mutation := verdict.mutation, Mutation):
            survivors[name] = [
                *mutation.unexplained,
                *(survivor for survivor, _ in mutation.explained),
            ]
    return [
        f"evidence/{EQUIVALENT}：{file} 的 {before!r} 改成 {after!r}，"
        "已经不在没有发现的变异里。删去这一项。"
        for file, before, after in read_explanations(root / "evidence")
        if file in survivors
        and (before, after) not in [(each["before"], each["after"]) for each in survivors[file]]
    ]


def totals(root: Path) -> list[str]:
    lines = []
    for device, words in DEVICES.items():
        states = [verdict.state for verdict in judge_all(root, device).values()]
        counts = [
            f"{states.count(state)} 段{state.value}" for state in reversed(State) if state in states
        ]
        lines.append(f"{words}：{'，'.join(counts)}")
    return lines


def rerun(root: Path) -> list[str]:
    """Records on CPU again, elsewhere, and says how the result differs from `evidence/`."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "--record-evidence", "--device", "cpu", "-q"]
        done = subprocess.run([*command, f"--evidence-dir={folder}"], cwd=root)
        new = evidence.read(Path(folder), "cpu")
        if new is None:
            raise BadInput(f"重新运行没有写出证据（pytest 以 {done.returncode} 结束），原因见上。")
        old = evidence.read(root / "evidence", "cpu")
        if old is None:
            raise BadInput(f"没有 evidence/cpu.json，无从比较。先记录：{RECORD}")
        for name in ("mutation.json", EQUIVALENT):  # these are not run again
            if (root / "evidence" / name).exists():
                shutil.copy(root / "evidence" / name, folder)
        states = [
            {name: verdict.state.value for name, verdict in judge_all(root, "cpu", where).items()}
            for where in (root / "evidence", Path(folder))
        ]
    keys = [
        {name: region["key"] for name, region in each["regions"].items()} for each in (old, new)
    ]
    outcomes = [{id: test["outcome"] for id, test in each["tests"].items()} for each in (old, new)]
    return [
        f"{what} {name}：记录的是{before.get(name, '没有')}，重新运行得到{after.get(name, '没有')}"
        for what, (before, after) in (("内容键", keys), ("测试", outcomes), ("状态", states))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
