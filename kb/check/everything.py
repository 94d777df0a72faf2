"""`kb check`: whether notes are what their authors wrote, none of them private, whether every
embed is verified on CPU and every figure was measured with the code there is; with `--rerun`,
whether what is verified still would be.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from kb.edit.saving import find_original
from kb.evidence import store
from kb.evidence.judge import (
    EQUIVALENT,
    Mutation,
    State,
    complaint,
    judge,
    judge_all,
    read_explanations,
)
from kb.evidence.keys import TESTS
from kb.evidence.regions import read_all
from kb.evidence.store import DEVICES, RECORD
from kb.figures.measured import outdated, read_measured
from kb.intake.journal import is_unfinished
from kb.markdown.engine import BadInput
from kb.notes.any_front_matter import Unreadable
from kb.notes.embedded import LOCK, find_embeds, is_original, lock_bytes, read_lock
from kb.notes.files import write_whole
from kb.notes.private import private_because, removal, typed, withdrawn
from kb.site.pages import missing_pages

MARKDOWN = (".md", ".markdown", ".mdown", ".mkdn", ".mkd")


def check_notes(root: Path) -> list[str]:
    """Whether notes are whole and public and their pages up to date."""
    if is_unfinished(root):
        return ["上一次的 kb 命令没有做完就断了。再运行一次，就补全了。"]
    private = check_private(root)
    return [*check_lock(root), *private, *([] if private else missing_pages(root))]


def check_lock(root: Path) -> list[str]:
    """Notes that aren't as their authors wrote them, aren't locked, or aren't there."""
    lock = read_lock(root)
    notes = {
        path.relative_to(root).as_posix(): path for path in (root / "docs/posts").rglob("*.md")
    }
    problems = [
        f"{LOCK}：{name} 登记了，却没有这个文件。用 git checkout {name} 取回它；"
        f"不要它了，就用 {removal(name)} 撤下。"
        for name in sorted(lock.keys() - notes.keys())
    ]
    for name, path in sorted(notes.items()):
        if name not in lock:
            problems.append(
                f"{name}：没有在 {LOCK} 里登记。用 kb add 添加作者的原文，就登记了；"
                f"它自己就是原文，用 kb save {typed(name)}。"
            )
        elif not is_original(path.read_bytes(), lock[name]):
            _, where = find_original(root, name, lock[name])
            back = f"不要这个改动，{where}" if where else "登记的原文在 git 和备份里都找不到了"
            problems.append(
                f"{name}：去掉嵌入块以后，不是登记的原文。自己改的，用 kb save {typed(name)} 收下；"
                f"{back}；是作者的新版本，用 kb add 添加。"
            )
    return problems


def check_private(root: Path) -> list[str]:
    """Pages below `docs/` that may not be published, whatever tool they were written for."""
    problems = [
        withdrawn(name) for name, entry in sorted(read_lock(root).items()) if entry.get("private")
    ]
    for path in find_pages(root):
        name = path.relative_to(root).as_posix()
        try:
            reason = private_because(path.read_bytes().decode("utf-8"))
        except UnicodeDecodeError:
            problems.append(f"{name}：不是 UTF-8 编码。用作者的原文替换它。")
        except Unreadable as error:
            problems.append(f"{name}:{error.line}：front matter {error.problem}。改正它。")
        else:
            if reason:
                problems.append(
                    f"{name}：front matter 写着 {reason}，是私密的，不能放在 docs/ 里。"
                    "把文件移出 docs/。"
                )
    return problems


def find_pages(root: Path) -> list[Path]:
    """All that is Markdown by its name, also where MkDocs would only copy it to the site."""
    return sorted(
        Path(folder, name)
        for folder, _, names in os.walk(root / "docs")
        for name in names
        if name.lower().endswith(MARKDOWN)
    )


def migrate(root: Path) -> str:
    """Writes the lock in the format of today, losing nothing."""
    new = lock_bytes(read_lock(root))
    if not (root / LOCK).exists() or (root / LOCK).read_bytes() == new:
        return f"{LOCK} 已经是现在的格式。"
    write_whole(root / LOCK, new)
    return f"{LOCK} 换成了现在的格式，登记的内容都在。"


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


def check_figures(root: Path) -> list[str]:
    """Embedded figures that can't be shown, or that were measured with other code."""
    problems = []
    for name, pages in find_embeds(root, "figure").items():
        try:
            problem = outdated(read_measured(root, name))
        except BadInput as error:
            problem = str(error)
        problems += [f"docs/{uri}：{problem}" for uri, _ in pages if problem]
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


def count_states(root: Path) -> dict[str, dict[str, int]]:
    """Device → state → how many pieces of code are in it, the best state first."""
    counts = {}
    for device in DEVICES:
        found = Counter(verdict.state for verdict in judge_all(root, device).values())
        counts[device] = {state.value: found[state] for state in reversed(State) if found[state]}
    return counts


def rerun(root: Path, output: int | None = None) -> list[str]:
    """Records on CPU again, elsewhere, and says how the result differs from `evidence/`.

    `output` is the file descriptor that pytest writes to, None for the usual one.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "--record-evidence", "--device", "cpu", "-q"]
        done = subprocess.run([*command, f"--evidence-dir={folder}"], cwd=root, stdout=output)
        new = store.read(Path(folder), "cpu")
        if new is None:
            raise BadInput(f"重新运行没有写出证据（pytest 以 {done.returncode} 结束），原因见上。")
        old = store.read(root / "evidence", "cpu")
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
