"""一个小项目，几篇笔记，图片在本机的一台服务器上。"""

import json

import pytest
from click.testing import CliRunner

from kb.cli.commands import main
from kb.notes.embedded import LOCK, fingerprint, lock_bytes, read_lock
from tests.kb.pictures_server import hostile_server


@pytest.fixture
def server():
    with hostile_server() as server:
        yield server


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class Base:
    def __init__(self, project, monkeypatch):
        self.root = project.root
        self.folder = self.root / "docs/assets/pictures"
        self.lock = self.root / "pictures.lock.json"
        self.project = project
        monkeypatch.chdir(self.root)

    def note(self, number, *addresses, head="", licence="CC BY 4.0", **entry):
        body = "\n\n".join(f"![图]({address})" for address in addresses)
        path = self.project.write(f"docs/posts/{number}.md", f"---\ntitle: 题 {number}\n{head}---\n\n{body}\n")
        known = {"licence": licence} if licence else {}
        entries = read_lock(self.root) | {f"docs/posts/{number}.md": fingerprint(path.read_bytes()) | known | entry}
        (self.root / LOCK).write_bytes(lock_bytes(entries))

    def kb(self, *arguments):
        done = CliRunner().invoke(main, [*map(str, arguments)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    def pictures(self, *arguments):
        """`kb pictures`, which has to succeed."""
        code, output = self.kb("pictures", "--local", *arguments)
        assert code == 0, output
        return output

    @property
    def files(self):
        return {path.name for path in self.folder.glob("*")}

    @property
    def entries(self):
        entries = json.loads(self.lock.read_text("utf-8"))
        assert entries.pop("format") == 1
        return entries


@pytest.fixture
def base(project, monkeypatch):
    return Base(project, monkeypatch)
