"""笔记是谁的：先看它的 front matter，再看 kb add 的选项，都没有就照登记过的，再没有就是不知道。"""

import json

import pytest
from click.testing import CliRunner

from kb.cli.commands import main
from kb.intake.whose import Whose, read_whose
from kb.notes.embedded import read_lock
from tests.kb.lab import configure

WHOSE = ("author", "licence", "origin")


@pytest.fixture
def add(project, monkeypatch):
    monkeypatch.chdir(project.root)

    def run(meta="", number=1, *options):
        source = project.write(f"in/{number}.md", f"---\ntitle: 题 {number}\nabbrlink: {number}\n{meta}---\n\n正文\n")
        done = CliRunner().invoke(main, ["add", str(source), *options])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        entry = read_lock(project.root).get(f"docs/posts/{number}.md", {})
        return done, tuple(entry.get(key) for key in WHOSE)

    return run


@pytest.mark.parametrize(
    ("meta", "found"),
    [
        ({"author": "张三"}, {"author": "张三"}),
        ({"Author ": " 张三 "}, {"author": "张三"}),
        ({"authors": ["张三", "李四"]}, {"author": "张三、李四"}),
        ({"author": "", "authors": "张三"}, {"author": "张三"}),
        ({"license": "CC BY-SA 4.0"}, {"licence": "CC BY-SA 4.0"}),
        ({"copyright": "MIT"}, {"licence": "MIT"}),
        ({"license": "MIT", "copyright": "x"}, {"licence": "MIT"}),
        ({"origin": "https://a.example/1"}, {"origin": "https://a.example/1"}),
        ({"original": "true", "origin": "HTTP://a.example/1"}, {"origin": "HTTP://a.example/1"}),
        ({"copyright_author": "张三", "author": "博主"}, {"author": "张三"}),
        ({"copyright_url": "https://a.example/1", "permalink": "https://b.example/"}, {"origin": "https://a.example/1"}),
        ({"作者": "张三", "译者": "李四"}, {"author": "张三"}),
        ({"author": {"name": "张三", "email": "x"}}, {"author": "张三"}),
        ({"authors": [{"name": "张三"}, "李四"]}, {"author": "张三、李四"}),
        ({"license": {"name": "MIT", "url": "x"}}, {"licence": "MIT"}),
        ({"permalink": "https://a.example/中文/"}, {"origin": "https://a.example/中文/"}),
        ({"canonicalURL": "https://a.example"}, {"origin": "https://a.example"}),
    ],
)
def test_what_front_matter_says(meta, found):
    assert read_whose(meta) == found


@pytest.mark.parametrize(
    "meta",
    [
        {"authors": []},
        {"author": {}},
        {"author": " "},
        {"author": "null"},
        {"译者": "李四"},
        {"copyright": "true"},
        {"copyright": "false"},
        {"original": "true"},
        {"original": "是"},
        {"permalink": "/posts/1/"},
        {"permalink": "posts/1.html"},
        {"source": "https://a.example/"},
    ],
)
def test_what_says_nothing(meta):
    assert read_whose(meta) == {}


UNUSABLE = {
    "author": [
        {"author": {"x": "张三"}},
        {"author": {"name": {"x": "y"}}},
        {"authors": [{"x": "y"}]},
        {"author": ["张三", {"x": "y"}]},
        {"author": ["张三", ""]},
        {"author": "甲\n乙"},
        {"author": "甲" * 61},
        {"author": "\u200b"},
        {"author": "\u202e甲"},
        {"author": "本站的一切归张三。"},
        {"copyright_author": "\u200b", "author": "博主"},
    ],
    "licence": [
        {"copyright": "© 2024 张三"},
        {"license": "All rights reserved"},
        {"license": {"x": "y"}},
        {"license": "甲" * 101},
    ],
    "origin": [
        {"origin": "《某书》"},
        {"origin": "javascript:alert(1)"},
        {"origin": "ftp://a.example/"},
        {"origin": "https://"},
        {"origin": "https://a.example/\"onclick='x'"},
        {"origin": "https://a.example/ b"},
        {"origin": "https://[a.example/"},
        {"origin": f"https://a.example/{'x' * 1000}"},
        {"origin": {"x": "y"}},
    ],
}


