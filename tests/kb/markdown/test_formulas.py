"""公式：像 Typora 那样认，变成 MathML；认不出来的，原样显示。"""

import logging
import re
from html.entities import html5
from pathlib import Path
from xml.etree import ElementTree as etree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.markdown.equations import number
from kb.markdown.font import code_points
from kb.markdown.latex import HANDLERS, QUOTE, RENAMED, Writer, read, unescaped
from kb.markdown.mathml import ATTRIBUTES, ELEMENTS, ENTITY, STYLES, WORDS, Cleaned, NotClean, by_math_core, mathml
from kb.markdown.syntax import parser
from kb.site.pages import write_pages
from tests.kb.lab import render


def formulas(text):
    """What the parser takes for formulas: `$x$` and `$$x$$`, `\\(x\\(` and so on."""
    return [
        f"{token.markup}{token.content}{token.markup}"
        for block in parser().parse(text)
        for token in block.children or []
        if token.type == "formula"
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("设 $x_1$，有 $y_2 = W_q x$。", ["$x_1$", "$y_2 = W_q x$"]),
        ("$ x $", ["$x$"]),
        ("$a_1 * b_1 * c$ 与 *强调*", ["$a_1 * b_1 * c$"]),
        (r"$\{x'\} \& \\ a$", [r"$\{x'\} \& \\ a$"]),
        ("$a\nb$", ["$a\nb$"]),
        ("价格 $5 和 $10", []),
        ("$HOME 与 $PATH", []),
        ("$10，$HOME", []),
        ("$x 与 y $", []),
        ("价$5和$10", []),
        ("US$5-$10", []),
        ("$a `$x` b", []),
        ("从 $5 涨到了$，后", []),
        ("$5 到 $10”是价钱；`$x` 与 $y$", ["$y$"]),
        ("从 $5 涨到$ 后", []),
        (r"$x = \text{若干}$ 与 $损失_i$", [r"$x = \text{若干}$", "$损失_i$"]),
        ("是$，不是$后", []),
        ("是$不是，$后", []),
        ("文字\n$$\nx\n=\n$$", ["$$x\n=$$"]),
        (r"\$x\$", []),
        ("`$x$`", []),
        ("$", []),
        ("$$", []),
        ("前 $$x$$ 后", ["$$x$$"]),
        ("$$\nx\n$$", ["$$x$$"]),
        ("$$x\n= y$$", ["$$x\n= y$$"]),
        ("$$\na &= b \\\\\n&= c\n$$", ["$$a &= b \\\\\n&= c$$"]),
        ("$$\n- a\n\n# b\n\n> c\n$$", ["$$- a\n\n# b\n\n> c$$"]),
        ("文字\n$$\nx\n$$\n文字\n$$\ny\n$$\n文字", ["$$x$$", "$$y$$"]),
        ("> $$\n> x\n> $$", ["$$x$$"]),
        ("- a\n  $$\n  x\n  = y\n  $$\n- b", ["$$x\n= y$$"]),
        ("1. a\n\n   $$\n   x\n   $$", ["$$x$$"]),
        ("| a |\n|---|\n| $x_1$ |", ["$x_1$"]),
        ("# $x$", ["$x$"]),
        ("    $$x$$", []),
        ("```\n$$\nx\n$$\n```", []),
        ("$$\nx", []),
        ("- $$\n  x\n\n后\n\n$$", []),
    ],
)
def test_what_is_a_formula(text, found):
    assert formulas(text) == found


def test_words_around_a_formula_stay_one_paragraph(project):
    page = project.render("前\n$$\nx\n$$\n后\n", "x.md")
    (paragraph,) = page.find_all(recursive=False)
    assert [child.name for child in paragraph.find_all(recursive=False)] == ["br", "span", "br"]
    assert paragraph.span["class"] == ["formula", "is-display"]


@pytest.mark.parametrize(
    ("text", "paragraphs"), [("前\n\n$$x$$\n\n后", 3), ("前\n$$x$$\n$$y$$\n后", 1), ("前\n\n$$x$$\n后", 2)]
)
def test_empty_lines_part_paragraphs(project, text, paragraphs):
    assert len(project.render(f"{text}\n", "x.md").find_all("p")) == paragraphs


