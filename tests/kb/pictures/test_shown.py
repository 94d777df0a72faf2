"""页面上的图片：有自己的一份就显示它，留好地方；没有，一切照旧；第几张，共几张。"""

import pytest

from kb.pictures.copies import Copy, lock_bytes
from kb.pictures.wanted import find_wanted

A, B = "a" * 32, "b" * 32
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (800).to_bytes(4) + (600).to_bytes(4) + b"\x08\2\0\0\0"


@pytest.fixture
def copies(project):
    """登记几份，写好文件。"""

    def keep(**known):
        folder = project.root / "docs/assets/pictures"
        folder.mkdir(parents=True, exist_ok=True)
        made = {}
        for name, (file, *sizes) in known.items():
            made[f"https://a.example/{name}"] = copy = Copy(file, 1, "x", "2024-03-01", *sizes)
            for uri in copy.uris:
                (project.root / "docs" / uri).write_bytes(b"x")
        (project.root / "pictures.lock.json").write_bytes(lock_bytes(made))

    return keep


def image(project, text):
    (found,) = project.render(text).select("article img, img")
    return found


class TestBeside:
    """与笔记放在一起的图片。"""

    @pytest.mark.parametrize(
        ("written", "shown"),
        [
            ("![图](/assets/a.png)", ("800", "600")),
            ('<img src="/assets/a.png" width="200">', ("200", "150")),
            ('<img src="/assets/a.png" height="300">', ("400", "300")),
            ('<img src="/assets/a.png" style="zoom:50%">', ("800", "600")),
        ],
    )
    def test_room_is_kept(self, project, written, shown):
        (project.root / "docs/assets").mkdir(exist_ok=True)
        (project.root / "docs/assets/a.png").write_bytes(PNG)
        img = image(project, f"{written}\n")
        assert (img["src"], img["loading"]) == ("../../assets/a.png", "lazy")
        assert (img["width"], img["height"]) == shown

    @pytest.mark.parametrize("data", [b"", b"x", PNG[:20], b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<svg"])
    def test_none_where_nobody_knows_how_much(self, project, data):
        (project.root / "docs/assets").mkdir(exist_ok=True)
        (project.root / "docs/assets/a.svg").write_bytes(data)
        img = image(project, "![图](/assets/a.svg)\n")
        assert img["src"] == "../../assets/a.svg" and not img.has_attr("width")


class TestOwn:
    def test_is_shown_with_room_kept(self, project, copies):
        copies(x=(f"{A}.png", 800, 600))
        img = image(project, "![图](https://a.example/x)\n")
        assert img["src"] == f"../../assets/pictures/{A}.png"
        assert (img["width"], img["height"], img["loading"]) == ("800", "600", "lazy")
        assert img["data-original"] == "https://a.example/x" and not img.has_attr("srcset")
        assert img.parent["class"] == ["picture", "is-alone", "is-own"]
        assert img.parent.select_one("a")["href"] == "https://a.example/x"
        assert img.parent.select_one(".picture-note").text == "图，来自 a.example。打开原图"

    def test_smaller_ones(self, project, copies):
        copies(x=(f"{A}.png", 2400, 1200, (640, 1280, 1920)), y=(f"{B}.jpg", 800, 400, (640, 800)))
        one, other = project.render("![](https://a.example/x)\n\n![](https://a.example/y)\n").select("img")
        assert one["srcset"] == (
            f"../../assets/pictures/{A}-640.webp 640w, ../../assets/pictures/{A}-1280.webp 1280w, "
            f"../../assets/pictures/{A}-1920.webp 1920w, ../../assets/pictures/{A}.png 2400w"
        )
        assert other["srcset"].endswith(f"{B}-800.webp 800w") and other["sizes"].startswith("auto, (min-width:")

    @pytest.mark.parametrize(("name", "up"), [("posts/1.md", "../../"), ("index.md", ""), ("tags/index.md", "../"), ("about.md", "../")])
    def test_their_addresses_as_a_browser_sees_them(self, project, copies, name, up):
        copies(x=(f"{A}.png", 800, 600, (640,)))
        img = project.render("![图](https://a.example/x)\n", name).select_one("img")
        assert img["srcset"].split()[0] == f"{up}assets/pictures/{A}-640.webp"

    def test_of_a_smaller_one_that_is_gone_nothing_is_said(self, project, copies):
        copies(x=(f"{A}.png", 2400, 1200, (640, 1280)))
        (project.root / f"docs/assets/pictures/{A}-640.webp").unlink()
        assert "640" not in image(project, "![](https://a.example/x)\n")["srcset"]

    @pytest.mark.parametrize(
        ("written", "sides"),
        [
            ('width="300"', ("300", "225", None)),
            ('height="60px"', ("80", "60", None)),
            ('width="30" height="70"', ("30", "70", None)),
            ('width="50%"', ("50%", None, "aspect-ratio:800/600")),
            ('style="zoom:50%"', ("800", "600", "zoom:50%")),
        ],
    )
    def test_the_sizes_that_its_author_gave(self, project, copies, written, sides):
        copies(x=(f"{A}.png", 800, 600, (640,)))
        img = image(project, f'<img src="https://a.example/x" {written}>\n')
        assert (img.get("width"), img.get("height")) == sides[:2]
        style = (img.get("style") or "").replace(" ", "")
        assert style == (sides[2] or "")
        assert img["sizes"].startswith("auto") is (sides[1] is not None)

    def test_one_that_says_no_size(self, project, copies):
        copies(x=(f"{A}.svg",))
        img = image(project, "![](https://a.example/x)\n")
        assert img["src"].endswith(f"{A}.svg") and not img.has_attr("width")

    @pytest.mark.parametrize(
        "text",
        [
            "![](https://a.example/x?a=1&b=2)",
            "![](https://a.example/x?a=1&amp;b=2)",
            '<img src="https://a.example/x?a=1&amp;b=2">',
            '<img src="https://a.example/x?a=1&b=2">',
            '<p><img src=" https://a.example/图 1.png "></p>',
            "![](<https://a.example/图 1.png>)",
            "![][一]\n\n[一]: //a.example/%E5%9B%BE.png '题'",
            "{% img https://a.example/x?a&b 说明 %}",
            "{{< figure src=\"https://a.example/x?a&b\" >}}",
            "![[https://a.example/x.png|300]]",
            "HTTPS://A.example/ <b>![](HTTPS://A.example/x?a&b)</b>",
            "> alec：![](https://a.example/x?a&copy=2)",
        ],
    )
    def test_what_is_fetched_is_what_is_shown(self, project, copies, text):
        """取图片的和写页面的，认的是同一个地址。"""
        page = project.render(f"{text}\n")
        wanted = find_wanted(project.root)
        assert len(wanted) == len(page.select("img")) == 1 or "{%" in text or "[[" in text
        copies(**{"x": (f"{A}.png", 8, 6)})
        lock = {address: Copy(f"{A}.png", 1, "x", "2024-03-01", 8, 6) for address in wanted}
        (project.root / "pictures.lock.json").write_bytes(lock_bytes(lock))
        for img in project.render(f"{text}\n").select("img"):
            assert img["src"] == f"../../assets/pictures/{A}.png"

    def test_in_a_heading_and_in_a_link(self, project, copies):
        copies(x=(f"{A}.png", 8, 6))
        page = project.render("## ![](https://a.example/x)\n\n[![](https://a.example/x)](https://b.example/)\n")
        assert [img["data-original"] for img in page.select("h2 img, a img")] == ["https://a.example/x"] * 2

    def test_covers(self, project, copies):
        copies(x=(f"{A}.png", 800, 600))
        page = project.render("---\ntitle: 一\nindex_img: https://a.example/x\n---\n\n正文\n")
        assert page.select_one(".note-cover img")["src"].endswith(f"/{A}.png")
        card = project.render("---\nfill: home\n---\n", "index.md").select_one(".card img")
        assert card["src"] == f"assets/pictures/{A}.png" and card["data-original"] == "https://a.example/x"

    def test_without_the_file_as_without_copies(self, project, copies):
        """文件不在 git 里，刚取下来的项目就没有。"""
        text = "![图](https://a.example/x)\n\n![](https://a.example/y)\n"
        before = str(project.render(text))
        copies(x=(f"{A}.png", 800, 600))
        assert str(project.render(text)) != before
        (project.root / f"docs/assets/pictures/{A}.png").unlink()
        assert str(project.render(text)) == before


class TestNumbers:
    def test_which_of_how_many(self, project):
        project.write("docs/posts/1/own.png", "x")
        text = "---\ntitle: 一\nindex_img: https://a.example/c\n---\n\n![一](https://a.example/1) ![](own.png)\n\n![三](gone.png)\n"
        notes = [note.text for note in project.render(text).select(".picture-note")]
        assert notes == [
            "封面，来自 a.example。打开原图",
            "第 1 / 3 张，一，来自 a.example。打开原图",
            "第 3 / 3 张，三：gone.png",
        ]

    def test_not_on_pages_of_ours(self, project):
        page = project.render("![一](https://a.example/1)\n\n![二](https://a.example/2)\n", "about.md")
        assert [note.text[:1] for note in page.select(".picture-note")] == ["一", "二"]
