"""带来的图片：不跟着符号链接出去，名字到处都存得下，不顶替站点自己的文件，里面没有会运行的东西。"""

import os
import sys

import pytest
from click.testing import CliRunner

from kb.cli.commands import main
from kb.intake.fitting import name_problem, svg_problem

PNG = b"\x89PNG\r\n\x1a\n"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{}</svg>'
needs_links = pytest.mark.skipif(sys.platform == "win32", reason="Windows 上建符号链接要权限")


@pytest.fixture
def add(project, monkeypatch):
    monkeypatch.chdir(project.root)

    def run(address, *paths, place="in/posts/note.md"):
        """What `kb add` said, and which files but the note came to docs/."""
        project.write(place, f"---\ntitle: 题\nabbrlink: 1\n---\n\n字\n\n![]({address})\n")
        before = {*project.root.joinpath("docs").rglob("*")}
        done = CliRunner().invoke(main, ["add", *(paths or (place,))])
        assert done.exit_code == 0, done.output
        new = {*project.root.joinpath("docs").rglob("*.*")} - before
        names = {path.relative_to(project.root / "docs").as_posix() for path in new}
        return done.output, {name for name in names if not name.endswith(".md")}

    return run


def put(project, name, data=PNG):
    path = project.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@needs_links
class TestLinks:
    def link(self, project, name, to):
        path = project.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(os.path.relpath(project.root / to, path.parent))

    @pytest.mark.parametrize(
        ("link", "to", "address"),
        [
            ("in/posts/x.png", "secret/x.png", "x.png"),
            ("in/posts/note", "secret", "note/x.png"),
            ("in/img", "secret", "../img/x.png"),
            ("in/posts/a/b", "secret", "a/b/x.png"),
            ("in/posts/x.png", "in/posts-of-others/../../secret/x.png", "x.png"),
        ],
    )
    def test_out_of_the_folder(self, project, add, link, to, address):
        put(project, "secret/x.png")
        self.link(project, link, to)
        output, came = add(address, "in")
        assert came == set()
        assert "in/posts/note.md:8：图片 " in output and "是符号链接，指到了笔记的文件夹外面" in output

    @pytest.mark.parametrize(
        ("link", "to", "address"),
        [
            ("in/posts/x.png", "in/posts/y.png", "x.png"),
            ("in/posts/note", "in/all/images", "note/x.png"),
            ("in/posts/x.png", "in/all/images/x.png", "x.png"),
        ],
    )
    def test_within_the_collection(self, project, add, link, to, address):
        put(project, "in/posts/y.png")
        put(project, "in/all/images/x.png")
        self.link(project, link, to)
        output, came = add(address, "in")
        assert len(came) == 1 and "没有带来" not in output

    def test_a_collection_that_is_itself_reached_by_a_link(self, project, add):
        put(project, "there/posts/x.png")
        self.link(project, "in", "there")
        assert add("x.png", "in")[1] == {"posts/1/x.png"}


