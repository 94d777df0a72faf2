"""The elements that are open while a page is made: those of Markdown, and HTML of the author's.

The author's are nested as a browser would nest them, with less of its rules: an end tag ends the
innermost element of its name, wherever in it that stands; what isn't closed ends with the block of
Markdown around it, and formatting goes on in the next. Before something of ours, all of them end.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from xml.etree import ElementTree as etree

from kb.markdown.html import literal, literal_entities
from kb.markdown.rawhtml import VOID, Start

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
MEDIA = {"audio", "video"}
UNSEEN = {*MEDIA, "rp"}
"""What is in them isn't shown, but for a browser that doesn't know them."""
CELLS = {"td", "th", "caption"}
PARTS_OF_TABLE = {"table", "thead", "tbody", "tfoot", "tr", *CELLS}
DEEPEST = 50
"""How many elements of the author's may be within each other."""
CARRIED = 8
"""How many are carried on at once."""


@dataclass
class Opened:
    """An element that HTML of the author's opened."""

    name: str
    """Of its tag."""
    element: etree.Element
    ended: bool = False
    """Whether its end tag has come, inside a block of Markdown that isn't whole yet."""


class OpenElements:
    def open_in(self, root: etree.Element) -> None:
        self.open = [root]
        self.authors: list[Opened] = []
        """Those among them that HTML of the author's opened."""
        self.carried: list[tuple[str, dict[str, str]]] = []
        """Formatting that goes on in the next block."""

    def write(self, text: str) -> None:
        """Add text where the page is being written, as it stands."""
        if text.strip():
            self.leave_media()
        parent = self.open[-1]
        if len(parent):
            parent[-1].tail = (parent[-1].tail or "") + text
        else:
            parent.text = (parent.text or "") + text

    def empty(self, tag: str, attributes: dict[str, str] | None = None) -> etree.Element:
        if tag != "source":
            self.leave_media()
        return etree.SubElement(self.open[-1], tag, attributes or {})

    def end(self) -> etree.Element:
        """The element that Markdown opened last is whole."""
        unclosed = [self.leave() for _ in self.on_top()]
        block = self.open.pop()
        while any(opened.ended for opened in self.on_top()):
            self.leave()
        self.carry_on(reversed(unclosed), block)
        return block

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
                attributes["class"] = "quoted"  # not for `kb.markdown.annotations`
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

    def on_top(self) -> list[Opened]:
        """The elements of the author's with nothing of Markdown open in them, the innermost first."""
        pairs = zip(reversed(self.authors), reversed(self.open))
        return [opened for opened, _ in takewhile(lambda pair: pair[0].element is pair[1], pairs)]

    def enter(self, name: str, element: etree.Element) -> None:
        self.open.append(element)
        self.authors.append(Opened(name, element))

    def leave(self) -> Opened:
        self.open.pop()
        return self.authors.pop()

    def carry_on(self, unclosed: Iterable[Opened], block: etree.Element) -> None:
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

    def leave_media(self) -> None:
        """Video and sound hold their sources; what else is in them stands after them."""
        while self.authors and self.open[-1] is self.authors[-1].element and self.authors[-1].name in MEDIA:
            self.leave()

    def end_unseen(self) -> None:
        """With the piece of HTML that they are in: what follows is to be seen."""
        while any(opened.name in UNSEEN for opened in self.on_top()):
            self.leave()

    def go_on(self) -> None:
        """Where a block has text: with the formatting of the one before, but in cells."""
        if self.open[-1].tag not in CELLS:
            carried, self.carried = self.carried, []
            for name, attributes in carried:
                self.enter(name, self.empty(name, attributes))

    def close_authors(self) -> None:
        """Before something of ours that must not be within anything of the author's."""
        while self.on_top():
            self.leave()
        self.carried = []
