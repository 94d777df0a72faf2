r"""What Typora, Obsidian and GitHub add to Markdown.

| written | is | by |
|---|---|---|
| `正文[^1]`, `[^1]: 脚注` | a footnote | mdit-py-plugins |
| `==高亮==` | marked | ours: it has to work beside Chinese characters |
| `m^2^` | a superscript | ours: only digits, letters and signs, for `a^b、c^d` is text |
| `> [!note]- 标题` | a box, with `-` or `+` one that folds | ours: Obsidian's, and GitHub's alerts |
| `:smile:` | an emoji | GitHub's table, as pymdown-extensions has it |
| `[[笔记]]`, `[[笔记#小节\|别名]]` | a link to a note by its name | ours; `kb.site.wikilinks` finds it |
| `![图](a.png =300x200)`, `![图\|300](a.png)` | a picture of that size | ours |
"""

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline.state_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin
from pymdownx import gemoji_db

MARKED = re.compile(r"==(?![\s=])(?:[^=\n]|=(?!=)){1,1000}(?<![\s=])==(?!=)")
RAISED = re.compile(r"\^([A-Za-z0-9+\-−.,()]{1,20})\^(?!\^)")
SHORT = re.compile(r":([a-z0-9_+-]{1,40}):")
SIZED = re.compile(r"!\[((?:[^\[\]\\\n]|\\.){0,500})\]\(([^\s()<>]{1,2000})[ \t]+=(\d{0,4})x(\d{0,4})\)")
WIKI = re.compile(r"\[\[(?![\s\]])([^\[\]|\n]{1,300})(?:\\?\|([^\[\]\n]{1,300}))?\]\](?!\()")
SIZE = re.compile(r"\|(\d{1,4})(?:x(\d{1,4}))?$")
WORD = re.compile(r"[A-Za-z0-9_]")
CALLOUT = re.compile(r"\[!([A-Za-z][\w-]{0,30})(?:\|[^\]\n]*)?\]([-+]?)(?:[ \t]+([^\n]*))?(?:\n|\Z)")
KINDS = {
    **dict.fromkeys(("abstract", "summary", "tldr"), "abstract"),
    **dict.fromkeys(("info", "todo"), "info"),
    **dict.fromkeys(("tip", "hint", "important"), "tip"),
    **dict.fromkeys(("success", "check", "done"), "success"),
    **dict.fromkeys(("question", "help", "faq"), "question"),
    **dict.fromkeys(("warning", "attention"), "warning"),
    **dict.fromkeys(("failure", "fail", "missing"), "failure"),
    **dict.fromkeys(("danger", "error", "caution"), "danger"),
    **dict.fromkeys(("quote", "cite"), "quote"),
    **{name: name for name in ("note", "bug", "example")},
}
"""Obsidian's and GitHub's kinds → the theme's; another kind looks like a note."""
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


def dialects_plugin(markdown: MarkdownIt) -> None:
    footnote_plugin(markdown, inline=False)
    markdown.core.ruler.before("footnote_tail", "footnote_unused", keep_unused)
    markdown.core.ruler.after("block", "callouts", callouts)
    markdown.core.ruler.after("inline", "picture_sizes", picture_sizes)
    markdown.inline.add_terminator_char("=")
    markdown.inline.add_terminator_char("^")
    markdown.inline.ruler.before("emphasis", "mark", mark)
    markdown.inline.ruler.before("emphasis", "superscript", superscript)
    markdown.inline.ruler.before("emphasis", "emoji", emoji)
    markdown.inline.ruler.before("image", "sized_image", sized_image)
    markdown.inline.ruler.before("link", "wikilink", wikilink)


def keep_unused(state: StateCore) -> None:
    """A footnote that nothing refers to is shown after the others: it is the author's text."""
    known = state.env.get("footnotes", {})
    for label, number in known.get("refs", {}).items():
        if number < 0:
            known["list"][len(known["list"])] = {"label": label[1:], "count": 0}


def callouts(state: StateCore) -> None:
    """Quotes that begin with a kind become boxes."""
    ends: list[Token | None] = []
    made: list[Token] = []
    tokens = state.tokens
    for place, token in enumerate(tokens):
        if token.type == "blockquote_open":
            opened = open_callout(token, tokens[place + 1 : place + 3])
            ends.append(Token("box_close", opened.tag, -1) if opened else None)
            made.append(opened or token)
        elif token.type == "blockquote_close":
            made.append(ends.pop() or token)
        else:
            made.append(token)
    state.tokens = [*without_empty(made)]


def open_callout(quote: Token, inside: list[Token]) -> Token | None:
    if [token.type for token in inside] != ["paragraph_open", "inline"]:
        return None
    paragraph, text = inside
    found = CALLOUT.match(text.content)
    if found is None:
        return None
    kind = KINDS.get(name := found[1].lower(), "note")
    box = Token("box_open", "details" if found[2] else "div", 1, map=quote.map, level=quote.level)
    title = (found[3] or "").strip() or TITLES.get(name) or TITLES.get(kind, found[1])
    box.attrs = {"class": f"hexo-box callout {kind}"} | ({"open": "open"} if found[2] == "+" else {})
    box.meta = {"summary" if found[2] else "title": title}
    box.block = True
    text.content = text.content[found.end() :]
    if text.map and found[0].endswith("\n"):
        text.map = [text.map[0] + 1, text.map[1]]
    paragraph.hidden = paragraph.hidden or not text.content
    return box


