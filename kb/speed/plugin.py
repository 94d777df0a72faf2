"""Plugin for MkDocs: a build takes less time, and what it makes is the same.

| when | what |
|---|---|
| at the start | Python's collector of cycles is told to run less often |
| when a note is read | its front matter is left out: `kb.notes.front_matter` reads it, and nothing can hold that up |
| before the build | the theme's files are listed without its icons |
| when the files are known | notes come first: those made from notes needn't parse them again |
| | in `mkdocs build`, another process renders notes from the last on, then pages of code |
| when the first page is rendered | the theme's templates are compiled, while the other renders |
| when all pages are rendered | the files are in their order again |
| | the theme draws its navigation once for all pages outside of it |
| | in `mkdocs build`, another process fills the theme's templates |

Zensical passes over it.
"""

import gc
import logging
from functools import partial
from pathlib import Path

from mkdocs.plugins import BasePlugin

from kb.markdown.engine import BadInput
from kb.notes.library import body_of, note_text, read_text
from kb.site.catalog import read_catalog
from kb.speed.ahead import (
    FilledTemplate,
    filler,
    is_note,
    know_outline,
    renderer,
    take_over,
)
from kb.speed.second_process import Helper, can_help
from kb.speed.templates import compile_templates, draw_navigation_once, prepare_theme

log = logging.getLogger("mkdocs.kb")

CODE = ("verification.md", "performance.md", "snippets/", "tests/")
"""Pages that aren't made from notes, and take long."""

NEW_OBJECTS = 50_000
"""After as many, Python looks for cycles among them; by itself it would after 700."""

NO_FRONT_MATTER = "---\n{}\n---\n"
"""With none at all, MkDocs would take `TODO: …` in the first line for some."""

FEW_NOTES = 20
"""With fewer, another process gains nothing."""

LEFT_TO_THE_FIRST = 3
"""One page in so many, while another process fills templates: the first has other work with every
page, which it writes to the site."""


class FasterPlugin(BasePlugin):
    once = True
    """Whether there is one build, of all pages; `mkdocs serve` builds again and again."""
    helper: Helper | None = None

    def on_startup(self, command, dirty) -> None:
        self.once = command != "serve" and not dirty
        gc.set_threshold(NEW_OBJECTS)

    def on_pre_build(self, config) -> None:
        self.env = prepare_theme(config)

    def on_nav(self, nav, config, files) -> None:
        self.nav = nav
        self.order = files.documentation_pages()
        notes = [file for file in self.order if is_note(file)]
        code = [file for file in self.order if file.src_uri.startswith(CODE)]
        put_last(files, [file for file in self.order if not is_note(file)])
        put_last(files, reversed(code))
        if self.once and len(notes) >= FEW_NOTES and can_help():
            try:
                read_catalog(Path(config.docs_dir).parent, config)  # for both
            except BadInput:
                return  # the page that it is about will say so
            uris = [file.src_uri for file in (*reversed(notes), *code)]
            self.helper = Helper(uris, renderer(config, files))
            self.compiled = False

    def on_page_read_source(self, page, config) -> str | None:
        if is_note(page.file):
            text = read_text(Path(page.file.abs_src_path), f"docs/{page.file.src_uri}")
            return NO_FRONT_MATTER + note_text(body_of(text))
        return None

    def on_pre_page(self, page, config, files) -> None:
        if self.helper:
            page.render = partial(self.render, page)

    def render(self, page, config, files) -> None:
        del page.render
        made = self.helper.take(page.file.src_uri)
        if made is None or made.markdown != page.markdown:
            page.render(config, files)
        else:
            take_over(page, made, files)

    def on_page_content(self, html, page, config, files) -> None:
        if is_note(page.file) and self.once:
            know_outline(page.file)
        if self.helper and not self.compiled:  # while it renders; later on, this process would do it alone
            compile_templates(self.env, page, config, files, self.nav)
            self.compiled = True

    def on_env(self, env, config, files) -> None:
        put_last(files, self.order)
        draw_navigation_once(env, self.nav)
        if self.helper:
            self.end()
            uris = [file.src_uri for file in self.order]
            order = [uri for place, uri in enumerate(uris) if place % LEFT_TO_THE_FIRST]
            order += reversed(uris[::LEFT_TO_THE_FIRST])
            self.helper = Helper(order, filler(config, files, self.nav, env))
            for file in self.order:
                name = file.page.meta.get("template", "main.html")
                filled = partial(self.helper.take, file.src_uri)
                file.page.meta["template"] = FilledTemplate(env.get_template(name), filled)

    def on_post_page(self, output, page, config) -> None:
        if self.helper:
            page.meta["template"] = page.meta["template"].template.name

    def on_post_build(self, config) -> None:
        self.end()

    def on_build_error(self, error) -> None:
        self.end()

    def end(self) -> None:
        if self.helper:
            log.debug(f"另一个进程做了 {self.helper.taken} 页")
            self.helper.end()
            self.helper = None


def put_last(files, some) -> None:
    for file in some:
        files.remove(file)
        files.append(file)
