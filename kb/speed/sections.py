"""What search finds on a page: its sections, each with its title and text.

mkdocs-material's search reads the HTML of every page with Python's own parser and looks at each
tag in Python, which was a fifth of a build. This makes the same sections of it: tags that mean
nothing to search are taken out first, by one regular expression; what is left is few. Where
nothing but such tags stand between spaces, there may be more of them than the other makes.

    <h2 id="x">标题</h2><p>一<strong>二</strong></p>

is a section with the id `x`, the title `标题` and the text `<p>一二</p>`.
"""

import re
from html import escape, unescape

KEPT = {"p", "code", "pre", "li", "ol", "ul", "sub", "sup"}
"""Elements that stay elements in the index."""
HEADINGS = {f"h{level}" for level in range(1, 7)}
VOID = set("area base br col embed hr img input link meta param source track wbr".split())

MEANINGLESS = (
    "a abbr b br del em font hr i img input kbd mark math mfrac mi mn mo mover mpadded mphantom "
    "mroot mrow mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover "
    "s span strong td th time tr u"
)
REST = r"""(?:[^>"']|"[^"]*"|'[^']*')*+>"""
"""Of a tag, after its name."""
TAKEN_OUT = re.compile(
    rf"""<a\ class="headerlink"[^>]*>.*?</a>
       | <(?P<verbatim>script|style)\b.*?</(?P=verbatim)\s*>
       | <!--.*?--> | <[!?][^>]*>
       | </?(?:{MEANINGLESS.replace(" ", "|")})(?=[\s/>]) (?![^>]*data-search-exclude) {REST}""",
    re.VERBOSE | re.DOTALL,
)
TAG = re.compile(rf"<(/?)([A-Za-z][^\s/>]*)({REST})")
ID = re.compile(r"""\sid=(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
NOT_SEARCHED = re.compile(r'\sdata-search-exclude[\s=>]|\sclass="linenodiv"')


class Section:
    """In the form that mkdocs-material makes entries of."""

    def __init__(self, tag: str, depth: float = 0):
        self.tag = tag
        self.depth = depth
        self.id: str | None = None
        self.title: list[str] = []
        self.text: list[str] = []
        self.excluded = False


class Reader:
    def __init__(self):
        self.sections: list[Section] = []
        self.section: Section | None = None
        self.open: list[str] = []
        self.skipped: int | None = None
        """How many elements are around the one that isn't searched."""

    def read(self, html: str) -> list[Section]:
        html = TAKEN_OUT.sub("", html)
        done = 0
        for tag in TAG.finditer(html):
            if tag.start() > done:
                self.data(html[done : tag.start()])
            done = tag.end()
            name = tag[2].lower()
            if tag[1]:
                self.end(name)
            elif name not in VOID:
                self.start(name, tag[3])
        if done < len(html):
            self.data(html[done:])
        return [section for section in self.sections if not section.excluded]

    def start(self, name: str, attributes: str) -> None:
        self.open.append(name)
        excluded = NOT_SEARCHED.search(attributes) is not None
        if name in HEADINGS and (id := ID.search(attributes)):
            if name != "h1" and not self.sections:
                self.add(Section(""))
            section = Section(name, len(self.open))
            section.id = unescape(id[id.lastindex]) if self.sections else None
            section.excluded = excluded
            self.add(section)
        if self.section is None:
            self.add(Section(""))
        if self.skipped is None:
            if excluded or name == "object":
                self.skipped = len(self.open) - 1
            elif name in KEPT:
                self.words().append(f"<{name}>")

    def end(self, name: str) -> None:
        if not self.open or self.open[-1] != name:
            return
        if self.section.depth > len(self.open):  # the element that the heading stands in ends
            for section in reversed(self.sections):
                if section.depth <= len(self.open):
                    self.section.depth = float("inf")
                    self.section = section
                    break
        self.open.pop()
        if self.skipped is not None:
            if self.skipped == len(self.open):
                self.skipped = None
        elif name in KEPT:
            words = self.words()
            first = words.index(f"<{name}>")
            if all(map(str.isspace, words[first + 1 :])):
                del words[first:]
            else:
                words.append(f"</{name}>")

    def data(self, text: str) -> None:
        if self.skipped is not None:
            return
        if self.section is None:
            self.add(Section(""))
        words = self.words()
        in_pre = "pre" in self.open
        if text.isspace():
            if words is self.section.title or in_pre or not (words and words[-1].isspace()):
                words.append(text if in_pre else " ")
            return
        if "&" in text:
            text = unescape(text)
        words.append(escape(text if in_pre else text.replace("\n", " "), quote=False))

    def add(self, section: Section) -> None:
        self.section = section
        self.sections.append(section)

    def words(self) -> list[str]:
        return self.section.title if self.section.tag in self.open else self.section.text
