"""HTML that an author wrote into a note: what of it may stand on a page.

Nothing of it is passed on as it stands. It is cut into tags, text and comments where a browser
would cut it; the tags on the list become elements of the page's tree (`kb.markdown.commonmark`), with the
attributes that nh3, an HTML5 parser, leaves of them and whose values are checked here:

| in the note | on the page |
|---|---|
| a tag on the list | an element, without `class`, event handlers and whatever else isn't listed |
| `id`, `name` | `id`, with a prefix, so that it can't meet one of ours |
| `style` | without properties that aren't listed, negative lengths and `url(…)` |
| `<img>` | a picture as any other; see `kb.pictures.shown` |
| `<iframe>` | loads when its link is clicked, without a script |
| `<video>`, `<audio>` | load when they are played |
| what runs, loads or asks, such as `<script>`, `<link>`, `<form>`, `<svg>` | its source |
| any other tag, such as `<T>` or `<BOS>` | text |
| a comment | a comment |
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape, unescape
from html.parser import HTMLParser

import nh3
import tinycss2
from markdown_it.token import Token

from kb.markdown.html import without_marks
from kb.markdown.places import host_of
from kb.markdown.templates import filled_in

ANCHOR = "author-"
"""What ids of the author's begin with on a page."""

EVERYWHERE = {"title", "lang", "dir", "style", "id", "align"}
SIZES = {"width", "height"}
TABLE = {"bgcolor", "border", "bordercolor", "cellpadding", "cellspacing", "frame", "rules", "summary"}
CELL = {"valign", "bgcolor", "bordercolor", "colspan", "rowspan", "scope", "headers", "nowrap"}
MEDIA = {"src", "loop", "muted", "poster"}

ALLOWED: dict[str, set[str]] = dict.fromkeys(
    "abbr acronym address article aside b bdi bdo big blockquote br caption center cite code dd del "
    "details dfn div dl dt em figcaption figure footer h1 h2 h3 h4 h5 h6 header i ins kbd main mark "
    "nav p picture pre q rb rp rt rtc ruby s samp section small span strike strong sub summary sup "
    "time tt u var wbr".split(),
    set(),
) | {
    "a": {"href", "name", "target"},
    "audio": MEDIA,
    "br": {"clear"},
    "col": {"span", "width", "valign"},
    "colgroup": {"span", "width", "valign"},
    "details": {"open"},
    "font": {"color", "size", "face"},
    "hr": {"color", "size", "width", "noshade"},
    "iframe": {"src", "allowfullscreen", *SIZES},
    "img": {"src", "alt", "border", "hspace", "vspace", *SIZES},
    "li": {"value", "type"},
    "ol": {"start", "type", "reversed"},
    "source": {"src", "type"},
    "table": {*TABLE, *SIZES},
    "tbody": {"valign"},
    "td": {*CELL, *SIZES},
    "tfoot": {"valign"},
    "th": {*CELL, *SIZES},
    "thead": {"valign"},
    "time": {"datetime"},
    "tr": {"valign", "bgcolor", "bordercolor"},
    "ul": {"type"},
    "video": {*MEDIA, *SIZES},
}
"""Tags that become elements, each with the attributes that it may have beside EVERYWHERE."""

RENAMED = dict.fromkeys("address article aside footer header main nav section".split(), "div") | {
    "picture": "span"
}
"""A note has no landmarks of its own; of a picture's sources, the one that all browsers have stays."""

OPAQUE = set(
    "applet math noembed noframes noscript object script select style svg template textarea title "
    "xmp".split()
)
"""Elements that are shown as source whole, with all that is in them."""
SHOWN = OPAQUE | set(
    "area base basefont body button canvas command datalist dialog embed fieldset form frame "
    "frameset head html input isindex keygen label legend link map meta meter optgroup option "
    "output param plaintext portal progress slot track".split()
)
"""Elements of HTML that aren't for notes: their tags are shown as source, as code."""
KNOWN = ALLOWED.keys() | SHOWN | {"image"}
"""`<image>` is one more spelling of `<img>`, as every browser has it."""
VOID = {"br", "col", "hr", "img", "source", "wbr"}

