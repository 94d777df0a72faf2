"""一个小项目，里面一篇已经添加的笔记；命令在它的根目录运行。"""

import pytest
from click.testing import CliRunner

from kb.cli.commands import main


@pytest.fixture
def kb(project, monkeypatch):
    monkeypatch.chdir(project.root)

    def run(*arguments, answer=None):
        done = CliRunner().invoke(main, [*map(str, arguments)], input=answer)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    return run


@pytest.fixture
def add(project, kb):
    """Writes a note of the author's, or its next version, and adds it."""

    def run(text, name="n.md", *options):
        project.write(f"in/{name}", text)
        return kb("add", f"in/{name}", *options)

    return run


@pytest.fixture
def asked(monkeypatch):
    """Somebody sits at the terminal."""
    for module in ("adding", "editing"):
        monkeypatch.setattr(f"kb.cli.{module}.can_ask", lambda: True)
