"""The Markdown files that `kb add` is pointed at: files, folders, whole Hexo blogs.

Hexo leaves out names that begin with `_` or `.`, save `_posts`, and so does this. Drafts
are found as well, so that they can be counted among those that were held back.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from kb.notes.files import reason

DRAFTS = "_drafts"


@dataclass
class Found:
    files: dict[Path, Path] = field(default_factory=dict)
    """Each note, with the folder of the collection that it is in."""
    problems: list[tuple[Path, str]] = field(default_factory=list)
    """What can't be taken in, and why."""
    remarks: list[str] = field(default_factory=list)
    passed_over: list[Path] = field(default_factory=list)
    """Notes and folders whose names begin with `_`."""


def find_sources(paths: Iterable[Path]) -> Found:
    """Every note below `paths`, each once, in the order of `paths` and then of names."""
    found = Found()
    for path in paths:
        if os.path.isdir(path):  # unlike Path.is_dir, False where the name is too long
            blog = path / "source" / "_posts"
            folders = [blog, blog.with_name(DRAFTS)] if blog.is_dir() else [path]
            if not sum(walk(folder, path, found) for folder in filter(Path.is_dir, folders)):
                found.problems.append((path, "这个文件夹里没有笔记（.md 文件）。检查路径。"))
        elif path.suffix.lower() != ".md" and os.path.exists(path):
            found.problems.append((path, "不是 .md 文件。笔记是 UTF-8 的 Markdown 文件。"))
        else:
            found.files.setdefault(path, path.parent)
    if found.passed_over:
        few = "、".join(map(str, found.passed_over[:5]))
        rest = f" 等 {len(found.passed_over)} 个" if len(found.passed_over) > 5 else ""
        found.remarks.append(f"{few}{rest}：名字以 _ 开头，没有收。要收的，改个名字。")
    unique = {os.path.realpath(path): path for path in reversed(found.files)}
    first = set(unique.values())
    found.files = {path: folder for path, folder in found.files.items() if path in first}
    return found


def walk(top: Path, collection: Path, found: Found) -> int:
    """Adds what lies below `top`, and says how much. Ends, whatever symbolic links there are."""
    before = len(found.problems)
    notes = 0
    seen = {identity(top)}

    def is_new(folder: Path) -> bool:
        if folder.is_symlink() and identity(folder) in seen:
            found.remarks.append(f"{folder}：符号链接指回已经走过的文件夹，没有再进去。")
            return False
        seen.add(identity(folder))
        return True

    def refuse(error: OSError) -> None:
        found.problems.append((Path(error.filename), f"读不到这个文件夹（{reason(error)}）。"))

    for name, folders, files in os.walk(top, onerror=refuse, followlinks=True):
        here = Path(name)
        found.passed_over += [
            here / each
            for each in sorted((*folders, *files))
            if each.startswith("_") and not is_wanted(each) and (each in folders or is_markdown(each))
        ]
        folders[:] = sorted(each for each in folders if is_wanted(each) and is_new(here / each))
        for file in sorted(filter(is_wanted, files)):
            path = here / file
            if is_markdown(file):
                found.files.setdefault(path, collection)
                notes += 1
            elif path.is_symlink() and not path.exists():
                found.remarks.append(f"{path}：符号链接断了，或绕成了圈，没有跟着它走。")
    return notes + len(found.problems) - before


def is_markdown(name: str) -> bool:
    return name.lower().endswith(".md")


def is_wanted(name: str) -> bool:
    return name in ("_posts", DRAFTS) or not name.startswith(("_", "."))


def identity(folder: Path) -> tuple[int, int]:
    stat = folder.stat()
    return stat.st_dev, stat.st_ino


def is_draft(path: Path) -> bool:
    """Whether Hexo would count it among the drafts, wherever it was started from.

    It is one too where a symbolic link leads to one.
    """
    parts = (*path.absolute().parts, *Path(os.path.realpath(path)).parts)
    return any(part.lower() == DRAFTS for part in parts)
