"""Hugo's shortcodes in notes: `{{< figure src="a.png" >}}`, `{{% notice tip %}} … {{% /notice %}}`.

| shortcode | becomes |
|---|---|
| `figure`, `img`, `image`, `picture` | a picture, with its title or caption below |
| `notice`, `admonition`, `alert`, `callout`, `hint`, `details`, `tip` … | a box; what it holds is Markdown |
| `highlight language`, `code`, `mermaid` | a block of code |
| `ref`, `relref` as an address | a link to that note (`kb.markdown.templates`) |
| `youtube`, `vimeo`, `bilibili`, `iframe` | a frame that loads on a click |
| `tabs`, `tab`, `columns`, `center` … | what they hold, under their titles |
| `katex`, `math` | a formula |
| `rawhtml`, `html` | what it holds, as HTML |
| `link`, `button` | a link |
| `{{</* figure */>}}` | the shortcode itself, as code |
| any other | its own source, as code, to its end where that is a shortcode, too |
"""

import re
from bisect import bisect_left
from html import escape
from urllib.parse import quote

from markdown_it import MarkdownIt
from markdown_it.rules_block.state_block import StateBlock
from markdown_it.rules_inline.state_inline import StateInline
from markdown_it.token import Token

from kb.markdown.boxes import FOLDING, KINDS, box_token, inside

CODE = re.compile(
    r"""\{\{(?P<open>[<%])(?P<said>/\*)?\s*(?P<end>/?)\s*(?P<name>[A-Za-z][\w/.-]*)(?<!/)
        (?P<rest>(?:"(?:[^"\\\n]|\\.)*"|`[^`]*`|(?!\s*/?[>%]\}\}|\*/)[^"`]){0,1000})
        \s*(?P<self>/?)(?(said)\*/)\s*(?P<close>[>%])\}\}""",
    re.VERBOSE,
)
END = re.compile(r"\{\{[<%]\s*/\s*([\w/.-]+)\s*[>%]\}\}")
ARGUMENT = re.compile(r"(?:([\w-]+)\s*=\s*)?(?:\"((?:[^\"\\]|\\.)*)\"|`([^`]*)`|([^\s\"=]+))")
BOXES = {"notice", "admonition", "alert", "callout", "hint", "panel"}
"""What their first argument or `type` says the kind of."""
HOLDERS = {"tabs", "tab", "tabpane", "columns", "column", "center", "steps", "step", "cards", "gallery"}
PICTURES = {"figure", "img", "image", "picture"}
LISTINGS = {"highlight", "code", "mermaid"}
FORMULAS = {"katex", "math"}
HTML = {"rawhtml", "raw-html", "raw_html", "html", "raw"}
LINKS = {"link", "button", "btn"}
FRAMES = {
    "youtube": "https://www.youtube.com/embed/{}",
    "vimeo": "https://player.vimeo.com/video/{}",
    "bilibili": "https://player.bilibili.com/player.html?bvid={}",
    "iframe": "{}",
}
MOST_LOOKED_AT = 50_000
"""Shortcodes that are looked at for the ends of others, in one note."""


def shortcodes_plugin(markdown: MarkdownIt) -> None:
    interrupts = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    markdown.block.ruler.before("fence", "shortcodes", block_shortcode, interrupts)
    markdown.inline.add_terminator_char("{")
    markdown.inline.ruler.before("escape", "shortcodes", inline_shortcode)


def is_box(name: str) -> bool:
    return name in BOXES or name in HOLDERS or name in FOLDING or name in KINDS


