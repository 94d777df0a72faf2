"""kb save：在 docs/posts/ 里改过的成为新的原文；先显示差别，再问。"""

import json
import shutil
import subprocess

import pytest

from kb.check.everything import check_lock
from kb.notes.embedded import fingerprint, is_original, read_lock

NAME = "docs/posts/1.md"
HEAD = "---\nabbrlink: 1\ntitle: 题\nauthor: 甲\n---\n\n"
HALF = '``` {.python .embed}\n--8<-- "numbers.py:half"\n```\n\n'
NOTE = HEAD + "一\n\n二\n"


@pytest.fixture
def note(project, add, kb):
    """The note with an embed, changed here."""
    add(NOTE)
    kb("embed", "1", "numbers.py:half", "--after", "一")
    return project.write(NAME, HEAD + "一改了\n\n" + HALF + "二\n\n三\n")


def git(root, *arguments):
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


class TestSave:
    def test_the_new_original(self, project, kb, note):
        before = note.read_bytes()
        code, output = kb("save", "1", "--yes")
        assert code == 0, output
        assert "\n-一\n+一改了\n" in output and "\n+三\n" in output and "嵌" not in output and "numbers" not in output
        assert f"{NAME}：多了 3 行，少了 1 行。\n已收下：{NAME}（题）\n" in output
        new = (HEAD + "一改了\n\n二\n\n三\n").encode()
        entry = read_lock(project.root)[NAME]
        assert entry == fingerprint(new) | {"author": "甲", "added": fingerprint(NOTE.encode())["sha256"]}
        assert note.read_bytes() == before
        assert check_lock(project.root) == []
        assert kb("save", "1") == (0, f"没有变化：{NAME}\n")

    def test_pages_follow(self, project, kb, note):
        project.write(NAME, note.read_text("utf-8").replace("author: 甲", "author: 乙\ntags: [新的]"))
        assert kb("save", "1", "--yes")[0] == 0
        assert (project.root / "docs/tags/新的.md").exists()
        assert read_lock(project.root)[NAME]["author"] == "乙"

    def test_nobody_to_ask(self, project, kb, note):
        before = read_lock(project.root)
        code, output = kb("save", "1")
        assert code == 1 and "+一改了" in output and f"{NAME}：没有收下。看过差别，加上 --yes 再运行" in output
        assert read_lock(project.root) == before

    @pytest.mark.parametrize(("answer", "taken"), [("y\n", True), ("n\n", False), ("\n", False)])
    def test_asks(self, project, kb, note, asked, answer, taken):
        before = read_lock(project.root)
        code, output = kb("save", "1", answer=answer)
        assert "收下吗" in output and (code == 0) == taken
        assert (read_lock(project.root) != before) == taken

    def test_dry_run(self, project, kb, note):
        before = read_lock(project.root)
        code, output = kb("save", "1", "--dry-run")
        assert code == 0 and "+一改了" in output and "已收下" not in output
        assert read_lock(project.root) == before

    def test_as_json(self, kb, note):
        document = json.loads(kb("save", "1", "--json", "--yes")[1])
        assert (document["ok"], document["saved"], "+一改了" in document["diff"]) == (True, True, True)

    def test_a_note_that_was_written_here(self, project, kb):
        project.write("docs/posts/2.md", "---\ntitle: 新\n---\n\n自己的\n")
        code, output = kb("save", "2", "--yes")
        assert code == 0 and "docs/posts/2.md：还没有登记过，是新的一篇。" in output
        assert [*read_lock(project.root)] == ["docs/posts/2.md"] and check_lock(project.root) == []

    @pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
    def test_the_last_line_without_an_end_stays_so(self, project, add, kb, end):
        """嵌在最后的那一块要一个换行，它不是作者的。"""
        add((HEAD + "一\n\n二").replace("\n", end))
        kb("embed", "1", "numbers.py:half", "--after", "二")
        path = project.root / NAME
        path.write_bytes(path.read_bytes().replace("一".encode(), "一改了".encode()))
        assert kb("save", "1", "--yes")[0] == 0
        kb("unembed", "1", "numbers.py:half")
        assert path.read_bytes() == (HEAD + "一改了\n\n二").replace("\n", end).encode()

    def test_what_the_diff_does_not_show_is_said(self, project, add, kb):
        add(NOTE)
        kb("embed", "1", "numbers.py:half", "--after", "一")
        kb("unembed", "1", "numbers.py:half")
        project.write(NAME, "\ufeff" + NOTE.replace("\n", "\r\n").rstrip("\r\n"))
        output = kb("save", "1", "--dry-run")[1]
        for said in ("行尾从 LF 变成了 CRLF。", "开头的 BOM 变了。", "最后一行的行尾变了。"):
            assert f"注意：{said}" in output


