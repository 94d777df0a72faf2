"""本站的笔记：登记的原文，是谁的，页面都在。"""

import shutil
import subprocess

import pytest

from kb.notes.embedded import LOCK, is_original, lock_bytes, read_lock
from kb.site.pages import missing_pages
from tests.kb.lab import ROOT


def assert_whole(root):
    """Every note under root is locked, and without its embeds is what was locked."""
    lock = read_lock(root)
    notes = {path.relative_to(root).as_posix(): path for path in (root / "docs/posts").glob("*.md")}
    assert notes.keys() == lock.keys()
    assert notes
    for name, path in notes.items():
        assert is_original(path.read_bytes(), lock[name]), f"{name} 去掉嵌入块以后不是原文"


def test_notes_are_as_their_author_wrote_them():
    assert_whole(ROOT)


def test_a_checkout_on_windows_changes_nothing(tmp_path):
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("这里不是 git 检出，或没有 git")
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "-q", "-c", "core.autocrlf=true", "-c", "core.eol=crlf", ROOT, clone], check=True
    )
    assert_whole(clone)
    for path in (clone / "snippets").glob("*.py"):
        assert b"\r" not in path.read_bytes()


def test_the_first_note_is_its_authors():
    entry = read_lock(ROOT)["docs/posts/681746266.md"]
    assert (ROOT / LOCK).read_bytes() == lock_bytes(read_lock(ROOT))
    assert [entry[key] for key in ("author", "licence", "origin")] == [
        "Alec-97",
        "CC BY 4.0",
        "https://alec-97.github.io/posts/681746266/",
    ]


def test_the_pages_of_this_site_are_there():
    assert missing_pages(ROOT) == []
