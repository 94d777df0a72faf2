"""一个文件是什么，只看里面：是不是图片，完不完整，多大；有脚本、问别处要东西的 SVG 不收。"""

import io

import pytest
from PIL import Image

from kb.pictures.contents import read_picture
from kb.pictures.route import NotFetched
from tests.kb.pictures_server import DRAWN, png

KINDS = {"png": "PNG", "jpg": "JPEG", "gif": "GIF", "webp": "WEBP", "avif": "AVIF", "bmp": "BMP"}


def made(kind, size=(31, 17), **options):
    data = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(data, KINDS[kind], **options)
    return data.getvalue()


def why(data):
    with pytest.raises(NotFetched) as problem:
        read_picture(data)
    return str(problem.value)


@pytest.mark.parametrize("kind", KINDS)
class TestKinds:
    def test_whole(self, kind):
        got = read_picture(made(kind))
        assert (got.ending, got.width, got.height) == (kind, 31, 17)

    def test_cut_off(self, kind):
        data = made(kind)
        for length in (len(data) - 3, len(data) * 2 // 3, len(data) // 3, 20):
            assert why(data[:length]) in ("图片不完整", "送来的不是图片"), length


def test_one_that_is_turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    got = read_picture(made("jpg", exif=exif.tobytes()))
    assert (got.width, got.height) == (17, 31)


def test_a_small_one_within_does_not_make_it_whole():
    """EXIF 里的缩略图有自己的结尾。"""
    small = made("jpg", (8, 8))
    data = made("jpg", (99, 99), exif=b"Exif\0\0" + small)
    assert read_picture(data).width == 99
    assert why(data[: len(data) // 2]) == "图片不完整"


@pytest.mark.parametrize("data", [b"", b"<html>", b"GIF", b"RIFF0000WAVE", b"%PDF-1.7", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"])
def test_what_is_none(data):
    assert why(data) == "送来的不是图片"


def test_one_that_says_no_size():
    assert why(png()[:8] + b"IEND\xaeB`\x82") == "图片坏了，看不出多大"


@pytest.mark.parametrize(
    "inside",
    [
        "<rect width='9' height='9' fill='url(#g)'/>",
        "<use href='#g'/>",
        "<image href='data:image/png;base64,AA=='/>",
        "<a href='https://a.example/'><text>x</text></a>",
        "<style>.a{fill:red; mask:url( '#m' )}</style>",
        "<g style='filter:url(&quot;#f&quot;)'/>",
    ],
)
def test_an_svg_that_keeps_to_itself(inside):
    read_picture(f"<svg xmlns='http://www.w3.org/2000/svg'>{inside}</svg>".encode())


@pytest.mark.parametrize(
    "data",
    [
        b"<?xml version='1.0' encoding='utf-8'?>\n<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd'>\n"
        + DRAWN,
        b"\xef\xbb\xbf\n<!-- x -->" + DRAWN,
        b"<s:svg xmlns:s='http://www.w3.org/2000/svg' viewBox='0 0 4 3'/>",
    ],
)
def test_ways_to_begin_an_svg(data):
    assert read_picture(data).ending == "svg"


@pytest.mark.parametrize(
    ("inside", "problem"),
    [
        ("<script/>", "<script>"),
        ("<SCRIPT/>", "<SCRIPT>"),
        ("<foreignObject/>", "<foreignObject>"),
        ("<g onload='x'/>", "onload"),
        ("<a href='java&#9;script:x'/>", "href"),
        ("<set attributeName='href' to='javascript:x'/>", "to"),
        ("<iframe xmlns='http://www.w3.org/1999/xhtml'/>", "<iframe>"),
        ("<image href='https://a.example/1.png'/>", 'href="https://a.example/1."'),
        ("<image xmlns:x='http://www.w3.org/1999/xlink' x:href='//a.example/1.png'/>", 'href="//a.example/1.png"'),
        ("<use href='other.svg#a'/>", 'href="other.svg#a"'),
        ("<feImage href='http://169.254.169.254/'/>", 'href="http://169.254.169.2"'),
        ("<g style='fill:url(https://a.example/)'/>", 'style="fill:url(https://a.e"'),
        ("<g fill=' URL( \"x.svg#a\")'/>", 'fill=" URL( "x.svg#a")"'),
        ("<style>@import 'a.css';</style>", "@import"),
        ("<style>a{b:u<![CDATA[rl(//x)]]></style>", "url("),
        ("<style>a{b:\\75rl(//x)}</style>", "\\7"),
        ("<g xml:base='https://a.example/'/>", 'base="https://a.example/"'),
        ("<image href='data:image/svg+xml,x'/>", "href"),
    ],
)
def test_an_svg_that_does_not(inside, problem):
    data = f"<svg xmlns='http://www.w3.org/2000/svg'>{inside}</svg>".encode()
    if "CDATA" in inside:
        data = data.replace(b"</style>", b"}</style>")
    assert why(data) == f"SVG 里有 {problem}，不收"


def test_an_svg_that_is_made_to_be_read_slowly():
    """几百万个空格，几层实体：与长度成正比，不然这里永远等不到。"""
    blanks = " " * 2_000_000
    for inside in (f"<g fill='url({blanks}#a)'/>", f"<style>url({blanks}'{blanks}#a)</style>", f"<g a='{blanks}'/>"):
        read_picture(f"<svg xmlns='http://www.w3.org/2000/svg'>{inside}</svg>".encode())
    laughs = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10 if n else 'ha'}'>" for n in range(12))
    assert why(f"<!DOCTYPE svg [{laughs}]><svg xmlns='http://www.w3.org/2000/svg'>&a11;</svg>".encode()).startswith("SVG 里有 <!ENTITY")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"<?xml-stylesheet href='a.css'?>" + DRAWN, "<?xml-stylesheet>"),
        (b"<!DOCTYPE svg [<!ENTITY a 'x'>]>" + DRAWN, "<!ENTITY a>"),
        (DRAWN[:-3], "不完整的 XML"),
        (b"<?xml version='1.0'?><g><svg xmlns='http://www.w3.org/2000/svg'/></g>", "<g>"),
    ],
)
def test_an_svg_around_which_there_is_something(data, problem):
    assert why(data) == f"SVG 里有 {problem}，不收"
