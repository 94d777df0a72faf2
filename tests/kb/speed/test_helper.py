"""另一个进程做的，拿得到；它没开始的、没做成的、死在上面的，都由自己做。"""

import subprocess
import sys

import pytest

from kb.speed.second_process import can_help
from tests.kb.lab import ROOT

PROGRAM = """
import os, sys, time
from kb.speed.second_process import Helper

def do(item):
    if item == "wrong":
        raise ValueError
    if item == "deadly":
        os._exit(1)
    if item == "endless":
        time.sleep(600)
    return item * 2, os.getpid() != first

first = os.getpid()
items = sys.argv[1].split()
helper = Helper(items, do)
while not helper.begun[int(sys.argv[2])]:
    time.sleep(0.01)
asked = [item for item in (*items, "unknown") if item != "endless"]
print(*map(helper.take, asked), helper.taken)
helper.end()
"""


def take(items, until, before=""):
    """等另一个进程开始了第 until 项，再逐项去拿。"""
    done = subprocess.run(
        [sys.executable, "-c", before + PROGRAM, items, str(until)],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="进程只在 Linux 上复制")
class TestHelper:
    def test_what_it_made(self):
        assert take("a b", 1) == ("('aa', True) ('bb', True) None 2", "")

    def test_where_pipes_must_stay_narrow(self):
        """用户的管道已经占满了内核给的份额，或者系统不许改。"""
        assert take("a b", 1, "import fcntl\nfcntl.F_SETPIPE_SZ = -1") == ("('aa', True) ('bb', True) None 2", "")

    def test_what_went_wrong_is_left(self):
        assert take("a wrong b", 2) == ("('aa', True) None ('bb', True) None 2", "")

    def test_what_went_wrong_is_not_waited_for(self):
        assert take("wrong endless", 1) == ("None None 0", "")

    def test_when_it_dies(self):
        said, _ = take("deadly a", 0)
        assert said == "None None None 0"


def test_only_on_a_second_core_of_linux(monkeypatch):
    monkeypatch.setattr("os.listdir", lambda _: ["1"])
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert can_help()
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    assert not can_help()
    monkeypatch.delattr("os.sched_getaffinity")
    assert not can_help()