class TestNames:
    @pytest.mark.parametrize(
        "name",
        ["CON.png", "con.png", "Aux.tar.png", "nul .png", "COM1.png", "lpt9.png", "COM¹.png", "CONOUT$.png"]
        + ["a:b.png", "a*.png", "a?.png", "a<b>.png", 'a".png', "a|b.png", "a\\b.png"]
        + ["a\nb.png", "a\rb.png", "a\x00b.png", "a\x1fb.png", "a\x7f.png", "a\x85.png", "a\u2028b.png"]
        + ["x/CON/y.png", "x./y.png", "x /y.png", "prn/y.png", "y.png ", "y.png."]
        + ["长" * 85 + ".png", "\udcff.png"],
    )
    def test_that_windows_cannot_hold(self, name):
        assert name_problem(f"posts/1/{name}")

    @pytest.mark.parametrize("name", ["图 1.png", "a'b.png", "con1.png", "console.png", "x.y.png", "é.png", "长" * 83 + ".png"])
    def test_that_every_system_can(self, name):
        assert name_problem(f"posts/1/{name}") is None

    @pytest.mark.parametrize(
        "path",
        ["assets/images/favicon.png", "Assets/x.png", "assets/x/y.svg", "search/x.png", "favicon.ico", "favicon.svg"]
        + ["apple-touch-icon.png", "posts/2.md/x.png", "posts/2/index.html/x.png", "index.html/x.png", "404.html/x.png"]
        + ["sitemap.xml/x.png", "sitemap.xml.gz/x.png", "feed_rss_created.xml/x.png", ".git/x.png", "posts/.x.png"],
    )
    def test_of_the_site_itself(self, path):
        assert name_problem(path)

    @pytest.mark.parametrize("path", ["img/x.png", "posts/img/favicon.png", "posts/1/assets/x.png", "images/logo.svg"])
    def test_beside_those(self, path):
        assert name_problem(path) is None

    @pytest.mark.skipif(sys.platform == "win32", reason="这样的名字 Windows 上写不出来")
    @pytest.mark.parametrize(
        ("file", "address", "says"),
        [
            ("in/posts/CON.png", "CON.png", "在 Windows 上存不下"),
            ("in/posts/a:b.png", "a%3Ab.png", "在 Windows 上存不下"),
            ("in/posts/a\nb.png", "a%0Ab.png", "a\\nb.png"),
            ("in/posts/.hidden/x.png", ".hidden/x.png", "以 . 开头"),
        ],
    )
    def test_a_remark_on_each(self, project, add, file, address, says):
        put(project, file)
        place = "in/source/_posts/note.md" if "source" in file else "in/posts/note.md"
        output, came = add(address, place=place)
        assert came == set()
        assert f"{place}:8：图片 " in output and says in output and "没有带来" in output
        assert all(line.startswith(("已添加", "  注意：", "注意：1 篇没有写 date", "共", "页面文件")) for line in output.splitlines())

    def test_in_the_place_of_the_site_s_own(self, project, add):
        put(project, "in/source/assets/images/favicon.png")
        output, came = add("/assets/images/favicon.png", place="in/source/_posts/note.md")
        assert came == {"posts/1/assets/images/favicon.png"} and "没有带来" not in output

    def test_two_that_differ_in_case(self, project, add):
        put(project, "in/posts/X.png")
        put(project, "in/posts/x.png")
        output, came = add("X.png)\n\n![](x.png")
        assert came == {"posts/1/X.png"} and "只差大小写" in output


    @pytest.mark.parametrize(
        ("there", "address"),
        [("docs/posts/Img/a.png", "../img/b.png"), ("docs/posts/IMG/x/a.png", "../img/x/b.png"), ("docs/posts/1/Sub/a.png", "sub/b.png")],
    )
    def test_a_folder_that_is_there_in_another_case(self, project, add, there, address):
        put(project, there)
        put(project, f"in/posts/{address}")
        output, came = add(address)
        assert came == set() and "只差大小写" in output

    def test_one_that_is_there_in_another_case(self, project, add):
        put(project, "docs/posts/1/X.png")
        put(project, "in/posts/x.png")
        output, came = add("x.png")
        assert came == set() and "与 docs/posts/1/X.png 只差大小写" in output


class TestPrivate:
    @pytest.mark.parametrize("address", ["../_drafts/x.png", "../_drafts/secret/x.png", "../_Drafts/x.png"])
    def test_of_a_draft(self, project, add, address):
        put(project, f"in/{address.removeprefix('../')}")
        output, came = add(address, "in/posts/note.md")
        assert came == set() and "是草稿或私密的笔记的，没有带来" in output

    @pytest.mark.parametrize(
        ("note", "file", "address"),
        [
            ("in/posts/secret.md", "in/posts/secret/x.png", "secret/x.png"),
            ("in/posts/secret.md", "in/posts/secret/deep/x.png", "../posts/secret/deep/x.png"),
            ("in/posts/secret/index.md", "in/posts/secret/x.png", "secret/x.png"),
            *(
                (f"in/posts/secret{suffix}", f"in/posts/{folder}/x.png", f"{folder}/x.png")
                for suffix in (".md", ".MD", ".markdown")
                for folder in ("secret", "secret.assets", "secret_files", "Secret.Assets")
            ),
            ("in/posts/secret/Index.markdown", "in/posts/secret/x.png", "secret/x.png"),
            ("in/other/secret/index.md", "in/other/secret/x.png", "../other/secret/x.png"),
        ],
    )
    @pytest.mark.parametrize("text", ["---\npassword: x\n---\n", "+++\ndraft = true\n+++\n", "---\ntitle: [\n---\n"])
    def test_of_a_private_note(self, project, add, note, file, address, text):
        put(project, file)
        project.write(note, text)
        output, came = add(address)
        assert came == set() and "是草稿或私密的笔记的，没有带来" in output

    def test_of_a_public_one(self, project, add):
        put(project, "in/posts/other/x.png")
        project.write("in/posts/other.md", "---\ntitle: x\n---\n")
        assert add("other/x.png")[1] == {"posts/1/other/x.png"}

    @needs_links
    def test_through_a_link(self, project, add):
        put(project, "in/posts/secret/x.png")
        project.write("in/posts/secret.md", "---\npassword: x\n---\n")
        (project.root / "in/posts/img").symlink_to("secret")
        assert add("img/x.png")[1] == set()


