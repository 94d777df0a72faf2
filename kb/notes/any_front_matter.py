"""Front matter in any form that some tool reads, as pairs of key and value, none left out.

| form | begins with | read by |
|---|---|---|
| YAML | `---`, `---yaml` | all |
| TOML | `+++`, `---toml` | Hugo, Zola |
| JSON | `{`, `;;;`, `---json` | Hugo, Hexo |
| bare | `key: value` in the first line | MkDocs down to an empty line, Hexo down to `---` or `;;;` |
| comment | `<!--`, then `.. key: value` | Nikola |

Where tools differ on where it ends, all their readings count; a key that is there twice is given
twice, and those within `build` as `build.render`. A byte order mark, blanks and empty lines above
it, and any line ends are passed over.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

LARGEST = 100 * 2**10
"""Characters; front matter is a few lines."""
DEEPEST = 50
"""How many levels of lists and mappings it may have."""

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MERGE = "tag:yaml.org,2002:merge"
"""The tag of `<<`."""
INVISIBLE = r"\ufeff\u200b-\u200d\u2060\x00"
ABOVE = re.compile(rf"[\s{INVISIBLE}]*")
OPENS = re.compile(r"(-{3,}|\+{3,}|;{3,})([^\n]*)(?:\n|\Z)")
OPENS_JSON = re.compile(r"\{\s*(?:[\"'}/]|[\w$-]+\s*:|\Z)")
"""Not what a template, an attribute list or a formula begins with."""
COMMENT = re.compile(r"<!--\s*(?=\.\. *[\w-]+:)(.*?)(?:-->|\Z)", re.DOTALL)
COMMENT_LINE = re.compile(r"^[ \t]*\.\. *([\w-]+):(.*)", re.MULTILINE)
KEY = re.compile(
    r"^[ \t]*(?:- +)*[\"']?([^\s:=\"'#]+)[\"']?[ \t]*(?:=|:(?=\s|\Z))(.*)", re.MULTILINE
)
BEGINS_YAML = "-?[{\"'&*!|>%@`"
BARE = re.compile(r" {0,3}([A-Za-z0-9_-]+):\s*(.*)")
BARE_MORE = re.compile(r"(?: {4}|\t)\s*(.*)")
WITHIN = {"build": "build.", "_build": "build.", "params": "", "cascade": ""}
"""Keys with a mapping, or a list of such, whose keys count, and what goes before those."""
FORMS = {"-": "YAML", "+": "TOML", ";": "JSON"}
FORMS |= {"yaml": "YAML", "yml": "YAML", "toml": "TOML", "json": "JSON"}


class Pairs(list):
    """A mapping as a list of its keys with their values."""


class Unreadable(Exception):
    """Front matter that can't be read: the line, from 1, and what is wrong there."""

    def __init__(self, line: int, problem: str):
        super().__init__(line, problem)
        self.line, self.problem = line, problem


@dataclass(frozen=True)
class Opening:
    """The line that front matter begins with."""

    mark: str
    word: str
    """The format that it names."""
    end: int

    @property
    def form(self) -> str:
        return FORMS.get(self.word) or FORMS[self.mark[0]]


def opening_of(text: str) -> Opening | None:
    found = OPENS.match(text)
    if not found:
        return None
    word = ABOVE.sub("", found[2]).lower()
    if found[1][0] == "-" or word in ("", *FORMS) or found[2][0].isspace():
        return Opening(found[1], word, found.end())
    return None


def form_of(note: str) -> str | None:
    """What a note's front matter looks like; None where it has none, or bare lines."""
    text, _ = skip_above(note)
    if opening := opening_of(text):
        return opening.form
    if text.startswith("+++"):
        return "TOML"
    if COMMENT.match(text):
        return "Nikola"
    return "JSON" if OPENS_JSON.match(text) else None


def read_pairs(note: str) -> Pairs:
    """Raises Unreadable."""
    text, above = skip_above(note)
    if opening := opening_of(text):
        return read_fenced(text, opening, above)
    if OPENS_JSON.match(text):
        return read_json(text, above + 1)
    if found := COMMENT.match(text):
        return resolved_all(COMMENT_LINE.findall(found[1]))
    return read_bare(text)


