"""笔记里的地址指向站上哪个文件；文件写全了才换名。"""

import os

import pytest

from kb.markdown.places import own_place, place
from kb.notes.files import write_whole


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("x.png", "posts/1/x.png"),
        ("./img/%E5%9B%BE.png?a#b", "posts/1/img/图.png"),
        ("../x.png", "posts/x.png"),
        ("../../x.png", "x.png"),
        ("/img/x.png", "img/x.png"),
        ("/../x.png", "x.png"),
        ("../../../x.png", None),
        ("a/../../../../x.png", None),
        ("%2e%2e/%2e%2e/%2e%2e/x.png", None),
        ("..x.png", "posts/1/..x.png"),
    ],
)
def test_place(address, path):
    assert place("posts/1.md", address) == path


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/assets/x.png", "posts/1/assets/x.png"),
        ("../../../img/x.png", "posts/1/img/x.png"),
        ("%2e%2e/x.png?a#b", "posts/1/x.png"),
        ("/", None),
        ("..", None),
    ],
)
def test_own_place(address, path):
    assert own_place("posts/1.md", address) == path


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_changes_nothing(tmp_path, monkeypatch, step):
    target = tmp_path / "x"
    target.write_bytes(b"old")

    def fail(*_):
        raise OSError("full")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="full"):
        write_whole(target, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert target.read_bytes() == b"old"
