"""What has to happen before a site generator reads the first note.

Zensical reads the front matter of all notes before any extension of ours runs, and what
`kb.notes.front_matter` refuses would keep it busy for ever or end it without a word; some that
MkDocs never sees, it ends with a traceback. Settings may call a function of Python while they are
read, and they are read first. So that is when notes are looked at, and when a base's `mkdocs.yml`
gets the settings that it need not write, those of `kb/site/settings.yml`:

    INHERIT: !!python/object/apply:kb.settings [*site_url]

MkDocs needs nobody to look at its notes, see `kb.speed.plugin`; what it needs is in
`kb.site.under_mkdocs`, what else Zensical needs in `kb.site.under_zensical`.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

import kb
from kb.markdown.engine import BadInput
from kb.markdown.settings import read_settings
from kb.notes.front_matter import PARSER
from kb.notes.head import find_head
from kb.notes.library import read_note, read_text
from kb.site.feed import icon
from kb.site.under_zensical import keep_search

NO_STRING = re.compile(
    r"|~|null|true|false|[-+]?\d+|0o[0-7]+|0x[\da-f]+"
    r"|[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:e[-+]?\d+)?|[-+]?\.inf|\.nan",
    re.IGNORECASE,
)
"""Keys that stand for something else than they are, where they have no quotes."""
YAML = "tag:yaml.org,2002:"
NOT_READ = {YAML + "binary", YAML + "timestamp"}


WATCHED = ("snippets", "tests", "evidence", "benchmarks", "pyproject.toml", "notes.lock.json", "pictures.lock.json")
"""What pages are made from besides `docs/`."""

_site_url: str | None = None


def settings(site_url: str | None = None) -> str:
    """The file of the settings that are the same for every base."""
    global _site_url
    _site_url = site_url
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "true")  # README says it in Chinese
    os.environ.setdefault("DISABLE_MKDOCS_2_WARNING", "true")
    if is_zensical():
        look(Path.cwd())
        keep_search(Path.cwd())
    return str(Path(__file__).with_name("settings.yml"))


def is_zensical() -> bool:
    return "zensical.config" in sys.modules


def theme() -> str:
    """The folder of our templates, style sheet, scripts and font, which go before the theme's."""
    return str(Path(kb.__file__).with_name("theme"))


def feed_icon() -> str:
    """The feed's picture, below the address that `settings` was told."""
    return icon(_site_url or "")


def timezone() -> str:
    """Of the base that is built, for its feed."""
    return read_settings(Path.cwd()).timezone


def watched() -> list[str]:
    """For Zensical, which passes over those that aren't there; MkDocs would end."""
    return list(WATCHED) if is_zensical() else []


def hooks() -> list[str]:
    return [str(Path(__file__).with_name("under_mkdocs.py"))]


def look(root: Path) -> None:
    """Raises BadInput about the first note that can't be read, or that Zensical can't read."""
    for path in sorted((root / "docs/posts").rglob("[!.]*.md")):
        name = path.relative_to(root).as_posix()
        read_note(path, root)
        text = read_text(path, name)
        for line, problem, remedy in strange(text):
            raise BadInput(f"{name}:{line}：front matter {problem}，zensical 读不了。{remedy}")


def strange(text: str) -> Iterator[tuple[int, str, str]]:
    """What Zensical can't read: the line, what it is and the remedy."""
    if find_head(text).form != "YAML":
        return
    head = find_head(text).text
    for event in yaml.parse(head, PARSER):
        if getattr(event, "tag", None) == "!":  # which composing would leave out
            yield event.start_mark.line + 2, "里有标签 !", "给它加上引号。"
    node = yaml.compose(head, PARSER)
    if not isinstance(node, yaml.MappingNode):
        yield 1, "不是一行行的 键: 值", "写上标题，例如 title: 标题；或者连同 --- 删去。"
        return
    rest, seen = [node], set()
    while rest:
        node = rest.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        line = node.start_mark.line + 2
        if node.tag in NOT_READ or not node.tag.startswith(YAML):
            yield line, f"里有标签 {node.tag.replace(YAML, '!!')}", "删去它，或者给值加上引号。"
        if isinstance(node, yaml.SequenceNode):
            rest += node.value
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                rest += (key, value)
                if not is_string(key):
                    line = key.start_mark.line + 2
                    yield line, "的一个键不是文字", "给它加上引号。"


def is_string(key: yaml.Node) -> bool:
    """Whether Zensical takes a key for one."""
    if not isinstance(key, yaml.ScalarNode):
        return False
    return bool(key.style) or not NO_STRING.fullmatch(key.value)
