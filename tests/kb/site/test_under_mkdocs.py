"""MkDocs 和 ProperDocs 里：端口有人用，写不了，说一句怎么办；-q 也数警告；导航指到没有的页，构建失败。"""

import errno
import os
import socket

import pytest

from kb.site.pages import write_pages
from kb.site.under_mkdocs import NOT_WRITTEN, Abort, look_at_port, on_build_error
from tests.kb.warm import run_module

SETTINGS = """\
site_name: 新的
site_url: &site_url https://site.example/
INHERIT: !!python/object/apply:kb.settings [*site_url]
nav: [index.md]
"""
ENGINES = ["mkdocs", "properdocs"]


@pytest.fixture
def base(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("---\ntitle: 首页\nfill: home\n---\n\n# 新的\n", "utf-8")
    (tmp_path / "mkdocs.yml").write_text(SETTINGS, "utf-8")
    write_pages(tmp_path)
    return tmp_path


def run(root, engine, *options):
    code, said = run_module(root, engine, *options, "-f", "mkdocs.yml")
    assert "Traceback" not in said
    return code, said


@pytest.fixture
def taken():
    """A port that somebody listens at."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_port_that_is_taken(base, engine, taken):
    code, said = run(base, engine, "serve", "-a", f"127.0.0.1:{taken}")
    assert code == 1
    assert f"127.0.0.1:{taken} 用不了：已经有程序在用" in said and "-a 127.0.0.1:" in said


def test_a_port_that_is_free(taken):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        free = server.getsockname()[1]
    look_at_port("127.0.0.1", free)
    with pytest.raises(Abort, match="用不了"):
        look_at_port("127.0.0.1", taken)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("quiet", [(), ("-q",)], ids=["", "-q"])
def test_warnings_count(base, engine, quiet):
    """少了一页：-q 不显示，--strict 照样失败；不严格就过得去。"""
    assert run(base, engine, "build", "--strict", *quiet)[0] == 0
    (base / "docs/tags/index.md").unlink()
    code, said = run(base, engine, "build", "--strict", *quiet)
    assert (code, "还没有这些页：docs/tags/index.md" in said) == (1, not quiet)
    code, said = run(base, engine, "build", *quiet)
    assert code == 0 and (not quiet or said == "")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_nav_entry_that_leads_nowhere(base, engine):
    (base / "mkdocs.yml").write_text(SETTINGS.replace("[index.md]", "[index.md, 没有.md]"), "utf-8")
    code, said = run(base, engine, "build", "--strict")
    assert code == 1 and "没有.md" in said


@pytest.mark.parametrize("number", sorted(NOT_WRITTEN))
def test_what_the_system_refuses(number):
    with pytest.raises(Abort, match=r"^site/x\.html：写不了（"):
        on_build_error(OSError(number, os.strerror(number), "site/x.html"))


def test_other_errors_are_left_alone():
    on_build_error(OSError(errno.ENOENT, "x", "y"))
    on_build_error(ValueError("x"))


@pytest.mark.parametrize("engine", ENGINES)
def test_nobody_is_greeted_in_english(base, engine):
    said = run(base, engine, "build")[1]
    assert "2027" not in said and "Material for MkDocs" not in said and "https://properdocs" not in said
