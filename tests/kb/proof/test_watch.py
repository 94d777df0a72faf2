"""看着的人看见什么：谁打开了哪个文件，问了哪个在不在，列出了哪个文件夹。"""

import os
import subprocess
import sys

import pytest
import torch

from kb.proof.watch import Watch, read_log

FILES = ("data/1.txt", ".cache/x.json", ".git/HEAD", "site-packages/x.json", "__pycache__/x.txt", "x.egg-info/a")
RUN = """\
import sys
from pathlib import Path
from kb.proof.watch import install

root, log, *parts = sys.argv[1:]
watch = install(Path(root), Path(log))
import os, sqlite3
for file, code in zip(parts[::2], parts[1::2]):
    exec(compile(code, os.path.join(root, file), "exec"))
"""


@pytest.fixture
def seen(tmp_path):
    """在另一个进程里运行项目的代码，返回看见了什么。"""
    root = tmp_path / "base"
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1", "utf-8")
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def run(code, *more, file="tests/test_x.py"):
        log = tmp_path / "log"
        log.unlink(missing_ok=True)
        parts = [file, code, *more]
        done = subprocess.run(
            [sys.executable, "-I", "-c", RUN, str(root), str(log), *parts],
            cwd=root,
            capture_output=True,
            text=True,
            env={**os.environ, "TMPDIR": str(temporary), "TEMP": str(temporary)},
        )
        assert done.returncode == 0, done.stderr
        return {kind: lines for kind, lines in read_log(log).items() if kind != "package"}

    run.temporary = temporary
    return run


@pytest.mark.parametrize("name", [".cache/x.json", ".git/HEAD", "site-packages/x.json", "__pycache__/x.txt", "x.egg-info/a"])
def test_the_projects_code_reads_wherever_that_is(seen, name):
    assert seen(f"open({name!r}).read()") == {"read": [name]}


def test_tools_read_what_is_theirs(seen):
    assert seen("open('.git/HEAD').read()", file="../site-packages/tool.py") == {}


def test_each_reader_counts(seen):
    """先由包打开的，项目的代码再打开，也算。"""
    code = "open('data/1.txt').read()"
    assert seen(code, file="../site-packages/tool.py") == {"open": ["data/1.txt"]}
    both = seen(code, "tests/test_x.py", code, file="../site-packages/tool.py")
    assert both == {"open": ["data/1.txt"], "read": ["data/1.txt"]}


def test_what_is_not_there(seen):
    code = "try:\n    open('.expected')\nexcept OSError:\n    pass"
    assert seen(code) == {"read": [".expected"]}


@pytest.mark.parametrize(
    "ask",
    [
        "os.path.exists('data/1.txt')",
        "os.path.isfile('data/1.txt')",
        "os.stat('data/1.txt').st_size",
        "os.lstat('data/1.txt').st_size",
        "os.access('data/1.txt', os.R_OK)",
        "Path('data/1.txt').exists()",
        "Path('data/1.txt').stat()",
        "Path('data/1.txt').is_file()",
    ],
)
def test_questions(seen, ask):
    assert seen(ask) == {"read": ["data/1.txt"]}


def test_a_path_that_is_only_written_out(seen):
    assert seen("Path('data/1.txt').resolve(), os.path.realpath('data')") == {}


def test_answers_are_as_before(seen):
    seen("""\
assert os.stat('data').st_ino == os.lstat(Path('data')).st_ino
assert os.path.exists(path='data/1.txt') and not os.path.exists('data/2.txt') and not os.path.islink('data')
for wrong, error in ((None, TypeError), ('data/2.txt', OSError)):
    try:
        os.stat(wrong, follow_symlinks=True)
    except error:
        continue
    raise AssertionError(wrong)
import shutil, tempfile
with tempfile.TemporaryDirectory() as folder:
    os.mkdir(folder + '/x')
    shutil.rmtree(folder + '/x')
    assert os.listdir(folder) == []
""")


def test_folders(seen):
    assert seen("os.listdir('data')") == {"list": ["data"]}
    assert "列出了整个项目的文件夹" in seen("list(Path('.').rglob('*.txt'))")["refuse"][0]


@pytest.mark.parametrize(
    "code",
    ["os.path.exists('/outside')", "os.listdir(os.path.dirname(sys.argv[1]) + '/other')", "list(Path('/opt').glob('*'))"],
)
def test_what_is_outside(seen, code):
    assert "项目以外" in seen(f"import sys\ntry:\n    {code}\nexcept OSError:\n    pass")["refuse"][0]


