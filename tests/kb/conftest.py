"""一个临时的项目：本站的设置，自己的笔记和代码。"""

import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from mkdocs.config import load_config
from mkdocs.structure.files import get_files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]

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


class Project:
    def __init__(self, root: Path):
        self.root = root
        shutil.copy(ROOT / "mkdocs.yml", root)
        self.write("snippets/numbers.py", SNIPPET)
        self.write("docs/snippets/numbers.md", '``` {.python .embed}\n--8<-- "numbers.py"\n```\n\n')

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def render(self, text: str, name: str = "posts/1.md") -> BeautifulSoup:
        """The page as MkDocs renders it with the site's settings."""
        self.write(f"docs/{name}", text)
        config = load_config(str(self.root / "mkdocs.yml"))
        files = get_files(config)
        page = Page(None, files.get_file_from_path(name), config)
        page.read_source(config)
        page.render(config, files)
        return BeautifulSoup(page.content, "html.parser")


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)
