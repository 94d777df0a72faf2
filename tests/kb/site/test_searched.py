"""从网页里读出搜索要的：一节一节，没有标签，没有不搜的。"""

import pytest

from kb.site.searched import Section, boost_of, read_page
from tests.kb.generator import make_notes


def read(article, head=""):
    return read_page(f"<head>{head}</head><h2>别处</h2><article class='x'>{article}</article><h2 id=y>别处</h2>")


def test_sections_begin_at_headings_that_have_an_address():
    assert read('<h1>题</h1><p>一<b>二</b></p><p>三</p><h2 id="甲&amp;乙">小 <i>题</i></h2><h3>没有</h3><ul><li>四<li>五</ul>') == [
        Section("", "题", "一二\n三"),
        Section("甲&乙", "小 题", "没有\n四\n五"),
    ]


@pytest.mark.parametrize(
    "left_out",
    [
        "<p data-search-exclude>不</p>",
        '<div class="a > b" data-search-exclude="true"><div>不</div><p>不</p></div>',
        '<a class="headerlink" href="#x">不</a>',
        "<script>if (不 < 不) {}</script>",
        "<style>不</style>",
        "<!-- 不 -->",
        "<time datetime=x>不</time>",
        '<p class="author-code-label">不</p>',
        '<span class="picture-note"><span class="picture-state"></span>不</span>',
        '<div class="linenodiv"><pre>不</pre></div>',
    ],
)
def test_what_is_left_out(left_out):
    assert read(f"<h1>题</h1><p>前</p>{left_out}<p>后 <a data-search-excluded>是</a></p>") == [Section("", "题", "前\n后 是")]


def test_a_heading_that_is_left_out_takes_its_section_with_it():
    html = '<h1>题</h1><h2 id="a" data-search-exclude>不</h2><p>不</p><h2 id="b">是</h2><p>文</p>'
    assert read(html) == [Section("", "题", ""), Section("b", "是", "文")]


def test_signs_and_invisible_letters():
    assert read("<h1>a &lt; b</h1><p title='>'>分\u200b词&nbsp; 和\u00ad空白</p>") == [Section("", "a < b", "分词 和空白")]


def test_a_page_without_a_title_or_article_has_none():
    assert read("<p>文</p>") == []
    assert read_page("<h1>题</h1>") == []


@pytest.mark.parametrize(("content", "boost"), [("0", 0), ("2.5", 2.5), ("x", 1)])
def test_a_page_says_how_much_it_counts(content, boost):
    assert boost_of(f'<meta name="search" content="{content}"><article></article>') == boost
    assert boost_of("<article>" + f'<meta name="search" content="{content}"></article>') == 1


def test_generated_notes(project):
    """公式、代码、图片、批注都有：每一节的标题都在，没有留下标签。"""
    for note in make_notes(3):
        page = project.render(note.text)
        sections = read(str(page))
        assert [section.anchor for section in sections[1:]] == [each["id"] for each in page.select("h2, h3, h4, h5, h6") if each.get("id")]
        assert sections[0].heading == note.title
        assert not any(each in section.text for section in sections for each in ("作者原文代码", "</", "打开原图"))
