"""作者写的代码块：高亮，语言名随便怎么写；标题、行号、标亮的行照 material 的写法。

高亮记得住：依据的有一样不同，就不是记住的那一个。
"""

import re
from itertools import islice

import pytest
from markdown import Markdown
from pymdownx.highlight import Highlight

from kb.markdown.code import Settings, highlight, highlight_once, line_numbers

CODE = "import torch\nx = 1\ny = 2\n"


@pytest.fixture
def block(project):
    return lambda info: project.render(f"```{info}\n{CODE}```\n").select_one(".author-code")


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("python", "python"),
        ("Python3", "python3"),
        ("PYTHON", "python"),
        ("c++", "c++"),
        ("{python}", "python"),
        ("{.python}", "python"),
        ("python {1,3}", "python"),
        (" js  标题 https://a.example/", "js"),
        ("shell script", "shell"),
        ("没有这种语言", "text"),
        ("", "text"),
        ("python,linenos", "python"),
    ],
)
def test_languages(block, info, language):
    found = block(info)
    assert f"language-{language}" in found.select_one(".highlight")["class"]
    assert found.code.text == CODE


@pytest.mark.parametrize(
    "option", ['hl_lines="1-30000000000"', 'hl_lines="2 99999"', f'linenums="{"1" * 5000}"', f'hl_lines="{"1" * 5000}"']
)
def test_numbers_that_no_line_has(block, option):
    assert CODE.strip() in block(f"python {option}").text


def test_lines_are_marked_as_far_as_there_are_any():
    assert list(islice(line_numbers("2 1-300000000", 3), 9)) == [2, 1, 2, 3]


def test_has_no_anchors_that_nobody_links_to(block):
    assert block("python").select("[id]") == []


def test_title(block):
    assert block('python title="a b.py"').select_one(".filename").text == "a b.py"
    assert block("python").select_one(".filename") is None


def test_line_numbers(block):
    found = block('python linenums="7"')
    assert [number.text.strip() for number in found.select(".linenos .normal")] == ["7", "8", "9"]
    assert found.select_one("td.code code").text == CODE


def test_marked_lines(block):
    assert [line.text for line in block('python hl_lines="1 2-3"').select(".hll")] == CODE.splitlines(keepends=True)
    assert [line.text for line in block("python hl_lines='2'").select(".hll")] == ["x = 1\n"]


@pytest.mark.parametrize("text", ["~~~\na\n\n\tb  \n~~~\n", "````\na\n\n\tb  \n````\n", "    a\n\n    \tb  \n", "- x\n\n  ```\n  a\n\n  \tb  \n  ```\n"])
def test_every_byte_of_the_code_is_shown(project, text):
    assert project.render(text).select_one(".author-code code").text == "a\n\n\tb  \n"


BLOCK = {"code": "x = 1\ny = 2\n", "language": "python", "title": "题目", "first_line": 3, "id_value": "名字"}


def page(**settings):
    return Markdown(
        extensions=["pymdownx.highlight"],
        extension_configs={"pymdownx.highlight": {"line_spans": "__span", "anchor_linenums": True} | settings},
    )


@pytest.mark.parametrize(
    "change",
    [
        {"code": "x = 1\ny = 3\n"},
        {"language": "text"},
        {"title": "别的题目"},
        {"first_line": 4},
        {"id_value": "别的名字"},
        {"marked_lines": [1]},
        {"anchors": False},
    ],
    ids=str,
)
def test_what_differs_is_shown(change):
    shown = highlight(page(), **BLOCK)
    assert highlight(page(), **BLOCK | change) != shown
    assert highlight(page(), **BLOCK) == shown


@pytest.mark.parametrize("settings", [{"pygments_lang_class": True}, {"line_spans": ""}, {"css_class": "别的"}], ids=str)
def test_so_are_other_settings(settings):
    assert highlight(page(**settings), **BLOCK) != highlight(page(), **BLOCK)


def test_blocks_of_a_page_are_numbered():
    """没有名字的，行的锚点用这是页上的第几块。"""
    unnamed = BLOCK | {"id_value": ""}
    md = page()
    first, second = highlight(md, **unnamed), highlight(md, **unnamed)
    assert first == second.replace("-1-", "-0-") != second


def test_a_page_that_is_shown_again_costs_nothing():
    highlight(page(), **BLOCK)
    before = highlight_once.cache_info()
    highlight(page(), **BLOCK)
    after = highlight_once.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)


@pytest.mark.parametrize("noclasses", [False, True])
def test_colours_are_left_out_only_where_none_are_shown(noclasses):
    """Pygments 的配色只在 noclasses 时写进 HTML；不写时不去读它，HTML 不差；名字和代码一个颜色，不占元素。"""
    settings = Settings(page(noclasses=noclasses).registeredExtensions[0].get_pymdownx_highlight_settings())
    whole = {name: settings[name] for name in settings.keys() - {"_enabled", "linenums", "css_class"}}
    expected = Highlight(None, **whole).highlight(CODE, "python", "highlight")
    assert highlight_once(settings, CODE, "python") == re.sub('<span class="n">(.*?)</span>', r"\1", expected)
    assert ("color: #" in highlight_once(settings, CODE, "python")) == noclasses
