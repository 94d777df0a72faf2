"""notes.lock.json：一行一篇，两个分支合并得起来；旧的格式读得懂，换成新的什么也不少。"""

import json
import shutil
import subprocess

import pytest
from click.testing import CliRunner

from kb.cli.commands import main
from kb.markdown.engine import BadInput
from kb.notes.embedded import LOCK, fingerprint, is_original, lock_bytes, locked_note, read_lock
from tests.kb.lab import ROOT

ENTRY = {"bytes": 1, "sha256": "a", "author": "张三", "licence": "CC BY 4.0", "origin": "https://a.example/"}
OLD = {"docs/posts/2.md": {"bytes": 2, "sha256": "b"}, "docs/posts/1.md": {"bytes": 1, "sha256": "a"}}


def write(root, data):
    (root / LOCK).write_bytes(data if isinstance(data, bytes) else data.encode())
    return root


def test_the_shape():
    lock = {"docs/posts/2.md": {"bytes": 2, "sha256": "b"}, "docs/posts/1.md": ENTRY}
    assert lock_bytes(lock).decode().splitlines() == [
        "{",
        '"docs/posts/1.md": {"bytes": 1, "sha256": "a", "author": "张三", '
        '"licence": "CC BY 4.0", "origin": "https://a.example/"},',
        '"docs/posts/2.md": {"bytes": 2, "sha256": "b"},',
        '"format": 2',
        "}",
    ]
    assert json.loads(lock_bytes(lock)) == lock | {"format": 2}


@pytest.mark.parametrize("lock", [{}, {"docs/posts/1.md": ENTRY}, OLD])
def test_it_is_read_as_it_was_written(tmp_path, lock):
    assert read_lock(write(tmp_path, lock_bytes(lock))) == lock


def test_without_a_file_there_are_no_notes(tmp_path):
    assert read_lock(tmp_path) == {} and locked_note(tmp_path, "docs/posts/1.md") == {}


def test_one_note_of_a_lock_that_changes(tmp_path):
    for size in (1, 22, 3):
        write(tmp_path, lock_bytes({"docs/posts/1.md": {"bytes": size, "sha256": "a" * size}}))
        assert locked_note(tmp_path, "docs/posts/1.md")["bytes"] == size


def test_whose_it_is_says_nothing_of_its_bytes():
    assert is_original(b"a", fingerprint(b"a") | {"author": "x", "private": True})
    assert not is_original(b"b", fingerprint(b"a") | {"author": "x"})


class TestOldForm:
    @pytest.fixture
    def old(self, project, monkeypatch):
        monkeypatch.chdir(project.root)
        for number in (1, 2):
            project.write(f"docs/posts/{number}.md", f"---\ntitle: 题 {number}\n---\n")
        project.lock = {
            f"docs/posts/{n}.md": fingerprint((project.root / f"docs/posts/{n}.md").read_bytes()) for n in (1, 2)
        }
        write(project.root, json.dumps(project.lock, indent=2, sort_keys=True) + "\n")
        return project

    def test_is_read(self, old):
        assert read_lock(old.root) == old.lock

    def test_check_writes_the_new_one(self, old):
        output = CliRunner().invoke(main, ["check", "--migrate"]).output
        assert "notes.lock.json 换成了现在的格式，登记的内容都在。" in output
        assert (old.root / LOCK).read_bytes() == lock_bytes(old.lock)
        assert "已经是现在的格式" in CliRunner().invoke(main, ["check", "--migrate"]).output

    def test_check_without_the_option_writes_nothing(self, old):
        before = (old.root / LOCK).read_bytes()
        CliRunner().invoke(main, ["check"])
        assert (old.root / LOCK).read_bytes() == before

    def test_add_writes_the_new_one(self, old):
        source = old.write("in/3.md", "---\ntitle: 题 3\nabbrlink: 3\n---\n")
        assert CliRunner().invoke(main, ["add", str(source)]).exit_code == 0
        new = old.lock | {"docs/posts/3.md": fingerprint(source.read_bytes())}
        assert (old.root / LOCK).read_bytes() == lock_bytes(new)

    def test_merged_line_by_line_with_the_new_one(self, old):
        """坏了；照说的做就好了：取回自己这一边的，再添加一次另一边的。"""
        source = old.write("in/3.md", "---\ntitle: 题 3\nabbrlink: 3\n---\n")
        before = (old.root / LOCK).read_text("utf-8")
        old.write("docs/posts/3.md", source.read_text("utf-8"))
        new = lock_bytes({"docs/posts/3.md": fingerprint(source.read_bytes())}).decode()
        write(old.root, before.removesuffix("}\n") + new.removeprefix("{\n"))
        done = CliRunner().invoke(main, ["add", str(source)])
        assert done.exit_code == 1 and "git checkout HEAD^ -- notes.lock.json" in done.output
        write(old.root, before)
        assert CliRunner().invoke(main, ["add", str(source)]).exit_code == 0
        assert read_lock(old.root).keys() == old.lock.keys() | {"docs/posts/3.md"}

    def test_what_a_later_kb_knows_more_of_a_note_stays(self, old):
        lock = {name: entry | {"seen": "x"} for name, entry in old.lock.items()}
        write(old.root, lock_bytes(lock))
        CliRunner().invoke(main, ["check", "--migrate"])
        assert read_lock(old.root) == lock


