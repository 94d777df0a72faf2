"""What search reads, written once a build is done: an index in pieces, and the notes' text in groups.

Nothing of it is fetched before a reader searches, and then only the pieces that hold the words
asked for and the groups that hold the results, so that a search costs as much among ten thousand
notes as among a hundred. `kb/theme/assets/finding.js` reads what is written here into `search/`:

| file | what |
|---|---|
| `index.json` | `version`, the number of `pieces`, `pages` in each group, `sections` of each page, `count` of them all |
| `terms/N.json` | term → how many sections have it, then for each `(sections since the last) * 16 + level` |
| `texts/N.json` | for each page: address, title, and `[anchor, heading, text]` of each section |
| `words.json` | words of the Latin, Greek and Cyrillic alphabets, for those that are misspelt |

A term is a word, or two Chinese characters that stand together; one alone only where it is rare,
stands alone or stands in a heading. A level stands for how much a section is about a term, see
`LEAST`. Terms go to pieces by their hash, words by that of their first three letters, so that
those that begin alike stand together.
"""

import hashlib
import json
import math
import re
import shutil
import unicodedata
from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from operator import add
from pathlib import Path

from kb.site.searched import Section, boost_of, read_page

CHINESE = "\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
RUN = re.compile(rf"[{CHINESE}]+")
WORD = re.compile("[0-9a-z\u00df-\u00f6\u00f8-\u024f\u0370-\u03ff\u0430-\u052f]+")
CAMEL = re.compile("[A-Z]?[a-z]+[A-Z][A-Za-z]*")
HUMP = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

LEAST, STEP, LEVELS = 0.25, 1.25, 16
"""Level n stands for the weight LEAST × STEP ** n."""
TYPICAL = 150
"""Terms of a section of usual length."""
MOST = 8192
"""Sections that are kept of a term, those that are most about it."""
RARE = 512
"""A single character that more sections have is kept for headings alone."""
IN_HEADING = 6
"""The least level of a term in a heading."""
PIECE = 12_000
GROUP = 16_000
"""Bytes, about, of a piece and of a group."""
WORDS = 20_000
"""How many words are kept for those that are misspelt."""


def write_search(site: Path) -> None:
    """Into the folder `search` of a finished site; what stood there is gone."""
    index = Index()
    for path in sorted(site.rglob("*.html")):
        address = path.relative_to(site).as_posix().removesuffix("index.html")
        html = path.read_text("utf-8")
        if (boost := boost_of(html)) and (sections := read_page(html)):
            index.add_page(address, sections, boost)
    index.write(site / "search")


class Index:
    def __init__(self):
        self.pages: list[tuple[str, list[Section]]] = []
        self.count = 0
        self.lists: defaultdict[str, array] = defaultdict(lambda: array("I"))
        """Term → for each section its number and the level, as number * 16 + level."""

    def add_page(self, address: str, sections: list[Section], boost: float = 1) -> None:
        self.pages.append((address, sections))
        lists = self.lists
        for place, section in enumerate(sections):
            first = self.count * LEVELS
            for term, weight in weights(section, is_page=not place).items():
                lists[term].append(first + level(weight * boost))
            self.count += 1

    def write(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        lists = {term: line for term, found in sorted(self.lists.items()) if (line := encode(term, found))}
        pieces = 2 ** max(4, math.ceil(math.log2(sum(3 * len(term) + len(line) for term, line in lists.items()) / PIECE + 1)))
        contents = defaultdict(list)
        for term, line in lists.items():
            contents[spread(key_of(term)) % pieces].append(f"{json.dumps(term, ensure_ascii=False)}:{line}")
        for number in range(pieces):
            write(folder / f"terms/{number}.json", "{" + ",\n".join(contents[number]) + "}")
        groups = [*self.groups()]
        for number, group in enumerate(groups):
            texts = [[address, sections[0].heading, [[s.anchor, s.heading, s.text] for s in sections]] for address, sections in group]
            write(folder / f"texts/{number}.json", compact(texts))
        words = Counter({term: len(found) for term, found in self.lists.items() if WORD.fullmatch(term) and len(term) > 3})
        write(folder / "words.json", compact(sorted(word for word, _ in words.most_common(WORDS))))
        head = {
            "pieces": pieces,
            "pages": [len(group) for group in groups],
            "sections": [len(sections) for _, sections in self.pages],
            "count": self.count,
        }
        write(folder / "index.json", compact({"version": self.version(), **head}))

    def version(self) -> str:
        """Another for each content, so that no piece of an older one is used."""
        digest = hashlib.sha256()
        for page in self.pages:
            digest.update(repr(page).encode())
        return digest.hexdigest()[:12]

    def groups(self) -> Iterator[list]:
        """Pages that stand together, about GROUP bytes."""
        group, size = [], 0
        for page in self.pages:
            cost = sum(len(section.heading.encode()) + len(section.text.encode()) for section in page[1])
            if group and size + cost > GROUP:
                yield group
                group, size = [], 0
            group.append(page)
            size += cost
        if group:
            yield group


def weights(section: Section, is_page: bool) -> dict[str, float]:
    """Term → how much the section is about it; the first of a page stands for all of it."""
    text, heading = Counter(terms(section.text)), Counter(terms(section.heading))
    long = 0.25 + 0.75 * text.total() / TYPICAL
    found = {term: 2.2 * times / (times + 1.2 * long) for term, times in text.items()}
    for character in set("".join(RUN.findall(fold(section.text)))):
        found.setdefault(character, LEAST)
    base, share = (3, 4) if is_page else (1.5, 2)
    worth = base + share / math.sqrt(heading.total() or 1)
    for term in {*heading, *"".join(RUN.findall(fold(section.heading)))}:
        found[term] = found.get(term, 0) + worth
    return found


def fold(text: str) -> str:
    """Full-width and half-width letters are the same, large and small too."""
    return unicodedata.normalize("NFKC", text).lower()


def terms(text: str) -> Iterable[str]:
    folded = fold(text)
    yield from WORD.findall(folded)
    for run in RUN.findall(folded):
        if len(run) == 1:
            yield run
        else:
            yield from map(add, run, run[1:])
    for word in CAMEL.findall(text):
        for hump in HUMP.findall(word):
            yield hump.lower()


BETWEEN = [LEAST * STEP ** (level + 0.5) for level in range(LEVELS - 1)]


def level(weight: float) -> int:
    """The nearest."""
    return bisect_left(BETWEEN, weight)


def encode(term: str, found: array) -> str:
    """Nothing for a term that isn't worth being kept."""
    kept = found.tolist()
    if RUN.fullmatch(term) and len(term) == 1 and len(kept) > RARE:
        kept = [each for each in kept if each % LEVELS >= IN_HEADING]
    if len(kept) > MOST:
        kept = sorted(sorted(kept, key=lambda each: -(each % LEVELS))[:MOST])
    if not kept:
        return ""
    numbers, last = [len(found)], 0
    for each in kept:
        numbers.append(each - last * LEVELS)
        last = each // LEVELS
    return compact(numbers)


def key_of(term: str) -> str:
    """Words that begin alike have one."""
    return term[:3] if WORD.match(term) else term


def spread(text: str) -> int:
    """FNV-1a over the UTF-16 units, as the browser has them, and what is high in it below too."""
    number = 0x811C9DC5
    for unit in array("H", text.encode("utf-16-le")):
        number = (number ^ unit) * 0x01000193 & 0xFFFFFFFF
    return number ^ number >> 15


def compact(value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
