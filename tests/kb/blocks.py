"""一篇笔记的 HTML 化成一串块，两种解析器的结果可以逐块比较。

    <blockquote><p>alec：</p><ul><li>一<br>二</li></ul></blockquote>

    +blockquote>+p: alec：
    blockquote>+ul>+li: 一<br>
        二

冒号前是块所在的标签，`+` 的意思是这个标签从这一块开始，所以相邻的两个列表与一个列表看得出不同。
冒号后是读者看到的内容：空白合并，`<br>` 留着；只留看得出区别的标签和属性，地址解码，注释、标题的锚点不算。
代码块一字不差，每行一个 `|`。公式是 `<formula>`，`$$` 的公式总是单独一块，在段落里还是段落之间不算区别。
"""

import re
from collections.abc import Iterable, Iterator
from html import escape
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Comment, PageElement, Tag

BLOCKS = set(
    "address article aside blockquote center dd details div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 header "
    "hr li main nav ol p pre section summary table ul".split()
)
SHOWN = "href src alt style color face size width height align type checked open start".split()
OURS = ".note-head, .note-foot, .contents, .proven, .picture-note, .author-code-label, .headerlink, figure.embed"
"""本站在笔记之外加上的，还有 Hexo 给标题加的锚点。"""
FORMULA = ".formula, .arithmatex, .math"
SPACE = re.compile(r"[ \t\r\n\f]+")
"""HTML 合并的空白：全角空格和 &nbsp; 不在内。"""


def blocks(html: str | Tag) -> list[str]:
    """The blocks of a page, or of a piece of one, in the order a reader meets them."""
    root = BeautifulSoup(str(html), "html.parser")
    for added in root.select(OURS):
        added.decompose()
    for comment in root.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    for anchor in root.find_all("a", href=False):
        anchor.unwrap()
    for part in root.find_all(["table", "thead", "tbody", "tr"]):
        for space in part.find_all(string=str.isspace, recursive=False):
            space.extract()
    for gone in root.select("[data-address]"):  # kb.markdown.links, kb.pictures.shown
        gone.name = "img" if "picture" in gone["class"] else "a"
        gone["src" if gone.name == "img" else "href"] = gone["data-address"]
        for name in ("alt", "style", "width", "height"):
            if f"data-{name}" in gone.attrs:
                gone[name] = gone[f"data-{name}"]
    for image in root.select("img[alt$=图片]"):  # kb.markdown.pictures，作者没有写说明的
        del image["alt"]
    for frame in root.select("iframe[srcdoc]"):  # kb.markdown.rawhtml
        frame["src"] = BeautifulSoup(frame["srcdoc"], "html.parser").a["href"]
    for numbered in root.select("table.highlighttable"):  # linenums="1"
        numbered.replace_with(numbered.select_one(".code pre"))
    for mark in root.select("span.mark"):  # kb.markdown.marks
        mark.replace_with("[√]")
    for formula in root.select(FORMULA):
        formula.replace_with(formula_of(root, formula))
    found = []
    seen: set[int] = set()
    for path, shown in walk(root, ()):
        steps = [("" if id(tag) in seen else "+") + step(tag) for tag in path]
        seen.update(map(id, path))
        if shown.startswith("<formula display>"):  # 段落到公式为止，后面是新的一段
            seen.difference_update(id(tag) for tag in path if tag.name == "p")
            steps = [name for name, tag in zip(steps, path) if tag.name != "p"]
        if not (path and path[-1].name == "table"):
            shown = shown.replace("<br>", "<br>\n    ")
        found.append(">".join(steps) + (": " if shown[:1].strip() else ":") + shown)
    return found


