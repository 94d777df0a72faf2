"""哪个命令在运行：只有两个引擎的 serve 放宽安全策略。"""

import pytest

from kb.markdown.engine import is_serving


@pytest.mark.parametrize(
    "command",
    [
        ["/venv/bin/mkdocs", "serve"],
        ["/venv/bin/zensical", "serve", "-a", "127.0.0.1:8001"],
        ["/venv/bin/mkdocs", "-q", "serve", "--strict"],
        ["/venv/lib/mkdocs/__main__.py", "serve"],
        ["/venv/lib/zensical/__main__.py", "serve"],
    ],
)
def test_serving(command):
    assert is_serving(command)


@pytest.mark.parametrize(
    "command",
    [
        ["/venv/bin/mkdocs", "build"],
        ["/venv/bin/mkdocs", "build", "-d", "serve"],
        ["/venv/bin/zensical", "build", "-f", "serve"],
        ["/venv/lib/mkdocs/__main__.py", "build", "serve"],
        ["/serve/mkdocs", "build"],
        ["/venv/bin/mkdocs"],
        ["/venv/bin/kb", "serve"],
        ["/venv/bin/pytest", "serve"],
        ["/home/serve/__main__.py", "serve"],
        [""],
    ],
)
def test_not_serving(command):
    assert not is_serving(command)
