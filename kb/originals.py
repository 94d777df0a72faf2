"""Reading a note as its author wrote it, and refusing what can't be taken in."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from kb.engine import BadInput
from kb.files import reason
from kb.notes import OPENS_EMBED, body_line, front_matter, private_because
from kb.sources import is_draft

LARGEST = 10 * 2**20
"""Bytes. A note is text; pictures stay in files of their own."""

GUESSES = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class Private(BadInput):
    """A note that must not be published. The message is the reason, nothing of the note."""


@dataclass(frozen=True)
class Original:
    source: Path
    data: bytes
    text: str
    meta: dict
    """The front matter as it is written: `0123` stays so, dates are text."""

    @property
    def identity(self) -> tuple[str, str]:
        return str(self.meta.get("title", "")), str(self.meta.get("date", ""))


def read_original(source: Path) -> Original:
    """Raises BadInput, which says why it can't be taken in, and Private where it mustn't."""
    data = read_bytes(source)
    text = decode(data, source)
    meta, written = read_front_matter(text, source)
    if is_draft(source):
        raise Private("_drafts")
    if private := private_because(meta):
        raise Private(private)
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if OPENS_EMBED.match(line):
            raise BadInput(
                f"{source}:{number}：原文里已经有嵌入块 {line.strip()!r}。"
                "请添加作者的原文，嵌入块在添加以后写进 docs/posts/。"
            )
    return Original(source, data, text, written)


def read_bytes(source: Path) -> bytes:
    try:
        if (size := source.stat().st_size) > LARGEST:
            raise BadInput(
                f"{source}：有 {size / 2**20:.1f} MB，笔记最多 {LARGEST >> 20} MB。"
                "把嵌在里面的图片（data:…）存成文件，或者拆成几篇。"
            )
        return source.read_bytes()
    except OSError as error:
        raise BadInput(f"{source}：读不到这个文件（{reason(error)}）。检查路径。") from None


def decode(data: bytes, source: Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
    guess = GUESSES.get(data[:2])
    if guess is None:
        try:
            data.decode("gb18030")
            guess = "GB18030"
        except UnicodeDecodeError:
            pass
    like = f"，像是 {guess}" if guess else ""
    raise BadInput(f"{source}:{line}：不是 UTF-8 编码{like}。用编辑器另存为 UTF-8 后再添加。")


def read_front_matter(text: str, source: Path) -> tuple[dict, dict]:
    """The front matter, and the same with every value as it is written."""
    if not body_line(text):
        if re.match(r"\ufeff?---[ \t]*[\r\n]", text):
            raise BadInput(f"{source}:1：front matter 没有结束。在它后面加上单独一行 ---。")
        raise BadInput(
            f"{source}:1：没有 front matter。在文件最前面加上这几行：---，title: 标题，"
            "date: 2023-01-20 23:07:12，---。"
        )
    try:
        return front_matter(text), front_matter(text, yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: 2023-13-45
        mark = getattr(error, "problem_mark", None)
        place = f"{source}:{mark.line + 2}" if mark else str(source)
        problem = getattr(error, "problem", None) or error
        raise BadInput(
            f"{place}：front matter 不是正确的 YAML（{problem}）。改正后再添加。"
        ) from None