def skip_above(note: str) -> tuple[str, int]:
    """The text from its first character on, lines ending in LF, and the lines above it."""
    text = re.sub(r"\r\n?", "\n", note)
    start = ABOVE.match(text).end()
    return text[start:], text.count("\n", 0, start)


def read_fenced(text: str, opening: Opening, above: int) -> Pairs:
    mark, start = re.escape(opening.mark[0]), opening.end
    closes = re.compile(rf"^(?:{mark}{{3,}}|\.\.\.)[ \t]*$", re.MULTILINE)
    ends = [each.start() for each in closes.finditer(text, start)][:3]
    as_hexo = re.compile(rf"^{mark}{{3}}", re.MULTILINE).search(text, start)
    head = text[start : ends[0] if ends else None]
    if mark == r"\-" and opening.word not in ("", *FORMS) and not opening.word.startswith("#"):
        raise Unreadable(
            above + 1, f"--- 后面写着 {opening.word[:20]!r}，不知道是什么格式。只认得 yaml、toml、json"
        )
    if is_rule(opening, head):
        return Pairs()
    if not ends and not as_hexo:
        raise Unreadable(above + 1, f"没有结束。在它后面加上单独一行 {opening.mark}")
    end = ends[0] if ends else as_hexo.start()
    found = read(opening.form, text[start:end], above + 2)
    if not text[start:end].strip() or text.startswith("...", end):  # for some it goes on
        for other in ends[1:]:
            found += read_what_can_be(text[start:other])
    if as_hexo and as_hexo.start() != end:
        found += read_what_can_be(text[start : as_hexo.start()])
    return found


def is_rule(opening: Opening, head: str) -> bool:
    """Whether the line above is a rule, and what is below it the text of a note."""
    text = head.strip()
    is_bare = opening.mark[0] == "-" and opening.word == ""
    return is_bare and text[:1] not in BEGINS_YAML and not KEY.search(text)


def read_bare(text: str) -> Pairs:
    """MkDocs takes `key: value` down to an empty line, Hexo all above a line of `---`."""
    found = Pairs()
    for line in text.split("\n"):
        if begins := BARE.match(line):
            found.append((begins[1], resolved(begins[2].strip())))
        elif found and (more := BARE_MORE.match(line)):
            found[-1] = (found[-1][0], f"{found[-1][1] or ''} {more[1]}".strip())
        else:
            break
    if end := re.search(r"^(-{3,}|;{3,})", text[:LARGEST], re.MULTILINE):
        try:
            head = text[: end.start()]
            found += read(FORMS[end[1][0]], head, 1)
        except Unreadable:
            if found:  # it does begin like a head: some tool may read this line or that
                found += resolved_all(KEY.findall(head))
    return found


def read(form: str, head: str, line: int) -> Pairs:
    """A head that begins in `line` of the note. Raises Unreadable."""
    if len(head) > LARGEST:
        raise Unreadable(line, f"超过 {LARGEST >> 10} KB。只留下标题、日期、标签这样的几行")
    if form == "YAML":
        return pairs_of(compose(head, line))
    if form == "JSON":
        return read_json(head if head.lstrip()[:1] == "{" else f"{{{head}}}", line)
    try:
        return flat(tomllib.loads(head))
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        place = re.search(r"at line (\d+)", str(error))
        raise Unreadable(
            line + int(place[1]) - 1 if place else line, f"不是正确的 TOML（{error}）"
        ) from None


def read_what_can_be(head: str) -> Pairs:
    """Whatever is YAML, document by document: what another tool might read."""
    found = Pairs()
    for document in re.split(r"^(?:-{3,}|\.\.\.)[ \t]*$", head[:LARGEST], flags=re.MULTILINE):
        try:
            found += pairs_of(compose(document, 1))
        except Unreadable:
            pass
    return found


def read_json(text: str, line: int) -> Pairs:
    """The object that a text begins with. Raises Unreadable."""
    try:
        return flat(json.JSONDecoder(object_pairs_hook=Pairs).raw_decode(text.lstrip())[0])
    except json.JSONDecodeError as error:
        raise Unreadable(line + error.lineno - 1, "不是正确的 JSON") from None
    except (RecursionError, ValueError):
        raise Unreadable(line, "不是正确的 JSON") from None


