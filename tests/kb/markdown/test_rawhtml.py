"""作者写的 HTML：名单上的成为页面的元素，别的是文字或源码；不运行、不加载、不冒充本站的任何东西。"""

import re
from html import unescape
from urllib.parse import unquote

import pytest

from kb.markdown.rawhtml import SHOWN, losses
from kb.markdown.syntax import parse
from tests.kb.hostile import TEXT, UNCLOSED, notes

EMBED = '``` {.python .embed}\n--8<-- "numbers.py:half"\n```\n'
OURS = set(
    "note-head note-facts note-foot author-code author-code-label headerlink picture is-alone is-missing picture-note "
    "picture-state leads-nowhere frame quoted hexo-box hexo-label info note mark diagram formula is-unread".split()
)
"""作者的元素没有 class；本站的这些，冒充不了什么。"""


@pytest.fixture
def render(project):
    return lambda text: project.render(text, "x.md")


def test_html_passes_as_it_stands(render):
    page = render('一 <font color="red">红</font> <kbd>Ctrl</kbd>\n\n<center>\n中 &nbsp;\n</center>\n')
    assert (page.font["color"], page.kbd.text) == ("red", "Ctrl")
    assert page.center.text == "\n中 \xa0\n"


def test_details_hold_markdown(render):
    page = render("<details>\n<summary>题</summary>\n\n**一**\n\n- 二\n\n</details>\n\n后\n")
    assert [page.details.strong.text, page.details.li.text] == ["一", "二"]
    assert page.find_all("p")[-1].find_parent("details") is None


@pytest.mark.parametrize("around", ["{}", "前 {} 后", "<center>\n{}\n</center>", "<table><tr><td>{}</td></tr></table>"])
def test_pictures_are_as_others(render, around):
    page = render(around.format('<img src="https://a.example/1.png?a=1&b=2" alt="图" style="zoom:67%;" />') + "\n")
    assert page.img["src"] == "https://a.example/1.png?a=1&b=2"
    assert (page.img["style"], page.img["loading"]) == ("zoom:67%;", "lazy")
    assert "图，来自 a.example" in page.select_one(".picture-note").text
    if "center" in around:
        assert page.img.find_parent("center")


@pytest.mark.parametrize("picture", ["![图](https://a.example/1.png)", '<img src="https://a.example/1.png">'])
def test_a_picture_in_a_link_has_no_second_link(render, picture):
    page = render(f'<A href="https://b.example/">{picture}</A> 与 {picture}\n')
    assert [len(around.find_all("a")) for around in page.select(".picture")] == [0, 1]
    assert "data-in-link" not in str(page)


def test_local_pictures_lead_to_the_file(project):
    project.write("docs/posts/1.png", "")
    assert project.render('<img src="1.png">\n').img["src"] == "../1.png"


def test_a_frame_loads_on_a_click(render):
    for html in (
        '<iframe src="//player.bilibili.com/player.html?aid=1&page=1" width="80%" onload="x()"></iframe>',
        "一 <iframe src='//player.bilibili.com/player.html?aid=1&amp;page=1' width=80% > </iframe> 二",
    ):
        frame = render(f"{html}\n").iframe
        assert "src" not in frame.attrs
        assert "onload" not in frame.attrs
        assert frame["width"] == "80%"
        assert 'href="//player.bilibili.com/player.html?aid=1&amp;page=1"' in frame["srcdoc"]
        assert frame["title"] == "来自 player.bilibili.com 的内容"


def test_video_loads_when_it_is_played(render):
    page = render('<video src="https://a.example/1.mp4" controls autoplay></video>\n')
    assert page.video["preload"] == "none"
    assert "autoplay" not in page.video.attrs


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://a.example/x.js"></script>',
        "<script>\nalert(1)\n\nalert(2)\n</script>",
        '<link rel="stylesheet" href="https://a.example/x.css">',
        '<embed src="https://a.example/x.swf">',
        '<object data="https://a.example/x">',
    ],
)
def test_what_would_run_or_load_is_shown_as_source(render, html):
    page = render(f"{html}\n")
    assert page.find(["script", "link", "embed", "object"]) is None
    assert page.code.text.rstrip("\n") == html


def test_comments_stay_comments(render):
    assert render("<!-- <img src='https://a.example/1.png'> -->\n\n一\n").find_all("img") == []


def test_code_is_marked_as_the_authors(project):
    assert project.render("<pre><code>x = 1\n\ny = 2</code></pre>\n").select_one(".author-code > pre").text == "x = 1\n\ny = 2"


def test_without_an_address_a_frame_is_shown_as_source(render):
    for html in ("<iframe src='javascript:x'></iframe>", "<iframe srcdoc='<p>一</p>'></iframe>", "<iframe></iframe>"):
        page = render(f"{html}\n")
        assert page.iframe is None
        assert page.code.text in html


