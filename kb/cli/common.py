"""What several commands need: options that are alike, the folder they work in, and questions."""

import sys
from pathlib import Path

import click

help_option = click.help_option("--help", help="显示帮助并退出。")
json_option = click.option(
    "--json", "as_json", is_flag=True, help="结果写成一个 JSON 文档，格式见 README。"
)


def project_root(command: str) -> Path:
    root = Path.cwd()
    if not (root / "mkdocs.yml").exists():
        raise click.ClickException(f"{root} 里没有 mkdocs.yml。请在项目的根目录运行 kb {command}。")
    return root


def waiting() -> None:
    click.echo("另一个 kb 正在写这个项目，等它结束……", err=True)


def can_ask() -> bool:
    """Whether somebody sits there who can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()
