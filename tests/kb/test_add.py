"""kb add：逐字节收进来，收不了的说明原因，什么也不改。"""

import pytest
from click.testing import CliRunner

from kb.__main__ import main
from kb.notes import fingerprint, read_lock

NOTE = "---\r\nabbrlink: 0123abcd\r\ntitle: x\r\n---\r\n\r\n文字 \r\n没有行尾"


@pytest.fixture
def add(project, monkeypatch):
    monkeypatch.chdir(project.root)

    def run(*paths):
        done = CliRunner().invoke(main, ["add", *map(str, paths)])
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done.exit_code, done.output

    return run


def test_adds_byte_for_byte(project, add):
    source = project.write("in/note.md", NOTE)
    assert add(source) == (0, f"已添加：{source} → docs/posts/0123abcd.md\n")
    assert (project.root / "docs/posts/0123abcd.md").read_bytes() == NOTE.encode()
    assert read_lock(project.root) == {"docs/posts/0123abcd.md": fingerprint(NOTE.encode())}


def test_adding_again_keeps_embeds(project, add):
    source = project.write("in/note.md", NOTE)
    add(source)
    embedded = NOTE + '\r\n``` {.python .embed}\r\n--8<-- "numbers.py:half"\r\n```\r\n\r\n'
    note = project.write("docs/posts/0123abcd.md", embedded)
    assert add(source) == (0, f"没有变化：{source} 已经是 docs/posts/0123abcd.md\n")
    assert note.read_bytes() == embedded.encode()


def test_an_octal_looking_abbrlink_stays_text(project, add):
    add(project.write("in/note.md", "---\nabbrlink: 0123\n---\n"))
    assert (project.root / "docs/posts/0123.md").exists()


def test_refuses_another_version(project, add):
    add(project.write("in/note.md", NOTE))
    code, output = add(project.write("in/note.md", NOTE + "x"))
    assert code == 1
    assert "不是这个版本，没有覆盖它" in output
    assert (project.root / "docs/posts/0123abcd.md").read_bytes() == NOTE.encode()
    assert read_lock(project.root) == {"docs/posts/0123abcd.md": fingerprint(NOTE.encode())}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\ntitle: x\n---\n", "note.md：front matter 里应有 abbrlink，由十进制或十六进制数字组成，但没有这一行"),
        ("no front matter\n", "应有 abbrlink"),
        ("---\nabbrlink: ../x\n---\n", "得到 '../x'"),
        ("---\nabbrlink: 1\ntitle: [\n---\n", "note.md:4：front matter 不是正确的 YAML"),
        ("---\nabbrlink: 1\ndate: 2023-13-45\n---\n", "note.md：front matter 不是正确的 YAML（month must be"),
        ("---\nabbrlink: 1\ntitle: \x07\n---\n", "note.md：front matter 不是正确的 YAML（"),
        ("---\nabbrlink: 1\n---\n\n``` {.figure .embed}\nx\n```\n", "note.md:5：原文里已经有嵌入块"),
        ("---\rabbrlink: 1\r---\r\r``` {.python .embed}\rx\r```\r", "note.md:5：原文里已经有嵌入块"),
        ("---\nabbrlink: 1\npassword: x\n---\n", "front matter 写着 password，是私密笔记"),
        ("---\nabbrlink: 1\n---\n\n``` {.python .embed}\nx\n```\n", "note.md:5：原文里已经有嵌入块"),
    ],
)
def test_refuses_what_it_cannot_take(project, add, text, message):
    source = project.write("in/note.md", text)
    code, output = add(source)
    assert code == 1
    assert message in output
    assert "1 篇里有 1 篇没有添加" in output
    assert not (project.root / "docs/posts").exists()
    assert read_lock(project.root) == {}


def test_refuses_other_encodings(project, add):
    source = project.root / "note.md"
    source.write_bytes("---\nabbrlink: 1\ntitle: 注意力\n---\n".encode("gb18030"))
    assert add(source)[0] == 1
    assert "note.md:3：不是 UTF-8 编码" in add(source)[1]


def test_one_refusal_does_not_stop_the_others(project, add):
    good = project.write("in/good.md", NOTE)
    code, output = add(project.root / "missing.md", good)
    assert code == 1
    assert "missing.md：读不到这个文件" in output
    assert (project.root / "docs/posts/0123abcd.md").exists()


def test_needs_the_root_of_the_project(project, add, tmp_path, monkeypatch):
    monkeypatch.chdir(project.root / "docs")
    code, output = add("x.md")
    assert code == 1
    assert "没有 mkdocs.yml" in output
