"""`kb new`: a base that works at once.

All of it is made in a folder beside, which takes the name when it is whole: an interrupted run
leaves nothing behind.
"""

import datetime
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from string import Template

from kb.base.tool import Tool, provide
from kb.intake.abbrlink import crc_abbrlinks, name_of
from kb.intake.whose import Whose
from kb.markdown.engine import BadInput
from kb.notes.embedded import (
    EMBED_FIRST,
    EMBED_LAST,
    LOCK,
    fingerprint,
    front_matter,
    lock_bytes,
    without_embeds,
)
from kb.site.pages import write_pages

TEMPLATE = Path(__file__).with_name("template")
EVIDENCE = Path(__file__).with_name("example")
FILES = {
    "mkdocs.yml": "mkdocs.yml",
    "README.md": "README.md",
    "pyproject.toml": "pyproject.toml",
    "constraints.txt": "constraints.txt",
    "gitignore": ".gitignore",
    "gitattributes": ".gitattributes",
    "workflow.yml": ".github/workflows/pages.yml",
    "docs/index.md": "docs/index.md",
    "snippets/__init__.py": "snippets/__init__.py",
    "snippets/moving_average.py": "snippets/moving_average.py",
    "tests/test_moving_average.py": "tests/snippets/test_moving_average.py",
}
"""File of the template → file of the base."""
CODE = ("snippets/", "tests/")
"""These are taken as they are: evidence is of their bytes."""
AFTER = "长度是"
"""The paragraph of the example that the code stands behind begins so."""
EMBEDS = (
    ("figure", "moving_average/flow.json:moving_average"),
    ("python", "moving_average.py:moving_average"),
)


@dataclass(frozen=True)
class Answers:
    title: str
    author: str = ""
    licence: str = ""
    tool: str | None = None


def make_base(folder: Path, answers: Answers) -> Path:
    """Makes the base there and returns where it is.

    Raises BadInput where it can't be, having written nothing.
    """
    folder = Path(os.path.abspath(folder))
    check(folder, answers)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".kb-new-", dir=folder.parent))
    try:
        fill(made, answers)
        commit(made)
        if folder.exists():
            folder.rmdir()
        made.chmod(0o755)
        made.rename(folder)
    except BaseException as error:
        shutil.rmtree(made, ignore_errors=True)
        if isinstance(error, OSError):
            raise BadInput(f"{folder} 写不了（{error.strerror or error}）。换一个地方。") from None
        raise
    return folder


def check(folder: Path, answers: Answers) -> None:
    if shutil.which("git") is None:
        raise BadInput("找不到 git。先装好它：知识库放在 git 里，证据才说得出是哪些代码。")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} 里已经有东西，没有动它。换一个名字，或者空的文件夹。")
    title = answers.title.strip()
    if not title or "\n" in title or len(title) > 100:
        raise BadInput(f"标题应是一行字，最多 100 个，得到 {answers.title[:40]!r}。")
    Whose(answers.author or None, answers.licence or None).check(1)


def fill(root: Path, answers: Answers) -> None:
    tool = provide(root, answers.tool)
    for source, target in FILES.items():
        text = (TEMPLATE / source).read_text("utf-8")
        if not source.startswith((*CODE, "constraints")):
            text = Template(text).substitute(words(source, answers, tool))
        write(root / target, text)
    shutil.copytree(EVIDENCE, root / "evidence", ignore=shutil.ignore_patterns("__*", "*.py"))
    add_example(root, answers)
    write_pages(root)


def words(source: str, answers: Answers, tool: Tool) -> dict[str, str]:
    title = answers.title.strip()
    author, licence = quoted(answers.author), quoted(answers.licence)
    if source == "mkdocs.yml":
        title = quoted(title)
    elif source == "docs/index.md":
        title = re.sub(r"([\\`*_\[\]<>#$&])", r"\\\1", title)
    return {
        "title": title,
        "author": author,
        "licence": licence,
        "tool": tool.requirement,
        "tool_with_tests": tool.with_tests,
        "find_links": tool.find_links,
        "where": tool.where,
        "move": tool.move,
    }


def quoted(text: str) -> str:
    """A string of YAML."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def add_example(root: Path, answers: Answers) -> None:
    """The first note, its code embedded, whose it is in the lock."""
    today = datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    original = Template((TEMPLATE / "note.md").read_text("utf-8")).substitute(date=today)
    embed = "".join(
        f'{EMBED_FIRST[kind]}\n--8<-- "{target}"\n{EMBED_LAST}\n\n' for kind, target in EMBEDS
    )
    before, _, rest = original.partition(AFTER)
    paragraph, _, rest = rest.partition("\n\n")
    note = f"{before}{AFTER}{paragraph}\n\n{embed}{rest}".encode()
    name = name_of(next(crc_abbrlinks(front_matter(original)["title"])))
    write(root / name, note.decode())
    entry = fingerprint(without_embeds(note))
    entry |= {"author": answers.author} if answers.author else {}
    entry |= {"licence": answers.licence} if answers.licence else {}
    (root / LOCK).write_bytes(lock_bytes({name: entry}))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def commit(root: Path) -> None:
    """The first, by somebody, even where git doesn't know who that is."""
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "新的知识库")):
        done = subprocess.run(
            ["git", *identity(root), "-c", "commit.gpgsign=false", *arguments],
            cwd=root,
            capture_output=True,
            encoding="utf-8",
        )
        if done.returncode:
            raise BadInput(f"git {arguments[0]} 没有做成：{done.stderr.strip()}")


def identity(root: Path) -> list[str]:
    """Options for git where it knows nobody."""
    options = []
    for key, value in (("user.name", "kb"), ("user.email", "kb@localhost")):
        known = subprocess.run(["git", "config", key], cwd=root, capture_output=True)
        if not known.stdout.strip():
            options += ["-c", f"{key}={value}"]
    return options