def formula_of(root: BeautifulSoup, tag: Tag) -> Tag:
    """`<formula>` with the source alone, whichever delimiters the page has."""
    written = tag.math["alttext"] if tag.math else tag.text.strip()
    source = re.sub(r"^(\$\$?|\\[\[(])|(\$\$?|\\[\])])$", "", written)
    display = tag.name == "div" or bool("is-display" in tag["class"]) or tag.text.strip().startswith("$$")
    return root.new_tag("formula", attrs={"display": ""} if display else {}, string=source.strip())


def walk(parent: Tag, path: tuple[Tag, ...]) -> Iterator[tuple[tuple[Tag, ...], str]]:
    """Each block below a tag, with the tags around it; words between blocks are a block too."""
    before = found = False
    words: list[PageElement] = []

    def said() -> Iterator[tuple[tuple[Tag, ...], str]]:
        shown = inline(words).removesuffix("<br>")
        words.clear()
        if shown := shown.removeprefix("<br>") if before else shown:
            yield path, shown

    for child in parent.children:
        if not is_block(child):
            words.append(child)
            continue
        for block in (*said(), *inside(child, path)):
            found = True
            yield block
        before = child.name == "formula"
    for block in said():
        found = True
        yield block
    if not found and path and parent is path[-1] and parent.name != "p":
        yield path, ""


def is_block(node: PageElement) -> bool:
    return isinstance(node, Tag) and (node.name in BLOCKS or "display" in node.attrs or node.find(BLOCKS) is not None)


def inside(tag: Tag, path: tuple[Tag, ...]) -> Iterator[tuple[tuple[Tag, ...], str]]:
    here = (*path, tag)
    if tag.name == "formula":
        yield path, inline([tag])
    elif tag.name == "pre":
        code = (tag.find("code") or tag).text.removesuffix("\n")
        yield here, "".join(f"\n    |{line}" for line in code.split("\n"))
    elif tag.name == "table":
        for row in tag.find_all("tr"):
            yield here, "".join(cell(one) for one in row.find_all(["th", "td"]))
    elif tag.name == "div" and step(tag) == "div":  # 高亮和本站的外壳
        yield from walk(tag, path)
    else:
        yield from walk(tag, here)


def cell(tag: Tag) -> str:
    align = tag.get("align") or "".join(re.findall(r"text-align: *(\w+)", tag.get("style", "")))
    return f"<{tag.name}{align and f' align={align}'}>{inline(tag.children)}</{tag.name}>"


def inline(nodes: Iterable[PageElement]) -> str:
    text = SPACE.sub(" ", "".join(map(written, nodes)))
    return re.sub(" ?<br> ?", "<br>", text).strip(" ")


def written(node: PageElement) -> str:
    if not isinstance(node, Tag):
        return escape(node, quote=False).replace("\xa0", "&nbsp;")
    if node.is_empty_element or node.name in ("iframe", "img"):  # 框里的文字没有人看到
        return f"<{step(node)}>"
    text = "".join(map(written, node.children))
    opening = step(node)
    return text if opening == "span" else f"<{opening}>{text}</{opening.split()[0]}>"


def step(tag: Tag) -> str:
    """The tag with what can be seen of its attributes: `a href=https://x.example/`."""
    name = {"s": "del", "strike": "del"}.get(tag.name, tag.name)
    values = [f"{key}={value(key, tag[key])}".removesuffix("=") for key in SHOWN if key in tag.attrs]
    values = [one for one in values if one not in ("alt", "start=1")]
    return " ".join([name, *(["display"] if "display" in tag.attrs else []), *values])


def value(key: str, text: str) -> str:
    match key:
        case "href" | "src":
            parts = urlsplit(text.replace("#author-", "#"))  # 作者自己的锚点，kb.markdown.rawhtml
            return unquote((parts._replace(path="/") if parts.netloc and not parts.path else parts).geturl())
        case "style":
            return ";".join(":".join(map(str.strip, rule.split(":", 1))) for rule in text.split(";") if rule.strip())
        case "checked" | "open":
            return ""
        case _:
            return SPACE.sub(" ", text).strip()
