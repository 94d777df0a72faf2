"""Notes as bytes: embeds go in between the author's lines and come out again whole.

An embed is four lines, the last one empty:

    ``` {.python .embed}
    --8<-- "file.py:region"
    ```

A measured figure is embedded the same way: `{.figure .embed}`, `"file.json:name"`.

`notes.lock.json` holds length and SHA-256 of each note as its author wrote it, and whose it is:
a line for each, in the order of their names, so that two branches that add notes can be merged
by taking the lines of both. The last line says which format it is:

    {
    "docs/posts/1.md": {"bytes": 9, "sha256": "…", "author": "…", "licence": "…", "origin": "…"},
    "format": 2
    }

Author, licence and origin are left out where they aren't known. `"private": true` says that the
author has made the note private since. `"source"` is the file, below the folder it was added from,
of a note whose front matter gives it no number: its title may change, its address won't. `"title"`,
`"date"` and `"kind"` are what is known from elsewhere: the name of that file, git, and which tool's
collection it is from. `"added"` is the SHA-256 of the version that was added, where the author has changed it here since. Format 1 had no format in it, and length and SHA-256 alone.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from kb.markdown.engine import BadInput
from kb.notes.head import find_head, head_values

Entry = dict[str, int | str | bool]
"""What the lock holds of a note."""

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
    lines: bytes = field(default=b"", compare=False, repr=False)
    """As they stand in the note."""


def list_embeds(note: bytes) -> list[Embed]:
    found, removed = [], 0
    for match in _EMBED.finditer(note):
        kind, target = match["kind"].decode(), match["target"].decode()
        found.append(Embed(kind, target, match.start() - removed, match[0]))
        removed += match.end() - match.start()
    return found


def with_embeds(author: bytes, embeds: Iterable[Embed]) -> bytes:
    """The author's bytes with embeds in them, in the order of their places."""
    parts, done, ended = [], 0, not author or author.endswith(b"\n")
    places = [(min(embed.position, len(author)), embed) for embed in embeds]
    for place, embed in sorted(places, key=lambda each: each[0]):
        parts.append(author[done:place])
        done = place
        if place == len(author) and not ended:
            parts.append(b"\r\n" if embed.lines.endswith(b"\r\n") else b"\n")
            ended = True
        parts.append(embed.lines)
    return b"".join([*parts, author[done:]])


def embed_bytes(embed: Embed, end: bytes) -> bytes:
    """The lines of an embed, the empty one after it too; `end` ends each."""
    lines = (EMBED_FIRST[embed.kind], f'--8<-- "{embed.target}"', EMBED_LAST, "")
    return b"".join(line.encode() + end for line in lines)


def fingerprint(original: bytes) -> dict[str, int | str]:
    return {"bytes": len(original), "sha256": hashlib.sha256(original).hexdigest()}


def is_original(note: bytes, locked: Entry) -> bool:
    """Whether the note without its embeds is what its author wrote, byte for byte."""
    author = without_embeds(note)
    *_, last = [None, *_EMBED.finditer(note)]
    if last and last.end() == len(note) and author[locked["bytes"] :] == last["end"]:
        author = author[: locked["bytes"]]
    return fingerprint(author) == {key: locked[key] for key in ("bytes", "sha256")}


def front_matter(note: str) -> dict:
    """What its front matter says, as the site reads it; {} where there is none, or none that can
    be read.
    """
    try:
        return head_values(find_head(note), "")
    except BadInput:
        return {}


def body_line(note: str) -> int:
    """How many lines the front matter takes, 0 where there is none."""
    head = find_head(note)
    return note[: head.end].removesuffix("\n").count("\n") + 1 if head.form else 0


LOCK = "notes.lock.json"
FORMAT = 2
WHOSE = ("author", "licence", "origin")
HALF = re.compile(r"[\ud800-\udfff]")
"""Half a character, which no file can hold."""
KEYS = {"bytes": int, "sha256": str, **dict.fromkeys(WHOSE, str), "private": bool}
KEYS |= dict.fromkeys(("source", "added", "title", "date", "kind"), str)
ABOUT_US = ("private", "source")
"""What says nothing of the author's: two lines of one note may differ in it."""


