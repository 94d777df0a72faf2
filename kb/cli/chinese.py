"""The command line speaks Chinese: what click says by itself, and errors as JSON.

click passes its own words through gettext, which would want a compiled catalogue and a locale
that asks for it. A table in the place of its `_` does the same on every machine.
"""

import json
import sys
from importlib import import_module
from typing import NoReturn

import click

WORDS = {
    "Usage:": "用法：",
    "Options": "选项",
    "Commands": "命令",
    "Positional arguments": "参数",
    "Aborted!": "中断了。",
    "Error: {message}": "错误：{message}",
    "Try '{command} {option}' for help.": "怎么用：{command} {option}",
    "Missing command.": "没有写命令。",
    "Missing argument": "没有写参数",
    "Missing option": "没有写选项",
    "No such option {name!r}.": "没有选项 {name!r}。",
    "No such command {name!r}.": "没有命令 {name!r}。",
    "Did you mean {possibility}?": "是不是 {possibility}？",
    "(Did you mean one of: {possibilities}?)": "（是不是其中之一：{possibilities}？）",
    "Got unexpected extra argument ({args})": "多了一个参数（{args}）。",
    "Got unexpected extra arguments ({args})": "多了几个参数（{args}）。",
    "Option {name!r} does not take a value.": "选项 {name!r} 后面不带值。",
    "Option {name!r} requires an argument.": "选项 {name!r} 后面要有一个值。",
    "Invalid value: {message}": "值不对：{message}",
    "Invalid value for {param_hint}: {message}": "{param_hint} 的值不对：{message}",
    "{value!r} is not a valid {number_type}.": "{value!r} 不是数字。",
    "{value} is not in the range {range}.": "{value} 不在范围 {range} 里。",
    "{value!r} is not one of {choices}.": "{value!r} 不是其中之一：{choices}。",
    "Error: invalid input": "看不懂，写 y 或 n。",
    "Show this message and exit.": "显示帮助并退出。",
}
"""click's words → ours; those that no command here can lead to are left out."""


def translate(words: str) -> str:
    return WORDS.get(words, words)


def translate_plural(one: str, many: str, number: int) -> str:
    return translate(one if number == 1 else many)


for module in ("core", "decorators", "exceptions", "formatting", "parser", "termui", "types"):
    vars(import_module(f"click.{module}")).update(_=translate, ngettext=translate_plural)


class Command(click.Command):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, options_metavar="[选项]", **options)


class Group(click.Group):
    """With `--json` every command writes one document, whatever happens."""

    command_class = Command

    def __init__(self, *arguments, **options):
        metavars = {"options_metavar": "[选项]", "subcommand_metavar": "命令 [参数]..."}
        super().__init__(*arguments, **metavars, **options)

    def main(self, args=None, **options) -> NoReturn:
        arguments = sys.argv[1:] if args is None else list(args)
        for stream in (sys.stdout, sys.stderr):  # file names may be of any encoding
            stream.reconfigure(errors="backslashreplace")
        if "--json" not in arguments:
            super().main(arguments, **options)
        try:
            code = super().main(arguments, **options | {"standalone_mode": False})
        except click.ClickException as error:
            write_json({"ok": False, "error": error.format_message()})
            sys.exit(error.exit_code)
        except click.Abort:
            write_json({"ok": False, "error": WORDS["Aborted!"]})
            sys.exit(1)
        sys.exit(code or 0)


def write_json(document: dict) -> None:
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
