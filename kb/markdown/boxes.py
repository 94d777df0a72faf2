"""Boxes: the kinds that tools have, by the theme's names, and `:::tip 标题` … `:::`.

A box is a pair of tokens, `box_open` and `box_close`: its class is the theme's, `meta` holds a
`title`, or the `summary` of one that folds. Obsidian's callouts, Hexo's tags and Hugo's shortcodes
are such boxes as well.
"""

import re
from collections.abc import Callable

from markdown_it import MarkdownIt
from markdown_it.rules_block.state_block import StateBlock
from markdown_it.token import Token

KINDS = {
    **dict.fromkeys(("abstract", "summary", "tldr"), "abstract"),
    **dict.fromkeys(("info", "todo", "primary"), "info"),
    **dict.fromkeys(("tip", "hint", "important"), "tip"),
    **dict.fromkeys(("success", "check", "done"), "success"),
    **dict.fromkeys(("question", "help", "faq"), "question"),
    **dict.fromkeys(("warning", "attention", "warn"), "warning"),
    **dict.fromkeys(("failure", "fail", "missing"), "failure"),
    **dict.fromkeys(("danger", "error", "caution"), "danger"),
    **dict.fromkeys(("quote", "cite"), "quote"),
    **{name: name for name in ("note", "bug", "example")},
}
"""The tools' kinds → the theme's; another kind looks like a note."""
FOLDING = {"details", "spoiler", "expand", "collapse"}
TITLES = {
    "note": "注",
    "abstract": "摘要",
    "info": "说明",
    "todo": "待办",
    "tip": "提示",
    "important": "重要",
    "success": "完成",
    "question": "问题",
    "warning": "警告",
    "failure": "失败",
    "danger": "危险",
    "caution": "当心",
    "bug": "缺陷",
    "example": "例子",
    "quote": "引用",
}
FENCE = re.compile(r"(:{3,})[ \t]*\{?[.]?([A-Za-z][\w-]{0,30})?\}?(?:[ \t]+(.*?))?[ \t]*:*\s*")
MOST_LOOKED_AT = 200_000
"""Lines of a note, each once for every box that may end there; what is left then is text."""
ATTRIBUTES = re.compile(r"\{[^{}]*\}\s*$")


def box_token(kind: str, title: str = "", opened: bool = False) -> Token:
    """The `box_open` of a kind as its tool calls it: one that folds, one that is known, or only
    what keeps together what is in it.
    """
    name = kind.lower()
    if name in FOLDING:
        token = Token("box_open", "details", 1)
        token.meta["summary"] = title or "展开"
        if opened:
            token.attrs["open"] = "open"
    else:
        token = Token("box_open", "div", 1)
        if title := title or TITLES.get(name) or TITLES.get(KINDS.get(name, ""), ""):
            token.meta["title"] = title
    if name in FOLDING or token.meta:
        token.attrs["class"] = f"hexo-box callout {KINDS.get(name, 'note')}"
    token.block = True
    return token


def boxes_plugin(markdown: MarkdownIt) -> None:
    interrupts = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    markdown.block.ruler.before("fence", "containers", container, interrupts)


def container(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`:::tip 标题` to a line of as many colons; mdit-py-plugins' containers have one name each,
    and go to the end of the note where they aren't closed.
    """
    opening = fence_on(state, start)
    if opening is None or not opening[2]:
        return False
    last = closing_line(state, start, end)
    if last is None:
        return False
    if silent:
        return True
    title = ATTRIBUTES.sub("", opening[3] or "").strip()
    token = box_token(opening[2], title)
    token.map, token.level = [start, last + 1], state.level
    state.tokens.append(token)
    state.level += 1
    inside(state, start + 1, last)
    state.level -= 1
    state.tokens.append(Token("box_close", token.tag, -1, level=state.level))
    state.line = last + 1
    return True


def next_line(
    state: StateBlock, start: int, end: int, name: str, is_wanted: Callable[[str], object]
) -> int | None:
    """The first line below `start` that is wanted; it is remembered by the name, so that each line is
    looked at once.
    """
    known = state.env.get(name, -1)
    if known <= start:
        lines = (state.src[state.bMarks[n] : state.eMarks[n]].strip() for n in range(start + 1, len(state.bMarks) - 1))
        known = next((n for n, line in enumerate(lines, start + 1) if is_wanted(line)), len(state.bMarks))
        state.env[name] = known
    return known if known < end else None


def inside(state: StateBlock, first: int, last: int) -> None:
    """Blocks from one line to before another, which end there."""
    end, state.lineMax = state.lineMax, last
    state.md.block.tokenize(state, first, last)
    state.lineMax = end


def fence_on(state: StateBlock, line: int) -> re.Match | None:
    first = state.bMarks[line] + state.tShift[line]
    if not state.src.startswith(":::", first) or state.is_code_block(line):
        return None
    return FENCE.fullmatch(state.src, first, state.eMarks[line])


def closing_line(state: StateBlock, start: int, end: int) -> int | None:
    """Of the box that begins at `start`; those within it are passed over, and so is code."""
    depth, code = 0, ""
    for line in range(start, end):
        state.env["looked_at"] = looked_at = state.env.get("looked_at", 0) + 1
        if looked_at > MOST_LOOKED_AT or (state.sCount[line] < state.blkIndent and not state.isEmpty(line)):
            return None
        text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip()
        if code:
            code = "" if text.startswith(code) and not text.strip(code[0]) else code
        elif fence := re.match("`{3,}|~{3,}", text):
            code = fence[0]
        elif found := fence_on(state, line):
            depth += 1 if found[2] else -1
            if depth == 0:
                return line
    return None
