"""Markdown extension: pages are parsed as CommonMark, by markdown-it-py.

Python-Markdown's own dialect passes two thirds of CommonMark's examples. This puts the parser
of `kb.markdown.syntax` in its place and makes the element tree that all other extensions work on from
its tokens, so that the table of contents, links between pages, search and evidence go on as
before. `docs/markdown.md` shows what readers and authors may expect.

What is gone with the dialect: `!!!`, `===`, `attr_list`, `markdown="1"`.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| NoteParser | md.parser | | | makes the whole tree |
| — | preprocessors | normalize_whitespace, html_block, fenced_code_block | removed | they work on the text of the other dialect |
| — | treeprocessors | inline, attr_list | removed | the same |
"""

import logging
import re
from collections.abc import Callable, Sequence
from html import escape, unescape
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.blockparser import BlockParser
from markdown.extensions import Extension
from markdown_it.token import Token

from kb.markdown.code import highlight_fence
from kb.markdown.engine import Page, current_page
from kb.markdown.formulas import CLOSED_BY, formulas_in, mathml
from kb.markdown.html import append, element, literal_entities
from kb.markdown.links import find_target
from kb.markdown.openelements import OpenElements
from kb.markdown.rawhtml import ANCHOR, Comment, End, Source, Start, pieces
from kb.markdown.settings import read_settings
from kb.markdown.syntax import parse

log = logging.getLogger("mkdocs.kb")

REMOVED = {
    "preprocessors": ("normalize_whitespace", "html_block", "fenced_code_block"),
    "treeprocessors": ("inline", "attr_list"),
}


DIAGRAM = re.compile(r"\{?\s*\.?mermaid\b", re.IGNORECASE)
"""What `theme/assets/diagrams.js` draws; without scripts its source stands there."""
VERBATIM = {"pre", "code", "kbd", "samp", "tt"}
DEEPEST = 250
"""Elements within each other; whoever goes through the tree calls itself for each."""


class CommonMarkExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.registerExtension(self)
        md.parser = NoteParser(md)
        self.md = md
        convert = md.convert

        def convert_once(source: str) -> str:
            """MkDocs puts its reader of raw HTML in last; it takes the square of the time."""
            md.preprocessors.deregister("mkdocs_raw_html", strict=False)
            return convert(source)

        md.convert = convert_once

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

    @property
    def without(self) -> frozenset[str]:
        """What the base does without."""
        return read_settings(current_page(self.md).root).without

    def parseDocument(self, lines: list[str]) -> etree.ElementTree:
        text = "\n".join(lines)
        tokens = parse(text, self.without)
        for check in self.checks:
            check(lines, tokens)
        self.root = etree.Element(self.md.doc_tag)
        TreeBuilder(self.md, self.fences).fill(self.root, tokens)
        return etree.ElementTree(self.root)

    def elements(self, text: str) -> list[etree.Element]:
        """What a piece of Markdown becomes, for extensions that add some to a page."""
        around = etree.Element("div")
        TreeBuilder(self.md, []).fill(around, parse(text, self.without))
        return list(around)