class TestRefuses:
    @pytest.mark.parametrize(
        ("old", "new", "says"),
        [
            ("title: 题", "title: 题\npassword: x", "password 说它是私密的，不能收。改回去，或者用 kb remove 1 撤下。"),
            ("abbrlink: 1", "abbrlink: 2", "front matter 里的 abbrlink 是 2，与文件名不同。它是网址"),
            ("title: 题", "title: [", "front matter 不是正确的 YAML"),
            ('"numbers.py:half"\n```\n', '"numbers.py:half"\n', "嵌入块应恰好是这四行"),
            ("\n---\n\n", "\n\n", "front matter 没有结束"),
        ],
    )
    def test_what_is_no_note(self, project, kb, note, old, new, says):
        before = read_lock(project.root)
        text = note.read_text("utf-8")
        assert old in text
        project.write(NAME, text.replace(old, new))
        code, output = kb("save", "1", "--yes")
        assert code == 1 and says in output
        assert read_lock(project.root) == before

    def test_one_that_is_private_elsewhere(self, project, add, kb, note):
        assert add(NOTE.replace("title: 题", "title: 题\npassword: x"))[0] == 1
        code, output = kb("save", "1", "--yes")
        assert code == 1 and "作者已经把它改成私密的。用 kb remove 1 撤下。" in output

    def test_one_that_changes_while_somebody_looks(self, project, kb, note, asked, monkeypatch):
        before = read_lock(project.root)

        def confirm(*_, **__):
            project.write(NAME, NOTE + "又\n")
            return True

        monkeypatch.setattr("kb.cli.editing.click.confirm", confirm)
        code, output = kb("save", "1")
        assert code == 1 and "看差别的时候又改了，没有收下。再运行一次。" in output
        assert read_lock(project.root) == before


class TestWhereTheOriginalIs:
    def test_in_a_copy(self, project, kb, note):
        (problem,) = check_lock(project.root)
        (copy,) = project.root.glob(".kb-backup/*/docs/posts/1.md")
        assert f"自己改的，用 kb save 1 收下；不要这个改动，它在 {copy.relative_to(project.root)}，复制回来；" in problem
        shutil.copy(copy, note)
        assert check_lock(project.root) == []

    def test_nowhere(self, project, kb, note):
        shutil.rmtree(project.root / ".kb-backup")
        assert "登记的原文在 git 和备份里都找不到了" in check_lock(project.root)[0]
        code, output = kb("save", "1", "--yes")
        assert code == 0 and "从前的原文在 git 和备份里都找不到，没法比较。" in output

    @pytest.mark.skipif(shutil.which("git") is None, reason="没有 git")
    @pytest.mark.parametrize("commits", [0, 1])
    def test_in_git(self, project, add, kb, commits):
        add(NOTE)
        git(project.root, "init", "-q")
        for number in range(commits + 1):
            git(project.root, "add", "docs")
            git(project.root, "commit", "-qm", "x")
            project.write(NAME, NOTE + f"改 {number}\n")
        (problem,) = check_lock(project.root)
        command = problem.partition("不要这个改动，用 ")[2].partition(" 取回它")[0].split()
        assert command[:2] == ["git", "checkout"] and (command[2] == "HEAD") == (commits == 0)
        git(project.root, *command[1:])
        assert check_lock(project.root) == []


