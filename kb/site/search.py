"""Markdown extension: how much of the notes the search index holds.

A reader's browser loads the whole index at the first search, so it must not grow with every
note. All notes share `search_budget` bytes of it evenly. Of each note the index holds the title, then
as many headings as fit, then as much of the text under each of them as fits. A heading that
doesn't fit is kept out with all its section, by an attribute that both engines know; text that
doesn't fit is wrapped, so that it looks no different:

    <h3 data-search-exclude="true"> …
    <not-searched data-search-exclude="true" style="display: contents"> <p> …

The wrapper's name is its own, since the search of mkdocs-material takes the end of any element
of the same name for its end. While everything fits, nothing is marked.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| SearchTreeprocessor | treeprocessors | kb-search | 3 | after toc (5) and the title (4): headings have their addresses, and no text is added any more |
"""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from html import escape
from pathlib import Path
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from markdown.util import HTML_PLACEHOLDER_RE

from kb.markdown.engine import Page, current_page
from kb.markdown.settings import read_settings

EXCLUDE = "data-search-exclude"
HEADING = re.compile("h[1-6]")
TAG = re.compile("<[^>]*>")
KEPT = {tag: 2 * len(tag) + 5 for tag in ("p", "li", "ol", "ul", "code", "pre", "sub", "sup")}
"""Elements that the index keeps → bytes of both their tags."""


class SearchTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        if not page.is_note:
            return
        left = read_settings(page.root).search_budget / max(1, count_notes(page.root / "docs/posts"))
        sections = list(split(root))
        costs = [self.entry_cost(page, heading) for heading, _ in sections]
        searched = []
        for (heading, blocks), cost in zip(sections, costs, strict=True):
            if heading is None or heading.tag == "h1" or cost <= left:
                left -= cost
                searched.append(blocks)
            else:
                heading.set(EXCLUDE, "true")
        for blocks in searched:
            for place, block in enumerate(blocks):
                if (cost := self.text_cost(block)) > left:
                    wrap(root, blocks[place:])
                    break
                left -= cost

    def entry_cost(self, page: Page, heading: etree.Element | None) -> int:
        """Bytes of a section that has no text yet."""
        entry = {
            "location": f"{page.uri}#{heading.get('id', '')}" if heading is not None else page.uri,
            "title": self.text_of(heading) if heading is not None else "",
            "text": "",
            "tags": [escape(tag) for tag in page.meta["tags"]],
        }
        return len(json.dumps(entry))

    def text_cost(self, block: etree.Element) -> int:
        kept = sum(KEPT.get(element.tag, 0) for element in block.iter())
        return kept + len(json.dumps(self.text_of(block)))

    def text_of(self, element: etree.Element) -> str:
        """What a reader sees, highlighted code included, as HTML."""
        stash = self.md.htmlStash.rawHtmlBlocks
        text = escape("".join(element.itertext()), quote=False)
        return HTML_PLACEHOLDER_RE.sub(lambda at: TAG.sub("", str(stash[int(at[1])])), text)


def split(root: etree.Element) -> Iterator[tuple[etree.Element | None, list[etree.Element]]]:
    """Each heading with the blocks under it; what stands before the first goes with None."""
    heading, blocks = None, []
    for block in root:
        if HEADING.fullmatch(block.tag):
            if heading is not None or blocks:
                yield heading, blocks
            heading, blocks = block, []
        else:
            blocks.append(block)
    yield heading, blocks


def wrap(root: etree.Element, blocks: list[etree.Element]) -> None:
    """Put these neighbours, and what stands between them, into an element that isn't searched."""
    wrapper = etree.Element("not-searched", {EXCLUDE: "true", "style": "display: contents"})
    root.insert(list(root).index(blocks[0]), wrapper)
    for block in blocks:
        root.remove(block)
        wrapper.append(block)


def count_notes(folder: Path) -> int:
    return count_files(folder, folder.stat().st_mtime_ns) if folder.exists() else 0


@lru_cache(maxsize=1)
def count_files(folder: Path, changed: int) -> int:
    """Counted once for all pages, and anew when the folder has changed."""
    return sum(path.suffix == ".md" for path in folder.iterdir())


class SearchExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(SearchTreeprocessor(md), "kb-search", 3)


def makeExtension(**options) -> SearchExtension:
    return SearchExtension(**options)