def test_becomes_mathml_with_its_source(project):
    page = project.render("$x_1 < 2$\n", "x.md")
    assert page.math["alttext"] == "x_1 < 2"
    assert page.math.msub.text == "x1"
    assert page.math["display"] == "inline"
    assert project.render("$$x$$\n", "x.md").math["display"] == "block"


@pytest.mark.parametrize(
    "latex",
    [
        r"\mathrm{softmax}\left(\frac{QK^T}{\sqrt{d_k}}\right)V",
        r"\begin{aligned}a&=b\\&=c\end{aligned}",
        r"\begin{bmatrix}1&2\\3&4\end{bmatrix}",
        r"f(x)=\begin{cases}1,&x>0\\0,&\text{否则}\end{cases}",
        r"\hat{y}=\sigma(\mathbf{W}x+b)\label{a}\nonumber",
        r"\sum_{i=1}^{N}\|x_i\|_2^2",
        r"\underset{x}{\operatorname{argmax}}",
        r"\begin{equation}x = \arg\min_w f\end{equation}",
        r"\begin{gather}a\\b\end{gather}",
        r"\begin{alignedat}{2}a&=b\end{alignedat}",
        r"a &= b \\ &= c",
        r"x \in \R \cr y",
    ],
)
def test_usual_formulas_are_read(latex):
    made = mathml(latex, True)
    assert made is not None
    assert ">\\" not in made
    assert ">&<" not in made


def test_lines_are_rows():
    for latex in (r"\begin{aligned}a&=b\\c&=d\end{aligned}", r"a&=b\\c&=d"):
        made = mathml(latex, True)
        assert (made.count("<mtr>"), made.count("<mtd")) == (2, 4)


@pytest.mark.parametrize("latex", [r"\frac{1}{", r"\foo x", r"\begin{foo}a & b\end{foo}", "x_{", r"\left( x", "x^2^3", "}{", "a}b{", "a}", "{a", "\\"])
def test_what_cannot_be_read_is_shown_as_it_stands(project, latex, caplog):
    with caplog.at_level(logging.INFO, "mkdocs.kb"):
        page = project.render(f"前 ${latex}$ 后\n", "x.md")
    if latex == "\\":  # 反斜线使后面的 $ 不是结尾
        assert page.p.text == "前 $$ 后"
        return
    code = page.select_one("code.formula.is-unread")
    assert code.text == f"${latex}$"
    assert "没能解析" in code["title"]
    assert f"docs/x.md：公式没能解析，按原文显示：${latex}$" in caplog.text


def test_reading_a_formula_never_ends_a_build():
    for latex in ("", " ", "&", "{", "\\begin{a}", "\\end{a}", "^", "_", "\\\\", "\x00", "中文", "{" * 5000):
        mathml(latex, True)


def is_readable(latex):
    return not latex.startswith("!")


