"""kb publish：严格地构建，一个分支，推送；正在的分支和文件都不动。"""

import subprocess

import pytest

from kb.base.new import Answers, make_base
from kb.base.publish import publish
from kb.markdown.engine import BadInput
from tests.kb.lab import Lab


@pytest.fixture
def base(tmp_path):
    lab = Lab(make_base(tmp_path / "我的 库", Answers("库")))
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "remote.git"], check=True)
    lab.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    return lab


def said(lab, *arguments):
    done = subprocess.run(["git", *arguments], cwd=lab.root, capture_output=True, encoding="utf-8", check=True)
    return done.stdout.split("\n")


def test_the_site_is_on_its_branch(base, tmp_path):
    before = said(base, "status", "--porcelain", "--branch")
    assert "发布到了 origin 的 gh-pages 分支" in publish(base.root)
    assert said(base, "status", "--porcelain", "--branch") == before
    remote = Lab(tmp_path / "remote.git")
    names = said(remote, "ls-tree", "--name-only", "gh-pages")
    assert {"index.html", ".nojekyll", "posts", "assets"} <= set(names)
    base.write("docs/about.md", "# 关于\n")
    base.edit("mkdocs.yml", "  - code/index.md", "  - about.md\n  - code/index.md")
    base.commit()
    publish(base.root)
    assert "about" in said(remote, "ls-tree", "--name-only", "gh-pages")
    assert len(said(remote, "log", "--format=%h", "gh-pages")) == 3  # 两次，和一个空行


def test_without_a_remote(base):
    base.git("remote", "remove", "origin")
    with pytest.raises(BadInput, match="没有叫 origin 的远端仓库.*git remote add"):
        publish(base.root)


def test_what_is_not_committed(base):
    base.write("docs/about.md", "# 关于\n")
    with pytest.raises(BadInput, match="有还没提交的修改"):
        publish(base.root)


def test_a_build_that_fails_publishes_nothing(base, tmp_path):
    base.edit("snippets/moving_average.py", "/ width", "/  width")
    base.commit()
    with pytest.raises(BadInput, match="构建没有通过"):
        publish(base.root)
    assert said(Lab(tmp_path / "remote.git"), "branch", "--list") == [""]


def test_a_remote_that_is_not_there(base):
    base.git("remote", "set-url", "origin", "/nowhere/at/all.git")
    with pytest.raises(BadInput, match="没有推送成"):
        publish(base.root)
