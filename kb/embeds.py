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

The figure's `data-code` is what it shows: `self_attention.py:score`. `kb.badges` reads it.

| registered | in | as | priority | why there |
|---|---|---|---|---|
| EmbedPreprocessor | preprocessors | kb-embeds | 28 | sees the author's lines: after normalize_whitespace (30), before fenced code (25) |
| EmbedBlockProcessor | parser.blockprocessors | kb-embeds | 200 | before any other block |
| PlaceTreeprocessor | treeprocessors | kb-embed-places | 19 | when all blocks are known; before anything is added around the note (12) |
| FragmentTreeprocessor | treeprocessors | kb-embed-fragments | -1 | after the generator has resolved links (0) |
"""

import re
from dataclasses import dataclass
from xml.etree import ElementTree as etree

from markdown import Markdown
from markdown.blockprocessors import BlockProcessor
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor

from kb.engine import BadInput, Page, current_page
from kb.html import element
from kb.keys import TESTS
from kb.notes import EMBED_FIRST, EMBED_LAST, EMBED_MIDDLE, OPENS_EMBED
from kb.regions import Region, list_files, read_regions, read_text

TOKEN = "\x02kb-embed:{}\x03"


@dataclass
class Embed:
    figure: etree.Element
    here: str
    """Where it stands, for messages."""
    next_line: str
    """The author's next line, "" at the end of the note."""


class EmbedPreprocessor(Preprocessor):
    """Takes embeds out of the text, leaving a token in the place of each."""

    def __init__(self, md: Markdown):
        super().__init__(md)
        self.embeds: list[Embed] = []

    def run(self, lines: list[str]) -> list[str]:
        self.embeds.clear()
        out: list[str] = []
        number = 0
        while number < len(lines):
            if not OPENS_EMBED.match(lines[number]):
                out.append(lines[number])
                number += 1
                continue
            page = current_page(self.md)
            here = page.place(OPENS_EMBED, len(self.embeds) + 1)
            target = read_embed(lines, number, here)
            out += ["", TOKEN.format(len(self.embeds)), ""]
            next_line = next_author_line(lines, number)
            if number and lines[number - 1].strip() and next_line:
                raise BadInput(
                    f"{here}：嵌入块应放在两个顶层段落之间，前面要有空行；"
                    f"它前一行是 {lines[number - 1].strip()[:40]!r}。"
                    "把嵌入块移到下一个空行之后。"
                )
            self.embeds.append(Embed(self.figure(target, page, here), here, next_line))
            number += 3
        return out

    def figure(self, target: str, page: Page, here: str) -> etree.Element:
        path, region, text = find_code(target, page, here)
        figure = element(
            "figure", {"class": "embed", "id": self.free_id(anchor(target)), "data-code": target}
        )
        if region:
            code = self.highlight(text, title=region.title)
        else:
            code = self.highlight(text, title=path, id_value=code_stem(path))
        figure.text = self.md.htmlStash.store(code)
        if region:
            link = link_to_line(page, path, region.first, f"完整文件 {path}")
            lines = f"，第 {region.first}–{region.last} 行"
            figure.append(element("figcaption", None, link, lines))
        return figure

    def free_id(self, name: str) -> str:
        """The anchor, numbered where the page already embeds the same region."""
        taken = {embed.figure.get("id") for embed in self.embeds}
        number = 1
        while (id := name + (f"-{number}" if number > 1 else "")) in taken:
            number += 1
        return id

    def highlight(self, code: str, title: str, id_value: str = "") -> str:
        """HTML as pymdownx makes it for a fence; a whole file (id_value) is numbered."""
        extension = next(
            extension
            for extension in self.md.registeredExtensions
            if hasattr(extension, "get_pymdownx_highlighter")
        )
        settings = dict(extension.get_pymdownx_highlight_settings())
        css_class = settings.pop("css_class")
        for unused in ("_enabled", "linenums"):
            settings.pop(unused, None)
        highlighter = extension.get_pymdownx_highlighter()(self.md, **settings)
        extension.pygments_code_block += 1
        return highlighter.highlight(
            code,
            "python",
            css_class,
            linestart=1 if id_value else -1,
            title=title,
            id_value=id_value,
            code_block_count=extension.pygments_code_block,
        )