CORPUS = [
    line
    for line in (Path(__file__).parent / "formulas.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("# ")
]


class TestCorpus:
    """`formulas.txt`：博客里见得到的公式，一行一个；`!` 开头的是写错了、读不了的。"""

    @pytest.mark.parametrize("latex", [latex for latex in CORPUS if is_readable(latex)])
    def test_is_read(self, latex):
        for made in (mathml(latex, True), mathml(latex, False)):
            assert made is not None
            root = etree.fromstring(made)
            assert root.get("alttext") == latex
            seen = "".join(root.itertext())
            assert "\\" not in seen
            assert {char for char in seen if not OUTSIDE_FONT.match(char)} <= FONT

    @pytest.mark.parametrize("latex", [latex[1:] for latex in CORPUS if not is_readable(latex)])
    def test_is_no_formula(self, latex):
        assert mathml(latex, True) is None

    def test_is_large(self):
        assert len(set(CORPUS)) == len(CORPUS) > 340

    @pytest.mark.parametrize("latex", [latex for latex in CORPUS if is_readable(latex)])
    def test_cleaning_changes_nothing(self, latex):
        """math-core 写的元素、属性和字，清洗以后一样不少：除了编号、颜色、方框和横线，它们由本站写。"""
        (numbered,) = number([(latex, True)])
        if numbered and numbered.tags:
            return
        made = by_math_core(Writer(read(unescaped(latex)), True).latex, True)
        if not made:
            return
        raw = etree.fromstring(ENTITY.sub(lambda found: html5[found[1]], made))
        clean = etree.fromstring(mathml(latex, True))
        for one, other in zip(raw.iter(), clean.iter(), strict=True):
            if one.tag == "menclose":
                assert other.tag == "mrow" and other.get("class")
                continue
            if one is raw or one.tag == "span" or "menclose" in one.get("class", "") or "color" in one.get("style", ""):
                continue
            assert (one.tag, attributes(one)) == (other.tag, attributes(other))
            assert (one.text or "").replace(QUOTE, '"') == (other.text or "") or one.text == "\u0332"


FONT = set(map(chr, code_points()))
OUTSIDE_FONT = re.compile("[\u3000-\u9fff\uff00-\uffef]")
"""中文，哪种数学字体都没有。"""


def attributes(element):
    """Attributes, with the declarations of `style` in a form of their own."""
    style = [tuple(map(str.strip, one.split(":"))) for one in element.get("style", "").split(";") if one.strip()]
    return {**element.attrib, "style": style} if style else dict(element.attrib)


HOSTILE = [
    r"\text{<script>alert(1)</script>}",
    r"\text{<img src=x onerror=alert(1)>}",
    r"\text{</mtext></math><img src=x onerror=alert(1)>}",
    r"\text{&lt;script&gt;alert(1)&lt;/script&gt;}",
    r"\text{&amp;lt;script&amp;gt;}",
    r"\texttt{<BOS>}",
    r"\mathrm{<svg onload=alert(1)>}",
    r"<script>alert(1)</script>",
    r"\operatorname{<b>}",
    r"\tag{<img src=x onerror=alert(1)>}x",
    r"\label{\"><script>}x\eqref{\"><script>}",
    r"\href{javascript:alert(1)}{x}",
    r"\href{https://a.example}{\text{<b onclick=alert(1)>}}",
    r"\url{javascript:alert(1)}",
    r"\class{state is-verified}{x}",
    r"\cssId{alec-1}{x}",
    r"\style{position:fixed;background:url(//a.example)}{x}",
    r"\htmlId{a}{x}\htmlClass{b}{y}\htmlStyle{color:red}{z}\htmlData{c=d}{w}",
    r"\color{red;background:url(//a.example)}{x}",
    r"\color{url(//a.example)}x",
    r"\textcolor{expression(alert(1))}{x}",
    r"\colorbox{red\"onclick=alert(1)}{x}",
    r"\unicode{x3c}script\unicode{x3e}",
    r"\begin{array}{c}<td onclick=alert(1)>\end{array}",
    r"\hspace{1em;background:url(//a.example)}x",
    r"\rule{1em}{url(//a.example)}",
    r"\def\a{<script>}\a\text{\a}",
    r"\ce{<script>}",
    r"\textcircled{<script>}",
]


@pytest.mark.parametrize("latex", HOSTILE)
def test_nothing_of_a_formula_runs(project, latex):
    """只有 MathML Core 的元素和属性，值也在名单上；作者写的都是文字。"""
    for text in (f"前 ${latex}$ 后\n", f"$$\n{latex}\n$$\n"):
        page = project.render(text, "x.md")
        assert not page.select("script, img, svg, [onclick], [onload], [onerror]")
        for tag in page.select(".formula *"):
            assert tag.name in ELEMENTS | WORDS | {"a"}
            for name, value in tag.attrs.items():
                if name == "style":
                    assert {one.split(":")[0].strip() for one in value.split(";")} <= STYLES.keys() | {"font-family"}
                elif name == "href":
                    assert value.startswith("#formula:")
                elif name == "class":
                    assert set(value) <= {"is-boxed", "is-struck", "is-upwards", "is-downwards", "is-crossed", "is-through"}
                else:
                    assert name in ATTRIBUTES or name in ("alttext", "display", "id")
        assert "url(" not in "".join(tag.get("style", "") for tag in page.select("[style]"))


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"\text{<script>a</script>}", "<script>a</script>"),
        (r"\texttt{<BOS>}", "<BOS>"),
        (r'\text{<img src="x">}', '<img src="x">'),
        (r"\text{&lt;b&gt;}", "<b>"),
        (r"p_\text{a<b}", "pa<b"),
        (r"a<b>c", "a<b>c"),
    ],
)
def test_what_looks_like_html_is_seen(latex, shown):
    for display in (True, False):
        assert "".join(etree.fromstring(mathml(latex, display)).itertext()).replace("\xa0", " ") == shown


