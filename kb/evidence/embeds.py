"""Markdown extension: code from `snippets/`, embedded in a note by name.

    ``` {.python .embed}
    --8<-- "self_attention.py:score"
    ```

becomes

    <figure class="embed" id="embed-self_attention-score">
      <div class="highlight"> … the region, highlighted, under its title … </div>
      <figcaption><a href="…/snippets/self_attention/#…">完整文件 …</a></figcaption>
    </figure>

Without a region the whole file is shown, with line numbers; a page of the site that
does so, `docs/snippets/self_attention.md`, is where the links lead. The tests can be shown
whole as well: `--8<-- "tests/snippets/test_blocks.py"`.

The figure's `data-code` is what it shows: `self_attention.py:score`. `kb.evidence.badges` reads it.

What is said here of where an embed may stand holds for every kind of it; `kb.figures.embeds` makes
those of measured figures.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| Embeds.check, Embeds.show | md.parser | checks, fences | | sees the author's lines and the parser's tokens |
| Embeds.code | md.parser | embeds | | makes embeds of code |
| FragmentTreeprocessor | treeprocessors | kb-embed-fragments | -1 | after the generator has resolved links (0) |
"""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from markdown_it.token import Token

from kb.evidence.keys import TESTS
from kb.evidence.regions import Region, is_file, list_files, read_regions, read_text
from kb.markdown.code import highlight
from kb.markdown.engine import BadInput, Page, current_page
from kb.markdown.html import element
from kb.markdown.syntax import parse
from kb.notes.embedded import EMBED_FIRST, EMBED_LAST, EMBED_MIDDLE, OPENS_EMBED
from kb.notes.library import LINE_END, body_of, note_text

log = logging.getLogger("mkdocs.kb")

EMBED_LINES = 4
NAMED = {"python": "文件.py:区域", "figure": "文件.json:图"}
"""What an embed of each kind names, as messages put it."""


class Embeds:
    """The embeds of a page."""

    def __init__(self, md: Markdown):
        self.md = md
        self.figures: dict[int, etree.Element] = {}
        """By the line where each opens."""

    def check(self, lines: list[str], tokens: Sequence[Token]) -> None:
        """Make the figure of every embed; refuse those that are misshapen or misplaced."""
        self.figures = {}
        numbers = [number for number, line in enumerate(lines) if OPENS_EMBED.match(line)]
        almost = almost_embeds(lines, tokens)
        if not numbers and not almost:
            return
        page = current_page(self.md)
        for count in almost:
            log.warning(f"{page.place(ALMOST, count)}：{ALMOST_REMEDY}")
        for count, number in enumerate(numbers, 1):
            here = page.place(OPENS_EMBED, count)
            kind, target = read_embed(lines, number, here)
            figure = self.md.parser.embeds[kind](target, page, here)
            figure.set("id", self.free_id(figure.get("id")))
            self.figures[number] = figure
        check_places(lines, tokens, numbers, page)

    def show(self, fence: Token) -> etree.Element | None:
        return self.figures.get(fence.map[0])

    def code(self, target: str, page: Page, here: str) -> etree.Element:
        path, region, text = find_code(target, page, here)
        figure = element("figure", {"class": "embed", "id": anchor(target), "data-code": target})
        if region:
            code = highlight(self.md, text, "python", title=region.title, anchors=False)
        else:
            stem = code_stem(path)
            code = highlight(self.md, text, "python", title=path, first_line=1, id_value=stem)
        figure.text = self.md.htmlStash.store(code)
        if region:
            link = link_to_line(page, path, region.first, f"完整文件 {path}")
            lines = f"，第 {region.first}–{region.last} 行"
            figure.append(element("figcaption", None, link, lines))
        return figure

    def free_id(self, name: str) -> str:
        """The anchor, numbered where the page already embeds the same."""
        taken = {figure.get("id") for figure in self.figures.values()}
        number = 1
        while (id := name + (f"-{number}" if number > 1 else "")) in taken:
            number += 1
        return id


