"""笔记的 Markdown：CommonMark 与 GitHub 的全部例子，标点旁边的强调，正文里的地址。

例子经过本站的全部设置，与规范的 HTML 比较。单个换行是 <br>、标题有锚点、代码有高亮：这些本站处处都有，比较时去掉；
此外与规范不同的例子，连同原因，都列在 OURS 里。
"""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup, Comment, NavigableString, Tag
from hypothesis import given
from hypothesis import strategies as st
from markdown import Markdown
from mkdocs.config import load_config

from kb.markdown.syntax import parser
from tests.kb.lab import ROOT

HERE = Path(__file__).parent
AUTOLINKS = "GitHub 的扩展：正文里的地址是链接"
SCRIPTS = "脚本、样式、表单不在读者的浏览器里起作用，显示它的源码"
SUBSCRIPT = 491  # 单个 ~ 是下标，与 Typora 相同，不是删除线
TAGS = "HTML 里没有、或者笔记用不着的标签是文字"
ATTRIBUTES = "名单以外的属性去掉"
UNENDED = "没有写完的标签，浏览器连后面的字一起丢掉，这里显示源码"
INVISIBLE = "浏览器不显示的声明、指令、CDATA 是文字；空的注释只有一种写法"
NESTED = "规范的 HTML 里标签套错了，这里套对"
OURS = (
    dict.fromkeys((602, 608, 611, 612), AUTOLINKS)
    | dict.fromkeys((170, 171, 172, 173, 176, 178), SCRIPTS)
    | dict.fromkeys((150, 163, 201, 491, 524, 536, 613, 614, 615, 617, 623), TAGS)
    | dict.fromkeys((169, 616), ATTRIBUTES)
    | dict.fromkeys((156, 157, 158), UNENDED)
    | dict.fromkeys((180, 181, 182, 626, 627, 628, 629), INVISIBLE)
    | {148: NESTED, 590: "两层方括号是 Obsidian 的链接"}
)


def read(name):
    return json.loads((HERE / name).read_text("utf-8"))


COMMONMARK, GFM, EMPHASIS = read("commonmark.json"), read("gfm.json"), read("cjk-emphasis.json")["rows"]


@pytest.fixture(scope="module")
def convert(tmp_path_factory):
    """The site's Markdown, set up as MkDocs does for a page of ours."""
    config = load_config(str(ROOT / "mkdocs.yml"))
    md = Markdown(extensions=config.markdown_extensions, extension_configs=config.mdx_configs)
    path = tmp_path_factory.mktemp("project") / "docs/x.md"
    path.parent.mkdir()
    path.write_text("")
    page = SimpleNamespace(meta={})
    file = SimpleNamespace(abs_src_path=str(path), src_uri="x.md", page=page)
    relpath = SimpleNamespace(run=lambda root: None, file=file, config=SimpleNamespace(repo_url=None))
    md.treeprocessors.register(relpath, "relpath", 0)
    return lambda text: md.reset().convert(text)


BLOCKS = set("blockquote div h1 h2 h3 h4 h5 h6 hr li ol p pre table tbody td th thead tr ul [document]".split())


def canonical(html: str) -> list:
    """What a reader of the HTML gets, without what this site adds everywhere."""
    page = BeautifulSoup(html.strip(), "html.parser")
    for added in page.select("a.headerlink, .picture-note, .contents"):
        added.decompose()
    for around in page.select(".picture"):
        around.unwrap()
    for formula in page.select(".formula"):
        formula.replace_with(f"${formula.math['alttext']}$")
    page.smooth()
    for pre in page.find_all("pre"):
        pre.string = pre.text.rstrip("\n")
    for block in page.select("div.code-block"):
        block.replace_with(block.pre)
    return parts(page)


def parts(node: Tag) -> list:
    """Text, comments, and elements as (name, attributes, parts)."""
    found: list = [""]
    for child in node.children:
        if isinstance(child, Tag) and child.name != "br":
            found += [(child.name, shown(child), parts(child)), ""]
        elif isinstance(child, Comment):
            found += [repr(child), ""]
        else:
            found[-1] += child if isinstance(child, NavigableString) else " "
    if node.name not in ("pre", "code"):
        for place in range(0, len(found), 2):
            text = re.sub(r"[ \n]+", " ", found[place])
            text = text.lstrip(" ") if at_edge(node, found[place - 1] if place else None) else text
            found[place] = text.rstrip(" ") if at_edge(node, found[place + 1 : place + 2]) else text
    return [part for part in found if part]


