"""Whose a note is: its author, its licence and the address of the original.

From its front matter where that says so in words, else from what `kb add` was told, else what was
known before. What is unknown is left out; so is what front matter says in a way that can't be
used, for then it says at least that it isn't what we would take instead.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from kb.markdown.engine import BadInput
from kb.notes.embedded import WHOSE, Entry
from kb.notes.private import plain

LONGEST = {"author": 60, "licence": 100, "origin": 1000}
"""Characters."""
WRITTEN = {
    "author": ("copyrightauthor", "author", "authors", "作者"),
    "licence": ("license", "licence", "copyright"),
    "origin": ("copyrighturl", "original", "origin", "canonical", "canonicalurl", "permalink"),
}
"""The keys that say so, the best first: `copyright_author` is Butterfly's, of what is reprinted."""
NOTHING = {"", "~", "null", "none", "true", "false", "yes", "no", "on", "off", "是", "否"}
ABBRLINK = "{abbrlink}"


@dataclass(frozen=True)
class Whose:
    """What `kb add` was told of all notes of a call."""

    author: str | None = None
    licence: str | None = None
    origin: str | None = None
    """With `{abbrlink}` for the number of each note."""

    def check(self, notes: int) -> None:
        """Raises BadInput where one of them can't be used for so many notes."""
        for key in WHOSE:
            value = getattr(self, key)
            if value is not None and text_of(key, self.fill(key, "1")) is None:
                wanted = "http:// 或 https:// 开头的网址" if key == "origin" else "一行字"
                raise BadInput(
                    f"--{key} 应是{wanted}，最多 {LONGEST[key]} 个字，得到 {value[:60]!r}。"
                    + ("例如 'https://a.example/posts/{abbrlink}/'。" if key == "origin" else "")
                )
        if self.origin is None:
            return
        if "{" in (rest := self.origin.replace(ABBRLINK, "")) or "}" in rest:
            raise BadInput(f"--origin 里大括号只能是 {ABBRLINK}，得到 {self.origin[:60]!r}。")
        if notes > 1 and ABBRLINK not in self.origin:
            raise BadInput(
                f"--origin 里没有 {ABBRLINK}，{notes} 篇笔记就会是同一个网址。"
                "例如 'https://a.example/posts/{abbrlink}/'。"
            )

    def fill(self, key: str, abbrlink: str) -> str | None:
        value = getattr(self, key)
        return value.replace(ABBRLINK, abbrlink) if value and key == "origin" else value

    def of(self, meta: dict, abbrlink: str, known: Entry) -> dict[str, str]:
        """What is known of one note: its front matter, its number, what the lock has of it."""
        written = read_whose(meta)
        found = {
            key: written[key] if key in written else self.fill(key, abbrlink) or known.get(key)
            for key in WHOSE
        }
        return {key: value.strip() for key, value in found.items() if value}


def read_whose(meta: dict) -> dict[str, str | None]:
    """What front matter says of it; None where it says something that can't be used."""
    values = {plain(str(key)): value for key, value in meta.items() if isinstance(key, str)}
    found = {}
    for key, names in WRITTEN.items():
        for name in filter(lambda name: says_something(values.get(name)), names):
            text = text_of(key, one_line(values[name]))
            if text or name != "permalink":  # that may be a path, which is nobody's address
                found[key] = text
                break
    return found


def says_something(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() not in NOTHING
    return bool(value)


def one_line(value: object) -> str | None:
    """The name of a mapping, several names in one line; None where there is more to it."""
    if isinstance(value, dict):
        return one_line(value.get("name"))
    if isinstance(value, list):
        names = [one_line(each) for each in value]
        return "、".join(names) if all(names) else None
    return value


def text_of(key: str, value: object) -> str | None:
    """None where it can't be an author, a licence or an address."""
    text = value.strip() if isinstance(value, str) else ""
    if text.lower() in NOTHING or len(text) > LONGEST[key] or not text.isprintable():
        return None
    if key == "origin":
        return text if is_address(text) else None
    if key == "author" and set(text) & set("。；！？，："):
        return None  # that is a sentence, which might speak for the site
    if key == "licence" and ("©" in text or "reserved" in text.lower()):
        return None  # that is no licence
    return text


def is_address(text: str) -> bool:
    if set(text) & set(" <>\"'`\\"):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
