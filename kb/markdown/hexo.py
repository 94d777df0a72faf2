"""Hexo's tags in notes: `{% note info %}…{% endnote %}`.

| tag | becomes |
|---|---|
| `note style` … `endnote` | a box; what it holds is Markdown |
| `hint style="info"` … `endhint` (GitBook) | a box |
| `fold style @title` … `endfold`, `folding`, `hideToggle`, `spoiler` … | a box that opens on a click |
| `blockquote author` or `quote`, `cq`, `pullquote` … `end…` | a quote, with its source below |
| `gi` … `endgi`, `gallery`, `grid` … `end…` | what it holds |
| `tabs` … `endtabs`, with `<!-- tab 标题 -->` … `<!-- endtab -->` | what it holds, under titles |
| `codeblock language` or `code`, `highlight`, `mermaid` … `end…` | a block of code |
| `include_code title lang:x path` | the file, as a block of code |
| `math` … `endmath` | a formula |
| `raw` … `endraw` | what it holds, as HTML |
| `asset_img`, `img` | a picture; `asset_path` its address |
| `link`, `btn`, `post_link`, `asset_link` | a link |
| `iframe`, `youtube`, `vimeo`, `bilibili` | a frame that loads on a click |
| `label style @text`, `cb text, checked` | a label, a check box |
| any other | its own source, as code |
"""

import re
from collections.abc import Callable
from html import escape
from urllib.parse import quote

from markdown_it import MarkdownIt
from markdown_it.rules_block.state_block import StateBlock
from markdown_it.rules_inline.state_inline import StateInline
from markdown_it.token import Token

from kb.markdown.boxes import inside as fill
from kb.markdown.boxes import next_line

TAG = re.compile(r"\{%-?\s*(\w+)([^%\n]*(?:%(?!\})[^%\n]*)*)%\}")
BOXES = {"note": "div", "fold": "details", "gi": "div", "gallery": "div", "grid": "div", "tabs": "div", "hint": "div"} | dict.fromkeys(
    ("blockquote", "quote", "cq", "pullquote"), "blockquote"
)
FOLDING = ("fold", "folding", "hideToggle", "hideBlock", "spoiler", "details")
BOXES |= dict.fromkeys(FOLDING, "details")
STYLE = re.compile(r"style=[\"']?(\w+)[\"']?")
ONE_LINE = re.compile(
    rf"\{{%\s*(?P<name>{'|'.join(BOXES)})\b(?P<arguments>[^%\n]*)%\}}(?P<inside>.+)"
    r"\{%\s*end(?P=name)\s*%\}"
)
STYLES = {
    "primary": "note",
    "secondary": "abstract",
    "light": "abstract",
    "default": "note",
    "success": "success",
    "info": "info",
    "warning": "warning",
    "danger": "danger",
}
"""Fluid's styles → those of the theme's boxes."""
CODE = {"codeblock", "code", "highlight", "mermaid"}
TAB = re.compile(r"<!--\s*tab\b[ \t]*([^@\n]*?)(?:@[^\n]*?)?\s*-->")
END_TAB = re.compile(r"<!--\s*endtab\s*-->")


def hexo_plugin(markdown: MarkdownIt) -> None:
    interrupts = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    markdown.block.ruler.before("fence", "hexo", block_tag, interrupts)
    markdown.block.ruler.before("html_block", "hexo_tabs", tab_lines, interrupts)
    markdown.inline.ruler.before("escape", "hexo", inline_tag)


