"""kb undo：上一条命令改了什么，就改回什么；在那以后又改过的不动，说明是哪些。"""

import json
import os
import shutil
import sys

import pytest
from click.testing import CliRunner

from kb.cli.commands import main
from kb.edit.writing import write
from kb.intake.journal import JOURNAL
from kb.markdown.engine import BadInput
from kb.notes.embedded import read_lock
from kb.notes.files import BACKUPS
from kb.site.pages import missing_pages
from tests.kb.killing import kills

NOTE = "---\nabbrlink: 1\ntitle: 题\ntags: [%s]\n---\n\n一\n\n二\n\n![](x.png)\n"
EMBED = ("embed", "1", "numbers.py:half", "--after", "一")


@pytest.fixture
def version(project, kb):
    """Adds a version of the note, with its picture."""

    def add(tag, *options):
        project.write("in/n.md", NOTE % tag)
        project.write("in/x.png", f"PNG {tag}")
        code, output = kb("add", "in/n.md", *options)
        assert code == 0, output

    return add


def base(root):
    """Everything that is the base's, as bytes."""
    kept = {BACKUPS, ".kb.lock", "in", ".cache"}
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.relative_to(root).parts[0] not in kept
    }


class TestEveryCommand:
    def steps(self, project, kb, version):
        """The commands, one after the other, each able to change something."""
        yield "add", lambda: version("甲")
        yield "add", lambda: version("乙")
        yield "embed", lambda: kb(*EMBED)
        yield "embed", lambda: kb("embed", "1", "numbers.py:double", "--after", "一")
        yield "unembed", lambda: kb("unembed", "1", "numbers.py:half")
        yield "snippet", lambda: kb("snippet", "foo_bar")
        yield "add", lambda: version("丙")
        yield "remove", lambda: kb("remove", "1")
        yield "add", lambda: version("丁")

    def test_one_further_back_each_time(self, project, kb, version):
        project.write("in/2.md", (NOTE % "另").replace("link: 1", "link: 2"))
        kb("add", "in/2.md")
        shutil.rmtree(project.root / BACKUPS)
        states = [base(project.root)]
        names = []
        for name, step in self.steps(project, kb, version):
            step()
            assert base(project.root) != states[-1], name
            states.append(base(project.root))
            names.append(name)
        while names:
            states.pop()
            code, output = kb("undo")
            assert code == 0 and output.startswith(f"已撤销：kb {names.pop()}（20"), output
            assert base(project.root) == states[-1]
            assert missing_pages(project.root) == [] and not (project.root / JOURNAL).exists()
        code, output = kb("undo")
        assert code == 1 and f"没有可以撤销的：{BACKUPS}/ 里没有从前的命令的记录。" in output

    def test_save_gives_the_lock_back(self, project, kb, version):
        version("甲")
        path = project.write("docs/posts/1.md", NOTE % "甲" + "改\n")
        lock = (project.root / "notes.lock.json").read_bytes()
        assert kb("save", "1", "--yes")[0] == 0
        code, output = kb("undo")
        assert code == 0 and "  登记回到从前：docs/posts/1.md（文件没有动）\n" in output
        assert (project.root / "notes.lock.json").read_bytes() == lock
        assert path.read_text("utf-8") == NOTE % "甲" + "改\n"

    def test_what_goes_is_kept(self, project, kb, version):
        version("甲")
        shutil.rmtree(project.root / "in")
        output = kb("undo")[1]
        (folder,) = [line.split()[-1] for line in output.split("\n") if "撤销以前的样子在" in line]
        assert (project.root / folder / "docs/posts/1.md").read_text("utf-8") == NOTE % "甲"

    def test_dry_run(self, project, kb, version):
        version("甲")
        version("乙")
        before = base(project.root)
        code, output = kb("undo", "--dry-run")
        assert code == 0 and output.startswith("会撤销：kb add（")
        assert "  放回：docs/posts/1.md\n" in output and "  放回：docs/posts/1/x.png\n" in output
        assert base(project.root) == before

    def test_as_json(self, kb, version):
        version("甲")
        document = json.loads(kb("undo", "--json")[1])
        assert (document["ok"], document["command"]) == (True, "add")
        assert document["taken"] == ["docs/posts/1/x.png", "docs/posts/1.md"]

    def test_what_changed_nothing_is_no_step(self, project, kb, version):
        version("甲")
        kb("add", "in/n.md")
        kb("embed", "1", "numbers.py:half", "--after", "没有的字")
        kb(*EMBED, "--dry-run")
        assert kb("undo")[1].startswith("已撤销：kb add")
        assert not (project.root / "docs/posts/1.md").exists()