def check_places(
    lines: list[str], tokens: Sequence[Token], numbers: list[int], page: "Page | Draft"
) -> None:
    """Refuse embeds that change what the author's text is: those that don't stand between
    two blocks, or stand inside one.

    Raises BadInput for the first of them.
    """
    for count, number in enumerate(numbers, 1):
        here = page.place(OPENS_EMBED, count)
        next_line = next_author_line(lines, number)
        if number and lines[number - 1].strip() and next_line:
            raise BadInput(
                f"{here}：嵌入块应放在两个顶层段落之间，前面要有空行；"
                f"它前一行是 {lines[number - 1].strip()[:40]!r}。"
                "把嵌入块移到下一个空行之后。"
            )
    author = outline(parse("\n".join(without(lines, numbers))))
    around = [t for t in tokens if not any(is_fence_at(t, number) for number in numbers)]
    all_apart = outline(around) == author
    for count, number in enumerate(numbers, 1):
        here = page.place(OPENS_EMBED, count)
        if not any(is_fence_at(token, number) for token in tokens) or in_html(tokens, number):
            raise BadInput(
                f"{here}：嵌入块不在顶层，而是落在一个代码块、HTML 或注释里面。"
                "把它移到外面，或补上前面没有结束的那一块。"
            )
        if all_apart:
            continue
        others = [each for each in numbers if each != number]
        alone = parse("\n".join(without(lines, others)))
        here_alone = number - EMBED_LINES * sum(each < number for each in others)
        rest = [token for token in alone if not is_fence_at(token, here_alone)]
        if outline(rest) != author:
            raise BadInput(
                f"{here}：嵌入块把一个{block_before(alone, here_alone)}拆成了两半，"
                f"后面还有 {next_author_line(lines, number).strip()[:40]!r}。把它移到整个"
                f"{block_before(alone, here_alone)}之后。"
            )


ALMOST = re.compile(r"[^`~]*[`~]{3,}[^`~]*\.embed")
ALMOST_REMEDY = (
    "这里写得像嵌入块，却什么也没有嵌入：嵌入块要顶格写，``` 与 { 之间恰好一个空格，"
    f"{EMBED_FIRST['python']}。"
)


def almost_embeds(lines: list[str], tokens: Sequence[Token]) -> list[int]:
    """Fences that only an embed would be written for, and that are none: indented, without the
    blank, in a list. As the how-manieth lines that look like it."""
    alike = [number for number, line in enumerate(lines) if ALMOST.match(line)]
    fences = {
        token.map[0]
        for token in tokens
        if token.type == "fence" and EMBED_MIDDLE.fullmatch(token.content.strip())
    }
    return [
        count
        for count, number in enumerate(alike, 1)
        if number in fences and not OPENS_EMBED.match(lines[number])
    ]


@dataclass(frozen=True)
class Draft:
    """A note that no generator reads yet."""

    text: str
    name: str

    def place(self, beginning: re.Pattern, count: int) -> str:
        lines = self.text.split("\n")
        numbers = [number for number, line in enumerate(lines, 1) if beginning.match(line)]
        return f"{self.name}:{numbers[count - 1]}"


def check_note(note: bytes, name: str) -> None:
    """What `Embeds.check` says of a note's embeds, apart from what they show. Raises BadInput."""
    draft = Draft(LINE_END.sub("\n", note.decode("utf-8-sig")), name)
    body = note_text(body_of(draft.text))
    lines, tokens = body.split("\n"), parse(body)
    numbers = [number for number, line in enumerate(lines) if OPENS_EMBED.match(line)]
    for count, number in enumerate(numbers, 1):
        read_embed(lines, number, draft.place(OPENS_EMBED, count))
    check_places(lines, tokens, numbers, draft)
    for count in almost_embeds(lines, tokens):
        raise BadInput(f"{draft.place(ALMOST, count)}：{ALMOST_REMEDY}")


def in_html(tokens: Sequence[Token], line: int) -> bool:
    """Whether an HTML element of the author's is open before the line and closed after it."""
    opened, closed = Counter(), Counter()
    for token in tokens:
        if token.type == "html_block":
            tags = re.findall(r"<(/?)([a-z][a-z0-9-]*)", token.content.lower())
            for slash, tag in tags:
                if token.map[0] < line:
                    opened[tag] += -1 if slash else 1
                else:
                    closed[tag] += 1 if slash else -1
    return any(opened[tag] > 0 and closed[tag] > 0 for tag in opened)


def is_fence_at(token: Token, line: int) -> bool:
    return token.type == "fence" and token.level == 0 and token.map[0] == line


def without(lines: list[str], numbers: list[int]) -> list[str]:
    """The lines without the embeds that open there."""
    gone = {number + n for number in numbers for n in range(EMBED_LINES)}
    return [line for number, line in enumerate(lines) if number not in gone]


def outline(tokens: Sequence[Token]) -> list[tuple]:
    """The blocks of a text, apart from where they stand."""
    return [(token.type, token.level, token.hidden, token.content) for token in tokens]


def block_before(tokens: Sequence[Token], line: int) -> str:
    before = [token for token in tokens if token.level == 0 and token.map and token.map[0] < line]
    return {"ul": "列表", "ol": "列表", "code": "代码块"}.get(before[-1].tag if before else "", "块")


