"""作者写的代码块：高亮，语言名随便怎么写；标题、行号、标亮的行照 material 的写法。"""

import pytest

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
