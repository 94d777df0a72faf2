"""The commands for one's own notes and code: `kb embed`, `kb unembed`, `kb save`, `kb snippet`, and
`kb undo` for the last thing done."""

import sys
from dataclasses import asdict

import click

from kb.cli.chinese import Command, write_json
from kb.cli.common import can_ask, help_option, json_option, project_root, waiting
from kb.edit import embedding
from kb.edit.saving import Saving
from kb.edit.saving import save as save_note
from kb.edit.snippet import begin_snippet
from kb.edit.undo import undo as undo_last
from kb.edit.undo import when
from kb.edit.writing import Written
from kb.evidence.keys import TESTS
from kb.markdown.engine import BadInput

dry_option = click.option("--dry-run", "dry", is_flag=True, help="只说会做什么，不动手。")
at_option = click.option("--at", metavar="行号", type=click.IntRange(1), help="笔记里的第几行。")


def finish(written: Written, document: dict, as_json: bool) -> None:
    """Says where copies are, and what went wrong."""
    if as_json:
        write_json({"ok": not written.problem} | document)
    else:
        for copy in written.backups:
            click.echo(f"  从前的样子在 {copy}；kb undo 撤销。")
        if written.problem:
            click.echo(written.problem, err=True)
    if written.problem:
        sys.exit(1)


@click.command(
    cls=Command,
    help="在笔记里嵌入一段代码或一张图：在有那些文字的段落后面放进四行，笔记的原文一个字节也不变。"
    "笔记写它的号码、路径或标题。没有写是哪一段，或者不止一段，就列出可以嵌在哪里。",
    short_help="在笔记里嵌入一段代码或一张图。",
)
@click.argument("note", metavar="笔记")
@click.argument("target", metavar="文件.py:区域")
@click.option("--after", metavar="文字", help="嵌在有这些文字的段落后面。")
@at_option
@dry_option
@json_option
@help_option
def embed(
    note: str, target: str, after: str | None, at: int | None, dry: bool, as_json: bool
) -> None:
    root = project_root("embed")
    try:
        placed = embedding.embed(note, target, after, at, root, dry, waiting)
    except BadInput as error:
        raise click.ClickException(str(error)) from None
    if not as_json:
        did = "会嵌入" if dry else "已嵌入"
        click.echo(f"{did}：{placed.note}:{placed.line} {placed.target}，在“{placed.after}”后面")
    finish(placed.written, asdict(placed), as_json)


@click.command(
    cls=Command,
    help="从笔记里取出嵌入的一段代码或一张图。同一段嵌了几处，用 --at 说是哪一处。",
    short_help="从笔记里取出嵌入的代码或图。",
)
@click.argument("note", metavar="笔记")
@click.argument("target", metavar="文件.py:区域")
@at_option
@dry_option
@json_option
@help_option
def unembed(note: str, target: str, at: int | None, dry: bool, as_json: bool) -> None:
    root = project_root("unembed")
    try:
        placed = embedding.unembed(note, target, at, root, dry, waiting)
    except BadInput as error:
        raise click.ClickException(str(error)) from None
    if not as_json:
        click.echo(f"{'会取出' if dry else '已取出'}：{placed.note}:{placed.line} {placed.target}")
    finish(placed.written, asdict(placed), as_json)


@click.command(
    cls=Command,
    help="自己的笔记就在 docs/posts/ 里改，改好了用这条命令收下：去掉嵌入块以后的样子成为新的原文，"
    "记进 notes.lock.json，由笔记生成的页跟着更新。先显示差别，再问一遍。",
    short_help="收下在 docs/posts/ 里改过的笔记。",
)
@click.argument("note", metavar="笔记")
@click.option("--yes", is_flag=True, help="不问，直接收下。")
@dry_option
@json_option
@help_option
def save(note: str, yes: bool, dry: bool, as_json: bool) -> None:
    root = project_root("save")

    def agree(saving: Saving) -> bool:
        if not as_json:
            describe(saving)
        if yes:
            return True
        if as_json or not can_ask():
            raise BadInput(f"{saving.note}：没有收下。看过差别，加上 --yes 再运行，就收下。")
        return click.confirm("收下吗", err=True)

    try:
        saving = save_note(note, root, dry, agree, waiting)
    except BadInput as error:
        raise click.ClickException(str(error)) from None
    if not saving.changed or dry:
        if not as_json:
            describe(saving)
    elif not saving.saved:
        raise click.ClickException(f"{saving.note}：没有收下。")
    elif not as_json:
        click.echo("\n".join([f"已收下：{saving.note}（{saving.title}）", *saving.written.pages]))
    finish(saving.written, asdict(saving), as_json)


