"""The command line: `kb add`."""

from pathlib import Path

import click

from kb.add import add_note
from kb.engine import BadInput


@click.group(help="实证笔记的命令行工具。")
@click.help_option("--help", help="显示帮助并退出。")
def main() -> None:
    pass


@main.command(
    help="把笔记原样收进知识库：逐字节复制到 docs/posts/<abbrlink>.md，"
    "并在 notes.lock.json 里记下它的长度和 SHA-256。在项目的根目录运行。"
)
@click.argument("notes", metavar="笔记.md...", nargs=-1, required=True)
@click.help_option("--help", help="显示帮助并退出。")
def add(notes: tuple[str, ...]) -> None:
    root = Path.cwd()
    if not (root / "mkdocs.yml").exists():
        raise click.ClickException(f"{root} 里没有 mkdocs.yml。请在项目的根目录运行 kb add。")
    refused = 0
    for note in notes:
        try:
            click.echo(add_note(Path(note), root))
        except BadInput as error:
            refused += 1
            click.echo(f"没有添加：{error}", err=True)
    if refused:
        raise click.ClickException(f"{len(notes)} 篇里有 {refused} 篇没有添加。")


if __name__ == "__main__":
    main()
