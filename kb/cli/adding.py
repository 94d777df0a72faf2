"""`kb add` on the terminal: notes are taken in, or it is said what that would be."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import click

from kb.cli.chinese import Command, write_json
from kb.cli.common import can_ask, help_option, json_option, project_root, waiting
from kb.intake.add import add_notes
from kb.intake.fitting import PICTURES
from kb.intake.merge import DROP, KEEP
from kb.intake.report import Look, Outcome, Report, Result
from kb.intake.whose import Whose
from kb.markdown.engine import BadInput
from kb.markdown.settings import Settings, read_settings


@click.command(
    cls=Command,
    help="把笔记原样收进知识库：逐字节复制到 docs/posts/<abbrlink>.md，本地的图片一起带来，"
    "在 notes.lock.json 里记下长度和 SHA-256，还有作者、许可、原文的网址：笔记的 front matter 里"
    "写着的，没有写就照选项，都没有就是不知道。路径是笔记、文件夹或整个 Hexo 博客。"
    "然后像 kb pages 那样写好分类、标签、月份的页面文件。"
    "已有的笔记换成新版本时，嵌入块跟着原来的段落走，换下的文件有备份。",
    short_help="把笔记原样收进知识库。",
)
@click.argument(
    "paths", metavar="路径...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--author", metavar="名字", help="这些笔记的作者。")
@click.option("--licence", metavar="许可", help="以什么许可发表。")
@click.option("--mine", is_flag=True, help="是自己的：作者和许可照 mkdocs.yml 里 kb 的设置。")
@click.option(
    "--origin", metavar="网址", help="原文的网址，其中的 {abbrlink} 换成每一篇的号码。"
)
@click.option(
    "--embeds",
    type=click.Choice([KEEP, DROP]),
    help="新版本里嵌入块的那一段改了、没有了：keep 放到最近的地方，drop 取出来。",
)
@click.option("--dry-run", "dry", is_flag=True, help="只说会收下哪些、各是什么样子、用了哪些写法，什么也不写。")
@json_option
@help_option
def add(
    paths: tuple[Path, ...],
    author: str | None,
    licence: str | None,
    mine: bool,
    origin: str | None,
    embeds: str | None,
    dry: bool,
    as_json: bool,
) -> None:
    root = project_root("add")
    try:
        own = read_settings(root) if mine else Settings()
        if mine and not own.author:
            raise BadInput("--mine 要知道是谁：在 mkdocs.yml 里 kb 的设置里写上 author。")
        author = (own.author or None) if author is None else author
        licence = (own.licence or None) if licence is None else licence
        whose = Whose(author, licence, origin)
        with ExitStack() as stack:
            report = add_notes(
                paths,
                root,
                whose,
                waiting,
                lambda notes: with_bar(notes, len(notes), "添加笔记", stack),
                ask if embeds is None else lambda problem, place: embeds,
                dry,
            )
    except BadInput as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        write_json(report.as_json())
    else:
        describe(report, dry)
        for line in report.pages:
            click.echo(line)
        if report.problem:
            click.echo(report.problem, err=True)
    if not report.ok:
        sys.exit(1)


def ask(problem: str, place: str) -> str | None:
    """What becomes of an embed that can't follow; None where nobody can say."""
    if not can_ask():
        return None
    click.echo(f"{problem}\n最近的地方在{place}后面。", err=True)
    question = "放到那里（keep），还是取出来（drop）"
    return click.prompt(question, type=click.Choice([KEEP, DROP]), show_choices=False, err=True)


def with_bar(items: Iterable, number: int, label: str, stack: ExitStack) -> Iterable:
    """A bar on the terminal where there is much to wait for."""
    if number <= 20 or not is_terminal():
        return items
    return stack.enter_context(click.progressbar(items, number, label, file=sys.stderr))


def is_terminal() -> bool:
    return sys.stderr.isatty()


def describe(report: Report, would: bool) -> None:
    for result in report.results:
        if result.outcome is Outcome.REFUSED:
            click.echo(f"{result.outcome.value}：{result.reason}", err=True)
        elif result.outcome is Outcome.PRIVATE:
            if result.file:
                click.echo(f"{result.outcome.value}：{result.source}", err=True)
        else:
            also = "；".join(details(result))
            click.echo(f"{said(result.outcome, would)}：{result.source} → {result.file}" + (f"（{also}）" if also else ""))
            for line in looks(result.look) if result.look else ():
                click.echo(f"  {line}")
        for remark in result.remarks:
            click.echo(f"  注意：{remark}")
    for remark in report.remarks:
        click.echo(f"注意：{remark}")
    if would:
        describe_ways(report)
    for kind, number in report.kinds.items():
        click.echo(f"{TOOLS[kind]}：{number} 篇。")
    counts = [f"{said(outcome, would)} {n}" for outcome in Outcome if (n := report.count(outcome))]
    held = "，".join(f"{why} {n} 篇" for why, n in report.held_back.items())
    click.echo(
        f"{'试着添加，什么也没有写。' if would else ''}共 {len(report.results)} 篇：{'，'.join(counts)}。"
        + (f"私密的不收：{held}。" if held else "")
        + (f"其中 {report.still_public} 篇还在站点上，要撤下。" if report.still_public else "")
    )


def said(outcome: Outcome, would: bool) -> str:
    return f"会{outcome.value.removeprefix('已')}" if would and outcome.value.startswith("已") else outcome.value


TOOLS = {
    "hexo": "Hexo 的博客",
    "hugo": "Hugo 的站点",
    "zola": "Zola 的站点",
    "jekyll": "Jekyll 的博客",
    "obsidian": "Obsidian 的仓库",
    "vuepress": "VuePress 的站点",
}


def looks(look: Look) -> Iterator[str]:
    where = "；".join(" / ".join(path) for path in look.categories)
    parts = [f"标题 {look.title}", f"日期 {look.date or '没有'}", f"网址 {look.address}"]
    yield "，".join(parts + ([f"分类 {where}"] if where else []) + ([f"标签 {'、'.join(look.tags)}"] if look.tags else []))
    if look.unknown:
        yield f"照原文显示：{counted(look.unknown)}"


def describe_ways(report: Report) -> None:
    """What all these notes are written in."""
    known, unknown = Counter(), Counter()
    for look in (result.look for result in report.results if result.look):
        known.update(look.known)
        unknown.update(look.unknown)
    if known:
        click.echo(f"认得的写法：{counted(known)}。")
    if unknown:
        click.echo(f"不认得，照原文显示的：{counted(unknown)}。")


def counted(numbers: dict[str, int]) -> str:
    return "、".join(f"{name} {number}" for name, number in Counter(numbers).most_common(30))


def details(result: Result) -> Iterator[str]:
    if result.outcome is Outcome.UPDATED and result.embeds:
        yield f"{result.embeds} 个嵌入块跟了过来"
    if result.pictures:
        are_all = all(name.lower().endswith(PICTURES) for name in result.pictures)
        yield f"带来 {len(result.pictures)} {'张图片' if are_all else '个文件'}"
    if result.dropped:
        yield f"HTML 的 {result.dropped} 个属性和样式在页面上去掉"
    if result.backups:
        yield f"换下的在 {'、'.join(result.backups)}"
