"""笔记里的链接：站内有的找到，没有的标明，不使构建失败。"""

import logging
from urllib.parse import unquote

import pytest

from kb.markdown.links import find_target
from tests.kb.lab import ROOT

TEXT = "# [√] 1.1 - 自注意力（Self-Attention）\n\n[链接]({})\n"


@pytest.fixture
def link(project, caplog):
    project.write("docs/posts/22ab.md", "---\ntitle: 二\n---\n## 三\n")
    project.write("docs/posts/1.png", "")

    def link(address, text=TEXT):
        page = project.render(text.format(address))
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
        return page.find(["a", "span"], string="链接")

    return link


@pytest.mark.parametrize(
    ("address", "leads_to"),
    [
        ("/posts/22ab/", "../22ab/"),
        ("/posts/22ab.html", "../22ab/"),
        ("/2023/01/20/22ab/", "../22ab/"),
        ("../22ab/", "../22ab/"),
        ("22ab.md", "../22ab/"),
        ("22ab.md#三", "../22ab/#三"),
        ("/posts/22ab/#%E4%B8%89", "../22ab/#%E4%B8%89"),
        ("1.png", "../1.png"),
        ("#11-自注意力self-attention", "#11-自注意力self-attention"),
        ("#1-1-自注意力（Self-Attention）", "#11-自注意力self-attention"),
        ("#√-11---自注意力self-attention", "#11-自注意力self-attention"),
        ("https://a.example/x.md#y", "https://a.example/x.md#y"),
        ("//a.example/", "//a.example/"),
        ("mailto:a@example.org", "mailto:a@example.org"),
    ],
)
def test_leads_where_its_author_meant(link, address, leads_to):
    found = link(address)
    assert found["href"] == leads_to
    assert "class" not in found.attrs


@pytest.mark.parametrize(
    "address", ["#没有", "没有.md", "没有.md#三", "/img/没有.png", "../../mkdocs.yml", "/posts/99/", "C:/图.png", "没有这样的目录/"]
)
def test_what_leads_nowhere_says_so(link, address):
    found = link(address)
    assert (found.name, found["class"]) == ("span", ["leads-nowhere"])
    assert "目标不在本站" in found["title"]
    assert unquote(found["data-address"]) == address


def test_an_id_in_html_is_an_anchor(link):
    assert link("#甲", '<a id="甲"></a>\n\n[链接]({})\n').get("class") is None


@pytest.mark.parametrize("address", [r"C:\Users\alec\图 1.png", r"..\图.png", "没有.png", "/img/1.png", "file:///C:/1.png"])
def test_a_picture_that_is_not_here_says_so(project, caplog, address):
    page = project.render(f"## 一\n\n![](<{address}>)\n")
    note = page.select_one(".picture.is-missing .picture-note").text
    assert note.startswith("「一」一节的图片：")
    if ":" in address:
        assert note.endswith(address)
    assert page.img is None
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_picture_is_found_where_hexo_had_it(project):
    project.write("docs/img/图.png", "")
    assert project.render("![](/img/图.png)\n").img["src"] == "../../img/%E5%9B%BE.png"


def test_what_is_missing_is_named_as_written(project):
    assert project.render("![图](图/没有.png)\n").select_one(".picture-note").text == "图：图/没有.png"


@pytest.mark.parametrize("text", ["[链接](y.md)", "[链接](#y.md)", "![](y.md)"])
def test_pages_of_ours_are_checked(project, caplog, text):
    project.render(f"{text}\n", "x.md")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "docs/x.md：" in caplog.text
    assert "y.md" in caplog.text


@pytest.mark.parametrize("address", ["\0", "a" * 5000, "%00", "?", "#", "//", "/", ".", "..", "C:", "[", "%E4%B8"])
def test_odd_addresses_are_no_files(address):
    assert find_target(ROOT / "docs", "posts/1.md", address) in (None, "posts/1.md")
