"""Markdown extension: the author's annotations.

    > alec：
    >
    > - …

is a blockquote whose first paragraph begins with the author's signature. It stays a
blockquote, `<blockquote class="annotation" id="alec-1" aria-label="作者批注">` with the
signature in `<span class="signature">`, and is styled apart from quoted text.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| AnnotationTreeprocessor | treeprocessors | kb-annotations | 15 | after inline (20), when the text is known |
"""

from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

SIGNATURE = "alec："


def anchor(number: int) -> str:
    """Where a page shows its annotation of that number, from 1."""
    return f"alec-{number}"


class AnnotationTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        number = 0
        for quote in root.iter("blockquote"):
            if quote.get("class"):  # HTML of the author's, which `kb.notes.library` doesn't count
                continue
            first = quote.find("*")
            if first is None or first.tag != "p" or (quote.text or "").strip():
                continue
            if not "".join(first.itertext()).lstrip().startswith(SIGNATURE):
                continue
            number += 1
            quote.set("class", "annotation")
            quote.set("id", anchor(number))
            quote.set("aria-label", "作者批注")
            if (text := (first.text or "").lstrip()).startswith(SIGNATURE):
                signature = etree.Element("span", {"class": "signature"})
                signature.text = SIGNATURE
                signature.tail = text.removeprefix(SIGNATURE)
                first.text = ""
                first.insert(0, signature)


class AnnotationExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(AnnotationTreeprocessor(md), "kb-annotations", 15)


def makeExtension(**options) -> AnnotationExtension:
    return AnnotationExtension(**options)
