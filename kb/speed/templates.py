"""The theme's templates in a build of MkDocs: prepared early, and drawn once where pages agree."""

import os
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from mkdocs.commands.build import get_context
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page


def prepare_theme(config: MkDocsConfig) -> Environment:
    """The environment that the build will use, before MkDocs asks for one."""
    env = config.theme.get_env()
    env.loader = ThemeLoader(config.theme.dirs)
    config.theme.get_env = lambda: env
    return env


class ThemeLoader(FileSystemLoader):
    """Passes over what MkDocs wouldn't copy to the site: the theme has 14,000 icons in `.icons`."""

    def list_templates(self) -> list[str]:
        found = set()
        for theme in self.searchpath:
            for folder, folders, names in os.walk(theme):
                if folder == theme:
                    folders[:] = [name for name in folders if not name.startswith(".")]
                found |= {Path(folder, name).relative_to(theme).as_posix() for name in names}
        return sorted(found)


def compile_templates(
    env: Environment, page: Page, config: MkDocsConfig, files: Files, nav: Navigation
) -> None:
    """All that a page needs, by filling them with it: they know best which those are."""
    pages = files.documentation_pages()
    env.get_template("main.html").render(get_context(nav, pages, config, page))


def draw_navigation_once(env: Environment, nav: Navigation) -> None:
    """Pages of one folder that aren't in it, all notes for instance, show the very same."""
    template = env.get_template("partials/nav.html")
    draw, drawn = template.root_render_func, {}
    inside = {page.file.src_uri for page in nav.pages}

    def draw_once(context):
        page = context.get("page")
        if page is None or page.file.src_uri in inside:
            yield from draw(context)
            return
        folder = page.url.rstrip("/").rpartition("/")[0]
        if folder not in drawn:
            drawn[folder] = "".join(draw(context))
        yield drawn[folder]

    template.root_render_func = draw_once