SCHEMES = {"http", "https", "ftp", "mailto", "tel", "xmpp", "magnet", "file", *"abcdefghijklmnopqrstuvwxyz"}
"""Of links; `C:` is a disk on the author's machine, and leads nowhere."""
FETCHED = {"http", "https"}
"""Of what a click loads."""
PICTURES = tuple(f"data:image/{kind}" for kind in ("png", "jpeg", "jpg", "gif", "webp", "avif", "bmp"))

PROPERTIES = set(
    "background background-color caption-side clear color display empty-cells float font font-family "
    "font-size font-style font-variant font-weight letter-spacing list-style list-style-position "
    "list-style-type margin margin-bottom margin-left margin-right margin-top max-width min-width "
    "overflow-wrap text-align text-decoration text-decoration-color text-decoration-line "
    "text-decoration-style text-indent text-transform vertical-align width word-break word-spacing "
    "word-wrap".split()
)
"""Of style, for every element: none can put it over what stands beside it, or draw a badge."""
OF_BOXES = set(
    "aspect-ratio border border-bottom border-bottom-color border-bottom-style border-bottom-width "
    "border-collapse border-color border-left border-left-color border-left-style border-left-width "
    "border-right border-right-color border-right-style border-right-width border-spacing border-style "
    "border-top border-top-color border-top-style border-top-width border-width height max-height "
    "min-height object-fit padding padding-bottom padding-left padding-right padding-top table-layout".split()
)
"""For pictures, tables and what else has a size of its own: text would run out of it."""
BOXES = {"img", "video", "audio", "iframe", "table", "td", "th", "tr", "col", "hr"}
DISPLAYED = {"block", "inline", "inline-block", "table", "inline-table"}
COLOURS = {"rgb", "rgba", "hsl", "hsla"}

FRAME = """<!doctype html><html lang=zh><meta name=color-scheme content="light dark">\
<style>body{{display:grid;font:16px system-ui,sans-serif;height:100vh;margin:0;place-items:center;\
text-align:center}}a{{color:LinkText;padding:1em}}</style>\
<a href="{url}" rel=noreferrer>点击加载来自 {host} 的内容</a>"""


@dataclass(frozen=True)
class Start:
    name: str
    tag: str
    """Of the element that it becomes."""
    attributes: dict[str, str]
    dropped: tuple[str, ...]
    """Attributes and properties of style that it doesn't get."""
    source: str
    line: int
    """Of the piece of HTML, from 0."""


@dataclass(frozen=True)
class End:
    name: str


class Source(str):
    """Shown as it is written, as code."""


class Comment(str):
    """What stands between `<!--` and `-->`."""


Piece = Start | End | Source | Comment | str


@lru_cache(maxsize=2000)
def pieces(html: str) -> tuple[Piece, ...]:
    """What a piece of raw HTML becomes, in order; strings are text, with its entities."""
    return tuple(cut(html))


def cut(html: str) -> Iterator[Piece]:
    folded = html.translate(ASCII_LOWER)
    done = place = line = 0  # up to where it is passed on, up to where it is read
    while (start := html.find("<", place)) >= 0:
        line += html.count("\n", place, start)
        place = start + 1
        if html.startswith("<!--", start):
            inside, end = comment(html, start)
            piece = Comment(inside) if end else None
        else:
            closing = html.startswith("/", place)
            name_end = end_of_name(html, place + closing)
            name = folded[place + closing : name_end]
            if name not in KNOWN:
                continue  # it is text
            name = "img" if name == "image" else name
            end = end_of_tag(html, name_end)
            if end and name in OPAQUE and not closing:
                end = end_of_element(html, folded, name, end) or len(html)
            piece = read_tag(name, closing, html[start:end], line) if end else None
        if start > done:
            yield html[done:start]
        if not end:  # nothing ends it, and a browser would drop all that follows
            yield Source(html[start:])
            return
        yield piece
        if isinstance(piece, Start) and piece.name == "iframe":
            end = end_of_element(html, folded, "iframe", end) or end  # nobody sees what is in it
        line += html.count("\n", start, end)
        done = place = end
    if done < len(html):
        yield html[done:]


