"""测试启动的进程：和测试自己一样看着，别的办法都不行。"""

import pytest

from kb.proof import start_child


@pytest.mark.parametrize("option", ["preexec_fn", "executable", "cwd", "shell"])
def test_what_would_start_something_else(option):
    with pytest.raises(TypeError, match=f"start_child 不接受 {option}，只有 bufsize、encoding"):
        start_child("tests.nothing", **{option: None})
