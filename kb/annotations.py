"""Markdown extension: the author's annotations.

    > alec：
    >
    > - …

is a blockquote whose text begins with the author's signature. It stays a blockquote,
`<blockquote class="annotation" aria-label="作者批注">`, and is styled apart from quoted
text.

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
            if "".join(quote.itertext()).lstrip().startswith(self.signature):
                quote.set("class", "annotation")
                quote.set("aria-label", "作者批注")


class AnnotationExtension(Extension):
    def __init__(self, **options):
        self.config = {"signature": ["alec：", "What an annotation begins with"]}
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:
        processor = AnnotationTreeprocessor(md, self.getConfig("signature"))
        md.treeprocessors.register(processor, "kb-annotations", 15)


def makeExtension(**options) -> AnnotationExtension:
    return AnnotationExtension(**options)