def block_tag(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A tag on a line of its own with the tag that ends it on another, or both on one line."""
    if not state.src.startswith("{%", state.bMarks[start] + state.tShift[start]):
        return False
    if one_line := ONE_LINE.fullmatch(line_text(state, start)):
        return silent or one_line_box(state, start, one_line)
    opening = tag_on(state, start)
    if opening and opening[1] == "include_code":
        return silent or include(state, start, *parts(opening))
    if opening is None or opening[1] not in (*BOXES, *CODE, "raw", "math"):
        return False
    last = closing_line(state, start, end, opening[1])
    if last is None:
        return False
    if silent:
        return True
    name, arguments = parts(opening)
    inside = state.getLines(start + 1, last, state.sCount[start], True)
    if name in CODE:
        token = state.push("fence", "code", 0)
        token.content = inside
        token.info = "mermaid" if name == "mermaid" else language(arguments)
        token.markup = "```"
    elif name == "math":
        state.push("paragraph_open", "p", 1)
        token = state.push("inline", "", 0)
        token.content, token.children = f"$${inside.strip()}$$", []
        state.push("paragraph_close", "p", -1)
    elif name == "raw":
        token = state.push("html_block", "", 0)
        token.content = inside
    else:
        token = box(state, name, arguments)
        fill(state, start + 1, last)
        state.push("box_close", BOXES[name], -1)
    token.map = [start, last + 1]
    state.line = last + 1
    return True


def include(state: StateBlock, start: int, name: str, arguments: str) -> bool:
    """`{% include_code [title] [lang:language] [from:line] [to:line] path %}`: the file is read where
    the page is made.
    """
    options = dict(re.findall(r"\b(lang|from|to):(\S+)", arguments))
    words = [word for word in words_of(arguments) if not re.match(r"(?:lang|from|to):", word)]
    if not words:
        return False
    token = state.push("included", "code", 0)
    token.attrs = {"src": state.md.normalizeLink(words[-1])}
    token.content = line_text(state, start)
    token.info = options.get("lang", "")
    token.meta = {"title": " ".join(words[:-1]) or words[-1].rpartition("/")[2]}
    token.meta |= {edge: int(options[edge]) for edge in ("from", "to") if options.get(edge, "").isdecimal()}
    token.map = [start, start + 1]
    state.line = start + 1
    return True


def tab_lines(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """One of `tabs`, which all stand below each other."""
    opening = TAB.fullmatch(text) if (text := line_text(state, start)).startswith("<!--") else None
    if opening is None:
        return False
    last = next_line(state, start, end, "tab", END_TAB.fullmatch)
    if last is None:
        return False
    if silent:
        return True
    token = state.push("box_open", "div", 1)
    token.attrs = {"class": "hexo-box callout note"}
    token.meta["title"] = opening[1].strip() or "标签页"
    token.map = [start, last + 1]
    fill(state, start + 1, last)
    state.push("box_close", "div", -1)
    state.line = last + 1
    return True


def one_line_box(state: StateBlock, start: int, found: re.Match) -> bool:
    box(state, found["name"], found["arguments"].strip())
    state.push("paragraph_open", "p", 1)
    inline = state.push("inline", "", 0)
    inline.content, inline.map, inline.children = found["inside"].strip(), [start, start + 1], []
    state.push("paragraph_close", "p", -1)
    state.push("box_close", BOXES[found["name"]], -1)
    state.line = start + 1
    return True


def parts(tag: re.Match) -> tuple[str, str]:
    """Its name and arguments: `{%- note info -%}` → `note`, `info`."""
    return tag[1], tag[2].removesuffix("-").strip()


def box(state: StateBlock, name: str, arguments: str):
    style, _, title = (part.strip() for part in arguments.partition("@"))
    token = state.push("box_open", BOXES[name], 1)
    if found := STYLE.search(style):
        style = found[1]
    if name in ("note", "hint", *FOLDING):
        token.attrs = {"class": f"hexo-box {STYLES.get((style.split() or [''])[0], 'note')}"}
    if name in FOLDING:
        token.meta["summary"] = title or style.partition(",")[0].strip() or "展开"
    elif token.tag == "blockquote" and arguments:
        token.meta["source"] = arguments
    return token


def line_text(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip()


def tag_on(state: StateBlock, line: int) -> re.Match | None:
    """The tag that a line consists of."""
    text = line_text(state, line)
    return TAG.fullmatch(text) if text.startswith("{%") else None


def closing_line(state: StateBlock, start: int, end: int, name: str) -> int | None:
    """The line of the tag that ends the one at `start`; those of its kind may be nested."""
    if state.src.find(f"end{name}", state.eMarks[start]) < 0:
        return None
    depth = 1
    for line in range(start + 1, end):
        if state.sCount[line] < state.blkIndent and not state.isEmpty(line):
            return None
        if tag := tag_on(state, line):
            depth += {name: 1, f"end{name}": -1}.get(tag[1], 0)
        if depth == 0:
            return line
    return None


def language(arguments: str) -> str:
    named = re.search(r"\blang:(\S+)", arguments)
    if named:
        return named[1]
    words = [word for word in arguments.split() if ":" not in word]
    return words[0] if words and re.fullmatch(r"[\w+#-]+", words[0]) else ""


def inline_tag(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith("{%", state.pos) or state.html_terminator_last("%}") < state.pos:
        return False
    found = TAG.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        name, arguments = parts(found)
        INLINE.get(name, as_code)(state, arguments, found.group())
    state.pos = found.end()
    return True


def words_of(arguments: str) -> list[str]:
    return [a or b or c for a, b, c in re.findall(r"\"([^\"]*)\"|'([^']*)'|(\S+)", arguments)]


def as_code(state: StateInline, arguments: str, source: str) -> None:
    token = state.push("code_inline", "code", 0)
    token.content = source


def picture(state: StateInline, arguments: str, source: str) -> None:
    """`{% asset_img [class] file [width] [height] [title [alt]] %}`; `img` alike."""
    words = words_of(arguments)
    place = next((n for n, word in enumerate(words) if re.search(r"\.\w+$|/", word)), None)
    if place is None:
        return as_code(state, arguments, source)
    titles = [word for word in words[place + 1 :] if not word.isdigit()]
    token = state.push("image", "img", 0)
    token.attrs = {"src": state.md.normalizeLink(words[place]), "alt": ""}
    if titles and re.search("['\"]", titles[-1]):  # 'title' and 'alt' in one
        titles = words_of(titles[-1])
    token.children = [Token("text", "", 0, content=titles[-1])] if titles else []


def address(state: StateInline, arguments: str, source: str) -> None:
    """`{% link text url [external] [title] %}`, `{% btn url, text, title %}`."""
    words = words_of(arguments.replace(",", " "))
    place = next((n for n, word in enumerate(words) if re.match(r"\w+:|/|\.|#", word)), None)
    if place is None:
        return as_code(state, arguments, source)
    url = words.pop(place)
    if not state.md.validateLink(url):
        return as_code(state, arguments, source)
    text = words[0] if words and words[0] not in ("true", "false") else url
    anchor(state, url, text)


def anchor(state: StateInline, url: str, text: str) -> None:
    state.push("link_open", "a", 1).attrs = {"href": state.md.normalizeLink(url)}
    state.push("text", "", 0).content = text
    state.push("link_close", "a", -1)


def file_link(state: StateInline, arguments: str, source: str) -> None:
    """`{% post_link file [title] %}`, `{% asset_link file [title] %}`."""
    words = words_of(arguments)
    if not words:
        return as_code(state, arguments, source)
    titles = [word for word in words[1:] if word not in ("true", "false")]
    url = words[0] if re.search(r"\.\w+$", words[0]) else f"{words[0]}.md"
    anchor(state, url, " ".join(titles) or words[0])


def frame(template: str) -> Callable[[StateInline, str, str], None]:
    """A tag that shows another site's page, whose address the template gives."""

    def rule(state: StateInline, arguments: str, source: str) -> None:
        words = words_of(arguments)
        if not words:
            return as_code(state, arguments, source)
        url = template.format(words[0] if template == "{}" else quote(words[0]))
        state.push("html_inline", "", 0).content = f'<iframe src="{escape(url)}"></iframe>'

    return rule


def label(state: StateInline, arguments: str, source: str) -> None:
    style, at, text = arguments.partition("@")
    token = state.push("label_open", "span", 1)
    token.attrs = {"class": "hexo-label"}
    state.push("text", "", 0).content = text.strip() if at else style.strip()
    state.push("label_close", "span", -1)


def check_box(state: StateInline, arguments: str, source: str) -> None:
    text, *options = [part.strip() for part in arguments.split(",")]
    token = state.push("check_box", "input", 0)
    token.meta["checked"] = options[:1] == ["true"]
    state.push("text", "", 0).content = f" {text}"


def plain(state: StateInline, arguments: str) -> None:
    state.push("text", "", 0).content = arguments


def nothing(state: StateInline, arguments: str, source: str) -> None:
    """`{% raw %}` in a line: what it keeps from Hexo needs no keeping here."""


INLINE: dict[str, Callable[[StateInline, str, str], None]] = {
    "asset_img": picture,
    "img": picture,
    "link": address,
    "btn": address,
    "button": address,
    "post_link": file_link,
    "asset_link": file_link,
    "asset_path": lambda state, arguments, source: plain(state, arguments),
    "iframe": frame("{}"),
    "youtube": frame("https://www.youtube.com/embed/{}"),
    "vimeo": frame("https://player.vimeo.com/video/{}"),
    "bilibili": frame("https://player.bilibili.com/player.html?bvid={}"),
    "label": label,
    "cb": check_box,
    "raw": nothing,
    "endraw": nothing,
}
