"""Which ways of writing a note uses: those that the page understands, and what it shows as written."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from markdown_it.token import Token

from kb.markdown.links import is_elsewhere
from kb.markdown.mathml import mathml
from kb.markdown.rawhtml import Source, Start, pieces
from kb.notes.addresses import body_tokens

NAMES = {
    "footnote_ref": "脚注",
    "mark_open": "高亮",
    "sup_open": "上标",
    "sub_open": "下标",
    "table_open": "表格",
    "included": "include_code",
    "anchor": "块的名字",
    "check_box": "勾选框",
    "label_open": "标签",
}
"""Token → what it is called."""
TAG = re.compile(r"(\{%-?\s*\w+|\{\{[<%]\s*/?\s*[\w/.-]+)")


@dataclass
class Constructs:
    known: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    """Shown as the author wrote it."""


def constructs_of(text: str, without: frozenset[str] = frozenset()) -> Constructs:
    found = Constructs()
    for token in flat(body_tokens(text, without)[0]):
        if name := name_of(token):
            found.known[name] += 1
        if written := unread(token):
            found.unknown[written] += 1
    return found


def flat(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from flat(token.children or ())


def name_of(token: Token) -> str | None:
    match token.type:
        case "box_open":
            return "点开的框" if token.tag == "details" else "框" if token.attrs else None
        case "link_open" if "data-shown" in token.attrs:
            return "在这里展示的笔记"
        case "link_open" if "data-wiki" in token.attrs:
            return "按名字的链接"
        case "image":
            return "别处的图片" if is_elsewhere(str(token.attrs["src"])) else "本地的图片"
        case "fence" | "code_block":
            return "mermaid 图" if token.info.strip() == "mermaid" else "代码块"
        case "formula":
            return "公式" if mathml(token.content, token.info == "display", None, "") else None
        case "html_block" | "html_inline":
            return "HTML" if any(isinstance(piece, Start) for piece in pieces(token.content)) else None
    return NAMES.get(token.type)


def unread(token: Token) -> str | None:
    """How to call what isn't understood."""
    content = token.content
    match token.type:
        case "code_inline" | "fence" if found := TAG.match(content):
            return f"{found[1]} …" if token.type == "code_inline" or content.startswith("{{") else None
        case "formula" if mathml(content, token.info == "display", None, "") is None:
            return f"公式 {content[:30]}"
        case "html_block" | "html_inline":
            source = next((piece for piece in pieces(content) if isinstance(piece, Source)), None)
            return None if source is None or source.startswith("</") else f"{re.match('<?[^ />]*', source)[0]}>"
    return None
