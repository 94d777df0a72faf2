"""The pictures that lie beside a note on its author's disk, and come along with it."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from kb.addresses import find_addresses
from kb.engine import BadInput
from kb.files import reason
from kb.links import ON_ONE_MACHINE, is_elsewhere
from kb.originals import Original
from kb.places import find_on_disk, place

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".bmp", ".avif", ".ico")
LARGEST = 20 * 2**20
"""Bytes."""


class Pictures:
    """Those of the notes of one call."""

    def __init__(self, root: Path):
        self.root = root
        self.sources: dict[str, Path] = {}
        """Name of each below the root of the project → the file that it came from."""

    def find(self, original: Original, note: str) -> tuple[dict[str, bytes], list[str]]:
        """Name → bytes of those that belong beside `note`; a remark for each that can't come.

        Raises BadInput where another picture, which isn't this note's alone, is in place.
        """
        found: dict[str, bytes] = {}
        remarks = []
        for address, line in pictures_of(original):
            here = f"{original.source}:{line}：图片 {unquote(address)}"
            try:
                if located := self.locate(original.source, note, address):
                    name, file = located
                    found[name] = file.read_bytes()
                    self.check_clash(here, name, note, file, found[name])
            except OSError as error:
                remarks.append(f"{here} 读不到（{reason(error)}），没有带来。")
            except CannotCome as why:
                remarks.append(f"{here} {why}")
        return found, remarks

    def locate(self, source: Path, note: str, address: str) -> tuple[str, Path] | None:
        """Its name and the author's file; None where it isn't ours to bring.

        Raises CannotCome, which says why.
        """
        if ON_ONE_MACHINE.match(address):
            raise CannotCome("是作者电脑上的路径，网页上看不到。")
        if is_elsewhere(address) or address.startswith("#"):
            return None
        file = find_on_disk(source, address)
        where = place(note.removeprefix("docs/"), address)
        if file is None:
            raise CannotCome("找不到，没有带来。")
        if where is None or not self.is_inside(f"docs/{where}"):
            raise CannotCome("指到了站点外面，没有带来。")
        if file.suffix.lower() not in PICTURES:
            raise CannotCome(f"不是图片（{'、'.join(PICTURES)}），没有带来。")
        if file.stat().st_size > LARGEST:
            raise CannotCome(f"超过 {LARGEST >> 20} MB，没有带来。")
        return f"docs/{where}", file

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


class CannotCome(Exception):
    """Why a picture stays where it is."""


def pictures_of(original: Original) -> Iterator[tuple[str, int]]:
    """Address and line of every picture, the cover first."""
    if isinstance(cover := original.meta.get("index_img"), str) and cover.strip():
        lines = original.text.split("\n")
        yield cover, next((n for n, line in enumerate(lines, 1) if "index_img" in line), 1)
    for address in find_addresses(original.text):
        if address.is_picture:
            yield address.target, address.line
