"""Markdown extension: the contents of a page, one tap away where the screen has no room for the
theme's column of them.

    <details class="contents" data-search-exclude>
      <summary>目录</summary>
      <nav aria-label="本页目录"><ol><li><a href="#…">…</a> …</li></ol></nav>
    </details>

It opens without scripts, `theme/assets/contents.js` closes it on a choice; print and search leave it
out. A page that hides its contents (`hide: [toc]`), or has hardly any, has none.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| ContentsTreeprocessor | treeprocessors | kb-contents | 2 | after toc (5), which lists the headings, and after all that reads or checks the text (3) |
"""

from collections.abc import Iterable
from html import unescape
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from kb.markdown.engine import current_page
from kb.markdown.html import element

FEWEST = 3
"""Headings that are worth a list."""


class ContentsTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        headings = below_title(self.md.toc_tokens)
        if sum(map(size, headings)) < FEWEST or "toc" in hidden(current_page(self.md).meta):
            return
        made = element(
            "details",
            {"class": "contents", "data-search-exclude": ""},
            element("summary", None, "目录"),
            element("nav", {"aria-label": "本页目录"}, listed(headings)),
        )
        root.insert(1 if len(root) and root[0].tag == "h1" else 0, made)


def below_title(tokens: list[dict]) -> list[dict]:
    """The theme leaves out the heading of a page too, where there is one alone."""
    if len(tokens) == 1 and tokens[0]["level"] == 1:
        return tokens[0]["children"]
    return tokens


def size(token: dict) -> int:
    return 1 + sum(map(size, token["children"]))


def hidden(meta: dict) -> Iterable[str]:
    return hide if isinstance(hide := meta.get("hide"), list) else ()


def listed(tokens: list[dict]) -> etree.Element:
    made = element("ol")
    for token in tokens:
        link = element("a", {"href": f"#{token['id']}"}, unescape(token["name"]))
        made.append(element("li", None, link))
        if token["children"]:
            made[-1].append(listed(token["children"]))
    return made


class ContentsExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(ContentsTreeprocessor(md), "kb-contents", 2)


def makeExtension(**options) -> ContentsExtension:
    return ContentsExtension(**options)
