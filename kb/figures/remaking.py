"""Figures that are quick to make and always come out the same: `kb prove` makes them anew where the
code that they stand on has changed.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from kb.figures.measured import FOLDER, changes, parse
from kb.markdown.engine import BadInput

COMMAND = re.compile(r"python -m [\w.]+( [\w.=-]+)*")


def due_figures(root: Path) -> dict[str, str]:
    """File → the command that makes it, of those that are stale. Raises BadInput."""
    found = {}
    for path in sorted((root / FOLDER).glob("*.json")):
        name = path.relative_to(root).as_posix()
        document = parse(path.read_bytes(), name)
        if document.get("remake") and changes(root, document["inputs"]):
            found[name] = document["command"]
    return found


def remake(root: Path, name: str, command: str) -> None:
    """Raises BadInput where it can't be made."""
    if not COMMAND.fullmatch(command):
        raise BadInput(f"{name}：{command!r} 不是 python -m 的命令，没有运行。")
    done = subprocess.run(
        [sys.executable, *shlex.split(command)[1:]],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        raise BadInput(f"{name}：{command} 没有做成：{done.stdout[-600:].strip()}")
