"""笔记说的文件在作者的磁盘上：照各工具的规则，再照名字；有两个就说出来；看不得的不看。"""

from pathlib import Path

import pytest

from kb.intake.finding import Several, files_below, find_file
from kb.intake.originals import parse_original

KINDS = {
    "hexo": ["source/_posts/", "source/_posts/note.md"],
    "hugo": ["hugo.toml", "content/posts/note.md"],
    "jekyll": ["_posts/", "_posts/note.md"],
    "obsidian": [".obsidian/", "甲/乙/note.md"],
    "vuepress": [".vuepress/", "指南/note.md"],
    "": ["notes/note.md"],
}


@pytest.fixture
def find(tmp_path):
    files_below.cache_clear()

    def run(kind, address, *files, given="."):
        marker, *_, note = [*KINDS[kind]] if len(KINDS[kind]) > 1 else ["", *KINDS[kind]]
        for name in filter(None, (marker, *files)):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir(exist_ok=True) if name.endswith("/") else path.write_bytes(b"x")
        source = tmp_path / note
        source.parent.mkdir(parents=True, exist_ok=True)
        original = parse_original(b"---\ntitle: x\n---\n", source, tmp_path / given)
        found = find_file(original, address)
        return found and Path(found).resolve().relative_to(tmp_path.resolve()).as_posix()

    return run


@pytest.mark.parametrize(
    ("kind", "address", "file"),
    [
        ("hexo", "x.png", "source/_posts/x.png"),
        ("hexo", "x.png", "source/_posts/note/x.png"),
        ("hexo", "/img/x.png", "source/img/x.png"),
        ("hexo", "code/x.py", "source/downloads/code/code/x.py"),
        ("hugo", "/img/x.png", "static/img/x.png"),
        ("hugo", "/posts/note/x.png", "content/posts/note/x.png"),
        ("hugo", "img/x.png", "assets/img/x.png"),
        ("jekyll", "/assets/img/x.png", "assets/img/x.png"),
        ("jekyll", "../img/x.png", "img/x.png"),
        ("obsidian", "x.png", "附件/深/x.png"),
        ("obsidian", "附件/x.png", "附件/x.png"),
        ("obsidian", "%E5%9B%BE%201.png", "附件/图 1.png"),
        ("obsidian", "b/x.png", "a/b/x.png"),
        ("obsidian", "X.PNG", "附件/x.png"),
        ("vuepress", "/x.png", ".vuepress/public/x.png"),
        ("", "/img/x.png", "img/x.png"),
        ("", "img/x.png", "img/x.png"),
    ],
)
def test_where_it_is(find, kind, address, file):
    assert find(kind, address, file) == file


def test_the_collection_above_what_was_given(find):
    assert find("hugo", "/img/x.png", "static/img/x.png", given="content/posts") == "static/img/x.png"


def test_what_lies_nearer_comes_first(find):
    assert find("obsidian", "x.png", "甲/乙/x.png", "x.png", "附件/x.png") == "甲/乙/x.png"
    assert find("obsidian", "附件/x.png", "别处/附件/x.png") == "附件/x.png"


def test_two_of_a_name(find):
    with pytest.raises(Several, match="有 2 个文件叫这个名字（a/x.png、b/x.png）"):
        find("obsidian", "x.png", "a/x.png", "b/x.png")


@pytest.mark.parametrize("file", ["x/y.png", "node_modules/x.png", ".trash/x.png", "_drafts/x.png", "public/a/x.png"])
def test_where_nobody_looks(find, file):
    assert find("obsidian", "x.png", file) is None


@pytest.mark.parametrize("address", ["/", "..", ".", "a" * 300, "%00", "没有.png"])
def test_what_is_not_there(find, address):
    assert find("hexo", address, "source/x.png") is None
