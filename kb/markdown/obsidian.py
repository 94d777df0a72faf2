r"""What Obsidian adds to Markdown, and GitHub's alerts, which it has as well.

| written | is | by |
|---|---|---|
| `[[笔记]]`, `[[笔记#小节\|别名]]` | a link to a note by its name | ours; `kb.site.wikilinks` finds it |
| `[[讲义.pdf]]`, `![[录音.mp3]]` | a link to a file; sound and video play | ours |
| `![[图.png\|300]]` | a picture of that size | ours |
| `![[笔记#小节]]` | that part of a note, shown in place | ours; `kb.site.shown_notes` fills it |
| `> [!note]- 标题` | a box, with `-` or `+` one that folds | ours |
| `%%注释%%` | nothing, where it is closed | ours |
| `一段 ^block-id` | an anchor | ours |
"""

import re
from collections.abc import Iterator
from html import escape

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from markdown_it.rules_block.state_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline.state_inline import StateInline
from markdown_it.token import Token

from kb.markdown.boxes import KINDS, TITLES

WIKI = re.compile(r"\[\[(?![\s\]])([^\[\]|\n]{1,300})(?:\\?\|([^\[\]\n]{1,300}))?\]\](?!\()")
SHOWN = re.compile(r"!\[\[(?![\s\]])([^\[\]|\n]{1,300})(?:\\?\|([^\[\]\n]{0,300}))?\]\]")
PICTURE = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|bmp|avif|ico)$", re.IGNORECASE)
SOUND = re.compile(r"\.(?:mp3|wav|ogg|m4a|flac)$", re.IGNORECASE)
VIDEO = re.compile(r"\.(?:mp4|webm|mov|ogv)$", re.IGNORECASE)
FILE = re.compile(r"\.(?:pdf|zip|7z|rar|gz|docx?|pptx?|xlsx?|csv|ipynb|epub|bib)$", re.IGNORECASE)
SIZE = re.compile(r"(?:^|\\?\|)\s*(\d{1,4})(?:x(\d{1,4}))?\s*$")
CALLOUT = re.compile(r"\[!([A-Za-z][\w-]{0,30})(?:\|[^\]\n]*)?\]([-+]?)(?:[ \t]+([^\n]*))?(?:\n|\Z)")
COMMENT = re.compile(r"%%(?!%)(?:[^%]|%(?!%))*%%(?!%)")
BLOCK_ID = re.compile(r"(?:^|[ \t\n])\^([A-Za-z0-9][A-Za-z0-9-]{2,60})[ \t]*$")


def obsidian_plugin(markdown: MarkdownIt) -> None:
    interrupts = {"alt": ["paragraph", "reference", "blockquote"]}
    markdown.block.ruler.before("fence", "comments", comment_lines, interrupts)
    markdown.core.ruler.after("block", "callouts", callouts)
    markdown.core.ruler.after("inline", "block_ids", block_ids)
    markdown.inline.add_terminator_char("%")
    markdown.inline.ruler.before("link", "wikilinks", wikilink)
    markdown.inline.ruler.before("image", "shown", shown)
    markdown.inline.ruler.before("emphasis", "comments", comment)


# Comments -----------------------------------------------------------------------------


