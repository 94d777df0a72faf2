"""Markdown extension `kb`: everything that a page needs, in the order that it needs it.

mkdocs.yml names this one alone. What a base may choose is in `kb.markdown.settings`; the settings of
the table of contents and of highlighted code belong to our pages.
"""

from markdown import Markdown
from markdown.extensions import Extension
from markdown.extensions.toc import slugify_unicode

from kb.markdown.settings import NAMES

EXTENSIONS = (
    "kb.markdown.commonmark",
    "toc",
    "kb.markdown.permalinks",
    "pymdownx.highlight",
    "kb.evidence.embeds",
    "kb.evidence.badges",
    "kb.figures.embeds",
    "kb.evidence.reports",
    "kb.evidence.overview",
    "kb.site.texts",
    "kb.site.listings",
    "kb.markdown.unverified",
    "kb.markdown.annotations",
    "kb.markdown.marks",
    "kb.pictures.shown",
    "kb.site.shown_notes",
    "kb.site.wikilinks",
    "kb.markdown.links",
    "kb.site.feed",
    "kb.site.frame",
    "kb.site.contents",
)
def slugify(heading: str, separator: str) -> str:
    """Anchors of Chinese headings are Chinese; those that begin with `__` are the theme's."""
    return slugify_unicode(heading, separator).lstrip("_")


SETTINGS = {
    "toc": {
        "permalink": True,
        "permalink_title": "本节链接",
        "slugify": slugify,
    },
    "pymdownx.highlight": {
        "stripnl": False,  # what is shown is the file, byte for byte
        "line_spans": "__span",
        "pygments_lang_class": True,
    },
}


class KnowledgeBase(Extension):
    def __init__(self, **settings):
        """The settings are read from the file, by whoever needs one (`kb.markdown.settings`)."""
        self.config = {name: ["", "See kb.markdown.settings"] for name in NAMES}
        super().__init__(**settings)

    def extendMarkdown(self, md: Markdown) -> None:
        md.registerExtensions(EXTENSIONS, SETTINGS)
