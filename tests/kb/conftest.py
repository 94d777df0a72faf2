"""一个临时的项目：本站的设置，自己的笔记和代码。"""

import gc
import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tests.kb.lab import ROOT, Lab, once, render, without_nav

SNIPPET = '''\
"""两个函数。"""


# --8<-- [start:double] 乘以二
def double(x):
    return 2 * x
# --8<-- [end:double]


# --8<-- [start:half] 除以二
def half(x):
    """`x / 2`，<不> 取整 & 不舍入。"""

    return x / 2
# --8<-- [end:half]
'''


LONG = (
    "edit/test_undo.py",  # 它们分叉自己，进程还小的时候才快
    "intake/test_crash.py",
    "evidence/test_attacks.py",
    "base/test_browser.py",
    "site/test_policy.py",
    "snippets/test_non_local.py",
    "site/test_engines.py",
    "evidence/test_record.py",
    "snippets/test_self_attention.py",
    "evidence/test_prove.py",
    "edit/test_snippet.py",
    "site/test_under_mkdocs.py",
    "site/test_serve.py",
    "site/test_front_matter.py",
    "kb/markdown/test_formulas.py",
    "proof/test_plugin.py",
    "site/test_faster.py",
    "base/test_new.py",
    "kb/markdown/test_syntax.py",
    "base/test_older.py",
    "evidence/test_mutate.py",
    "evidence/test_badges.py",
    "check/test_check.py",
    "evidence/test_mutants.py",
    "base/test_mutants.py",
    "site/test_hostile.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """最久的文件最先：几个进程同时测试时，最后谁也不等谁（kb.proof.plugin 让 xdist 照这个次序）。"""
    ranks = {name: number for number, name in enumerate(LONG)}

    def rank(item):
        return next((ranks[name] for name in LONG if item.path.as_posix().endswith(name)), len(LONG))

    items.sort(key=rank)


def pytest_collection_finish():
    """一万个测试、导入的模块都一直在：回收的时候不再一个个看。"""
    gc.collect()
    gc.freeze()


class Project:
    def __init__(self, root: Path):
        self.root = root
        shutil.copy(ROOT / "mkdocs.yml", root)
        without_nav(root)
        (root / "evidence").mkdir()
        self.write("snippets/numbers.py", SNIPPET)
        self.write("docs/snippets/numbers.md", "---\nfill: file\nof: numbers.py\n---\n\n<!-- 由 kb pages 写成 -->\n")

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def render(self, text: str, name: str = "posts/1.md") -> BeautifulSoup:
        """The page as MkDocs renders it with the site's settings."""
        self.write(f"docs/{name}", text)
        return render(self.root, name)


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture(scope="session")
def unrecorded(tmp_path_factory):
    """一个没有记录过证据的小项目，只读。"""
    if shutil.which("git") is None:
        pytest.skip("没有 git")
    return Lab(tmp_path_factory.mktemp("unrecorded")).build()


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """同一个小项目，记录过证据，没有做变异测试，只读。"""
    return shared(tmp_path_factory, "recorded", lambda lab: None)


@pytest.fixture(scope="session")
def verified(tmp_path_factory):
    """同一个小项目，证明过，只读。"""

    def mutate(lab):
        code, output = lab.mutate()
        assert code == 0, output

    return shared(tmp_path_factory, "verified", mutate)


def shared(factory, name, prepare):
    def make(root):
        made = Lab(root).build()
        assert made.record(fresh=True) == ""
        prepare(made)

    return Lab(once(factory, f"lab-{name}", make))


@pytest.fixture
def lab(unrecorded, tmp_path):
    """没有记录过证据的一份，可以改。"""
    return unrecorded.copy(tmp_path)


@pytest.fixture
def proven(verified, tmp_path):
    """证明过的一份，可以改。"""
    return verified.copy(tmp_path)
