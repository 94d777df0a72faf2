"""每个文件都成立的事：只依赖 torch，单独复制出去就能运行；文档字符串里的例子也对。"""

import ast
import doctest
import runpy
import sys
from pathlib import Path


class File:
    module = None
    """snippets 的模块。"""
    others: set = set()
    """除了 torch，它还要 snippets 里的哪些。"""
    names: set = set()
    """它定义的，至少有这些。"""

    @property
    def path(self):
        return Path(self.module.__file__)

    def test_needs_only_torch(self):
        imported = set(imported_by(self.path))
        packages = {name.split(".")[0] for name in imported - self.others}
        assert packages - set(sys.stdlib_module_names) == {"torch"}
        assert self.others <= imported

    def test_runs_by_itself(self):
        assert self.names <= runpy.run_path(str(self.path)).keys()

    def test_examples_in_docstrings(self):
        failed, attempted = doctest.testmod(self.module)
        assert (failed, attempted > 0) == (0, True)


def imported_by(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "(relative)" if node.level else node.module