def test_the_second_converter_is_cleaned_too():
    for made in (
        "<math><mi onclick='x'>a</mi></math>",
        "<math><mi style='position:fixed;color:red'>a</mi></math>",
        "<math><mi id='alec-1' class='state' href='javascript:x'>a</mi></math>",
    ):
        clean = Cleaned(None, "", []).formula(made, "a", False)
        assert clean.removesuffix("</mi></math>").endswith((">a"))
        assert "onclick" not in clean and "position" not in clean and "alec" not in clean and "href" not in clean
    for made in (
        "<math><script>a</script></math>",
        "<math><maction><mi>a</mi></maction></math>",
        "<math><semantics><annotation-xml><b>a</b></annotation-xml></semantics></math>",
        "<math><mtext><img src='x'/></mtext></math>",
        "<math><mi><b>a</b></mi></math>",
        "<math><mtext><a href='#formula:1'>a</a></mtext></math>",
        "<math><mi>a</math>",
        "",
    ):
        with pytest.raises(NotClean):
            Cleaned(None, "", []).formula(made, "a", False)


@pytest.mark.parametrize(
    "latex",
    [
        r"\lim_{x\to0}f",
        r"\max_i a",
        r"\min_i a",
        r"\sup_i a",
        r"\sum_{i}a",
        r"\prod_{i}a",
        r"\bigcup_i a",
        r"\bigoplus_i a",
        r"\arg\max_i a",
        r"\operatorname*{argmin}_i a",
        r"\operatorname*{\arg\min}_i a",
        r"\mathop{\arg\min}_i a",
        r"\mathop{\rm argmin}\limits_i a",
        r"\mathrm{max}\limits_i a",
        r"\int\limits_i a",
        r"\underset{i}{\max}a",
        r"\varlimsup_i a",
    ],
)
def test_limits_stand_below(latex):
    below = etree.fromstring(mathml(latex, True)).find(".//munder")
    assert below is not None
    assert "".join(below[-1].itertext())[0] in "ix"


@pytest.mark.parametrize("latex", [r"\int_i a", r"x_i", r"\log_i a", r"\sum\nolimits_i a", r"\mathop{\rm argmin}\nolimits_i"])
def test_other_scripts_stand_beside(latex):
    root = etree.fromstring(mathml(latex, True))
    assert root.find(".//munder") is None and root.find(".//msub") is not None


