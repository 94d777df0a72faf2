"""`kb save`: what stands in `docs/posts/`, without its embeds, becomes the note's original.

The lock holds length and SHA-256 of the one before. Its bytes are looked for where they may be, in
copies and in git, to say what has changed and how to get them back.
"""

import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from difflib import unified_diff
from glob import escape
from pathlib import Path

from kb.edit.writing import Written, editing, write
from kb.evidence.embeds import check_note
from kb.intake.abbrlink import written_abbrlink
from kb.intake.originals import Private, parse_original
from kb.intake.remove import find_note
from kb.intake.whose import Whose
from kb.markdown.engine import BadInput
from kb.markdown.settings import read_settings
from kb.notes.backups import is_alike
from kb.notes.embedded import Entry, fingerprint, is_original, read_lock, without_embeds
from kb.notes.files import BACKUPS
from kb.notes.private import removal

MOST_COMMITS = 100
"""Of a note, that are looked through for its original."""


@dataclass
class Saving:
    """What becomes of a note that is saved."""

    note: str
    title: str
    entry: Entry
    is_new: bool
    """Whether the lock doesn't have it yet."""
    changed: bool
    diff: list[str] | None
    """Lines of a unified diff, None where the original before isn't to be found."""
    remarks: list[str]
    saved: bool = False
    written: Written = field(default_factory=Written)

    @property
    def added(self) -> int:
        return sum(line.startswith("+") for line in (self.diff or [])[2:])

    @property
    def taken(self) -> int:
        return sum(line.startswith("-") for line in (self.diff or [])[2:])


def plan(said: str, root: Path) -> Saving:
    """Raises BadInput where the note can't be what an author wrote, or mustn't be seen."""
    name = find_note(said, root)
    known = read_lock(root).get(name, {})
    if known.get("private"):
        raise BadInput(f"{name}：作者已经把它改成私密的。用 {removal(name)} 撤下。")
    note = read(name, root)
    before, _ = find_original(root, name, known) if known else (None, "")
    author = without_embeds(note)
    if known and is_original(note, known):
        author = author[: known["bytes"]]
    elif before and not before.endswith(b"\n"):
        author = without_last_end(note, author)
    try:
        check_note(note, name)
        original = parse_original(author, Path(name), Path(name).parent)
    except Private as why:
        raise BadInput(
            f"{name}：{why} 说它是私密的，不能收。改回去，或者用 {removal(name)} 撤下。"
        ) from None
    number = Path(name).stem
    written = written_abbrlink(original) if original.meta.get("abbrlink") else None
    if written and written != number:
        raise BadInput(
            f"{name}：front matter 里的 abbrlink 是 {written}，与文件名不同。它是网址，"
            f"改了就是另一篇：改回 abbrlink: {number}；要换网址，就用 kb remove 撤下，再用 kb add 添加。"
        )
    source = {"source": known["source"]} if "source" in known and not written else {}
    settings = read_settings(root)
    owner = Whose() if known else Whose(settings.author or None, settings.licence or None)
    whose = owner.of(original.meta, number, known)
    entry = fingerprint(author) | whose | source
    if known and (added := known.get("added", known["sha256"])) != entry["sha256"]:
        entry["added"] = added
    title = original.identity[0] or number
    remarks = [] if before is None else list(line_ends(before, author))
    diff = None if before is None else list(differences(before, author, name))
    return Saving(name, title, entry, not known, not is_alike(known, entry), diff, remarks)


def save(
    said: str,
    root: Path,
    dry: bool,
    agree: Callable[[Saving], bool],
    waiting: Callable[[], None],
) -> Saving:
    """`agree` is shown what will change, and asked. Raises BadInput, having changed nothing."""
    with editing(root, dry, waiting):
        saving = plan(said, root)
    if not saving.changed or dry or not agree(saving):
        return saving
    with editing(root, dry, waiting):
        if plan(saving.note, root).entry != saving.entry:
            raise BadInput(f"{saving.note}：看差别的时候又改了，没有收下。再运行一次。")
        saving.written = write(root, "save", {}, {saving.note: saving.entry})
        saving.saved = True
    return saving


def without_last_end(note: bytes, author: bytes) -> bytes:
    """The author's bytes without the line end that an embed below them needs."""
    for end in (b"\r\n", b"\n"):
        shorter = author.removesuffix(end)
        if shorter != author and is_original(note, fingerprint(shorter)):
            return shorter
    return author


def read(name: str, root: Path) -> bytes:
    try:
        return (root / name).read_bytes()
    except OSError:
        raise BadInput(f"{name}：登记了，却没有这个文件。kb check 说怎么办。") from None


def find_original(root: Path, name: str, entry: Entry) -> tuple[bytes | None, str]:
    """The bytes that the lock knows of, and how to get them back; None and "" where they are
    nowhere.
    """
    for note, where in versions(root, name):
        if is_original(note, entry):
            return without_embeds(note)[: entry["bytes"]], where
    return None, ""


def versions(root: Path, name: str) -> Iterator[tuple[bytes, str]]:
    """The note as it was committed, and as it was copied, the newest first, and how to get it."""
    listed = git(root, "log", f"-{MOST_COMMITS}", "--format=%h", "--", name)
    for number, commit in enumerate(listed.decode().split()):
        which = commit if number else "HEAD"
        where = f"用 git checkout {which} -- {shlex.quote(name)} 取回它"
        yield git(root, "show", f"{commit}:./{name}"), where
    for copy in sorted((root / BACKUPS).glob(f"*/{escape(name)}"), reverse=True):
        shown = copy.relative_to(root).as_posix()
        yield copy.read_bytes(), f"它在 {shown}，复制回来"


def git(root: Path, *arguments: str) -> bytes:
    """b"" where git has nothing to say."""
    try:
        command = ["git", "-c", "core.quotepath=false", *arguments]
        return subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return b""


def differences(before: bytes, after: bytes, name: str) -> Iterator[str]:
    one, other = (each.decode("utf-8", "replace").splitlines() for each in (before, after))
    yield from unified_diff(one, other, f"{name}（登记的）", f"{name}（现在的）", lineterm="")


def line_ends(before: bytes, after: bytes) -> Iterator[str]:
    """What the lines of a diff don't show."""
    kinds = [("CRLF" if b"\r\n" in each else "LF") for each in (before, after)]
    if kinds[0] != kinds[1]:
        yield f"行尾从 {kinds[0]} 变成了 {kinds[1]}。"
    if before.startswith(b"\xef\xbb\xbf") != after.startswith(b"\xef\xbb\xbf"):
        yield "开头的 BOM 变了。"
    if before.endswith(b"\n") != after.endswith(b"\n"):
        yield "最后一行的行尾变了。"
