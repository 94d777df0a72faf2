"""Markdown extension: the link beside a heading is for the mouse, and no part of the heading's words.

    <h2 id="x">x<a class="headerlink" href="#x" title="本节链接" aria-hidden="true" tabindex="-1"></a></h2>

Whoever listens would hear its `¶` with every heading, and whoever copies would copy it: the style sheet
draws it. The contents have the same links for all.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| PermalinkTreeprocessor | treeprocessors | kb-permalinks | 4.5 | after toc (5), which makes them |
"""

from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor


class PermalinkTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        for link in root.iterfind(".//a[@class='headerlink']"):
            link.text = None
            link.set("aria-hidden", "true")
            link.set("tabindex", "-1")


class PermalinkExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(PermalinkTreeprocessor(md), "kb-permalinks", 4.5)


def makeExtension(**options) -> PermalinkExtension:
    return PermalinkExtension(**options)
