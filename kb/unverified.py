"""Markdown extension: code that an author wrote into a note says that nobody ran it.

    <div class="author-code">
      <div class="highlight">…</div>
      <p class="author-code-label">作者原文代码，未验证</p>
    </div>

| registered | in | as | priority | why there |
|---|---|---|---|---|
| UnverifiedTreeprocessor | treeprocessors | kb-unverified | 16 | when all code is highlighted (30) |
"""

import re
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from markdown.util import HTML_PLACEHOLDER_RE

from kb.engine import current_page
from kb.html import element

CODE = re.compile(r"<pre\b")


class UnverifiedTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        if current_page(self.md).is_note:
            self.label(root)

    def label(self, parent: etree.Element) -> None:
        for place, child in enumerate(list(parent)):
            if child.tag == "figure" and child.get("class") == "embed":
                continue
            if child.tag == "pre" or self.is_code(child.text):
                around = element("div", {"class": "author-code"}, child)
                around.append(element("p", {"class": "author-code-label"}, "作者原文代码，未验证"))
                around.tail, child.tail = child.tail, None
                parent[place] = around
            else:
                self.label(child)

    def is_code(self, text: str | None) -> bool:
        placeholder = HTML_PLACEHOLDER_RE.fullmatch((text or "").strip())
        if placeholder is None:
            return False
        stored = self.md.htmlStash.rawHtmlBlocks[int(placeholder.group(1))]
        return isinstance(stored, str) and CODE.search(stored) is not None


class UnverifiedExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(UnverifiedTreeprocessor(md), "kb-unverified", 16)


def makeExtension(**options) -> UnverifiedExtension:
    return UnverifiedExtension(**options)
