"""kb add、kb remove 在任何一步被杀死，再运行一次（原文也许更新过）就补全，什么也不留下。"""

import sys

import pytest
from click.testing import CliRunner

from kb.check.everything import check_lock, check_notes
from kb.cli.commands import main
from kb.intake.journal import JOURNAL
from kb.notes.embedded import list_embeds, read_lock
from kb.site.pages import missing_pages
from tests.kb.killing import killed_before, kills

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows 上没有 fork")

EMBED = '``` {.python .embed}\n--8<-- "numbers.py:half"\n```\n\n'


def kb(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture
def notes(project, monkeypatch):
    monkeypatch.chdir(project.root)

    def write(version, count=2):
        """Notes of this version, each with a picture and a tag of its own."""
        for number in range(1, count + 1):
            head = f"---\nabbrlink: {number}\ntitle: 题 {number}\ntags: [标签{version}]\n---\n\n"
            project.write(f"in/{number}.md", f"{head}甲\n\n乙\n\n![](x.png)\n\n第 {version} 版\n")
            project.write(f"in/{number}/x.png", f"PNG {version}")

    return write


@pytest.fixture
def start(project):
    """What the project is before, and a way back to it."""
    kept = {}

    def prepare():
        if not kept:
            kept.update({path: path.read_bytes() for path in tree(project.root)})
            return
        for path in [*tree(project.root), *(project.root.rglob(".kb-*"))]:
            if path.is_file() and path not in kept and "in" not in path.relative_to(project.root).parts[:1]:
                path.unlink()
        for path, data in kept.items():
            if not path.exists() or path.read_bytes() != data:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)

    return prepare


def tree(root):
    skipped = {".kb-backup", "in"}
    return [
        path for path in root.rglob("*") if path.is_file() and not skipped & {*path.relative_to(root).parts[:1]}
    ]


def assert_whole(root, version, embeds=0):
    assert check_lock(root) == [] and missing_pages(root) == []
    assert not (root / JOURNAL).exists() and not list(root.rglob("*.tmp"))
    for name in read_lock(root):
        note = (root / name).read_text("utf-8")
        assert f"第 {version} 版" in note
        assert (root / name.removesuffix(".md") / "x.png").read_text() == f"PNG {version}"
    assert len(list_embeds((root / "docs/posts/1.md").read_bytes())) == embeds


def test_an_update_and_then_a_newer_one(project, notes, start):
    notes(1)
    assert kb("add", "in").exit_code == 0
    first = project.root / "docs/posts/1.md"
    first.write_bytes(first.read_bytes().replace("乙\n\n".encode(), f"乙\n\n{EMBED}".encode()))

    def prepare():
        start()
        notes(2)

    for _ in kills(project.root, "add", "in", prepare=prepare):
        notes(3)
        done = kb("add", "in")
        assert done.exit_code == 0, done.output
        assert_whole(project.root, 3, embeds=1)


@pytest.mark.parametrize("later", [1, 2], ids=["the same", "newer"])
def test_notes_that_are_new(project, notes, start, later):
    def prepare():
        start()
        notes(1, 1)

    for _ in kills(project.root, "add", "in", prepare=prepare):
        notes(later, 1)
        done = kb("add", "in")
        assert done.exit_code == 0, done.output
        assert len(read_lock(project.root)) == 1
        assert_whole(project.root, later)


def test_a_removal(project, notes, start):
    notes(1)
    assert kb("add", "in").exit_code == 0
    for _ in kills(project.root, "remove", "1", prepare=start):
        kb("remove", "1")
        left = {path.relative_to(project.root / "docs/posts").as_posix() for path in tree(project.root / "docs/posts")}
        assert left == {"2.md", "2/x.png"}
        assert [*read_lock(project.root)] == ["docs/posts/2.md"]
        assert missing_pages(project.root) == []
        assert not (project.root / JOURNAL).exists() and not list(project.root.rglob("*.tmp"))


def test_a_private_note_that_is_removed_leaves_no_copy(project, notes, start):
    notes(1)
    assert kb("add", "in").exit_code == 0
    source = project.root / "in/1.md"
    source.write_text(source.read_text("utf-8").replace("title", "password: x\ntitle"), "utf-8")
    assert kb("add", source).exit_code == 1
    for _ in kills(project.root, "remove", "1", prepare=start):
        kb("remove", "1")
        assert not [path for path in project.root.rglob("*") if path.name == "1.md" and "in" not in path.parts]
        assert not list(project.root.rglob("*.tmp*"))


def test_check_says_that_something_was_cut_off(project, notes):
    notes(1)
    assert killed_before(8, "add", "in")
    (problem,) = check_notes(project.root)
    assert problem == "上一次的 kb 命令没有做完就断了。再运行一次，就补全了。"


@pytest.mark.parametrize("damaged", ["", "{", '{"a": 1}', "\x00"])
def test_a_damaged_journal_is_named(project, notes, damaged):
    notes(1)
    project.write(JOURNAL, damaged)
    done = CliRunner().invoke(main, ["add", "in"])
    assert done.exit_code == 1 and f"{JOURNAL}：坏了" in done.output and "删去这个文件" in done.output
    assert "git checkout" not in done.output
    (project.root / JOURNAL).unlink()
    assert CliRunner().invoke(main, ["add", "in"]).exit_code == 0


def test_a_journal_that_stays(project, notes, monkeypatch):
    """做完了的照样说。"""
    notes(1)

    def refuse(root):
        raise PermissionError(13, "Permission denied", str(root / JOURNAL))

    monkeypatch.setattr("kb.intake.journal.end", refuse)
    done = CliRunner().invoke(main, ["add", "in"])
    assert done.exit_code == 1 and "已添加：" in done.output
    assert f"{JOURNAL}：都做完了，只是删不掉它（没有权限）。删去这个文件。" in done.output
