"""What kramdown, Jekyll's Markdown, adds: attributes, which aren't shown, but for anchors. Without
the colon they are Hugo's and Pandoc's.

| written | is |
|---|---|
| `## 标题 {#id}` | the heading, with an anchor |
| `{:.class}`, `{.class}`, `{: #id .class key="value"}` on a line of its own | nothing; the id is an anchor |
| a quote or paragraph, then `{: .prompt-tip }`, `{: .notice--warning}` | a box, as Chirpy and Minimal Mistakes have it |
| `*字*{:.class}`, `![图](a.png){: width="300"}` | the same; of a picture, its size |
| `* TOC`, then `{:toc}` | the table of contents |
| `{::comment}` … `{:/comment}` | nothing |
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block.state_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline.state_inline import StateInline
from markdown_it.token import Token

from kb.markdown.boxes import box_token, next_line
from kb.markdown.obsidian import sizes

LINE = re.compile(r"\{(?::(?!:)\s*|(?=[.#][\w-]))([^{}\n]*)\}\s*")
HEADING = re.compile(r"[ \t]*\{:?[ \t]*([.#][\w-][^{}\n]*)\}[ \t]*#*$")
SPAN = re.compile(r"\{:?(?!:)\s*([.#][\w-][^{}\n]*|[A-Za-z][\w-]*=[^{}\n]*)\}")
ATTRIBUTE = re.compile(r"""(?:^|\s)(?:\#([\w-]+)|\.[\w-]+|([\w-]+)=["']?([^"'\s}]+)["']?|[\w-]+)""")
BOXED = re.compile(r"\.(?:prompt|notice)-+(tip|info|warning|danger|success|primary)\b")
COMMENT = "{::comment}"


def kramdown_plugin(markdown: MarkdownIt) -> None:
    interrupts = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    markdown.block.ruler.before("fence", "attributes", attribute_line, interrupts)
    markdown.core.ruler.after("block", "contents", contents)
    markdown.inline.ruler.before("escape", "attributes", attribute_span)


def attribute_line(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    first = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith(("{:", "{.", "{#"), first) or state.is_code_block(start):
        return False
    text = state.src[first : state.eMarks[start]]
    if text.rstrip() == COMMENT:
        return comment(state, start, end, silent)
    found = LINE.fullmatch(text)
    if found is None or not is_attributes(found[1]):
        return False
    if not silent:
        token = state.push("attributes", "", 0)
        token.content, token.map, token.hidden = found[1], [start, start + 1], True
        state.line = start + 1
    return True


def is_attributes(text: str) -> bool:
    return not ATTRIBUTE.sub("", text).strip()


def comment(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    last = next_line(state, start, end, "comment", ("{:/comment}", "{:/}").__contains__)
    if last is None:
        return False
    state.line = state.line if silent else last + 1
    return True


def contents(state: StateCore) -> None:
    """A list before `{:toc}` gives way to the table of contents; ids are anchors in the block above."""
    made: list[Token] = []
    for token in state.tokens:
        if token.type == "inline" and made and made[-1].type == "heading_open":
            if (found := HEADING.search(token.content)) and found.start():
                token.content = token.content[: found.start()]
                ids = (name for name, _, _ in ATTRIBUTE.findall(found[1]) if name)
                token.children += [Token("anchor", "span", 0, content=name) for name in ids]
        if token.type != "attributes":
            made.append(token)
            continue
        if "toc" in token.content.split() and made and made[-1].type.endswith("_list_close"):
            level = made.pop().level
            while not (made[-1].type.endswith("_list_open") and made[-1].level == level):
                made.pop()
            made[-1:] = contents_here(made[-1])
        if boxed := BOXED.search(token.content):
            put_in_box(made, boxed[1])
        inline = next((each for each in reversed(made[-3:]) if each.type == "inline"), None)
        for name, _, _ in ATTRIBUTE.findall(token.content):
            if name and inline:
                inline.children.append(Token("anchor", "span", 0, content=name))
    state.tokens = made


def put_in_box(made: list[Token], kind: str) -> None:
    """The block that has just ended: what a quote holds, or a paragraph."""
    if not made or made[-1].type not in ("blockquote_close", "paragraph_close"):
        return
    last = made[-1]
    opening = last.type.replace("_close", "_open")
    start = next(n for n in reversed(range(len(made))) if (made[n].type, made[n].level) == (opening, last.level))
    box, end = box_token(kind), Token("box_close", "div", -1, level=last.level)
    box.level, box.map = last.level, made[start].map
    inside = made[start + 1 : -1] if opening == "blockquote_open" else made[start:]
    made[start:] = [box, *inside, end]


def contents_here(place: Token) -> list[Token]:
    inline = Token("inline", "", 0, content="[TOC]", map=place.map, level=place.level + 1, children=[])
    return [
        Token("paragraph_open", "p", 1, map=place.map, level=place.level, block=True),
        inline,
        Token("paragraph_close", "p", -1, level=place.level, block=True),
    ]


def attribute_span(state: StateInline, silent: bool) -> bool:
    """Behind something that has ended: `*字*{:.class}`."""
    if not state.src.startswith("{", state.pos) or state.pos == 0:
        return False
    found = SPAN.match(state.src, state.pos, state.posMax)
    if found is None or state.src[state.pos - 1] not in "*_`)]~=\"":
        return False
    if not silent and state.tokens and state.tokens[-1].type == "image" and not state.pending:
        said = {name: value.removesuffix("px") for _, name, value in ATTRIBUTE.findall(found[1]) if name}
        numbers = {name: value for name, value in said.items() if value.isdecimal()}
        state.tokens[-1].attrs |= sizes(numbers.get("width"), numbers.get("height"))
    state.pos = found.end()
    return True
