"""Hexo 的标签：认识的变成该有的样子，不认识的原样显示。"""

import pytest


@pytest.fixture
def render(project):
    return lambda text: project.render(text, "x.md")


def test_a_note_holds_markdown(render):
    page = render("前\n{% note info %}\n**一**\n\n- 二\n{% endnote %}\n后\n一行\n")
    assert [tag.name for tag in page.find_all(recursive=False)] == ["p", "div", "p"]
    assert page.div["class"] == ["hexo-box", "info"]
    assert [page.div.strong.text, page.div.li.text] == ["一", "二"]


def test_boxes_nest_and_stand_in_lists_and_quotes(render):
    page = render("{% note %}\n外\n{% note danger %}\n内\n{% endnote %}\n外\n{% endnote %}\n")
    assert page.select_one(".note > .danger").text.strip() == "内"
    page = render("- 一\n\n  {% note warning %}\n  二\n  {% endnote %}\n- 三\n")
    assert [item.div is not None for item in page.find_all("li")] == [True, False]
    assert render("> {% note %}\n> 一\n> {% endnote %}\n").select_one("blockquote > div > p").text == "一"


def test_what_is_never_closed_is_code(render):
    page = render("{% note info %}\n文字\n")
    assert page.code.text == "{% note info %}"
    assert "文字" in page.text


def test_a_box_ends_where_its_list_does(render):
    page = render("- {% note %}\n  一\n\n{% endnote %}\n")
    assert page.select(".hexo-box") == []
    assert page.find_all("p")[-1].text == "{% endnote %}"


def test_a_fold_opens_on_a_click(render):
    page = render("{% fold info @标题 <b> %}\n内容\n{% endfold %}\n")
    assert page.details.summary.text == "标题 <b>"
    assert page.details.p.text == "内容"
    assert "open" not in page.details.attrs


def test_a_quote_names_its_source(render):
    page = render("{% blockquote 李航, 统计学习方法 %}\n引文\n{% endblockquote %}\n")
    assert page.blockquote.p.text == "引文"
    assert page.blockquote.footer.text == "—— 李航, 统计学习方法"


def test_the_address_of_a_quote_is_a_link(render):
    footer = render("{% quote 李沐, 书 https://zh.d2l.ai/ 前言 %}\n引文\n{% endquote %}\n").footer
    assert (footer.text, footer.a["href"]) == ("—— 李沐, 书 前言", "https://zh.d2l.ai/")


def test_a_box_on_one_line(render):
    page = render("前\n{% note danger %}**一** x{% endnote %}\n后\n")
    assert page.select_one("div.danger > p").text == "一 x"
    assert [tag.name for tag in page.find_all(recursive=False)] == ["p", "div", "p"]


def test_raw_in_a_line_leaves_no_trace(render):
    assert render("写成 {% raw %}{{ x }}{% endraw %} 就行\n").p.text == "写成 {{ x }} 就行"


@pytest.mark.parametrize(
    ("opening", "language"),
    [("codeblock python", "python"), ("codeblock 标题 lang:python", "python"), ("code", "text"), ("mermaid", "text")],
)
def test_code(render, opening, language):
    name = opening.split()[0]
    page = render(f"{{% {opening} %}}\nx = '*a*'\n\ny < 1\n{{% end{name} %}}\n")
    assert page.select_one(".highlight code").text == "x = '*a*'\n\ny < 1\n"
    assert f"language-{language}" in page.select_one(".highlight")["class"]


def test_raw_is_html(render):
    assert render("{% raw %}\n<b>一</b> **二**\n{% endraw %}\n").b.text == "一"


@pytest.mark.parametrize(
    ("tag", "selector", "attributes"),
    [
        ("{% asset_img half big /图.png 标题 %}", "img", {"src": "/%E5%9B%BE.png", "alt": "标题"}),
        ('{% img left https://a.example/1.png 300 200 "题 目" %}', "img", {"src": "https://a.example/1.png", "alt": "题 目"}),
        ("{% img https://a.example/1.png 300 200 %}", "img", {"alt": ""}),
        ("{% link 名字 https://a.example/ %}", "a", {"href": "https://a.example/"}),
        ("{% btn https://a.example/, 按钮, 提示 %}", "a", {"href": "https://a.example/"}),
        ("{% cb 一项, true %}", "input", {"type": "checkbox", "checked": "checked"}),
        ("{% label primary @新 %}", "span", {"class": ["hexo-label"]}),
    ],
)
def test_tags_in_a_line(render, tag, selector, attributes):
    found = render(f"前 {tag} 后\n").select_one(selector)
    assert {name: found.get(name) for name in attributes} == attributes


def test_links_say_what_they_lead_to(render):
    page = render("{% link 名字 https://a.example/ %} {% btn https://a.example/, 按钮 %}\n")
    assert [link.text for link in page.find_all("a")] == ["名字", "按钮"]


def test_a_link_to_another_note_shows_its_title(project):
    page = project.render("{% post_link 2023-01-20-笔记 另一篇 %}\n")
    assert page.find(class_="leads-nowhere").text == "另一篇"


@pytest.mark.parametrize("tag", ["{% youtube abc %}", "{% bilibili BV1x %}", "{% iframe https://a.example/ 300 %}"])
def test_frames_load_on_a_click(render, tag):
    frame = render(f"{tag}\n").iframe
    assert "src" not in frame.attrs
    assert "点击加载" in frame["srcdoc"]


@pytest.mark.parametrize("tag", ["{% foo a *b* %}", "{% asset_img %}", "{% link 名字 %}", "{% endnote %}", "{% post_link %}"])
def test_others_are_shown_as_code(render, tag):
    assert render(f"前 {tag} 后\n").code.text == tag


def test_in_code_they_are_the_authors(render):
    page = render("`{% note %}`\n\n```\n{% note %}\na\n{% endnote %}\n```\n")
    assert page.p.code.text == "{% note %}"
    assert page.select_one(".highlight code").text == "{% note %}\na\n{% endnote %}\n"