def at_edge(node: Tag, neighbour) -> bool:
    """Whether spaces vanish there: beside a block, or at either end of one."""
    if isinstance(neighbour, list):
        neighbour = neighbour[0] if neighbour else None
    if neighbour is None:
        return node.name in BLOCKS
    return isinstance(neighbour, tuple) and neighbour[0] in BLOCKS


def shown(tag: Tag) -> dict:
    hidden = {"id", "class", "loading", "referrerpolicy", "disabled", "aria-label"}
    attributes = {name: value for name, value in tag.attrs.items() if name not in hidden}
    if tag.name == "img":
        attributes.setdefault("alt", "图片")  # 没有说明的，说它是图片
    if tag.name in ("th", "td") and (align := attributes.pop("style", "").removeprefix("text-align:")):
        attributes["align"] = align
    if "checked" in attributes:
        attributes["checked"] = ""
    return attributes


@pytest.mark.parametrize("example", COMMONMARK, ids=lambda example: str(example["number"]))
def test_commonmark(convert, example):
    same = canonical(convert(example["markdown"])) == canonical(example["html"])
    assert same == (example["number"] not in OURS), example["markdown"]


def test_every_difference_is_wanted():
    assert len(COMMONMARK) == 652
    assert all(OURS.values())


@pytest.mark.parametrize("example", GFM, ids=lambda example: str(example["number"]))
def test_github(convert, example):
    same = canonical(convert(example["markdown"])) == canonical(example["html"])
    assert same == (example["number"] != SUBSCRIPT)


@pytest.mark.parametrize(
    "row", [row for row in EMPHASIS if not re.search(r"[$~]\*", row["markdown"])], ids=lambda row: row["markdown"]
)
def test_emphasis_beside_chinese(convert, row):
    """markdown-cjk-friendly 怎样，这里就怎样；marked 认的强调，这里一个也不少。"""
    found = canonical(convert(row["markdown"]))
    if found != canonical(row["cjk_friendly"]):
        assert found == canonical(row["marked"])


def links(text):
    """The addresses of the links in a paragraph, and what they say."""
    (inline,) = [token for token in parser().parse(text) if token.type == "inline"]
    return [
        (token.attrs["href"], following.content)
        for token, following in zip(inline.children, inline.children[1:])
        if token.type == "link_open"
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("论文：https://arxiv.org/abs/1706.03762，第三节", ["https://arxiv.org/abs/1706.03762"]),
        ("论文https://arxiv.org/abs/1706.03762这篇", ["https://arxiv.org/abs/1706.03762"]),
        ("（https://a.example/b）", ["https://a.example/b"]),
        ("见https://a.example/b_c/d_e。后", ["https://a.example/b_c/d_e"]),
        ("https://baike.example/item/注意力机制/123 后", ["https://baike.example/item/注意力机制/123"]),
        ("https://a.example/?q=注意力，后", ["https://a.example/?q=注意力"]),
        ("**https://a.example/**", ["https://a.example/"]),
        ("https://a.example/(b)c) 后", ["https://a.example/(b)c"]),
        ("http://localhost:8000/x 与 ftp://a.example/y", ["http://localhost:8000/x", "ftp://a.example/y"]),
        ("网址www.a.example，后", ["www.a.example"]),
        ("https://a.example/?a=1&amp;b=2", ["https://a.example/?a=1&b=2"]),
        ("邮箱：some_one_else@a.example.cn。", ["some_one_else@a.example.cn"]),
        ("a@b.example/x", ["a@b.example"]),
        ("`https://a.example/`", []),
        ("[https://a.example/](x)", ["https://a.example/"]),
        ("xhttps://a.example", []),
        ("a/www.b.example", []),
        ("https://_a._b", []),
        ("www.x", []),
        ("https://", []),
        ("a@b", []),
        ("a@b.c-", []),
    ],
)
def test_bare_addresses(text, found):
    assert [shown for _, shown in links(text)] == found


def test_addresses_lead_to_what_they_say():
    assert links("www.a.example")[0][0] == "http://www.a.example"
    assert links("a@b.example")[0][0] == "mailto:a@b.example"
    assert links("https://a.example/注")[0][0] == "https://a.example/%E6%B3%A8"


