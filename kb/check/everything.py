"""`kb check`: whether notes are what their authors wrote, none of them private, whether every
embed is verified on CPU and every figure was measured with the code there is; with `--rerun`,
whether what is verified still would be.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from kb.edit.saving import find_original
from kb.evidence import store
from kb.evidence.embeds import check_note
from kb.evidence.explanations import EQUIVALENT, digest_for, place_of, read_explanations
from kb.evidence.judge import (
    Due,
    Judge,
    Mutation,
    State,
    Verdict,
    complaint,
    needs_a_word,
)
from kb.evidence.keys import TESTS
from kb.evidence.prove import check_installed, record_all
from kb.evidence.refuse import git
from kb.evidence.regions import list_files, read_all
from kb.evidence.store import DEVICES, FOLDER, topic
from kb.figures.flows import is_flow, outdated_flow, read_flow
from kb.figures.measured import outdated, read_measured
from kb.intake.journal import is_unfinished
from kb.markdown.engine import BadInput
from kb.markdown.settings import FILE, read_settings
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
    pages = [] if private else missing_pages(root)
    return [*check_lock(root), *private, *pages, *check_navigation(root)]


def check_navigation(root: Path) -> list[str]:
    """Entries of `nav` that lead to no page."""
    return [
        f"{FILE}：导航里的 {name}，docs/ 里没有这一页。改正它，或者删去这一行。"
        for name in read_settings(root).nav
        if name.endswith(MARKDOWN) and "://" not in name and not (root / "docs" / name).is_file()
    ]


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


def check_embeds(root: Path, judge: Judge) -> list[str]:
    """What is wrong, a line for what has one cause. Raises BadInput where snippets can't be read."""
    regions = read_all(root)
    problems, found = check_embeds_stand_well(root), []
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
                verdict = judge.judge(device, name, regions[name].text)
                if needs_a_word(verdict):
                    found.append((uri, verdict))
    return problems + list(gather(found))


def gather(found: list[tuple[str, Verdict]]) -> Iterator[str]:
    """What many embeds lack for one reason is one line."""
    alike: dict[tuple, list[tuple[str, Verdict]]] = {}
    for uri, verdict in found:
        cause = (verdict.device, verdict.state, tuple(verdict.reasons), verdict.broken)
        alike.setdefault(cause, []).append((uri, verdict))
    for group in alike.values():
        pages = list(dict.fromkeys(f"docs/{uri}" for uri, _ in group))
        where = "、".join(pages[:3]) + (f" 等 {len(pages)} 页" if len(pages) > 3 else "")
        names = list(dict.fromkeys(verdict.name for _, verdict in group))
        what = f"{names[0]} 等 {len(names)} 段代码" if len(names) > 1 else f"{names[0]} "
        yield f"{where}：{complaint(group[0][1], what)}"


def check_embeds_stand_well(root: Path) -> list[str]:
    problems = []
    for path in find_pages(root):
        if b".embed" in (data := path.read_bytes()):
            try:
                check_note(data, path.relative_to(root).as_posix())
            except BadInput as error:
                problems.append(str(error))
            except UnicodeDecodeError:
                pass  # which `check_private` says
    return problems


def check_figures(root: Path, judge: Judge) -> list[str]:
    """Embedded figures that can't be shown, or that are of other code than there is."""
    problems = []
    for name, pages in find_embeds(root, "figure").items():
        try:
            if is_flow(name):
                problem = outdated_flow(read_flow(judge, name))
            else:
                problem = outdated(read_measured(root, name))
        except BadInput as error:
            problem = str(error)
        problems += [f"docs/{uri}：{problem}" for uri, _ in pages if problem]
    return problems


