"""Markdown extension: links in notes lead to where their author meant them to.

An author linked within the blog: `/posts/123/`, `../123/`, `#第-一-节`. Where the note or the
section is here, the link leads to it. Where it isn't, the link can't be mended, since the text
is the author's: it stays, is marked as leading nowhere, and the build goes on; `kb check` lists
it. Pages of ours get no such mercy from `mkdocs build --strict`.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| LinkTreeprocessor | treeprocessors | kb-links | 3 | when headings have their anchors (toc, 5); before the generator resolves links (0) |
| RestoreTreeprocessor | treeprocessors | kb-links-restore | -1 | after the generator has resolved links (0) |
"""

import os.path
import posixpath
import re
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from kb.engine import current_page

ELSEWHERE = re.compile(r"(?:[a-z][a-z0-9+.-]+:)?//(?!/)|(?:mailto|tel|data|xmpp):", re.IGNORECASE)
ON_ONE_MACHINE = re.compile(r"[A-Za-z]:[\\/]|\\\\|file:", re.IGNORECASE)
HEADINGS = {f"h{level}" for level in range(1, 7)}
LEADS_NOWHERE = "原文里的这个链接，目标不在本站"


def is_elsewhere(address: str) -> bool:
    """Whether the address is another server's, or for another program."""
    return ELSEWHERE.match(address) is not None


def find_target(docs: Path, uri: str, address: str) -> str | None:
    """The file below `docs/` that an address in the page `uri` means, None if there is none.

    Notes are found by their number, wherever the author's blog had them.
    """
    path = unquote(re.split("[?#]", address, maxsplit=1)[0])
    if ON_ONE_MACHINE.match(path) or "\0" in path:
        return None
    if not path:
        return uri
    folder = "" if path.startswith("/") else posixpath.dirname(uri)
    file = posixpath.normpath(posixpath.join(folder, path.lstrip("/")))
    if file.startswith(".."):
        return None
    number = re.fullmatch(r"(?:.*/)?([0-9A-Fa-f]+)(?:\.html|\.md|/|/index\.html)?", path)
    for found in (file, f"posts/{number[1]}.md" if number else file):
        if os.path.isfile(docs / found):
            return found
    return None


class LinkTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        if not page.is_note:
            return
        docs = page.root / "docs"
        anchors = find_anchors(root)
        for link in root.iter("a"):
            address = link.get("href", "")
            if address in ("", "#") or is_elsewhere(address) or link.get("data-fragment"):
                continue
            target = find_target(docs, page.uri, address)
            fragment = address.partition("#")[2]
            if target == page.uri and fragment:
                fragment = anchors.get(loose(fragment)) or self.in_raw_html(fragment)
                target = target if fragment else None
            if target is None:
                hide(link, "href")
                link.set("class", "leads-nowhere")
                link.set("title", LEADS_NOWHERE)
            elif target == page.uri:
                link.set("href", f"#{fragment}" if fragment else "")
            else:
                link.set("href", page.link_to(target))
                if fragment:  # checked nowhere: the other note's headings aren't known here
                    link.set("data-fragment", fragment)
        for picture in root.iter("img"):
            address = picture.get("src", "")
            if not is_elsewhere(address):
                target = find_target(docs, page.uri, address)
                if target is None:
                    hide(picture, "src")
                else:
                    picture.set("src", page.link_to(target))


    def in_raw_html(self, fragment: str) -> str | None:
        """The fragment, where HTML of the author's has that id."""
        id = unquote(fragment)
        named = re.compile(rf"""<[^>]*\b(?:id|name)=["']?{re.escape(id)}["'\s>]""")
        return id if any(map(named.search, self.md.htmlStash.rawHtmlBlocks)) else None


def hide(element: etree.Element, name: str) -> None:
    """Keep an address from the generator, which would complain of it."""
    element.set("data-address", element.get(name, ""))
    element.set(name, "")


class RestoreTreeprocessor(Treeprocessor):
    """Gives back the addresses that were hidden."""

    def run(self, root: etree.Element) -> None:
        for element in root.iter():
            if (address := element.attrib.pop("data-address", None)) is not None:
                element.set("src" if element.tag == "img" else "href", address)


def find_anchors(root: etree.Element) -> dict[str, str]:
    """Anchors of a page, by what an author may call them: loosely spelt, or by the heading."""
    anchors: dict[str, str] = {}
    for element in root.iter():
        if id := element.get("id"):
            anchors.setdefault(loose(id), id)
            if element.tag in HEADINGS:
                label = element.get("data-toc-label") or "".join(element.itertext())
                anchors.setdefault(loose(label.removesuffix("¶")), id)
    return anchors


def loose(text: str) -> str:
    """Letters and digits alone, so that `#11---自注意力` finds `#11-自注意力`."""
    return re.sub(r"[\W_√]", "", unquote(text)).lower()


class LinkExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(LinkTreeprocessor(md), "kb-links", 3)
        md.treeprocessors.register(RestoreTreeprocessor(md), "kb-links-restore", -1)


def makeExtension(**options) -> LinkExtension:
    return LinkExtension(**options)
