"""The one place that knows which site generator is running.

MkDocs tells an extension about the current page through the tree processor that
resolves relative links; Zensical through a preprocessor that holds its context.
"""

import html
import posixpath
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from markdown import Markdown
from markupsafe import escape

try:
    from mkdocs.exceptions import BuildError
except ImportError:  # under Zensical alone
    from click import ClickException as BuildError


def is_serving(command: Sequence[str]) -> bool:
    """Whether it is `mkdocs serve` or the like, from a console or by `python -m`."""
    program, *words = command
    path = Path(program)
    name = path.parent.name if path.stem == "__main__" else path.stem
    first = next((word for word in words if not word.startswith("-")), None)
    return name in ("mkdocs", "properdocs", "zensical") and first == "serve"


SERVING = is_serving(sys.argv)
"""`extra.serving` in mkdocs.yml: the one place where the templates of both generators look."""


class BadInput(BuildError):
    """Something an author wrote can't be used.

    The message names file and line, says what was expected and how to mend it. As a
    BuildError it ends a build of MkDocs with that message and without a traceback.
    """


@dataclass(frozen=True)
class Page:
    """The Markdown file that is being rendered."""

    root: Path
    """Folder of the project: the one that holds `docs/` and `snippets/`."""
    uri: str
    """Path below `docs/`, with forward slashes."""
    path: Path
    meta: dict
    repo_url: str | None = None
    build: object = field(default=None, compare=False, repr=False)
    """The same object for all pages of one build: what was read for one serves for the rest."""

    @property
    def is_note(self) -> bool:
        return self.uri.startswith("posts/")

    def link_to(self, uri: str) -> str:
        """The relative link to another file below `docs/`."""
        return relative(uri, posixpath.dirname(self.uri))

    def place(self, beginning: re.Pattern, count: int) -> str:
        """`path:line` of the count-th line of the file that begins so.

        Lines of the body can't be used as they are numbered: the generator has cut the
        front matter off. A page that `kb.site.texts` fills has none of them.
        """
        name = self.path.relative_to(self.root).as_posix()
        lines = self.path.read_text(encoding="utf-8-sig").split("\n")
        numbers = [n for n, line in enumerate(lines, 1) if beginning.match(line)]
        return f"{name}:{numbers[count - 1]}" if count <= len(numbers) else name


@lru_cache(maxsize=10_000)
def relative(uri: str, folder: str) -> str:
    return posixpath.relpath(f"/{uri}", f"/{folder}")


def is_mkdocs(md: Markdown) -> bool:
    return "relpath" in md.treeprocessors


def current_page(md: Markdown) -> Page:
    if is_mkdocs(md):
        file = md.treeprocessors["relpath"].file
        path = Path(file.abs_src_path)
        uri, meta = file.src_uri, file.page.meta
        build = md.treeprocessors["relpath"].config  # made anew for each build
        repo_url = build.repo_url
    else:
        context = md.preprocessors["rendering_context"]
        uri, meta = context.page.path, context.page.meta
        path = Path(context.config["docs_dir"]).resolve() / uri
        repo_url = context.config.get("repo_url")
        build = _zensical_build()
    docs = path.parents[uri.count("/")]
    return Page(docs.parent, uri, path, meta, repo_url, build)


NOT_ITSELF = re.compile("[<>]|&(?=[A-Za-z#])")
"""What isn't itself in the text of an element."""


def show_text(md: Markdown, meta: dict) -> None:
    """Make a title, description, cover and tags such as theme, search and feed show them as text.

    They put them into HTML as they are. In MkDocs `Markup` says of itself that it is HTML, so that
    what does escape doesn't do so again; but a feed's description is HTML in HTML. In Zensical the
    feed writes out the entities of a title, so it has as few as can be, and tags are text to search,
    which alone shows them (`theme/partials/tags.html`).
    """
    for key in meta.keys() & {"description", "cover"}:
        meta[key] = html.escape(meta[key])
    if is_mkdocs(md):
        if "title" in meta:
            meta["title"] = escape(meta["title"])
        if "tags" in meta:
            meta["tags"] = list(map(escape, meta["tags"]))
    elif "title" in meta:
        meta["title"] = NOT_ITSELF.sub(lambda found: html.escape(found[0]), meta["title"])


_second: tuple[int, object] = (0, object())


def _zensical_build() -> object:
    """Zensical doesn't say when a build begins, so what was read serves for a second."""
    global _second
    if _second[0] != (now := int(time.monotonic())):
        _second = now, object()
    return _second[1]