def check_explanations(root: Path, judge: Judge) -> list[str]:
    """Explanations of mutants that there are no more, that a test kills by now, or of a function that
    reads otherwise by now.
    """
    problems = []
    for file, verdict in judge.all("cpu").items():
        if ":" in file or not isinstance(mutation := verdict.mutation, Mutation):
            continue
        left = [*mutation.unexplained, *mutation.undecided, *(each for each, _ in mutation.explained)]
        places = {place_of(each) for each in left}
        for place, said in read_explanations(root / FOLDER, file).items():
            entry = f"{FOLDER}/{topic(file)}/{EQUIVALENT}：{place[0]} 里的 {place[1]!r} 改成 {place[2]!r}，"
            if place not in places:
                problems.append(f"{entry}已经不在没有发现的改错里。删去这一项。")
            elif said.of != (of := digest_for(judge.source(file), place[0])):
                changed = "说的是这个函数从前的样子" if said.of else "没有写 of"
                problems.append(f"{entry}{changed}，不算数。看过仍然等价，就写上 of: '{of}'；不等价，删去这一项。")
    return problems


def count_states(judge: Judge) -> dict[str, dict[str, int]]:
    """Device → state → how many pieces of code are in it, the best state first."""
    counts = {}
    for device in DEVICES:
        found = Counter(verdict.state for verdict in judge.all(device).values())
        counts[device] = {state.value: found[state] for state in reversed(State) if found[state]}
    return counts


def rerun(root: Path, everything: bool, since: str | None, report: Callable[[str], None]) -> list[str]:
    """Proves again on CPU, elsewhere, and says how the result differs from `evidence/`.

    Only topics that a change touches, those whose inputs or evidence differ from what they were
    in the commit `since`; all of them with `everything`. Mutants aren't run again.
    """
    files = list_files(root) if everything else touched(root, since)
    report(f"再运行 {len(files)} 个文件的测试：{'、'.join(files) or '这次改动没有碰到哪个'}。")
    problems = []
    if files:
        check_installed()
    with tempfile.TemporaryDirectory() as folder:
        todo = [Due(file, True, False, "--rerun") for file in files]

        def recorded(file: str, problem: str | None) -> None:
            if problem:
                problems.append(f"{file} 没有再运行成：{problem}")

        record_all(root, todo, "cpu", os.cpu_count() or 1, recorded, Path(folder))
        for file in files:
            old = store.read_run(root / FOLDER, file, "cpu")
            new = store.read_run(Path(folder), file, "cpu")
            if old is None:
                problems.append(f"没有 {FOLDER}/{topic(file)}/cpu.json，无从比较。先运行 kb prove。")
            elif new is not None:
                problems += differences(old, new)
    return problems


def touched(root: Path, since: str | None) -> list[str]:
    """The topics that something in the last commits has to do with; all where git can't say."""
    base = since or next(filter(None, (resolves(root, each) for each in DEFAULTS)), None)
    if base is None:
        return list_files(root)
    changed = set(filter(None, git(root, "diff", "--name-only", "-z", "--relative", base)))
    found = []
    for file in list_files(root):
        run = store.read_run(root / FOLDER, file, "cpu")
        rests_on = set(run["inputs"]) if run else set()
        rests_on |= {"pyproject.toml", f"{FOLDER}/{topic(file)}/cpu.json", f"snippets/{file}"}
        if run and rests_on & changed:
            found.append(file)
    return found


DEFAULTS = ("origin/HEAD", "origin/main", "HEAD^")
"""What a change is held against, the first that there is and that isn't the commit itself."""


def resolves(root: Path, name: str) -> str | None:
    try:
        (found,) = git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        (head,) = git(root, "rev-parse", "HEAD")
    except BadInput:
        return None
    return found.strip() if found.strip() != head.strip() else None


def differences(old: dict, new: dict) -> list[str]:
    """How a run of the same topic differs from the one on record."""
    keys = [{name: each["key"] for name, each in run["regions"].items()} for run in (old, new)]
    outcomes = [{id: each["outcome"] for id, each in run["tests"].items()} for run in (old, new)]
    return [
        f"{what} {name}：记录的是{before.get(name, '没有')}，重新运行得到{after.get(name, '没有')}"
        for what, (before, after) in (("内容键", keys), ("测试", outcomes))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