def describe(saving: Saving) -> None:
    if not saving.changed:
        click.echo(f"没有变化：{saving.note}")
        return
    for line in saving.diff or ():
        click.echo(line)
    for remark in saving.remarks:
        click.echo(f"注意：{remark}")
    if saving.is_new:
        click.echo(f"{saving.note}：还没有登记过，是新的一篇。")
    elif saving.diff is None:
        click.echo(f"{saving.note}：从前的原文在 git 和备份里都找不到，没法比较。")
    else:
        click.echo(f"{saving.note}：多了 {saving.added} 行，少了 {saving.taken} 行。")


@click.command(
    cls=Command,
    help="开始一段代码：写好 snippets/名字.py，里面有一个区域，一个能运行的示例；"
    "还有它的测试，三种断言都用上了。",
    short_help="开始一段代码和它的测试。",
)
@click.argument("name", metavar="名字")
@dry_option
@json_option
@help_option
def snippet(name: str, dry: bool, as_json: bool) -> None:
    root = project_root("snippet")
    try:
        begun = begin_snippet(name, root, dry, waiting)
    except BadInput as error:
        raise click.ClickException(str(error)) from None
    if not as_json:
        for file in begun.files:
            click.echo(f"{'会写' if dry else '已写好'}：{file}")
        for line in begun.written.pages:
            click.echo(line)
    finish(begun.written, asdict(begun), as_json)
    if not as_json and not dry:
        click.echo(
            "下一步：把示例换成自己的代码和断言，运行\n"
            f"  python -m pytest {TESTS}/test_{name}.py\n"
            "通过了，提交，记录证据，嵌到笔记里：\n"
            "  kb prove\n"
            f"  kb embed 笔记 {name}.py:{name} --after '那一段里的文字'\n"
            "它的数据流图不用画，记录证据时就有了，也嵌到笔记里：\n"
            f"  kb embed 笔记 {name}/flow.json:{name} --after '那一段里的文字'"
        )


@click.command(
    cls=Command,
    help="撤销上一条 add、save、embed、unembed、remove 或 snippet：换下的文件放回去，新写的移到备份里，"
    "登记和由笔记生成的页也回到从前。再运行一次，撤销更早的一条。那以后又改过的，不撤销，说明是哪些。",
    short_help="撤销上一条命令。",
)
@dry_option
@json_option
@help_option
def undo(dry: bool, as_json: bool) -> None:
    root = project_root("undo")
    try:
        undone = undo_last(root, dry, waiting)
    except BadInput as error:
        raise click.ClickException(str(error)) from None
    ok = not (undone.problem or undone.lost)
    if as_json:
        write_json({"ok": ok} | asdict(undone))
    else:
        click.echo(f"{'会撤销' if dry else '已撤销'}：kb {undone.command}（{when(undone.time)}）")
        for name in undone.restored:
            click.echo(f"  放回：{name}")
        for name in undone.taken:
            click.echo(f"  移走：{name}")
        for name in undone.notes:
            moved = name in (*undone.restored, *undone.taken)
            click.echo(f"  登记回到从前：{name}" + ("" if moved else "（文件没有动）"))
        if undone.backups:
            folder = "/".join(undone.backups[0].split("/")[:2])
            click.echo(f"  撤销以前的样子在 {folder}/")
        for name in undone.lost:
            click.echo(f"{name} 是私密的，kb remove 没有留备份，取不回来。", err=True)
        for line in undone.pages:
            click.echo(line)
        if undone.problem:
            click.echo(undone.problem, err=True)
    if not ok:
        sys.exit(1)


COMMANDS = (embed, unembed, save, snippet, undo)
