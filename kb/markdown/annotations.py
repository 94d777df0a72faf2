"""Markdown extension: the author's annotations.

    > alec：
    >
    > - …

is a blockquote whose first paragraph begins with a signature of the base's (`kb.markdown.settings`).
It stays a blockquote, `<blockquote class="annotation" id="alec-1" aria-label="作者批注">` with the
signature in `<span class="signature">`, and is styled apart from quoted text.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| AnnotationTreeprocessor | treeprocessors | kb-annotations | 15 | after inline (20), when the text is known |
"""

import re
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from kb.markdown.engine import current_page
from kb.markdown.settings import COLONS, read_settings

COLON = re.compile(rf"[ \t]*[{COLONS}](?!//)")


def anchor(number: int, signatures: tuple[str, ...]) -> str:
    """Where a page shows its annotation of that number, from 1."""
    first = signatures[0].rstrip("：") if signatures else ""
    name = first.lower() if first.isascii() and first.isalpha() else "annotation"
    return f"{name}-{number}"


def signature_of(text: str, signatures: tuple[str, ...]) -> str | None:
    """The one that a text begins with, as it is written there, with a colon of either width."""
    text = text.lstrip()
    for each in signatures:
        name = each.rstrip(COLONS)
        if text.startswith(name) and (colon := COLON.match(text, len(name))):
            return name + colon[0]
    return None


class AnnotationTreeprocessor(Treeprocessor):
    def run(self, root: etree.Element) -> None:
        signatures = read_settings(current_page(self.md).root).signatures
        if not signatures:
            return
        number = 0
        elsewhere = {quote for quote in root.iterfind(".//div[@class='shown-note']//blockquote")}
        for quote in root.iter("blockquote"):
            if quote.get("class"):  # HTML of the author's, which `kb.notes.library` doesn't count
                continue
            first = quote.find("*")
            if first is None or first.tag != "p" or (quote.text or "").strip():
                continue
            own = signature_of("".join(first.itertext()), signatures)
            if own is None:
                continue
            quote.set("class", "annotation")
            if quote not in elsewhere:  # it is counted in its own note
                number += 1
                quote.set("id", anchor(number, signatures))
            quote.set("aria-label", "作者批注")
            if (text := (first.text or "").lstrip()).startswith(own):
                signature = etree.Element("span", {"class": "signature"})
                signature.text = own
                signature.tail = text.removeprefix(own)
                first.text = ""
                first.insert(0, signature)


class AnnotationExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(AnnotationTreeprocessor(md), "kb-annotations", 15)


def makeExtension(**options) -> AnnotationExtension:
    return AnnotationExtension(**options)
