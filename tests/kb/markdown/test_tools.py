"""别的工具的写法：页面上是作者在那里看到的样子；不是它们的，一个字也不变。每一条在 tools.yml。"""

import re
from pathlib import Path

import pytest
import yaml

from kb.markdown.engine import BadInput
from kb.markdown.settings import parse as read_settings
from kb.markdown.syntax import DIALECTS
from tests.kb.lab import configure

CASES = yaml.safe_load(Path(__file__).with_name("tools.yml").read_text("utf-8"))


def body_of(page):
    """正文的 HTML：公式写成 $…$，代码写成 CODE[…]，去掉本站加的话。"""
    page.h1.decompose()
    for made in page.select(".note-head, .note-foot, .author-code-label, .headerlink, .picture-note"):
        made.decompose()
    for made in page.select("math"):
        made.replace_with(f"${made['alttext']}$")
    for made in page.select(".highlight"):
        made.replace_with(f"CODE[{made.text.strip()}]")
    for made in page.select("iframe"):
        made.attrs = {}
    for made in page.select("img"):
        made.attrs = {name: made[name] for name in ("src", "alt", "width", "height") if name in made.attrs}
    return re.sub(r"\s*\n\s*", "\n", page.decode_contents()).strip()


@pytest.mark.parametrize("case", CASES, ids=[f"{each['tool']}-{each['text'][:30]!r}" for each in CASES])
def test_what_is_shown(project, case):
    page = project.render(f"---\ntitle: 题\n---\n\n{case['text']}\n")
    assert body_of(page) == case["html"].strip()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("footnotes", "字[^1]\n\n[^1]: 注"),
        ("highlight", "==字=="),
        ("superscript", "m^2^"),
        ("subscript", "H~2~O"),
        ("emoji", ":smile:"),
        ("sizes", "![图](a.png =30x20)"),
        ("callouts", "> [!note]\n> 字"),
        ("wikilinks", "[[笔记]]，![[笔记]]"),
        ("comments", "%%字%%"),
        ("block_ids", "字 ^abc"),
        ("containers", ":::tip\n字\n:::"),
        ("shortcodes", "{{< figure src=a.png >}}"),
        ("kramdown", "字\n{:.x}"),
        ("hexo", "{% note %}\n字\n{% endnote %}"),
    ],
)
def test_a_base_may_do_without(project, name, text):
    page = f"---\ntitle: 题\n---\n\n{text}\n"
    before = body_of(project.render(page))
    configure(project.root, without=[name])
    assert body_of(project.render(page)) != before


def test_every_dialect_is_tried():
    (marks,) = test_a_base_may_do_without.pytestmark
    assert {name for name, _ in marks.args[1]} == set(DIALECTS)


@pytest.mark.parametrize("value", ["nothing", "[highlight, nothing]", "3", "[[highlight]]"])
def test_an_unknown_name_is_refused(value):
    with pytest.raises(BadInput, match="without 是不用的写法，有 footnotes、highlight、.*得到"):
        read_settings(f"markdown_extensions:\n  kb:\n    without: {value}\n".encode())


def test_a_file_that_is_there_is_shown(project):
    project.write("docs/posts/1/code/a.py", "一 = 1\n二 = 2\n三 = 3\n")
    page = project.render("---\ntitle: 题\n---\n\n{% include_code 两行 from:2 to:3 code/a.py %}\n")
    assert page.select_one(".author-code code").text == "二 = 2\n三 = 3\n"
    assert page.select_one(".filename").text == "两行" and "未验证" in page.text


@pytest.mark.parametrize("address", ["../2/secret.py", "../../../pyproject.py", "/etc/passwd"])
def test_no_file_of_elsewhere_is(project, address):
    project.write("pyproject.py", "x = 1\n")
    page = project.render(f"---\ntitle: 题\n---\n\n{{% include_code {address} %}}\n")
    assert page.select(".author-code") == [] and "include_code" in page.code.text
