"""Where the addresses in a note lead: on the site, and on its author's disk.

A note is served at `posts/<abbrlink>/`, and there its links are resolved, unchanged:

| the note says | the author's file | its place below `docs/` |
|---|---|---|
| `x.png`, `./x.png` | beside the note, or in its folder `<name>/` | `posts/<abbrlink>/x.png` |
| `<name>/x.png` | in its folder | `posts/<abbrlink>/<name>/x.png` |
| `../img/x.png` | as on disk | `posts/img/x.png`, shared by all notes |
| `/img/x.png` | `source/img/x.png` of the Hexo blog | `img/x.png`, shared by all notes |
| `/assets/x.png`, or one of these whose place is taken | as `kb.intake.finding` finds it | `posts/<abbrlink>/assets/x.png` |
"""

import posixpath
import re
from urllib.parse import quote, unquote, urlsplit, urlunsplit


def path_of(address: str) -> str:
    """`./图%201.png?raw=true#x` → `./图 1.png`; a path of Windows' is as any other."""
    return unquote(re.split(r"[?#]", address, maxsplit=1)[0]).replace("\\", "/")


def host_of(address: str) -> str:
    """The server that an address is on, as a reader may be told."""
    return urlsplit(address).hostname or "别处"


def place(uri: str, address: str) -> str | None:
    """The path below `docs/` of what the page of `uri` finds at a local address.

    `place("posts/1.md", "x.png")` is `posts/1/x.png`. None where it leaves the site.
    """
    page = "/" if address.startswith("/") else uri.removesuffix(".md")
    path = posixpath.normpath(posixpath.join(page, path_of(address)))
    return None if path.split("/")[0] == ".." else path.lstrip("/")


def own_place(uri: str, address: str) -> str | None:
    """The path in the note's own folder for what can't have its `place`, as it is another's.

    `own_place("posts/1.md", "/assets/x.png")` is `posts/1/assets/x.png`.
    """
    steps = [step for step in posixpath.normpath(path_of(address)).split("/") if step not in ("", ".", "..")]
    return "/".join((uri.removesuffix(".md"), *steps)) if steps else None


def ascii_address(address: str) -> str:
    """As a browser sends it: `//x` by https, a Chinese host as punycode, all else escaped.

    Raises ValueError where it is none.
    """
    parts = urlsplit(address if re.match("https?:", address, re.IGNORECASE) else f"https:{address}")
    host = parts.netloc.encode("idna").decode() if not parts.netloc.isascii() else parts.netloc
    path, query = (quote(part, safe="/%:@!$&'()*+,;=~?-._[]") for part in (parts.path, parts.query))
    return urlunsplit((parts.scheme, host, path, query, ""))
