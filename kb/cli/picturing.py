"""`kb pictures` on the terminal: the site gets copies of its own of pictures from other servers."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

import click

from kb.cli.adding import with_bar
from kb.cli.chinese import Command, write_json
from kb.cli.common import help_option, json_option, project_root, waiting
from kb.markdown.engine import BadInput
from kb.notes.files import reason
from kb.pictures.copies import FOLDER, LOCK
from kb.pictures.keep import Report, keep_pictures, plan, prune

SHOWN = 20
"""How many failures are named one by one."""


@click.command(
    cls=Command,
    help="笔记里别的网站上的图片，取来一份放在 docs/assets/pictures/，登记在 pictures.lock.json 里："
    "网址、SHA-256、大小、日期。页面就显示自己的这一份，笔记不改。断了再运行就接着来。"
    "只取许可容许复制的笔记和自己的笔记的，别的加上 --all。",
    short_help="取来别的网站上的图片。",
)
@click.option("--all", "everything", is_flag=True, help="不管许可，全部取来。")
@click.option("--smaller", is_flag=True, help="也做较小的副本，给窄的屏幕，要装 Pillow。")
@click.option("--prune", "tidy", is_flag=True, help="删去不再有公开的笔记用的副本。")
@click.option("--local", is_flag=True, help="本机和局域网里的地址也取。")
@click.option("--dry-run", "dry", is_flag=True, help="只说会取哪些，什么也不写。")
@json_option
@help_option
def pictures(everything: bool, smaller: bool, tidy: bool, local: bool, dry: bool, as_json: bool) -> None:
    root = project_root("pictures")
    try:
        if dry:
            report, _ = plan(root, everything)
        else:
            report = keep_pictures(root, waiting, bar, everything, local, smaller)
        if tidy:
            report.pruned = prune(root, waiting, dry)
    except BadInput as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        where = error.filename or f"docs/{FOLDER}"
        raise click.ClickException(
            f"{where}：写不下（{reason(error)}）。取来的都在，再运行一次就接着来。"
        ) from None
    if as_json:
        write_json(report.as_json())
    else:
        describe(report, dry)
    if report.failures:
        sys.exit(1)


def bar(items: Iterable, number: int, label: str) -> Iterator:
    """One for what there is to wait for now."""
    with ExitStack() as stack:
        yield from with_bar(items, number, label, stack)


def describe(report: Report, dry: bool) -> None:
    if dry:
        for address in report.missing:
            click.echo(f"会取：{address}")
    for failure in report.failures[:SHOWN]:
        name, line = failure.places[0]
        click.echo(f"没有取成：{name}:{line}：{failure.address}（{failure.why}）", err=True)
    if more := report.failures[SHOWN:]:
        click.echo(f"没有取成的还有 {len(more)} 张，--json 列出全部。", err=True)
    got = sum(copy.bytes for copy in report.fetched.values())
    parts = [f"已有 {report.there} 张"]
    if dry:
        parts.append(f"会取 {len(report.missing)} 张")
    else:
        parts.append(f"取来 {len(report.fetched)} 张（{got / 1e6:.1f} MB）")
    parts += [f"较小的副本 {report.made} 份"] if report.made else []
    parts += [f"没有取成 {len(report.failures)} 张"] if report.failures else []
    click.echo(f"笔记里有别的网站上的图片 {report.wanted} 张：{'，'.join(parts)}。")
    if report.held_back:
        click.echo(f"许可不容许复制、不知道的 {report.held_back} 张没有取，--all 才取。")
    for uri in report.pruned:
        click.echo(f"{'会删去' if dry else '已删去'}：docs/{uri}")
    if report.fetched:
        click.echo(f"把 {LOCK} 提交；docs/{FOLDER}/ 要不要提交，见 README。")
