"""一个小项目：两个函数，几个测试，一篇笔记，在 git 里，可以真的记录证据。"""

import copy
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import mkdocs.utils
from bs4 import BeautifulSoup
from filelock import FileLock
from mkdocs.config import load_config
from mkdocs.structure.files import get_files
from mkdocs.structure.pages import Page

from kb.evidence import store
from kb.evidence.record import in_a_process, record
from kb.markdown.engine import BadInput
from kb.notes.embedded import LOCK, fingerprint, lock_bytes, without_embeds
from kb.site.pages import write_pages
from tests.kb.warm import FORKS, in_a_warm_process, mutate_warm, warm_module

ROOT = Path(__file__).parents[2]
mkdocs.utils.get_themes = functools.cache(mkdocs.utils.get_themes)
"""每次读设置，都把装了的包问一遍，比别的加起来还久。"""
BYTECODE = Path(tempfile.gettempdir()) / f"kb-lab-bytecode-{sys.version_info.major}{sys.version_info.minor}"
"""torch 编译成的字节码，几次记录共用；真正记录时每次从空的开始。"""
MUTATE = """
import sys
from pathlib import Path
from kb.evidence.mutate import Campaign
if __name__ == "__main__":
    Campaign(Path.cwd(), sys.argv[1:]).run(2, lambda topic, mutant: None)
"""

SETTINGS = "\nmarkdown_extensions:\n"
"""mkdocs.yml 最后的一段从这里开始：扩展 kb 的设置。"""

SNIPPET = '''\
"""两个函数。"""

import torch


# --8<-- [start:double] 乘以二
def double(x):
    """2x，<不> 取整 & 不舍入。"""
    if not x.is_floating_point():
        raise ValueError("x 应为浮点张量")
    return 2 * x
# --8<-- [end:double]


# --8<-- [start:half] 除以二
def half(x):
    return x / 2
# --8<-- [end:half]
'''

OTHER = """\
# --8<-- [start:zero] 零
def zero(x):
    return x - x
# --8<-- [end:zero]
"""

TESTS = """\
import pytest
import torch

from kb.proof import assert_agrees, assert_refuses
from snippets.numbers import double, half


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_double(device, dtype):
    x = torch.tensor([1.0, 2.5], device=device, dtype=dtype)
    assert_agrees(double(x), torch.tensor([2.0, 5.0]), "手算的值")


def test_double_refuses_integers():
    assert_refuses("^x 应为浮点张量$", double, torch.tensor([1]))


def test_half(device):
    assert_agrees(half(torch.tensor([3.0], device=device)), torch.tensor([1.5]), "手算的值")
"""

EMBED = '``` {.python .embed}\n--8<-- "numbers.py:%s"\n```\n\n'


def render(root: Path, name: str) -> BeautifulSoup:
    """The page as MkDocs renders it with the site's settings."""
    return BeautifulSoup(rendered(root, name).content, "html.parser")


def rendered(root: Path, name: str) -> Page:
    config = load_config(str(root / "mkdocs.yml"))
    files = get_files(config)
    page = Page(None, files.get_file_from_path(name), config)
    page.read_source(config)
    page.render(config, files)
    return page


def configure(root: Path, **settings: object) -> None:
    """mkdocs.yml 里扩展 kb 的设置：只有这些。"""
    path = root / "mkdocs.yml"
    written = json.dumps(settings, ensure_ascii=False)
    path.write_text(f"{path.read_text('utf-8').partition(SETTINGS)[0]}{SETTINGS}  kb: {written}\n", "utf-8")


def without_nav(root: Path) -> None:
    path = root / "mkdocs.yml"
    path.write_text(re.sub(r"(?ms)^nav:\n.*?(?=^\w|\Z)", "", path.read_text("utf-8")), "utf-8")


def slow(root: Path) -> None:
    """不用加速的插件。"""
    path = root / "mkdocs.yml"
    path.write_text(path.read_text("utf-8") + "\nplugins: {faster: {enabled: false}}\n", "utf-8")


