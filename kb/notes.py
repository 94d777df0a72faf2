"""Notes as bytes: embeds go in between the author's lines and come out again whole.

An embed is four lines, the last one empty:

    ``` {.python .embed}
    --8<-- "file.py:region"
    ```

A measured figure is embedded the same way: `{.figure .embed}`, `"file.json:name"`.

`notes.lock.json` holds length and SHA-256 of each note as its author wrote it.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from kb.engine import BadInput

OPENS_EMBED = re.compile(r"``` \{\.(python|figure) \.embed")
"""A line that begins so opens an embed; an author's note may not have one."""

EMBED_FIRST = {kind: f"``` {{.{kind} .embed}}" for kind in ("python", "figure")}
"""How an embed opens that shows code, or a figure."""
EMBED_MIDDLE = re.compile(r'--8<-- "(?P<target>[^"\r\n]*)"')
EMBED_LAST = "```"

_EMBED = re.compile(
    rf"^``` \{{\.(?P<kind>{'|'.join(EMBED_FIRST)}) \.embed\}}(?P<end>\r?\n)"
    rf"{EMBED_MIDDLE.pattern}(?P=end){EMBED_LAST}(?P=end)(?P=end)".encode(),
    re.MULTILINE,
)
FRONT_MATTER = re.compile(
    r"\ufeff?---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
"""As MkDocs reads it; a note that Windows' Notepad has saved may begin with a byte order mark."""


def without_embeds(note: bytes) -> bytes:
    """The note with every embed and the empty line after it taken out.

    Where an embed stands at the end of a note whose last line had no line end, that
    line keeps the one it was given; `is_original` knows the length and allows for it.
    """
    return _EMBED.sub(b"", note)


@dataclass(frozen=True)
class Embed:
    kind: str
    """`python` or `figure`."""
    target: str
    """What it shows: `file.py:region`."""
    position: int
    """Where it stands among the bytes of the note without embeds."""


def list_embeds(note: bytes) -> list[Embed]:
    found, removed = [], 0
    for match in _EMBED.finditer(note):
        kind, target = match["kind"].decode(), match["target"].decode()
        found.append(Embed(kind, target, match.start() - removed))
        removed += match.end() - match.start()
    return found


def embed_bytes(embed: Embed, end: bytes) -> bytes:
    """The lines of an embed, the empty one after it too; `end` ends each."""
    lines = (EMBED_FIRST[embed.kind], f'--8<-- "{embed.target}"', EMBED_LAST, "")
    return b"".join(line.encode() + end for line in lines)


def fingerprint(original: bytes) -> dict[str, int | str]:
    return {"bytes": len(original), "sha256": hashlib.sha256(original).hexdigest()}


def is_original(note: bytes, locked: dict[str, int | str]) -> bool:
    """Whether the note without its embeds is what its author wrote, byte for byte."""
    author = without_embeds(note)
    *_, last = [None, *_EMBED.finditer(note)]
    if last and last.end() == len(note) and author[locked["bytes"] :] == last["end"]:
        author = author[: locked["bytes"]]
    return fingerprint(author) == locked


def front_matter(note: str, loader: type = yaml.SafeLoader) -> dict:
    """The YAML between the first `---` and the `---` or `...` below it; {} where there is none.

    Raises yaml.YAMLError or ValueError (a date such as 2023-13-45) where it can't be read.
    """
    found = FRONT_MATTER.match(note)
    meta = yaml.load(found.group(1), loader) if found else None
    return meta if isinstance(meta, dict) else {}


def body_line(note: str) -> int:
    """How many lines the front matter takes, 0 where there is none."""
    found = FRONT_MATTER.match(note)
    return found.group().removesuffix("\n").count("\n") + 1 if found else 0


def private_because(meta: dict) -> str | None:
    """The line of the front matter that makes a note private, None where it is public."""
    if str(meta.get("password", "")) not in ("", "None", "False"):  # 000 is a password
        return "password"
    if meta.get("published") is False:
        return "published: false"
    if meta.get("draft"):
        return "draft"
    return None


LOCK = "notes.lock.json"


def read_lock(root: Path) -> dict[str, dict[str, int | str]]:
    """Name of each note → fingerprint of what its author wrote.

    Raises BadInput where the file is damaged.
    """
    path = root / LOCK
    try:
        lock = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        for locked in lock.values():
            locked["bytes"], locked["sha256"]
    except json.JSONDecodeError as error:
        place = f"{LOCK}:{error.lineno}：不是完整的 JSON"
    except (UnicodeDecodeError, AttributeError, KeyError, TypeError):
        place = f"{LOCK}：应是笔记的文件名 → bytes 和 sha256，内容不对"
    else:
        return lock
    raise BadInput(f"{place}。用 git checkout {LOCK} 取回提交的那一份。")


def lock_bytes(lock: dict[str, dict[str, int | str]]) -> bytes:
    return (json.dumps(lock, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def find_embeds(root: Path, kind: str = "python") -> dict[str, list[tuple[str, str]]]:
    """What is embedded → the pages below `docs/` that embed it, each with its title."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted((root / "docs").rglob("*.md")):
        note = path.read_bytes()
        targets = dict.fromkeys(each.target for each in list_embeds(note) if each.kind == kind)
        if targets:
            uri = path.relative_to(root / "docs").as_posix()
            title = title_of(note.decode("utf-8", "replace")) or uri
            for target in targets:
                found.setdefault(target, []).append((uri, title))
    return found


def title_of(note: str) -> str:
    try:
        return str(front_matter(note).get("title", ""))
    except (yaml.YAMLError, ValueError):
        return ""
