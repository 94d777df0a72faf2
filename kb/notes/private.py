"""Whether a note may be published: only where its front matter is clearly so.

Each tool has its own words for it, and whichever tool a note was written for, all of them count:

| key | private where it says |
|---|---|
| `password`, `keys` | anything |
| `published`, `publish`, `public` | anything but a yes, or a date that has come |
| `draft`, `private`, `hidden`, `unlisted`, `headless`, `encrypt`, `protected` … | anything but a no |
| `visible`, `permalink`, `render` | a no |
| `publishDate`, `expiryDate` | a time that hasn't come, or has passed, or isn't one |
| `visibility` | anything but a word for public |
| `status` | a word for private |
| `build.render`, `build.list` | `never`, `link` |
| `date`, in TOML or Nikola's | a time that hasn't come: only their tools wait for it |

Obsidian's Web Clipper leaves `published` empty where a page doesn't say when it was: that says
nothing.

Letter case of a key doesn't matter, nor blanks around it, `-` and `_` within it.
"""

import re
import shlex
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

from kb.markdown.engine import BadInput
from kb.notes.any_front_matter import Unreadable, form_of, read_pairs
from kb.notes.embedded import locked_note
from kb.notes.times import read_time

EMPTY = (None, "")
YES = {"true", "yes", "on", "y", "1", "是", "对", "✅", "✔", "✔️", "☑", "☑️"}
NO_IN_CHINESE = {"否", "不", "无", "没有", "❌"}
NO = {"false", "no", "off", "n", "0", *NO_IN_CHINESE}
PASSWORDS = {"password", "passwd", "pwd", "密码"}
TO_PUBLISH = {"published", "publish", "dgpublish", "public", "ispublished", "ispublic", "公开"}
TO_HIDE = {
    *("draft", "private", "hidden", "unlisted", "headless", "unpublished", "expired", "hideinlist"),
    *("encrypt", "encrypted", "protected", "secret", "isdraft", "isprivate", "ishidden"),
    *("草稿", "私密", "加密", "隐藏"),
}
TO_SHOW = {"visible", "isvisible", "permalink", "render"}
STARTS = {"publishdate": "publishDate", "pubdate": "pubDate", "date": "date"}
ENDS = {"expirydate": "expiryDate", "unpublishdate": "unpublishDate"}
WAIT_FOR_DATE = {"TOML", "Nikola"}
CLIPPED = {"source", "published", "created"}
EMPTY_DATES = [("published", None), ("published", "")]
STATES = {"status", "poststatus", "state", "access", "visibility"}
PRIVATE = {
    *("draft", "private", "hidden", "secret", "unlisted", "unpublished", "pending", "protected"),
    *("future", "scheduled", "trash", "internal", "password", "草稿", "私密", "私有", "隐藏"),
    *("skip", "auto-draft", "invisible", "加密"),
}
PUBLIC = {"public", "published", "open", "everyone", "公开", "true", ""}


def refuse_private(note: str, name: str) -> None:
    """Raises BadInput where the page called `name`, with this text, may not be published."""
    try:
        reason = private_because(note)
    except Unreadable as error:
        raise BadInput(f"{name}:{error.line}：front matter {error.problem}。改正它。") from None
    if reason:
        raise BadInput(
            f"{name}：这篇笔记的 front matter 写着 {reason}，是私密的，不能放在 docs/ 里。"
            "请把文件移出 docs/。"
        )


def refuse_withdrawn(root: Path, name: str) -> None:
    """Raises BadInput where the author has made a note private that is still here."""
    if locked_note(root, name).get("private"):
        raise BadInput(withdrawn(name))


def withdrawn(name: str) -> str:
    return f"{name}：作者已经把这篇笔记改成私密的，公开的版本还在这里。用 {removal(name)} 撤下它。"


def removal(name: str) -> str:
    """The command that takes a note out."""
    return f"kb remove {typed(name)}"


def typed(name: str) -> str:
    """A note as it is typed after a command: its number, or its path."""
    path = Path(name)
    is_number = name == f"docs/posts/{path.stem}.md" and re.fullmatch("[0-9A-Fa-f]+", path.stem)
    return path.stem if is_number else shlex.quote(name)


def private_because(note: str, now: datetime | None = None) -> str | None:
    """What in its front matter makes a note private, None where it is public.

    Says nothing of the note but the key, and words of ours. Raises Unreadable.
    """
    now = now or datetime.now(UTC)
    pairs = [(plain(key), value) for key, value in read_pairs(note)]
    if CLIPPED <= {key for key, _ in pairs}:
        pairs = [pair for pair in pairs if pair not in EMPTY_DATES]
    if form_of(note) not in WAIT_FOR_DATE:
        pairs = [(key, value) for key, value in pairs if key != "date"]
    return next(filter(None, (judge(key, value, now) for key, value in pairs)), None)


def plain(key: str) -> str:
    """`Publish_Date ` → `publishdate`."""
    text = unicodedata.normalize("NFKC", key)
    return "".join(c for c in text if c.isprintable() and c not in " -_").casefold()


def judge(key: str, value: object, now: datetime) -> str | None:
    words = words_of(value)
    is_empty = value in EMPTY
    if key in PASSWORDS:
        return None if is_empty else "password"
    if key == "keys" and value not in (*EMPTY, []):  # hashes of passwords
        return key
    if key in TO_PUBLISH and not words <= YES and not has_come(value, now):
        return f"{key}: false" if words <= NO else f"{key}（不是 true）"
    if key in TO_HIDE and not (is_empty or value in (False, 0, []) or words <= NO_IN_CHINESE):
        return key
    if key in TO_SHOW and words <= NO:
        return f"{key}: false"
    if key in STARTS and not is_empty and not has_come(value, now):
        return f"{STARTS[key]}（还没到）"
    if key in ENDS and not is_empty and not ((end := read_time(value)) and end > now):
        return f"{ENDS[key]}（已过）"
    states = {state for word in words for state in re.split(r"[\s,;/|，、；]+", word)}
    if key in STATES and (found := sorted(states & PRIVATE)):
        return f"{key}: {found[0]}"
    if key == "visibility" and not words <= PUBLIC:
        return key
    if key in ("build.render", "build.list") and words <= {"never", "false", "link"}:
        return f"{key}: {'link' if words == {'link'} else 'never'}"
    return None


def words_of(value: object) -> set[str]:
    """A single one, but for a list."""
    values = value if isinstance(value, list) else [value]
    return {word_of(each) for each in values or [""]}


def word_of(value: object) -> str:
    if isinstance(value, (dict, list, tuple)):  # however deep it is
        return "{}"
    return "" if value is None else str(value).strip().casefold()


def has_come(value: object, now: datetime) -> bool:
    when = read_time(value)
    return when is not None and when <= now