def comment_lines(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A comment that begins a line and ends on another. One that nothing ends is text."""
    first = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith("%%", first):
        return False
    line = state.src[first : state.eMarks[start]]
    if line.count("%%") != 1 or line.startswith("%%%"):
        return False
    for last in range(start + 1, end):
        if state.sCount[last] < state.blkIndent and not state.isEmpty(last):
            return False
        text = state.src[state.bMarks[last] : state.eMarks[last]].rstrip()
        if "%%" in text:
            if not text.endswith("%%"):
                return False
            if not silent:
                state.line = last + 1
            return True
    return False


def comment(state: StateInline, silent: bool) -> bool:
    """`字%%注释%%字`, but not `50%%，另 30%%`."""
    if state.src[state.pos] != "%":
        return False
    found = COMMENT.match(state.src, state.pos, state.posMax)
    before = state.src[max(0, state.pos - 1) : state.pos]
    if found is None or before.isdigit() or before == "%":
        return False
    state.pos = found.end()
    return True


# Anchors ------------------------------------------------------------------------------


def block_ids(state: StateCore) -> None:
    """What ends a block as ` ^name` names it, and isn't shown."""
    for token in state.tokens:
        last = token.children[-1] if token.type == "inline" and token.children else None
        if last is None or last.type != "text" or not (found := BLOCK_ID.search(last.content)):
            continue
        alone = found.start() == 0
        if alone and len(token.children) > 1 and token.children[-2].type not in ("softbreak", "hardbreak"):
            continue
        last.content = last.content[: found.start()].rstrip()
        if alone and len(token.children) > 1:
            del token.children[-2:]
        token.children.insert(0, Token("anchor", "span", 0, content=found[1]))


# Boxes --------------------------------------------------------------------------------


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


# Links --------------------------------------------------------------------------------


def wikilink(state: StateInline, silent: bool) -> bool:
    """`[[笔记#小节|别名]]`; numbers are none, as `[[1, 2]]` is a matrix."""
    found = WIKI.match(state.src, state.pos, state.posMax)
    if found is None or state.linkLevel or not re.search(r"[^\W\d_]", found[1]):
        return False
    before, after = state.src[max(0, state.pos - 1) : state.pos], state.src[found.end() : found.end() + 1]
    if before in ("[", "!") or after == "]" or normalizeReference(found[1]) in state.env.get("references", {}):
        return False
    if not silent:
        link(state, found)
    state.pos = found.end()
    return True


def link(state: StateInline, found: re.Match, **more: str) -> None:
    target = found[1].removesuffix("\\").strip()
    path = target.partition("#")[0]
    if SOUND.search(path) or VIDEO.search(path) or FILE.search(path):
        file(state, path, (found[2] or path.rpartition("/")[2]).strip(), is_shown="data-shown" in more)
        return
    state.push("link_open", "a", 1).attrs = {"data-wiki": target, "data-written": found[0], **more}
    text = found[2] or target.replace("#^", "#").replace("#", " › ").removeprefix(" › ")
    state.push("text", "", 0).content = text.strip()
    state.push("link_close", "a", -1)


def file(state: StateInline, path: str, text: str, is_shown: bool) -> None:
    url = state.md.normalizeLink(path)
    if is_shown and not FILE.search(path):
        tag = "audio" if SOUND.search(path) else "video"
        state.push("html_inline", "", 0).content = f'<{tag} src="{escape(url)}"></{tag}>'
        return
    state.push("link_open", "a", 1).attrs = {"href": url}
    state.push("text", "", 0).content = text
    state.push("link_close", "a", -1)


def shown(state: StateInline, silent: bool) -> bool:
    """`![[图.png|300]]`, `![[笔记#小节]]`."""
    found = SHOWN.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        target = found[1].removesuffix("\\").strip()
        if PICTURE.search(target.partition("#")[0]):
            picture(state, target.partition("#")[0], found[2] or "")
        else:
            link(state, found, **{"data-shown": "yes"})
    state.pos = found.end()
    return True


def picture(state: StateInline, target: str, said: str) -> None:
    size = SIZE.search(said)
    described = said[: size.start()] if size else said
    token = state.push("image", "img", 0)
    token.attrs = {"src": state.md.normalizeLink(target), "alt": ""}
    token.attrs |= sizes(size[1], size[2]) if size else {}
    token.children = [Token("text", "", 0, content=described.strip())] if described.strip() else []


def sizes(width: str | None, height: str | None) -> dict[str, str]:
    return ({"width": width} if width else {}) | ({"height": height} if height else {})
