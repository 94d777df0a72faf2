"""作者写的 HTML：照原样，但不先向别处要东西，也不运行脚本。"""

import pytest


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