@pytest.mark.parametrize("latex", [r"n\log m", r"x\sin y", r"2\max a", r"d\ln p"])
def test_functions_are_set_apart(latex):
    root = etree.fromstring(mathml(latex, False))
    assert any(space.get("width") for space in root.iter("mspace"))
    assert "\u2061" in "".join(root.itertext())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("设 $ x_1 + y_1$ 与 $a_2 $ 则", ["$x_1 + y_1$", "$a_2$"]),
        ("$ x$，$y $。", ["$x$", "$y$"]),
        ("$5 到 $10", []),
        ("花了 $5 和 $6", []),
        ("US$5 与 HK$ 6，共 11$", []),
        ("“$5 到 $10”“US$ 5”", []),
        ("要 5$ 或者 6$", []),
        ("cost 5$ and 6$ only", []),
        ("costs $5 or $", []),
        ("$x $y", []),
        ("5$ x$", []),
        ("$x，y$ 与 $(1，2)$", ["$x，y$", "$(1，2)$"]),
        ("$10，$HOME", []),
        (r"$\text{若 $a_i$ 为零}$ 与 $b$", [r"$\text{若 $a_i$ 为零}$", "$b$"]),
        (r"$e=\begin{cases}1, & \text{若 $a*b*c$}\\ 0\end{cases}$ *强*", [r"$e=\begin{cases}1, & \text{若 $a*b*c$}\\ 0\end{cases}$"]),
        (r"$$\mbox{若 $x$}$$", [r"$$\mbox{若 $x$}$$"]),
        (r"$\text{a$ 与 $b$", [r"$\text{a$", "$b$"]),
        (r"$x_{1$ 与 $y}$", ["$x_{1$", "$y}$"]),
        (r"行内 \(x_1\)，\(a*b*c\) 与 \( n \)", [r"\(x_1\(", r"\(a*b*c\(", r"\(n\("]),
        (r"\\(x_1\\) 与 \\[y=1\\]", [r"\\(x_1\\(", r"\\[y=1\\["]),
        (r"\(见下文\)，\(optional\)，\(\)", []),
        (r"\(`x`\)", []),
        ("\\[\ny_2 = 1\n\\]", ["\\[y_2 = 1\\["]),
        ("前\n\\[\nx\n\\]\n后", ["\\[x\\["]),
        (r"式 \[a=b\] 与 \[x^2\]", [r"\[a=b\[", r"\[x^2\["]),
        (r"\[1\] 文献，a\[i+1\]，\[x\](y)，\[^1\]: z，\[TOC\]，\[文字\]", []),
        ("\\[1\\]\n\n\\[x\\]", []),
        ("\\[\n文字\n\\]", []),
        ("\\begin{equation}\nz\n\\end{equation}", ["\\begin{equation}\nz\n\\end{equation}"]),
        ("前\n\\begin{align*}\na &= b \\\\\n- c\n\n&= d\n\\end{align*}\n后", ["\\begin{align*}\na &= b \\\\\n- c\n\n&= d\n\\end{align*}"]),
        (r"前 \begin{gather}a*b*c\end{gather} 后", [r"\begin{gather}a*b*c\end{gather}"]),
        (r"\begin{pmatrix}\begin{pmatrix}a\end{pmatrix}\end{pmatrix}", [r"\begin{pmatrix}\begin{pmatrix}a\end{pmatrix}\end{pmatrix}"]),
        ("- \\[\n  x=1\n  \\]\n- \\begin{align}\n  a\n  \\end{align}", ["\\[x=1\\[", "\\begin{align}\na\n\\end{align}"]),
        ("> \\[\n> x=1\n> \\]", ["\\[x=1\\["]),
        ("| a | b |\n|---|---|\n| \\(x_1\\) | \\begin{cases}a\\end{cases} |", ["\\(x_1\\(", "\\begin{cases}a\\end{cases}"]),
        (r"\begin{itemize}\item a\end{itemize}", []),
        ("\\begin{equation}\nz", []),
        ("`\\(x\\)`，`\\begin{equation}z\\end{equation}`", []),
        ("```\n\\[\nx=1\n\\]\n```", []),
        ("[$x$](y) 与 [\\(z_1\\)](y)", ["$x$", "\\(z_1\\("]),
    ],
)
def test_how_a_formula_is_written(text, found):
    assert formulas(text) == found


def shown(page):
    """Numbers of a page's rows and what its references say, in the order they are read."""
    return ["".join(tag.stripped_strings) for tag in page.select("mtd:last-child > mtext, mtext > a")]


