"""Pages of a build of MkDocs that another process makes: their content, and then the whole page.

A page that has something to say while it is made, a warning perhaps, is not made there but left to
the first process, which says it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, Template
from mkdocs.commands.build import get_context
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page

from kb.markdown.syntax import parse
from kb.notes.library import Note, Outline, read_note, remember

STATE = ("meta", "content", "toc", "present_anchor_ids", "_title_from_render")
"""What a page has after rendering, apart from links to anchors."""


def is_note(file: File) -> bool:
    return file.src_uri.startswith("posts/")


def note_of(file: File) -> Note:
    path = Path(file.abs_src_path)
    return read_note(path, path.parents[file.src_uri.count("/") + 1])


def know_outline(file: File) -> Outline:
    """Of a note that was just rendered, while its tokens are remembered; then they needn't be."""
    outline = note_of(file).outline
    parse.cache_clear()
    return outline


class Listener(logging.Handler):
    """In place of what shows it, finds out whether anything is said."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.heard = False
        logging.getLogger("mkdocs").handlers = [self]

    def emit(self, record: logging.LogRecord) -> None:
        self.heard = True


@dataclass
class Rendered:
    """What rendering makes of a page."""

    markdown: str
    """What was rendered."""
    state: dict
    links: dict[str, dict[str, str]]
    """Path of a file below `docs/` → its anchors that the page links to."""
    outline: Outline | None
    """Of a note."""


def renderer(config: MkDocsConfig, files: Files) -> Callable[[str], Rendered | None]:
    def render(uri: str) -> Rendered | None:
        """The content of the page of a file below `docs/`."""
        listener = Listener()
        file = files.src_uris[uri]
        page = file.page or Page(None, file, config)
        page.read_source(config)
        page.render(config, files)
        rendered = Rendered(
            page.markdown,
            {name: getattr(page, name) for name in STATE},
            {to.src_uri: anchors for to, anchors in (page.links_to_anchors or {}).items()},
            know_outline(file) if is_note(file) else None,
        )
        return None if listener.heard else rendered

    return render


def take_over(page: Page, made: Rendered, files: Files) -> None:
    """Make a page what rendering it here would have made of it."""
    vars(page).update(made.state)
    page.links_to_anchors = {files.src_uris[uri]: anchors for uri, anchors in made.links.items()}
    if made.outline:
        remember(note_of(page.file), made.outline)


def filler(
    config: MkDocsConfig, files: Files, nav: Navigation, env: Environment
) -> Callable[[str], str | None]:
    pages = files.documentation_pages()

    def fill(uri: str) -> str | None:
        """The whole HTML of the page of a file below `docs/`, as MkDocs makes it."""
        listener = Listener()
        page = files.src_uris[uri].page
        page.active = True
        context = get_context(nav, pages, config, page)
        context = config.plugins.on_page_context(context, page=page, config=config, nav=nav)
        html = env.get_template(page.meta.get("template", "main.html")).render(context)
        page.active = False
        return None if listener.heard else html

    return fill


class FilledTemplate(Template):
    """In place of a page's template: gives what was made of it, or else uses it."""

    def __new__(cls, *_) -> "FilledTemplate":
        return object.__new__(cls)

    def __init__(self, template: Template, filled: Callable[[], str | None]):
        self.template = template
        self.filled = filled

    def render(self, *args, **kwargs) -> str:
        return self.filled() or self.template.render(*args, **kwargs)
