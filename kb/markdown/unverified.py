"""Markdown extension: code that an author wrote into a note says that nobody ran it.

    <div class="author-code">
      <div class="highlight">…</div>
      <p class="author-code-label">作者原文代码，未验证</p>
    </div>

`kb.markdown.commonmark` makes the division, `class="code-block"`, around each block of code that isn't
embedded.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| UnverifiedTreeprocessor | treeprocessors | kb-unverified | 16 | after the tree is made |
"""

from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from kb.markdown.engine import current_page
from kb.markdown.html import element


class UnverifiedTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        if page.is_note or page.meta.get("fill") == "annotations":
            for code in root.iterfind(".//div[@class='code-block']"):
                code.set("class", "author-code")
                code.append(element("p", {"class": "author-code-label"}, "作者原文代码，未验证"))


class UnverifiedExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(UnverifiedTreeprocessor(md), "kb-unverified", 16)


def makeExtension(**options) -> UnverifiedExtension:
    return UnverifiedExtension(**options)
