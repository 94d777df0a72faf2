"""The Markdown of the notes, as Typora and Hexo read it.

CommonMark with GitHub's tables, strikethrough, task lists and autolinks, parsed by
markdown-it-py. Three are ours, since notes are Chinese:

- emphasis works beside Chinese characters and punctuation (`**结论：**然后`);
- a bare address may follow Chinese text, and ends where Chinese text goes on
  (`论文：https://arxiv.org/abs/1706.03762，第三节`);
- formulas (`kb.markdown.formulas`), and what other tools add: `kb.markdown.dialects` of Typora and
  GitHub, `obsidian`, `hexo`, `shortcodes` of Hugo, `kramdown` of Jekyll, `boxes` of VuePress.

A parse gives markdown-it's tokens; `kb.markdown.commonmark` makes a page of them.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, cached_property, lru_cache
from html import unescape
from types import SimpleNamespace

from markdown_it import MarkdownIt, helpers
from markdown_it.common.normalize_url import BAD_PROTO_RE
from markdown_it.parser_block import ParserBlock
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_block.html_block import html_block
from markdown_it.rules_block.state_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline.state_inline import Scanned, StateInline
from markdown_it.token import Token

from kb.markdown.boxes import boxes_plugin
from kb.markdown.dialects import dialects_plugin
from kb.markdown.formulas import formula_plugin
from kb.markdown.hexo import hexo_plugin
from kb.markdown.kramdown import kramdown_plugin
from kb.markdown.obsidian import obsidian_plugin
from kb.markdown.rawhtml import KNOWN, end_of_name
from kb.markdown.shortcodes import shortcodes_plugin
from kb.markdown.templates import templates_plugin

STASH_MARKS = re.compile("[\x02\x03]")
"""What Python-Markdown marks its placeholders with."""


DIALECTS = {
    "footnotes": ("footnote_def", "footnote_inline", "footnote_ref", "footnote_unused", "footnote_tail"),
    "highlight": ("mark",),
    "superscript": ("superscript",),
    "subscript": ("subscript",),
    "emoji": ("emoji",),
    "sizes": ("sized_image", "picture_sizes"),
    "callouts": ("callouts",),
    "wikilinks": ("wikilinks", "shown"),
    "comments": ("comments",),
    "block_ids": ("block_ids",),
    "containers": ("containers",),
    "shortcodes": ("shortcodes",),
    "kramdown": ("attributes",),
    "hexo": ("hexo", "hexo_tabs"),
}
"""What a base may switch off, and the rules that this takes away."""


@cache
def parser(without: frozenset[str] = frozenset()) -> MarkdownIt:
    """The one parser of this process that is without these dialects; it keeps no state between
    parses.
    """
    markdown = NoteMarkdown(
        "gfm-like2",
        {
            "linkify": False,  # its addresses swallow the Chinese text after them
            "alerts": False,
            "strikethrough_single_tilde": False,
            "maxNesting": 100,
        },
    )
    formula_plugin(markdown)
    hexo_plugin(markdown)
    for plugin in (dialects_plugin, obsidian_plugin, boxes_plugin, shortcodes_plugin, kramdown_plugin):
        plugin(markdown)
    templates_plugin(markdown)
    markdown.core.ruler.after("inline", "breaks_in_html", breaks_in_html)
    markdown.block.ruler.at("html_block", html_lines, {"alt": ["paragraph", "reference", "blockquote"]})
    markdown.inline.add_terminator_char("w")
    markdown.inline.ruler.push("bare_address", bare_address)
    markdown.inline.ruler.push("bare_email", bare_email)
    markdown.disable([rule for name in without for rule in DIALECTS[name]])
    return markdown


@lru_cache(maxsize=500)
def parse(text: str, without: frozenset[str] = frozenset()) -> tuple[Token, ...]:
    """The tokens of a text, which are everybody's: they must not be changed. `without` are the dialects
    that the base does without.

    They are kept by the text itself: a note is read for the pages made from notes and for its
    own, and again at each build of `mkdocs serve`. 500 notes of the usual length take 200 MB.
    """
    tokens = parser(without).parse(STASH_MARKS.sub("\ufffd", text))
    limit_addresses(tokens, REPEATED * len(text) + 100_000)
    return tuple(tokens)


REPEATED = 10
"""How much longer than the note the addresses of its page may be, all together: a reference is
written once, and may be used ten thousand times."""


def limit_addresses(tokens: Iterable[Token], left: int) -> None:
    """What there is no room for leads nowhere, and is no picture."""
    for token in (child for token in tokens for child in token.children or ()):
        if token.type in ("link_open", "image"):
            left -= len(str(token.attrs.get("href") or token.attrs.get("src")))
            if left >= 0:
                continue
            if token.type == "image":
                token.type = "text"
            token.attrs = {"href": "#"}


class NoteMarkdown(MarkdownIt):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.inline.__class__ = NoteInline
        self.block.__class__ = NoteBlock
        self.helpers = SimpleNamespace(**vars(helpers) | {"parseLinkLabel": link_label})

    def validateLink(self, url: str) -> bool:
        """Scripts are no addresses; `file:` is, though a browser won't follow it."""
        return url.lower().startswith("file:") or super().validateLink(url)

    def normalizeLink(self, url: str) -> str:
        """Percent-encoded, but for the fragment: anchors of headings are Chinese."""
        if BAD_PROTO_RE.match(url) or re.match(r"[A-Za-z]:[\\/]|\\\\", url):
            return url  # a path on the author's own machine
        address, hash, fragment = url.partition("#")
        encoded = super().normalizeLink(address) if address else ""
        if fragment.isascii():
            fragment = super().normalizeLink(f"#{fragment}")[1:]
        return encoded + hash + fragment

    def normalizeLinkText(self, link: str) -> str:
        return link


