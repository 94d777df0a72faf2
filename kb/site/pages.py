"""`kb pages`: the files below `docs/` that stand for the pages made from notes.

    ---
    title: 标签：注意力机制
    fill: tag
    of: 注意力机制
    hide: [navigation, toc]
    search:
      exclude: true
    ---

    <!-- 由 kb pages 写成；页上的内容在生成站点时从笔记来 -->

A Markdown extension can fill a page but not make one, nor a page without a line, so there is
such a file for every listing of `kb.site.catalog`. It changes only when pages come or go, not when
another note stands on them. A file without that comment for a body is nobody's to overwrite.

Zensical keeps what it made of a page for as long as the page's own file is as it was, in
`.cache/`. As pages made from notes change with the notes, `kb pages` and `kb add` throw it away.
"""

import shutil
from pathlib import Path

import yaml

from kb.markdown.engine import BadInput
from kb.notes.embedded import FRONT_MATTER
from kb.notes.files import reason, write_whole
from kb.site.catalog import Catalog, Listing, read_catalog

FOLDERS = ("tags", "categories", "archive", "annotations")
BODY = "<!-- 由 kb pages 写成；页上的内容在生成站点时从笔记来 -->"
REMEDY = "运行 kb pages，把结果一起提交。"


def write_pages(root: Path) -> list[str]:
    """Writes the files that are wanted, removes those that aren't, and says what it did.

    Raises BadInput where it can't; having written nothing, where a page of somebody else's is in
    the way.
    """
    try:
        return follow(root)
    except OSError as error:
        raise BadInput(
            f"{error.filename or 'docs'}：由笔记生成的页写不了（{reason(error)}）。"
            "把挡路的文件移走，或腾出空间，再运行 kb pages。"
        ) from None


def follow(root: Path) -> list[str]:
    """Raises OSError, and BadInput."""
    wanted, there = wanted_pages(read_catalog(root)), find_pages(root)
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
    return [f"分类、标签、归档、批注：写了 {len(changed)} 页，删了 {len(gone)} 页，共 {len(wanted)} 页。"]


def missing_pages(root: Path, catalog: Catalog | None = None) -> list[str]:
    """How the files differ from those that are wanted, each with the remedy."""
    wanted, there = wanted_pages(catalog or read_catalog(root)), find_pages(root)
    problems = {
        "还没有这些页": [uri for uri in wanted if uri not in there],
        "这些页的开头不对": [uri for uri in wanted if there.get(uri, wanted[uri]) != wanted[uri]],
        "这些页已经没有笔记": [uri for uri in there if uri not in wanted],
    }
    return [
        f"{what}：{'、'.join(f'docs/{uri}' for uri in uris[:3])}"
        f"{f' 等 {len(uris)} 页' if len(uris) > 3 else ''}。{REMEDY}"
        for what, uris in problems.items()
        if uris
    ]


def wanted_pages(catalog: Catalog) -> dict[str, str]:
    """Path below `docs/` → what the file there has to hold."""
    return {uri: stub(listing) for uri, listing in catalog.listings.items()}


def find_pages(root: Path) -> dict[str, str]:
    """The files that `kb pages` wrote: path below `docs/` → what they hold."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((root / "docs" / folder).rglob("*.md")):
            if path.is_file() and is_stub(text := read(path)):
                found[path.relative_to(root / "docs").as_posix()] = text
    return found


def read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")


def is_stub(text: str) -> bool:
    found = FRONT_MATTER.match(text)
    return found is not None and text[found.end() :].strip() == BODY


def stub(listing: Listing) -> str:
    meta = {"title": listing.title, "fill": listing.fill}
    if listing.of:
        meta["of"] = listing.of if isinstance(listing.of, str) else list(listing.of)
    meta["hide"] = ["navigation"] if listing.fill == "annotations" else ["navigation", "toc"]
    meta["search"] = {"exclude": True}
    written = yaml.safe_dump(meta, allow_unicode=True, sort_keys=False, width=10_000)
    return f"---\n{written}---\n\n{BODY}\n"
