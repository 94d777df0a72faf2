"""测试启动的进程：和测试自己一样看着，别的办法都不行。"""

import pytest

from kb.proof import start_child


@pytest.mark.parametrize("option", ["preexec_fn", "executable", "cwd", "shell"])
def test_what_would_start_something_else(option):
    with pytest.raises(TypeError, match=f"start_child 不接受 {option}，只有 bufsize、encoding"):
        start_child("tests.nothing", **{option: None})


@pytest.mark.parametrize(("given", "passed"), [({}, False), ({"pycache_prefix": "/made"}, True)])
def test_it_has_the_bytecode_folder_that_this_one_was_started_with(monkeypatch, given, passed):
    """变异测试后来换上的文件夹里没有 torch 的：每一个都要重新编译一遍。"""
    started = []
    monkeypatch.setattr("kb.proof.children.subprocess.Popen", lambda command, **_: started.append(command))
    monkeypatch.setattr("kb.proof.children.sys.pycache_prefix", "/made")
    monkeypatch.setattr("kb.proof.children.sys._xoptions", given)
    start_child("tests.nothing")
    assert ("pycache_prefix=/made" in started[0]) is passed
