r"""Markdown extension: pictures from other servers, which may not answer.

    ![image-20230120231340949](https://cdn.example/1.png)

becomes

    <span class="picture is-alone">
      <img alt="…" src="…" loading="lazy" …>
      <span class="picture-note"><span class="picture-state"></span>第 1 / 2 张，「1.1 - 自注意力」一节的图片，来自 cdn.example。<a href="…">打开原图</a></span>
    </span>

The note is what a reader sees until the picture has come, and in its place where it
never comes: `theme/assets/site.js` sets a class on the span, by which `site.css` shows the one
or the other and says in `picture-state` how things stand. Without scripts both show.

Where there is a copy of our own (`kb.pictures.copies`), it is shown, and `is-own` beside `picture`; its
size is known, so the page keeps room for it. `data-original` is the author's address, which
`site.js` turns to where the copy doesn't come.

A picture that is here, beside the notes, loads when near, and the page keeps room for it too.
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
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as etree

import imagesize
from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from markdown.util import AMP_SUBSTITUTE

from kb.markdown.engine import Page, current_page, relative
from kb.markdown.html import element
from kb.markdown.links import find_target, is_elsewhere
from kb.markdown.places import host_of
from kb.pictures.copies import Copy, shown_copies

log = logging.getLogger("mkdocs.kb")

SIZES = "(min-width: 60em) 840px, 100vw"
"""How wide a picture is at most, as far as it can be told before the page is laid out."""
NUMBER = re.compile(r"\s*(\d+(?:\.\d+)?)(?:px)?\s*$")
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
        copies = shown_copies(page.root)
        parents = {child: parent for parent in root.iter() for child in parent}
        numbers = count(root, parents) if page.is_note else {}
        section = ""
        for part in list(root.iter()):
            if HEADING.fullmatch(part.tag):
                section = unescape(part.get("data-toc-label", "")) or "".join(part.itertext())
                section = section if len(section) <= LONGEST else f"{section[:LONGEST]}……"
            if part.tag != "img":
                continue
            number = numbers.get(part, "")
            if not is_elsewhere(address := part.get("src", "").strip()):
                self.local(page, part, section.strip(), number)
                say_something(part, section.strip())
                continue
            say_something(part, section.strip())
            part.set("src", address)
            plain = address.replace(AMP_SUBSTITUTE, "&")
            show(page, part, copies.get(plain) or copies.get(unescape(plain)))  # as in HTML of the author's
            around = ancestors(part, parents)
            if not any(map(HEADING.fullmatch, around)):
                wrap(part, parents[part], number, section.strip(), "a" in around)

    def local(self, page: Page, picture: etree.Element, section: str, number: str = "") -> None:
        address = picture.get("src", "")
        target = find_target(page.root / "docs", page.uri, address)
        if target is not None:
            picture.set("src", page.link_to(target))
            picture.set("loading", "lazy")
            if (size := size_of(page.root / "docs" / target)) is not None:
                keep_room(picture, *size)
            return
        if not page.is_note:
            log.warning(f"docs/{page.uri}：图片 {address} 不在 docs/ 里。改正地址，或补上文件。")
            return
        picture.tag = "span"
        described = f"{number}{describe(picture.get('alt', ''), section)}：{unquote(address)}"
        attributes = {"class": "picture is-missing", "data-address": address}
        for name in ("alt", "title", "style", "width", "height"):
            if value := picture.get(name):
                attributes[f"data-{name}"] = value
        picture.attrib.clear()
        picture.attrib.update(attributes)
        picture.append(element("span", {"class": "picture-note"}, described))


def size_of(file: Path) -> tuple[int, int] | None:
    """Pixels wide and high; None where its beginning doesn't say."""
    try:
        width, height = imagesize.get(file)
    except Exception:  # whatever is in it: then the page keeps no room for it
        return None
    return (round(width), round(height)) if width >= 1 and height >= 1 else None