def read_lock(root: Path) -> dict[str, Entry]:
    """Name of each note → fingerprint of what its author wrote, and whose it is.

    Raises BadInput where the file is damaged.
    """
    path = root / LOCK
    try:
        return parse_lock(path.read_bytes()) if path.exists() else {}
    except OSError as error:
        raise BadInput(f"{LOCK}：读不到（{error.strerror}）。") from None


def locked_note(root: Path, name: str) -> Entry:
    """What the lock holds of one note, {} where it isn't there; the lock is read once for all.

    Raises BadInput.
    """
    try:
        stat = (root / LOCK).stat()
    except FileNotFoundError:
        return {}
    return _known_lock(root, stat.st_ino, stat.st_mtime_ns, stat.st_size).get(name, {})


@lru_cache(maxsize=1)
def _known_lock(root: Path, *state: int) -> dict[str, Entry]:
    return read_lock(root)


def parse_lock(data: bytes) -> dict[str, Entry]:
    """Lines in any order, also twice, as a merge may leave them: what only one of two says counts,
    and `private` in either. Raises BadInput.
    """
    remedy = (
        f"。用 git checkout {LOCK} 取回提交的那一份；提交的也坏了（新旧两种格式合并会这样），"
        f"用 git checkout HEAD^ -- {LOCK} 取回合并以前的，再添加一次另一个分支的笔记。"
    )
    try:
        text = data.decode("utf-8")
        pairs = json.loads(text, object_pairs_hook=tuple)
    except json.JSONDecodeError as error:
        raise BadInput(f"{LOCK}:{error.lineno}：不是完整的 JSON{remedy}") from None
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise BadInput(f"{LOCK}：不是 UTF-8 的 JSON{remedy}") from None
    lock: dict[str, Entry] = {}
    for name, value in pairs if isinstance(pairs, tuple) else [("", None)]:
        if name == "format" and isinstance(value, int):
            if value > FORMAT:
                raise BadInput(
                    f"{LOCK}：格式是 {value}，这里的 kb 只认得 {FORMAT}。换成新版的 kb。"
                )
            continue
        if HALF.search(name) or (entry := entry_of(value)) is None:
            raise BadInput(f"{LOCK}：应是笔记的文件名 → bytes 和 sha256，内容不对{remedy}")
        known = lock.get(name, entry)
        both = known | entry
        if all(both[key] == each[key] for each in (known, entry) for key in each.keys() - ABOUT_US):
            lock[name] = both | ({"private": True} if known.get("private") else {})
        else:
            quoted = json.dumps(name, ensure_ascii=False)
            lines = [n for n, line in enumerate(text.split("\n"), 1) if quoted in line]
            raise BadInput(
                f"{LOCK}：{name} 有两行，内容不同（第 {'、'.join(map(str, lines))} 行）。"
                "两个分支各有一个版本：留下与这个文件相符的一行，或者删去两行，再用 kb add 添加它。"
            )
    return lock


def entry_of(value: object) -> Entry | None:
    """None where it is none."""
    entry = dict(value) if isinstance(value, tuple) else {}
    if any(isinstance(each, str) and HALF.search(each) for each in entry.values()):
        return None
    right = all(isinstance(entry[key], kind) for key, kind in KEYS.items() if key in entry)
    return entry if right and {"bytes", "sha256"} <= entry.keys() else None


def lock_bytes(lock: dict[str, Entry]) -> bytes:
    lines = (
        f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(entry, ensure_ascii=False)},\n"
        for name, entry in sorted(lock.items())
    )
    return f'{{\n{"".join(lines)}"format": {FORMAT}\n}}\n'.encode()


def find_embeds(root: Path, kind: str = "python") -> dict[str, list[tuple[str, str]]]:
    """What is embedded → the pages below `docs/` that embed it, each with its title.

    A page that `kb pages` keeps for a whole file of code says in its front matter which.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted((root / "docs").rglob("*.md")):
        note = path.read_bytes()
        uri = path.relative_to(root / "docs").as_posix()
        targets = dict.fromkeys(each.target for each in list_embeds(note) if each.kind == kind)
        kept = not uri.startswith("posts/") and kind == "python" and re.search(rb"\nfill: file\r?\n", note)
        if targets or kept:
            meta = front_matter(note.decode("utf-8", "replace"))
            targets |= {meta["of"]: None} if kept and isinstance(meta.get("of"), str) else {}
            title = meta.get("title")
            title = title if isinstance(title, str) and title else uri
            for target in targets:
                found.setdefault(target, []).append((uri, title))
    return found
