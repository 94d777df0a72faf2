"""`kb publish`: the site, built strictly, becomes a commit on a branch of its own, and is pushed.

The workflow of a base does this too. Neither the working tree nor the branch one is on is touched.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import ghp_import

from kb.base.new import identity
from kb.markdown.engine import BadInput

BRANCH = "gh-pages"


def publish(root: Path, remote: str = "origin", branch: str = BRANCH) -> str:
    """Returns what was published, in words. Raises BadInput where it can't be."""
    commit = git(root, "rev-parse", "--short", "HEAD")
    known = git(root, "remote").split()
    if remote not in known:
        raise BadInput(
            f"没有叫 {remote} 的远端仓库，不知道推送到哪里。先 git remote add {remote} 仓库的地址，"
            f"或者用 --remote 写别的（现有：{'、'.join(known) or '没有'}）。"
        )
    if changed := git(root, "status", "--porcelain"):
        raise BadInput(f"有还没提交的修改，发布的就说不清是哪一版：\n{changed}\n先提交。")
    with tempfile.TemporaryDirectory(prefix="kb-publish-") as folder:
        site = str(Path(folder) / "site")
        build = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", site]
        done = subprocess.run(build, cwd=root, stdout=sys.stderr)
        if done.returncode:
            raise BadInput("构建没有通过，什么也没有发布。原因见上。")
        push(root, site, remote, branch, f"发布 {commit}")
    return f"{commit} 发布到了 {remote} 的 {branch} 分支。"


def push(root: Path, site: str, remote: str, branch: str, message: str) -> None:
    options = identity(root)
    settings = {"GIT_CONFIG_COUNT": str(len(options) // 2)}
    for number, option in enumerate(options[1::2]):
        key, _, value = option.partition("=")
        settings |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    before, folder = dict(os.environ), Path.cwd()
    os.environ.update(settings)
    os.chdir(root)
    try:
        ghp_import.ghp_import(
            site,
            mesg=message,
            remote=remote,
            branch=branch,
            push=True,
            force=False,
            use_shell=False,
            no_history=False,
            nojekyll=True,
        )
    except (ghp_import.GhpError, subprocess.CalledProcessError) as error:
        why = (getattr(error, "stderr", None) or str(error)).strip()
        raise BadInput(f"没有推送成：{why}。看看 git push {remote} {branch} 说什么。") from None
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(before)


def git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, check=True, encoding="utf-8"
        )
    except FileNotFoundError:
        raise BadInput("找不到 git。先装好它。") from None
    except subprocess.CalledProcessError as error:
        raise BadInput(f"要在 git 仓库里发布；git 说：{error.stderr.strip()}") from None
    return done.stdout.strip()