class TestNumbers:
    def test_an_equation_and_what_refers_to_it(self, project):
        page = project.render(
            "由 $\\eqref{eq:一}$、\\ref{eq:一} 得\n\n$$\\begin{equation} a=b \\label{eq:一} \\end{equation}$$\n\n$$c=d \\tag{3.1}\\label{x}$$\n\n见 \\eqref{x}\n",
            "x.md",
        )
        assert shown(page) == ["(1)", "1", "(1)", "(3.1)", "(3.1)"]
        links = page.select("mtext > a")
        rows = [page.find(id=link["href"][1:]) for link in links]
        assert [row.text for row in rows] == ["(1)", "(1)", "(3.1)"]
        assert len({tag["id"] for tag in page.select("[id]")}) == len(page.select("[id]"))

    @pytest.mark.parametrize(
        ("latex", "numbers"),
        [
            (r"\begin{align}a&=b\\c&=d\end{align}", ["(1)", "(2)"]),
            (r"\begin{align}a&=b\tag{1}\\c&=d\tag{2}\end{align}", ["(1)", "(2)"]),
            (r"\begin{align}a&=b\nonumber\\c&=d\\e&=f\notag\\\end{align}", ["(1)"]),
            (r"\begin{align*}a&=b\tag{甲}\\c&=d\end{align*}", ["(甲)"]),
            (r"\begin{align*}a&=b\\c&=d\end{align*}", []),
            (r"\begin{gather}a\\b\end{gather}", ["(1)", "(2)"]),
            (r"\begin{eqnarray}a&=&b\\c&=&d\end{eqnarray}", ["(1)", "(2)"]),
            (r"\begin{alignat}{2}a&=b&c&=d\end{alignat}", ["(1)"]),
            (r"\begin{multline}a\\b\end{multline}", ["(1)"]),
            (r"\begin{equation}\begin{split}a&=b\\&=c\end{split}\end{equation}", ["(1)"]),
            (r"\begin{equation}\begin{aligned}a&=b\tag{1}\\c&=d\tag{2}\end{aligned}\end{equation}", ["(1)", "(2)"]),
            (r"\begin{equation*}a\end{equation*}", []),
            (r"\begin{equation*}a\tag{1}\end{equation*}", ["(1)"]),
            (r"\begin{aligned}a&=b\tag{1}\\c&=d\tag{2}\end{aligned}", ["(1)", "(2)"]),
            (r"\begin{aligned}a&=b\\c&=d\end{aligned}\tag{2-1}", ["(2-1)"]),
            (r"\begin{cases}a\\b\end{cases}\tag{1}", ["(1)"]),
            (r"\begin{cases}a\tag{1}\\b\tag{2}\end{cases}", ["(1)，(2)"]),
            (r"a=b\\c=d\tag{1}", ["(1)"]),
            (r"a=b\tag*{（一）}", ["（一）"]),
            (r"a=b\tag 1", ["(1)"]),
            (r"a=b\tag{<b>}", ["(<b>)"]),
            (r"a=b\label{x}", []),
        ],
    )
    def test_which_rows_have_one(self, project, latex, numbers):
        page = project.render(f"$$\n{latex}\n$$\n", "x.md")
        assert shown(page) == numbers
        for cell in page.select("mtd:last-child:has(> mtext)"):
            assert "text-align: right" in cell["style"] and "width: 100%" in cell.find_parent("mtable")["style"]

    def test_are_counted_through_a_note(self, project):
        text = "$$\\begin{equation}a\\end{equation}$$\n\n> \\begin{align}b\\\\c\\end{align}\n\n$$d\\label{d}$$\n\n\\eqref{d}\n"
        assert shown(project.render(text, "x.md")) == ["(1)", "(2)", "(3)", "(4)", "(4)"]

    def test_belong_to_one_page(self, project):
        text = "$$\\begin{equation}a\\label{a}\\end{equation}$$\n\n\\eqref{a}\n"
        assert shown(project.render(text, "x.md")) == shown(project.render(text, "y.md")) == ["(1)", "(1)"]
        page = project.render("见 $\\eqref{a}$ 与 \\eqref{a}\n", "z.md")
        assert page.select_one("code.formula.is-unread").text == "$\\eqref{a}$"
        assert page.p.text.endswith("与 \\eqref{a}")

    def test_a_number_in_a_line_stands_after_it(self):
        assert "".join(etree.fromstring(mathml(r"a\tag{1}", False)).itertext()) == "a(1)"

    def test_an_annotation_elsewhere_leads_to_the_note(self, project):
        project.write("docs/posts/1.md", "$$a\\tag{7}\\label{a}$$\n\n> alec：由 $\\eqref{a}$ 得 $$b\\tag{8}\\label{b}$$ 与 \\ref{b}\n")
        project.write("docs/posts/2.md", "> alec：$$c\\tag{9}\\label{c}$$ \\eqref{c}\n")
        write_pages(project.root)
        page = render(project.root, "annotations/index.md")
        assert shown(page) == ["(9)", "(9)", "(7)", "(8)", "8"] or shown(page) == ["(7)", "(8)", "8", "(9)", "(9)"]
        assert not page.select("mtd[id]")
        for link in page.select("mtext > a"):
            address, _, fragment = link["href"].partition("#")
            note = render(project.root, f"{address.removeprefix('../').removesuffix('/')}.md")
            assert link.text.strip("()") in note.find(id=fragment).text


