"""Lines of code: which statements count as run, and lists of lines as evidence writes them."""

import ast
import functools
from collections.abc import Iterable


def statements(source: bytes) -> dict[int, int]:
    """Line → first line of the statement inside a function that it belongs to.

    Without what runs nothing of its own: docstrings, `pass`, `try:`, declarations.
    """
    found: dict[int, int] = {}
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for node in ast.walk(function):
            match node:
                case (
                    ast.Expr(value=ast.Constant())
                    | ast.Pass()
                    | ast.Global()
                    | ast.Nonlocal()
                    | ast.Try()
                ):
                    continue
                case ast.AnnAssign(value=None):
                    continue
                case ast.stmt() if node is not function:
                    inner = getattr(node, "body", None)
                    last = max(inner[0].lineno - 1, node.lineno) if inner else node.end_lineno
                    found |= dict.fromkeys(range(node.lineno, last + 1), node.lineno)
    return found


def join(lines: Iterable[int]) -> str:
    """3, 7, 8, 9 → "3,7-9"."""
    runs: list[list[int]] = []
    for line in sorted(lines):
        if runs and line == runs[-1][-1] + 1:
            runs[-1][1:] = [line]
        else:
            runs.append([line])
    return ",".join("-".join(map(str, run)) for run in runs)


@functools.cache
def expand(lines: str) -> frozenset[int]:
    """ "3,7-9" → {3, 7, 8, 9}."""
    found: set[int] = set()
    for part in filter(None, lines.split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return frozenset(found)
