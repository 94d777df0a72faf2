"""六个工具的小收藏：各用一次 kb add 收进同一个知识库，两种引擎都严格构建，页面上没有剩下的记号。"""

import os
import re
import shutil
import subprocess
import sys
from copy import copy
from pathlib import Path
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner

from kb.cli.commands import main

COLLECTIONS = Path(__file__).parents[1] / "collections"
SETTINGS = "site_name: 收藏\nsite_url: &url https://site.example/\nINHERIT: !!python/object/apply:kb.settings [*url]\nmarkdown_extensions: {kb: {}}\n"
NOTES = {"hexo": 2, "hugo": 2, "obsidian": 3, "jekyll": 2, "typora": 2, "vuepress": 1}
FILES = {"hexo": 4, "hugo": 3, "obsidian": 2, "jekyll": 2, "typora": 3, "vuepress": 1}
KINDS = {"hexo", "hugo", "obsidian", "jekyll", "vuepress"}
LEFT_OVER = re.compile(r"\{%|%\}|\{\{[<%]|:::|\[\[|\]\]|%%|\^\w|\{:|\[toc\]|==|\*\*|\$|!\[|\[!|:\w+:", re.IGNORECASE)
WANTED = ["[[以后再写]]"]
"""指到还没有的笔记，照写下的显示。"""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    root = tmp_path_factory.mktemp("收 藏")
    shutil.copytree(COLLECTIONS, root / "in")
    (root / "docs").mkdir()
    (root / "docs/index.md").write_text("---\ntitle: 首页\nfill: home\n---\n", "utf-8")
    (root / "mkdocs.yml").write_text(SETTINGS, "utf-8")
    return root


@pytest.fixture(scope="module")
def said(base):
    """每一个收藏：先试着添加，再添加，各说了什么。"""
    before = Path.cwd()
    os.chdir(base)
    try:
        return {
            name: [CliRunner().invoke(main, ["add", *options, f"in/{name}"]) for options in (["--dry-run"], [])]
            for name in NOTES
        }
    finally:
        os.chdir(before)


@pytest.mark.parametrize("name", NOTES)
def test_goes_in_as_it_is(said, name):
    tried, added = said[name]
    assert (tried.exit_code, added.exit_code) == (0, 0), added.output
    assert f"会添加 {NOTES[name]}" in tried.output and f"已添加 {NOTES[name]}" in added.output
    assert "没有带来" not in added.output and "没有添加" not in added.output
    brought = sum(map(int, re.findall(r"带来 (\d+) ", added.output)))
    assert brought == FILES[name]
    assert (re.search(r"^(Hexo|Hugo|Obsidian|Jekyll|VuePress) 的", added.output, re.MULTILINE) is not None) == (name in KINDS)


@pytest.fixture(scope="module", params=["mkdocs", "zensical"])
def pages(request, base, said):
    site = base / f"site-{request.param}"
    options = ["-d", str(site)] if request.param == "mkdocs" else []
    done = subprocess.run(
        [sys.executable, "-m", request.param, "build", "--strict", *options], cwd=base, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    site = site if options else base / "site"
    return site, {
        path.parent.name: BeautifulSoup(path.read_text("utf-8"), "html.parser").article for path in site.glob("posts/*/index.html")
    }


def test_nothing_is_left_over(pages):
    _, articles = pages
    assert len(articles) == sum(NOTES.values())
    for article in map(copy, articles.values()):
        assert [each.text for each in article.select(".leads-nowhere")] in ([], WANTED)
        for made in article.select("pre, code, math, .leads-nowhere, script"):
            made.decompose()
        assert LEFT_OVER.findall(article.text) == [], article.h1.text


def test_all_pictures_are_there(pages):
    site, articles = pages
    shown = [(name, img["src"]) for name, article in articles.items() for img in article.select("img:not(.twemoji)")]
    assert len(shown) == 14  # 一张在另一篇里又展示了一次
    for name, address in shown:
        assert (site / "posts" / name / unquote(address)).resolve().is_file(), address
    assert not any(article.select(".is-missing") for article in articles.values())


def test_what_the_tools_meant(pages):
    _, articles = pages
    titles = {article.h1.find(string=True).strip(): article for article in articles.values()}
    assert set(titles) == {
        *("Hexo 的标签", "另一篇", "页面包", "第二篇: 带冒号", "注意力", "线性代数", "日记 2024-01-02", "Jekyll 的写法"),
        *("第二篇", "第一章 开始", "第二章", "容器"),
    }
    assert {"工具", "Hexo", "写作"} <= {a.text for a in titles["Hexo 的标签"].select(".note-category a")}
    assert titles["页面包"].select_one("time")["datetime"].startswith("2024-03-05")
    assert titles["注意力"].select_one(".diagram code").text.startswith("graph LR")
    assert titles["注意力"].select_one(".shown-note").img
    assert {a.text for a in titles["注意力"].select(".note-mentions a")} == {"线性代数", "日记 2024-01-02"}
    assert titles["Jekyll 的写法"].select_one(".toc a").text == "属性"
    assert [a.text for a in titles["Jekyll 的写法"].select(".note-category a")] == ["tools", "jekyll"]
    assert titles["第二章"].select_one("[align=center] strong").text == "居中的说明"
