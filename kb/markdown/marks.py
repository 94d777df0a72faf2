"""Markdown extension: `[√]` in a heading, the author's mark that a section is done.

    ## [√] 部分注意力机制

becomes

    <h2><span class="mark" role="img" aria-label="已完成">√</span> 部分注意力机制</h2>

and the table of contents gets the heading without it.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| MarkTreeprocessor | treeprocessors | kb-marks | 10 | after inline (20), before toc (5), which reads data-toc-label |
"""

from html import escape
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

MARK = "[√]"
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}


class MarkTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        for heading in root.iter():
            if heading.tag in HEADINGS and MARK in "".join(heading.itertext()):
                label = "".join(heading.itertext()).replace(MARK, "", 1)
                heading.set("data-toc-label", escape(label.strip()))  # toc takes it for HTML
                show_mark(heading)


def show_mark(heading: etree.Element) -> None:
    """Put the first mark's span where its text is: before, between or after children."""
    done = {"class": "mark", "role": "img", "aria-label": "已完成", "title": "已完成"}
    mark = etree.Element("span", done)
    mark.text = "√"
    if MARK in (heading.text or ""):
        heading.text, _, mark.tail = heading.text.partition(MARK)
        heading.insert(0, mark)
        return
    for place, child in enumerate(heading, 1):
        if MARK in (child.tail or ""):
            child.tail, _, mark.tail = child.tail.partition(MARK)
            heading.insert(place, mark)
            return


class MarkExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(MarkTreeprocessor(md), "kb-marks", 10)


def makeExtension(**options) -> MarkExtension:
    return MarkExtension(**options)
