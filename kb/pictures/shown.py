r"""Markdown extension: pictures from other servers, which may not answer.

    ![image-20230120231340949](https://cdn.example/1.png)

becomes

    <span class="picture is-alone">
      <img alt="…" src="…" loading="lazy" …>
      <span class="picture-note"><span class="picture-state"></span>「1.1 - 自注意力」一节的图片，来自 cdn.example。<a href="…">打开原图</a></span>
    </span>

The note is what a reader sees until the picture has come, and in its place where it
never comes: `theme/assets/site.js` sets a class on the span, by which `site.css` shows the one
or the other and says in `picture-state` how things stand. Without scripts both show.
A picture that should be here and isn't (`C:\图.png`) is a note alone, with its path.
A picture that is alone in its paragraph is a block, one among words stays in the line; one
in a heading gets no note, which would become a part of the heading's text and address.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| PictureTreeprocessor | treeprocessors | kb-pictures | 8 | after marks (10), which it names sections without |
"""

import logging
import re
from html import unescape
from urllib.parse import unquote
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from kb.markdown.engine import Page, current_page
from kb.markdown.html import element
from kb.markdown.links import find_target, is_elsewhere
from kb.markdown.places import host_of

log = logging.getLogger("mkdocs.kb")

HEADING = re.compile("h[1-6]")
LONGEST = 60
"""Characters of a heading that are said again under each picture."""
SAYS_NOTHING = re.compile(
    r"(在这里插入图片描述|img|image|图片|\d*|image-?\d+|\S+\.(png|jpe?g|gif|webp|svg))",
    re.IGNORECASE,
)
"""Alternative texts that editors fill in, or file names: they don't say what is shown."""


class PictureTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        parents = {child: parent for parent in root.iter() for child in parent}
        section = ""
        for part in list(root.iter()):
            if HEADING.fullmatch(part.tag):
                section = unescape(part.get("data-toc-label", "")) or "".join(part.itertext())
                section = section if len(section) <= LONGEST else f"{section[:LONGEST]}……"
            if part.tag != "img":
                continue
            if not is_elsewhere(part.get("src", "")):
                self.local(page, part, section.strip())
                continue
            part.set("loading", "lazy")
            part.set("referrerpolicy", "no-referrer")  # some hosts refuse other sites
            around = ancestors(part, parents)
            if not any(map(HEADING.fullmatch, around)):
                wrap(part, parents[part], section.strip(), "a" in around)

    def local(self, page: Page, picture: etree.Element, section: str) -> None:
        address = picture.get("src", "")
        target = find_target(page.root / "docs", page.uri, address)
        if target is not None:
            picture.set("src", page.link_to(target))
            return
        if not page.is_note:
            log.warning(f"docs/{page.uri}：图片 {address} 不在 docs/ 里。改正地址，或补上文件。")
            return
        picture.tag = "span"
        described = f"{describe(picture.get('alt', ''), section)}：{unquote(address)}"
        attributes = {"class": "picture is-missing", "data-address": address}
        for name in ("alt", "title", "style", "width", "height"):
            if value := picture.get(name):
                attributes[f"data-{name}"] = value
        picture.attrib.clear()
        picture.attrib.update(attributes)
        picture.append(element("span", {"class": "picture-note"}, described))


def ancestors(element: etree.Element, parents: dict) -> list[str]:
    """The tags of all elements around this one."""
    tags = []
    while element in parents:
        element = parents[element]
        tags.append(element.tag)
    return tags


def describe(alt: str, section: str) -> str:
    """What a picture shows, as far as its author said."""
    if SAYS_NOTHING.fullmatch(alt.strip()):
        return f"「{section}」一节的图片" if section else "图片"
    return alt.strip()


def wrap(img: etree.Element, parent: etree.Element, section: str, in_link: bool) -> None:
    src = img.get("src")
    alone = len(parent) == 1 and not (parent.text or "").strip() and not (img.tail or "").strip()
    picture = etree.Element("span", {"class": "picture is-alone" if alone else "picture"})
    picture.tail, img.tail = img.tail, None
    parent[list(parent).index(img)] = picture
    picture.append(img)

    note = etree.SubElement(picture, "span", {"class": "picture-note"})
    state = etree.SubElement(note, "span", {"class": "picture-state"})
    state.tail = f"{describe(img.get('alt', ''), section)}，来自 {host_of(src)}。"
    if not in_link:
        link = etree.SubElement(note, "a", {"href": src, "referrerpolicy": "no-referrer"})
        link.text = "打开原图"


class PictureExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(PictureTreeprocessor(md), "kb-pictures", 8)


def makeExtension(**options) -> PictureExtension:
    return PictureExtension(**options)
