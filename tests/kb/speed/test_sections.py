"""搜索找到的每一节与主题自己的解析器找到的相同，连续的空白除外。"""

import re

import pytest
from material.plugins.search import plugin
from material.plugins.search.plugin import Parser
from mkdocs.config import load_config
from mkdocs.structure.files import File
from mkdocs.structure.pages import Page

from kb.speed.sections import Reader
from tests.kb.generator import make_notes
from tests.kb.lab import ROOT, configure

WRITTEN = sorted((ROOT / "tests/kb/markdown/notes").glob("*.html"))


def words(sections):
    return [
        (section.id, *(" ".join("".join(part).split()) for part in (section.title, section.text)))
        for section in sections
    ]


def of_the_theme(html):
    parser = Parser()
    parser.feed(html)
    parser.close()
    return words(section for section in parser.data if not section.is_excluded())


def ours(html):
    return words(Reader().read(html))


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_written_notes(path):
    html = path.read_text("utf-8")
    if path.stem in ("html-unclosed", "less-than"):  # <b> 没有闭合，主题就不再闭合它所在的段落
        assert without_tags(ours(html)) == without_tags(of_the_theme(html))
    else:
        assert ours(html) == of_the_theme(html)


def without_tags(sections):
    return [(id, title, " ".join(re.sub("<[^>]*>", " ", text).split())) for id, title, text in sections]


@pytest.mark.parametrize("budget", [None, 20_000])
def test_generated_notes(project, budget):
    """公式、代码、图片、批注都有；索引装不下的，记着不搜。"""
    if budget:
        configure(project.root, search_budget=budget)
    for note in make_notes(4):
        html = str(project.render(note.text))
        assert len(ours(html)) > 1
        assert ours(html) == of_the_theme(html)
        assert ("data-search-exclude" in html) == bool(budget)


@pytest.mark.parametrize(
    "html",
    [
        "",
        "前<h2 id=a>一</h2>甲<H2 ID='b'>二</H2>乙",
        '<h1 id="a">题</h1><p>甲</p><h2 id="b">一<a class="headerlink" href="#b">¶</a></h2><p>乙</p>',
        '<h2 id="a&amp;b">一 &lt; 二</h2>三 &amp; &nbsp;四 > 五',
        '<blockquote><h2 id="a">一</h2><p>里</p></blockquote><p>外</p>',
        '<h2 id="a">一</h2><blockquote><h3 id="b">二</h3>里</blockquote>外',
        "<p> </p><p>字</p><ul><li></li><li>一</li></ul>",
        "<pre><code>a\n\n  b &lt;i&gt;</code></pre>",
        '<div class="linenodiv"><pre>1\n2</pre></div><p>字</p>',
        '<p data-search-exclude="">不搜 <b>也不</b></p><p>搜</p>',
        '<h2 id="a" data-search-exclude="true">不搜</h2><p>也不</p><h2 id="b">搜</h2>',
        '<h2>没有地址</h2><p>字</p>',
        "<script>if (a<b) { p }</script><style>p > b {}</style><p>字</p><!-- <p>注</p> -->",
        '<p title="a > b">字</p><span title="c > d">字</span>',
        "<object><p>不搜</p></object><p>H<sub>2</sub>O</p>",
        "</p>多<p>少",
        "一 < 二 <3",
    ],
)
def test_corners(html):
    assert ours(html) == of_the_theme(html)


@pytest.mark.parametrize("enabled", [True, False])
def test_the_theme_makes_its_index_of_them(project, monkeypatch, enabled):
    monkeypatch.setattr(plugin, "Parser", None)
    config = load_config(str(project.root / "mkdocs.yml"))
    theirs = config.plugins["material/search"]
    theirs.config.enabled = enabled
    config = config.plugins.on_config(config)
    config.plugins.on_pre_build(config=config)
    if enabled:
        page = Page("页", File.generated(config, "页.md", content=""), config)
        page.read_source(config)
        page.content, page.toc = '<h1 id="a">题</h1><p>字</p><h2 id="b">节</h2>', []
        theirs.search_index.add_entry_from_context(page)
        page.meta["search"] = {"exclude": True}
        theirs.search_index.add_entry_from_context(page)
        assert [(entry["title"], entry["text"]) for entry in theirs.search_index.entries] == [
            ("题", "<p>字</p>"),
            ("节", ""),
        ]
