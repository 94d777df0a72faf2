"""The site generators that are compared: how each is installed, laid out, built and served.

This project runs on two of them, MkDocs and Zensical; Hexo with the Fluid theme is what the
author's blog runs on. What isn't installed here is put into a cache folder, once:

    CACHE/zensical-0.0.73/    python -m venv, then pip install of ZENSICAL
    CACHE/hexo-8.1.2/         npm install of HEXO, which `hexo init` would list, and Fluid
"""

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmarks.measure import Command, Failed
from tests.kb.generator import Note, write_notes

ROOT = Path(__file__).parents[1]

PROJECT = (
    *("docs", "kb", "snippets", "tests", "evidence", "benchmarks"),
    *("mkdocs.yml", "pyproject.toml"),
)
"""What a site of this project is made from, or watches."""

ZENSICAL = "0.0.73"

HEXO = {
    "hexo": "8.1.2",
    "hexo-abbrlink": "2.2.1",
    "hexo-generator-archive": "2.0.0",
    "hexo-generator-category": "2.0.0",
    "hexo-generator-index": "4.0.0",
    "hexo-generator-tag": "2.0.0",
    "hexo-renderer-ejs": "2.0.0",
    "hexo-renderer-marked": "7.0.1",
    "hexo-renderer-stylus": "3.0.1",
    "hexo-server": "3.0.0",
    "hexo-theme-fluid": "1.9.9",
}

HEXO_CONFIG = """\
title: 笔记
language: zh-CN
url: http://example.com
permalink: posts/:abbrlink/
theme: fluid
syntax_highlighter: highlight.js
abbrlink: { alg: crc32, rep: dec }
"""


@dataclass
class Engine:
    """One generator, over a folder of its own."""

    root: Path
    cache: Path

    name = ""
    output = "site"
    index = ""
    """The file that search loads, below `output`."""
    caches: ClassVar[tuple[str, ...]] = ()
    """What a build leaves behind besides its output: without it, the next one is cold."""
    environment = {}

    def install(self) -> None:
        """Once for a cache folder. Raises Failed where that can't be done."""

    def lay_out(self, notes: list[Note]) -> None:
        raise NotImplementedError

    def note_path(self, note: Note) -> Path:
        raise NotImplementedError

    def build_words(self) -> list[str]:
        raise NotImplementedError

    def serve_words(self, port: int) -> list[str]:
        raise NotImplementedError

    def build(self) -> Command:
        return Command(self.build_words(), self.root, self.environment)

    def serve(self, port: int) -> Command:
        return Command(self.serve_words(port), self.root, self.environment)

    def make_cold(self) -> None:
        """Puts what earlier builds left out of the way, beside `root`."""
        aside = tempfile.mkdtemp(prefix=f"{self.name}-earlier-", dir=self.root.parent)
        for name in (self.output, *self.caches):
            if (self.root / name).exists():
                (self.root / name).rename(Path(aside, name))


class ThisProject(Engine):
    def lay_out(self, notes: list[Note]) -> None:
        """A copy of this project with these notes added to its own."""
        for name in PROJECT:
            if (ROOT / name).is_dir():
                no_caches = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / name, self.root / name, ignore=no_caches)
            else:
                shutil.copy(ROOT / name, self.root / name)
        for note in notes:
            self.note_path(note).write_bytes(note.text.encode())
        stubs = [sys.executable, "-m", "kb", "pages"]
        if subprocess.run(stubs, cwd=self.root, stdout=subprocess.DEVNULL).returncode:
            raise Failed("kb pages 没有写出列表页的文件")

    def note_path(self, note: Note) -> Path:
        return self.root / f"docs/posts/{note.abbrlink}.md"


class MkDocs(ThisProject):
    name = "mkdocs"
    index = "search/"
    environment = {"NO_MKDOCS_2_WARNING": "1"}

    def build_words(self) -> list[str]:
        return [sys.executable, "-m", "mkdocs", "build", "-q"]

    def serve_words(self, port: int) -> list[str]:
        return [sys.executable, "-m", "mkdocs", "serve", "-q", "-a", f"127.0.0.1:{port}"]


class Zensical(ThisProject):
    name = "zensical"
    index = "search/"
    caches = (".cache",)

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.root)}

    @property
    def venv(self) -> Path:
        return self.cache / f"zensical-{ZENSICAL}"

    def install(self) -> None:
        if (self.venv / "installed").exists():
            return
        venv.create(self.venv, clear=True, with_pip=True)
        pip = [str(self.venv / "bin/python"), "-m", "pip", "install", "-q"]
        pip += ["-c", str(ROOT / "constraints.txt"), f"zensical=={ZENSICAL}"]
        if subprocess.run(pip + extensions_need()).returncode:
            raise Failed(f"没有装上 zensical {ZENSICAL}")
        (self.venv / "installed").touch()

    def build_words(self) -> list[str]:
        return [str(self.venv / "bin/zensical"), "build"]

    def serve_words(self, port: int) -> list[str]:
        return [str(self.venv / "bin/zensical"), "serve", "-a", f"127.0.0.1:{port}"]


class Hexo(Engine):
    name = "hexo"
    output = "public"
    index = "local-search.xml"
    caches = ("db.json",)

    @property
    def packages(self) -> Path:
        return self.cache / f"hexo-{HEXO['hexo']}"

    def package(self, name: str) -> str:
        return json.dumps({"name": name, "private": True, "hexo": {}, "dependencies": HEXO})

    def install(self) -> None:
        if (self.packages / "installed").exists():
            return
        npm = shutil.which("npm")
        if npm is None:
            raise Failed("没有 npm，不能与 Hexo 比较。先装 Node.js ≥ 20。")
        self.packages.mkdir(parents=True, exist_ok=True)
        (self.packages / "package.json").write_text(self.package("peers"), encoding="utf-8")
        if subprocess.run(
            [npm, "install", "--no-audit", "--no-fund"], cwd=self.packages
        ).returncode:
            raise Failed("没有装上 Hexo")
        (self.packages / "installed").touch()

    def lay_out(self, notes: list[Note]) -> None:
        (self.root / "package.json").write_text(self.package("blog"), encoding="utf-8")
        (self.root / "_config.yml").write_text(HEXO_CONFIG, encoding="utf-8")
        (self.root / "node_modules").symlink_to(self.packages / "node_modules")
        (self.root / "themes").mkdir()
        write_notes(self.root / "source", notes)

    def note_path(self, note: Note) -> Path:
        return self.root / "source/_posts" / note.file_name

    def build_words(self) -> list[str]:
        return [str(self.root / "node_modules/.bin/hexo"), "generate"]

    def serve_words(self, port: int) -> list[str]:
        hexo = str(self.root / "node_modules/.bin/hexo")
        return [hexo, "server", "-i", "127.0.0.1", "-p", str(port)]


ENGINES = (Hexo, MkDocs, Zensical)


def extensions_need() -> list[str]:
    """What `kb/` needs to run: what this project needs, without MkDocs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [each for each in project["dependencies"] if not each.startswith("mkdocs")]