class TestChangedSince:
    def test_a_note(self, project, kb, version):
        version("甲")
        version("乙")
        path = project.root / "docs/posts/1.md"
        path.write_text(path.read_text("utf-8") + "改\n", "utf-8")
        before = base(project.root)
        code, output = kb("undo")
        assert code == 1 and "没有撤销，什么也没有改：\n  docs/posts/1.md 在那以后改过了\n" in output
        assert base(project.root) == before
        path.write_text(path.read_text("utf-8").removesuffix("改\n"), "utf-8")
        assert kb("undo")[0] == 0

    def test_its_entry_in_the_lock(self, project, kb, version):
        version("甲")
        version("乙")
        lock = project.root / "notes.lock.json"
        lock.write_text(lock.read_text("utf-8").replace('"bytes": ', '"author": "丙", "bytes": '), "utf-8")
        code, output = kb("undo")
        assert code == 1 and "notes.lock.json 里 docs/posts/1.md 的一项在那以后改过了" in output

    def test_a_file_of_code(self, project, kb):
        kb("snippet", "foo_bar")
        path = project.root / "snippets/foo_bar.py"
        path.write_text("x = 1\n")
        code, output = kb("undo")
        assert code == 1 and "snippets/foo_bar.py 在那以后改过了" in output
        assert (project.root / "tests/snippets/test_foo_bar.py").exists()

    def test_the_copy_is_gone(self, project, kb, version):
        version("甲")
        version("乙")
        (copy,) = project.root.glob(f"{BACKUPS}/*/docs/posts/1.md")
        copy.unlink()
        code, output = kb("undo")
        assert code == 1 and f"从前的样子应在 {copy.relative_to(project.root)}，那里没有了" in output

    def test_all_copies_are_gone(self, project, kb, version):
        version("甲")
        shutil.rmtree(project.root / BACKUPS)
        assert kb("undo")[0] == 1
        assert (project.root / "docs/posts/1.md").exists()

    HEAD = '{"number": 9, "command": "x", "time": "y"}\n'

    @pytest.mark.parametrize("damaged", ["", "{\n", '{"number": 9}\n', HEAD + "[]\n"])
    def test_a_damaged_record(self, project, kb, version, damaged):
        version("甲")
        (record,) = project.root.glob(f"{BACKUPS}/*/changes.jsonl")
        record.write_text(damaged)
        code, output = kb("undo")
        assert code == 1 and f"{record.relative_to(project.root)}：坏了" in output and "删去这个文件" in output
        record.unlink()
        assert "没有可以撤销的" in kb("undo")[1]

    def test_a_last_line_that_was_cut_off(self, project, kb, version):
        version("甲")
        (record,) = project.root.glob(f"{BACKUPS}/*/changes.jsonl")
        record.write_text(record.read_text("utf-8") + '{"file": "docs/po', "utf-8")
        assert kb("undo")[0] == 0


