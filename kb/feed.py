"""Markdown extension: what the feed and search engines are told of a note.

The feed (`rss` in mkdocs.yml) is made from front matter as its plugin understands it, which
isn't always as the author's blog did: it takes a note without a date for new, wants
`2023-01-20 23:07`, shows the first words as raw Markdown, and would ask other servers for
the size of an `image`. So this puts in, for the build alone, what it needs:

| key | value |
|---|---|
| published_at | the date as written, in the form the plugin reads |
| draft | true where there is no date: the note isn't in the feed |
| description | the author's, or the first words of the text |
| image, illustration, rss, author, authors | taken away |

| registered | in | as | priority | why there |
|---|---|---|---|---|
| FeedTreeprocessor | treeprocessors | kb-feed | 11 | after the frame (12), which refuses drafts of the author's |
"""

from collections.abc import Iterator
from html import escape
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from markdown.util import AMP_SUBSTITUTE, HTML_PLACEHOLDER_RE

from kb.engine import current_page
from kb.library import read_note

NOT_OURS = ("image", "illustration", "rss", "author", "authors")
FIRST_WORDS = 120


class FeedTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        if not page.is_note:
            return
        note = read_note(page.path, page.root)
        for key in NOT_OURS:
            page.meta.pop(key, None)
        description = note.description or first_words(root) or note.title
        page.meta["description"] = escape(description)  # the theme and the feed take it for HTML
        if note.when:
            page.meta["published_at"] = f"{note.when:%Y-%m-%d %H:%M}"
        else:
            page.meta["draft"] = True


def first_words(root: etree.Element) -> str:
    """The beginning of the author's text, without code and formulas."""
    text = ""
    for paragraph in paragraphs(root):
        words = HTML_PLACEHOLDER_RE.sub("", "".join(paragraph.itertext()))
        text += " " + words.replace(AMP_SUBSTITUTE + "amp;", "&")
        if len(text) > FIRST_WORDS:
            break
    text = " ".join(text.split())
    return text if len(text) <= FIRST_WORDS else text[: FIRST_WORDS - 1] + "…"


def paragraphs(root: etree.Element) -> Iterator[etree.Element]:
    """Those of the author's: what we add has a class, or is in something that has."""
    for part in root:
        if part.get("class", "annotation") == "annotation":
            yield from [part] if part.tag == "p" else paragraphs(part)


class FeedExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(FeedTreeprocessor(md), "kb-feed", 11)


def makeExtension(**options) -> FeedExtension:
    return FeedExtension(**options)