class TestSvg:
    @pytest.mark.parametrize(
        "inside",
        [
            "<script>alert(1)</script>",
            "<SCRIPT/>",
            '<script href="x.js"/>',
            '<rect onclick="alert(1)"/>',
            '<rect ONLOAD="alert(1)"/>',
            "<foreignObject/>",
            '<a href="javascript:alert(1)"/>',
            '<a xlink:href=" java&#10;script:alert(1)"/>',
            '<a href="vbscript:x"/>',
            '<a href="data:text/html,x"/>',
            '<image href="data:image/svg+xml,x"/>',
            '<use href="javascript:x"/>',
            '<set attributeName="href" to="javascript:alert(1)"/>',
            '<animate attributeName="href" values="x;javascript:alert(1)"/>',
            '<x:body xmlns:x="http://www.w3.org/1999/xhtml"/>',
            '<x:script xmlns:x="http://www.w3.org/2000/svg"/>',
            '<iframe src="x"/>',
            "<g>",
            "&nbsp;",
        ],
    )
    def test_what_would_run(self, inside):
        assert svg_problem(SVG.format(inside).encode())

    @pytest.mark.parametrize(
        "data",
        [
            b'<?xml-stylesheet href="x.xsl" type="text/xsl"?>' + SVG.format("").encode(),
            b'<!DOCTYPE svg [<!ENTITY x "<script/>">]>' + SVG.format("&x;").encode(),
            SVG.format("<script/>").encode("utf-16"),
            b"\xef\xbb\xbf" + SVG.format("<script/>").encode(),
            b"<script>",
            b"",
            b"text",
        ],
    )
    def test_in_other_places(self, data):
        assert svg_problem(data)

    @pytest.mark.parametrize(
        "inside",
        ["", '<path d="M0 0"/>', "<style>.a{fill:red}</style>", '<a href="https://a.example/"/>', "<text>onload=script</text>"]
        + ['<image href="data:image/png;base64,AA"/>', "<title>javascript: 是什么</title>", '<use href="#a"/>'],
    )
    def test_what_only_draws(self, inside):
        assert svg_problem(SVG.format(inside).encode()) is None

    def test_a_remark(self, project, add):
        put(project, "in/posts/x.svg", SVG.format("<script/>").encode())
        output, came = add("x.svg")
        assert came == set() and "图片 x.svg 里有 <script>，单独打开时会运行，没有带来。" in output
        put(project, "in/posts/x.svg", SVG.format("").encode())
        assert add("x.svg")[1] == {"posts/1/x.svg"}


class TestOtherFiles:
    """附件和 include_code 的文件：在收藏里面的一起带来，别的不带。"""

    def add(self, project, body, monkeypatch):
        monkeypatch.chdir(project.root)
        project.write("in/source/_posts/note.md", f"---\ntitle: 题\nabbrlink: 1\n---\n\n字\n\n{body}\n")
        done = CliRunner().invoke(main, ["add", "in"])
        assert done.exit_code == 0, done.output
        names = {path.relative_to(project.root / "docs").as_posix() for path in (project.root / "docs").rglob("*.*")}
        return done.output, {name for name in names if not name.endswith((".md", ".yml"))}

    @pytest.mark.parametrize(
        ("body", "file", "place"),
        [
            ("[讲义](a.pdf)", "in/source/_posts/a.pdf", "posts/1/a.pdf"),
            ("[讲义](/files/a.pdf)", "in/source/files/a.pdf", "files/a.pdf"),
            ("![[a.pdf]]", "in/source/_posts/note/a.pdf", "posts/1/a.pdf"),
            ("{% include_code 题 a/b.py %}", "in/source/downloads/code/a/b.py", "posts/1/a/b.py"),
        ],
    )
    def test_come_along(self, project, monkeypatch, body, file, place):
        put(project, file, b"x")
        output, came = self.add(project, body, monkeypatch)
        assert came == {place} and "没有带来" not in output

    @pytest.mark.parametrize(
        ("body", "file", "says"),
        [
            ("[密](../../../secret.pdf)", "secret.pdf", "在这些笔记的文件夹外面"),
            ("{% include_code ../../../secret.py %}", "secret.py", "在这些笔记的文件夹外面"),
            ("{% include_code ../_drafts/x.py %}", "in/source/_drafts/x.py", "是草稿或私密的笔记的"),
            ("{% include_code a.html %}", "in/source/_posts/a.html", "不是代码文件"),
            ("[页](a.html)", "in/source/_posts/a.html", ""),
            ("[笔记](a.md)", "in/source/_drafts/a.md", ""),
            ("[没有](没有.pdf)", "in/source/_posts/a.pdf", ""),
        ],
    )
    def test_stay_where_they_are(self, project, monkeypatch, body, file, says):
        put(project, file, b"x")
        output, came = self.add(project, body, monkeypatch)
        assert came == set() and says in output

    def test_go_with_the_note(self, project, monkeypatch):
        put(project, "in/source/files/a.pdf", b"x")
        self.add(project, "[讲义](/files/a.pdf)", monkeypatch)
        assert CliRunner().invoke(main, ["remove", "1"]).exit_code == 0
        assert not (project.root / "docs/files/a.pdf").exists()
