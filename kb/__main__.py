"""The command line: `kb add`, `kb pages`, `kb check`, `kb mutate`."""

import os
import time
from pathlib import Path

import click

from kb.add import add_note
from kb.check import check_embeds, check_explanations, rerun, totals
from kb.engine import BadInput
from kb.judge import EQUIVALENT, Mutation, judge_all
from kb.pages import write_pages

help_option = click.help_option("--help", help="显示帮助并退出。")


@click.group(help="实证笔记的命令行工具。在项目的根目录运行。")
@help_option
def main() -> None:
    pass


def project_root(command: str) -> Path:
    root = Path.cwd()
    if not (root / "mkdocs.yml").exists():
        raise click.ClickException(f"{root} 里没有 mkdocs.yml。请在项目的根目录运行 kb {command}。")
    return root


@main.command(
    help="把笔记原样收进知识库：逐字节复制到 docs/posts/<abbrlink>.md，"
    "并在 notes.lock.json 里记下它的长度和 SHA-256。"
)
@click.argument("notes", metavar="笔记.md...", nargs=-1, required=True)
@help_option
def add(notes: tuple[str, ...]) -> None:
    root = project_root("add")
    refused = 0
    for note in notes:
        try:
            click.echo(add_note(Path(note), root))
        except BadInput as error:
            refused += 1
            click.echo(f"没有添加：{error}", err=True)
    if refused:
        raise click.ClickException(f"{len(notes)} 篇里有 {refused} 篇没有添加。")


@main.command(
    help="为每个分类、标签、月份写好它的页面文件，删去不再有笔记的。这些文件只有 front matter，"
    "内容在生成站点时从笔记来。"
)
@help_option
def pages() -> None:
    root = project_root("pages")
    try:
        for line in write_pages(root):
            click.echo(line)
    except BadInput as error:
        raise click.ClickException(str(error)) from None


@main.command(help="检查每一个嵌入块：它显示的代码在 CPU 上是不是已验证。有一块不是就失败。")
@click.option("--rerun", "again", is_flag=True, help="再运行一遍测试，与 evidence/cpu.json 比较。")
@help_option
def check(again: bool) -> None:
    root = project_root("check")
    try:
        problems = check_embeds(root) + check_explanations(root)
        problems += rerun(root) if again else []
        for line in totals(root):
            click.echo(line)
    except BadInput as error:
        raise click.ClickException(str(error)) from None
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise click.ClickException(f"有 {len(problems)} 处不对。")
    click.echo("嵌入的代码都已验证。" + ("重新运行的结果与记录一致。" if again else ""))


@main.command(
    help="证明测试会失败：把 snippets/ 的代码一次改错一处，运行检验过那一处的测试，"
    "把发现了几处记在 evidence/mutation.json 里。不写文件名就是全部文件；"
    "中断以后再运行，从断的地方接着来。"
)
@click.argument("files", metavar="[文件.py...]", nargs=-1)
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(1),
    default=os.cpu_count(),
    help="同时运行几个进程，默认是 CPU 的核数。",
)
@help_option
def mutate(files: tuple[str, ...], workers: int) -> None:
    root = project_root("mutate")
    started = time.monotonic()
    try:
        from kb.mutate import Campaign

        campaign = Campaign(root, list(files))

        def report(mutant: object) -> None:
            done, total = len(campaign.outcomes), len(campaign.mutants)
            if mutant is None:
                click.echo(f"{total} 处，{done} 处已经知道。先不改错，把测试跑一遍……")
            elif campaign.outcomes[mutant] == "survived":
                click.echo(f"\r没有被发现：snippets/{mutant.file}:{mutant.line}".ljust(60))
            if mutant is not None:
                minutes, seconds = divmod(int(time.monotonic() - started), 60)
                click.echo(f"\r{done} / {total} 处，{minutes}:{seconds:02d}", nl=done == total)

        campaign.run(workers, report)
        campaign.store()
        verdicts = judge_all(root, "cpu")
    except BadInput as error:
        raise click.ClickException(str(error)) from None
    except ImportError as error:
        raise click.ClickException(
            f'没有安装 {error.name}。先安装测试端：pip install -e ".[test]"'
        ) from None
    except KeyboardInterrupt:
        raise click.ClickException("中断了。再运行 kb mutate，从这里接着来。") from None
    unexplained = 0
    for name, verdict in verdicts.items():
        if isinstance(found := verdict.mutation, Mutation):
            explained = f"，{len(found.explained)} 处等价" if found.explained else ""
            click.echo(f"{name}：改错 {found.total} 处，发现 {found.killed} 处{explained}")
            for survivor in found.unexplained if ":" not in name else ():
                unexplained += 1
                click.echo(
                    f"  第 {survivor['line']} 行\n    - {survivor['before']}\n    + {survivor['after']}"
                )
    if unexplained:
        raise click.ClickException(
            f"{unexplained} 处没有被发现，也没有解释。补上测试，"
            f"或者在 evidence/{EQUIVALENT} 里写明它为什么与原来等价。"
        )


if __name__ == "__main__":
    main()