class TestAddingAgain:
    def test_the_same_source_leaves_what_was_saved(self, project, add, kb, note):
        kb("save", "1", "--yes")
        before, lock = note.read_bytes(), read_lock(project.root)
        assert "没有变化 1" in add(NOTE)[1]
        assert (note.read_bytes(), read_lock(project.root)) == (before, lock)

    def test_a_newer_source_replaces_it_and_says_so(self, project, add, kb, note):
        kb("save", "1", "--yes")
        code, output = add(HEAD + "一改了\n\n新的\n")
        assert code == 0 and "在这里改过、用 kb save 收下的那一份换下了；kb undo 撤销。" in output
        assert note.read_text("utf-8") == HEAD + "一改了\n\n" + HALF + "新的\n"
        assert "added" not in read_lock(project.root)[NAME]
        kb("undo")
        assert "三" in note.read_text("utf-8") and check_lock(project.root) == []


class TestATitleThatChanges:
    HEAD = "---\ntitle: %s\ndate: 2024-01-01\n---\n\n"

    def start(self, project, add):
        assert add(self.HEAD % "旧的" + "正文\n")[0] == 0
        ((name, entry),) = read_lock(project.root).items()
        assert entry["source"] == "n.md"
        return name

    @pytest.mark.parametrize(
        "text",
        [
            HEAD % "新的" + "正文\n",
            HEAD % "新的" + "正文\n\n改了\n",
            "---\ntitle: 新的\n---\n\n零\n\n正文\n",
            HEAD % "旧的" + "改了\n",
        ],
    )
    @pytest.mark.parametrize("path", ["in", "in/n.md"])
    def test_the_address_stays(self, project, add, kb, text, path):
        name = self.start(project, add)
        project.write("in/n.md", text)
        for said in ("已更新 1", "没有变化 1"):
            code, output = kb("add", path)
            assert code == 0 and said in output
        assert [path.name for path in (project.root / "docs/posts").glob("*.md")] == [name.split("/")[-1]]
        assert (project.root / name).read_text("utf-8") == text

    def test_a_new_title_and_then_a_new_text(self, project, add):
        name = self.start(project, add)
        for text in (self.HEAD % "新的" + "正文\n", self.HEAD % "新的" + "全改了\n"):
            assert "已更新 1" in add(text)[1]
        assert [*read_lock(project.root)] == [name]

    def test_from_a_folder_and_then_by_itself(self, project, add, kb):
        project.write("in/sub/n.md", self.HEAD % "旧的" + "正文\n")
        kb("add", "in")
        ((name, entry),) = read_lock(project.root).items()
        assert entry["source"] == "sub/n.md"
        project.write("in/sub/n.md", self.HEAD % "新的" + "正文\n")
        assert "已更新 1" in kb("add", "in/sub/n.md")[1]
        assert [*read_lock(project.root)] == [name]

    def test_saved_here_and_added_again(self, project, add, kb):
        name = self.start(project, add)
        project.write(name, "---\ntitle: 别的\ndate: 2025-05-05\n---\n\n全改了\n")
        assert kb("save", "别的", "--yes")[0] == 0
        code, output = kb("add", "in/n.md")
        assert code == 0 and "没有变化 1" in output
        assert [*read_lock(project.root)] == [name]

    def test_another_note_of_that_file_name(self, project, add, kb):
        name = self.start(project, add)
        code, output = add(self.HEAD % "另一篇" + "别的\n")
        assert code == 0 and f"{name} 也来自这个文件，标题或日期变了，正文也大半不同，看作另一篇。" in output
        assert len(read_lock(project.root)) == 2

    def test_a_file_of_that_name_elsewhere(self, project, add, kb):
        name = self.start(project, add)
        project.write("all/a/n.md", self.HEAD % "甲" + "甲\n")
        project.write("all/b/n.md", self.HEAD % "乙" + "乙\n")
        kb("add", "all")
        assert len(read_lock(project.root)) == 3
        project.write("all/a/n.md", self.HEAD % "甲改了" + "甲\n")
        output = kb("add", "all")[1]
        assert "没有变化 1，已更新 1。" in output
        assert len(read_lock(project.root)) == 3 and name in read_lock(project.root)

    def test_a_lock_from_before(self, project, add, kb):
        name = self.start(project, add)
        lock = (project.root / "notes.lock.json").read_text("utf-8")
        (project.root / "notes.lock.json").write_text(lock.replace(', "source": "n.md"', ""), "utf-8")
        assert "没有变化 1" in kb("add", "in/n.md")[1]
        assert read_lock(project.root)[name]["source"] == "n.md"
        assert is_original((project.root / name).read_bytes(), read_lock(project.root)[name])