class TestPrivate:
    def start(self, project, kb, version):
        version("甲")
        project.write("in/n.md", (NOTE % "甲").replace("title", "password: x\ntitle"))
        assert kb("add", "in/n.md")[0] == 1

    def test_no_copy_is_no_way_back(self, project, kb, version):
        version("零")
        kb("snippet", "foo_bar")
        self.start(project, kb, version)
        assert kb("remove", "1")[0] == 0
        code, output = kb("undo")
        assert code == 1 and "docs/posts/1.md 是私密的，kb remove 没有留备份，取不回来。" in output
        assert not (project.root / "docs/posts/1.md").exists() and read_lock(project.root) == {}
        for record in project.root.glob(f"{BACKUPS}/*/changes.jsonl"):
            assert "lost" not in record.read_text("utf-8")

    def test_a_saved_one_stays_private(self, project, kb, version):
        version("甲")
        path = project.write("docs/posts/1.md", NOTE % "甲" + "改\n")
        kb("save", "1", "--yes")
        project.write("in/n.md", (NOTE % "甲").replace("title", "password: x\ntitle"))
        assert kb("add", "in/n.md")[0] == 1 and path.exists()
        kb("undo")
        assert read_lock(project.root)["docs/posts/1.md"]["private"] is True

    def test_with_keep_it_comes_back_and_stays_private(self, project, kb, version):
        self.start(project, kb, version)
        before = base(project.root)
        assert kb("remove", "1", "--keep")[0] == 0
        assert kb("undo")[0] == 0
        assert base(project.root) == before and read_lock(project.root)["docs/posts/1.md"]["private"] is True

    def test_what_was_added_before_is_taken_out_with_remove(self, project, kb, version):
        """撤销会留下备份，私密的不留。"""
        self.start(project, kb, version)
        before = base(project.root)
        code, output = kb("undo")
        assert code == 1 and "docs/posts/1.md 现在是私密的，用 kb remove 1 撤下" in output
        assert base(project.root) == before
        assert not list(project.root.glob(f"{BACKUPS}/*/docs/posts/1.md"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows 上没有 fork")
def back_to(kept, root):
    for path in root.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(kept, root, dirs_exist_ok=True)


class TestKilled:
    """在任何一步被杀死。"""

    @pytest.fixture
    def start(self, project, kb, version):
        """Puts the project back to how it was, copies and records too."""
        kept = project.root.parent / f"{project.root.name}-kept"

        def prepare():
            if not kept.exists():
                shutil.copytree(project.root, kept)
            back_to(kept, project.root)

        return prepare

    def prepared(self, project, kb, version, command):
        version("甲")
        if command == "save":
            project.write("docs/posts/1.md", NOTE % "甲" + "改\n")
        if command == "unembed":
            kb(*EMBED)
        if command == "add":
            project.write("in/n.md", NOTE % "乙")
            project.write("in/x.png", "PNG 乙")

    COMMANDS = {
        "embed": EMBED,
        "unembed": ("unembed", "1", "numbers.py:half"),
        "save": ("save", "1", "--yes"),
        "snippet": ("snippet", "foo_bar"),
        "add": ("add", "in/n.md"),
        "remove": ("remove", "1"),
    }

    @pytest.mark.parametrize("command", COMMANDS)
    def test_again_ends_it_and_undo_brings_it_back(self, project, kb, version, start, command):
        self.prepared(project, kb, version, command)
        shutil.rmtree(project.root / BACKUPS)
        before = base(project.root)
        start()
        CliRunner().invoke(main, self.COMMANDS[command])
        after = base(project.root)
        for number in kills(project.root, *self.COMMANDS[command], prepare=start):
            broken = shutil.copytree(project.root, project.root.parent / f"{project.root.name}-{number}")
            CliRunner().invoke(main, self.COMMANDS[command])
            assert base(project.root) == after
            assert not list(project.root.rglob("*.tmp")) and not (project.root / JOURNAL).exists()
            back_to(broken, project.root)
            code, output = kb("undo")
            assert code == 0 or "没有可以撤销的" in output, output
            assert base(project.root) == before
            assert not list(project.root.rglob("*.tmp")) and not (project.root / JOURNAL).exists()

    @pytest.mark.parametrize("command", COMMANDS)
    def test_undo_itself(self, project, kb, version, start, command):
        """断了再运行一次，撤销的还是这一条，不会多撤一条。"""
        self.prepared(project, kb, version, command)
        before = base(project.root)
        assert CliRunner().invoke(main, self.COMMANDS[command]).exit_code == 0
        done = base(project.root)
        for _ in kills(project.root, "undo", prepare=start):
            finished = base(project.root) == before and not list(project.root.glob(f"{BACKUPS}/*/undoing.jsonl"))
            if not finished or (project.root / JOURNAL).exists():
                code, output = kb("undo")
                assert code == 0, output
            assert base(project.root) == before != done
            assert not list(project.root.rglob("*.tmp")) and not (project.root / JOURNAL).exists()


def test_what_was_replaced_comes_back_where_the_next_cannot_be_written(project, kb):
    project.write("snippets/a.py", "旧\n")
    project.write("b", "文件")
    with pytest.raises(BadInput, match="/b：写不下（已经有同名的文件）。什么也没有改。"):
        write(project.root, "x", {"snippets/a.py": b"1", "snippets/b.py": b"2", "b/c.py": b"3"})
    assert (project.root / "snippets/a.py").read_text("utf-8") == "旧\n"
    assert not (project.root / "snippets/b.py").exists() and not list(project.root.glob(f"{BACKUPS}/*"))


@pytest.mark.parametrize("command", [EMBED, ("snippet", "foo_bar"), ("save", "1", "--yes")], ids=lambda each: each[0])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")], ids=str)
def test_interrupted_or_a_full_disk(project, kb, version, monkeypatch, command, error):
    """Ctrl-C、磁盘满了，在哪一步都像没有运行过；新文件的页没有写成的，下一条命令写。"""
    version("甲")
    if command[0] == "save":
        project.write("docs/posts/1.md", NOTE % "甲" + "改\n")
    before, records = base(project.root), list(project.root.glob(f"{BACKUPS}/*"))
    real, number = os.fsync, 0
    while True:
        number += 1
        count = 0

        def failing(*arguments):
            nonlocal count
            count += 1
            if count == number:
                raise error
            return real(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing)
            done = CliRunner().invoke(main, command)
        if done.exit_code == 0:
            break
        assert done.exit_code == 1 and ("中断了" in done.output or "磁盘满了" in done.output), done.output
        if command[0] == "snippet" and (project.root / "tests/snippets/test_foo_bar.py").exists():
            assert kb("undo")[0] == 0
            assert base(project.root) == before
            break
        assert base(project.root) == before
        assert list(project.root.glob(f"{BACKUPS}/*")) == records
    assert number > 2
