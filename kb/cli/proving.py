"""`kb prove` on the terminal."""


import os
import re
import sys
import time
from pathlib import Path

import click

from kb.cli.chinese import Command
from kb.cli.common import help_option, project_root
from kb.evidence.explanations import digest_for
from kb.evidence.judge import Due, Mutation, State, Verdict, judge_all
from kb.evidence.prove import check_installed, choose, passed, record_all, tidy
from kb.evidence.regions import read_text
from kb.evidence.store import DEVICES, PROVE
from kb.figures.remaking import due_figures, remake
from kb.markdown.engine import BadInput

SHARD = re.compile(r"(\d+)/(\d+)")


def prove_topics(
    root: Path, files: list[str], device: str, everything: bool, shard: str, jobs: int, dry: bool
) -> bool:
    """Says what it does; whether all that was to do is proven. Raises BadInput."""
    todo = choose(root, files, device, everything, read_shard(shard))
    figures = due_figures(root) if device == "cpu" and not files else {}
    if dry:
        for each in todo:
            click.echo(f"{each.file}：{what(each)}（{each.why}）")
        for name in figures:
            click.echo(f"{name}：重新算（代码改了）")
        click.echo(f"共 {len(todo)} 个文件要做。" if todo else "没有要做的，证据都是现在的。")
        return True
    for line in tidy(root):
        click.echo(line)
    for name, command in figures.items():
        remake(root, name, command)
        click.echo(f"重新算了 {name}")
    if not todo:
        click.echo("没有要做的，证据都是现在的。")
        return True
    started, refused = time.monotonic(), []

    def recorded(file: str, problem: str | None) -> None:
        if problem:
            refused.append(file)
            click.echo(f"没有记录 {file}：{problem}", err=True)
        else:
            click.echo(f"记录了 {file}（{clock(started)}）")

    if todo:
        check_installed()
    todo_record = [each for each in todo if each.record]
    if todo_record:
        click.echo(f"运行 {len(todo_record)} 个文件的测试……")
        record_all(root, todo_record, device, jobs, recorded)
    mutate = [each.file for each in todo if each.mutate and each.file not in refused]
    mutate = passed(root, mutate)
    if mutate:
        meet(root, mutate, jobs, started)
    verdicts = judge_all(root, device)
    good = describe(root, verdicts, {each.file for each in todo})
    return good and not refused


def read_shard(text: str) -> tuple[int, int]:
    found = SHARD.fullmatch(text)
    number, of = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= of:
        raise BadInput(f"--shard 应是 3/20 这样的，第几份/共几份，得到 {text!r}。")
    return number, of


def what(each: Due) -> str:
    return "、".join(
        words for words, wanted in (("记录", each.record), ("变异测试", each.mutate)) if wanted
    )


def meet(root: Path, files: list[str], jobs: int, started: float) -> None:
    """Mutants meet their tests, with a line that moves."""
    from kb.evidence.mutate import LIVES, UNDECIDED, Campaign

    campaign = Campaign(root, files)
    click.echo(f"改错 {campaign.total} 处，看测试发现不发现；{campaign.done} 处已经知道。")
    begun, before = time.monotonic(), campaign.done
    moves = sys.stdout.isatty()
    back = "\r" if moves else ""

    def report(of: object, mutant: object) -> None:
        if mutant is None:
            click.echo(f"{back}{of.file} 的变异测试做完了（{clock(started)}）".ljust(60))
            return
        outcome = of.outcomes[mutant].state
        if outcome in (LIVES, UNDECIDED):
            words = "没有被发现" if outcome == LIVES else "没有定论"
            click.echo(f"{back}{words}：snippets/{mutant.file}:{mutant.line}".ljust(60))
        done, total = campaign.done, campaign.total
        if moves or done % 50 == 0:
            pace = (time.monotonic() - begun) / max(1, done - before)
            left = int(pace * (total - done) / 60 + 0.999)
            click.echo(f"{back}{done} / {total} 处，大约还要 {left} 分钟", nl=not moves)

    campaign.run(jobs + 1, report)  # one more: some wait for processes of their own, for a minute even


def clock(started: float) -> str:
    minutes, seconds = divmod(int(time.monotonic() - started), 60)
    return f"{minutes}:{seconds:02d}"


def describe(root: Path, verdicts: dict[str, Verdict], files: set[str]) -> bool:
    """What has come of these files. Whether all of it is verified."""
    good = True
    for name, verdict in verdicts.items():
        if (file := name.partition(":")[0]) not in files:
            continue
        words = ""
        if isinstance(found := verdict.mutation, Mutation):
            explained = f"，{len(found.explained)} 处等价" if found.explained else ""
            words = f"：改错 {found.total} 处，发现 {found.killed} 处{explained}"
        click.echo(f"{name} {verdict.state.value}{words}")
        if verdict.state is not State.VERIFIED:
            good = False
            for reason in verdict.reasons:
                click.echo(f"  {reason}", err=True)
            for survivor in found.unexplained if isinstance(found, Mutation) else ():
                place = f"第 {survivor['line']} 行（{survivor['function']}）"
                click.echo(f"  {place}\n    - {survivor['before']}\n    + {survivor['after']}", err=True)
                source = read_text(root / "snippets" / file, f"snippets/{file}")
                click.echo(f"    of: '{digest_for(source, survivor['function'])}'", err=True)
    if not good:
        click.echo(
            "没有被发现的改错：补上测试；与原来等价的，在 "
            "evidence/<文件>/equivalent.yml 里写明为什么，of 是上面的那一个。再运行 kb prove。",
            err=True,
        )
    return good


@click.command(
    cls=Command,
    help="证明 snippets/ 里的代码：运行检验它的测试，看着它们读了什么，把结果记进 evidence/；"
    "再把代码一次改错一处，看测试发现不发现。只做要做的：证据还是现在的，就不再运行。"
    "要先提交。不写文件名就是全部文件；中断以后再运行，从断的地方接着来。",
    short_help="证明代码：运行测试，记录证据，再改错代码看测试发现不发现。",
)
@click.argument("files", metavar="[文件.py...]", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="证据还是现在的，也重新做。")
@click.option("--dry-run", "dry", is_flag=True, help="只说会做什么、为什么，不动手。")
@click.option("--device", type=click.Choice(list(DEVICES)), default="cpu", help="在哪种设备上运行测试。")
@click.option(
    "-j",
    "--jobs",
    metavar="N",
    type=click.IntRange(1),
    default=os.cpu_count(),
    help="同时运行几个进程，默认是 CPU 的核数。",
)
@click.option("--shard", metavar="第几份/共几份", default="1/1", help="只做这一份，给几台机器分着做。")
@help_option
def prove(
    files: tuple[str, ...], everything: bool, dry: bool, device: str, jobs: int, shard: str
) -> None:
    root = project_root("prove")
    names = [file.removeprefix("snippets/") for file in files]
    try:
        good = prove_topics(root, names, device, everything, shard, jobs, dry)
    except BadInput as error:
        raise click.ClickException(str(error)) from None
    except ImportError as error:
        raise click.ClickException(
            f'没有安装 {error.name}。先安装测试端：pip install -e ".[test]"'
        ) from None
    except KeyboardInterrupt:
        raise click.ClickException(f"中断了。再运行 {PROVE}，从这里接着来。") from None
    if not good:
        sys.exit(1)
