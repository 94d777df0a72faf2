"""笔记的字节：嵌入块取出来，就是作者写下的样子。"""

import shutil
import subprocess

import pytest

from kb.notes.embedded import (
    body_line,
    embed_bytes,
    fingerprint,
    front_matter,
    is_original,
    list_embeds,
    without_embeds,
)
from tests.kb.conftest import ROOT

EMBED = b'``` {.python .embed}\n--8<-- "numbers.py:double"\n```\n\n'


@pytest.mark.skipif(shutil.which("git") is None, reason="没有 git")
@pytest.mark.parametrize("autocrlf", ["true", "input", "false"])
def test_git_keeps_any_line_end_of_a_note(tmp_path, autocrlf):
    original = b"a\r\nb\nc\r\n"
    note = tmp_path / "from/docs/posts/1.md"
    note.parent.mkdir(parents=True)
    note.write_bytes(original)
    shutil.copy(ROOT / ".gitattributes", tmp_path / "from")
    git = ["git", "-c", f"core.autocrlf={autocrlf}", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], cwd=tmp_path / "from", check=True, capture_output=True)
    subprocess.run([*git, "clone", "-q", "from", "to"], cwd=tmp_path, check=True)
    assert (tmp_path / "to/docs/posts/1.md").read_bytes() == original


def test_embeds_come_out_whole():
    assert without_embeds(b"a\n\n" + EMBED + EMBED + b"b\n\n" + EMBED) == b"a\n\nb\n\n"


def test_figures_come_out_whole_too():
    figure = b'``` {.figure .embed}\n--8<-- "cpu.json:time"\n```\n\n'
    assert without_embeds(b"a\n\n" + EMBED + figure + b"b\n") == b"a\n\nb\n"
    (_, found) = list_embeds(b"a\n\n" + EMBED + figure + b"b\n")
    assert (found.kind, found.target, found.position) == ("figure", "cpu.json:time", 3)
    assert embed_bytes(found, b"\n") == figure


def test_crlf_comes_out_whole():
    assert without_embeds(b"a\r\n\r\n" + EMBED.replace(b"\n", b"\r\n") + b"b\r\n") == b"a\r\n\r\nb\r\n"


@pytest.mark.parametrize(
    "text",
    [
        b' ``` {.python .embed}\n--8<-- "a.py:b"\n```\n\n',
        b'``` python\n--8<-- "a.py:b"\n```\n\n',
        b'--8<-- "a.py:b"\n\n',
        b'``` {.python .embed}\n--8<-- "a.py:b"\nx\n```\n\n',
        b'``` {.python .embed}\n--8<-- "a.py:b"\n```\nx\n',
        b'``` {.python .embed}\r\n--8<-- "a.py:b"\n```\n\n',
    ],
)
def test_what_is_no_embed_stays(text):
    assert without_embeds(text) == text


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_note_without_a_last_line_end_comes_back(line_end):
    original = b"a" + line_end + b"b"
    with_embed = original + line_end + EMBED.replace(b"\n", line_end)
    locked = fingerprint(original)
    assert is_original(original, locked)
    assert is_original(with_embed, locked)
    assert not is_original(original + line_end, locked)
    assert not is_original(with_embed + b"x", locked)


@pytest.mark.parametrize("added", [b"\n", b"\r\n"])
def test_an_added_line_end_is_seen(added):
    locked = fingerprint(b"a\n\nb")
    assert is_original(b"a\n\n" + EMBED + b"b", locked)
    assert not is_original(b"a\n\n" + EMBED + b"b" + added, locked)
    crlf = fingerprint(b"a\r\nb")
    assert not is_original(b"a\r\nb\n" + EMBED.replace(b"\n", b"\r\n"), crlf)


def test_a_changed_byte_is_seen():
    locked = fingerprint(b"a \n")
    assert is_original(b"a \n" + EMBED, locked)
    assert not is_original(b"a\n" + EMBED, locked)
    assert not is_original(b"b \n" + EMBED, locked)


def test_front_matter():
    assert front_matter("---\ntitle: >-\n  一\n  二\ntags: [x]\n---\n---\nbody") == {"title": "一 二", "tags": ["x"]}
    assert front_matter("---\r\ntitle: x\r\n---\r\nbody\r\n") == {"title": "x"}
    assert front_matter("---\npassword: x\n...\nbody\n\n---\n") == {"password": "x"}
    assert front_matter("# no front matter\n---\n") == {}


@pytest.mark.parametrize(
    ("note", "lines"), [("---\na: 1\n---\nb\n", 3), ("---\r\na: 1\r\n...\r\nb", 3), ("---\n---", 2), ("b\n", 0)]
)
def test_where_the_body_begins(note, lines):
    assert body_line(note) == lines