class FragmentTreeprocessor(Treeprocessor):
    """Adds the line to links into whole files.

    Not before: the anchors of highlighted lines are no part of the tree, so MkDocs
    would report every one of them as missing.
    """

    def run(self, root: etree.Element) -> None:
        for link in root.iter("a"):
            if fragment := link.attrib.pop("data-fragment", None):
                link.set("href", f"{link.get('href')}#{fragment}")


class EmbedExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        embeds = Embeds(md)
        md.parser.checks.append(embeds.check)
        md.parser.fences.append(embeds.show)
        md.parser.embeds["python"] = embeds.code
        md.treeprocessors.register(FragmentTreeprocessor(md), "kb-embed-fragments", -1)


def makeExtension(**options) -> EmbedExtension:
    return EmbedExtension(**options)


def read_embed(lines: list[str], number: int, here: str) -> tuple[str, str]:
    """Kind of the embed that opens at line `number`, and what it names.

    Raises BadInput, which says `here`, if it is misshapen.
    """
    embed = lines[number : number + 4]
    kind = OPENS_EMBED.match(embed[0]).group(1)
    middle = EMBED_MIDDLE.fullmatch(embed[1]) if len(embed) > 1 else None
    if embed[0] != EMBED_FIRST[kind] or middle is None or embed[2:] != [EMBED_LAST, ""]:
        raise BadInput(
            f"{here}：嵌入块应恰好是这四行，最后一行为空：\n"
            f'    {EMBED_FIRST[kind]}\n    --8<-- "{NAMED[kind]}"\n    {EMBED_LAST}\n    \n'
            f"得到的是：\n" + "".join(f"    {line}\n" for line in embed)
        )
    return kind, middle["target"]


def next_author_line(lines: list[str], number: int) -> str:
    """The first line with text after the embed at `number` and those that follow it."""
    number += 4
    while number < len(lines) and (OPENS_EMBED.match(lines[number]) or not lines[number].strip()):
        number += 4 if OPENS_EMBED.match(lines[number]) else 1
    return lines[number] if number < len(lines) else ""


def code_stem(path: str) -> str:
    """`snippets/self_attention.py` → `self_attention`: names its page and its anchors."""
    folder = f"{TESTS}/" if path.startswith(f"{TESTS}/") else "snippets/"
    return path.removeprefix(folder).removesuffix(".py").replace("/", "-")


def anchor(target: str) -> str:
    """Where a page shows what an embed names: `embed-self_attention-score`."""
    file, _, region = target.partition(":")
    return "-".join(filter(None, ("embed", code_stem(file), region)))


def link_to_line(page: Page, path: str, line: int, *text: etree.Element | str) -> etree.Element:
    """A link to a line of a file of code, on the page that shows it whole.

    A test that the site has no page for is named without a link.
    """
    folder = "tests" if path.startswith(f"{TESTS}/") else "snippets"
    uri = f"{folder}/{code_stem(path)}.md"
    if folder == "tests" and not (page.root / "docs" / uri).exists():
        return element("span", None, *text)
    fragment = f"__codelineno-{code_stem(path)}-{line}"
    return element("a", {"href": page.link_to(uri), "data-fragment": fragment}, *text)


def find_code(target: str, page: Page, here: str) -> tuple[str, Region | None, str]:
    """Path, region (None for a whole file) and text that `target` names."""
    file, _, name = target.partition(":")
    if re.search(r"[\d,:-]", name) and not re.search(r"[a-z]", name):
        raise BadInput(
            f"{here}：嵌入 {target!r} 用了行号。代码一改行号就指到别处，所以只能按名字嵌入："
            f'--8<-- "{file}:区域"。'
        )
    if re.fullmatch(rf"{TESTS}/(\w+/)*\w+\.py", target) and (page.root / target).exists():
        return target, None, read_text(page.root / target, target)
    path = f"snippets/{file}"
    if not is_file(page.root, file):
        raise BadInput(
            f"{here}：嵌入 {target!r} 要的文件 {path} 不存在。"
            f"现有：{'、'.join(list_files(page.root)) or '（空）'}。"
        )
    try:
        regions = read_regions(page.root / path, shown_as=path)
    except BadInput as error:
        raise BadInput(f"{here}：嵌入 {target!r} 的文件有问题。\n{error}") from None
    if ":" not in target:
        return path, None, read_text(page.root / path, path)
    if name not in regions:
        raise BadInput(
            f"{here}：{path} 里没有区域 {name!r}。现有：{'、'.join(regions) or '（没有区域）'}。"
        )
    return path, regions[name], regions[name].text