def count(root: etree.Element, parents: dict) -> dict[etree.Element, str]:
    """Which of how many each picture is, where there are several; a cover isn't one of them, nor
    what a figure of ours shows."""
    ours = {each for figure in root.iter("figure") if figure.get("data-figure") for each in figure.iter("img")}
    found = [
        each
        for each in root.iter("img")
        if each not in ours and parents[each].get("class") != "note-cover"
    ]
    if len(found) == 1:
        return {}
    return {each: f"第 {number} / {len(found)} 张，" for number, each in enumerate(found, 1)}


def show(page: Page, img: etree.Element, copy: Copy | None) -> None:
    """Loads when near, and asks without saying for whom; from here, where there is a copy."""
    img.set("loading", "lazy")
    img.set("referrerpolicy", "no-referrer")  # some hosts refuse other sites
    if copy is None:
        return
    img.set("data-original", img.get("src"))
    img.set("src", page.link_to(copy.uri()))
    if copy.width is None:
        return
    is_sized = keep_room(img, copy.width, copy.height)
    if copy.smaller:
        widths = {width: copy.uri(width) for width in copy.smaller}
        widths |= {copy.width: copy.uri()} if copy.width > max(widths) else {}
        img.set("srcset", ", ".join(f"{seen_from(page, uri)} {width}w" for width, uri in widths.items()))
        img.set("sizes", f"auto, {SIZES}" if is_sized else SIZES)


def keep_room(img: etree.Element, width: int, height: int) -> bool:
    """Says how large a picture is, or what its shape is where its author said one side as a share of
    the page. Whether it has both sides now.
    """
    sides = [NUMBER.match(img.get(side, "")) for side in ("width", "height")]
    if img.get("width") and not sides[0] or img.get("height") and not sides[1]:
        style = img.get("style", "").strip().rstrip(";")
        img.set("style", f"{style};aspect-ratio:{width}/{height}".lstrip(";"))
        return False
    if not any(sides):
        wide, high = width, height
    elif sides[0]:
        wide, high = float(sides[0][1]), float(sides[0][1]) * height / width
    else:
        wide, high = float(sides[1][1]) * width / height, float(sides[1][1])
    if not all(sides):
        img.set("width", str(round(wide)))
        img.set("height", str(round(high)))
    return True


def seen_from(page: Page, uri: str) -> str:
    """The address as a browser sees it: no engine looks into `srcset`."""
    return relative(uri, page.uri.removesuffix(".md").removesuffix("index").rstrip("/"))


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


def say_something(picture: etree.Element, section: str) -> None:
    """Where the author wrote no description at all, not even an empty one, it is the section's."""
    if picture.tag == "img" and "alt" not in picture.attrib:
        picture.set("alt", describe("", section))


def wrap(img: etree.Element, parent: etree.Element, number: str, section: str, in_link: bool) -> None:
    src = img.get("data-original", img.get("src"))
    alone = len(parent) == 1 and not (parent.text or "").strip() and not (img.tail or "").strip()
    classes = ["picture", *["is-alone"] * alone, *["is-own"] * ("data-original" in img.keys())]
    picture = etree.Element("span", {"class": " ".join(classes)})
    picture.tail, img.tail = img.tail, None
    parent[list(parent).index(img)] = picture
    picture.append(img)

    note = etree.SubElement(picture, "span", {"class": "picture-note"})
    state = etree.SubElement(note, "span", {"class": "picture-state"})
    state.tail = f"{number}{describe(img.get('alt', ''), section)}，来自 {host_of(src)}。"
    if not in_link:
        link = etree.SubElement(note, "a", {"href": src, "referrerpolicy": "no-referrer"})
        link.text = "打开原图"


class PictureExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(PictureTreeprocessor(md), "kb-pictures", 8)


def makeExtension(**options) -> PictureExtension:
    return PictureExtension(**options)
