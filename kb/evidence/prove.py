"""`kb prove`: what is due is recorded and mutated, and nothing else.

A topic is due to be recorded where its evidence isn't of the code as it is now, and its mutants
where they met another. Both are stored topic by topic, so an interrupted run goes on where it was.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.util import find_spec
from pathlib import Path

from kb.evidence import store
from kb.evidence.judge import Due, Judge
from kb.evidence.record import record
from kb.evidence.regions import list_files
from kb.evidence.store import DEVICES
from kb.markdown.engine import BadInput


def choose(
    root: Path, files: list[str], device: str, everything: bool, shard: tuple[int, int]
) -> list[Due]:
    """What to do, in order of the topics' names.

    Raises BadInput where one that is asked for isn't there.
    """
    known = list_files(root)
    if missing := sorted(set(files) - set(known)):
        raise BadInput(f"snippets/ 里没有 {'、'.join(missing)}。现有：{'、'.join(known) or '（空）'}。")
    if everything:
        found = [Due(file, True, device == "cpu", "--all") for file in known]
    else:
        found = Judge(root).due(device)
    found = [each for each in found if not files or each.file in files]
    number, of = shard
    return [each for each in found if known.index(each.file) % of == number - 1]


NEEDED = ("torch", "pytest", "mutmut")
"""What proving needs beyond reading."""


def check_installed() -> None:
    """Raises BadInput where this environment has only what reading needs."""
    if lacking := [name for name in NEEDED if find_spec(name) is None]:
        raise BadInput(
            f"证明要用的 {'、'.join(lacking)} 没有装在这个 Python 里：{sys.executable}。运行 "
            'python -m pip install -c constraints.txt -e ".[test]"，再运行一次。'
        )


def record_all(
    root: Path,
    todo: list[Due],
    device: str,
    jobs: int,
    report: Callable[[str, str | None], None],
    folder: Path | None = None,
) -> list[str]:
    """Records these topics, several side by side; returns those that it did.

    `report` hears of each, with the reason where it is none. `folder` takes the evidence instead
    of `evidence/`.
    """
    done = []
    at_once = max(1, min(jobs, len(todo)))
    threads = max(1, (os.cpu_count() or 1) // at_once)
    with tempfile.TemporaryDirectory(prefix="kb-prove-") as bytecode:
        with ThreadPoolExecutor(at_once) as pool:
            running = {
                pool.submit(record, root, each.file, device, Path(bytecode), threads): each.file
                for each in todo
            }
            try:
                for future in as_completed(running):
                    file = running[future]
                    try:
                        store.write_run(folder or root / store.FOLDER, file, future.result())
                    except BadInput as refusal:
                        report(file, str(refusal))
                    else:
                        done.append(file)
                        report(file, None)
            except KeyboardInterrupt:
                pool.shutdown(cancel_futures=True)
                raise
    return done


def tidy(root: Path) -> Iterator[str]:
    """Takes away the evidence of the first format, and of topics that there are no more."""
    folder = root / store.FOLDER
    for name in store.OLD:
        if (folder / name).is_file():
            (folder / name).unlink()
            yield f"{store.FOLDER}/{name}：从前的格式，删去了"
    topics = {store.topic(file) for file in list_files(root)}
    for path in sorted(folder.glob("**/*.json")):
        topic = path.parent.relative_to(folder).as_posix()
        if topic not in topics and path.stem in (*DEVICES, store.MUTANTS, store.FLOW):
            path.unlink()
            with contextlib.suppress(OSError):  # somebody's own file lies there
                path.parent.rmdir()
            yield f"{path.relative_to(root).as_posix()}：没有 snippets/{topic}.py 了，删去了"


def passed(root: Path, files: list[str]) -> list[str]:
    """Those whose tests all passed: mutants of the others would prove nothing."""
    folder = root / store.FOLDER
    found = []
    for file in files:
        run = store.read_run(folder, file, "cpu")
        if run and all(test["outcome"] != "failed" for test in run["tests"].values()):
            found.append(file)
    return found