ASCII_LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
"""Unlike str.lower, it keeps every character in its place."""
SPACE = " \t\n\f\r"


def comment(html: str, start: int) -> tuple[str, int]:
    """What a comment says and where it ends; 0 where it doesn't."""
    for short in ("<!-->", "<!--->"):
        if html.startswith(short, start):
            return "", start + len(short)
    end = html.find("-->", start + 4)
    early = html.find("--!>", start + 4, end if end >= 0 else None)
    if early >= 0:
        return html[start + 4 : early], early + 4
    return html[start + 4 : end], end + 3 if end >= 0 else 0


def end_of_name(html: str, start: int) -> int:
    """The end of the name of a tag, which begins with a letter; `start` where there is none."""
    place = start
    if html[place : place + 1].isascii() and html[place : place + 1].isalpha():
        while place < len(html) and html[place] not in "/>" + SPACE:
            place += 1
    return place


def end_of_tag(html: str, place: int) -> int:
    """The place after the `>` that ends a tag, whose name ends at `place`; 0 where there is none.

    As the HTML standard's tokenizer has it: a quote matters only after `=`.
    """
    while place < len(html):
        char = html[place]
        if char == ">":
            return place + 1
        place += 1
        if char != "=":
            continue
        while place < len(html) and html[place] in SPACE:
            place += 1
        if html[place : place + 1] in ("'", '"'):
            place = html.find(html[place], place + 1) + 1
            if not place:
                return 0
        else:
            while place < len(html) and html[place] not in ">" + SPACE:
                place += 1
    return 0


def end_of_element(html: str, folded: str, name: str, start: int) -> int:
    """The place after the end tag of an element; 0 where there is none."""
    place = start
    while (place := folded.find(f"</{name}", place)) >= 0:
        place += len(name) + 2
        if html[place : place + 1] in (*SPACE, "/", ">") and (end := html.find(">", place)) >= 0:
            return end + 1
    return 0


def read_tag(name: str, closing: bool, source: str, line: int) -> Piece:
    if name in SHOWN:
        return Source(source)
    if closing and name != "br":  # a browser takes that for a start tag
        return End(name)
    kept, dropped = attributes_for(name, source)
    attributes, tag = dict(kept), RENAMED.get(name, name)
    if name == "iframe" and not attributes.get("src", "").strip():
        return Source(source)
    if name == "iframe":
        attributes = frame(attributes)
    elif name in ("video", "audio"):
        attributes |= {"preload": "none", "controls": "controls"}
    elif name == "a" and "href" not in attributes:
        tag = "span"
    elif name == "img" and "src" not in attributes:
        return source
    return Start(name, tag, attributes, dropped, source, line)


@lru_cache(maxsize=5000)
def attributes_for(name: str, source: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """The attributes of a start tag that it keeps, and the names of what it doesn't."""
    source = filled_in(source)
    written = attributes_of(source)
    neutral = "a" if name == "a" else "span"  # an HTML parser passes over a `td` by itself
    cleaned = cleaner(name, neutral).clean(f"<{neutral}{source[end_of_name(source, 1) :]}")
    kept = attributes_of(cleaned)
    if name == "img" and "src" in written and is_picture(written["src"]):
        kept["src"] = written["src"]  # what can't be had has its place on the page, too
    dropped = [each for each in written if each not in kept]
    if "style" in kept:
        kept["style"], without = clean_style(kept["style"], name)
        dropped += without
        if not kept["style"]:
            del kept["style"]
    if (target := kept.pop("target", None)) == "_blank":
        kept |= {"target": target, "rel": "noopener"}
    anchor = kept.pop("name", None) or ""
    if anchor := kept.pop("id", "") or anchor:
        kept["id"] = ANCHOR + "".join(char if char.isalnum() or char in "_.:-" else "-" for char in anchor)
    return {each: without_marks(value) for each, value in kept.items()}, tuple(dropped)


@lru_cache
def cleaner(name: str, neutral: str) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags={neutral},
        attributes={neutral: ALLOWED[name] | EVERYWHERE},
        url_schemes=SCHEMES if name == "a" else FETCHED,
        link_rel=None,
    )


