"""mkdocs serve：改了代码，页面跟着变；写错了说清楚，改对了接着来。"""

import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from tests.site.conftest import NOTE, ROOT


class Server:
    """`mkdocs serve` over a copy of the project."""

    def __init__(self, root):
        self.root = root
        for name in ("docs", "snippets"):
            shutil.copytree(ROOT / name, root / name)
        shutil.copy(ROOT / "mkdocs.yml", root)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.address = f"http://{address}/"
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "mkdocs", "serve", "-a", address],
            cwd=root,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.log = []
        threading.Thread(target=self.read, daemon=True).start()
        self.wait_for("Serving on ")

    def read(self):
        for line in self.process.stderr:
            self.log.append(line)

    def wait_for(self, words, after=0):
        """The first line of the log that has these words, from line `after` on."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for line in self.log[after:]:
                if words in line:
                    return line
            time.sleep(0.1)
        raise AssertionError(f"日志里没有 {words!r}：\n{''.join(self.log)}")

    def note(self):
        with urllib.request.urlopen(self.address + NOTE, timeout=60) as answer:
            return answer.read().decode()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.process.stderr.close()


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    yield server
    server.stop()


def test_the_page_follows_a_snippet(server):
    assert "沿 key 的方向做 softmax" in server.note()
    file = server.root / "snippets/self_attention.py"
    original = file.read_text("utf-8")

    seen = len(server.log)
    file.write_text(original.replace("沿 key 的方向做 softmax", "新写的一句话"), "utf-8")
    server.wait_for("Reloading browsers", after=seen)
    assert "新写的一句话" in server.note()

    seen = len(server.log)
    file.write_text(original.replace("# --8<-- [end:normalise]\n", ""), "utf-8")
    message = server.wait_for("docs/posts/681746266.md:", after=seen)
    assert "嵌入 'self_attention.py:score' 的文件有问题" in message
    server.wait_for("区域 normalise（第", after=seen)

    seen = len(server.log)
    file.write_text(original, "utf-8")
    server.wait_for("Reloading browsers", after=seen)
    assert "沿 key 的方向做 softmax" in server.note()
    assert "Traceback" not in "".join(server.log)