def test_underscores_of_an_address_are_no_emphasis(convert):
    page = BeautifulSoup(convert("some_one_else@a.example 与 _强调_ 和 _x_"), "html.parser")
    assert page.a.text == "some_one_else@a.example"
    assert [emphasis.text for emphasis in page.find_all("em")] == ["强调", "x"]
    assert str(parser().render("_a@b.example 与 c_")).count("<em") == 0


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("H~2~O", "<p>H<sub>2</sub>O</p>"),
        ("~~删~~ 与 x~i~", "<p><s>删</s> 与 x<sub>i</sub></p>"),
        ("3~5 天，6~7 天", "<p>3~5 天，6~7 天</p>"),
        ("x~b~~y", "<p>x~b~~y</p>"),
        ("约 3~5 天", "<p>约 3~5 天</p>"),
        ("\\~x~ 与 ~x\\~", "<p>~x~ 与 ~x~</p>"),
        ("~ x ~", "<p>~ x ~</p>"),
    ],
)
def test_subscripts(text, html):
    assert parser().render(text).strip() == html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("一\n- 二", "<p>一</p>\n<ul>\n<li>二</li>\n</ul>"),
        ("　　段首的空格", "<p>　　段首的空格</p>"),
        ("[图](C:\\a\\图.png)", '<p><a href="C:\\a\\图.png">图</a></p>'),
        ("[一](<#标题 二>)", '<p><a href="#标题 二">一</a></p>'),
        ("[一](javascript:x)", "<p>[一](javascript:x)</p>"),
        ("> 一\n\n> 二", "<blockquote>\n<p>一</p>\n</blockquote>\n<blockquote>\n<p>二</p>\n</blockquote>"),
        ("[点积]\\[拼接]", "<p>[点积][拼接]</p>"),
        ("3. 三\n4. 四", '<ol start="3">\n<li>三</li>\n<li>四</li>\n</ol>'),
    ],
)
def test_the_little_things(text, html):
    assert parser().render(text).strip() == html


def test_every_newline_is_a_break(convert):
    assert BeautifulSoup(convert("一\n二\n"), "html.parser").p.contents[1].name == "br"


@pytest.mark.parametrize("text", ["a**“b”**c", "a**—b**c", "a**·b**c"])
def test_punctuation_that_is_chinese_in_chinese_notes(convert, text):
    assert "<strong>" in convert(text)


def test_what_looks_like_an_entity_stays_as_it_is(convert):
    page = BeautifulSoup(convert('[x](https://a.example/?b&amp;copy;=1 "&amp;lt;") `&lt;` \\&lt;'), "html.parser")
    assert (page.a["href"], page.a["title"]) == ("https://a.example/?b&copy;=1", "&lt;")
    assert page.p.text == "x &lt; &lt;"


def test_marks_of_the_machinery_are_no_text(convert):
    assert convert("$x$ \x02wzxhzdk:0\x03\n").count("<math") == 1


JUNK = st.text(st.sampled_from("ab 中，。\n\t　$*_~`[]()<>!#-=+|\\&;:/@.w{}%1\"'\x00\x02\x03"), max_size=80)


@given(JUNK)
def test_anything_is_a_page(convert, text):
    convert(text)


@pytest.mark.parametrize(
    "piece",
    "[ / ![ / [[[ / ![![ / ![a]([ / [![a](b)]( / <x\n / <a / <img / <p style=\" / <td> / <b> / *a **a / $$ / $a / {% a / {% note %}\n / > / ~a / http://a / a@ / a_ / <img / <!-- / ` / https://a.b/) / &a".split(" / "),
)
def test_pathological_text_ends(piece):
    """时间随长度的平方增长的话，这里就不会结束。"""
    parser().parse(f"{piece} " * 8_000)


@pytest.mark.parametrize("piece", ["<x\n", '<p style="', "<a href='", "<iframe ", "<a", "<!--", "<img ", "[[[", "![!["])
def test_a_page_of_it_ends(project, piece):
    """MkDocs 自己的解析也不拖住它。"""
    assert project.render(piece * (30_000 // len(piece)), "x.md")


@pytest.mark.parametrize("piece", ["**a {} b**", "*a {} b*", "~~a {} b~~", "**_a {} b_**"])
def test_emphasis_however_deep(project, piece):
    before, after = piece.split("{}")
    page = project.render(before * 3000 + "底" + after * 3000, "x.md")
    assert "底" in page.text


@pytest.mark.parametrize("piece", ["> ", "- ", "1. ", "> - "])
def test_what_is_too_deep_is_text(project, piece):
    assert "底" in project.render(piece * 300 + "底\n", "x.md").text


@pytest.mark.parametrize("use", ["[a] ", "![a] ", "[字][a]"])
def test_a_reference_does_not_multiply(project, use):
    text = f"[a]: https://a.example/{'a' * 20_000}\n\n{use * 5_000}"
    assert len(str(project.render(text, "x.md"))) < 40 * len(text)