def attributes_of(tag: str) -> dict[str, str]:
    """The attributes of an HTML start tag; those without a value have their own name as one."""
    found = {}

    class Parser(HTMLParser):
        def handle_starttag(self, _: str, attributes: list) -> None:
            for name, value in attributes:
                found.setdefault(name, name if value is None else value)

    parser = Parser()
    parser.feed(tag)
    return found


def is_picture(address: str) -> bool:
    """Whether a picture may have this address: no `data:` but of a picture that is no document."""
    scheme, colon, _ = "".join(address.split()).lower().partition(":")
    return not (colon and scheme == "data") or address.strip().lower().startswith(PICTURES)


def clean_style(style: str, name: str) -> tuple[str, list[str]]:
    """The harmless part of a `style`, and the names of what isn't in it."""
    kept, dropped = [], []
    for part in tinycss2.parse_declaration_list(style, skip_comments=True, skip_whitespace=True):
        if part.type != "declaration":
            dropped.append("style")
        elif is_harmless(part, name):
            kept.append(part.serialize())
        else:
            dropped.append(part.lower_name)
    return (";".join(kept) if dropped else style), dropped


def is_harmless(declaration: tinycss2.ast.Declaration, name: str) -> bool:
    known = declaration.lower_name
    fits = known in PROPERTIES or known in OF_BOXES and name in BOXES
    if not fits and not (known == "zoom" and name == "img"):
        return False
    if known == "display":
        words = [part.lower_value for part in declaration.value if part.type == "ident"]
        return len(words) == 1 and words[0] in DISPLAYED
    if known == "vertical-align":  # the line makes room for it
        return declaration.value[-1].type in ("ident", "number", "percentage", "dimension")
    return all(is_plain(part, strings=known in ("font", "font-family")) for part in declaration.value)


def is_plain(part: tinycss2.ast.Node, strings: bool) -> bool:
    """Whether a part of a value is a word, a colour or a number that isn't negative."""
    if part.type == "function":
        plain = (each for each in part.arguments if each != "/")
        return part.lower_name in COLOURS and all(is_plain(each, False) for each in plain)
    if part.type in ("number", "percentage", "dimension"):
        return part.value >= 0
    return part.type in ("ident", "hash", "whitespace") or (
        part.type == "literal" and part.value == "," or part.type == "string" and strings
    )


def frame(attributes: dict[str, str]) -> dict[str, str]:
    """An `<iframe>` shows a page of one link until that is clicked; it opens in the frame."""
    url = attributes.pop("src").strip()
    host = host_of(url)
    attributes.setdefault("title", f"来自 {host} 的内容")
    return attributes | {"class": "frame", "srcdoc": FRAME.format(url=escape(url), host=escape(host))}


def shown_of_html(html: str) -> str:
    """The text that a reader sees of a piece of raw HTML."""
    texts = (each for each in pieces(html) if isinstance(each, str) and not isinstance(each, Comment))
    return "".join(map(unescape, texts))


def start_tags(tokens: Iterable[Token]) -> Iterator[Start]:
    """Those of the author's HTML in a text."""
    for token in tokens:
        if token.type in ("html_block", "html_inline"):
            yield from (piece for piece in pieces(token.content) if isinstance(piece, Start))
        yield from start_tags(token.children or ())


def raw_anchors(tokens: Iterable[Token]) -> set[str]:
    """The anchors that an author made, in HTML or of blocks, as the author calls them."""
    ids = {tag.attributes.get("id", "").removeprefix(ANCHOR) for tag in start_tags(tokens)}
    ids |= {child.content for token in tokens for child in token.children or () if child.type == "anchor"}
    return ids - {""}


def losses(tokens: Iterable[Token]) -> list[str]:
    """What HTML of the author's loses on the page: names of attributes and properties of style."""
    return [name for tag in start_tags(tokens) for name in tag.dropped]