def test_what_may_be_outside(seen):
    """程序在哪里，Python 有什么，自己的文件夹上面有没有：不是项目的代码要知道的内容。"""
    assert "refuse" not in seen("import shutil, sysconfig\nshutil.which('cc')\nos.path.exists(sysconfig.get_paths()['include'] + '/Python.h')")
    assert "refuse" not in seen("import tempfile\nPath(tempfile.gettempdir(), 'a/b').mkdir(parents=True, exist_ok=True)")


def test_shared_memory_is_a_folder(seen):
    assert "打开了项目以外的 /dev/shm/x" in seen("open('/dev/shm/x', 'w').close()\nos.remove('/dev/shm/x')")["refuse"][0]


@pytest.mark.skipif(os.listdir not in os.supports_fd, reason="这个系统不能按描述符列出文件夹")
def test_folders_by_descriptor(seen):
    assert seen("d = os.open('data', os.O_RDONLY)\nos.listdir(d)\nos.close(d)")["list"] == ["data"]


def test_databases(seen):
    beside = ["data/1.txt", "data/1.txt-journal", "data/1.txt-wal"]  # SQLite 接着读这些
    assert seen("sqlite3.connect('data/1.txt').close()") == {"read": beside}
    assert seen("sqlite3.connect(':memory:').close()") == {}


@pytest.mark.parametrize("move", ["os.link", "os.rename", "os.symlink"])
def test_what_goes_to_the_temporary_folder(seen, move):
    assert seen(f"{move}('data/1.txt', {str(seen.temporary / 'x')!r})") == {"read": ["data/1.txt"]}


def test_writing_outside(seen, tmp_path):
    outside = tmp_path / "outside.txt"
    assert seen(f"open({str(outside)!r}, 'w').close()") == {"refuse": [f"打开了项目以外的 {outside}"]}


@pytest.mark.skipif(sys.platform != "linux", reason="别的系统没有 /proc")
def test_what_the_system_keeps(seen):
    assert seen("open('/proc/self/status').read(), open('/proc/cpuinfo').read(), open('/dev/null').read()") == {}
    for path in ("/etc/hostname", "/dev/shm/expected.json", f"{sys.prefix}/share/expected.json"):
        found = seen(f"try:\n    open({path!r})\nexcept OSError:\n    pass")
        assert found == {"refuse": [f"打开了项目以外的 {os.path.realpath(path)}"]}, path


def test_the_network(seen):
    connect = "sys.audit('socket.connect', None, {})"
    for address, file in (("('10.0.0.1', 80)", "tests/x.py"), ("('10.0.0.1', 80)", "../site-packages/requests.py"), ("'/run/x'", "tests/x.py")):
        assert seen(connect.format(address), file=file) == {"refuse": ["连到网络（socket.connect）"]}
    assert seen(connect.format("'/run/x'"), file="../site-packages/x.py") == {}


def test_in_a_thread(seen):
    code = "from concurrent.futures import ThreadPoolExecutor as Pool\nwith Pool() as pool:\n    list(pool.map(os.listdir, ['data']))"
    assert seen(code)["list"] == ["data"]


def test_packages_list_too(seen):
    assert seen("os.listdir('data')", file="../site-packages/fsspec.py") == {"list": ["data"]}
    assert seen("os.listdir('data')", file="../site-packages/_pytest/python.py") == {}


def test_what_is_borrowed_from_packages(seen):
    path = os.path.join(os.path.dirname(torch.__file__), "version.py")
    assert seen(f"open({path!r}).read()") == {"borrow": [path]}


def test_another_interpreter(seen):
    assert seen("sys.audit('cpython.PyInterpreterState_New')") == {"refuse": ["另开了一个解释器"]}


def test_a_loader_with_workers_is_told_what_to_write(tmp_path, monkeypatch):
    said = []
    watch = object.__new__(Watch)
    watch.allowed = 0
    monkeypatch.setattr(watch, "caller", lambda *_: "project", raising=False)
    monkeypatch.setattr(watch, "say", lambda *words: said.append(words), raising=False)
    scope = {"watch": watch}
    code = "watch.started('os.fork', ())"
    exec(compile(code, "/env/torch/utils/data/dataloader.py", "exec"), scope)
    exec(compile(code, "/project/tests/test_x.py", "exec"), scope)
    (_, loader), (_, other) = said
    assert "num_workers=0" in loader
    assert "num_workers" not in other
