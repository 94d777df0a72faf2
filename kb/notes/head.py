"""The front matter of a note, in whatever form its tool has it, and where its text begins.

| form | from | to | tool |
|---|---|---|---|
| YAML | `---` in the first line | `---` or `...` | all |
| TOML | `+++` | `+++` | Hugo, Zola |
| JSON | `{` | its `}` | Hugo |
| JSON | `;;;` | `;;;` | Hexo |
| bare YAML | `title: …`, another key that a tool reads | `---` | Hexo |
| lines `.. key: value` | `<!--` | `-->` | Nikola |

Every value becomes text as it is written, a list or a dict of such. Byte order marks before it are
passed over.
"""

import json
import re
import tomllib
from datetime import date, datetime, time
from functools import lru_cache
from typing import NamedTuple

from kb.markdown.engine import BadInput
from kb.notes.any_front_matter import COMMENT, COMMENT_LINE, LARGEST
from kb.notes.front_matter import read_meta

MARKS = "\ufeff*"
FRONT_MATTER = re.compile(
    rf"{MARKS}---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
"""YAML, as MkDocs reads it; a note that Windows' Notepad has saved may begin with a byte order mark."""
TOML = re.compile(
    rf"{MARKS}\+\+\+[ \t]*\r?\n(.*?)^\+\+\+[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
JSON = re.compile(rf"{MARKS};;;[ \t]*\r?\n(.*?)^;;;[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
OPENS_JSON = re.compile(rf'{MARKS}(?=\{{\s*"[^"\n]+"\s*:)')
BARE = re.compile(
    rf"{MARKS}((?:[\w-]+:(?:[ \t][^\r\n]*)?\r?\n|[ \t]+[^\r\n]*\r?\n|-[ \t][^\r\n]*\r?\n)+)-{{3,}}[ \t]*(?:\r?\n|\Z)"
)
KNOWN = re.compile(r"^(?:title|date|tags|categories|layout|abbrlink):", re.MULTILINE)


class Head(NamedTuple):
    form: str
    """YAML, TOML, JSON, bare or Nikola; "" where there is none."""
    text: str
    """What stands between its marks."""
    end: int
    """Where the text of the note begins."""
    line: int = 2
    """The line of the file in which `text` begins."""


@lru_cache(maxsize=8)
def find_head(note: str) -> Head:
    """Of a whole file, as it is decoded."""
    if found := FRONT_MATTER.match(note):
        return Head("YAML", found[1], found.end())
    if found := TOML.match(note):
        return Head("TOML", found[1], found.end())
    if found := JSON.match(note):
        return Head("JSON", f"{{{found[1]}}}", found.end())
    if found := OPENS_JSON.match(note):
        return json_head(note, found.end())
    start = re.match(MARKS, note).end()
    if found := COMMENT.match(note, start):
        after = re.compile(r"[ \t]*(?:\r?\n|\Z)").match(note, found.end())
        return Head("Nikola", found[1], after.end() if after else found.end(), 1)
    found = BARE.match(note[: LARGEST])
    if found and KNOWN.search(found[1]):
        return Head("bare", found[1], found.end(), 1)
    return Head("", "", start, 1)


def json_head(note: str, start: int) -> Head:
    try:
        _, end = json.JSONDecoder().raw_decode(note, start)
    except (ValueError, RecursionError):
        return Head("", "", start, 1)
    after = re.compile(r"[ \t]*(?:\r?\n|\Z)").match(note, end)
    return Head("JSON", note[start:end], after.end() if after else end, 1)


def head_values(head: Head, name: str) -> dict[str, object]:
    """What it says, of the file called `name`.

    Raises BadInput, which names the line.
    """
    if head.form in ("YAML", "bare"):
        return read_meta(head.text, name, head.line)
    if head.form == "Nikola":
        return {key: value.strip() for key, value in COMMENT_LINE.findall(head.text)}
    try:
        if len(head.text) > LARGEST:
            raise BadInput(f"{name}:1：front matter 超过 {LARGEST >> 10} KB。只留下标题、日期这样的几行。")
        if head.form == "TOML":
            return as_text(tomllib.loads(head.text.replace("\r\n", "\n")))
        return as_text(json.loads(head.text)) if head.form else {}
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1) + head.line - 1
        raise BadInput(f"{name}:{line}：front matter 不是正确的 {head.form}（{error}）。改正这一行。") from None


def as_text(value: object) -> object:
    """Every value in it as it is written: `true`, a number, a date as ISO 8601 has it."""
    if isinstance(value, dict):
        return {key: as_text(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_text(each) for each in value]
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    return str(value)