# Blocks -------------------------------------------------------------------------------


class NoteBlock(ParserBlock):
    def tokenize(self, state: StateBlock, startLine: int, endLine: int) -> None:
        """What is too deep to be blocks within blocks is text."""
        if state.level < state.md.options["maxNesting"] - 2:
            super().tokenize(state, startLine, endLine)
            return
        state.push("paragraph_open", "p", 1).map = [startLine, endLine]
        inline = state.push("inline", "", 0)
        inline.content = state.getLines(startLine, endLine, state.blkIndent, False).strip()
        inline.map, inline.children = [startLine, endLine], []
        state.push("paragraph_close", "p", -1)
        state.line = endLine

    def parse(self, src: str, md: MarkdownIt, env: dict, outTokens: list[Token]) -> list[Token]:
        state = NoteBlockState(src, md, env, outTokens)
        self.tokenize(state, state.line, state.lineMax)
        return state.tokens


class NoteBlockState(StateBlock):
    @cached_property
    def last_comment(self) -> int:
        """Where the last comment ends, -1 where there is none."""
        return self.src.rfind("-->")

    @cached_property
    def last_verbatim(self) -> int:
        """Where the last element ends whose content is no Markdown."""
        return max((found.start() for found in ENDS_VERBATIM.finditer(self.src)), default=-1)

    def getLines(self, begin: int, end: int, indent: int, keepLastLF: bool) -> str:
        return Lines(super().getLines(begin, end, indent, keepLastLF))


class Lines(str):
    def strip(self, chars: str | None = None) -> str:
        """As CommonMark and marked do: the full-width spaces that Chinese paragraphs begin with
        stay, which markdown-it takes away.
        """
        return super().strip(" \t\n\r\f\v")


VERBATIM = {"pre", "script", "style", "textarea"}
ENDS_VERBATIM = re.compile("</(?:pre|script|style|textarea)>", re.IGNORECASE)


