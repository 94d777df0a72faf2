"""The pictures that lie beside a note on its author's disk, and come along with it; and what else
it leads to there that a reader may open or save."""

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from kb.intake.finding import Several, find_file, root_of
from kb.intake.fitting import ATTACHMENTS, PICTURES, TEXTS, name_problem, same, svg_problem
from kb.intake.originals import Original
from kb.intake.sources import is_draft
from kb.markdown.links import ON_ONE_MACHINE, is_elsewhere
from kb.markdown.places import own_place, path_of, place
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

        One goes to the folder of the note where another is in its place.
        """
        found: dict[str, bytes] = {}
        remarks = []
        for address, line, what in files_of(original.text, original.meta):
            here = f"{original.source}:{line}：{what.word} {printable(unquote(address))}"
            try:
                if file := self.locate(original, address, what):
                    name, data = self.placed(note, address, file, found)
                    found[name] = data
            except OSError as error:
                remarks.append(f"{here} 读不到（{reason(error)}），没有带来。")
            except CannotCome as why:
                remarks.append(f"{here} {why}")
        return found, remarks

    def locate(self, original: Original, address: str, what: "What") -> Path | None:
        """The author's file; None where it isn't ours to bring.

        Raises CannotCome, which says why.
        """
        if what is LINK and (ON_ONE_MACHINE.match(address) or not what.takes(address)):
            return None
        if ON_ONE_MACHINE.match(address):
            raise CannotCome("是作者电脑上的路径，网页上看不到。")
        if is_elsewhere(address) or address.startswith("#"):
            return None
        try:
            file = find_file(original, address)
        except Several as why:
            raise CannotCome(str(why)) from None
        if file is None:
            if what is LINK:  # a page of the blog, maybe; `kb check` says what leads nowhere
                return None
            raise CannotCome("找不到，没有带来。")
        if not what.takes(file.name):
            raise CannotCome(f"不是{what.word}（{'、'.join(what.endings)}），没有带来。")
        if leaves(file, original):
            raise CannotCome("是符号链接，指到了笔记的文件夹外面，没有带来。")
        if what is not PICTURE and is_outside(file, original):
            raise CannotCome("在这些笔记的文件夹外面，没有带来。")
        if is_draft(file) or is_of_private(file, original):
            raise CannotCome("是草稿或私密的笔记的，没有带来。")
        return file

    def placed(self, note: str, address: str, file: Path, found: dict[str, bytes]) -> tuple[str, bytes]:
        """Where it goes, and its bytes. Raises OSError and CannotCome."""
        uri = note.removeprefix("docs/")
        problem = "指到了站点外面，没有带来。"
        for where in dict.fromkeys((place(uri, address), own_place(uri, address))):
            if where is None or not self.is_inside(f"docs/{where}"):
                continue
            if said := name_problem(where):
                problem = said
                continue
            name = f"docs/{where}"
            data = self.read(name, file)
            if self.is_free(name, note, file, data, found):
                return name, data
            problem = f"要放在 {name}，那里是另一个文件，没有带来。改个名字。"
        raise CannotCome(problem)

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

    def is_free(self, name: str, note: str, file: Path, data: bytes, found: dict[str, bytes]) -> bool:
        """Whether a file may have that place: the note's own files are replaced by newer ones."""
        if name in found:
            return found[name] == data
        target = self.root / name
        if self.sources.setdefault(name, file) == file and (is_own(name, note) or not target.exists()):
            return True
        return target.is_file() and target.read_bytes() == data


def is_own(name: str, note: str) -> bool:
    return name.startswith(f"{note.removesuffix('.md')}/")


def is_outside(file: Path, original: Original) -> bool:
    real = Path(os.path.realpath(file))
    return not real.is_relative_to(os.path.realpath(root_of(original)))


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


@dataclass(frozen=True)
class What:
    """What an address is for."""

    word: str
    endings: tuple[str, ...]

    def takes(self, name: str) -> bool:
        return path_of(name).lower().endswith(self.endings)


PICTURE = What("图片", PICTURES)
LINK = What("附件", ATTACHMENTS)
FILE = What("代码文件", TEXTS)


def files_of(text: str, meta: dict) -> Iterator[tuple[str, int, What]]:
    """Address, line and use of every file that a note has, the cover first."""
    if isinstance(cover := meta.get("index_img"), str) and cover.strip():
        lines = text.split("\n")
        yield cover, next((n for n, line in enumerate(lines, 1) if "index_img" in line), 1), PICTURE
    kinds = {"img": PICTURE, "include": FILE}
    for address in find_addresses(text):
        if address.target:
            yield address.target, address.line, kinds.get(address.tag, LINK)
