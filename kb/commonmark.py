"""Markdown extension: pages are parsed as CommonMark, by markdown-it-py.

Python-Markdown's own dialect passes two thirds of CommonMark's examples. This puts the parser
of `kb.syntax` in its place and makes the element tree that all other extensions work on from
its tokens, so that the table of contents, links between pages, search and evidence go on as
before. `docs/markdown.md` shows what readers and authors may expect.

What is gone with the dialect: `!!!`, `===`, `attr_list`, `markdown="1"`, footnotes.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| NoteParser | md.parser | | | makes the whole tree |
| — | preprocessors | normalize_whitespace, html_block, fenced_code_block | removed | they work on the text of the other dialect |
| — | treeprocessors | inline, attr_list | removed | the same |
"""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape, unescape
from itertools import takewhile
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.blockparser import BlockParser
from markdown.extensions import Extension
from markdown_it.token import Token

from kb.code import highlight_fence
from kb.engine import Page, current_page
from kb.formulas import mathml
from kb.html import append, element, literal, literal_entities
from kb.rawhtml import VOID, Comment, End, Source, Start, pieces
from kb.syntax import parse

log = logging.getLogger("mkdocs.kb")

REMOVED = {
    "preprocessors": ("normalize_whitespace", "html_block", "fenced_code_block"),
    "treeprocessors": ("inline", "attr_list"),
}
FORMATTING = set("b big em font i s small strike strong tt u".split())
"""What a browser carries on into the next block, where an author hasn't closed it."""
ENDED_BY = {
    "li": {"li"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
    "td": {"td", "th"},
    "th": {"td", "th"},
    "tr": {"td", "th", "tr"},
    "tbody": {"td", "th", "tr", "thead", "tbody"},
    "tfoot": {"td", "th", "tr", "thead", "tbody"},
}
"""Start tag → the elements that it ends, if they are open."""
ENDS_PARAGRAPH = set(
    "blockquote center details div dl figure h1 h2 h3 h4 h5 h6 hr ol p pre table ul".split()
)
CELLS = {"td", "th", "caption"}
PARTS_OF_TABLE = {"table", "thead", "tbody", "tfoot", "tr", *CELLS}
DEEPEST = 50
"""How many elements of the author's may be within each other."""
CARRIED = 8
"""How many are carried on at once."""


class CommonMarkExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.registerExtension(self)
        md.parser = NoteParser(md)
        self.md = md

    def reset(self) -> None:
        """Called when all extensions are there, whatever their order."""
        for registry, names in REMOVED.items():
            for name in names:
                getattr(self.md, registry).deregister(name, strict=False)


class NoteParser(BlockParser):
    """Python-Markdown's block parser, with markdown-it-py behind it."""

    def __init__(self, md: Markdown):
        super().__init__(md)
        self.checks: list[Callable[[list[str], Sequence[Token]], None]] = []
        """Called with the lines of a page and its tokens; raise BadInput."""
        self.fences: list[Callable[[Token], etree.Element | None]] = []
        """Make the element of a fence, or leave it to the next."""
        self.embeds: dict[str, Callable[[str, Page, str], etree.Element]] = {}
        """Kind of an embed → what makes its figure, from what it names, the page and
        `path:line` for messages."""

    def parseDocument(self, lines: list[str]) -> etree.ElementTree:
        text = "\n".join(lines)
        tokens = parse(text)
        for check in self.checks:
            check(lines, tokens)
        self.root = etree.Element(self.md.doc_tag)
        TreeBuilder(self.md, self.fences).fill(self.root, tokens)
        return etree.ElementTree(self.root)

    def elements(self, text: str) -> list[etree.Element]:
        """What a piece of Markdown becomes, for extensions that add some to a page."""
        around = etree.Element("div")
        TreeBuilder(self.md, []).fill(around, parse(text))
        return list(around)


@dataclass
class Opened:
    """An element that HTML of the author's opened."""

    name: str
    """Of its tag."""
    element: etree.Element
    ended: bool = False
    """Whether its end tag has come, inside a block of Markdown that isn't whole yet."""


class TreeBuilder:
    """Makes the elements of a page from its tokens."""

    def __init__(self, md: Markdown, fences: list[Callable[[Token], etree.Element | None]]):
        self.md = md
        self.fences = fences

    def fill(self, root: etree.Element, tokens: Sequence[Token]) -> None:
        self.open = [root]
        self.authors: list[Opened] = []  # those among them that HTML of the author's opened
        self.carried: list[tuple[str, dict]] = []  # formatting that goes on in the next block
        self.task: Token | None = None  # an item whose box isn't written yet
        for token in tokens:
            self.add(token)

    def add(self, token: Token) -> None:
        make = getattr(self, token.type, None)
        if make is not None:
            make(token)
        elif token.nesting == 1:
            self.start(token)
        elif token.nesting == -1:
            if not token.hidden:
                self.end()
        else:
            raise NotImplementedError(token.type)

    def start(self, token: Token) -> etree.Element | None:
        if token.hidden:
            return None
        attributes = {name: literal_entities(str(value)) for name, value in token.attrs.items()}
        made = etree.SubElement(self.open[-1], token.tag, attributes)
        self.open.append(made)
        return made

    def end(self) -> etree.Element:
        """The element that Markdown opened last is whole."""
        unclosed = [self.leave() for _ in self.on_top()]
        block = self.open.pop()
        while any(opened.ended for opened in self.on_top()):
            self.leave()
        self.carry_on(reversed(unclosed), block)
        return block

    def write(self, text: str) -> None:
        """Add text where the page is being written, as it stands."""
        parent = self.open[-1]
        if len(parent):
            parent[-1].tail = (parent[-1].tail or "") + text
        else:
            parent.text = (parent.text or "") + text

    def empty(self, tag: str, attributes: dict[str, str] | None = None) -> etree.Element:
        return etree.SubElement(self.open[-1], tag, attributes or {})

    # blocks

    def inline(self, token: Token) -> None:
        self.write_task()
        if self.open[-1].tag not in CELLS:
            carried, self.carried = self.carried, []
            for tag, attributes in carried:
                self.enter(tag, self.empty(tag, attributes))
        for child in token.children:
            self.add(child)

    def fence(self, token: Token) -> None:
        for make in self.fences:
            if (element := make(token)) is not None:
                self.close_authors()
                self.open[-1].append(element)
                return
        self.code_block(token)

    def code_block(self, token: Token) -> None:
        self.show_code(token.content, token.info)

    def show_code(self, code: str, info: str) -> None:
        self.carried = []  # for it says below that nobody ran it
        around = self.empty("div", {"class": "code-block"})
        around.text = self.stash(highlight_fence(self.md, code, info))

    # HTML of the author's

    def html_block(self, token: Token) -> None:
        for piece in pieces(token.content.rstrip("\n")):
            match piece:
                case Start():
                    self.start_tag(piece)
                case End():
                    self.end_tag(piece.name)
                case Comment():
                    self.write(self.stash(f"<!--{escape(piece)}-->"))
                case Source() if "\n" in piece and token.type == "html_block":
                    self.show_code(piece, "html")
                case Source():
                    self.empty("code").text = literal_entities(piece)
                case _:
                    self.write(literal_entities(unescape(piece)))
        if token.type == "html_block" and not self.on_top():
            self.write("\n")

    html_inline = html_block

    def start_tag(self, tag: Start) -> None:
        ended = ENDED_BY.get(tag.name, set()) | ({"p"} if tag.name in ENDS_PARAGRAPH else set())
        while (on_top := self.on_top()) and on_top[0].name in ended:
            self.leave()
        attributes = {name: literal(value) for name, value in tag.attributes.items()}
        if len(self.authors) >= DEEPEST:
            self.write(literal_entities(tag.source))
        elif tag.name in (*VOID, "iframe"):
            self.empty(tag.tag, attributes)
        elif tag.name == "pre":
            around = self.empty("div", {"class": "code-block"})
            self.enter("pre", etree.SubElement(around, "pre", attributes))
            self.empty("span")  # as Pygments does: so that nothing trims what follows
        else:
            if tag.name == "blockquote":
                attributes["class"] = "quoted"  # not for `kb.annotations`
            self.enter(tag.name, self.empty(tag.tag, attributes))

    def end_tag(self, name: str) -> None:
        """Ends the innermost element of that name, and what is open in it; an end tag that ends
        nothing is passed over.
        """
        for opened in reversed(self.authors):
            if opened.name == name and not opened.ended:
                if any(opened is each for each in self.on_top()):
                    while self.leave() is not opened:
                        pass
                else:  # with the block that it stands in
                    opened.ended = True
                return
            if opened.name in CELLS and name not in PARTS_OF_TABLE:
                return
        self.carried = [each for each in self.carried if each[0] != name]

    def on_top(self) -> list["Opened"]:
        """The elements of the author's with nothing of Markdown open in them, the innermost first."""
        pairs = zip(reversed(self.authors), reversed(self.open))
        return [opened for opened, _ in takewhile(lambda pair: pair[0].element is pair[1], pairs)]

    def enter(self, name: str, element: etree.Element) -> None:
        self.open.append(element)
        self.authors.append(Opened(name, element))

    def leave(self) -> "Opened":
        self.open.pop()
        return self.authors.pop()

    def carry_on(self, unclosed: Iterable["Opened"], block: etree.Element) -> None:
        """What the author opened in a block and didn't close, as a browser does: formatting goes on
        in the next block; a block in a paragraph ended that, and goes on by itself.
        """
        parted = False
        for opened in unclosed:
            attributes = {name: value for name, value in opened.element.items() if name != "id"}
            parted = parted or (block.tag == "p" and opened.name in ENDS_PARAGRAPH)
            if parted and opened.name not in ("p", "pre"):
                self.enter(opened.name, self.empty(opened.element.tag, attributes))
            elif opened.name in FORMATTING and (opened.name, attributes) not in self.carried:
                self.carried = [*self.carried, (opened.name, attributes)][-CARRIED:]

    def close_authors(self) -> None:
        """Before something of ours that must not be within anything of the author's."""
        while self.on_top():
            self.leave()
        self.carried = []

    def stash(self, html: str) -> str:
        """A placeholder for HTML, which no later step looks into."""
        return self.md.htmlStash.store(html) if html else ""

    def hr(self, token: Token) -> None:
        self.empty("hr")

    def list_item_open(self, token: Token) -> None:
        self.start(token)
        self.task = token if "checked" in token.meta else None

    def list_item_close(self, token: Token) -> None:
        self.write_task()
        self.end()

    def write_task(self) -> None:
        """The box of an item, in its first paragraph where it has one."""
        if self.task:
            self.check_box(self.task)
            self.write(" ")
            self.task = None

    def check_box(self, token: Token) -> None:
        attributes = {"type": "checkbox", "disabled": "disabled"}
        if token.meta["checked"]:
            attributes["checked"] = "checked"
        self.empty("input", attributes)

    def box_open(self, token: Token) -> None:
        made = self.start(token)
        if summary := token.meta.get("summary"):
            etree.SubElement(made, "summary").text = literal_entities(summary)
        made.set("data-source", token.meta.get("source", ""))

    def box_close(self, token: Token) -> None:
        made = self.end()
        if source := made.attrib.pop("data-source"):
            made.append(quote_source(source))

    # inline

    def text(self, token: Token) -> None:
        self.write(literal_entities(token.content))

    def text_special(self, token: Token) -> None:
        self.text(token)

    def softbreak(self, token: Token) -> None:
        self.empty("br")

    hardbreak = softbreak

    def code_inline(self, token: Token) -> None:
        self.empty("code").text = literal_entities(token.content)

    def image(self, token: Token) -> None:
        src = token.attrs["src"]
        alt = plain_text(token.children or [])
        attributes = {"src": literal_entities(src), "alt": literal_entities(alt)}
        if title := token.attrs.get("title"):
            attributes["title"] = literal_entities(title)
        self.empty("img", attributes)

    def formula(self, token: Token) -> None:
        display = token.markup == "$$"
        made = mathml(token.content, display)
        if made is None:
            self.unread_formula(token)
        else:
            kind = "formula is-display" if display else "formula"
            self.write(self.stash(f'<span class="{kind}">{made}</span>'))

    def unread_formula(self, token: Token) -> None:
        source = f"{token.markup}{token.content}{token.markup}"
        made = self.empty("code", {"class": "formula is-unread", "title": "这个公式没能解析，按原文显示"})
        made.text = literal_entities(source)
        page = current_page(self.md)
        log.info(f"docs/{page.uri}：公式没能解析，按原文显示：{source}")


def quote_source(source: str) -> etree.Element:
    """`李沐, 动手学深度学习 https://zh.d2l.ai/ 前言` with its address as a link."""
    name, address, title = re.fullmatch(r"(.*?)(?:\s*\b(https?://\S+)\s*(.*))?", source).groups()
    footer = element("footer", None, f"—— {name}")
    if address:
        append(footer, [" ", element("a", {"href": address}, title or address)])
    return footer


def plain_text(tokens: list[Token]) -> str:
    """What a picture's description says, without its emphasis."""
    text = ""
    for token in tokens:
        if token.type == "image":
            text += plain_text(token.children or [])
        elif token.type in ("softbreak", "hardbreak"):
            text += "\n"
        else:
            text += token.content
    return text


def makeExtension(**options) -> CommonMarkExtension:
    return CommonMarkExtension(**options)
