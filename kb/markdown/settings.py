"""What a base may choose: the settings of the extension `kb` in its mkdocs.yml.

    markdown_extensions:
      kb:
        author: 张三              # whose the base's own notes are: `kb add --mine`, `kb save`
        licence: CC BY 4.0
        signature: 张三           # a quote that begins with 张三： is an annotation; several in a list
        timezone: Asia/Shanghai  # of dates that name none; all are shown in it
        without: [subscript]         # what notes here don't write: `kb.markdown.syntax.DIALECTS`

They are read from the file, so that builds by any engine and commands outside of one know the same.
"""

import functools
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from kb.markdown.engine import BadInput
from kb.markdown.syntax import DIALECTS

FILE = "mkdocs.yml"
COLONS = "：:"


@dataclass(frozen=True)
class Settings:
    author: str = ""
    licence: str = ""
    signatures: tuple[str, ...] = ()
    """What annotations begin with, each with its colon."""
    timezone: str = "Asia/Shanghai"
    without: frozenset[str] = frozenset()
    """Ways of writing that mean nothing here: names of `kb.markdown.syntax.DIALECTS`."""
    site_dir: str = "site"
    """The folder that a site is built into, from the base's own."""
    nav: tuple[str, ...] = ()
    """What the navigation leads to: pages below `docs/`, and addresses."""


NAMES = ("author", "licence", "signature", "timezone", "without")


class Loader(yaml.SafeLoader):
    """Passes over what only site generators know: `!ENV`, `!!python/…`."""


for prefix in ("!", "tag:yaml.org,2002:python/"):
    Loader.add_multi_constructor(prefix, lambda loader, suffix, node: None)


def read_settings(root: Path) -> Settings:
    """Raises BadInput where one of them can't be used."""
    path = root / FILE
    return parse(path.read_bytes()) if path.exists() else Settings()


@functools.lru_cache(maxsize=16)
def parse(data: bytes) -> Settings:
    try:
        document = yaml.load(data.decode("utf-8-sig"), Loader)
    except UnicodeDecodeError:
        raise BadInput(f"{FILE}：不是 UTF-8 编码。用编辑器另存为 UTF-8。") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise BadInput(f"{FILE}{line}：不是正确的 YAML（{getattr(error, 'problem', error)}）。") from None
    document = document if isinstance(document, dict) else {}
    written = options(document.get("markdown_extensions"))
    if unknown := [name for name in written if name not in NAMES]:
        raise BadInput(f"{FILE}：扩展 kb 没有 {unknown[0]} 这个设置。有的是 {'、'.join(NAMES)}。")
    return Settings(
        line_of("author", written),
        line_of("licence", written),
        signatures(written),
        timezone(written),
        dialects(written),
        str(document.get("site_dir") or Settings.site_dir),
        tuple(leaves(document.get("nav"))),
    )


def leaves(nav: object) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    for each in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from leaves(each)


def options(extensions: object) -> dict:
    """Those of `kb`, in either way in which extensions are listed."""
    entries = extensions if isinstance(extensions, list) else [extensions]
    for entry in entries:
        if isinstance(entry, dict) and "kb" in entry:
            found = entry["kb"]
            if not isinstance(found, dict | None):
                raise BadInput(f"{FILE}：扩展 kb 的设置应是一行行的 名字: 值，得到 {found!r}。")
            return found or {}
    return {}


def line_of(name: str, written: dict) -> str:
    value = written.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or "\n" in value.strip() or len(value) > 100:
        raise BadInput(f"{FILE}：{name} 应是一行字，最多 100 个，得到 {value!r}。")
    return value.strip()


def timezone(written: dict) -> str:
    value = written.get("timezone", Settings.timezone)
    try:
        zoneinfo.ZoneInfo(value)
    except (TypeError, ValueError, OSError, KeyError):
        raise BadInput(
            f"{FILE}：timezone 应是时区的名字，例如 Asia/Shanghai、Europe/Berlin、UTC，得到 {value!r}。"
        ) from None
    return value


def dialects(written: dict) -> frozenset[str]:
    value = written.get("without")
    values = value if isinstance(value, list) else [] if value is None else [value]
    if unknown := [each for each in values if not isinstance(each, str) or each not in DIALECTS]:
        raise BadInput(f"{FILE}：without 是不用的写法，有 {'、'.join(DIALECTS)}，得到 {unknown[0]!r}。")
    return frozenset(values)


def signatures(written: dict) -> tuple[str, ...]:
    value = written.get("signature")
    values = value if isinstance(value, list) else [] if value is None else [value]
    found = []
    for each in values:
        plain = each.strip().rstrip(COLONS).strip() if isinstance(each, str) else ""
        if not plain or "\n" in plain or len(plain) > 40:
            raise BadInput(
                f"{FILE}：signature 应是批注开头的名字，例如 张三，或者几个名字的列表，得到 {each!r}。"
            )
        found.append(f"{plain}：")
    return tuple(found)
