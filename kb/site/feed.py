"""Markdown extension: what the engine, its theme, search and feed are told of a page.

All of them read front matter, each in its own way, and an author's was written for another tool:
`hide: true` or `template: post` ends a build, a title with `<script>` runs, a note without a date is
new, an `image` has its server asked for its size. So of a note they are told only this, for the
build alone:

| key | value |
|---|---|
| title | the author's, or what stands for it |
| tags | a list |
| published_at | the date as written, in the form the feed reads |
| draft | true where there is no date: the note isn't in the feed |
| description | the author's, or the first words of the text |
| cover | where its picture is, elsewhere or below `docs/`; for `theme/partials/shared.html` |

Themes, search and feed put them into HTML as they are, so on every page they get them as HTML, see
`kb.markdown.engine.show_text`. The body of a note is taken from its file, since engines leave front matter in
it that they can't read, and take `TODO: …` out.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| MetaPreprocessor | preprocessors | kb-meta | 100 | before anything looks at front matter |
| FeedTreeprocessor | treeprocessors | kb-feed | 11 | after the frame (12) |
| MarkupTreeprocessor | treeprocessors | kb-markup | -10 | when nothing of ours reads front matter any more |
"""

from collections.abc import Callable, Iterator
from urllib.parse import quote
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor
from markdown.util import AMP_SUBSTITUTE, HTML_PLACEHOLDER_RE

from kb.markdown.engine import BadInput, Page, current_page, show_text
from kb.markdown.links import is_elsewhere
from kb.notes.library import Note, body_of, note_text, read_note, read_text
from kb.site.frame import find_cover

FIRST_WORDS = 120
ICON = "assets/images/favicon.png"
"""The site's own, which the theme brings."""


class MetaPreprocessor(Preprocessor):
    """Of a note, the engine keeps the front matter that it may know; of our pages, a wrong type ends
    the build."""

    def run(self, lines: list[str]) -> list[str]:
        page = current_page(self.md)
        if not page.is_note:
            check_types(page)
            return lines
        name = f"docs/{page.uri}"
        note = read_note(page.path, page.root)
        page.meta.clear()
        page.meta.update(known(note))
        if cover := find_cover(page, note):
            page.meta["cover"] = cover if is_elsewhere(cover) else quote(cover)
        return note_text(body_of(read_text(page.path, name))).split("\n")


def known(note: Note) -> dict:
    meta = {"title": note.title, "tags": list(note.tags), "description": note.description}
    if note.when:
        return meta | {"published_at": note.when.isoformat(" ", "minutes")}
    return meta | {"draft": True}


def is_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def is_text(value: object) -> bool:
    return isinstance(value, str)


TYPES: dict[str, tuple[Callable[[object], bool], str]] = {
    "title": (is_text, "文字"),
    "description": (is_text, "文字"),
    "template": (is_text, "文字，例如 main.html"),
    "fill": (is_text, "文字，例如 home"),
    "of": (lambda value: is_text(value) or is_list(value), "文字或列表"),
    "hide": (is_list, "列表，例如 [navigation, toc]"),
    "tags": (is_list, "列表，例如 [一, 二]"),
    "search": (lambda value: isinstance(value, dict), "exclude: true 或 boost: 2，写在下一行，缩进"),
}
"""Keys that pages of ours may have → what they have to be."""


def check_types(page: Page) -> None:
    for key, value in page.meta.items():
        if key in TYPES and not TYPES[key][0](value):
            lines = page.path.read_text(encoding="utf-8-sig").split("\n")
            line = next((number for number, line in enumerate(lines, 1) if key in line), 1)
            raise BadInput(
                f"docs/{page.uri}:{line}：front matter 的 {key} 应是{TYPES[key][1]}，"
                f"不是 {value!r}。改正这一行。"
            )


class FeedTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        if page.is_note and not page.meta["description"]:
            page.meta["description"] = first_words(root) or page.meta["title"]


class MarkupTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        show_text(self.md, current_page(self.md).meta)


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


def icon(site_url: str) -> str:
    """The address of the feed's picture, for `image` of `rss` in mkdocs.yml."""
    return f"{site_url.rstrip('/')}/{ICON}"


class FeedExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.preprocessors.register(MetaPreprocessor(md), "kb-meta", 100)
        md.treeprocessors.register(FeedTreeprocessor(md), "kb-feed", 11)
        md.treeprocessors.register(MarkupTreeprocessor(md), "kb-markup", -10)


def makeExtension(**options) -> FeedExtension:
    return FeedExtension(**options)
