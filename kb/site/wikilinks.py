"""Markdown extension: links to notes by their names.

    [[另一篇笔记]]  [[笔记#小节|别名]]  [别名](另一篇笔记.md)

A note is known by its title, by the name of the file that it came from, and by the `aliases` in its
front matter, whatever the case of letters. What no note is called like stays as it is written, and
says that there is none.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| WikiTreeprocessor | treeprocessors | kb-wikilinks | 3.5 | before links (3), which make addresses of what it finds |
"""

from urllib.parse import unquote
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.extensions.toc import slugify_unicode
from markdown.treeprocessors import Treeprocessor

from kb.markdown.engine import Page, current_page
from kb.markdown.links import find_target, is_elsewhere
from kb.site.catalog import Catalog, read_catalog

ENDS = (".md", ".markdown")


class WikiTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        links = [link for link in root.iter("a") if link.get("data-wiki") or by_file(page, link)]
        if links:
            catalog = read_catalog(page.root, page.build)
            for link in links:
                lead(page, catalog, link)


def by_file(page: Page, link: etree.Element) -> bool:
    """Whether it names a Markdown file that isn't here under that name."""
    address = link.get("href", "")
    path = unquote(address.partition("#")[0])
    return (
        path.lower().endswith(ENDS)
        and not is_elsewhere(address)
        and find_target(page.root / "docs", page.uri, address) is None
    )


def lead(page: Page, catalog: Catalog, link: etree.Element) -> None:
    wiki, written = link.attrib.pop("data-wiki", None), link.attrib.pop("data-written", "")
    link.attrib.pop("data-shown", None)
    name, _, section = (wiki or unquote(link.get("href", ""))).partition("#")
    uri = catalog.find(name) if name.strip() else page.uri
    if uri is None:
        if wiki:
            link.tag, link.text = "span", written
            link.set("class", "leads-nowhere")
            link.set("title", f"这里没有叫“{name}”的笔记")
        return
    section = section.rpartition("#")[2].removeprefix("^")
    anchor = slugify_unicode(section, "-").lstrip("_") if uri != page.uri else section
    link.set("href", f"/{uri}#{anchor}" if section else f"/{uri}")


class WikiExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(WikiTreeprocessor(md), "kb-wikilinks", 3.5)


def makeExtension(**options) -> WikiExtension:
    return WikiExtension(**options)
