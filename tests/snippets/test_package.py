"""包的门面，以及“单独复制一个文件也能运行”。"""

import ast
import runpy
import sys
from pathlib import Path

import pytest

import snippets

FOLDER = Path(snippets.__file__).parent
FILES = ["channel_attention.py", "non_local.py", "self_attention.py"]


def test_exports():
    assert snippets.__all__ == [
        "ChannelAttention",
        "NonLocalBlock",
        "SelfAttention",
        "aggregate",
        "normalise",
        "score",
    ]
    for name in snippets.__all__:
        assert callable(getattr(snippets, name))


def imported_by(file):
    imported = set()
    for node in ast.walk(ast.parse((FOLDER / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add("(relative)" if node.level else node.module)
    return imported


def test_the_files_are_known():
    files = {path.name for path in FOLDER.glob("*.py")}
    assert files == {*FILES, "distributed.py", "__init__.py"}


@pytest.mark.parametrize("file", FILES)
def test_a_file_needs_only_torch(file):
    packages = {name.split(".")[0] for name in imported_by(file)}
    assert packages - set(sys.stdlib_module_names) == {"torch"}
    blocks = {"ChannelAttention", "NonLocalBlock", "SelfAttention"}
    assert blocks & runpy.run_path(FOLDER / file).keys()


def test_distributed_needs_the_block_that_it_splits():
    assert imported_by("distributed.py") == {"torch", "torch.distributed", "snippets.non_local"}
