"""What is known of a note besides what it says: which tool's collection it is from, what its file
is called, when git saw it first.

| kind | is a folder with |
|---|---|
| hexo | `source/_posts`, or `_config.yml` and `scaffolds` |
| hugo | `content` and `hugo.toml`, `config.toml`, `archetypes` or `themes` |
| zola | `content` and `templates` |
| jekyll | `_posts` |
| obsidian | `.obsidian` |
| vuepress | `.vuepress` or `.vitepress` |
| mkdocs | `mkdocs.yml` |
"""

import re
import subprocess
from functools import lru_cache
from pathlib import Path

from kb.notes.times import HOME, read_moment

DAY = re.compile(r"(\d{4})[-_.]?(\d{2})[-_.]?(\d{2})(?=\D|$)[-_. ]*")
BUNDLES = ("index", "_index", "readme")
"""Files that are called like this stand for their folder."""
HIGHEST = 6
"""How many folders above a note its collection may begin."""


@lru_cache(maxsize=256)
def kind_of(folder: Path) -> str:
    """The tool whose collection a folder is, "" where there is none to be seen."""

    def has(*names: str) -> bool:
        return any((folder / name).exists() for name in names)

    if has("source/_posts") or (has("_config.yml") and has("scaffolds")):
        return "hexo"
    if has("content") and has("hugo.toml", "hugo.yaml", "config.toml", "config/_default", "archetypes"):
        return "zola" if has("templates") and not has("archetypes", "layouts") else "hugo"
    if has("_posts"):
        return "jekyll"
    if has(".obsidian"):
        return "obsidian"
    if has(".vuepress", ".vitepress"):
        return "vuepress"
    return "mkdocs" if has("mkdocs.yml") else ""


def collection_of(note: Path, given: Path) -> tuple[Path, str]:
    """The folder that the note's collection is, as its tool sees it, and which tool that is.

    `given` is the folder that was asked for, which may be within it.
    """
    for folder in [given.absolute(), *given.absolute().parents][:HIGHEST]:
        if kind := kind_of(folder):
            return folder, kind
    return given, ""


def name_in(note: Path) -> tuple[str, str]:
    """The title that the name of a file stands for, and the day in it; "" where there is none."""
    stem = note.parent.name if note.stem.lower() in BUNDLES else note.stem
    stem = stem.encode("utf-8", "replace").decode()  # a name in another encoding
    found = DAY.match(stem)
    day = "-".join(found.groups()) if found else ""
    if not read_moment(day, HOME):
        return stem, ""
    return stem[found.end() :] or stem, day


def first_commit(note: Path) -> str:
    """When the file came into git, "" where it isn't there."""
    try:
        return history(Path(note.parent.resolve())).get(note.name, "")
    except OSError:
        return ""


@lru_cache(maxsize=4096)
def history(folder: Path) -> dict[str, str]:
    """Of a folder, each file's name → when git saw it first."""
    top = run(folder, "rev-parse", "--show-toplevel").strip()
    if not top or run(folder, "rev-parse", "--is-shallow-repository").strip() == "true":
        return {}
    below = folder.relative_to(Path(top).resolve()).as_posix()
    return all_history(Path(top)).get(below, {})


@lru_cache(maxsize=8)
def all_history(top: Path) -> dict[str, dict[str, str]]:
    """Folder below the top → name → when it came."""
    log = run(top, "log", "--reverse", "--diff-filter=A", "--format=%x01%aI", "--name-only", "-z")
    found: dict[str, dict[str, str]] = {}
    when = ""
    for part in re.split(r"[\0\n]+", log):
        if part.startswith("\x01"):
            when = part[1:]
        elif part:
            folder, _, name = part.rpartition("/")
            found.setdefault(folder or ".", {}).setdefault(name, when)
    return found


def run(folder: Path, *arguments: str) -> str:
    """What git says; "" where it can't."""
    command = ["git", "-c", "core.quotePath=false", *arguments]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
