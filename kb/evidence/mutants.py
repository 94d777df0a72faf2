"""Changed copies of a file of code, each different from it in one place.

The operators are mutmut's and some of our own. Its runner isn't used: it puts a dispatching wrapper
around each function, which `torch.compile(fullgraph=True)` and `torch.export` would have to trace.
"""

import ast
import difflib
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from kb.evidence.lines import expand, statements

MODULE = "<module>"
"""Stands for the function, outside of any."""


@dataclass(frozen=True)
class Mutant:
    file: str
    line: int
    function: str
    """Qualified name of the function that it stands in."""
    before: str
    after: str
    source: str
    number: int = 1
    """Which it is of those in its function that read the same."""

    @cached_property
    def id(self) -> str:
        return hashlib.sha256(f"{self.file}\n{self.source}".encode()).hexdigest()[:16]

    @property
    def place(self) -> dict:
        names = ("function", "line", "before", "after")
        place = {name: getattr(self, name) for name in names}
        return place | ({"number": self.number} if self.number > 1 else {})

    def __hash__(self) -> int:
        return hash(self.id)


def make_mutants(file: str, source: str) -> list[Mutant]:
    """All copies of a file that differ from it in one place, and not in its text alone."""
    import libcst as cst
    from mutmut.mutation.file_mutation import NEVER_MUTATE_FUNCTION_NAMES, MutationVisitor
    from mutmut.mutation.pragma_handling import IgnoredCode

    class Visitor(MutationVisitor):
        """Goes into decorated functions too, which mutmut's runner can't wrap."""

        def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
            if isinstance(node, cst.FunctionDef):
                return node.name.value in NEVER_MUTATE_FUNCTION_NAMES
            return super()._skip_node_and_children(node)

    visitor = Visitor(operators(), IgnoredCode(set(), set(), set()))
    module = cst.MetadataWrapper(cst.parse_module(source)).visit(visitor)
    parts = [*module.header, *module.body, *module.footer]
    texts = [module.code_for_node(part) for part in parts]
    place_of = {node: place for place, part in enumerate(parts) for node in nodes_of(part)}
    functions = functions_by_line(source)
    mutants: dict[str, Mutant] = {}
    for mutation in visitor.mutations:
        place = place_of[mutation.original_node]  # the rest stays, and needn't be written again
        part = parts[place].deep_replace(mutation.original_node, mutation.mutated_node)
        changed = "".join([*texts[:place], module.code_for_node(part), *texts[place + 1 :]])
        if not module.has_trailing_newline:
            changed = changed.removesuffix("\n")
        if changed in mutants or changed == source:
            continue
        line, before, after = difference(source, changed)
        mutants[changed] = Mutant(
            file, line, functions.get(line, MODULE), before, after, changed
        )
    return numbered(mutants.values())


def operators() -> list[tuple[type, object]]:
    """mutmut's, and ours: for each, what it changes and into what."""
    import libcst as cst
    from mutmut.mutation.mutators import mutation_operators

    def swapped_product(node: cst.BinaryOperation) -> Iterator[cst.BinaryOperation]:
        """`a @ b` to `b @ a`."""
        if isinstance(node.operator, cst.MatrixMultiply):
            yield node.with_changes(left=node.right, right=node.left)

    def no_result(node: cst.Return) -> Iterator[cst.Return]:
        """`return x` to `return None`."""
        if node.value is not None:
            yield node.with_changes(value=cst.Name("None"))

    def decided(node: cst.IfExp) -> Iterator[cst.BaseExpression]:
        """`a if c else b` to `a`, and to `b`."""
        for chosen in (node.body, node.orelse):
            yield chosen.with_changes(
                lpar=[*node.lpar, *chosen.lpar], rpar=[*chosen.rpar, *node.rpar]
            )

    def poorer(node: cst.Dict) -> Iterator[cst.Dict]:
        """`{a: b, c: d}` to `{c: d}`, and to `{a: b}`."""
        for place in range(len(node.elements)):
            rest = [*node.elements[:place], *node.elements[place + 1 :]]
            yield node.with_changes(elements=rest)

    def shorter(node: cst.Assign) -> Iterator[cst.Assign]:
        """`x = (a, b, c)` to `x = (b, c)`, and so on: a list of things, each of them in turn."""
        value = node.value
        if isinstance(value, (cst.Tuple, cst.List)) and len(value.elements) > 2:
            names = [target.target for target in node.targets]
            if all(isinstance(name, (cst.Name, cst.Attribute)) for name in names):
                for place in range(len(value.elements)):
                    rest = [*value.elements[:place], *value.elements[place + 1 :]]
                    yield node.with_changes(value=value.with_changes(elements=rest))

    return [
        *mutation_operators,
        (cst.BinaryOperation, swapped_product),
        (cst.Return, no_result),
        (cst.IfExp, decided),
        (cst.Dict, poorer),
        (cst.Assign, shorter),
    ]


def numbered(mutants: Iterator[Mutant]) -> list[Mutant]:
    """Those that read the same in one function, told apart by their order."""
    seen: Counter[tuple[str, str, str]] = Counter()
    found = []
    for mutant in sorted(mutants, key=lambda each: each.line):
        alike = (mutant.function, mutant.before, mutant.after)
        seen[alike] += 1
        found.append(replace(mutant, number=seen[alike]))
    return found


def nodes_of(node) -> Iterator:
    """A node of libcst and all nodes in it."""
    yield node
    for child in node.children:
        yield from nodes_of(child)


def functions_by_line(source: str) -> dict[int, str]:
    """Line → qualified name of the innermost function around it."""
    found: dict[int, str] = {}

    def look(node: ast.AST, inside: str) -> None:
        for child in ast.iter_child_nodes(node):
            name = inside
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                name = f"{inside}.{child.name}".lstrip(".")
                if not isinstance(child, ast.ClassDef):
                    first = min([child.lineno, *(each.lineno for each in child.decorator_list)])
                    found.update(dict.fromkeys(range(first, child.end_lineno + 1), name))
            look(child, name)

    look(ast.parse(source), "")
    return found


def difference(source: str, changed: str) -> tuple[int, str, str]:
    """The first line that differs, and the lines before and after."""
    old, new = source.split("\n"), changed.split("\n")
    spans = [
        span
        for span in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        if span[0] != "equal"
    ]
    first, last = spans[0][1], spans[-1][2]
    first_new, last_new = spans[0][3], spans[-1][4]
    joined = (
        "\n".join(line.strip() for line in lines)
        for lines in (old[first:last], new[first_new:last_new])
    )
    return first + 1, *joined


def exercising(mutant: Mutant, source: str, tests: Mapping[str, dict]) -> list[str]:
    """Of these tests, those that ran the changed statement.

    A change outside of function bodies, in a default say, concerns all tests of the file.
    """
    line = statements(source.encode()).get(mutant.line)
    ran = {id: expand(test["ran"]) for id, test in tests.items()}
    return [id for id, lines in ran.items() if (line in lines if line else True)]
