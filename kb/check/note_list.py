"""`kb list`: one line a note, the newest first."""

import unicodedata
from collections import Counter
from pathlib import Path

from kb.evidence.judge import State, judge_all
from kb.notes.library import Note, read_library

HEADINGS = ("日期", "文件", "完成", "批注", "嵌入的代码（CPU）", "分类", "标题")
ABSENT = "找不到"
"""The state of code that there is none of."""


def list_notes(root: Path) -> list[dict]:
    """What `kb list --json` shows of each note. Raises BadInput where one can't be read."""
    states = {name: verdict.state.value for name, verdict in judge_all(root, "cpu").items()}
    return [describe(note, states) for note in read_library(root)]


def describe(note: Note, states: dict[str, str]) -> dict:
    return {
        "file": f"docs/{note.uri}",
        "title": note.title,
        "date": note.date,
        "day": note.when.date().isoformat() if note.when else None,
        "category": list(note.category),
        "categories": [list(path) for path in note.categories],
        "tags": list(note.tags),
        "done": note.done,
        "headings": note.headings,
        "annotations": len(note.annotations),
        "embeds": [{"code": name, "state": states.get(name, ABSENT)} for name in note.embeds],
    }


def tabulate(notes: list[dict]) -> list[str]:
    """The same as lines of a table; titles come last, since they are long."""
    rows = [
        (
            note["day"] or note["date"] or "没有日期",
            note["file"].removeprefix("docs/posts/"),
            f"{note['done']}/{note['headings']}",
            str(note["annotations"]),
            count_states(note["embeds"]),
            "，".join(" / ".join(path) for path in note["categories"]),
            note["title"],
        )
        for note in notes
    ]
    table = [HEADINGS, *rows]
    widths = [max(map(width, column)) for column in zip(*table, strict=True)]
    return ["  ".join(map(pad, row, widths)).rstrip() for row in table]


def count_states(embeds: list[dict]) -> str:
    """`7 已验证 1 已过期`, the best state first; what can't be found comes last."""
    counts = Counter(embed["state"] for embed in embeds)
    order = [*(state.value for state in reversed(State)), ABSENT]
    return " ".join(f"{counts[state]} {state}" for state in order if counts[state])


def pad(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))


def width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two, combining marks none."""
    return sum(
        0
        if unicodedata.category(char) in ("Mn", "Me", "Cf", "Cc")
        else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )
