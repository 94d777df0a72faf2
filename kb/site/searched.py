"""What search finds on a finished page: its sections, read from the HTML between `<article>` tags.

    <h2 id="x">标题</h2><p>一<strong>二</strong></p>

is a section at `#x` with the heading `标题` and the text `一二`. The same HTML comes from every
engine, so that search is the same under all of them. Left out are elements with
`data-search-exclude` (a heading takes its whole section with it), scripts, styles, dates, line numbers,
links to headings and labels of ours. What a page says of itself as
`search: {exclude: true}` or `search: {boost: 2}` stands in a `meta` of `kb/theme/main.html`.
"""

import re
from dataclasses import dataclass
from html import unescape

REST = r"""(?:[^>"']|"[^"]*"|'[^']*')*+>"""
"""Of a tag, after its name."""
TAG = re.compile(rf"<(/?)([A-Za-z][^\s/>]*){REST}")
LEFT_OUT = re.compile(
    rf"""<a\ class="headerlink"[^>]*>.*?</a> | <!--.*?-->
       | <(?P<verbatim>script|style|time)\b{REST}.*?</(?P=verbatim)\s*>""",
    re.VERBOSE | re.DOTALL,
)
LABELS = "author-code-label|linenodiv|mark|picture-note"
NOT_SEARCHED = re.compile(
    rf"""<([A-Za-z][^\s/>]*)(?=\s)
    (?:[^>"']|"[^"]*"|'[^']*')*?\s(?:data-search-exclude[\s=>]|class="(?:{LABELS})"){REST}?""",
    re.VERBOSE,
)
HEADING = re.compile(rf'<(h[1-6])\b(?=[^>]*\sid="([^"]*)")?{REST}(.*?)</\1>', re.DOTALL)
INLINE = (
    "a abbr b bdi bdo big cite code data del dfn em font i ins kbd mark q rp rt ruby s samp small "
    "span strike strong sub sup time tt u var wbr img math semantics mi mn mo ms mtext mrow msub "
    "msup msubsup mfrac msqrt mroot mover munder munderover mstyle mpadded mphantom mspace"
).split()
"""Elements whose text goes on in the line that they stand in; all others begin a new one."""
SPACES = re.compile(r"[^\S\n]+")
NEW_LINES = re.compile(r"\s*\n\s*")
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
BOOST = re.compile('<meta name="search" content="([^"]*)">')


@dataclass(frozen=True)
class Section:
    anchor: str
    """Empty for the one at the top of a page."""
    heading: str
    text: str
    """A line for each block of the page."""


def boost_of(html: str) -> float:
    """How much more than others a page counts, 0 where nothing of it is searched."""
    found = BOOST.search(html, 0, max(html.find("<article"), 0))
    try:
        return float(found[1]) if found else 1
    except ValueError:
        return 1


def read_page(html: str) -> list[Section]:
    """The first stands for the page: its heading is the page's title. None where nothing is searched."""
    begin, end = html.find("<article"), html.rfind("</article>")
    if begin < 0:
        return []
    article = leave_out(LEFT_OUT.sub("", html[html.index(">", begin) + 1 : end]))
    places = [*HEADING.finditer(article)]
    first = next((at for at in places if at[1] == "h1"), None)
    if first is None:
        return []
    sections = [["", text_of(first[3]), article[: first.start()]]]
    for at, following in zip(places, [*places[1:], None], strict=True):
        text = article[at.end() : following.start() if following else len(article)]
        if at is first:
            sections[0][2] += text
        elif at.start() > first.start() and at[2]:
            sections.append([unescape(at[2]), text_of(at[3]), text])
        else:
            sections[-1][2] += at[0] + text
    return [Section(anchor, heading, text_of(text)) for anchor, heading, text in sections]


def leave_out(html: str) -> str:
    """Without what isn't searched."""
    kept, done = [], 0
    while at := NOT_SEARCHED.search(html, done):
        kept.append(html[done : at.start()])
        done = section_end(html, at) if re.fullmatch("h[1-6]", at[1]) else element_end(html, at)
    return "".join([*kept, html[done:]])


def section_end(html: str, at: re.Match) -> int:
    """Where the next heading begins."""
    following = HEADING.search(html, html.find("</", at.end()))
    return following.start() if following else len(html)


def element_end(html: str, at: re.Match) -> int:
    depth = 1
    for tag in re.compile(rf"<(/?){re.escape(at[1])}(?=[\s/>]){REST}", re.IGNORECASE).finditer(html, at.end()):
        depth += -1 if tag[1] else 1
        if not depth:
            return tag.end()
    return len(html)


def text_of(html: str) -> str:
    text = TAG.sub(lambda tag: "" if tag[2].lower() in INLINE else "\n", html)
    return NEW_LINES.sub("\n", SPACES.sub(" ", unescape(text).translate(INVISIBLE))).strip()