def without_empty(tokens: list[Token]) -> Iterator[Token]:
    """All but paragraphs of which the title of a box was everything."""
    skip = 0
    for place, token in enumerate(tokens):
        if token.type == "paragraph_open" and not tokens[place + 1].content:
            skip = 3
        if skip:
            skip -= 1
        else:
            yield token


def mark(state: StateInline, silent: bool) -> bool:
    """`==高亮==`, not in the middle of `a==b or c==d`."""
    start = state.pos
    found = MARKED.match(state.src, start, state.posMax) if state.src[start] == "=" else None
    if found is None or is_in_word(state.src, start, 2) or is_in_word(state.src, found.end() - 2, 2):
        return False
    if not silent:
        state.push("mark_open", "mark", 1)
        end, state.posMax, state.pos = state.posMax, found.end() - 2, start + 2
        state.md.inline.tokenize(state)
        state.posMax = end
        state.push("mark_close", "mark", -1)
    state.pos = found.end()
    return True


def is_in_word(text: str, place: int, length: int) -> bool:
    before, after = text[max(0, place - 1) : place], text[place + length : place + length + 1]
    return bool(WORD.match(before) and WORD.match(after))


def superscript(state: StateInline, silent: bool) -> bool:
    found = RAISED.match(state.src, state.pos, state.posMax)
    if found is None or state.src[max(0, state.pos - 1) : state.pos].strip() == "":
        return False
    if not silent:
        state.push("sup_open", "sup", 1)
        state.push("text", "", 0).content = found[1]
        state.push("sup_close", "sup", -1)
    state.pos = found.end()
    return True


def emoji(state: StateInline, silent: bool) -> bool:
    """`:smile:`, not in the middle of a word, and none that GitHub doesn't have."""
    found = SHORT.match(state.src, state.pos, state.posMax)
    if found is None or found[1].isdecimal():  # 10:100:30
        return False
    before, after = state.src[max(0, state.pos - 1) : state.pos], state.src[found.end() : found.end() + 1]
    name = gemoji_db.aliases.get(found[0], found[0])
    known = gemoji_db.emoji.get(name, {})
    code = known.get("unicode_alt") or known.get("unicode")
    if not code or WORD.match(before) or WORD.match(after) or state.pending.endswith(":"):
        return False
    if not silent:
        state.push("text", "", 0).content = "".join(chr(int(each, 16)) for each in code.split("-"))
    state.pos = found.end()
    return True


def sized_image(state: StateInline, silent: bool) -> bool:
    """`![图](a.png =300x200)`, of which either may be left out."""
    found = SIZED.match(state.src, state.pos, state.posMax)
    if found is None or not (found[3] or found[4]):
        return False
    address = state.md.normalizeLink(found[2])
    if not state.md.validateLink(address):
        return False
    if not silent:
        token = state.push("image", "img", 0)
        token.attrs = {"src": address, "alt": "", **sizes(found[3], found[4])}
        token.content, token.children = found[1], []
        state.md.inline.parse(found[1], state.md, state.env, token.children)
    state.pos = found.end()
    return True


def picture_sizes(state: StateCore) -> None:
    """`![图|300](a.png)` and `![|300x200](a.png)`: the size is no part of the description."""
    for token in state.tokens:
        for child in token.children or ():
            last = (child.children or [None])[-1] if child.type == "image" else None
            if last is not None and last.type == "text" and (found := SIZE.search(last.content)):
                child.attrs |= sizes(found[1], found[2])
                last.content = last.content[: found.start()]


def sizes(width: str | None, height: str | None) -> dict[str, str]:
    return ({"width": width} if width else {}) | ({"height": height} if height else {})


def wikilink(state: StateInline, silent: bool) -> bool:
    """`[[笔记#小节|别名]]`; numbers are none, as `[[1, 2]]` is a matrix."""
    found = WIKI.match(state.src, state.pos, state.posMax)
    if found is None or state.linkLevel or not re.search(r"[^\W\d_]", found[1]):
        return False
    before, after = state.src[max(0, state.pos - 1) : state.pos], state.src[found.end() : found.end() + 1]
    if before in ("[", "!") or after == "]" or normalizeReference(found[1]) in state.env.get("references", {}):
        return False
    if not silent:
        target = found[1].removesuffix("\\").strip()
        state.push("link_open", "a", 1).attrs = {"data-wiki": target, "data-written": found[0]}
        state.push("text", "", 0).content = (found[2] or target.replace("#", " › ").removeprefix(" › ")).strip()
        state.push("link_close", "a", -1)
    state.pos = found.end()
    return True
