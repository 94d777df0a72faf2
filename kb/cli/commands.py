"""The command line: `kb add`, `kb remove`, `kb pages`, `kb list`, `kb check`, `kb prove`, and
those of `kb.cli.editing`."""

import sys
from contextlib import ExitStack

import click

from kb.check.dead_links import check_addresses
from kb.check.everything import (
    check_embeds,
    check_explanations,
    check_figures,
    check_notes,
    count_states,
    migrate,
    rerun,
)
from kb.check.note_list import list_notes, tabulate
from kb.check.picture_copies import check_copies, missing_copies
from kb.check.remote import check_remote
from kb.cli import editing, founding
from kb.cli.adding import add, with_bar
from kb.cli.chinese import Group, write_json
from kb.cli.common import help_option, json_option, project_root, waiting
from kb.cli.picturing import pictures
from kb.cli.proving import prove
from kb.evidence.judge import Judge
from kb.evidence.store import DEVICES, PROVE
from kb.intake.remove import Removal, remove_notes
from kb.markdown.engine import BadInput
from kb.notes.embedded import read_lock
from kb.notes.files import BACKUPS, alone
from kb.site.pages import write_pages


@click.group(cls=Group, help="实证笔记的命令行工具。在项目的根目录运行。")
@help_option
def main() -> None:
    pass


@main.command(
    help="把笔记从站点撤下：它的文件、notes.lock.json 里的一项、只有它用的图片一起移走，"
    "分类、标签、月份的页面跟着更新。笔记写它的号码、路径或标题。撤下的文件留有备份；"
    "私密的笔记直接删去，不留备份。提交过的历史里还有它，要另外删去。",
    short_help="把笔记从站点撤下。",
)
@click.argument("notes", metavar="笔记...", nargs=-1)
@click.option("--keep", is_flag=True, help="私密的笔记也留一份备份。")
@click.option("--dry-run", "dry", is_flag=True, help="只说会撤下什么，不动手。")
@json_option
@help_option
def remove(notes: tuple[str, ...], keep: bool, dry: bool, as_json: bool) -> None:
    root = project_root("remove")
    if not notes:
        raise click.UsageError("没有写参数 '笔记...'。写笔记的号码或路径。")
    try:
        removal = remove_notes(notes, root, keep, dry, waiting)
    except BadInput as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        write_json(removal.as_json())
    else:
        describe_removal(removal, dry)
    if removal.problem:
        sys.exit(1)


def describe_removal(removal: Removal, dry: bool) -> None:
    for note in removal.notes:
        click.echo(f"{'会撤下' if dry else '已撤下'}：{note.note}")
        for number, file in enumerate(note.files):
            where = f" → {note.backups[number]}" if note.backups else ""
            click.echo(f"  {file}{where}")
        still = f"，{BACKUPS}/ 里还有从前的 {'、'.join(note.older)}" if note.older else ""
        click.echo(f"  注意：git 的历史里还有它{still}。不该公开的话，另外删去。")
    for line in removal.pages:
        click.echo(line)
    if removal.problem:
        click.echo(removal.problem, err=True)


@main.command(
    help="为每个分类、标签、月份写好它的页面文件，删去不再有笔记的。这些文件只有 front matter，"
    "内容在生成站点时从笔记来。",
    short_help="为分类、标签、月份写好页面文件。",
)
@help_option
def pages() -> None:
    root = project_root("pages")
    try:
        for line in write_pages(root):
            click.echo(line)
    except BadInput as error:
        raise click.ClickException(str(error)) from None


@main.command(
    "list",
    help="列出全部笔记，新的在前：日期、做完的节（作者标了 √ 的标题）、批注、"
    "嵌入的代码在 CPU 上的状态、分类、标题；还有哪些代码要证明，为什么。",
    short_help="列出全部笔记，新的在前。",
)
@json_option
@help_option
def list_command(as_json: bool) -> None:
    root = project_root("list")
    try:
        notes, due = list_notes(root), Judge(root).due()
    except BadInput as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        write_json(
            {"ok": True, "notes": notes, "due": [{"file": each.file, "why": each.why} for each in due]}
        )
        return
    for line in tabulate(notes) if notes else ():
        click.echo(line)
    click.echo(f"共 {len(notes)} 篇。")
    if due:
        click.echo(f"要证明的，用 {PROVE}：")
    for each in due:
        click.echo(f"  {each.file}：{each.why}")


@main.command(
    help="检查：笔记是登记的原文，没有私密的；站内的链接和图片找得到；每个嵌入块显示的代码在 CPU 上"
    "已验证，每张图是用现在的代码测量的。有一处不对就失败。笔记里找不到目标的链接，本站改不了，只列出来。",
    short_help="检查笔记、链接和嵌入的代码。",
)
@click.option(
    "--rerun", "again", is_flag=True, help="再运行一遍这次改动碰到的测试，与 evidence/ 比较。"
)
@click.option("--all", "everything", is_flag=True, help="与 --rerun 一起：全部测试。")
@click.option("--since", metavar="提交", help="与 --rerun 一起：从哪个提交起算改动，默认是远端的。")
@click.option("--migrate", "renew", is_flag=True, help="先把 notes.lock.json 换成现在的格式。")
@click.option("--remote", is_flag=True, help="也检查指向别的网站的链接和图片，要联网。")
@json_option
@help_option
def check(again: bool, everything: bool, since: str | None, renew: bool, remote: bool, as_json: bool) -> None:
    root = project_root("check")
    try:
        if renew:
            with alone(root, waiting):
                click.echo(migrate(root), err=as_json)
        found = check_addresses(root)
        if remote:
            with ExitStack() as stack:
                answers = with_bar(
                    check_remote(found.remote), len(found.remote), "检查别的网站", stack
                )
                dead = found.add_remote(answers)
        problems = [*check_notes(root), *found.problems, *check_copies(root)]
        found.remarks += missing_copies(root)
        judge = Judge(root)
        problems += check_embeds(root, judge) + check_figures(root, judge)
        problems += check_explanations(root, judge)
        if again:
            problems += rerun(root, everything, since, lambda line: click.echo(line, err=as_json))
        states = count_states(judge)
        notes = len(read_lock(root))
    except BadInput as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        document = {"ok": not problems, "problems": problems, "remarks": found.remarks}
        document |= {"notes": notes, "states": states}
        if remote:
            document["remote"] = {"asked": len(found.remote), "dead": dead}
        write_json(document)
        sys.exit(bool(problems))
    for device, counts in states.items():
        shown = "，".join(f"{number} 段{state}" for state, number in counts.items())
        click.echo(f"{DEVICES[device]}：{shown or '没有代码'}")
    for remark in found.remarks:
        click.echo(f"注意：{remark}")
    if remote:
        click.echo(f"别的网站：{len(found.remote)} 个地址，{dead} 个打不开。")
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise click.ClickException(f"有 {len(problems)} 处不对。")
    click.echo(
        f"{notes} 篇笔记都是原文，嵌入的代码都已验证。"
        + ("重新运行的结果与记录一致。" if again else "")
    )


for command in (add, pictures, *founding.COMMANDS, prove, *editing.COMMANDS):
    main.add_command(command)


if __name__ == "__main__":
    main()