@pytest.mark.parametrize(
    ("latex", "same"),
    [
        (r"S=\\{a, b\\}", r"S=\{a, b\}"),
        (r"E\_{in}", "E_{in}"),
        (r"x\_1+\theta\_t", r"x_1+\theta_t"),
        (r"a \* b", "a * b"),
        (r"f\'(x)", "f'(x)"),
        (r"\\frac{a}{b}", r"\frac{a}{b}"),
        (r"\begin{aligned}a &= 1 \\\\ b &= 2\end{aligned}", r"\begin{aligned}a &= 1 \\ b &= 2\end{aligned}"),
        (r"\begin{aligned}a &= 1 \\[5pt] b &= 2\end{aligned}", r"\begin{aligned}a &= 1 \\ b &= 2\end{aligned}"),
        (r"\begin{matrix}a\\*b\end{matrix}", r"\begin{matrix}a\\b\end{matrix}"),
        (r"\begin {aligned}[t] a &= b \end {aligned}", r"\begin{aligned}a &= b\end{aligned}"),
        ("a &lt; b &amp;= c", "a < b &= c"),
        (r"\color{red}{x}+y", r"{\color{red}x}+y"),
        (r"50% + x", r"50\% + x"),
        (r"\gamma*x", r"\gamma *x"),
        (r"\left[x\right]_{\small y}", r"\left[x\right]_{y}"),
        (r"\left{x\right}", r"\left\{x\right\}"),
        (r"x\nonumber", "x"),
        (r"\mathrm{d\_model}", r"\mathrm{d\_model}"),
    ],
)
def test_means_the_same(latex, same):
    """转义过的、多写的，与写对了的一样。"""
    one, other = (mathml(each, True).partition("display")[2] for each in (latex, same))
    assert one == other


@pytest.mark.parametrize(
    "piece",
    r"$ / $$ / \[ / \( / $\text{$ / \text{$ / \begin{equation} / \end{equation} / \ref{ / \eqref{a} / $a$ / \\( / $\tag{1}$".split(" / "),
)
@pytest.mark.parametrize("between", ["", "\n", "\n\n"])
def test_pathological_text_ends(piece, between):
    """时间随长度的平方增长的话，这里就不会结束。"""
    parser().parse(f"{piece}{between}" * (30_000 // len(piece + between)))


@pytest.mark.parametrize(
    "piece", ["{", r"\frac", r"\sqrt", r"\hat", "x^{", r"\left(", r"\begin{matrix}", r"\text{$", r"\frac{a}", r"\color{red}", r"\\", "&"]
)
def test_a_formula_that_never_ends_ends_nothing(piece):
    """math-core 递归得太深，会连进程一起结束。"""
    closing = {"{": "}", r"\left(": r"\right)", r"\begin{matrix}": r"\end{matrix}"}
    close = next((end for start, end in closing.items() if piece.endswith(start)), "")
    for count in (150, 1_000, 3_000, 30_000 // len(piece)):
        mathml(piece * count, True)
        mathml(piece * count + "x" + close * count, True)


SOUP = st.lists(
    st.sampled_from(
        [*HANDLERS, *RENAMED, *"{}{}&^_$ab1[] \n中*#%'<>", "&lt;", r"\\", r"\left(", r"\right)", r"\right", r"\frac", r"\sum", r"\limits"]
        + [rf"\{edge}{{{name}}}" for edge in ("begin", "end") for name in ("align", "array", "eqnarray", "equation", "multline", "matrix")]
    ),
    max_size=12,
).map("".join)


@given(SOUP, st.booleans())
def test_anything_is_well_formed_or_unread(latex, display):
    made = mathml(latex, display)
    assert made is None or etree.fromstring(made).get("alttext") == latex.replace("\n", " ").replace("\t", " ")


@given(SOUP)
def test_any_note_of_formulas_is_parsed(text):
    for token in parser().parse(f"${text}$\n\n$$\n{text}\n$$\n\n{text}"):
        for child in token.children or []:
            if child.type == "formula":
                mathml(child.content, child.info == "display", child.meta.get("numbered"))