def compose(head: str, line: int) -> yaml.Node | None:
    """The YAML of a head as a mapping, nothing of it resolved; None where it is empty.

    Raises Unreadable.
    """
    try:
        check_depth(head, line)
        node = yaml.compose(head, LOADER)
        if node is not None and not isinstance(node, yaml.MappingNode):
            raise Unreadable(line, "不是一行行的 键: 值")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = line + mark.line if mark else line
        written = head.splitlines()[mark.line : mark.line + 1] if mark else []
        why = explain(error.problem or error.context, *written)
        raise Unreadable(place, f"不是正确的 YAML（{why}）") from None
    except yaml.YAMLError as error:  # a character that YAML doesn't allow
        place = getattr(error, "position", None) or 0
        raise Unreadable(
            line + head.count("\n", 0, place), f"不是正确的 YAML（{getattr(error, 'reason', error)}）"
        ) from None
    except (RecursionError, ValueError) as error:
        raise Unreadable(line, f"不是正确的 YAML（{error}）") from None
    return node


def explain(problem: str, line: str = "") -> str:
    """What PyYAML has against a line; where its value only lacks quotes, or a tab indents it, how it
    is written."""
    if line.lstrip(" ").startswith("\t"):
        return "缩进用的是制表符，YAML 只认空格：换成空格"
    key, _, value = line.partition(":")
    if "mapping values are not allowed" in problem and ":" in value:
        quoted = value.strip().replace("'", "''")
        return f"值里有冒号，要加引号：{key.strip()}: '{quoted}'" if len(quoted) < 200 else "值里有冒号，要加引号"
    return problem


def check_depth(head: str, line: int) -> None:
    """Ends where it is too deep, for what is much deeper takes long to read."""
    depth = 0
    for event in yaml.parse(head, LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise Unreadable(line + event.start_mark.line, f"套了不止 {DEEPEST} 层")


def below(node: yaml.Node) -> Iterator[yaml.Node]:
    """What stands directly within a list or mapping."""
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair


def pairs_of(
    node: yaml.Node | None, within: str = "", seen: set[tuple[int, str]] | None = None
) -> Pairs:
    """Of a mapping, or of those in a list. Merged mappings (`<<`) are given with the rest, each
    once, however often they are.
    """
    found, seen = Pairs(), set() if seen is None else seen
    if not isinstance(node, yaml.CollectionNode) or (id(node), within) in seen:
        return found
    seen.add((id(node), within))
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            found += pairs_of(each, within, seen)
        return found
    for key, value in node.value:
        if key.tag == MERGE:
            found += pairs_of(value, within, seen)
        elif isinstance(key, yaml.ScalarNode):
            found.append((within + key.value, value_of(value)))
            if (inside := within_of(key.value)) is not None and not within:
                found += pairs_of(value, inside, seen)
    return found


def flat(mapping: Pairs | dict, within: str = "") -> Pairs:
    """The same for JSON and TOML."""
    found = Pairs()
    for key, value in mapping.items() if isinstance(mapping, dict) else mapping:
        found.append((within + key, value))
        if (inside := within_of(key)) is not None and not within:
            is_list = isinstance(value, list) and not isinstance(value, Pairs)
            for each in value if is_list else [value]:
                if isinstance(each, (dict, Pairs)):
                    found += flat(each, inside)
    return found


def within_of(key: str) -> str | None:
    """What goes before the keys within the mapping of a key; None where they mean nothing."""
    return WITHIN.get(key.strip().lower())


def value_of(node: yaml.Node) -> object:
    """Nothing, a yes or no as such; all else as it is written, of a mapping only that it is one."""
    if isinstance(node, yaml.MappingNode):
        return {}
    if isinstance(node, yaml.SequenceNode):
        return [each.value for each in node.value if isinstance(each, yaml.ScalarNode)]
    return node.value if node.style or node.tag.endswith(":str") else resolved(node.value)


def resolved_all(lines: list[tuple[str, str]]) -> Pairs:
    return Pairs((key, resolved(value.strip())) for key, value in lines)


def resolved(text: str) -> object:
    """What a word without quotes stands for: nothing, a yes or no, or itself."""
    match text.lower():
        case "" | "~" | "null":
            return None
        case "true" | "yes" | "on":
            return True
        case "false" | "no" | "off" | "0":
            return False
    return text
