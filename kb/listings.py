"""Markdown extension: the pages made from notes.

The page whose front matter says `fill: home` gets the newest notes as cards; the pages that
`kb pages` keeps (`fill: tag`, …) get their part of `kb.catalog`:

| fill | what it gets |
|---|---|
| home | pinned and newest notes, as cards |
| tags, categories, archive | every tag, category, month, with the number of its notes |
| tag, category, month | its notes |
| annotations | the author's annotations, by note and section |

| registered | in | as | priority | why there |
|---|---|---|---|---|
| ListingTreeprocessor | treeprocessors | kb-listings | 17 | before annotations (15), marks (10) and pictures (8), which see to what it adds, toc (5) and links (0) |
| CoverTreeprocessor | treeprocessors | kb-covers | 7 | after pictures (8): a card stands without its cover, and needs no note |
"""

import logging
import posixpath
from collections.abc import Iterable
from itertools import groupby
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from kb.annotations import anchor
from kb.catalog import UNDATED, Catalog, Listing, in_words, read_catalog
from kb.commonmark import TreeBuilder, parse
from kb.engine import Page, current_page
from kb.frame import category_of, link, tags_of, time_of
from kb.html import element
from kb.library import Note, find_annotations, read_parts
from kb.pages import FILLS, missing_pages
from kb.syntax import parser

log = logging.getLogger("mkdocs.kb")

CARDS = 12
STEPS_IN_TREE = 300
"""Categories that a tree shows at most; those further down are on the pages of theirs."""


class ListingTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        fill = page.meta.get("fill")
        if fill == "home":
            root.extend(home(page, read_catalog(page.root, page.build)))
            for problem in missing_pages(page.root, page.build):
                log.warning(problem)
        elif fill in FILLS:
            catalog = read_catalog(page.root, page.build)
            listing = catalog.listings.get(page.uri)
            root.append(element("h1", None, str(page.meta.get("title", ""))))
            if listing is None or not listing.items and fill != "categories":
                root.append(element("p", None, "这里还没有笔记。"))
            else:
                root.extend(getattr(self, fill)(page, catalog, listing))
                root.extend(pager(page, listing))

    def tags(self, page: Page, catalog: Catalog, listing: Listing) -> Iterable[etree.Element]:
        items = [
            element("li", None, link(page, catalog.tag_uris[tag], tag), count(catalog.tags[tag]))
            for tag in listing.items
        ]
        yield element("ul", {"class": "tags"}, *items)

    def tag(self, page: Page, catalog: Catalog, listing: Listing) -> Iterable[etree.Element]:
        yield up(page, "tags/index.md", "全部标签", catalog.tags[listing.of])
        yield note_list(page, catalog, listing.items)

    def categories(self, page: Page, catalog: Catalog, listing: Listing) -> Iterable[etree.Element]:
        if not catalog.categories:
            yield element("p", None, "还没有笔记有分类。")
            return
        yield tree(page, catalog, ())

    def category(self, page: Page, catalog: Catalog, listing: Listing) -> Iterable[etree.Element]:
        ...
