"""Links and pictures that lead nowhere, in notes and in our own pages.

An author's link can't be mended here, so it is a remark; one of ours is a problem.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from markdown_it.token import Token

from kb.markdown.links import ON_ONE_MACHINE, find_target, is_elsewhere, loose
from kb.markdown.rawhtml import losses, raw_anchors
from kb.markdown.settings import read_settings
from kb.notes.addresses import Address, body_tokens, find_addresses
from kb.notes.library import shown_text
from kb.site.catalog import read_catalog


@dataclass
class Findings:
    problems: list[str] = field(default_factory=list)
    """What is wrong on our side, a line each."""
    remarks: list[str] = field(default_factory=list)
    """What only the author of a note could mend."""
    remote: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    """Address on another server → the pages and lines that it stands in."""

    def add(self, uri: str, line: int, message: str) -> None:
        (self.remarks if is_note(uri) else self.problems).append(f"docs/{uri}:{line}：{message}")

    def add_losses(self, names: Counter[str]) -> None:
        """What HTML of the authors' loses on the pages."""
        if names:
            counts = "、".join(f"{name} {count}" for name, count in names.most_common(5))
            more = " 等" if len(names) > 5 else ""
            self.remarks.append(
                f"笔记的 HTML 里有 {names.total()} 个属性和样式在页面上去掉：{counts}{more}。"
            )

    def add_remote(self, answers: Iterable[tuple[str, str | None]]) -> int:
        """Takes in what other servers answered; returns how many addresses are dead."""
        dead = {address: problem for address, problem in answers if problem}
        for address, places in self.remote.items():
            for uri, line in places if address in dead else ():
                self.add(uri, line, f"{address} 打不开（{dead[address]}）。")
        return len(dead)


def is_note(uri: str) -> bool:
    return uri.startswith("posts/")


def check_addresses(root: Path) -> Findings:
    """Every address of every page, those on other servers only collected."""
    docs = root / "docs"
    texts = {
        path.relative_to(docs).as_posix(): path.read_text("utf-8-sig", errors="replace")
        for path in sorted(docs.rglob("*.md"))
    }
    anchors = Anchors(texts)
    catalog, without = read_catalog(root), read_settings(root).without
    findings = Findings()
    dropped: Counter[str] = Counter()
    for uri, text in texts.items():
        if is_note(uri):
            dropped.update(losses(body_tokens(text)[0]))
        for address in find_addresses(text, without):
            if address.wiki:
                name = address.wiki.partition("#")[0].strip()
                if name and catalog.find(name) is None:
                    findings.add(uri, address.line, f"链接 [[{address.wiki}]]：这里没有叫“{name}”的笔记。")
            elif is_elsewhere(address.target):
                if re.match("(?:https?:)?//", address.target, re.IGNORECASE):
                    places = findings.remote.setdefault(address.target.partition("#")[0], [])
                    places.append((uri, address.line))
            elif problem := what_is_wrong(docs, uri, address, anchors):
                findings.add(uri, address.line, problem)
    findings.add_losses(dropped)
    return findings


def what_is_wrong(docs: Path, uri: str, address: Address, anchors: "Anchors") -> str | None:
    shown = f"{'图片' if address.is_picture else '链接'} {unquote(address.target)}"
    if ON_ONE_MACHINE.match(address.target):
        return f"{shown} 是一台电脑上的路径，网页上打不开。"
    target = find_target(docs, uri, address.target)
    if target is None:
        return f"{shown} 的目标不在本站。"
    fragment = unquote(address.target.partition("#")[2])
    if fragment and is_note(target) and loose(fragment) not in anchors.of(target):
        return f"{shown}：{target} 里没有 {fragment} 这一节。"
    return None


class Anchors:
    """What the headings of a note may be called, each note parsed when it is first asked for."""

    def __init__(self, texts: dict[str, str]):
        self.texts = texts
        self.known: dict[str, set[str]] = {}

    def of(self, uri: str) -> set[str]:
        if uri not in self.known:
            self.known[uri] = set(names(body_tokens(self.texts.get(uri, ""))[0]))
        return self.known[uri]


def names(tokens: list[Token]) -> list[str]:
    """Headings, spelt loosely, the second of a name with `1` after it; and ids in raw HTML."""
    found: Counter[str] = Counter()
    ids = []
    for token, inside in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open":
            name = loose(shown_text(inside))
            ids.append(f"{name}{found[name] or ''}")
            found[name] += 1
    return [*ids, *map(loose, raw_anchors(tokens))]
