"""`kb pages`: the files below `docs/` that stand for the pages that the tool makes.

    ---
    title: 标签：注意力机制
    fill: tag
    of: 注意力机制
    hide: [navigation, toc]
    search:
      exclude: true
    ---

    <!-- 由 kb pages 写成；页上的内容在生成站点时写上 -->

A Markdown extension can fill a page but not make one, nor a page without a line, so there is
such a file for every listing of `kb.site.catalog`, for every file of code that is shown whole, for
the report on every snippet, for the list of all code and for the tool's own texts. It changes only when pages come or go, not when
another note stands on them. A file without that comment for a body is nobody's to overwrite: one in
the place of a listing is refused, one in the place of another page is the base's own and stays.

Zensical keeps what it made of a page for as long as the page's own file is as it was, in
`.cache/`. As pages made from notes change with the notes, `kb pages` and `kb add` throw it away.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import yaml

from kb.evidence.whole_files import is_test, list_whole, name_of, path_of, report_of, uri_of
from kb.markdown.engine import BadInput
from kb.notes.files import reason, write_whole
from kb.notes.head import FRONT_MATTER
from kb.site.catalog import Catalog, Listing, read_catalog

COMMENT = "<!-- 由 kb pages 写成；页上的内容在生成站点时写上 -->"
LIKE_IT = re.compile(r"\s*<!-- 由 kb pages 写成[^>]*-->\s*")
BEHIND_NOTES = 0.0001
"""In the search a word of a title counts as a thousand of the text."""
REMEDY = "运行 kb pages，把结果一起提交。"

TOOLS = {
    "code/index.md": {
        "title": "代码",
        "fill": "code",
        "hide": ["navigation", "toc"],
        "search": {"exclude": True},
    },
    "verification.md": {"title": "验证", "fill": "verification", "search": {"exclude": True}},
    "markdown.md": {"title": "写法", "fill": "markdown", "search": {"boost": 0.5}},
}
"""Pages that every base has, whatever is in it."""


def write_pages(root: Path) -> list[str]:
    """Writes the files that are wanted, removes those that aren't, and says what it did.

    Raises BadInput where it can't; having written nothing, where a page of somebody else's is in
    the way.
    """
    try:
        return follow(root)
    except OSError as error:
        raise BadInput(
            f"{error.filename or 'docs'}：页面文件写不了（{reason(error)}）。"
            "把挡路的文件移走，或腾出空间，再运行 kb pages。"
        ) from None


def follow(root: Path) -> list[str]:
    """Raises OSError, and BadInput."""
    wanted, there = wanted_pages(root, read_catalog(root)), find_pages(root)
    for uri in wanted:
        path = root / "docs" / uri
        if path.exists() and not is_stub(read(path)):
            raise BadInput(
                f"docs/{uri}：kb pages 要在这里写 {wanted[uri].splitlines()[1]}，"
                "但这个文件有自己的内容。把它移到别处或改名。"
            )
    gone = [uri for uri in there if uri not in wanted]
    for uri in gone:  # first: on some systems an old name is a new one in other letters
        (root / "docs" / uri).unlink(missing_ok=True)
    changed = [uri for uri, text in wanted.items() if there.get(uri) != text]
    for uri in changed:
        write_whole(root / "docs" / uri, wanted[uri].encode())
    for folder in sorted({(root / "docs" / uri).parent for uri in gone}, reverse=True):
        while folder.exists() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent
    shutil.rmtree(root / ".cache", ignore_errors=True)
    return [f"页面文件：写了 {len(changed)} 页，删了 {len(gone)} 页，共 {len(wanted)} 页。"]


def missing_pages(root: Path, catalog: Catalog | None = None) -> list[str]:
    """How the files differ from those that are wanted, each with the remedy."""
    wanted, there = wanted_pages(root, catalog or read_catalog(root)), find_pages(root)
    problems = {
        "还没有这些页": [uri for uri in wanted if uri not in there],
        "这些页的开头不对": [uri for uri in wanted if there.get(uri, wanted[uri]) != wanted[uri]],
        "这些页不再有内容": [uri for uri in there if uri not in wanted],
    }
    return [
        f"{what}：{'、'.join(f'docs/{uri}' for uri in uris[:3])}"
        f"{f' 等 {len(uris)} 页' if len(uris) > 3 else ''}。{REMEDY}"
        for what, uris in problems.items()
        if uris
    ]


def wanted_pages(root: Path, catalog: Catalog) -> dict[str, str]:
    """Path below `docs/` → what the file there has to hold."""
    listings = {uri: of_listing(listing) for uri, listing in catalog.listings.items()}
    others = TOOLS | dict(of_code(root))
    wanted = listings | {uri: others[uri] for uri in others if not is_own(root / "docs" / uri)}
    return {uri: stub(meta) for uri, meta in wanted.items()}


def find_pages(root: Path) -> dict[str, str]:
    """The files that `kb pages` wrote: path below `docs/` → what they hold."""
    found = {}
    for folder, folders, names in os.walk(root / "docs"):
        if Path(folder) == root / "docs" and "posts" in folders:
            folders.remove("posts")  # notes are none, and many
        for path in (Path(folder, name) for name in names if name.endswith(".md")):
            if is_stub(text := read(path)):
                found[path.relative_to(root / "docs").as_posix()] = text
    return dict(sorted(found.items()))


def read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")


def is_own(path: Path) -> bool:
    return path.is_file() and not is_stub(read(path))


def is_comment(body: str) -> bool:
    """Whether it is nothing but the comment, in the words of today or of an earlier version."""
    return LIKE_IT.fullmatch(body) is not None


def is_stub(text: str) -> bool:
    found = FRONT_MATTER.match(text)
    return found is not None and is_comment(text[found.end() :])


def of_listing(listing: Listing) -> dict:
    meta = {"title": listing.title, "fill": listing.fill}
    if listing.of:
        meta["of"] = listing.of if isinstance(listing.of, str) else list(listing.of)
    meta["hide"] = ["navigation"] if listing.fill == "annotations" else ["navigation", "toc"]
    return meta | {"search": {"exclude": True}}


def of_code(root: Path) -> Iterator[tuple[str, dict]]:
    """Of a file that is shown whole. A reader looks for snippets, after notes."""
    uris: dict[str, str] = {}
    for target in list_whole(root):
        uri = uri_of(target)
        if uri in uris:
            raise BadInput(
                f"{path_of(target)} 和 {path_of(uris[uri])} 会显示在同一页 docs/{uri} 上。"
                "给其中一个改名。"
            )
        uris[uri] = target
        search = {"exclude": True} if is_test(target) else {"boost": BEHIND_NOTES}
        meta = {"title": name_of(target), "fill": "file", "of": target}
        yield uri, meta | {"hide": ["navigation", "toc"], "search": search}
        if not is_test(target):
            meta = {"title": f"证据：{target}", "fill": "report", "of": target}
            yield report_of(target), meta | {"hide": ["navigation"], "search": {"exclude": True}}


def stub(meta: dict) -> str:
    written = yaml.safe_dump(meta, allow_unicode=True, sort_keys=False, width=10_000)
    return f"---\n{written}---\n\n{COMMENT}\n"
