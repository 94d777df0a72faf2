"""包的门面，以及“单独复制一个文件也能运行”。"""

import ast
import runpy
import sys
from pathlib import Path

import pytest

import snippets

FOLDER = Path(snippets.__file__).parent
FILES = sorted(path.name for path in FOLDER.glob("*.py") if path.name != "__init__.py")


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


@pytest.mark.parametrize("file", FILES)
def test_a_file_needs_only_torch(file):
    imported = set()
    for node in ast.walk(ast.parse((FOLDER / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add("(relative)" if node.level else node.module.split(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"torch"}
    blocks = {"ChannelAttention", "NonLocalBlock", "SelfAttention"}
    assert blocks & runpy.run_path(FOLDER / file).keys()
