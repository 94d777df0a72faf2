"""kb add：逐字节收进来，收不了的说明原因，什么也不改。"""

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urljoin

import pytest
from click.testing import CliRunner
from filelock import FileLock

import kb.notes.files
from kb.cli.commands import main
from kb.intake.abbrlink import crc_abbrlinks
from kb.notes.embedded import LOCK, fingerprint, is_original, read_lock
from kb.site.pages import find_pages, missing_pages
from tests.kb.lab import render

NOTE = "---\r\nabbrlink: 0123abcd\r\ntitle: x\r\ndate: 2024-01-01\r\n---\r\n\r\n文字 \r\n没有行尾"
EMBED = '``` {.python .embed}\n--8<-- "numbers.py:half"\n```\n\n'
PNG = b"\x89PNG\r\n\x1a\n"


def note(abbrlink=1, body="正文\n", **meta):
    lines = "".join(f"{key}: {value}\n" for key, value in {"abbrlink": abbrlink, "title": "题", "date": "2024-01-01", **meta}.items())
    return f"---\n{lines}---\n\n{body}"


@pytest.fixture
def add(project, monkeypatch):
    monkeypatch.chdir(project.root)

    def run(*paths):
        done = CliRunner().invoke(main, ["add", *map(str, paths)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        *lines, last = done.output.splitlines(keepends=True) or [""]
        pages = last.startswith("页面文件：")  # 写好的页面另有测试
        return done.exit_code, "".join(lines) if pages else done.output

    return run


def files(root):
    """Everything below docs/ but the pages that the tool makes, and the lock, as bytes."""
    made = {root / "docs" / uri for uri in find_pages(root)}
    paths = [path for path in (root / "docs").rglob("*") if path not in made]
    paths.append(root / "notes.lock.json")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths if path.is_file()}


class TestOneNote:
    def test_what_its_html_loses_is_counted(self, project, add):
        source = project.write("in/note.md", note(body='<p class=a onclick=b style="color:red;position:fixed">一</p>\n'))
        code, said = add(source)
        assert (code, "（HTML 的 3 个属性和样式在页面上去掉）" in said) == (0, True)

    @pytest.mark.parametrize(
        ("line", "remark"),
        [
            ("tags: a", "\n注意：1 篇没有写 date，排在没有日期的笔记里。"),
            ("date: 昨天", "\n  注意：date 写的是 '昨天'，看不懂，排在没有日期的笔记里。"),
            ("date: 2024-03-01 20:00:00", ""),
        ],
    )
    def test_a_date_that_is_none(self, project, add, line, remark):
        code, said = add(project.write("in/note.md", f"---\ntitle: 一\n{line}\n---\n\n正文\n"))
        assert (code, "没有日期" in said) == (0, bool(remark))
        assert remark in said

    @pytest.mark.parametrize(
        ("lines", "number", "problem"),
        [
            ("title: a: b", 2, "值里有冒号，要加引号：title: 'a: b'"),
            ("title: 一\ndate: 2024-02-31", 3, "没有 2024-02-31 这个日期"),
        ],
    )
    def test_front_matter_that_lacks_little(self, project, add, lines, number, problem):
        code, said = add(source := project.write("in/note.md", f"---\n{lines}\n---\n\n正文\n"))
        assert code == 1
        assert f"{source}:{number}：front matter 不是正确的 YAML（{problem}）" in said

    def test_byte_for_byte(self, project, add):
        source = project.write("in/note.md", NOTE)
        assert add(source) == (
            0,
            f"已添加：{source} → docs/posts/0123abcd.md\n共 1 篇：已添加 1。\n",
        )
        assert (project.root / "docs/posts/0123abcd.md").read_bytes() == NOTE.encode()
        assert read_lock(project.root) == {"docs/posts/0123abcd.md": fingerprint(NOTE.encode())}

    def test_its_pages_are_written_too(self, project, add):
        add(project.write("in/note.md", note(tags="一个标签")))
        assert missing_pages(project.root) == []
        assert (project.root / "docs/tags/一个标签.md").exists()

    def test_again_keeps_embeds(self, project, add):
        source = project.write("in/note.md", NOTE)
        add(source)
        embedded = NOTE + "\r\n" + EMBED.replace("\n", "\r\n")
        target = project.write("docs/posts/0123abcd.md", embedded)
        assert add(source) == (0, f"没有变化：{source} → docs/posts/0123abcd.md\n共 1 篇：没有变化 1。\n")
        assert target.read_bytes() == embedded.encode()
        assert not list(project.root.glob(".kb-backup/*/docs"))

    def test_a_byte_order_mark_stays(self, project, add):
        text = "\ufeff" + note()
        code, output = add(project.write("in/note.md", text))
        assert code == 0, output
        assert (project.root / "docs/posts/1.md").read_bytes() == text.encode()

    def test_a_byte_order_mark_hides_no_password(self, project, add):
        code, output = add(project.write("in/note.md", "\ufeff" + note(password="x")))
        assert (code, "私密未收 1" in output) == (0, True)
        assert not (project.root / "docs/posts").exists()

    def test_an_octal_looking_abbrlink_stays_text(self, project, add):
        add(project.write("in/note.md", "---\nabbrlink: 0123\n---\n"))
        assert (project.root / "docs/posts/0123.md").exists()


class TestNewVersion:
    OLD = note(body="一\n\n二\n\n" + EMBED + "三\n")

    def start(self, project, add):
        assert add(project.write("in/note.md", self.OLD.replace(EMBED, "")))[0] == 0
        return project.write("docs/posts/1.md", self.OLD)

    def test_embeds_follow_and_the_old_one_is_kept(self, project, add):
        target = self.start(project, add)
        new = note(body="零\n\n一改了\n\n二\n\n三\n")
        code, output = add(project.write("in/note.md", new))
        assert code == 0
        assert target.read_text("utf-8") == new.replace("二\n\n", "二\n\n" + EMBED)
        assert read_lock(project.root) == {"docs/posts/1.md": fingerprint(new.encode())}
        (backup,) = (project.root / ".kb-backup").glob("*/docs/posts/1.md")
        assert backup.read_text("utf-8") == self.OLD
        shown = backup.relative_to(project.root).as_posix()
        assert output == (
            f"已更新：{project.root / 'in/note.md'} → docs/posts/1.md（1 个嵌入块跟了过来；换下的在 {shown}）\n"
            "共 1 篇：已更新 1。\n"
        )

    def test_every_version_has_its_backup(self, project, add):
        self.start(project, add)
        for text in "四五六":
            assert add(project.write("in/note.md", note(body=f"二\n\n{text}\n")))[0] == 0
        assert len(list((project.root / ".kb-backup").glob("*/docs/posts/1.md"))) == 3

    def test_a_block_that_changed(self, project, add):
        self.start(project, add)
        before = files(project.root)
        source = project.write("in/note.md", note(body="一\n\n二改了\n\n三\n"))
        code, output = add(source)
        assert code == 1
        assert f"{source}：是 docs/posts/1.md 的新版本，但嵌入块不能都跟过去，什么也没有改。" in output
        assert (
            f"嵌入块 numbers.py:half 跟在“二”（docs/posts/1.md:9）后面，新版本里它改了：“二改了”（{source}:9）"
            in output
        )
        assert "加上 --embeds keep，就放到最近的地方；加上 --embeds drop，就取出来，再用 kb embed 嵌到新的位置。" in output
        assert files(project.root) == before

    def test_a_note_that_was_edited_here(self, project, add):
        self.start(project, add)
        project.write("docs/posts/1.md", self.OLD + "改了\n")
        before = files(project.root)
        code, output = add(project.write("in/note.md", note(body="新\n")))
        assert code == 1
        assert "docs/posts/1.md 去掉嵌入块以后不是这个版本，也不是 notes.lock.json 里登记的版本，没有覆盖它" in output
        assert files(project.root) == before

    def test_another_note_of_the_same_abbrlink(self, project, add):
        add(project.write("in/a.md", note(title="甲", date="2023-01-01")))
        code, output = add(project.write("in/b.md", note(title="乙", date="2023-01-02")))
        assert code == 1
        assert "docs/posts/1.md 已经是另一篇笔记，标题和日期都不同，没有覆盖它" in output
        assert add(project.write("in/c.md", note(title="乙", date="2023-01-01")))[0] == 0

    def test_a_public_note_that_became_private(self, project, add):
        self.start(project, add)
        before = files(project.root)
        source = project.write("in/note.md", note(password="secret", body="不许说\n"))
        code, output = add(source)
        assert code == 1
        assert "docs/posts/1.md 是它从前公开的版本，仍在站点上。用 kb remove 1 撤下；git 的历史和 .kb-backup/" in output
        assert "不许说" not in output and "secret" not in output
        assert files(project.root) | {LOCK: None} == before | {LOCK: None}
        assert add(source)[0] == 1


class TestFolders:
    def test_a_hexo_blog(self, project, add):
        blog = project.root / "blog"
        for name, number in {
            "source/_posts/a.md": 1,
            "source/_posts/sub/b.MD": 2,
            "source/_posts/_hidden.md": 3,
            "source/_posts/.hidden/c.md": 4,
            "source/about/index.md": 5,
            "node_modules/x/README.md": 6,
            "scaffolds/post.md": 7,
        }.items():
            project.write(f"blog/{name}", note(number))
        project.write("blog/source/_drafts/d.md", note(8, title="不许说", body="不许看\n"))
        code, output = add(blog)
        assert code == 0, output
        assert sorted(read_lock(project.root)) == ["docs/posts/1.md", "docs/posts/2.md"]
        assert output.endswith("共 3 篇：已添加 2，私密未收 1。私密的不收：_drafts 1 篇。\n")
        assert "不许" not in output

    def test_a_blog_without_drafts(self, project, add):
        project.write("blog/source/_posts/a.md", note())
        assert add(project.root / "blog")[0] == 0

    def test_any_folder(self, project, add):
        for name, number in {"a.md": 1, "_posts/b.md": 2, "_x/c.md": 3, "y.txt": 4, ".git/d.md": 5}.items():
            project.write(f"notes/{name}", note(number))
        assert add(project.root / "notes")[0] == 0
        assert sorted(read_lock(project.root)) == ["docs/posts/1.md", "docs/posts/2.md"]

    def test_private_notes_are_counted_and_nothing_of_them_is_told(self, project, add):
        for number, meta in enumerate(
            ({"password": "p"}, {"password": "q"}, {"published": "false"}, {"draft": "true"})
        ):
            project.write(f"in/{number}.md", note(number, title="不许说", body="不许看\n", **meta))
        code, output = add(project.root / "in")
        assert code == 0
        assert output == ("共 4 篇：私密未收 4。私密的不收：password 2 篇，published: false 1 篇，draft 1 篇。\n")
        assert files(project.root) == {}

    def test_a_folder_without_notes(self, project, add):
        (project.root / "empty").mkdir()
        code, output = add(project.root / "empty")
        assert code == 1
        assert f"没有添加：{project.root / 'empty'}：这个文件夹里没有笔记（.md 文件）。检查路径。\n" in output

    def test_the_same_note_twice_is_one(self, project, add):
        source = project.write("in/a.md", note())
        code, output = add(source, project.root / "in", project.root / "in/../in/a.md")
        assert (code, output.splitlines()[-1]) == (0, "共 1 篇：已添加 1。")

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows 上建符号链接要权限")
    def test_symbolic_links_end(self, project, add):
        project.write("in/a.md", note(1))
        project.write("elsewhere/b.md", note(2))
        for name, to in {
            "loop": ".",
            "sub": "../elsewhere",
            "broken": "missing",
            "gone.md": "missing.md",
            "round.md": "round.md",
        }.items():
            (project.root / "in" / name).symlink_to(to)
        (project.root / "elsewhere/back").symlink_to("../in")
        code, output = add(project.root / "in")
        assert code == 1
        assert sorted(read_lock(project.root)) == ["docs/posts/1.md", "docs/posts/2.md"]
        assert "gone.md：读不到这个文件（没有这个文件）" in output
        assert "round.md：读不到这个文件（符号链接绕成了圈）" in output
        assert f"注意：{project.root / 'in/broken'}：符号链接断了" in output
        assert f"注意：{project.root / 'in/loop'}：符号链接指回已经走过的文件夹" in output
        assert f"注意：{project.root / 'in/sub/back'}：符号链接指回已经走过的文件夹" in output
        assert "共 4 篇：已添加 2，没有添加 2。" in output


class TestAddresses:
    """用 hexo-abbrlink 2.2.1（alg: crc32，rep: dec）算出的值。"""

    @pytest.mark.parametrize(
        ("title", "expected"),
        [
            ("", "0"),
            ("x", "2363233923"),
            ("123", "2286445522"),
            ("Hello World", "1243066710"),
            ("注意力机制", "337450599"),
            ("emoji 😀 与 𠮷", "3535991620"),
            ("002 - 文章阅读笔记：总结部分注意力机制 - CSDN - 向上取整 - 专栏：计算机视觉", "681746266"),
        ],
    )
    def test_the_crc_of_the_title(self, title, expected):
        assert next(crc_abbrlinks(title)) == expected

    def test_counts_on_where_it_is_taken(self, project, add):
        for name, date in {"a": "2023-01-01", "b": "2023-01-02", "c": "2023-01-03"}.items():
            project.write(f"in/{name}.md", f"---\ntitle: 注意力机制\ndate: {date}\n---\n{name}\n")
        assert add(project.root / "in")[0] == 0
        folder = project.root / "docs/posts"
        assert {path.stem: path.read_text("utf-8")[-2] for path in folder.iterdir()} == {
            "337450599": "a",
            "337450600": "b",
            "337450601": "c",
        }
        before = files(project.root)
        assert add(project.root / "in/c.md", project.root / "in/b.md")[1].endswith("共 2 篇：没有变化 2。\n")
        assert files(project.root) == before

    def test_a_written_one_goes_first(self, project, add):
        project.write("in/a.md", "---\ntitle: 注意力机制\n---\na\n")
        project.write("in/b.md", note(337450599))
        assert add(project.root / "in")[0] == 0
        assert (project.root / "docs/posts/337450600.md").read_text("utf-8").endswith("a\n")

    def test_the_bytes_stay(self, project, add):
        text = "---\ntitle: >-\n  注意力\n  机制\n---\n"
        add(project.write("in/a.md", text))
        (path,) = (project.root / "docs/posts").iterdir()
        assert (path.stem, path.read_text("utf-8")) == (next(crc_abbrlinks("注意力 机制")), text)

    def test_two_that_want_the_same(self, project, add):
        one, two = project.write("in/1.md", note("aB")), project.write("in/2.md", note("Ab"))
        code, output = add(one, two, project.write("in/3.md", note("3")))
        assert code == 1
        assert f"没有添加：{one}：与 {two} 写着同一个 abbrlink：ab" in output
        assert f"没有添加：{two}：与 {one} 写着同一个 abbrlink：ab" in output
        assert sorted(read_lock(project.root)) == ["docs/posts/3.md"]

    def test_two_without_that_are_alike(self, project, add):
        one = project.write("in/1.md", "---\ntitle: 题\n---\n甲\n")
        two = project.write("in/2.md", "---\ntitle: 题\n---\n乙\n")
        code, output = add(one, two)
        assert code == 1
        assert f"{one}：与 {two} 没有 abbrlink，标题和日期又都相同，分不出谁是谁" in output
        assert not (project.root / "docs/posts").exists()

    def test_one_that_differs_in_case_only(self, project, add):
        add(project.write("in/1.md", note("ab")))
        code, output = add(project.write("in/2.md", note("AB")))
        assert code == 1
        assert "abbrlink 与 docs/posts/ab.md 只差大小写" in output
        assert sorted(read_lock(project.root)) == ["docs/posts/ab.md"]


class TestPictures:
    def put(self, project, name, data=PNG):
        path = project.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    @pytest.mark.parametrize(
        ("written", "on_disk", "place"),
        [
            ("![](x.png)", "blog/source/_posts/note/x.png", "posts/1/x.png"),
            ("![](x.png)", "blog/source/_posts/x.png", "posts/1/x.png"),
            ("![](./img/x.png)", "blog/source/_posts/img/x.png", "posts/1/img/x.png"),
            ("![](note/x.png)", "blog/source/_posts/note/x.png", "posts/1/note/x.png"),
            ("![](../img/x.png)", "blog/source/img/x.png", "posts/img/x.png"),
            ("![](/img/x.png)", "blog/source/img/x.png", "img/x.png"),
            ("![](图%201.png?raw=true#x)", "blog/source/_posts/图 1.png", "posts/1/图 1.png"),
            ("![](<图 1.png>)", "blog/source/_posts/图 1.png", "posts/1/图 1.png"),
            ('- <img src="x.JPG" style="zoom:67%">', "blog/source/_posts/x.JPG", "posts/1/x.JPG"),
            ("<div>\n<img src='x.svg'>\n</div>", "blog/source/_posts/x.svg", "posts/1/x.svg"),
            ("{% asset_img x.png 图 %}", "blog/source/_posts/note/x.png", "posts/1/x.png"),
            ("[![](x.png)](https://example.org)", "blog/source/_posts/x.png", "posts/1/x.png"),
        ],
    )
    def test_come_along(self, project, add, written, on_disk, place):
        self.put(project, on_disk)
        code, output = add(project.write("blog/source/_posts/note.md", note(body=f"字\n\n{written}\n")))
        assert code == 0
        assert (project.root / "docs" / place).read_bytes() == PNG
        assert "带来 1 张图片" in output
        assert "注意" not in output
        (picture,) = render(project.root, "posts/1.md").find_all("img")
        assert unquote(urljoin("/posts/1/", picture["src"])) == f"/{place}"

    @pytest.mark.parametrize(
        "address", ["https://example.org/x.png", "//example.org/x.png", "data:image/png;base64,AA", "#x"]
    )
    def test_those_from_elsewhere_stay_there(self, project, add, address):
        code, output = add(project.write("in/note.md", note(body=f"![]({address})\n")))
        assert (code, "注意" in output) == (0, False)

    def test_the_cover_too(self, project, add):
        self.put(project, "blog/source/img/x.png")
        add(project.write("blog/source/_posts/note.md", note(index_img="/img/x.png")))
        assert (project.root / "docs/img/x.png").read_bytes() == PNG

    @pytest.mark.parametrize(
        ("written", "remark"),
        [
            ("![](x.png)", "图片 x.png 找不到，没有带来"),
            ("![](图.png)", "图片 图.png 找不到，没有带来"),
            (r"![](C:\Users\a\x.png)", r"图片 C:\Users\a\x.png 是作者电脑上的路径"),
            ("![](C:/Users/a/x.png)", "图片 C:/Users/a/x.png 是作者电脑上的路径"),
            ("![](../../secret.png)", "图片 ../../secret.png 指到了站点外面，没有带来"),
            ("![](../../../secret.png)", "图片 ../../../secret.png 找不到"),
            ("![](/secret.png)", "图片 /secret.png 找不到"),
            ("![](secret.txt)", "图片 secret.txt 不是图片"),
            (f"![]({'x' * 300}.png)", "x.png 找不到，没有带来"),
        ],
    )
    def test_those_that_cannot(self, project, add, written, remark):
        self.put(project, "in/a/secret.txt")
        self.put(project, "secret.png")
        before = files(project.root).keys()
        source = project.write("in/a/note.md", note(body=f"字\n\n{written}\n"))
        code, output = add(source)
        assert code == 0
        if remark.startswith("图片 ../../secret"):
            assert "指到了站点外面" not in output  # posts/1/../../ is docs/ itself
            return
        assert f"  注意：{source}:9：" in output
        assert remark in output
        assert files(project.root).keys() - before == {"docs/posts/1.md", "notes.lock.json"}

    def test_nothing_is_written_outside_docs(self, project, add):
        self.put(project, "in/a/secret.png")
        body = "![](../../../in/a/secret.png)\n\n![](../../../x.png)\n"
        self.put(project, "x.png")
        source = project.write("in/a/b/note.md", note(body=body))
        before = {path for path in project.root.rglob("*") if not {"docs", ".kb-backup"} & {*path.parts}}
        code, output = add(source)
        assert code == 0
        assert "带来 2 张图片" in output
        assert (project.root / "docs/posts/1/in/a/secret.png").is_file() and (project.root / "docs/posts/1/x.png").is_file()
        pictures = render(project.root, "posts/1.md").find_all("img")
        assert [picture["src"] for picture in pictures] == ["in/a/secret.png", "x.png"]
        after = {path for path in project.root.rglob("*") if not {"docs", ".kb-backup"} & {*path.parts}}
        assert {path.name for path in after - before} == {"notes.lock.json", ".kb.lock"}

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows 上建符号链接要权限")
    def test_not_through_a_symbolic_link_either(self, project, add):
        (project.root / "outside").mkdir()
        (project.root / "docs/posts").mkdir()
        (project.root / "docs/posts/1").symlink_to(project.root / "outside")
        self.put(project, "in/x.png")
        assert "指到了站点外面" in add(project.write("in/note.md", note(body="![](x.png)\n")))[1]
        assert not list((project.root / "outside").iterdir())

    def test_two_notes_may_have_pictures_of_one_name(self, project, add):
        self.put(project, "in/a/x.png", b"a")
        self.put(project, "in/b/x.png", b"b")
        project.write("in/a.md", note(1, "![](x.png)\n"))
        project.write("in/b.md", note(2, "![](x.png)\n"))
        assert add(project.root / "in")[0] == 0
        assert (project.root / "docs/posts/1/x.png").read_bytes() == b"a"
        assert (project.root / "docs/posts/2/x.png").read_bytes() == b"b"

    def test_a_shared_place_is_never_taken_over(self, project, add):
        for name in "ab":
            self.put(project, f"{name}/img/x.png", name.encode())
            project.write(f"{name}/posts/{name}.md", note(name, "![](../img/x.png)\n"))
        code, output = add(project.root / "a/posts", project.root / "b/posts")
        assert (code, "没有带来" in output) == (0, False)
        assert (project.root / "docs/posts/img/x.png").read_bytes() == b"a"
        assert (project.root / "docs/posts/b/img/x.png").read_bytes() == b"b"
        pictures = [render(project.root, f"posts/{name}.md").img["src"] for name in "ab"]
        assert pictures == ["../img/x.png", "img/x.png"]

    def test_a_newer_picture_replaces_its_own(self, project, add):
        source = project.write("in/a.md", note(body="![](x.png)\n"))
        self.put(project, "in/x.png", b"old")
        add(source)
        self.put(project, "in/x.png", b"new")
        code, output = add(source)
        assert (code, output.startswith("已更新：")) == (0, True)
        assert (project.root / "docs/posts/1/x.png").read_bytes() == b"new"
        (backup,) = (project.root / ".kb-backup").glob("*/docs/posts/1/x.png")
        assert backup.read_bytes() == b"old"


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "note.md：是空的，没有什么可以收。"),
            ("\ufeff \n", "note.md：是空的，没有什么可以收。"),
            ("---\ntitle: x\n\n正文\n", "note.md:1：front matter 没有结束。在它后面加上单独一行 ---"),
            ("---\n- x\n---\n", "note.md:2：front matter 不是一行行的 键: 值"),
            ("---\nabbrlink: ../x\n---\n", "应由十进制或十六进制数字组成，得到 '../x'"),
            ("---\nabbrlink: [1]\n---\n", "应由十进制或十六进制数字组成"),
            (f"---\nabbrlink: {'1' * 253}\n---\n", "abbrlink 有 253 位，作文件名太长（最多 252 位）"),
            ("---\nabbrlink: 1\ntitle: [\n---\n", "note.md:4：front matter 不是正确的 YAML"),
            (f"---\nabbrlink: 1\ntitle: {'[' * 9000}\n---\n", "note.md:3：front matter 套了不止 50 层"),
            ("---\nabbrlink: 1\ndate: 2023-13-45\n---\n", "note.md:3：front matter 不是正确的 YAML（没有 2023-13-45 这个日期）"),
            ("---\nabbrlink: 1\ntitle: \x07\n---\n", "note.md:3：front matter 不是正确的 YAML（"),
            ("---\nabbrlink: 1\n---\n\n``` {.figure .embed}\nx\n```\n", "note.md:5：原文里已经有嵌入块"),
            ("---\nabbrlink: 1\n---\n\r``` {.python .embed}\rx\r```\r", "note.md:5：原文里已经有嵌入块"),
            ("---\nabbrlink: 1\n---\n\n``` {.python .embed}\nx\n```\n", "note.md:5：原文里已经有嵌入块"),
        ],
    )
    def test_says_why(self, project, add, text, message):
        source = project.write("in/note.md", text)
        code, output = add(source)
        assert code == 1
        assert message in output
        assert "共 1 篇：没有添加 1。" in output
        assert not (project.root / "docs/posts").exists()
        assert read_lock(project.root) == {}

    @pytest.mark.parametrize(
        ("encoding", "line", "guess"), [("gb18030", 3, "，像是 GB18030"), ("utf-16", 1, "，像是 UTF-16"), (None, 3, "")]
    )
    def test_other_encodings(self, project, add, encoding, line, guess):
        text = "---\nabbrlink: 1\ntitle: 注意力\n---\n"
        data = text.encode(encoding) if encoding else text.encode()[:-9] + b"\xff\n---\n"
        source = project.root / "note.md"
        source.write_bytes(data)
        code, output = add(source)
        assert code == 1
        assert f"{source}:{line}：不是 UTF-8 编码{guess}。用编辑器另存为 UTF-8 后再添加。" in output
        assert source.read_bytes() == data

    def test_what_is_no_markdown_file(self, project, add):
        code, output = add(project.write("in/note.txt", note()))
        assert code == 1
        assert "note.txt：不是 .md 文件" in output

    def test_a_file_that_is_not_there(self, project, add):
        good = project.write("in/good.md", NOTE)
        code, output = add(project.root / "missing.md", good)
        assert code == 1
        assert "missing.md：读不到这个文件（没有这个文件）" in output
        assert (project.root / "docs/posts/0123abcd.md").exists()

    def test_a_file_that_may_not_be_read(self, project, add, monkeypatch):
        source = project.write("in/note.md", note())

        def denied(self):
            raise PermissionError(errno.EACCES, "Permission denied", str(self))

        monkeypatch.setattr(Path, "read_bytes", denied)
        code, output = add(source)
        assert code == 1
        assert f"{source}：读不到这个文件（没有权限）。检查路径。" in output

    def test_a_name_that_is_too_long(self, project, add):
        code, output = add(project.root / f"{'长' * 90}.md")
        assert code == 1
        assert "读不到这个文件（名字太长，一段路径最多 255 字节）" in output

    def test_a_huge_note_is_not_even_read(self, project, add, monkeypatch):
        source = project.root / "huge.md"
        with source.open("wb") as file:
            file.truncate(50 * 2**20)
        monkeypatch.setattr(Path, "read_bytes", None)
        code, output = add(source)
        assert code == 1
        assert f"{source}：有 50.0 MB，笔记最多 4 MB。" in output

    def test_a_damaged_lock(self, project, add):
        project.write("notes.lock.json", '{\n"docs/posts/1.md": \n<<<<<<<')
        code, output = add(project.write("in/note.md", note()))
        assert code == 1
        assert "notes.lock.json:3：不是完整的 JSON。用 git checkout notes.lock.json 取回" in output
        assert not (project.root / "docs/posts").exists()

    def test_needs_the_root_of_the_project(self, project, add, monkeypatch):
        monkeypatch.chdir(project.root / "docs")
        code, output = add("x.md")
        assert code == 1
        assert "没有 mkdocs.yml" in output


