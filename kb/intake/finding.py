"""Where the files that a note shows lie on its author's disk.

| the note says | looked for |
|---|---|
| `x.png`, `img/x.png` | beside the note, in its folder `<name>/`, in the folders above it up to that of the collection |
| `/img/x.png` | below the `typora-root-url` of the note, from each of those folders, and from what a tool publishes at its root there: `static/` (Hugo), `source/` (Hexo), `public/` (VitePress), `assets/` |
| any of them, where there is none | the one file in the collection that is called so, and lies in folders of those names, as Obsidian finds it |
"""

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath

from kb.intake.fitting import same
from kb.intake.known import collection_of
from kb.intake.originals import Original
from kb.intake.sources import DRAFTS
from kb.markdown.places import path_of
from kb.notes.library import text_of

AT_ROOT = (
    "", "static", "source", "public", "assets", ".vuepress/public", "downloads/code", "source/downloads/code"
)
"""Below a folder, what a tool publishes as if it lay in its site's root."""
PASSED_OVER = {"node_modules", "public", "_site", "resources", DRAFTS}
"""Folders that hold what a tool made, or mustn't be seen."""
MOST = 200_000
"""Files of a collection that are looked through for a name."""


class Several(Exception):
    """Files of one name, where a note says no more than the name."""


def find_file(original: Original, address: str) -> Path | None:
    """The author's file, None where there is none. Raises Several."""
    path = path_of(address)
    source, root = original.source, root_of(original)
    base = text_of(original.meta.get("typora-root-url"))
    for candidate in candidates(source, root, path, base):
        if is_file(candidate):
            return candidate
    wanted = PurePosixPath(same(os.path.normpath(path.lstrip("/")).replace(os.sep, "/")))
    names = [part for part in wanted.parts if part not in ("..", ".")]
    if not names:
        return None
    found = [file for file in named(root, names[-1]) if ends_with(file, names)]
    if len(found) > 1:
        few = "、".join(str(file.relative_to(root)) for file in found[:3])
        raise Several(f"有 {len(found)} 个文件叫这个名字（{few}），不知道是哪一个，没有带来。写上文件夹。")
    return found[0] if found else None


def root_of(original: Original) -> Path:
    """The folder of the collection, as its tool sees it; that of MkDocs publishes no more than it was
    given.
    """
    folder, kind = collection_of(original.source, original.collection)
    return original.collection if kind == "mkdocs" else folder


def candidates(source: Path, root: Path, path: str, base: str) -> Iterator[Path]:
    relative = path.lstrip("/")
    if path.startswith("/"):
        yield source.parent / base / relative
    else:
        yield source.parent / path
        yield source.with_suffix("") / path
    for folder in source.absolute().parents:
        for below in AT_ROOT:
            yield folder / below / relative
        if str(folder) == os.path.abspath(root):
            return


def is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or holds a NUL
        return False


def named(root: Path, name: str) -> tuple[Path, ...]:
    return files_below(root).get(name, ())


def ends_with(file: Path, names: list[str]) -> bool:
    return [same(part) for part in file.parts[-len(names) :]] == names


@lru_cache(maxsize=4)
def files_below(root: Path) -> dict[str, tuple[Path, ...]]:
    """Name as all systems tell it apart → the files of that name; nothing where there are too many."""
    found: dict[str, list[Path]] = {}
    number = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            each for each in folders if not each.startswith(".") and each.lower() not in PASSED_OVER
        )
        for file in sorted(files):
            number += 1
            found.setdefault(same(file), []).append(Path(folder, file))
        if number > MOST:
            return {}
    return {name: tuple(paths) for name, paths in found.items()}