class EmbedBlockProcessor(BlockProcessor):
    """Puts the figure where its token stands."""

    def __init__(self, md: Markdown, embeds: EmbedPreprocessor):
        super().__init__(md.parser)
        self.embeds = embeds
        self.token = re.compile(TOKEN.format(r"(\d+)"))

    def test(self, parent: etree.Element, block: str) -> bool:
        return self.token.fullmatch(block.strip()) is not None

    def run(self, parent: etree.Element, blocks: list[str]) -> None:
        number = int(self.token.fullmatch(blocks.pop(0).strip()).group(1))
        parent.append(self.embeds.embeds[number].figure)


class PlaceTreeprocessor(Treeprocessor):
    """Refuses embeds that don't stand between top-level blocks of the author's."""

    def __init__(self, md: Markdown, embeds: EmbedPreprocessor):
        super().__init__(md)
        self.embeds = embeds

    def run(self, root: etree.Element) -> None:
        figures = [embed.figure for embed in self.embeds.embeds]
        blocks = list(root)
        for embed in self.embeds.embeds:
            if embed.figure not in blocks:
                raise BadInput(
                    f"{embed.here}：嵌入块不在顶层，而是落在一个代码块、HTML 或注释里面。"
                    "把它移到外面，或补上前面没有结束的那一块。"
                )
            place = blocks.index(embed.figure)
            before = blocks[place - 1].tag if place else None
            after = next((block.tag for block in blocks[place:] if block not in figures), None)
            if before not in ("ol", "ul"):
                continue
            if after == before or embed.next_line.startswith(("  ", "\t")):
                raise BadInput(
                    f"{embed.here}：嵌入块把一个列表拆成了两半，"
                    f"后面还有 {embed.next_line.strip()[:40]!r}。把它移到整个列表之后。"
                )


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
        embeds = EmbedPreprocessor(md)
        md.preprocessors.register(embeds, "kb-embeds", 28)
        block = EmbedBlockProcessor(md, embeds)
        md.parser.blockprocessors.register(block, "kb-embeds", 200)
        places = PlaceTreeprocessor(md, embeds)
        md.treeprocessors.register(places, "kb-embed-places", 19)
        md.treeprocessors.register(FragmentTreeprocessor(md), "kb-embed-fragments", -1)


def makeExtension(**options) -> EmbedExtension:
    return EmbedExtension(**options)


def read_embed(lines: list[str], number: int, here: str) -> str:
    """What the embed that opens at line `number` names.

    Raises BadInput, which says `here`, if it is misshapen.
    """
    embed = lines[number : number + 4]
    middle = EMBED_MIDDLE.fullmatch(embed[1]) if len(embed) > 1 else None
    if embed[0] != EMBED_FIRST or middle is None or embed[2:] != [EMBED_LAST, ""]:
        raise BadInput(
            f"{here}：嵌入块应恰好是这四行，最后一行为空：\n"
            f'    {EMBED_FIRST}\n    --8<-- "文件.py:区域"\n    {EMBED_LAST}\n    \n'
            f"得到的是：\n" + "".join(f"    {line}\n" for line in embed)
        )
    return middle.group(1)


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
    if re.fullmatch(rf"{TESTS}/\w+\.py", target) and (page.root / target).exists():
        return target, None, read_text(page.root / target, target)
    path, files = f"snippets/{file}", list_files(page.root)
    if file not in files:
        raise BadInput(
            f"{here}：嵌入 {target!r} 要的文件 {path} 不存在。"
            f"现有：{'、'.join(files) or '（空）'}。"
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