class TestFullDisk:
    """每一次写都可能是写不下的那一次：收到一半的，再运行一次就补全。"""

    STEPS = ("fsync", "replace")

    def prepare(self, project, add):
        for number in (1, 2):
            project.write(f"in/{number}.md", note(number, f"甲{number}\n\n乙\n\n![](x{number}.png)\n"))
            (project.root / f"in/x{number}.png").write_bytes(b"old")
        assert add(project.root / "in")[0] == 0
        path = project.root / "docs/posts/1.md"
        path.write_bytes(path.read_bytes().replace("乙\n\n".encode(), f"乙\n\n{EMBED}".encode()))
        for number in (1, 2, 3):
            project.write(f"in/{number}.md", note(number, f"甲{number}\n\n乙\n\n![](x{number}.png)\n\n新\n"))
            (project.root / f"in/x{number}.png").write_bytes(b"new")

    def fail_at(self, monkeypatch, step, number):
        count = 0
        real = getattr(os, step)

        def failing(*arguments):
            nonlocal count
            count += 1
            if count == number:
                raise OSError(errno.ENOSPC, "No space left on device", "x")
            return real(*arguments)

        monkeypatch.setattr(kb.notes.files.os, step, failing)
        return lambda: count

    @pytest.mark.parametrize("step", STEPS)
    def test_at_every_write(self, project, add, monkeypatch, step):
        self.prepare(project, add)
        start = files(project.root)
        with monkeypatch.context() as patch:
            counted = self.fail_at(patch, step, 0)
            assert add(project.root / "in")[0] == 0
            writes = counted()
        end = files(project.root)
        assert writes == 13  # the journal; 2 old notes and pictures, each with a copy; 1 new of each; the lock and its copy
        for number in range(1, writes + 1):
            for name in end:
                (project.root / name).unlink()
            for name, data in start.items():
                (project.root / name).write_bytes(data)
            with monkeypatch.context() as patch:
                self.fail_at(patch, step, number)
                code, output = add(project.root / "in")
            assert code == 1
            assert "写不下" in output and "（磁盘满了）" in output and "腾出空间" in output
            half = files(project.root)
            assert all(data in (start.get(name), end[name]) for name, data in half.items() if "lock" not in name)
            lock = read_lock(project.root)
            for name, locked in lock.items():
                assert is_original(half[name], locked) or half[name] == end[name]
            assert add(project.root / "in")[0] == 0
            assert files(project.root) == end
            assert not list(project.root.rglob("*.tmp"))

    def test_what_a_crash_left_is_swept(self, project, add):
        left = project.write("docs/posts/.kb-0123.tmp", "half")
        assert add(project.write("in/1.md", note()))[0] == 0
        assert not left.exists()


