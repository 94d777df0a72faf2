"""Markdown extension: links lead to where their author meant them to.

An author linked within the blog: `/posts/123/`, `../123/`, `#第-一-节`. Where the note or the
section is here, the link leads to it. Where it isn't, the link can't be mended, since the text
is the author's: what it said stays, with a word on where it led, and the build goes on;
`kb check` lists it. On a page of ours a dead link is a warning, which ends
`mkdocs build --strict`.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| LinkTreeprocessor | treeprocessors | kb-links | 3 | when headings have their anchors (toc, 5); before the generator resolves links (0) |
"""

import logging
import os.path
import posixpath
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from kb.markdown.engine import Page, current_page
from kb.markdown.places import own_place, path_of, place
from kb.markdown.rawhtml import ANCHOR, raw_anchors
from kb.markdown.syntax import parse

log = logging.getLogger("mkdocs.kb")

ON_ONE_MACHINE = re.compile(r"[A-Za-z]:[\\/]|\\\\|file:", re.IGNORECASE)
ELSEWHERE = re.compile(r"(?:[a-z][a-z0-9+.-]+:)?//(?!/)|(?:mailto|tel|data|xmpp):", re.IGNORECASE)
HEADINGS = {f"h{level}" for level in range(1, 7)}


def is_elsewhere(address: str) -> bool:
    """Whether the address is another server's, or for another program; `http://[图]` is neither."""
    if ELSEWHERE.match(address) is None:
        return False
    try:
        urlsplit(address)
    except ValueError:
        return False
    return True


def find_target(docs: Path, uri: str, address: str) -> str | None:
    """The file below `docs/` that an address in the page `uri` means, None if there is none.

    Seen from the page's address first, as a browser does: `x.png` in `posts/1.md` is
    `posts/1/x.png`, or what a note has of its own; then from the file, as an editor does. Notes are found by their number,
    wherever the author's blog had them.
    """
    path = path_of(address)
    if not path:
        return uri
    folder = "" if path.startswith("/") else posixpath.dirname(uri)
    file = posixpath.normpath(posixpath.join(folder, path.lstrip("/")))
    number = re.fullmatch(r"(?:.*/)?([0-9A-Fa-f]+)(?:\.html|\.md|/|/index\.html)?", path)
    own = own_place(uri, address) if uri.startswith("posts/") else file
    for found in (own, place(uri, address), file, f"posts/{number[1]}.md" if number else file):
        if found and not found.startswith("..") and os.path.isfile(f"{docs}/{found}"):
            return found
    return None


class LinkTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        docs, anchors = page.root / "docs", find_anchors(root)
        for link in root.iter("a"):
            address = link.get("href", "")
            if address in ("", "#") or is_elsewhere(address):
                continue
            fragment = address.partition("#")[2]
            target = find_target(docs, page.uri, address)
            if target == page.uri and fragment:
                fragment = anchors.get(loose(fragment))
                target = target if fragment else None
            if target is None:
                leads_nowhere(link, address, page)
            elif target == page.uri:
                link.set("href", f"#{fragment}" if fragment else "")
            else:
                link.set("href", page.link_to(target))
                if fragment:  # checked nowhere: the other page's headings aren't known here
                    link.set("data-fragment", anchor_in(docs / target, fragment))


def leads_nowhere(link: etree.Element, address: str, page: Page) -> None:
    if not page.is_note:
        log.warning(f"docs/{page.uri}：链接 {address} 的目标不在 docs/ 里。改正地址。")
        return
    link.tag = "span"
    link.attrib.clear()
    link.set("class", "leads-nowhere")
    link.set("title", f"原文在这里有一个链接，目标不在本站：{address}")
    link.set("data-address", address)


def anchor_in(path: Path, fragment: str) -> str:
    """What the page of another file calls an anchor: one in HTML of the author's has a prefix."""
    text = path.read_text("utf-8-sig", errors="replace")
    named = unquote(fragment)
    return ANCHOR + named if named in text and named in raw_anchors(parse(text)) else fragment


def find_anchors(root: etree.Element) -> dict[str, str]:
    """Anchors of a page, by what an author may call them: loosely spelt, or by the heading."""
    anchors: dict[str, str] = {}
    for element in root.iter():
        if id := element.get("id"):
            anchors.setdefault(loose(id.removeprefix(ANCHOR)), id)
            anchors.setdefault(loose(id), id)
            if element.tag in HEADINGS:
                label = "".join(element.itertext())
                anchors.setdefault(loose(label.removesuffix("¶")), id)
    return anchors


def loose(text: str) -> str:
    """Letters and digits alone, so that `#11---自注意力` finds `#11-自注意力`."""
    return re.sub(r"[\W_]", "", unquote(text)).lower()


class LinkExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(LinkTreeprocessor(md), "kb-links", 3)


def makeExtension(**options) -> LinkExtension:
    return LinkExtension(**options)
