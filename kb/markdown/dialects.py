r"""What Typora, GitHub and others add to Markdown.

| written | is | by |
|---|---|---|
| `正文[^1]`, `[^1]: 脚注`, `正文^[脚注]` | a footnote | mdit-py-plugins |
| `==高亮==` | marked | ours: it has to work beside Chinese characters |
| `m^2^`, `H~2~O` | raised, lowered | ours: what is raised is digits, letters and signs, for `a^b、c^d` is text |
| `[toc]`, `[[toc]]`, `@[TOC](目录)` | the table of contents | ours |
| `:smile:` | an emoji | GitHub's table, as pymdown-extensions has it |
| `![图](a.png =300x200)`, `![图\|300](a.png)` | a picture of that size | ours |
"""

import re
from collections.abc import Callable

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline.state_inline import StateInline
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.footnote.index import footnote_inline
from pymdownx import gemoji_db

from kb.markdown.obsidian import sizes

MARKED = re.compile(r"==(?![\s=])(?:[^=\n]|=(?!=)){1,1000}(?<![\s=])==(?!=)")
RAISED = re.compile(r"\^([A-Za-z0-9+\-−.,()]{1,20}|\[[^\[\]^\n]{1,20}\])\^(?!\^)")
LOWERED = re.compile(r"~([^\s~\\]+)~(?!~)")
SHORT = re.compile(r":([a-z0-9_+-]{1,40}):")
SIZED = re.compile(r"!\[((?:[^\[\]\\\n]|\\.){0,500})\]\(([^\s()<>]{1,2000})[ \t]+=(\d{0,4})x(\d{0,4})\)")
SIZE = re.compile(r"\|(\d{1,4})(?:x(\d{1,4}))?$")
CONTENTS = re.compile(r"@?\[toc\](?:\([^()\n]*\))?|\[\[_?toc_?\]\]|\$\{toc\}|\{\{\s*toc\s*\}\}", re.IGNORECASE)
WORD = re.compile(r"[A-Za-z0-9_]")


def dialects_plugin(markdown: MarkdownIt) -> None:
    footnote_plugin(markdown)
    markdown.inline.ruler.at("footnote_inline", inline_footnote)
    markdown.core.ruler.before("footnote_tail", "footnote_unused", keep_unused)
    markdown.core.ruler.after("block", "contents_here", contents_here)
    markdown.core.ruler.after("inline", "picture_sizes", picture_sizes)
    markdown.inline.add_terminator_char("=")
    markdown.inline.add_terminator_char("^")
    markdown.inline.ruler.before("emphasis", "mark", mark)
    markdown.inline.ruler.before("emphasis", "superscript", moved("sup", RAISED))
    markdown.inline.ruler.before("strikethrough", "subscript", moved("sub", LOWERED))
    markdown.inline.ruler.before("emphasis", "emoji", emoji)
    markdown.inline.ruler.before("image", "sized_image", sized_image)


def keep_unused(state: StateCore) -> None:
    """A footnote that nothing refers to is shown after the others: it is the author's text."""
    known = state.env.get("footnotes", {})
    for label, number in known.get("refs", {}).items():
        if number < 0:
            known["list"][len(known["list"])] = {"label": label[1:], "count": 0}


def inline_footnote(state: StateInline, silent: bool) -> bool:
    """`正文^[脚注]`; `x^[1]^` is raised."""
    return state.src.startswith("^[", state.pos) and footnote_inline(state, silent)


def contents_here(state: StateCore) -> None:
    """`[toc]` as every tool writes it becomes the one that is the table of contents here."""
    for token in state.tokens:
        if token.type == "inline" and CONTENTS.fullmatch(token.content.strip()):
            token.content = "[TOC]"


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


def moved(tag: str, pattern: re.Pattern) -> Callable[[StateInline, bool], bool]:
    def rule(state: StateInline, silent: bool) -> bool:
        """Raised or lowered text, behind something."""
        found = pattern.match(state.src, state.pos, state.posMax)
        if found is None or (tag == "sup" and not state.src[max(0, state.pos - 1) : state.pos].strip()):
            return False
        if not silent:
            state.push(f"{tag}_open", tag, 1)
            state.push("text", "", 0).content = found[1]
            state.push(f"{tag}_close", tag, -1)
        state.pos = found.end()
        return True

    return rule


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
