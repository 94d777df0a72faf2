"""Markdown extension: what stands above and below a note, made from its front matter.

Above: title, date, author, the path of its category, its cover. Below: where the note comes
from, under which licence, and whether code was added. Pages that aren't notes have none.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| FrameTreeprocessor | treeprocessors | kb-frame | 12 | after inline (20); before pictures (8), which see to the cover |
| TitleTreeprocessor | treeprocessors | kb-title | 4 | after toc (5): the title is no section of the note |
"""

from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from kb.engine import BadInput, Page, current_page
from kb.html import literal
from kb.notes import private_because


class FrameTreeprocessor(Treeprocessor):
    def __init__(self, md: Markdown, author: str, origin: str):
        super().__init__(md)
        self.author = author
        self.origin = origin

    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        if not page.is_note:
            return
        if reason := private_because(page.meta):
            raise BadInput(
                f"{page.path.relative_to(page.root).as_posix()}：这篇笔记的 front matter 写着 "
                f"{reason}，是私密的，不能放在 docs/ 里。请把文件移出 docs/。"
            )
        has_code = root.find("figure[@class='embed']") is not None
        root.insert(0, self.head(page))
        root.append(self.foot(page, has_code))

    def head(self, page: Page) -> etree.Element:
        head = etree.Element("div", {"class": "note-head"})
        facts = etree.SubElement(head, "div", {"class": "note-facts"})
        if date := page.meta.get("date"):
            written = str(date).replace("T", " ")  # Zensical hands over ISO text
            time = etree.SubElement(facts, "time", {"datetime": written})
            time.text = written[:16]
        author = etree.SubElement(facts, "span")
        author.text = f"作者 {self.author}"
        if path := category_path(page.meta):
            nav = etree.SubElement(facts, "nav", {"class": "note-category", "aria-label": "分类"})
            steps = etree.SubElement(nav, "ol")
            for step in path:
                etree.SubElement(steps, "li").text = literal(step)
        if cover := page.meta.get("index_img"):
            paragraph = etree.SubElement(head, "p", {"class": "note-cover"})
            etree.SubElement(paragraph, "img", {"src": cover, "alt": "封面"})
        return head

    def foot(self, page: Page, has_code: bool) -> etree.Element:
        origin = self.origin.format(abbrlink=page.path.stem)
        foot = etree.Element("div", {"class": "note-foot", "role": "note"})
        line = etree.SubElement(foot, "p")
        line.text = f"原文作者 {self.author}，发表于 "
        link = etree.SubElement(line, "a", {"href": origin})
        link.text = origin
        link.tail = "，以 "
        licence = etree.SubElement(
            line,
            "a",
            {"href": "https://creativecommons.org/licenses/by/4.0/deed.zh-hans", "rel": "license"},
        )
        licence.text = "CC BY 4.0"
        added = "本站在作者的段落之间加入了代码；" if has_code else ""
        licence.tail = f" 许可。{added}作者的文字一字未改。"
        return foot


class TitleTreeprocessor(Treeprocessor):
    """The title as a heading. The theme would leave it out where a note has an `#` heading."""

    def run(self, root: etree.Element) -> None:
        page = current_page(self.md)
        if page.is_note and (title := page.meta.get("title")):
            heading = etree.Element("h1")
            heading.text = literal(title)
            root.insert(0, heading)


def category_path(meta: dict) -> list[str]:
    """`categories` as a path: a list is one already, a single string has one step."""
    categories = meta.get("categories") or []
    return [str(step) for step in categories] if isinstance(categories, list) else [str(categories)]


class FrameExtension(Extension):
    def __init__(self, **options):
        self.config = {
            "author": ["", "Name of the notes' author"],
            "origin": ["", "Address of the original; {abbrlink} is the note's number"],
        }
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:
        processor = FrameTreeprocessor(md, **self.getConfigs())
        md.treeprocessors.register(processor, "kb-frame", 12)
        md.treeprocessors.register(TitleTreeprocessor(md), "kb-title", 4)


def makeExtension(**options) -> FrameExtension:
    return FrameExtension(**options)
