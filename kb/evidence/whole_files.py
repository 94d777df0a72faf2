"""The files of code that the site shows whole, each on a page of its own: `snippets/` and
`tests/snippets/`, as embeds name them. Snippets are their own witnesses of what they need.
"""

import ast
import sys
from pathlib import Path

from kb.evidence.embeds import code_stem
from kb.evidence.keys import TESTS
from kb.evidence.regions import is_code, is_file, list_files, read_text


def list_whole(root: Path) -> list[str]:
    """`self_attention.py`, `tests/snippets/test_blocks.py`: snippets first."""
    return [*list_files(root), *list_tests(root)]


def is_whole(root: Path, target: object) -> bool:
    """Whether it is one of them."""
    if isinstance(target, str) and is_test(target):
        return is_code(root / TESTS, target.removeprefix(f"{TESTS}/"))
    return is_file(root, target)


def list_tests(root: Path) -> list[str]:
    found = (path.relative_to(root).as_posix() for path in (root / TESTS).rglob("*.py"))
    return sorted(path for path in found if path.split("/")[-1] != "__init__.py")


def path_of(target: str) -> str:
    """Where the file is below the root."""
    return target if is_test(target) else f"snippets/{target}"


def is_test(target: str) -> bool:
    return target.startswith(f"{TESTS}/")


def uri_of(target: str) -> str:
    """Path of its page below `docs/`."""
    return f"{'tests' if is_test(target) else 'snippets'}/{code_stem(path_of(target))}.md"


def report_of(file: str) -> str:
    """Path below `docs/` of the page that reports on a snippet."""
    return f"verification/{code_stem(path_of(file))}.md"


def name_of(target: str) -> str:
    return target.removeprefix(f"{TESTS}/")


def title_of(root: Path, target: str) -> str:
    """The first sentence of its docstring, its name where there is none.

    Raises BadInput where the file isn't UTF-8.
    """
    try:
        words = ast.get_docstring(read_tree(root, target)) or ""
    except (SyntaxError, ValueError, OSError):  # half-written, or gone just now
        words = ""
    first = words.partition("\n")[0].partition("。")[0]
    return first.strip().removesuffix(".") or name_of(target)


def needs(root: Path, target: str) -> tuple[list[str], list[str]]:
    """What a snippet imports: packages that come from elsewhere, and other snippets."""
    try:
        tree = read_tree(root, target)
    except (SyntaxError, ValueError):
        return [], []
    packages, others = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "snippets" if node.level else ""
            module = ".".join(filter(None, (module, node.module)))
            modules = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for first, *rest in (module.split(".") for module in modules):
            if first == "snippets":
                others |= {"/".join(rest[:end]) + ".py" for end in range(1, len(rest) + 1)}
            elif first not in sys.stdlib_module_names:
                packages.add(first)
    return sorted(packages), sorted(each for each in others if is_file(root, each))


def read_tree(root: Path, target: str) -> ast.Module:
    return ast.parse(read_text(root / path_of(target), path_of(target)))
