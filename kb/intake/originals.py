"""Reading a note as its author wrote it, and refusing what can't be taken in."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from kb.intake.blog import is_encrypted
from kb.intake.known import collection_of, first_commit, name_in
from kb.intake.sources import is_draft
from kb.markdown.engine import BadInput
from kb.notes.any_front_matter import MERGE, Unreadable, below, compose, form_of, read_pairs
from kb.notes.embedded import OPENS_EMBED
from kb.notes.files import reason
from kb.notes.head import find_head, head_values
from kb.notes.library import Outline, body_of, date_in, text_of
from kb.notes.private import private_because
from kb.site.gate import strange

LARGEST = 4 * 2**20
"""Bytes. A note is text; pictures stay in files of their own."""
MOST_LINES = 100_000
MOST_VALUES = 10_000
"""In the front matter, with all aliases written out."""
UNWRITABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")

GUESSES = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class Private(BadInput):
    """A note that must not be published. The message is the reason, nothing of the note."""


@dataclass(frozen=True)
class Original:
    source: Path
    collection: Path
    """The folder that it was taken from."""
    data: bytes
    text: str
    meta: dict
    """The front matter as the site reads it: `0123` stays so, dates are text."""

    @property
    def below(self) -> str:
        """Its path in that folder."""
        return self.source.relative_to(self.collection).as_posix()

    @property
    def identity(self) -> tuple[str, str]:
        """Title and date, as they are written; the title that stands for none."""
        title, date = identity_of(self.meta)
        return title or self.heading or self.known.get("title", ""), date

    @property
    def is_titled(self) -> bool:
        return bool(identity_of(self.meta)[0])

    @cached_property
    def heading(self) -> str:
        """The first, "" where there is none."""
        return text_of(Outline(body_of(self.text)).title)

    @cached_property
    def known(self) -> dict[str, str]:
        """What the lock keeps of it, since it doesn't say so itself: the title and the day of its
        file's name, or the day git has for it; and the tool it is from."""
        title, day = name_in(self.source)
        found = {}
        if not self.is_titled and not self.heading:
            found["title"] = title
        if not text_of(date_in(self.meta)) and (day := day or first_commit(self.source)):
            found["date"] = day
        kind = collection_of(self.source, self.collection)[1]
        if kind in ("hugo", "jekyll"):  # where categories are written otherwise
            found["kind"] = kind
        return found


def identity_of(meta: dict) -> tuple[str, str]:
    """Title and date, as they are written."""
    title, date = meta.get("title", ""), date_in(meta)
    return title if isinstance(title, str) else "", date if isinstance(date, str) else ""


def read_original(source: Path, collection: Path) -> Original:
    """Raises BadInput, which says why it can't be taken in, and Private where it mustn't."""
    if is_draft(source):
        raise Private("_drafts")
    return parse_original(read_bytes(source), source, collection)


def parse_original(data: bytes, source: Path, collection: Path) -> Original:
    """What `read_original` makes of the bytes of a file."""
    text = decode(data, source)
    try:
        if private := private_because(text):
            raise Private(private)
        meta = read_front_matter(text, source)
        if is_encrypted(source, meta):
            raise Private("标签（_config.yml 的 encrypt）")
    except Unreadable as error:
        raise BadInput(
            f"{source}:{error.line}：front matter {error.problem}。"
            "看不出它是不是私密的，没有收。改正后再添加。"
        ) from None
    lines = re.split(r"\r\n|\r|\n", text)
    if len(lines) > MOST_LINES:
        raise BadInput(f"{source}：有 {len(lines):,} 行，笔记最多 {MOST_LINES:,} 行。拆成几篇。")
    for number, line in enumerate(lines, 1):
        if OPENS_EMBED.match(line):
            raise BadInput(
                f"{source}:{number}：原文里已经有嵌入块 {line.strip()!r}。"
                "请添加作者的原文，嵌入块在添加以后写进 docs/posts/。"
            )
    return Original(source, collection, data, text, meta)


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


def read_front_matter(text: str, source: Path) -> dict:
    """The front matter with every value as it is written.

    Raises BadInput, and Unreadable, also where the site's generators couldn't read it.
    """
    head = find_head(text)
    form = None if head.form else form_of(text)
    if form and (form != "YAML" or read_pairs(text)):  # else it is a rule
        raise BadInput(f"{source}:1：{why_none(form)}")
    if head.form in ("YAML", "bare"):
        node = compose(head.text, head.line)
        if node is None:
            return {}
        check_size(node)
        check_values(node)
        for line, problem, remedy in strange(text):
            raise BadInput(f"{source}:{line}：front matter {problem}，zensical 读不了。{remedy}")
    if not text.strip("\ufeff \t\r\n"):
        raise BadInput(f"{source}：是空的，没有什么可以收。")
    meta = head_values(head, str(source))
    if UNWRITABLE.search(json.dumps(meta, ensure_ascii=False)):
        raise Unreadable(head.line, "里有控制字符，或半个字符（\\ud800 这样的）")
    return meta


def why_none(form: str) -> str:
    """What to do about front matter that can't be used; nothing that loses any."""
    if form == "YAML":
        return (
            "front matter 要从第一行的 --- 开始，每一行以 LF 或 CRLF 结束。"
            "删去它前面的空行、--- 后面的字，或者用编辑器换掉单独的 CR，再添加。"
        )
    return (
        f"front matter 像是 {form}，但写法不合。改正它，或者把它整个改写成 YAML，放在两行 --- 之间，"
        "一项也不要漏：password、draft 这样的也在里面。"
    )


def check_size(node: yaml.Node) -> None:
    """Aliases (`*x`) may stand for ever more. Raises Unreadable."""
    sizes: dict[int, int] = {}

    def measure(node: yaml.Node, above: frozenset[int]) -> int:
        if id(node) in above:
            raise Unreadable(node.start_mark.line + 2, "里的别名（&、*）绕成了圈")
        if id(node) not in sizes:
            inside = above | {id(node)}
            sizes[id(node)] = 1 + sum(measure(each, inside) for each in below(node))
        return sizes[id(node)]

    if measure(node, frozenset()) > MOST_VALUES:
        raise Unreadable(node.start_mark.line + 2, f"超过 {MOST_VALUES} 项，别名（&、*）展开以后算")


def check_values(node: yaml.Node) -> None:
    """Whether each can be told what it is: 2023-13-45 is no date. Raises Unreadable."""
    loader = yaml.SafeLoader("")
    seen: set[int] = set()

    def check(node: yaml.Node) -> None:
        if id(node) in seen:
            return
        seen.add(id(node))
        if node.tag == MERGE:
            return
        for each in below(node):
            check(each)
        try:
            value = loader.construct_object(node, deep=True)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or node.start_mark
            raise Unreadable(mark.line + 2, f"不是正确的 YAML（{error.problem}）") from None
        except Exception as error:  # PyYAML lets through whatever int or datetime raise
            problem = error if isinstance(error, ValueError) else f"不是 {node.tag}"
            if node.tag == "tag:yaml.org,2002:timestamp":
                problem = f"没有 {node.value} 这个日期"
            raise Unreadable(node.start_mark.line + 2, f"不是正确的 YAML（{problem}）") from None
        if isinstance(value, str) and UNWRITABLE.search(value):
            raise Unreadable(node.start_mark.line + 2, "里有控制字符，或半个字符（\\ud800 这样的）")

    check(node)
