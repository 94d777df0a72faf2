"""Taking a note in: its bytes go to `docs/posts/<abbrlink>.md`, its fingerprint to the lock."""

import re
from pathlib import Path

import yaml

from kb.engine import BadInput
from kb.notes import (
    OPENS_EMBED,
    fingerprint,
    front_matter,
    is_original,
    private_because,
    read_lock,
    write_lock,
)


def add_note(source: Path, root: Path) -> str:
    """Copies one note in and returns what was done. Raises BadInput, changing nothing."""
    original = read_original(source)
    name = f"docs/posts/{address(original, source)}.md"
    target = root / name
    if target.exists():
        if not is_original(target.read_bytes(), fingerprint(original)):
            raise BadInput(
                f"{source}：{name} 去掉嵌入块以后不是这个版本，没有覆盖它。"
                f"要换成这个版本，请先把 {name} 移走，再添加，再把代码嵌回去。"
            )
        done = f"没有变化：{source} 已经是 {name}"
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(original)
        done = f"已添加：{source} → {name}"
    write_lock(root, read_lock(root) | {name: fingerprint(original)})
    return done


def read_original(source: Path) -> bytes:
    """The bytes of a note that may be taken in."""
    try:
        original = source.read_bytes()
        text = original.decode("utf-8")
    except OSError as error:
        raise BadInput(f"{source}：读不到这个文件（{error.strerror}）。检查路径。") from None
    except UnicodeDecodeError as error:
        line = original[: error.start].count(b"\n") + 1
        raise BadInput(
            f"{source}:{line}：不是 UTF-8 编码。用编辑器另存为 UTF-8 后再添加。"
        ) from None
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if OPENS_EMBED.match(line):
            raise BadInput(
                f"{source}:{number}：原文里已经有嵌入块 {line.strip()!r}。"
                "请添加作者的原文，嵌入块在添加以后写进 docs/posts/。"
            )
    return original


def address(original: bytes, source: Path) -> str:
    """The note's abbrlink, which is its file name and its address on the site."""
    text = original.decode("utf-8")
    try:
        meta = front_matter(text)
        as_written = front_matter(text, yaml.BaseLoader)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2023-13-45
        mark = getattr(error, "problem_mark", None)
        place = f"{source}:{mark.line + 2}" if mark else str(source)
        problem = getattr(error, "problem", None) or error
        raise BadInput(
            f"{place}：front matter 不是正确的 YAML（{problem}）。改正后再添加。"
        ) from None
    if reason := private_because(meta):
        raise BadInput(f"{source}：front matter 写着 {reason}，是私密笔记，不添加。")
    abbrlink = as_written.get("abbrlink", "")  # YAML would read 0123 as octal
    if not re.fullmatch(r"[0-9A-Fa-f]+", str(abbrlink)):
        got = f"得到 {abbrlink!r}" if abbrlink else "但没有这一行"
        raise BadInput(
            f"{source}：front matter 里应有 abbrlink，由十进制或十六进制数字组成，{got}。"
            "它是笔记的文件名和网址，例如 abbrlink: 681746266。"
        )
    return abbrlink
