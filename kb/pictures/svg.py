"""What an SVG may not hold: opened by itself, it is a page of this site."""

import re
from urllib.parse import unquote
from xml.parsers import expat

RUNS = {"script", "foreignobject", "iframe", "object", "embed", "handler", "listener"}
SVG = "http://www.w3.org/2000/svg"
LEADS = {"href", "src", "to", "from", "by", "values"}
"""Attributes that hold an address, or set one."""
SCRIPT_ADDRESS = re.compile(r"(?:javascript|vbscript|data:(?!image/(?!svg)))", re.IGNORECASE)
WITHIN = re.compile(r"#|data:image/(?!svg)", re.IGNORECASE)
"""How an address begins that asks nobody for anything."""
ASKS = re.compile(r"@import|url\((?!\s*+['\"]?+\s*+(?:#|data:image/(?!svg)))|image-set\(|\\[0-9a-z]", re.IGNORECASE)
"""What in a style asks for something."""


def what_runs(data: bytes) -> str | None:
    """What in it would run, or that it can't be read; None where nothing does."""
    found: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        if local.lower() in RUNS or (space and space != SVG and "xhtml" in space):
            found.append(f"<{local}>")
        for key, value in attributes.items():
            local = key.rpartition(" ")[2].lower()
            address = re.sub(r"[\s\x00-\x1f]", "", unquote(value))
            runs = local in LEADS and SCRIPT_ADDRESS.match(address)
            if local.startswith("on") or runs or "javascript:" in address.lower():
                found.append(local)

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.EntityDeclHandler = lambda name, *_: found.append(f"<!ENTITY {name}>")
    parser.ProcessingInstructionHandler = lambda target, _: found.append(f"<?{target}>")
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError):
        found.append("不完整的 XML")
    return found[0][:40] if found else None


def svg_refusal(data: bytes) -> str | None:
    """Why one from another server stays there: what runs, or asks anybody for anything."""
    return what_runs(data) or what_asks(data)


def what_asks(data: bytes) -> str | None:
    """What in it asks another server; links that a reader may follow don't. It has been read before."""
    found: list[str] = []
    elements: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2].lower()
        if not elements and local != "svg":
            found.append(f"<{local}>")
        elements.append(local)
        for key, value in attributes.items():
            key = key.rpartition(" ")[2].lower()
            leads = key in ("href", "src") and local != "a" and value.strip() and not WITHIN.match(value.strip())
            if leads or key == "base" or ASKS.search(value):
                found.append(f"{key}=\"{value[:20]}\"")

    def text(said: str) -> None:
        if elements and elements[-1] == "style":
            styles.append(said)

    styles: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.CharacterDataHandler = start, text
    parser.EndElementHandler = lambda _: elements.pop()
    parser.Parse(data, True)
    if said := ASKS.search("".join(styles)):
        found.append(said[0])
    return found[0] if found else None
