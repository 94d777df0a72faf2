"""Markdown extension: the author's annotations.

    > alec：
    >
    > - …

is a blockquote whose text begins with the author's signature. It stays a blockquote,
`<blockquote class="annotation" aria-label="作者批注">` with the signature in
`<span class="signature">`, and is styled apart from quoted text.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| AnnotationTreeprocessor | treeprocessors | kb-annotations | 15 | after inline (20), when the text is known |
"""

from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor


class AnnotationTreeprocessor(Treeprocessor):
    def __init__(self, md: Markdown, signature: str):
        super().__init__(md)
        self.signature = signature

    def run(self, root: etree.Element) -> None:
        for quote in root.iter("blockquote"):
            first = quote.find("*")
            if first is None or first.tag != "p":
                continue
            if not "".join(first.itertext()).lstrip().startswith(self.signature):
                continue
            quote.set("class", "annotation")
            quote.set("aria-label", "作者批注")
            if (text := (first.text or "").lstrip()).startswith(self.signature):
                signature = etree.Element("span", {"class": "signature"})
                signature.text = self.signature
                signature.tail = text.removeprefix(self.signature)
                first.text = ""
                first.insert(0, signature)


class AnnotationExtension(Extension):
    def __init__(self, **options):
        self.config = {"signature": ["alec：", "What an annotation begins with"]}
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:
        processor = AnnotationTreeprocessor(md, self.getConfig("signature"))
        md.treeprocessors.register(processor, "kb-annotations", 15)


def makeExtension(**options) -> AnnotationExtension:
    return AnnotationExtension(**options)
