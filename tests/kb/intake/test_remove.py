"""kb remove：撤下笔记、登记的一项和只有它用的图片；私密的不留备份；公开过的改成私密，不撤下就不罢休。"""

import json
import os
import shlex

import pytest
from click.testing import CliRunner

from kb.check.everything import check_notes
from kb.cli.commands import main
from kb.markdown.engine import BadInput
from kb.notes.embedded import LOCK, read_lock
from kb.notes.private import removal
from kb.site.pages import missing_pages, write_pages

PRIVATE = {
    "password": "password: secret\n",
    "unpublished": "published: false\n",
    "a draft of Hugo": "draft: true\n",
}


LONG = "第一篇笔记自己的话，别的笔记里没有。" * 3 + "\n"


@pytest.fixture
def kb(project, monkeypatch):
    monkeypatch.chdir(project.root)

    def run(*arguments):
        done = CliRunner().invoke(main, [*map(str, arguments)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    return run


def note(project, number, body="正文\n", head="", abbrlink=True, title=None, date="2024-01-01"):
    line = f"abbrlink: {number}\n" if abbrlink else ""
    text = f"---\n{line}title: {title or f'题 {number}'}\ndate: {date}\ntags: [签{number}]\n{head}---\n\n{body}"
    return project.write(f"in/posts/{number}.md", text)


def picture(project, name, data="PNG"):
    project.write(f"in/{name}", data)


def files(project):
    """Below docs/, but the pages made from notes."""
    found = {path.relative_to(project.root / "docs").as_posix() for path in (project.root / "docs").rglob("*.*")}
    return {name for name in found if name.startswith("posts/") or not name.endswith(".md")}


def contents(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name != ".kb.lock"}


class TestRemoving:
    def start(self, project, kb):
        picture(project, "posts/own.png", "own")
        picture(project, "posts/1/sub/deep.png", "deep")
        picture(project, "img/shared.png", "shared")
        picture(project, "img/only.png", "only")
        picture(project, "img/图 1.png", "cover")
        mine = "![](own.png) ![](sub/deep.png) ![](../img/shared.png) ![](../img/only.png)\n"
        note(project, 1, mine, head="index_img: ../img/图%201.png\n")
        note(project, 2, "<img src='../img/sh&#97;red.png'>\n")
        code, output = kb("add", "in/posts")
        assert code == 0, output
        assert "posts/1/own.png" in files(project) and "posts/img/图 1.png" in files(project)

    @pytest.mark.parametrize("said", ["1", "docs/posts/1.md", "./docs/../docs/posts/1.md", "{root}/docs/posts/1.md"])
    def test_a_public_note_goes_to_the_backup(self, project, kb, said):
        self.start(project, kb)
        code, output = kb("remove", said.format(root=project.root))
        assert code == 0, output
        assert files(project) == {"posts/2.md", "posts/img/shared.png"}
        assert [*read_lock(project.root)] == ["docs/posts/2.md"]
        assert missing_pages(project.root) == [] and not (project.root / "docs/tags/签1.md").exists()
        gone = ["posts/1.md", "posts/1/own.png", "posts/1/sub/deep.png", "posts/img/only.png", "posts/img/图 1.png"]
        (backup,) = [path.parent for path in (project.root / ".kb-backup").glob("*/docs")]
        for name in gone:
            assert (backup / "docs" / name).exists() and f"  docs/{name} → .kb-backup/{backup.name}/docs/{name}" in output
        assert "git 的历史里还有它" in output
        assert not (project.root / "docs/posts/1").exists()

    def test_dry_run_does_nothing(self, project, kb):
        self.start(project, kb)
        before = contents(project.root)
        code, output = kb("remove", "1", "--dry-run")
        assert code == 0 and output.startswith("会撤下：docs/posts/1.md\n")
        assert "  docs/posts/img/only.png\n" in output and "shared" not in output
        assert contents(project.root) == before

    def test_as_json(self, project, kb):
        self.start(project, kb)
        code, output = kb("remove", "2", "--json")
        document = json.loads(output)
        assert code == 0 and document["ok"] is True
        (found,) = document["notes"]
        assert (found["note"], found["private"], found["files"]) == ("docs/posts/2.md", False, ["docs/posts/2.md"])
        assert found["backups"][0].endswith("/docs/posts/2.md")

    def test_both_take_the_picture_that_both_use(self, project, kb):
        self.start(project, kb)
        code, output = kb("remove", "1", "2")
        assert code == 0, output
        assert files(project) == set() and read_lock(project.root) == {}

    def test_a_picture_in_the_folder_of_one_that_another_shows(self, project, kb):
        self.start(project, kb)
        note(project, 3, "![](/posts/1/own.png) ![](../1/sub/d%65ep.png)\n")
        kb("add", "in/posts/3.md")
        kb("remove", "1")
        assert {"posts/1/own.png", "posts/1/sub/deep.png"} <= files(project)

    def test_never_a_file_of_the_site(self, project, kb):
        for name in ("assets/logo.png", "search/x.png"):
            project.write(f"docs/{name}", "PNG")
        project.write("docs/posts/1.md", "---\ntitle: x\n---\n![](/assets/logo.png) ![](../../search/x.png)\n")
        assert kb("remove", "1")[0] == 0
        assert {"assets/logo.png", "search/x.png"} <= files(project)

    @pytest.mark.parametrize(
        ("page", "says"),
        [
            ("posts/2.md", "[原图](../1/a.png)"),
            ("posts/2.md", "<a href='../1/a.png'>x</a>"),
            ("posts/2.md", "<img srcset='../1/b.png 1x, ../1/a.png 2x'>"),
            ("posts/2.md", "<video poster=../1/a.png></video>"),
            ("about.md", "![](posts/1/a.png)"),
            ("deep/about.md", "[x](../posts/1/a.png)"),
        ],
    )
    def test_a_picture_that_another_page_points_at(self, project, kb, page, says):
        project.write("docs/posts/1/a.png", "PNG")
        project.write("docs/posts/1.md", "---\ntitle: x\n---\n![](a.png)\n")
        project.write(f"docs/{page}", f"---\ntitle: y\n---\n\n{says}\n")
        assert kb("remove", "1")[0] == 0
        assert "posts/1/a.png" in files(project)

    @pytest.mark.parametrize("name", ["tags", "categories", "tags/签1.md/x"])
    def test_a_file_in_the_way_of_pages(self, project, kb, name):
        """撤下了什么照样说，怎么办也说。"""
        note(project, 1)
        note(project, 2)
        project.write(f"docs/{name}", "别人的")
        for arguments in (("add", "in/posts"), ("pages",), ("remove", "2")):
            code, output = kb(*arguments)
            assert code == 1 and "页面文件写不了" in output and "再运行 kb pages" in output, output
        assert "已撤下：docs/posts/2.md" in output

    def test_the_only_note(self, project, kb):
        """它的分类套了好几层，页都跟着走。"""
        project.write("in/1.md", "---\ntitle: x\nabbrlink: 1\ncategories: [一, 二, 三]\n---\n")
        assert kb("add", "in/1.md")[0] == 0
        assert (project.root / "docs/categories/一/二/三.md").exists()
        code, output = kb("remove", "1")
        assert code == 0, output
        assert "已撤下：docs/posts/1.md" in output and "写了" in output
        assert missing_pages(project.root) == [] and read_lock(project.root) == {}
        assert not list((project.root / "docs/categories").glob("*/"))

    @pytest.mark.parametrize("name", ["my-note", "题 一", "deep/er", "12x", "deep/12"])
    def test_one_that_has_no_number(self, project, kb, name):
        """说的命令照着做就行。"""
        project.write(f"docs/posts/{name}.md", "---\ntitle: x\n---\n")
        command = shlex.split(removal(f"docs/posts/{name}.md"))
        code, output = kb(*command[1:])
        assert code == 0, output
        assert not (project.root / f"docs/posts/{name}.md").exists()

    def test_an_entry_without_a_file(self, project, kb):
        self.start(project, kb)
        (project.root / "docs/posts/1.md").unlink()
        assert kb("remove", "1")[0] == 0
        assert [*read_lock(project.root)] == ["docs/posts/2.md"]

    @pytest.mark.parametrize("said", ["9", "docs/posts/9.md", "docs/index.md", "../x.md", "in/posts/2.md", "", "x/../.."])
    def test_what_is_no_note_removes_nothing(self, project, kb, said):
        self.start(project, kb)
        project.write("docs/index.md", "# 首页\n")
        before = contents(project.root)
        code, output = kb("remove", "1", said)
        assert code == 1 and f"{said}：没有这篇笔记。写它的号码或路径" in output
        assert contents(project.root) == before

    def test_one_that_cannot_be_moved_leaves_all_in_place(self, project, kb, monkeypatch):
        self.start(project, kb)
        before = contents(project.root)
        real = os.replace

        def refuse(source, target):
            if str(source).endswith("docs/posts/1.md"):
                raise PermissionError(13, "Permission denied", str(source))
            return real(source, target)

        monkeypatch.setattr(os, "replace", refuse)
        code, output = kb("remove", "1")
        assert code == 1 and "移不走（没有权限）。什么也没有撤下。" in output
        after = {path: data for path, data in contents(project.root).items() if path.name != ".kb-journal.json"}
        assert after == before

    def test_pages_that_cannot_follow(self, project, kb):
        self.start(project, kb)
        project.write("docs/posts/3.md", "---\npassword: x\n---\n")
        code, output = kb("remove", "1")
        assert code == 1 and "已撤下：docs/posts/1.md" in output and "docs/posts/3.md：" in output
        assert kb("remove", "3")[0] == 0
        assert missing_pages(project.root) == []


class TestBecamePrivate:
    @pytest.fixture(params=PRIVATE)
    def head(self, request):
        return PRIVATE[request.param]

    def start(self, project, kb, **options):
        picture(project, "posts/own.png")
        note(project, 1, "![](own.png)\n" + LONG, **options)
        note(project, 2)
        assert kb("add", "in/posts")[0] == 0
        (name,) = [name for name in read_lock(project.root) if name != "docs/posts/2.md"]
        return name

    @pytest.mark.parametrize("abbrlink", [True, False], ids=["abbrlink", "none"])
    def test_until_it_is_gone(self, project, kb, head, abbrlink):
        name = self.start(project, kb, abbrlink=abbrlink)
        number = name.split("/")[-1].removesuffix(".md")
        source = note(project, 1, "![](own.png)\n", head=head, abbrlink=abbrlink)
        for _ in range(2):
            code, output = kb("add", source)
            assert code == 1
            assert f"{name} 是它从前公开的版本，仍在站点上" in output and f"docs/posts/{number}/own.png" in output
            assert f"kb remove {number}" in output and "git 的历史和 .kb-backup/" in output
            assert "题 1" not in output and "secret" not in output
        assert any(f"kb remove {number}" in problem for problem in check_notes(project.root))
        with pytest.raises(BadInput, match=f"{name}：作者已经把这篇笔记改成私密的.*kb remove {number}"):
            project.render((project.root / name).read_text("utf-8"), name.removeprefix("docs/"))
        code, output = kb("remove", number)
        assert code == 0, output
        assert files(project) == {"posts/2.md"} and [*read_lock(project.root)] == ["docs/posts/2.md"]
        assert check_notes(project.root) == []
        assert not list(project.root.glob(f".kb-backup/*/docs/posts/{number}*"))
        assert kb("add", source)[0] == 0 and files(project) == {"posts/2.md"}

    def test_keep_keeps_a_copy(self, project, kb):
        self.start(project, kb)
        kb("add", note(project, 1, head="draft: true\n"))
        assert kb("remove", "1", "--keep")[0] == 0
        assert list(project.root.glob(".kb-backup/*/docs/posts/1.md"))

    def test_copies_of_older_versions_are_named(self, project, kb):
        self.start(project, kb)
        kb("add", note(project, 1, "新的\n"))
        (older,) = (project.root / ".kb-backup").glob("*/docs/posts/1.md")
        kb("add", note(project, 1, head="draft: true\n"))
        assert older.relative_to(project.root).as_posix() in kb("remove", "1")[1]

    @pytest.mark.parametrize(
        ("change", "same"),
        [
            ({"title": "改了"}, True),
            ({"title": "改了", "body": "改了\n"}, True),
            ({"date": "2025-01-01", "body": "改了\n"}, True),
            ({"title": "改了", "date": "2025-01-01", "body": "![](own.png)\n" + LONG}, True),
            ({"title": "别人的", "date": "2025-01-01", "body": "别人的\n"}, False),
            ({"title": "别人的", "date": "", "body": "别人的\n"}, False),
            ({"title": "''", "date": "", "body": "\n"}, False),
        ],
    )
    def test_with_an_abbrlink_something_else_agrees(self, project, kb, change, same):
        name = self.start(project, kb)
        source = note(project, 1, head="draft: true\n", **change)
        self.says(project, kb, source, name, same)

    @pytest.mark.parametrize(
        ("change", "same"),
        [
            ({"body": "改了\n"}, True),
            ({"title": "改了", "body": "![](own.png)\n" + LONG}, True),
            ({"date": "2025-01-01", "body": "改了\n"}, False),
            ({"date": "", "body": "改了\n"}, False),
            ({"date": "", "body": "![](own.png)\n" + LONG}, True),
        ],
    )
    def test_without_one_two_things_or_the_text_agree(self, project, kb, change, same):
        name = self.start(project, kb, abbrlink=False)
        self.says(project, kb, note(project, 1, head="draft: true\n", abbrlink=False, **change), name, same)

    def test_another_title_is_nobody(self, project, kb):
        self.start(project, kb, abbrlink=False)
        code, output = kb("add", note(project, 1, "改\n", "draft: true\n", abbrlink=False, title="别的"))
        assert code == 0 and "注意" not in output

    def test_two_without_dates_need_the_text(self, project, kb):
        """一个人没有日期的一篇公开，另一个人同名的一篇私密。"""
        name = self.start(project, kb, abbrlink=False, date="")
        self.says(project, kb, note(project, 1, "别的\n", "draft: true\n", abbrlink=False, date=""), name, False)

    def says(self, project, kb, source, name, same):
        """It was that note; or a remark is all."""
        before = contents(project.root)
        code, output = kb("add", source)
        assert code == same
        if not same:
            assert f"注意：{name} 与它的 abbrlink 或标题相同，别的对不上，看作另一篇，没有动它。" in output
            assert contents(project.root) == before and check_notes(project.root) == []

    @pytest.mark.parametrize(
        "form",
        [
            '+++\nabbrlink = "1"\ntitle = "题 1"\ndraft = true\n+++\n',
            '{"abbrlink": 1, "date": "2024-01-01", "password": "x"}\n',
        ],
    )
    def test_in_other_forms(self, project, kb, form):
        self.start(project, kb)
        assert kb("add", project.write("in/other.md", form))[0] == 1

    def test_moved_to_the_drafts(self, project, kb):
        self.start(project, kb)
        source = project.root / "in/posts/1.md"
        draft = project.write("in/_drafts/1.md", source.read_text("utf-8"))
        source.unlink()
        assert kb("add", draft)[0] == 1

    def test_a_draft_beside_the_note_itself(self, project, kb):
        """下一个版本的草稿，abbrlink 和标题都一样：公开的那一篇还是公开的。"""
        self.start(project, kb)
        project.write("in/posts/_drafts/1.md", (project.root / "in/posts/1.md").read_text("utf-8"))
        code, output = kb("add", "in/posts")
        assert code == 0, output

    def test_a_draft_beside_a_note_that_is_refused(self, project, kb):
        """公开的那一篇没有收进来：站点上的是不是还该公开，就看草稿。"""
        name = self.start(project, kb)
        source = project.root / "in/posts/1.md"
        project.write("in/posts/_drafts/1.md", source.read_text("utf-8"))
        project.write(name, (project.root / name).read_text("utf-8") + "在这里改过\n")
        source.write_text(source.read_text("utf-8") + "新的\n", "utf-8")
        code, output = kb("add", "in/posts")
        assert code == 1 and f"{name} 是它从前公开的版本" in output
        assert read_lock(project.root)[name]["private"] is True

    def test_it_becomes_public_again(self, project, kb):
        name = self.start(project, kb)
        kb("add", note(project, 1, head="draft: true\n"))
        assert read_lock(project.root)[name]["private"] is True
        assert kb("add", note(project, 1, "![](own.png)\n"))[0] == 0
        assert check_notes(project.root) == []

    def test_zensical_forgets_the_page_that_it_made(self, project, kb):
        """记着它的话，下一次构建就不会失败。"""
        self.start(project, kb)
        kept = project.write(".cache/page", "旧的")
        kb("add", note(project, 1, head="draft: true\n"))
        assert not kept.exists()

    def test_as_json(self, project, kb):
        name = self.start(project, kb)
        code, output = kb("add", note(project, 1, head="draft: true\n"), "--json")
        document = json.loads(output)
        assert (code, document["ok"], document["notes"][0]["file"]) == (1, False, name)

    def test_others_are_added_all_the_same(self, project, kb):
        self.start(project, kb)
        note(project, 1, head="draft: true\n")
        note(project, 3)
        assert kb("add", "in/posts")[0] == 1
        assert "posts/3.md" in files(project) and "docs/posts/3.md" in read_lock(project.root)
        write_pages(project.root)


def test_the_lock_is_left_alone_by_a_note_that_never_was_public(project, kb):
    note(project, 2)
    kb("add", "in/posts/2.md")
    before = (project.root / LOCK).read_bytes()
    assert kb("add", note(project, 1, head="password: x\n"))[0] == 0
    assert (project.root / LOCK).read_bytes() == before
