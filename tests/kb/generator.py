"""Notes in the manner of a real blog: 164 Hexo notes of one author, counted.

    python -m tests.kb.generator FOLDER N [--seed S] [--private 0.1]

writes N of them to `FOLDER/_posts`, as a Hexo source folder has them. A note depends on the
seed and on its number alone: the first 168 of 1,000 notes are the 168 notes.
"""

import argparse
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tests.kb import words

COUNTED = {
    "notes": 164,
    "lines": 50_107,
    "annotations": 784,
    "marks": 1_895,
    "images": 2_299,
    "fences": 703,
    "formulas": 976,
    "table rows": 142,
    "raw html": 140,
    "undated": 27,
}
"""What the real notes hold."""

ROWS = 4
"""Rows of a table, not counting its head."""

MARKED = 0.7
"""Share of headings that the author marked as done."""


@dataclass(frozen=True)
class Note:
    number: int
    abbrlink: int
    title: str
    text: str

    @property
    def file_name(self) -> str:
        return f"{self.number:05d}.md"


class Writer:
    """Writes the pieces of one note, by its own random numbers."""

    def __init__(self, seed: int, number: int):
        self.random = random.Random(f"{seed}/{number}")
        self.chance = self.random.random
        self.pick = self.random.choice

    def fill(self, pattern: str) -> str:
        """A pattern with each slot filled by a word of its own."""
        out, *slots = pattern.split("{")
        for slot in slots:
            name, _, rest = slot.partition("}")
            out += self.pick(words.SLOTS[name]) + rest
        return out

    def sentence(self) -> str:
        text = self.fill(self.pick(words.SENTENCES))
        if self.chance() < 0.08:  # emphasis beside Chinese punctuation
            head, comma, rest = text.partition("，")
            text = f"**{head}，**{rest}" if comma else f"**{text}**"
        elif self.chance() < 0.05:
            text = f"**{self.fill('{why}')}：**{text}"
        elif self.chance() < 0.05:
            text = f"{text}用 `{self.pick(words.NAMES)}_{self.pick('abc')}` 表示。"
        return text

    def phrase(self) -> str:
        return self.fill(self.pick(words.PHRASES))

    def image(self) -> str:
        number = f"2023{self.random.randrange(10**11):011d}"
        alt = self.pick([f"image-{number}", "在这里插入图片描述", "img", "", self.phrase()])
        return f"![{alt}]({words.IMAGES}{number}.{self.pick(['png', 'png', 'jpg', 'gif'])})"

    def in_braces(self, text: str) -> str:
        """Code or a formula, with its slots filled."""
        name = self.pick(words.NAMES)
        filled = text.replace("‹name›", name).replace("‹Name›", name.title())
        filled = filled.replace("‹phrase›", self.phrase()).replace("‹i›", self.pick("ijklm"))
        return filled.replace("‹n›", str(self.random.randrange(2, 65)))

    # Blocks. Each is some lines, without an empty one at the end.

    def paragraph(self) -> str:
        """Sentences; now and then on lines of their own, a single newline apart."""
        between = "\n" if self.chance() < 0.25 else ""
        return between.join(self.sentence() for _ in range(self.random.randint(1, 3)))

    def list(self) -> str:
        """Nested by 2, 3 or 4 spaces; now and then right after a paragraph."""
        ordered = self.chance() < 0.35
        indent = " " * self.pick([3, 4] if ordered else [2, 3, 4])
        first, lines = self.pick([1, 1, 1, 3]), []
        for number in range(first, first + self.random.randint(2, 6)):
            marker = f"{number}." if ordered else "-"
            lines.append(f"{marker} {self.sentence() if self.chance() < 0.6 else self.phrase()}")
            for _ in range(self.random.randint(1, 3) if self.chance() < 0.25 else 0):
                lines.append(f"{indent}- {self.phrase()}")
        before = self.sentence() + "\n" if self.chance() < 0.3 else ""
        return before + "\n".join(lines)

    def tasks(self) -> str:
        return "\n".join(f"- [{self.pick(' x')}] {self.phrase()}" for _ in range(3))

    def numbered(self) -> str:
        """Numbers that make no list: `1、` or `（1）`."""
        form = self.pick(["{}、", "（{}）"])
        return "\n".join(form.format(n) + self.sentence() for n in range(1, 4))

    def illustration(self) -> str:
        if self.chance() < 0.1:  # in a list item
            return f"- {self.phrase()}\n\n  {self.image()}"
        if self.chance() < 0.1:
            return f"{self.sentence()}\n{self.image()}"
        return self.image()

    def annotation(self) -> str:
        if self.chance() < 0.25:
            return f"> alec：{self.sentence()}"
        points = "\n".join(f"> - {self.sentence()}" for _ in range(self.random.randint(1, 4)))
        return f"> alec：\n>\n{points}"

    def quote(self) -> str:
        if self.chance() < 0.1:  # two, kept apart by an empty line
            return f"> {self.sentence()}\n\n> {self.sentence()}"
        if self.chance() < 0.2:
            return f"> {self.sentence()}\n>\n> > {self.sentence()}"
        return f"> {self.sentence()}\n> {self.sentence()}"

    def fence(self) -> str:
        language = self.pick(words.LANGUAGES)
        code = self.in_braces(self.pick(words.CODE[language]))
        if self.chance() < 0.1:  # in a list item
            inside = "\n".join(f"   {line}".rstrip() for line in code.split("\n"))
            return f"1. {self.phrase()}\n\n   ```{language}\n{inside}\n   ```"
        return f"```{language}\n{code}\n```"

    def formula(self) -> str:
        if self.chance() < 0.5:
            inside = self.in_braces(self.pick(words.INLINE_FORMULAS))
            return f"{self.sentence()}其中 ${inside}$ 表示{self.fill('{part}')}。"
        inside = self.in_braces(self.pick(words.DISPLAY_FORMULAS))
        return f"$$\n{inside}\n$$"

    def table(self) -> str:
        rows = [
            f"| {self.fill('{model}')} | {self.fill('{size}')} | {self.phrase()} |",
            f"| {self.fill('{part}')} | `{self.pick(words.NAMES)}` |  |",
            f"| {self.fill('{act}')} | {self.fill('{number}')} | {self.phrase()} |",
            f"| {self.fill('{tool}')} | | **{self.fill('{effect}')}** |",
        ]
        return "\n".join(["| 名称 | 大小 | 说明 |", "| :-- | :-: | --- |", *rows])

    def raw_html(self) -> str:
        image = f"{words.IMAGES}2023{self.random.randrange(10**11):011d}.png"
        return self.pick(
            [
                f'<img src="{image}" alt="img" style="zoom:67%;" />',
                f'<font color="red">{self.sentence()}</font>',
                f"<details><summary>{self.phrase()}</summary>\n\n{self.sentence()}\n\n</details>",
                '<iframe src="//player.bilibili.com/player.html?bvid=BV1Wv411h7kN" '
                'allowfullscreen="true"></iframe>',
                f"{self.phrase()}<br>{self.phrase()}",
                f"<center>{self.phrase()}</center>",
            ]
        )

    def hexo_tag(self) -> str:
        kind = self.pick(["info", "success", "warning"])
        return f"{{% note {kind} %}}\n{self.sentence()}\n{{% endnote %}}"

    def windows_path(self) -> str:
        name = f"image-{self.random.randrange(10**9)}"
        return (
            f"![{name}](C:\\Users\\Alec\\AppData\\Roaming\\Typora\\typora-user-images\\{name}.png)"
        )

    def link(self) -> str:
        address = self.pick(words.LINKS)
        if self.chance() < 0.5:
            return f"{self.pick(['论文', '参考', '代码'])}：{address}"
        return f"> 参考：\n>\n> [{self.phrase()}]({address})"

    def heading(self, level: int, number: str) -> str:
        mark = "[√] " if self.chance() < MARKED else ""
        rule = "\n\n---" if self.chance() < 0.6 else ""
        return f"{'#' * level} {mark}{number}{self.fill(self.pick(words.HEADINGS))}{rule}"

    def some(self, rate: float) -> int:
        """A whole number that is `rate` on average."""
        return int(rate) + (self.chance() < rate % 1)


RATES: dict[Callable[[Writer], str], float] = {
    block: number / COUNTED["notes"]
    for block, number in {
        Writer.annotation: COUNTED["annotations"],
        Writer.illustration: COUNTED["images"],
        Writer.fence: COUNTED["fences"],
        Writer.formula: COUNTED["formulas"],
        Writer.table: COUNTED["table rows"] / ROWS,
        Writer.raw_html: COUNTED["raw html"],
        # Not counted in the real notes, but they are there:
        Writer.quote: 200,
        Writer.numbered: 60,
        Writer.link: 150,
        Writer.tasks: 15,
        Writer.hexo_tag: 15,
        Writer.windows_path: 15,
    }.items()
}
"""How many of each block a note of average length holds; paragraphs and lists fill the rest."""


def make_note(number: int, seed: int = 0, private: float = 0) -> Note:
    """The note of this number. `private`: the share of notes to be made private."""
    writer = Writer(seed, number)
    title = f"{number:03d} - {writer.fill(writer.pick(words.TITLES))}"
    abbrlink = (number + 1) * 2_654_435_761 % 2**32  # odd, so that no two are alike
    secret = ""
    if writer.chance() < private:
        title = f"私密笔记{abbrlink}"
        secret = writer.pick(["password: '123456'\n", "published: false\n", "draft: true\n"])
    text = front_matter(writer, title, abbrlink, secret) + "\n" + "\n\n".join(body(writer)) + "\n"
    return Note(number, abbrlink, title, text)


def front_matter(writer: Writer, title: str, abbrlink: int, secret: str) -> str:
    tags = dict.fromkeys(
        words.TAGS[int(len(words.TAGS) * writer.chance() ** 2.5)]
        for _ in range(writer.random.randint(1, 4))
    )
    categories = writer.pick(words.CATEGORIES)
    out = f"title: {title}\n" if writer.chance() < 0.8 else f"title: >-\n  {title}\n"
    if writer.chance() < 0.5:
        out += f"index_img: >-\n  {words.IMAGES}{abbrlink}.png\n"
    out += "tags:\n" + "".join(f"  - {tag}\n" for tag in tags)
    if isinstance(categories, str):
        out += f"categories: {categories}\n"
    else:
        out += "categories:\n" + "".join(f"  - {step}\n" for step in categories)
    out += f"abbrlink: {abbrlink}\n"
    if writer.chance() >= COUNTED["undated"] / COUNTED["notes"]:
        minutes = writer.random.randrange(3 * 365 * 24 * 60)
        out += f"date: {datetime(2021, 1, 1, 8) + timedelta(minutes=minutes)}\n"
    if writer.chance() < 0.2:
        out += f"description: {writer.phrase()}\n"
    if writer.chance() < 0.1:
        out += "math: true\n"
    return f"---\n{out}{secret}---\n"


def body(writer: Writer) -> Iterator[str]:
    """Blocks of a note: so many of each kind, shuffled, under headings.

    Notes are of very different lengths, most of them shorter than the average.
    """
    length = min(writer.random.lognormvariate(-0.18, 0.6), 5)  # 1 on average
    blocks = [
        block(writer) for block, rate in RATES.items() for _ in range(writer.some(rate * length))
    ]
    headings = list(numbered_headings(writer, length))
    lines = length * COUNTED["lines"] / COUNTED["notes"]
    lines -= sum(text.count("\n") + 2 for text in blocks + headings)
    while lines > 0:
        blocks.append(writer.list() if writer.chance() < 0.4 else writer.paragraph())
        lines -= blocks[-1].count("\n") + 2
    writer.random.shuffle(blocks)
    for number, heading in enumerate(headings):
        yield heading
        yield from blocks[number :: len(headings)]


def numbered_headings(writer: Writer, length: float) -> Iterator[str]:
    """Headings of level 2 to 6, numbered by hand, deeper by one level or by two."""
    step = writer.pick([1, 1, 2])
    numbers = [0, 0, 0, 0, 0]
    depth = 0
    count = COUNTED["marks"] / COUNTED["notes"] / MARKED * length
    for _ in range(max(1, writer.some(count))):
        numbers[depth] += 1
        numbers[depth + 1 :] = [0] * (4 - depth)
        label = ".".join(map(str, filter(None, numbers)))
        yield writer.heading(2 + depth, f"{label} - " if writer.chance() < 0.8 else "")
        deeper = range(0, min(depth + step, 4) + 1, step)
        depth = writer.pick(deeper)


def make_notes(count: int, seed: int = 0, private: float = 0) -> Iterator[Note]:
    return (make_note(number, seed, private) for number in range(count))


def write_notes(folder: Path, notes: Iterable[Note]) -> None:
    posts = folder / "_posts"
    posts.mkdir(parents=True, exist_ok=True)
    for note in notes:
        (posts / note.file_name).write_bytes(note.text.encode())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.kb.generator", description="生成笔记")
    parser.add_argument("folder", type=Path, help="Hexo 的 source 文件夹，笔记写进它的 _posts")
    parser.add_argument("count", type=int, help="多少篇")
    parser.add_argument("--seed", type=int, default=0, help="同一个种子，同样的笔记")
    parser.add_argument("--private", type=float, default=0, help="私密笔记占几成，0 到 1")
    options = parser.parse_args()
    write_notes(options.folder, make_notes(options.count, options.seed, options.private))


if __name__ == "__main__":
    main()