class TestTwoAtOnce:
    def test_the_second_says_so_and_waits(self, project):
        source = project.write("in/1.md", note())
        with FileLock(project.root / ".kb.lock"):
            process = subprocess.Popen(
                [sys.executable, "-m", "kb", "add", source],
                cwd=project.root,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                env={**os.environ, "PYTHONPATH": str(Path(kb.notes.files.__file__).parents[2]), "PYTHONUTF8": "1"},
            )
            assert process.stderr.readline() == "另一个 kb 正在写这个项目，等它结束……\n"
            time.sleep(0.2)
            assert process.poll() is None
            assert not (project.root / "docs/posts").exists()
        output, _ = process.communicate(timeout=600)
        assert (process.returncode, output.splitlines()[-2]) == (0, "共 1 篇：已添加 1。")

    def test_gives_up_in_the_end(self, project, monkeypatch):
        from kb.markdown.engine import BadInput

        with FileLock(project.root / ".kb.lock"):
            with pytest.raises(BadInput, match="另一个 kb 正在写这个项目，等了 0.1 秒"):
                with kb.notes.files.alone(project.root, lambda: None, patience=0.1):
                    raise AssertionError("not alone")


class TestJson:
    def run(self, project, monkeypatch, *arguments):
        monkeypatch.chdir(project.root)
        done = CliRunner().invoke(main, ["add", "--json", *map(str, arguments)])
        return done.exit_code, json.loads(done.stdout), done.stderr

    def test_shape(self, project, monkeypatch):
        good = project.write("in/a.md", note(1))
        private = project.write("in/b.md", note(2, title="不许说", password="x"))
        bad = project.write("in/c.md", note("x"))
        code, document, errors = self.run(project, monkeypatch, project.root / "in")
        assert (code, errors) == (1, "")
        reason = document["notes"][2].pop("reason")
        assert reason.startswith(f"{bad}：front matter 里的 abbrlink 应由")
        nothing = {"embeds": 0, "pictures": [], "backups": [], "dropped": 0, "remarks": []}
        nothing |= {"author": None, "licence": None, "origin": None, "look": None}
        assert document == {
            "ok": False,
            "notes": [
                {"source": str(good), "outcome": "added", "file": "docs/posts/1.md", "reason": None, **nothing},
                {"source": str(private), "outcome": "private", "file": None, "reason": "password", **nothing},
                {"source": str(bad), "outcome": "refused", "file": None, **nothing},
            ],
            "kinds": {},
            "counts": {"added": 1, "unchanged": 0, "updated": 0, "private": 1, "refused": 1},
            "remarks": [],
        }

    def test_what_each_would_be(self, project, monkeypatch):
        body = "==字== $x$ [[名]] {% 时间 %} {% timeline %} <script>x</script>\n"
        project.write("in/a.md", note(1, body, tags="[甲, 乙]", categories="[[一, 二], 三]"))
        before = files(project.root)
        code, document, errors = self.run(project, monkeypatch, "--dry-run", project.root / "in")
        assert (code, errors, files(project.root)) == (0, "", before)
        assert not (project.root / ".kb.lock").exists() and not (project.root / ".kb-backup").exists()
        (found,) = document["notes"]
        assert (found["outcome"], found["file"]) == ("added", "docs/posts/1.md")
        look = found["look"]
        assert (look["title"], look["address"], look["tags"]) == ("题", "posts/1/", ["甲", "乙"])
        assert look["categories"] == [["一", "二"], ["三"]]
        assert look["known"] == {"高亮": 1, "公式": 1, "按名字的链接": 1}
        assert set(look["unknown"]) == {"{% timeline …", "{% 时间 …", "<script>"}

    def test_errors_too(self, project, monkeypatch):
        assert self.run(project, monkeypatch) == (2, {"ok": False, "error": "没有写参数 '路径...'."}, "")
        (project.root / "mkdocs.yml").unlink()
        code, document, errors = self.run(project, monkeypatch, "x.md")
        assert (code, document["ok"], errors) == (1, False, "")
        assert "没有 mkdocs.yml" in document["error"]


def test_a_progress_bar_on_a_terminal_only(project, add, monkeypatch):
    for number in range(21):
        project.write(f"in/{number}.md", note(number))
    assert "添加笔记" not in add(project.root / "in")[1]
    shown = []
    monkeypatch.setattr("kb.cli.adding.click.progressbar", lambda notes, *_, **__: shown.append(len(notes)) or Bar(notes))
    monkeypatch.setattr("kb.cli.adding.is_terminal", lambda: True)
    assert add(project.root / "in")[1].endswith("共 21 篇：没有变化 21。\n")
    assert add(project.root / "in/1.md")[0] == 0
    assert shown == [21]


class Bar(list):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass
