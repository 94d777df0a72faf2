"""公式：像 Typora 那样认，变成 MathML；认不出来的，原样显示。"""

import logging

import pytest

from kb.formulas import mathml
from kb.syntax import parser


def formulas(text):
    """What the parser takes for formulas: `$x$` and `$$x$$`."""
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
