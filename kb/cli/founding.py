"""`kb new` and `kb publish` on the terminal: a base of one's own, and its site."""

import shlex
import subprocess
from pathlib import Path

import click

from kb.base.new import Answers, make_base
from kb.base.publish import BRANCH
from kb.base.publish import publish as publish_site
from kb.cli.chinese import Command
from kb.cli.common import can_ask, help_option, project_root
from kb.markdown.engine import BadInput


@click.command(
    cls=Command,
    help="新建一个知识库：马上能用的站点、第一篇示例笔记、一段证明过的代码、README、发布用的工作流，"
    "还有 git 里的第一次提交。没有写的选项，在终端里会问。",
    short_help="新建一个知识库。",
)
@click.argument("folder", metavar="文件夹", type=click.Path(path_type=Path))
@click.option("--title", metavar="标题", help="站点的标题，默认是文件夹的名字。")
@click.option("--author", metavar="名字", help="笔记的作者，不写就不显示。")
@click.option("--licence", metavar="许可", help="笔记以什么许可发表，不写就不显示。")
@click.option(
    "--tool", metavar="地址", help="从哪里安装这个工具，默认是现在这一份装来的地方；也可以是 wheel 的路径。"
)
@help_option
def new(
    folder: Path, title: str | None, author: str | None, licence: str | None, tool: str | None
) -> None:
    default = folder.resolve().name
    if can_ask():
        title = click.prompt("标题", default=default) if title is None else title
        if author is None:
            author = click.prompt("笔记的作者，可以不写", default=who(), show_default=True)
        if licence is None:
            licence = click.prompt("笔记的许可，例如 CC BY 4.0，可以不写", default="", show_default=False)
    answers = Answers(default if title is None else title, author or "", licence or "", tool)
    try:
        made = make_base(folder, answers)
    except BadInput as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException("中断了，什么也没有留下。") from None
    click.echo(f"新的知识库在 {made}。下一步：")
    click.echo(f"  cd {shlex.quote(str(folder))}\n  mkdocs serve")
    click.echo("怎样添加笔记、写代码、发布，见里面的 README.md。")


def who() -> str:
    """The name that git knows."""
    try:
        done = subprocess.run(["git", "config", "user.name"], capture_output=True, encoding="utf-8")
    except OSError:
        return ""
    return done.stdout.strip()


@click.command(
    cls=Command,
    help="严格地构建站点，提交到 gh-pages 分支，推送到远端；正在的分支和文件都不动。"
    "站点的地址写在环境变量 SITE_URL 里，订阅里的网址从它开始。",
    short_help="构建站点，推送到 gh-pages 分支。",
)
@click.option("--remote", metavar="名字", default="origin", help="推送到哪个远端仓库，默认 origin。")
@click.option("--branch", metavar="分支", default=BRANCH, help="提交到哪个分支，默认 gh-pages。")
@help_option
def publish(remote: str, branch: str) -> None:
    root = project_root("publish")
    try:
        click.echo(publish_site(root, remote, branch))
    except BadInput as error:
        raise click.ClickException(str(error)) from None


COMMANDS = (new, publish)