def html_lines(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """HTML blocks, but that a line with a tag that is none (`<Tensor>`, `<?php`), or with one that
    would take all that follows since nothing closes it (`<!--`), is a paragraph.
    """
    first = state.bMarks[start] + state.tShift[start]
    if state.src.startswith("<", first) and not may_begin_html(state, first):
        return False
    before = len(state.tokens)
    if opening := HOLDS_MARKDOWN.fullmatch(state.src, first, state.eMarks[start]):
        if not silent:
            token = state.push("html_block", "", 0)
            token.content, token.map, state.line = f"{opening[0]}\n", [start, start + 1], start + 1
        return True
    if not html_block(state, start, end, silent):
        return False
    if not silent and CENTRED.match(state.src, first):
        block = state.tokens[before]
        block.type, block.children = "inline", []
        block.meta["html"] = True
        block.content = "\n".join(map(str.strip, block.content.strip("\n").split("\n")))
    return True


CENTRED = re.compile(r"<(?:center|(?:div|p|h[1-6])\b[^<>]*\balign\s*=[^<>]*)>", re.IGNORECASE)
"""HTML whose text is Markdown, whatever else stands in it: pictures with what they show below."""
HOLDS_MARKDOWN = re.compile(
    r"<(?:div|section|article|aside|details|figure|span)\b[^<>]*\bmarkdown\b[^<>]*>\s*", re.IGNORECASE
)
"""As kramdown and Python-Markdown have it: `<div markdown="1">`, whose lines are blocks."""


def breaks_in_html(state: StateCore) -> None:
    """The end of a line is no more than a blank in HTML."""
    for token in state.tokens:
        if token.type == "inline" and "html" in token.meta:
            for child in token.children:
                if child.type == "softbreak":
                    child.type, child.tag, child.content = "text", "", "\n"


def may_begin_html(state: "NoteBlockState", place: int) -> bool:
    if state.src.startswith("<!--", place):
        return place < state.last_comment
    closing = state.src.startswith("/", place + 1)
    name_start = place + 1 + closing
    name = state.src[name_start : end_of_name(state.src, name_start)].lower()
    if name in VERBATIM and not closing:
        return place < state.last_verbatim
    return name in KNOWN


# Emphasis -----------------------------------------------------------------------------


class NoteInline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: dict, tokens: list[Token]) -> list[Token]:
        state = NoteState(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class NoteState(StateInline):
    steps = 0
    """That its brackets took; see `link_label`."""

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:
        """Whether the run of delimiters at `start` can open, can close, and its length.

        CommonMark 0.31.2, section 6.2, amended for Chinese as tats-u/markdown-cjk-friendly
        specifies: punctuation hinders a run only where it isn't Chinese and nothing Chinese
        stands on the other side.
        """
        marker = self.src[start]
        end = start
        while end < self.posMax and self.src[end] == marker:
            end += 1
        before = character(self.src[start - 1] if start else " ")
        after = character(self.src[end] if end < self.posMax else " ")
        left = not after.space and (
            not after.hinders or before.space or before.punctuation or before.chinese
        )
        right = not before.space and (
            not before.hinders or after.space or after.punctuation or after.chinese
        )
        return Scanned(
            left and (canSplitWord or not right or before.punctuation),
            right and (canSplitWord or not left or after.punctuation),
            end - start,
        )


class Character:
    __slots__ = ("chinese", "hinders", "punctuation", "space")

    def __init__(self, char: str):
        category = unicodedata.category(char)
        self.space = category == "Zs" or char in "\t\n\f\r"
        self.punctuation = category[0] in "PS"
        self.chinese = unicodedata.east_asian_width(char) in "WFH"
        quotes = char == "·" or "\u2010" <= char <= "\u2027"  # “” ‘’ — … are Chinese as well
        self.hinders = self.punctuation and not self.chinese and not quotes


character = cache(Character)


# Links --------------------------------------------------------------------------------

STEPS = 4
"""How many steps a paragraph's brackets may take a character, on average, before what is left of
them is text: `[[[…` would take a hundred."""


def link_label(state: StateInline, start: int, disableNested: bool = False) -> int:
    """Where the label of a link ends that begins at `start`; -1 where there is none."""
    if state.src.rfind("]", start, state.posMax) < 0 or state.steps > STEPS * len(state.src) + 10_000:
        return -1
    before = state.pos
    state.pos, level = start + 1, 1
    end = -1
    while state.pos < state.posMax:
        place, char = state.pos, state.src[state.pos]
        state.steps += 1
        if char == "]":
            level -= 1
            if level == 0:
                end = place
                break
        state.md.inline.skipToken(state)
        if char == "[":
            if state.pos == place + 1:  # it is text
                level += 1
            elif disableNested:
                break
    state.pos = before
    return end


# Bare addresses -----------------------------------------------------------------------

ADDRESS = re.compile(
    r"""(?:(?:https?|ftp)://|www\.)
        (?P<host>[\w-]+(?:\.[\w-]+)*)
        (?P<rest>(?:[/?\#:](?:[!-;=-~]|(?<=[/=\#_-])[\u3400-\u9fff]+)*)?)""",
    re.VERBOSE | re.ASCII | re.IGNORECASE,
)
"""Chinese characters belong to an address right after one of `/=#_-` only."""

SCHEME = re.compile(r"(?<![A-Za-z0-9])(?:https?|ftp)$", re.IGNORECASE)
EMAIL = re.compile(
    r"@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+(?<=[A-Za-z0-9])(?![@\w-])(?P<resource>/[\w@.]+)?", re.ASCII
)
LOCAL = re.compile(r"(?<!\\)(?:(mailto|xmpp):)?[A-Za-z0-9.+_-]+$")


def bare_address(state: StateInline, silent: bool) -> bool:
    """`https://…`, `http://…`, `ftp://…` and `www.…` in running text."""
    if silent or state.linkLevel or state.src[state.pos] not in ":wW":
        return False
    start = state.pos
    if state.src[start] == ":":
        scheme = SCHEME.search(state.pending[-6:])
        if scheme is None:
            return False
        start -= len(scheme.group())
    elif start and re.match(r"[A-Za-z0-9/.@-]", state.src[start - 1]):
        return False
    found = ADDRESS.match(state.src, start, state.posMax)
    if found is None:
        return False
    parts = found["host"].split(".")
    if any("_" in part for part in parts[-2:]) or (
        found.group().lower().startswith("www.") and len(parts) < 2
    ):
        return False
    text = without_trailing_punctuation(found.group())
    link(state, text if "://" in text else f"http://{text}", start, text)
    return True


def bare_email(state: StateInline, silent: bool) -> bool:
    """`name@example.org`, with `mailto:` or `xmpp:` before it or without."""
    if silent or state.linkLevel or state.src[state.pos] != "@":
        return False
    local = LOCAL.search(state.src[max(0, state.pos - 256) : state.pos])
    domain = EMAIL.match(state.src, state.pos, state.posMax)
    if local is None or domain is None:
        return False
    end = domain.end()
    if domain["resource"] and local[1] != "xmpp":
        end = domain.start("resource")
    start = state.pos - len(local.group())
    text = state.src[start:end]
    link(state, text if local[1] else f"mailto:{text}", start, text)
    return True


def without_trailing_punctuation(address: str) -> str:
    """As GitHub's specification (section 6.9) trims what ends a sentence, not an address."""
    unopened = address.count(")") - address.count("(")
    while True:
        if address.endswith(")") and unopened > 0:
            trimmed = address[:-1]
            unopened -= 1
        elif entity := re.search(r"&[A-Za-z0-9]+;$", address[-40:]):
            trimmed = address[: -len(entity.group())]
        else:
            trimmed = address.rstrip("?!.,:;*_~'\"")
        if trimmed == address:
            return address
        address = trimmed


def without_entities(text: str) -> str:
    return re.sub(r"&#?\w+;", lambda entity: unescape(entity.group()), text)


def link(state: StateInline, address: str, start: int, text: str) -> None:
    """A link from `start`, part of which has been read already: as pending text, and as
    underscores that could have been emphasis.
    """
    read = state.pos - start
    while read > len(state.pending):
        state.pending = state.tokens.pop().content + state.pending
    while state.delimiters and state.delimiters[-1].token >= len(state.tokens):
        state.delimiters.pop()
    if read:
        state.pending = state.pending[:-read]
    opened = state.push("link_open", "a", 1)
    opened.attrs = {"href": state.md.normalizeLink(without_entities(address))}
    opened.markup, opened.info = "autolink", "auto"
    state.push("text", "", 0).content = without_entities(text)
    closed = state.push("link_close", "a", -1)
    closed.markup, closed.info = "autolink", "auto"
    state.pos = start + len(text)
