"""`benchmarks/figures/<name>.json`: what a benchmark measured, and whether it still holds.

The format is described in `schema.json`. A figure holds as long as every file that it
stands on has the bytes that were measured; where one has others, it is stale.
"""

import functools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import fastjsonschema

from kb.evidence import store
from kb.evidence.judge import State
from kb.evidence.keys import sha256
from kb.evidence.store import DEVICES
from kb.markdown.engine import BadInput

FOLDER = "benchmarks/figures"
MEASURE = "python -m benchmarks"

SCHEMA = json.loads((Path(__file__).parent / "schema.json").read_text("utf-8"))


@functools.cache
def validator():
    return fastjsonschema.compile(SCHEMA | {"$defs": store.SCHEMAS["$defs"] | SCHEMA["$defs"]})


@dataclass(frozen=True)
class Measured:
    name: str
    """`cpu.json:forward-time`."""
    device: str
    state: State
    """UNTESTED, STALE, or VERIFIED, which for a figure means that it was measured."""
    reason: str = ""
    """Why it isn't measured."""
    command: str = MEASURE
    """What measures it again."""
    key: str = ""
    figure: dict | None = None
    run: dict | None = None
    """The file that the figure is from. None where nothing was measured on the device."""


def read_measured(root: Path, target: str) -> Measured:
    """The figure that an embed names, as `file.json:name`.

    A file for CUDA (`cuda.json`, `precision-cuda.json`) may be missing: not everyone has a GPU.
    Raises BadInput where the figure can't be shown.
    """
    file, _, name = target.partition(":")
    path = f"{FOLDER}/{file}"
    existing = sorted(each.name for each in (root / FOLDER).glob("*.json"))
    if file not in existing:
        if re.fullmatch(r"([\w-]+-)?cuda\.json", file):
            command = f"{MEASURE} --device cuda"
            return Measured(target, "cuda", State.UNTESTED, "还没有测量过", command)
        raise BadInput(
            f"嵌入 {target!r} 要的文件 {path} 不存在。现有：{'、'.join(existing) or '（空）'}。"
            f"改正名字，或先测量：{MEASURE}"
        )
    document = parse((root / path).read_bytes(), path)
    figure = document["figures"].get(name)
    if figure is None:
        raise BadInput(
            f"{path} 里没有图 {name!r}。现有：{'、'.join(document['figures']) or '（空）'}。"
            f'嵌入图要写成 --8<-- "{file}:图"。'
        )
    inputs = {each: document["inputs"][each] for each in figure.get("inputs", document["inputs"])}
    changed = changes(root, inputs)
    reason = f"{document['recorded'][:10]} 测量以后，{changed}" if changed else ""
    return Measured(
        target,
        document["device"],
        State.STALE if changed else State.VERIFIED,
        reason,
        document["command"],
        sha256(json.dumps(sorted(inputs.items()), ensure_ascii=False).encode()),
        figure,
        document,
    )


def changes(root: Path, inputs: dict[str, str]) -> str:
    """What differs from what was measured, "" where nothing does."""
    there = {path for path in inputs if (root / path).is_file()}
    differ = [path for path in there if sha256((root / path).read_bytes()) != inputs[path]]
    gone = inputs.keys() - there
    words = [f"{names(differ)}改了"] if differ else []
    words += [f"{names(gone)}没有了"] if gone else []
    return "，".join(words)


def names(paths: Iterable[str]) -> str:
    """The first three, and how many there are."""
    first, rest = sorted(paths)[:3], sorted(paths)[3:]
    return f"{'、'.join(first)} " + (f"等 {len(first + rest)} 个文件" if rest else "")


def outdated(measured: Measured) -> str | None:
    """What is wrong with a figure on a page, and how to mend it; None where nothing is."""
    if measured.state is not State.STALE:
        return None
    return (
        f"图 {measured.name} 在 {DEVICES[measured.device]} 上已过期（{measured.reason}）。"
        f"提交以后重新测量：{measured.command}"
    )


@functools.lru_cache(maxsize=16)
def parse(data: bytes, shown_as: str) -> dict:
    mend = f"这个文件由 {MEASURE} 写成，不要手工修改：删去它，重新测量。"
    document = store.decode(data, shown_as, mend)
    try:
        validator()(document)
    except fastjsonschema.JsonSchemaValueException as error:
        raise BadInput(f"{shown_as}：内容不合格式（{error.message[:200]}）。{mend}") from None
    if document.get("digest") != store.digest(document):
        raise BadInput(f"{shown_as}：内容与文件里的摘要不符，被改动过。{mend}")
    for name, figure in document["figures"].items():
        if unknown := [path for path in figure.get("inputs", []) if path not in document["inputs"]]:
            raise BadInput(
                f"{shown_as}：图 {name} 的 inputs 里有 {unknown[0]}，文件的 inputs 里没有。{mend}"
            )
        if figure["kind"] == "table":
            for row in figure["rows"]:
                if len(row) != len(figure["columns"]):
                    raise BadInput(
                        f"{shown_as}：表 {name} 有 {len(figure['columns'])} 列，"
                        f"{row[:1]} 这一行却有 {len(row)} 格。{mend}"
                    )
    return document
