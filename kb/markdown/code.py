"""Blocks of code, highlighted by pymdownx.highlight with the site's settings."""

import re
from collections.abc import Iterator
from functools import lru_cache

from markdown import Markdown
from pymdownx.highlight import Highlight

OPTION = re.compile(r"\b(title|linenums|hl_lines)=(?:\"([^\"]*)\"|'([^']*)')")
DIGITS = 9
"""That a number of a line may have."""
NAME = re.compile('<span class="n">([^<]*)</span>')
"""A name, in the colour that code has anyway: a fifth of all elements of a page with much code."""
LANGUAGE = re.compile(r"\s*\{?\s*\.?([^\s{}`,=]+)(?=[\s{},]|$)")


def highlight(
    md: Markdown,
    code: str,
    language: str,
    title: str = "",
    first_line: int | None = None,
    marked_lines: list[int] | None = None,
    id_value: str = "",
    anchors: bool = True,
) -> str:
    """HTML of a block of code under its title, numbered from `first_line` if it is given.

    `anchors`: whether each line has one of its own, `__span-{id_value}-{number}`.
    """
    extension = next(
        extension
        for extension in md.registeredExtensions
        if hasattr(extension, "get_pymdownx_highlighter")
    )
    extension.pygments_code_block += 1
    return highlight_once(
        Settings(extension.get_pymdownx_highlight_settings() | ({} if anchors else NO_ANCHORS)),
        code,
        language,
        hl_lines=tuple(marked_lines or ()),
        linestart=first_line or -1,
        title=title or None,
        id_value=id_value,
        code_block_count=extension.pygments_code_block,
    )


NO_ANCHORS = {"line_spans": ""}


class Settings(dict):
    """Of pymdownx.highlight; equal where they say the same."""

    def __hash__(self) -> int:
        return hash(repr(self))


@lru_cache(maxsize=2000)
def highlight_once(settings: Settings, code: str, language: str, **options) -> str:
    """Remembered by all that it depends on: whoever saves one page of a site sees it sooner
    where the code of the others isn't highlighted again.
    """
    settings = {name: settings[name] for name in settings.keys() - {"_enabled", "linenums"}}
    css_class = settings.pop("css_class")
    if not settings["noclasses"]:
        settings["pygments_style"] = ()  # the theme has the colours; it would be read for each block
    return NAME.sub(r"\1", Highlight(None, **settings).highlight(code, language, css_class, **options))


def highlight_fence(md: Markdown, code: str, info: str) -> str:
    """HTML of a fence: `info` is its language, and may have options of the theme's.

    ```` ```python title="attention.py" linenums="1" hl_lines="2 4-5" ````
    """
    language = LANGUAGE.match(OPTION.sub("", info))
    options = {name: double or single for name, double, single in OPTION.findall(info)}
    first_line = options.get("linenums", "").split(" ")[0]
    is_number = first_line.isdecimal() and len(first_line) < DIGITS
    return highlight(
        md,
        code,
        language[1].lower() if language else "",
        title=options.get("title", ""),
        first_line=int(first_line) if is_number else None,
        marked_lines=list(line_numbers(options.get("hl_lines", ""), code.count("\n") + 1)),
        anchors=bool(first_line),
    )


def line_numbers(text: str, last_line: int) -> Iterator[int]:
    """`2 4-5` → 2, 4, 5, as far as there are lines."""
    for first, last in re.findall(rf"(?<!\d)(\d{{1,{DIGITS}}})(?:-(\d{{1,{DIGITS}}}))?(?!\d)", text):
        yield from range(int(first), min(int(last or first), last_line) + 1)