def once(factory, name: str, make) -> Path:
    """一个文件夹，由 `make` 写好；几个进程同时测试时，只做一遍，只读。"""
    base = factory.getbasetemp()
    root = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / name
    with FileLock(f"{root}.lock"):
        if not root.exists():
            making = root.with_name(f"{name}-making")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            make(making)
            making.rename(root)
    return root


class Lab:
    def __init__(self, root: Path):
        self.root = root

    def build(self) -> "Lab":
        for name in ("pyproject.toml", "mkdocs.yml", ".gitattributes"):
            self.write(name, (ROOT / name).read_text("utf-8"))
        self.write("tests/conftest.py", "")
        self.write("snippets/__init__.py", "")
        self.write("snippets/numbers.py", SNIPPET)
        self.write("snippets/other.py", OTHER)
        self.write("tests/snippets/test_numbers.py", TESTS)
        note = self.write("docs/posts/1.md", f"---\ntitle: 笔记\n---\n\n一\n\n{EMBED % 'double'}二\n\n{EMBED % 'half'}")
        locked = {"docs/posts/1.md": fingerprint(without_embeds(note.read_bytes()))}
        self.write(LOCK, lock_bytes(locked).decode())
        write_pages(self.root)
        self.write("docs/index.md", "# 首页\n")
        self.write("benchmarks/__init__.py", "")
        without_nav(self.root)
        (self.root / "evidence").mkdir()
        self.git("init", "-q")
        self.commit()
        return self

    def copy(self, root: Path) -> "Lab":
        shutil.copytree(self.root, root, dirs_exist_ok=True)
        return Lab(root)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text("utf-8")
        assert old in text
        self.write(name, text.replace(old, new, 1))

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=self.root, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "x", "--allow-empty")

    def environment(self) -> dict[str, str]:
        clean = {"CUDA_VISIBLE_DEVICES": "", "PYTEST_ADDOPTS": "", "PYTHONUTF8": "1", "NO_MKDOCS_2_WARNING": "1"}
        return {**os.environ, **clean}

    def run(self, *command: str, **environment: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env=self.environment() | environment,
        )
        return done.returncode, done.stdout

    def record(self, file: str = "numbers.py", device: str = "cpu", fresh: bool = False) -> str:
        """记录一个文件的证据；不能记录的话，返回原因，什么也没有写。

        `fresh`：照 `kb prove` 那样，在从头开始的进程里。
        """
        shutil.rmtree(BYTECODE / self.root.relative_to(self.root.anchor), ignore_errors=True)
        try:
            start = in_a_process if fresh else in_a_warm_process
            store.write_run(self.root / "evidence", file, record(self.root, file, device, BYTECODE, 1, start))
        except BadInput as refusal:
            return str(refusal)
        return ""

    def mutate(self, *files: str) -> tuple[int, str]:
        """变异测试，证据要先记录好。在另一个进程里：一个进程只有一个 forkserver。"""
        files = files or ("numbers.py",)
        if not FORKS:
            return self.run("-c", MUTATE, *files)
        return mutate_warm(self.root, self.environment(), BYTECODE, *files)

    def kb(self, *arguments: str) -> tuple[int, str]:
        return self.warm("kb", *arguments)

    def warm(self, *command: str) -> tuple[int, str]:
        """`python -m` 后面的这些，不从头开始。"""
        bytecode = None if command[0] == "mkdocs" else BYTECODE
        return warm_module(self.root, self.environment(), bytecode, *command)

    def page(self, name: str = "posts/1.md") -> BeautifulSoup:
        return render(self.root, name)

    @property
    def evidence(self) -> dict:
        return store.read_run(self.root / "evidence", "numbers.py", "cpu")

    def change(self, edit, file: str = "numbers.py", device: str = "cpu") -> None:
        """证据被改过，而且改的人把摘要也算对了。"""
        document = copy.deepcopy(store.read_run(self.root / "evidence", file, device))
        edit(document)
        store.write_run(self.root / "evidence", file, document)
