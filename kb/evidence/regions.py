"""Named regions of a snippet file.

    # --8<-- [start:score] 第一步：…
    …
    # --8<-- [end:score]

The text after the start marker is the region's title. The markers are those of
pymdownx.snippets, but the rules are stricter: a region that is unclosed, empty, nested
or defined twice is an error, where pymdownx would show whatever follows.
"""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from kb.evidence.characters import check_characters
from kb.markdown.engine import BadInput

MARKER = re.compile(r"^[ \t]*# --8<-- \[(start|end):([a-z][a-z0-9_]*)\](.*)$")
LOOKS_LIKE_MARKER = re.compile(r"^[ \t]*#\s*-+8<-")


@dataclass(frozen=True)
class Region:
    name: str
    title: str
    first: int
    """1-based number of the first line after the start marker."""
    text: str
    """The lines between the markers, as they are, each with its line end."""

    @property
    def last(self) -> int:
        return self.first + self.text.count("\n") - 1


def read_regions(path: Path, shown_as: str) -> dict[str, Region]:
    """The regions of a snippet file, by name, in the order of the file.

    `shown_as` is the path that messages use. Raises BadInput where the markers don't
    pair up.
    """
    regions: dict[str, Region] = {}
    opened: Region | None = None  # its text not yet known
    lines = read_text(path, shown_as).split("\n")
    for number, line in enumerate(lines, 1):
        here = f"{shown_as}:{number}"
        marker = MARKER.match(line)
        if marker is None:
            if LOOKS_LIKE_MARKER.match(line):
                raise BadInput(
                    f"{here}：这个区域标记看不懂：{line.strip()!r}。"
                    "应写成 # --8<-- [start:名字] 标题 或 # --8<-- [end:名字]，"
                    "名字用小写字母、数字和下划线，以字母开头。"
                )
            continue
        kind, name, rest = marker.group(1), marker.group(2), marker.group(3).strip()
        if kind == "start":
            if opened is not None:
                raise BadInput(
                    f"{here}：区域 {opened.name}（第 {opened.first - 1} 行开始）还没有结束，"
                    f"区域 {name} 就开始了。先写 # --8<-- [end:{opened.name}]。"
                )
            if name in regions:
                raise BadInput(
                    f"{here}：区域 {name} 在第 {regions[name].first - 1} 行已经有了，"
                    "一个文件里区域不能重名。给其中一个改名。"
                )
            if not rest:
                raise BadInput(
                    f"{here}：区域 {name} 没有标题。在标记后面写一句中文标题："
                    f"# --8<-- [start:{name}] 标题。"
                )
            opened = Region(name, title=rest, first=number + 1, text="")
        else:
            if opened is None or opened.name != name:
                instead = f"正打开的区域是 {opened.name}" if opened else "没有打开的区域"
                raise BadInput(
                    f"{here}：区域 {name} 在这里结束，但{instead}。"
                    f"补上 # --8<-- [start:{name}] 标题，或改正名字。"
                )
            text = "".join(line + "\n" for line in lines[opened.first - 1 : number - 1])
            if not text.strip():
                raise BadInput(
                    f"{shown_as}:{opened.first - 1}：区域 {name} 是空的。"
                    "在两个标记之间写上代码，或删去标记。"
                )
            regions[name] = replace(opened, text=text)
            opened = None
    if opened is not None:
        raise BadInput(
            f"{shown_as}:{opened.first - 1}：区域 {opened.name} 没有结束。"
            f"在它的最后一行之后写 # --8<-- [end:{opened.name}]。"
        )
    return regions


def list_files(root: Path) -> list[str]:
    """The snippet files, as embeds name them."""
    folder = root / "snippets"
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))
    return sorted(file for file in found if file.split("/")[-1] != "__init__.py")


def is_file(root: Path, file: object) -> bool:
    """Whether it is one of them, without listing them all."""
    return is_code(root / "snippets", file)


def is_code(folder: Path, name: object) -> bool:
    """Whether a folder holds this file of code, spelt as it is also where case makes no difference."""
    parts = name.split("/") if isinstance(name, str) else [""]
    if not parts[-1].endswith(".py") or parts[-1] == "__init__.py" or {"", ".", ".."} & {*parts}:
        return False
    for part in parts:
        if not folder.is_dir() or part not in os.listdir(folder):
            return False
        folder /= part
    return folder.is_file()


def read_all(root: Path) -> dict[str, Region]:
    """Everything that a note can embed: `file.py`, whole, and each `file.py:name`."""
    found = {}
    for file in list_files(root):
        found |= read_file(root, file)
    return found


def read_file(root: Path, file: str) -> dict[str, Region]:
    """What a note can embed of `snippets/<file>`."""
    path, shown_as = root / "snippets" / file, f"snippets/{file}"
    found = {file: Region("", title="完整文件", first=1, text=read_text(path, shown_as))}
    for name, region in read_regions(path, shown_as).items():
        found[f"{file}:{name}"] = region
    return found


def read_text(path: Path, shown_as: str) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
        check_characters(text, shown_as)
        return text
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadInput(f"{shown_as}:{line}：不是 UTF-8 编码。用编辑器另存为 UTF-8。") from None
