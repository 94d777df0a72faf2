"""File names for tags and categories: readable, and safe on every system.

    C++ 与 <模板>  →  C++-与-模板

Windows allows none of `<>:"/\\|?*`, no dot at the end, no `con` or `aux`, and like macOS no
two names that differ only in case; MkDocs skips names that begin with a dot.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

NOT_SAFE = re.compile(r"[^\w.+-]+")
TAKEN = re.compile(
    r"(con|prn|aux|nul|(com|lpt)[\d¹²³])(\..*)?|index|readme|page-\d+|", re.IGNORECASE
)
"""Names that mean something else: to Windows, to MkDocs, or to `kb.site.catalog`."""

LONGEST = 80
"""Bytes of UTF-8: a path of several names, and the `.md`, must fit into Windows' 260."""


def slugs(names: Iterable[str]) -> dict[str, str]:
    """Name → slug, all slugs different even where case and accents don't count.

    A name that has its slug to itself gets it as it is; all others get a few digits of their
    hash, so that a slug never depends on the order of names.
    """
    plain = {name: slug(name) for name in names}
    count = Counter(map(same, plain.values()))
    return {
        name: found
        if count[same(found)] == 1 and not TAKEN.fullmatch(found) and found == slug(name, None)
        else "-".join(filter(None, (found, digits(name))))
        for name, found in plain.items()
    }


def slug(name: str, longest: int | None = LONGEST) -> str:
    safe = NOT_SAFE.sub("-", unicodedata.normalize("NFC", name))
    return safe.encode()[:longest].decode(errors="ignore").strip("-.")


def same(slug: str) -> str:
    """Equal for slugs that some file system takes for one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", slug).casefold())


def digits(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]