class TestTags:
    """名单上的标签成为元素，别的是文字。"""

    @pytest.mark.parametrize("text", TEXT)
    def test_honest_text_is_whole(self, render, text):
        assert "".join(render(f"{text}\n").text.split()) == "".join(unescape(text).replace("`", "").split())

    def test_a_line_of_what_is_no_tag_is_a_paragraph(self, render):
        page = render("<Tensor>\n**一**\n\n<!-- 没有完\n**二**\n\n<script>\n**三**\n")
        assert [p.strong.text for p in page.find_all("p")] == ["一", "二", "三"]

    def test_markdown_inside_of_html_is_between_empty_lines(self, render):
        page = render("<div align=center>\n\n**一** ![](https://a.example/1.png)\n\n- 二\n\n</div>\n\n后\n")
        assert page.div["align"] == "center"
        assert page.div.strong and page.div.img and page.div.li
        assert page.find_all("p")[-1].find_parent("div") is None

    @pytest.mark.parametrize("end", ["</div>", "一</div>", "- 一</div>", "> 一</div>"])
    def test_an_end_tag_ends_its_element_wherever_it_stands(self, render, end):
        page = render(f"<div align=center>\n\n{end}\n\n后\n")
        assert page.find_all("p")[-1].text == "后"
        assert page.find_all("p")[-1].find_parent("div") is None

    def test_an_end_tag_alone_is_passed_over(self, render):
        assert str(render("一</div></span></td>二\n").p) == "<p>一二</p>"

    def test_a_cell_is_not_left_by_an_end_tag_inside_it(self, render):
        page = render("<div><table><tr><td>一</div>二</td><td>三</td></tr></table></div>\n\n后\n")
        assert [cell.text for cell in page.find_all("td")] == ["一二", "三"]
        assert page.find_all("p")[-1].find_parent("div") is None

    def test_end_tags_that_html_lets_out(self, render):
        page = render("<ul><li>一<li>二</ul>\n\n<table><tr><td>三<td>四<tr><td>五</table>\n\n<p>六<p>七<div>八</div>\n")
        assert [item.text for item in page.find_all("li")] == ["一", "二"]
        assert [row.text.split() for row in page.find_all("tr")] == [["三", "四"], ["五"]]
        assert [p.text for p in page.find_all("p")] == ["六", "七"]
        assert page.select("p div, li li, td td") == []

    def test_formatting_goes_on_until_it_is_closed(self, render):
        page = render("一 <font color=red>二\n\n三</font> 四\n\n五\n")
        assert [font.text for font in page.find_all("font")] == ["二", "三"]

    def test_a_block_that_begins_in_a_paragraph_goes_on(self, render):
        page = render("一 <center>二\n\n三\n\n</center>\n\n四\n")
        assert "三" in page.find_all("center")[1].text
        assert page.find_all("p")[-1].find_parent("center") is None

    @pytest.mark.parametrize("tag", ["<video>", "<audio controls>", "<rp>", "<video><div>", "<div><video><source src=x>"])
    def test_what_is_not_seen_ends_with_its_html(self, render, tag):
        page = render(f"{tag}\n\n后\n")
        assert page.find_all("p")[-1].find_parent(["video", "audio", "rp"]) is None

    def test_text_in_a_video_stands_after_it(self, render):
        page = render("<video>、<audio> 也一样\n\n<video src=https://a.example/1.mp4><source src=https://a.example/2.mp4>不支持</video>\n")
        assert "也一样" in page.text and "不支持" in page.text
        assert [media.text for media in page.find_all(["video", "audio"])] == ["", "", ""]
        assert page.find_all("video")[-1].source

    def test_depth_is_limited(self, render):
        assert render("<div>" * 5000 + "底\n").text.count("<div>") == 4950

    def test_landmarks_are_divisions(self, render):
        page = render("<nav>一</nav><main>二</main><article>三</article>\n")
        assert [division.text for division in page.find_all("div")] == ["一", "二", "三"]


