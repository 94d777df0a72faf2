"""从前的版本写成的库：今天的工具照样构建它，要做什么，说得出是哪条命令。

version-N/ 是那一版的 kb new 写成的，一个字节也不改；改了写法，就再放一个进来。
"""

import shutil
from pathlib import Path

import pytest

from tests.kb.lab import Lab

VERSIONS = sorted(Path(__file__).parent.glob("version-*"))


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda path: path.name)
def older(request, tmp_path_factory):
    """做过 kb check 说要做的。"""
    lab = Lab(shutil.copytree(request.param, tmp_path_factory.mktemp("older") / "从前的 库"))
    lab.git("init", "-q")
    lab.commit()
    code, output = lab.kb("check")
    if code and "kb pages" in output:
        assert lab.kb("pages")[0] == 0
        lab.commit()
        code, output = lab.kb("check")
    if code and "kb prove" in output:
        (snippet,) = (lab.root / "snippets").glob("[!_]*.py")
        assert lab.record(snippet.name) == "" and lab.mutate(snippet.name)[0] == 0
        lab.commit()
        code, output = lab.kb("check")
    assert code == 0, output
    return lab


def test_it_is_built_after_what_check_says(older):
    code, output = older.warm("mkdocs", "build", "--strict")
    assert code == 0, output
    (note,) = (older.root / "site/posts").glob("*/index.html")
    assert '<span class="state is-verified">已验证</span>' in note.read_text("utf-8")


def test_what_it_lacks_is_one_command(older):
    (older.root / "docs/verification.md").unlink()
    code, output = older.kb("check")
    assert (code, output.count("kb pages")) == (1, 1), output
    assert older.kb("pages")[0] == older.kb("check")[0] == 0
