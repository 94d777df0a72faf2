"""`evidence/<topic>/equivalent.yml`: why no test can tell certain mutants from the original.

    - function: fused_attention
      before: return softmax(scores, dim=-1)
      after: return softmax(scores, dim=2)
      why: scores 有三个轴，2 就是最后一个。
      of: '3f9a0c1b2d4e'

An entry explains one mutant: that of this line in this function. Where the same line stands in it
more than once, `number` says which, from 1. `of` is a digest of the function, and of the values that
the file gives to names in it, as they were when somebody saw that the two are alike: once they read
otherwise, the entry explains nothing until somebody has looked again.
"""

import ast
import functools
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from kb.evidence.store import topic
from kb.markdown.engine import BadInput

EQUIVALENT = "equivalent.yml"
WORD = re.compile(r"\w+")
Place = tuple[str, str, str, int]
"""Function, line before, line after, and which of those that are alike."""
EXPECTED = "每一项要有 function、before、after、why，都是文字；同样的一行不止一处时还要有 number"


@dataclass(frozen=True)
class Explanation:
    why: str
    of: str
    """Digest of the function, "" where none is written."""


def place_of(mutant: dict) -> Place:
    """Of a mutant as `mutants.json` tells of it."""
    return mutant["function"], mutant["before"], mutant["after"], mutant.get("number", 1)


def read_explanations(folder: Path, file: str) -> dict[Place, Explanation]:
    """Place → why it is equivalent. Raises BadInput where that can't be read."""
    path = folder / topic(file) / EQUIVALENT
    shown_as = f"{folder.name}/{topic(file)}/{EQUIVALENT}"
    return parse(path.read_bytes(), shown_as) if path.exists() else {}


@functools.lru_cache(maxsize=32)
def parse(data: bytes, shown_as: str) -> dict[Place, Explanation]:
    try:
        node = yaml.compose(data.decode("utf-8"), yaml.SafeLoader)
        entries = yaml.safe_load(data.decode("utf-8")) or []
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise BadInput(f"{shown_as}:{line}：不是正确的 YAML。{EXPECTED}。") from None
    except UnicodeDecodeError:
        raise BadInput(f"{shown_as}：不是 UTF-8 编码。{EXPECTED}。") from None
    if not isinstance(entries, list):
        raise BadInput(f"{shown_as}:1：应是一个列表，每项以 - 开头。{EXPECTED}。")
    found: dict[Place, Explanation] = {}
    for entry, where in zip(entries, node.value if node else (), strict=False):
        line = where.start_mark.line + 1
        number = entry.get("number", 1) if isinstance(entry, dict) else None
        parts = ("function", "before", "after", "why")
        words = [*map(entry.get, parts), str(entry.get("of", ""))] if number else []
        if not words or not all(isinstance(each, str) for each in words) or type(number) is not int:
            raise BadInput(f"{shown_as}:{line}：这一项不合格式。{EXPECTED}。")
        function, before, after, why, of = (each.strip() for each in words)
        if not why:
            raise BadInput(f"{shown_as}:{line}：why 是空的。写明它为什么与原来等价。")
        if (function, before, after, number) in found:
            raise BadInput(f"{shown_as}:{line}：与前面的一项重复。删去一项。")
        found[function, before, after, number] = Explanation(why, of)
    return found


@functools.lru_cache(maxsize=64)
def digests(source: str) -> dict[str, str]:
    """Qualified name of each function in a file → digest of its text; "" → of the whole file."""
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    values = {
        target.id: ast.get_source_segment(source, node) or ""
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    found = {"": digest_of(source)}
    for name, first, last in functions(tree, ""):
        text = "".join(lines[first - 1 : last])
        used = values.keys() & set(WORD.findall(text))
        found[name] = digest_of("".join([text, *(values[each] for each in sorted(used))]))
    return found


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def functions(node: ast.AST, within: str) -> Iterator[tuple[str, int, int]]:
    """Name, first and last line of each, decorators included."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{within}{child.name}"
            if not isinstance(child, ast.ClassDef):
                first = min([child.lineno, *(each.lineno for each in child.decorator_list)])
                yield name, first, child.end_lineno
            yield from functions(child, f"{name}.")
        else:
            yield from functions(child, within)


def digest_for(source: str, function: str) -> str:
    """What `of` has to be; what is no function of the file's is as old as the file."""
    known = digests(source)
    return known.get(function, known[""])