def block_shortcode(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """One that begins a line, with what it holds and the one that ends it; or one over several lines."""
    first = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith("{{", first) or state.is_code_block(start):
        return False
    stop = state.eMarks[end - 1]
    opening = CODE.match(state.src, first, stop)
    if opening is None or opening["end"] or opening["said"] or not is_whole(opening):
        return False
    closing = None if opening["self"] else closing_of(state, opening, stop)
    last = closing.end() if closing else opening.end()
    after = line_of(state, last, start, end)
    if after is None or state.src[last : state.eMarks[after]].strip():
        return False
    if closing is None and (after == start or not known_alone(opening["name"])):
        if after == start:  # in a line by itself it is as in any other
            return False
    if silent:
        return True
    state.line = after + 1
    make(state, opening, closing, start, after)
    return True


def is_whole(found: re.Match) -> bool:
    return (found["open"] == "<") == (found["close"] == ">")


def known_alone(name: str) -> bool:
    return name in PICTURES or name in FRAMES


def closing_of(state: StateBlock, opening: re.Match, stop: int) -> re.Match | None:
    """The shortcode that ends it; those of its name may be nested."""
    name, depth = opening["name"], 1
    if last_end(state, name) < opening.end():
        return None
    for found in CODE.finditer(state.src, opening.end(), stop):
        state.env["shortcodes"] = looked_at = state.env.get("shortcodes", 0) + 1
        if looked_at > MOST_LOOKED_AT:
            return None
        if found["name"] == name and not found["said"] and not found["self"]:
            depth += -1 if found["end"] else 1
            if depth == 0:
                return found
    return None


def last_end(state: StateBlock | StateInline, name: str) -> int:
    """Where the last shortcode begins that ends one of that name, -1 where there is none."""
    ends = state.env.get("ends")
    if ends is None or ends[0] is not state.src:
        ends = state.env["ends"] = state.src, {found[1]: found.start() for found in END.finditer(state.src)}
    return ends[1].get(name, -1)


def line_of(state: StateBlock, place: int, start: int, end: int) -> int | None:
    """The line that a place of the text is in."""
    line = bisect_left(state.eMarks, place, start, end)
    return line if line < end else None


def make(state: StateBlock, opening: re.Match, closing: re.Match | None, start: int, last: int) -> None:
    name = opening["name"].lower()
    source = state.src[opening.start() : closing.end() if closing else opening.end()]
    held = state.src[opening.end() : closing.start()] if closing else ""
    named, plain = arguments(opening["rest"])
    if closing and name in LISTINGS:
        token = state.push("fence", "code", 0)
        token.content, token.markup = held.strip("\r\n") + "\n", "```"
        token.info = "mermaid" if name == "mermaid" else named.get("lang") or (plain or [""])[0]
    elif closing and name in FORMULAS:
        token = paragraph(state, start, last, f"$${held.strip()}$$")
    elif closing and name in HTML:
        token = state.push("html_block", "", 0)
        token.content = held.strip("\r\n")
    elif closing and is_box(name):
        token = box(state, opening, closing, start, last)
    elif name in PICTURES or name in FRAMES:
        token = paragraph(state, start, last, source)
    else:
        token = state.push("fence", "code", 0)
        token.content, token.markup, token.info = f"{source}\n", "```", ""
    token.map = [start, last + 1]


def paragraph(state: StateBlock, start: int, last: int, text: str) -> Token:
    opened = state.push("paragraph_open", "p", 1)
    inline = state.push("inline", "", 0)
    inline.content, inline.map, inline.children = text, [start, last + 1], []
    state.push("paragraph_close", "p", -1)
    return opened


def box(state: StateBlock, opening: re.Match, closing: re.Match, start: int, last: int) -> Token:
    """What it holds on lines of its own is blocks, what stands in its line is a paragraph."""
    name = opening["name"].lower()
    named, plain = arguments(opening["rest"])
    kind = name
    if name in BOXES:
        kind = named.get("type") or named.get("style") or named.get("context") or (plain.pop(0) if plain else "note")
    title = named.get("title") or named.get("summary") or named.get("name") or " ".join(plain)
    if name in HOLDERS:
        kind = "tab" if title else ""
    token = box_token(kind, title, opened=named.get("open") == "true")
    token.level = state.level
    state.tokens.append(token)
    state.level += 1
    after = state.line
    opened_on, closed_on = line_of(state, opening.end(), start, last + 1), line_of(state, closing.start(), start, last + 1)
    held = state.src[opening.end() : closing.start()]
    is_alone = not state.src[state.bMarks[closed_on] : closing.start()].strip()
    rest = state.src[opening.end() : state.eMarks[opened_on]].strip()
    if opened_on < closed_on and is_alone and not rest:
        inside(state, opened_on + 1, closed_on)
    elif held.strip():
        paragraph(state, start, last, held.strip())
    state.line = after
    state.level -= 1
    state.tokens.append(Token("box_close", token.tag, -1, level=state.level))
    return token


def arguments(rest: str) -> tuple[dict[str, str], list[str]]:
    """Those with a name, and those without."""
    named, plain = {}, []
    for name, quoted, raw, bare in ARGUMENT.findall(rest):
        value = re.sub(r"\\(.)", r"\1", quoted) or raw or bare
        if name:
            named[name.lower()] = value
        else:
            plain.append(value)
    return named, plain


def inline_shortcode(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith("{{", state.pos) or state.src.rfind("}}", state.pos) < 0:
        return False
    found = CODE.match(state.src, state.pos, state.posMax)
    if found is None or not is_whole(found):
        return False
    source, end = found.group(), found.end()
    if not (found["end"] or found["said"] or found["self"]) and not known_alone(found["name"]):
        if last_end(state, found["name"]) >= end:
            ends = next(each for each in END.finditer(state.src, end) if each[1] == found["name"])
            if ends.end() <= state.posMax:
                source, end = state.src[found.start() : ends.end()], ends.end()
    if not silent:
        show(state, found, source)
    state.pos = end
    return True


def show(state: StateInline, found: re.Match, source: str) -> None:
    name = found["name"].lower()
    named, plain = arguments(found["rest"])
    if found["said"]:
        source = re.sub(r"(?<=\{\{[<%])/\*|\*/(?=\s*[>%]\}\})", "", source)
    elif name in PICTURES and (address := named.get("src") or (plain or [""])[0]):
        return picture(state, address, named)
    elif name in LINKS and (url := state.md.normalizeLink(named.get("href") or named.get("url") or (plain or [""])[0])):
        if state.md.validateLink(url):
            held = END.sub("", source[len(found.group()) :]).strip()
            text = held or named.get("content") or named.get("text") or named.get("title") or url
            state.push("link_open", "a", 1).attrs = {"href": url}
            state.push("text", "", 0).content = text
            state.push("link_close", "a", -1)
            return None
    elif name in FRAMES and (which := named.get("id") or named.get("src") or (plain or [""])[0]):
        template = FRAMES[name]
        url = template.format(which if template == "{}" else quote(which))
        state.push("html_inline", "", 0).content = f'<iframe src="{escape(url)}"></iframe>'
        return None
    state.push("code_inline", "code", 0).content = " ".join(source.split())
    return None


def picture(state: StateInline, address: str, named: dict[str, str]) -> None:
    token = state.push("image", "img", 0)
    caption = named.get("caption") or named.get("title") or ""
    described = named.get("alt") or caption
    token.attrs = {"src": state.md.normalizeLink(address), "alt": ""}
    token.attrs |= {name: value for name in ("width", "height") if (value := named.get(name, "")).isdecimal()}
    token.children = [Token("text", "", 0, content=described)] if described else []
    if caption:
        state.push("caption", "span", 0).content = caption
