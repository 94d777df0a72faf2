"""HTML that an author wrote into a note.

It is passed on as it stands, except for what would ask other servers for something before a
reader wants it, or would run there:

- a picture becomes an element of the page's tree, so that `kb.pictures` and the site's links
  treat it as any other;
- an `<iframe>` loads when its link is clicked, without a script: until then it shows a page of
  one link, and a link in a frame opens in the frame;
- video and sound load when they are played;
- `<script>`, `<link>`, `<object>` and `<embed>` are shown as their source.
"""

import re
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit
from xml.etree import ElementTree as etree

ATTRIBUTES = r"""(?:\s+[A-Za-z_:][\w:.-]*(?:\s*=\s*(?:[^\s"'=<>`]+|'[^']*'|"[^"]*"))?)*\s*/?"""
PIECE = re.compile(
    rf"""(?P<kept> <(?P<verbatim>style|textarea|svg|math)\b.*?</(?P=verbatim)\s*> )
       | (?P<code> <pre\b.*?</pre\s*> )
       | (?P<img> <img {ATTRIBUTES}> )
       | (?P<iframe> <iframe {ATTRIBUTES}>(?:.*?</iframe\s*>)? )
       | (?P<media> <(?:video|audio) {ATTRIBUTES}> )
       | (?P<shown> <script\b.*?</script\s*> | <object\b.*?</object\s*>
                  | <(?:script|object|link|embed)\b{ATTRIBUTES}> )""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
FRAME = """<!doctype html><html lang=zh><meta name=color-scheme content="light dark">\
<style>body{{display:grid;font:16px system-ui,sans-serif;height:100vh;margin:0;place-items:center;\
text-align:center}}a{{color:LinkText;padding:1em}}</style>\
<a href="{url}" rel=noreferrer>点击加载来自 {host} 的内容</a>"""


def attributes_of(tag: str) -> dict[str, str]:
    """The attributes of an HTML start tag; those without a value have their own name as one."""
    found = {}

    class Parser(HTMLParser):
        def handle_starttag(self, _: str, attributes: list) -> None:
            for name, value in attributes:
                found.setdefault(name, name if value is None else value)

    parser = Parser()
    parser.feed(tag)
    return found


def frame(tag: str) -> str:
    attributes = attributes_of(tag)
    url = attributes.pop("src", "").strip()
    if not url:
        return ""
    host = urlsplit(url).netloc or "别处"
    attributes = {
        name: value
        for name, value in attributes.items()
        if not name.startswith("on") and name not in ("srcdoc", "loading")
    }
    attributes.setdefault("title", f"来自 {host} 的内容")
    attributes["srcdoc"] = FRAME.format(url=escape(url), host=escape(host))
    return f'<iframe class="frame"{written(attributes)}></iframe>'


def media(tag: str) -> str:
    attributes = attributes_of(tag) | {"preload": "none"}
    attributes.pop("autoplay", None)
    name = "video" if tag.lower().startswith("<video") else "audio"
    return f"<{name}{written(attributes)}>"


def written(attributes: dict[str, str]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())


def pieces(html: str) -> Iterator[str | etree.Element]:
    """What a piece of raw HTML becomes: strings of HTML, and elements.

    `<code>` and `<img>` are elements; their text and attributes are as they are to be shown.
    """
    done = 0
    for found in PIECE.finditer(html):
        yield html[done : found.start()]
        text = found.group()
        if found["kept"]:
            yield text
        elif found["code"]:
            code = etree.Element("div", {"class": "code-block"})
            code.text = text
            yield code
        elif found["img"]:
            yield etree.Element("img", attributes_of(text))
        elif found["iframe"]:
            yield frame(text)
        elif found["media"]:
            yield media(text)
        elif found["shown"]:
            code = etree.Element("code")
            code.text = text
            yield code
        done = found.end()
    yield html[done:]