class TestMerges:
    LINE = '"docs/posts/{}.md": {{"bytes": {}, "sha256": "a"}},\n'

    def lines(self, *notes):
        return "{\n" + "".join(self.LINE.format(*note) for note in notes) + '"format": 2\n}\n'

    def test_lines_in_any_order_and_twice(self, tmp_path):
        write(tmp_path, self.lines((2, 2), (1, 1), (2, 2)))
        assert {name: entry["bytes"] for name, entry in read_lock(tmp_path).items()} == {
            "docs/posts/1.md": 1,
            "docs/posts/2.md": 2,
        }

    def test_two_that_differ(self, tmp_path):
        with pytest.raises(BadInput) as error:
            read_lock(write(tmp_path, self.lines((1, 1), (2, 2), (1, 3))))
        assert str(error.value) == (
            "notes.lock.json：docs/posts/1.md 有两行，内容不同（第 2、4 行）。"
            "两个分支各有一个版本：留下与这个文件相符的一行，或者删去两行，再用 kb add 添加它。"
        )

    @pytest.mark.skipif(shutil.which("git") is None, reason="没有 git")
    @pytest.mark.parametrize(
        ("one", "other", "both"),
        [
            ('"author": "甲"', '"licence": "MIT"', {"author": "甲", "licence": "MIT"}),
            ('"author": "甲"', "", {"author": "甲"}),
            ('"private": true', "", {"private": True}),
            ('"private": true', '"private": false, "author": "甲"', {"private": True, "author": "甲"}),
        ],
    )
    def test_two_that_know_different_things(self, tmp_path, one, other, both):
        for lines in ((one, other), (other, one)):
            ends = (f", {line}" if line else "" for line in lines)
            text = ",".join(f'"a": {{"bytes": 1, "sha256": "s"{end}}}' for end in ends)
            assert read_lock(write(tmp_path, f"{{{text}}}")) == {"a": {"bytes": 1, "sha256": "s"} | both}

    def test_two_that_say_different_things(self, tmp_path):
        text = ",".join(f'"a": {{"bytes": 1, "sha256": "s", "author": "{author}"}}' for author in "甲乙")
        with pytest.raises(BadInput, match="a 有两行，内容不同"):
            read_lock(write(tmp_path, f"{{{text}}}"))

    def test_two_branches_that_add_notes(self, tmp_path):
        def git(*arguments):
            identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
            subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

        def commit(*notes):
            write(tmp_path, self.lines(*sorted(notes)))
            git("add", ".")
            git("commit", "-qm", "x")

        shutil.copy(ROOT / ".gitattributes", tmp_path)
        git("init", "-q", "-b", "main")
        commit((5, 5))
        git("checkout", "-qb", "other")
        commit((5, 5), (1, 1), (7, 7), (6, 6))
        git("checkout", "-q", "main")
        commit((5, 5), (2, 2), (7, 7), (8, 8))
        git("merge", "-q", "other", "-m", "x")
        assert [*sorted(read_lock(tmp_path))] == [f"docs/posts/{n}.md" for n in (1, 2, 5, 6, 7, 8)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"format": 3, "notes": []}', "格式是 3，这里的 kb 只认得 2。换成新版的 kb。"),
        ('{"docs/posts/1.md": {"bytes": 1, "sha256": "a"}, "format": 99}', "格式是 99"),
        ("[]", "内容不对"),
        ("3", "内容不对"),
        ('{"a": 1}', "内容不对"),
        ('{"a": {"bytes": 1}}', "内容不对"),
        ('{"a": {"bytes": "1", "sha256": "a"}}', "内容不对"),
        ('{"a": {"bytes": 1, "sha256": "a", "author": ["x"]}}', "内容不对"),
        ('{"a": [1, 2]}', "内容不对"),
        ('{"\\ud800": {"bytes": 1, "sha256": "a"}}', "内容不对"),
        ('{"a": {"bytes": 1, "sha256": "a", "author": "\\udfff"}}', "内容不对"),
        ('{"format": "x"}', "内容不对"),
        ('{"a": {"bytes": 1, "sha256": "a"},\n', "notes.lock.json:2：不是完整的 JSON"),
        ("[" * 90_000, "不是"),
        (b"\xff", "不是 UTF-8 的 JSON"),
    ],
)
def test_what_is_no_lock(tmp_path, text, problem):
    with pytest.raises(BadInput) as error:
        read_lock(write(tmp_path, text))
    assert str(error.value).startswith("notes.lock.json") and problem in str(error.value)
