"""一个知识库的 mkdocs.yml 只有几行，别的从工具继承：三个引擎读的是同一份，样式、字体、搜索的语言包都在站点上。"""

import json
import re
from pathlib import Path

import pytest
from mkdocs.config import load_config

import kb
from kb.site.pages import write_pages
from tests.kb.warm import run_module

SHORT = """\
site_name: 新的
site_url: &site_url https://site.example/base/
INHERIT: !!python/object/apply:kb.settings [*site_url]
nav: [index.md, tags/index.md]
"""
NOTE = "---\ntitle: 笔记\ndate: 2023-01-02\ntags: [甲]\n---\n\n$x_1$\n\n```python\nx = 1\n```\n"
ASSETS = Path(kb.__file__).with_name("theme") / "assets"
ENGINES = ["mkdocs", "properdocs", "zensical"]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """只有一篇笔记，没有代码、测试、证据，也没有样式、脚本、字体。"""
    root = tmp_path_factory.mktemp("基 地")
    (root / "docs/posts").mkdir(parents=True)
    (root / "docs/posts/1.md").write_bytes(NOTE.encode())
    (root / "docs/index.md").write_bytes("---\ntitle: 首页\nfill: home\n---\n\n# 新的\n".encode())
    (root / "mkdocs.yml").write_bytes(SHORT.encode())
    write_pages(root)
    return root


def run(root, engine, *options):
    settings = ["-f", "mkdocs.yml"] if engine == "properdocs" else []
    return run_module(root, engine, "build", *settings, *options)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_short_file_is_enough(base, engine):
    code, said = run(base, engine, "--strict")
    assert code == 0, said
    assert "WARNING" not in said and "2027" not in said and "Material" not in said
    site = base / "site"
    for path in filter(Path.is_file, ASSETS.rglob("*.*")):
        assert (site / "assets" / path.relative_to(ASSETS)).read_bytes() == path.read_bytes()
    page = (site / "posts/1/index.html").read_text("utf-8")
    sheets = re.findall(r'<link rel="?stylesheet"? href="?([^" >]+)', page)
    place = sheets.index("../../assets/site.css")  # 在主题的后面
    assert place and not any("/stylesheets/" in each for each in sheets[place:])
    assert "<math" in page and "Content-Security-Policy" in page
    assert (site / "assets" / re.search(r'url\("(stix[^"]+)', (ASSETS / "site.css").read_text("utf-8"))[1]).is_file()
    feed = (site / "feed_rss_created.xml").read_text("utf-8")
    assert "https://site.example/base/assets/images/favicon.png" in feed


def test_what_a_base_writes_goes_first(base):
    path = base / "own.yml"
    path.write_text(SHORT + "theme: {language: en}\nplugins: {faster: {enabled: false}}\n", "utf-8")
    config = load_config(str(path))
    assert config.theme["language"] == "en"
    assert config.theme["features"] and "faster" not in config.plugins and "rss" in config.plugins
    path.write_text(SHORT + "markdown_extensions:\n  - kb: {author: 甲}\n", "utf-8")
    assert load_config(str(path)).mdx_configs["kb"] == {"author": "甲"}


@pytest.mark.parametrize("engine", ["mkdocs", "properdocs", "zensical"])
def test_every_engine_writes_what_search_reads_and_nothing_else(base, engine):
    assert run(base, engine)[0] == 0
    assert not (base / "site/search/search_index.json").exists()
    assert json.loads((base / "site/search/index.json").read_text("utf-8"))["count"] > 0