@pytest.mark.parametrize(("key", "meta"), [(key, meta) for key, metas in UNUSABLE.items() for meta in metas])
def test_what_cannot_be_used_is_not_replaced(key, meta):
    """写着别的什么人，就不能算成选项里的、从前登记的。"""
    assert read_whose(meta) == {key: None}
    known = {"author": "博主", "licence": "MIT", "origin": "https://b.example/"}
    told = Whose("博主", "MIT", "https://b.example/{abbrlink}/")
    assert key not in told.of(meta, "1", known)


class TestAdding:
    def test_unknown_is_left_out(self, add, project):
        assert add()[1] == (None, None, None)
        assert read_lock(project.root)["docs/posts/1.md"].keys() == {"bytes", "sha256"}

    def test_options_fill_what_front_matter_lacks(self, add):
        options = ("--author", "李四", "--licence", "MIT", "--origin", "https://a.example/{abbrlink}/")
        assert add("author: 张三\n", 1, *options)[1] == ("张三", "MIT", "https://a.example/1/")

    def test_again_without_options_keeps_what_is_known(self, add):
        add("", 1, "--author", "李四", "--licence", "MIT")
        assert add()[1] == ("李四", "MIT", None)
        assert add("licence: CC0\n")[1] == ("李四", "CC0", None)

    def test_again_with_options_replaces_it(self, add):
        add("", 1, "--author", "李四", "--licence", "MIT")
        done, found = add("", 1, "--author", "王五")
        assert found == ("王五", "MIT", None)
        assert done.output.startswith("已更新：")

    def test_a_note_whose_text_changes_stays_whose_it_is(self, add):
        add("", 1, "--author", "李四")
        assert add("tags: x\n")[1] == ("李四", None, None)

    def test_as_json(self, add):
        done, _ = add("author: 张三\n", 1, "--json")
        (note,) = json.loads(done.stdout)["notes"]
        assert [note[key] for key in WHOSE] == ["张三", None, None]

    def test_every_note_of_a_call_has_its_own_address(self, add, project):
        for number in (1, 2):
            project.write(f"all/{number}.md", f"---\ntitle: {number}\nabbrlink: {number}\n---\n")
        CliRunner().invoke(main, ["add", "all", "--origin", "https://a.example/{abbrlink}/{abbrlink}"])
        assert [entry["origin"] for entry in read_lock(project.root).values()] == [
            "https://a.example/1/1",
            "https://a.example/2/2",
        ]

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            (("--author", ""), "--author 应是一行字，最多 60 个字，得到 ''"),
            (("--author", "甲\n乙"), "--author 应是一行字"),
            (("--licence", "x" * 101), "--licence 应是一行字"),
            (("--origin", "a.example/{abbrlink}"), "--origin 应是http:// 或 https:// 开头的网址"),
            (("--origin", "javascript:{abbrlink}"), "--origin 应是http"),
            (("--origin", "https://a.example/{title}"), "--origin 里大括号只能是 {abbrlink}"),
            (("--origin", "https://a.example/{abbrlink"), "--origin 里大括号只能是 {abbrlink}"),
        ],
    )
    def test_options_that_cannot_be(self, add, project, options, problem):
        done, _ = add("", 1, *options)
        assert done.exit_code == 1 and problem in done.output
        assert not (project.root / "docs/posts").exists()

    def test_one_address_for_several_notes(self, project, monkeypatch):
        monkeypatch.chdir(project.root)
        for number in (1, 2):
            project.write(f"in/{number}.md", f"---\ntitle: {number}\n---\n")
        done = CliRunner().invoke(main, ["add", "in", "--origin", "https://a.example/x"])
        assert "里没有 {abbrlink}，2 篇笔记就会是同一个网址" in done.output
        assert CliRunner().invoke(main, ["add", "in/1.md", "--origin", "https://a.example/x"]).exit_code == 0


def test_ones_own_are_of_the_owner_of_the_base(project, monkeypatch):
    monkeypatch.chdir(project.root)
    note = project.write("in/1.md", "---\ntitle: 一\nabbrlink: 1\n---\n\n正文\n")
    done = CliRunner().invoke(main, ["add", "--mine", str(note)])
    assert done.exit_code == 1
    assert "--mine 要知道是谁：在 mkdocs.yml 里 kb 的设置里写上 author。" in done.output
    configure(project.root, author="张三", licence="MIT")
    done = CliRunner().invoke(main, ["add", "--mine", str(note)])
    assert done.exit_code == 0, done.output
    entry = read_lock(project.root)["docs/posts/1.md"]
    assert (entry["author"], entry["licence"]) == ("张三", "MIT")
