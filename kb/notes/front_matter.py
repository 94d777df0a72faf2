"""Reading front matter so that none can hold up a build.

Every value becomes a string as it is written, a list or a dict of such; `null` becomes "". Types
that YAML would make of them (dates, numbers, sets, objects) are nobody's need and can fail, so
they aren't made. What both site generators would break under, each in its own way, is refused:
aliases that multiply, depth, thousands of values.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

from kb.markdown.engine import BadInput
from kb.notes.any_front_matter import DEEPEST, explain

PARSER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
NULLS = ("null", "Null", "NULL", "~")

MOST = 10_000
"""Values; an alias counts as all that it stands for."""


def read_meta(source: str, name: str, first: int = 2) -> dict[str, object]:
    """The front matter of the file called `name`, without the lines around it; {} where it is
    no mapping. It begins in the line `first` of the file.

    Raises BadInput, which names the line.
    """
    try:
        made = build(yaml.parse(source, PARSER), name, first)
    except yaml.YAMLError as error:
        line = line_of(error, source, first)
        why = explain(reason(error), *source.splitlines()[line - first : line - first + 1])
        raise BadInput(
            f"{name}:{line}：front matter 不是正确的 YAML（{why}）。改正这一行。"
        ) from None
    return made if isinstance(made, dict) else {}


def line_of(error: yaml.YAMLError, source: str, first: int) -> int:
    """In the file, where front matter begins in the line `first`."""
    if mark := getattr(error, "problem_mark", None):
        return mark.line + first
    return source.count("\n", 0, getattr(error, "position", 0)) + first


def reason(error: yaml.YAMLError) -> str:
    return getattr(error, "problem", None) or str(error).splitlines()[0]


@dataclass
class Value:
    made: object
    size: int = 1
    """How many values it is, those in it counted."""
    depth: int = 0
    """How many collections there are around its deepest value."""


@dataclass
class Open:
    """A collection whose end is yet to come."""

    is_mapping: bool
    anchor: str | None
    values: list[Value] = field(default_factory=list)
    """Keys and values by turns, where it is a mapping."""

    def close(self) -> Value:
        made = [value.made for value in self.values]
        if self.is_mapping:
            pairs = zip(made[::2], made[1::2], strict=True)
            made = {key: value for key, value in pairs if isinstance(key, str)}
        return Value(
            made,
            1 + sum(value.size for value in self.values),
            1 + max((value.depth for value in self.values), default=0),
        )


def build(events: Iterable[yaml.Event], name: str, first: int) -> object:
    """What the events say, without a call within a call, however deep it is."""
    around: list[Open] = []
    anchors: dict[str, Value] = {}
    total, made = 0, None
    for event in events:
        here = f"{name}:{event.start_mark.line + first}"
        if isinstance(event, yaml.CollectionStartEvent):
            around.append(Open(isinstance(event, yaml.MappingStartEvent), event.anchor))
            total += 1
            if len(around) > DEEPEST:
                raise BadInput(f"{here}：front matter 套得太深，最多 {DEEPEST} 层。改得浅些。")
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, value = around[-1].anchor, around.pop().close()
        elif isinstance(event, yaml.ScalarEvent):
            anchor, value = event.anchor, Value(text_as_written(event))
            total += 1
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                raise BadInput(
                    f"{here}：front matter 里的 *{event.anchor} 前面没有写完的 &{event.anchor}。"
                    "把它换成它所指的内容。"
                )
            anchor, value = None, anchors[event.anchor]
            total += value.size
        elif isinstance(event, yaml.DocumentStartEvent) and made is not None:
            raise BadInput(f"{here}：front matter 里有两份 YAML。删去一份。")
        else:
            continue
        if total > MOST or len(around) + value.depth > DEEPEST:
            raise BadInput(
                f"{here}：front matter 的内容太多，最多 {MOST:,} 个值、{DEEPEST} 层，"
                "*别名 算作它所指的全部。删去用不着的。"
            )
        if anchor:
            anchors[anchor] = value
        if around:
            around[-1].values.append(value)
        else:
            made = value.made
    return made


def text_as_written(event: yaml.ScalarEvent) -> str:
    return "" if event.implicit[0] and event.value in NULLS else event.value