class TreeBuilder(OpenElements):
    """Makes the elements of a page from its tokens."""

    def __init__(
        self,
        md: Markdown,
        fences: list[Callable[[Token], etree.Element | None]],
        home: str = "",
        uri: str = "",
    ):
        self.md = md
        self.fences = fences
        self.home = home
        """The address of the note, where what is made is shown elsewhere."""
        self.uri = uri
        """Its path below `docs/`, in the same case."""

    def fill(self, root: etree.Element, tokens: Sequence[Token]) -> None:
        self.open_in(root)
        self.deeper = 0  # how many elements of Markdown aren't made, as they would be too deep
        self.task: Token | None = None  # an item whose box isn't written yet
        self.referred: set[str] = set()  # footnotes that the text leads to
        for token in tokens:
            self.add(token)

    def add(self, token: Token) -> None:
        make = getattr(self, token.type, None)
        if make is not None:
            make(token)
        elif token.nesting == 1:
            self.start(token)
        elif token.nesting == -1 and self.deeper:
            self.deeper -= 1
        elif token.nesting == -1:
            if not token.hidden:
                self.end()
        else:
            raise NotImplementedError(token.type)

    def start(self, token: Token) -> etree.Element | None:
        if token.hidden:
            return None
        if len(self.open) >= DEEPEST:
            self.deeper += 1
            return None
        attributes = {name: literal_entities(str(value)) for name, value in token.attrs.items()}
        made = etree.SubElement(self.open[-1], token.tag, attributes)
        self.open.append(made)
        return made

    # blocks

    def inline(self, token: Token) -> None:
        self.write_task()
        self.go_on()
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

    def included(self, token: Token) -> None:
        """A file beside the note, or the tag where it isn't there."""
        page = current_page(self.md)
        docs = page.root / "docs"
        target = find_target(docs, self.uri or page.uri, str(token.attrs["src"]))
        if target is None:
            self.empty("p").append(element("code", None, token.content))
            return
        lines = (docs / target).read_text("utf-8-sig", errors="replace").splitlines()
        first, last = token.meta.get("from", 1), token.meta.get("to", len(lines))
        language = token.info or target.rpartition(".")[2]
        title = token.meta["title"].replace('"', "'")
        self.show_code("\n".join(lines[max(first, 1) - 1 : last]) + "\n", f'{language} title="{title}"')

    def show_code(self, code: str, info: str) -> None:
        self.carried = []  # for it says below that nobody ran it
        around = self.empty("div", {"class": "diagram" if DIAGRAM.match(info) else "code-block"})
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
                    self.words(unescape(piece))
        if token.type == "html_block":
            self.end_unseen()
            if not self.on_top():
                self.write("\n")

    html_inline = html_block

    def words(self, text: str) -> None:
        """Text in HTML, in which formulas are formulas, as MathJax finds them, but for code."""
        if "$" not in text and "\\" not in text or any(each.tag in VERBATIM for each in self.open):
            self.write(literal_entities(text))
            return
        end = 0
        for start, found in sorted(formulas_in(text).items()):
            if start >= end and found.markup:
                self.write(literal_entities(text[end:start]))
                info = "display" if found.display else ""
                self.formula(Token("formula", "math", 0, content=found.latex, markup=found.markup, info=info))
                end = found.end
        self.write(literal_entities(text[end:]))

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
        attributes = {"type": "checkbox", "disabled": "disabled", "aria-label": "完成"}
        if token.meta["checked"]:
            attributes["checked"] = "checked"
        self.empty("input", attributes)

    def box_open(self, token: Token) -> None:
        made = self.start(token)
        if made is None:
            return
        if summary := token.meta.get("summary"):
            etree.SubElement(made, "summary").text = literal_entities(summary)
        if title := token.meta.get("title"):
            attributes = {"class": "callout-title"}
            etree.SubElement(made, "p", attributes).text = literal_entities(title)
        made.set("data-source", token.meta.get("source", ""))

    def box_close(self, token: Token) -> None:
        if self.deeper:
            self.deeper -= 1
            return
        made = self.end()
        if source := made.attrib.pop("data-source"):
            made.append(quote_source(source))

    def footnote_block_open(self, token: Token) -> None:
        self.close_authors()
        self.notes = [self.empty("div", {"class": "footnote"})]
        self.notes.append(etree.SubElement(self.notes[0], "ol"))
        self.open += self.notes

    def footnote_block_close(self, token: Token) -> None:
        del self.open[-2:]

    def footnote_open(self, token: Token) -> None:
        self.open.append(etree.SubElement(self.open[-1], "li", {"id": f"fn:{token.meta['id'] + 1}"}))

    def footnote_close(self, token: Token) -> None:
        self.end()

    def footnote_anchor(self, token: Token) -> None:
        if (name := note_name(token)) in self.referred:
            self.write(" ")
            attributes = {"class": "footnote-backref", "href": f"{self.home}#fnref:{name}", "title": "回到正文"}
            self.empty("a", attributes).text = "↩"

    # inline

    def footnote_ref(self, token: Token) -> None:
        name, number = note_name(token), str(token.meta["id"] + 1)
        self.referred.add(name)
        around = self.empty("sup", {"id": f"fnref:{name}"})
        attributes = {"class": "footnote-ref", "href": f"{self.home}#fn:{number}"}
        etree.SubElement(around, "a", attributes).text = number

    def text(self, token: Token) -> None:
        self.write(literal_entities(token.content))

    def text_special(self, token: Token) -> None:
        self.text(token)

    def softbreak(self, token: Token) -> None:
        self.empty("br")

    hardbreak = softbreak

    def code_inline(self, token: Token) -> None:
        self.empty("code").text = literal_entities(token.content)

    def anchor(self, token: Token) -> None:
        """Where links to a block lead (`^id`, `{: #id}`)."""
        self.empty("span", {"id": ANCHOR + token.content})

    def caption(self, token: Token) -> None:
        self.empty("span", {"class": "caption"}).text = literal_entities(token.content)

    def image(self, token: Token) -> None:
        src = token.attrs["src"]
        alt = plain_text(token.children or [])
        attributes = {"src": literal_entities(src), "alt": literal_entities(alt)}
        for name in ("title", "width", "height"):
            if value := token.attrs.get(name):
                attributes[name] = literal_entities(str(value))
        self.empty("img", attributes)

    def formula(self, token: Token) -> None:
        display = token.info == "display"
        made = mathml(token.content, display, token.meta.get("numbered"), self.home)
        if made is None:
            self.unread_formula(token)
        else:
            kind = "formula is-display" if display else "formula"
            self.write(self.stash(f'<span class="{kind}">{made}</span>'))

    def unread_formula(self, token: Token) -> None:
        source = f"{token.markup}{token.content}{CLOSED_BY[token.markup]}"
        made = self.empty("code", {"class": "formula is-unread", "title": "这个公式没能解析，按原文显示"})
        made.text = literal_entities(source)
        page = current_page(self.md)
        log.info(f"docs/{page.uri}：公式没能解析，按原文显示：{source}")


def note_name(token: Token) -> str:
    """Which reference to which footnote: `2`, then `2:1` for the next."""
    number, again = token.meta["id"] + 1, token.meta.get("subId", 0)
    return f"{number}:{again}" if again else str(number)


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