class TestAttributes:
    def test_those_on_the_list_stay(self, render):
        page = render('<table border="1"><tr><td rowspan=2 align=left>一</td></tr></table>\n\n<ol start=3 type=a><li>一</ol>\n')
        assert (page.table["border"], page.td["rowspan"], page.td["align"]) == ("1", "2", "left")
        assert (page.ol["start"], page.ol["type"]) == ("3", "a")

    @pytest.mark.parametrize("body", [body for kind, body in notes()])
    def test_no_others_are_on_any_page(self, project, body):
        page = project.render(f"---\ntitle: 题\n---\n\n前\n\n{body}\n\n后\n")
        for made in page.select(".highlight, math"):
            made.decompose()
        for element in page.find_all():
            assert element.name not in SHOWN, element
            for name, value in element.attrs.items():
                assert not name.startswith(("on", "xlink")) or "this." in value, element
                assert name not in ("srcset", "ping", "background", "formaction", "hidden", "name"), element
                if name == "class":
                    assert set(value) <= OURS, element
                if name in ("href", "src"):
                    assert not value.strip().lower().startswith(("javascript", "vbscript", "data:text", "data:image/svg"))
        assert page.select(".is-verified, figure.embed, .evidence, .annotation") == []

    @pytest.mark.parametrize("body", UNCLOSED)
    def test_what_is_open_ends_before_code_of_ours(self, project, body):
        page = project.render(f"---\ntitle: 题\n---\n\n前\n\n{body}\n\n中\n\n{EMBED}\n后\n")
        figure = page.select_one("figure.embed")
        assert figure.parent is page
        assert "中" in page.text
        assert page.find_all("p")[-2].text == "后"  # 最后一段是出处
        assert page.select_one(".note-foot").parent is page

    def test_anchors_have_a_prefix_and_links_find_them(self, project):
        project.write("docs/posts/2.md", '---\ntitle: 二\n---\n\n<h3 id="远">远</h3>\n')
        page = project.render('<a name="近"></a>\n\n<p id=__search>一</p>\n\n[近](#近)、[远](/posts/2/#远)、[一](#__search)\n')
        assert [element["id"] for element in page.select("[id^=author]")] == ["author-近", "author-__search"]
        assert [link["href"] for link in page.select("p > a")][:3] == ["#author-近", "../2/#author-远", "#author-__search"]

    @pytest.mark.parametrize("id", ["100%", "a b", "%zz", "a\"]'", "中 文", "a/b#c"])
    def test_anchors_are_what_scripts_can_read(self, project, id):
        page = project.render(f"<h2 id='{id.replace(chr(39), '')}'>题</h2>\n\n[去](<#{id}>)\n")
        assert re.fullmatch(r"author-[\w.:-]+", page.h2["id"])
        assert [link["href"] for link in page.find_all("a")[:2]] == [f"#{page.h2['id']}"] * 2

    @pytest.mark.parametrize(
        ("style", "kept"),
        [
            ("zoom:67%;", "zoom:67%;"),
            ("width: 50%; height:1px", "width: 50%; height:1px"),
            ("vertical-align:-0.5ex", "vertical-align:-0.5ex"),
            ("color:red;position:fixed", "color:red"),
            ("margin:0 auto;margin-top:-9px", "margin:0 auto"),
            ("color:rgb(1, 2, 3);background:hsl(1 2% 3%)", "color:rgb(1, 2, 3);background:hsl(1 2% 3%)"),
            ("background:url(x) red", None),
            ("background:u\\rl(x)", None),
            ("width:calc(1px)", None),
            ("display:none", None),
            ("display:block", "display:block"),
            ("color:expression(1)", None),
            ("font-family:'楷体', serif", "font-family:'楷体', serif"),
            ("color:red}body{color:blue", None),
            ("/*color:blue*/color:red", "/*color:blue*/color:red"),
            ("--x:1;color:var(--x)", None),
            ("font:300px/0 serif", None),
            ("font:bold 12px serif", "font:bold 12px serif"),
            ("color:rgb(1 2 3 / 50%)", "color:rgb(1 2 3 / 50%)"),
        ],
    )
    def test_styles(self, render, style, kept):
        assert render(f'<img src="https://a.example/1.png" style="{style}">\n').img.get("style") == kept

    def test_what_text_would_run_out_of_is_for_pictures_and_tables(self, render):
        assert render("<div style='height:0;border:1px solid;zoom:2%'>一</div>\n").div.attrs == {}
        assert render("<table style='zoom:2%'><tr><td>一</table>\n").table.attrs == {}
        assert render("<table><tr><td style='height:9px;border:1px solid'>一</table>\n").td["style"] == "height:9px;border:1px solid"

    @pytest.mark.parametrize("address", ["C:\\图.png", "file:///C:/图.png", "x y.png", "http://[图]", "data:image/png;base64,AA=="])
    def test_pictures_that_cannot_be_had_keep_their_place(self, project, address):
        assert unquote(address) in unquote(str(project.render(f'<img src="{address}">\n').select_one(".picture")))
        assert project.render(f"![](<{address}>)\n").select_one(".picture")

    def test_losses_are_counted(self):
        text = '<p class=x id=y onclick=z style="color:red;position:fixed">\n\n一 <b class=x>二</b>\n'
        assert losses(parse(text)) == ["class", "onclick", "position", "class"]


@pytest.mark.parametrize("heading", ["`__config`", "__search", "\\_\\_drawer", "embed-numbers-half", "<b id=__toc>__toc</b>"])
def test_headings_have_no_anchor_of_ours(project, heading):
    page = project.render(f"---\ntitle: 题\n---\n\n## {heading}\n\n{EMBED}\n[去](#__search)\n")
    assert not page.h2["id"].startswith("__")
    assert len({element["id"] for element in page.select("[id]")}) == len(page.select("[id]"))


def test_text_of_html_is_decoded_once(render):
    assert render("<p>&amp;lt;b&gt; &nbsp;&copy</p>\n").p.text == "&lt;b> \xa0©"


def test_marks_of_the_machinery_are_no_attributes(render):
    page = render('<p title="&#2;wzxhzdk:0&#3;">一</p>\n\n```\n"><b>\n```\n')
    assert page.p["title"] == "\ufffdwzxhzdk:0\ufffd"
    assert page.b is None
