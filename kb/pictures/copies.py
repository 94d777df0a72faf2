"""The site's own copies of pictures from other servers, and the lock that lists them.

A copy is `docs/assets/pictures/<hash>.<type>`, its name the beginning of the SHA-256 of what is in
it; smaller ones stand beside it, `<hash>-640.webp`. `pictures.lock.json` has a line for each
address, in the order of the addresses, so that two branches are merged by taking the lines of both:

    {
    "https://a.example/1.png": {"file": "….png", "bytes": 9, "sha256": "…", "date": "2024-03-01", "width": 4, "height": 3, "smaller": [640]},
    "format": 1
    }

An SVG that says no size has no width and height. The files may lie outside git: what has a line and
no file is shown as if it had none.
"""

import json
import re
from collections.abc import Collection, Iterable, Set
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from kb.markdown.engine import BadInput
from kb.notes.files import write_whole

FOLDER = "assets/pictures"
"""Below `docs/`."""
LOCK = "pictures.lock.json"
FORMAT = 1
NAME = re.compile(r"[0-9a-f]{32}(-[0-9]+)?\.(png|jpg|gif|webp|avif|bmp|svg)")
"""What is ours in that folder."""


@dataclass(frozen=True)
class Copy:
    file: str
    """Its name in `FOLDER`."""
    bytes: int
    sha256: str
    date: str
    """The day it was fetched."""
    width: int | None = None
    """Pixels."""
    height: int | None = None
    smaller: tuple[int, ...] = ()
    """How wide the smaller copies are, in pixels."""

    def uri(self, width: int | None = None) -> str:
        """Path below `docs/`, of a smaller one too."""
        name = self.file if width is None else f"{self.file.partition('.')[0]}-{width}.webp"
        return f"{FOLDER}/{name}"

    @property
    def uris(self) -> list[str]:
        return [self.uri(), *map(self.uri, self.smaller)]


def name_of(sha256: str, ending: str) -> str:
    return f"{sha256[:32]}.{ending}"


def read_copies(root: Path) -> dict[str, Copy]:
    """Address → what the lock says of its copy. Raises BadInput where it is damaged."""
    try:
        return parse_lock((root / LOCK).read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadInput(f"{LOCK}：读不到（{error.strerror}）。") from None


def parse_lock(data: bytes) -> dict[str, Copy]:
    remedy = f"。用 git checkout {LOCK} 取回提交的那一份，或者删去它，再运行 kb pictures。"
    try:
        document = json.loads(data.decode("utf-8"))
        number = document.pop("format", FORMAT)
        copies = {address: copy_of(entry) for address, entry in document.items()}
    except json.JSONDecodeError as error:
        raise BadInput(f"{LOCK}:{error.lineno}：不是完整的 JSON{remedy}") from None
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise BadInput(f"{LOCK}：应是图片的网址 → file、bytes、sha256、date，内容不对{remedy}") from None
    if number != FORMAT:
        raise BadInput(f"{LOCK}：格式是 {number}，这里的 kb 只认得 {FORMAT}。换成新版的 kb。")
    return copies


def copy_of(entry: dict) -> Copy:
    """Raises ValueError and TypeError where it is none: what it names may be deleted one day."""
    copy = Copy(**entry | {"smaller": tuple(entry.get("smaller", ()))})
    numbers = [copy.bytes, *copy.smaller, *(each for each in (copy.width, copy.height) if each is not None)]
    words = (copy.file, copy.sha256, copy.date)
    if not all(type(each) is int and each > 0 for each in numbers) or not all(type(each) is str for each in words):
        raise TypeError
    if not NAME.fullmatch(copy.file):
        raise ValueError
    return copy


def lock_bytes(copies: dict[str, Copy]) -> bytes:
    lines = (
        f"{json.dumps(address, ensure_ascii=False)}: {json.dumps(entry_of(copy), ensure_ascii=False)},\n"
        for address, copy in sorted(copies.items())
    )
    return f'{{\n{"".join(lines)}"format": {FORMAT}\n}}\n'.encode()


def entry_of(copy: Copy) -> dict:
    return {key: value for key, value in asdict(copy).items() if value not in (None, ())}


def forget(root: Path, addresses: Set[str], folder: Path | None, kept: Collection[str]) -> None:
    """Takes lines out of the lock; those of `kept` go to a lock in `folder`. Raises OSError."""
    copies = read_copies(root)
    gone = {address: copies.pop(address) for address in addresses & copies.keys()}
    if folder is not None:
        write_whole(folder / LOCK, lock_bytes({each: copy for each, copy in gone.items() if each in kept}))
    write_whole(root / LOCK, lock_bytes(copies))


def recall(root: Path, folder: Path) -> None:
    """Brings back what `forget` put there. Raises OSError."""
    if back := read_copies(folder):
        write_whole(root / LOCK, lock_bytes(back | read_copies(root)))


def shown_copies(root: Path) -> dict[str, Copy]:
    """Those whose files are there, for pages: the lock and the folder are read once for all."""
    states = []
    for path in (root / LOCK, root / "docs" / FOLDER):
        try:
            stat = path.stat()
        except OSError:
            return {}
        states += [stat.st_mtime_ns, stat.st_size, stat.st_ino]
    return _shown(root, *states)


@lru_cache(maxsize=4)
def _shown(root: Path, *state: int) -> dict[str, Copy]:
    there = set(files_in(root))
    return {
        address: Copy(**vars(copy) | {"smaller": tuple(each for each in copy.smaller if copy.uri(each) in there)})
        for address, copy in read_copies(root).items()
        if copy.uri() in there
    }


def files_in(root: Path) -> list[str]:
    """Our files in the folder, below `docs/`."""
    folder = root / "docs" / FOLDER
    names = (path.name for path in folder.iterdir()) if folder.is_dir() else ()
    return sorted(f"{FOLDER}/{name}" for name in names if NAME.fullmatch(name))


def unused(root: Path, kept: Iterable[Copy]) -> list[str]:
    """Our files that none of these copies has."""
    wanted = {uri for copy in kept for uri in copy.uris}
    return [uri for uri in files_in(root) if uri not in wanted]
