"""The pictures that lie beside a note on its author's disk, and come along with it."""

import os
import posixpath
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from kb.intake.fitting import PICTURES, name_problem, same, svg_problem
from kb.intake.originals import Original
from kb.intake.sources import is_draft
from kb.markdown.engine import BadInput
from kb.markdown.links import ON_ONE_MACHINE, is_elsewhere
from kb.markdown.places import find_on_disk, place
from kb.notes.addresses import find_addresses
from kb.notes.any_front_matter import Unreadable
from kb.notes.files import reason
from kb.notes.private import private_because

LARGEST = 20 * 2**20
"""Bytes."""
OF_A_NOTE = (".assets", "_files", ".files", ".resources", "_resources", "_images", "-images")
"""What Typora and others put behind the name of a note, and call a folder of its pictures so."""
MARKDOWN = (".md", ".markdown", ".mkd", ".mkdn", ".mdown", ".mdx", ".qmd", ".rmd")


class Pictures:
    """Those of the notes of one call."""

    def __init__(self, root: Path):
        self.root = root
        self.sources: dict[str, Path] = {}
        """Name of each below the root of the project → the file that it came from."""
        self.spelt: dict[str, str] = {}
        """Names as all systems tell them apart → as they were spelt first."""
        self.folders: set[str] = set()
        """Those whose files are among them."""

    def find(self, original: Original, note: str) -> tuple[dict[str, bytes], list[str]]:
        """Name → bytes of those that belong beside `note`; a remark for each that can't come.

        Raises BadInput where another picture, which isn't this note's alone, is in place.
        """
        found: dict[str, bytes] = {}
        remarks = []
        for address, line in pictures_of(original.text, original.meta):
            here = f"{original.source}:{line}：图片 {printable(unquote(address))}"
            try:
                if located := self.locate(original, note, address):
                    name, file = located
                    found[name] = self.read(name, file)
                    self.check_clash(here, name, note, file, found[name])
            except OSError as error:
                remarks.append(f"{here} 读不到（{reason(error)}），没有带来。")
            except CannotCome as why:
                remarks.append(f"{here} {why}")
        return found, remarks

    def locate(self, original: Original, note: str, address: str) -> tuple[str, Path] | None:
        """Its name and the author's file; None where it isn't ours to bring.

        Raises CannotCome, which says why.
        """
        if ON_ONE_MACHINE.match(address):
            raise CannotCome("是作者电脑上的路径，网页上看不到。")
        if is_elsewhere(address) or address.startswith("#"):
            return None
        file = find_on_disk(original.source, address)
        where = place(note.removeprefix("docs/"), address)
        if file is None:
            raise CannotCome("找不到，没有带来。")
        if where is None or not self.is_inside(f"docs/{where}"):
            raise CannotCome("指到了站点外面，没有带来。")
        if file.suffix.lower() not in PICTURES:
            raise CannotCome(f"不是图片（{'、'.join(PICTURES)}），没有带来。")
        if problem := name_problem(where):
            raise CannotCome(problem)
        if leaves(file, original):
            raise CannotCome("是符号链接，指到了笔记的文件夹外面，没有带来。")
        if is_draft(file) or is_of_private(file, original):
            raise CannotCome("是草稿或私密的笔记的，没有带来。")
        return f"docs/{where}", file

    def read(self, name: str, file: Path) -> bytes:
        """Raises OSError, and CannotCome where there is too much in it, or what would run."""
        if file.stat().st_size > LARGEST:
            raise CannotCome(f"超过 {LARGEST >> 20} MB，没有带来。")
        data = file.read_bytes()
        if name.lower().endswith(".svg") and (problem := svg_problem(data)):
            raise CannotCome(problem)
        if (first := self.first_spelling(name)) != name:
            raise CannotCome(
                f"与 {first} 只差大小写，在 Windows 和 macOS 上是同一个文件，没有带来。"
            )
        return data

    def first_spelling(self, name: str) -> str:
        """The name that some system takes for the same, in this call or on the disk; else this."""
        folder, last = posixpath.split(name)
        if folder != "docs" and (first := self.first_spelling(folder)) != folder:
            return f"{first}/{last}"
        if folder not in self.folders:
            self.folders.add(folder)
            there = self.root / folder
            for each in sorted(os.listdir(there)) if there.is_dir() else ():
                self.spelt.setdefault(same(f"{folder}/{each}"), f"{folder}/{each}")
        return self.spelt.setdefault(same(name), name)

    def is_inside(self, name: str) -> bool:
        """Whether it is below docs/, symbolic links followed."""
        return (self.root / name).resolve().is_relative_to((self.root / "docs").resolve())

    def check_clash(self, here: str, name: str, note: str, file: Path, data: bytes) -> None:
        target = self.root / name
        first = self.sources.setdefault(name, file)
        if name.startswith(f"{note.removesuffix('.md')}/") or not target.exists():
            return
        if target.read_bytes() != data:
            whose = f"，来自 {first}" if first != file else ""
            raise BadInput(
                f"{here} 要放在 {name}，那里已经有另一张不同的图{whose}，别的笔记也可能用着它。"
                f"如果是同一张图的新版本，把 {name} 移走，再添加；否则把其中一张改名。"
            )


def leaves(file: Path, original: Original) -> bool:
    """Whether symbolic links lead it out of the collection and of what it shares with the note."""
    real = Path(os.path.realpath(file))
    return not any(real.is_relative_to(folder) for folder in folders_of(file, original))


def is_of_private(file: Path, original: Original) -> bool:
    """Whether it is in the folder of a note, other than this one, that is private."""
    ends, note = folders_of(file, original), Path(os.path.realpath(original.source))
    for folder in Path(os.path.realpath(file)).parents:
        if folder in ends:
            break
        if any(owner != note and is_private(owner) for owner in owners(folder)):
            return True
    return False


def folders_of(file: Path, original: Original) -> list[Path]:
    """Where a note may take pictures from: the lowest folder with both, and the collection."""
    both = [os.path.abspath(path.parent) for path in (file, original.source)]
    return [Path(os.path.realpath(path)) for path in (os.path.commonpath(both), original.collection)]


def owners(folder: Path) -> list[Path]:
    """The notes that a folder of pictures may belong to: beside it in Hexo and Typora, within it
    in Hugo.
    """
    names = {same(folder.name), *(same(folder.name).removesuffix(end) for end in OF_A_NOTE)}
    return [
        path
        for where, stems in ((folder.parent, names), (folder, {"index", "_index"}))
        if where.is_dir()
        for path in notes_in(where, where.stat().st_mtime_ns)
        if same(path.stem) in stems
    ]


@lru_cache(maxsize=64)
def notes_in(folder: Path, changed: int) -> tuple[Path, ...]:
    """Remembered until the folder has changed."""
    try:
        return tuple(path for path in folder.iterdir() if path.suffix.lower() in MARKDOWN)
    except OSError:
        return ()


def is_private(note: Path) -> bool:
    try:
        return private_because(note.read_bytes().decode("utf-8")) is not None
    except OSError:  # there is none
        return False
    except (Unreadable, UnicodeDecodeError):
        return True


def printable(text: str) -> str:
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


class CannotCome(Exception):
    """Why a picture stays where it is."""


def pictures_of(text: str, meta: dict) -> Iterator[tuple[str, int]]:
    """Address and line of every picture of a note, the cover first."""
    if isinstance(cover := meta.get("index_img"), str) and cover.strip():
        lines = text.split("\n")
        yield cover, next((n for n, line in enumerate(lines, 1) if "index_img" in line), 1)
    for address in find_addresses(text):
        if address.is_picture:
            yield address.target, address.line
