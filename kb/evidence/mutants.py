"""Changed copies of a file of code, each different from it in one place.

The operators are mutmut's and some of our own. Its runner isn't used: it puts a dispatching wrapper
around each function, which `torch.compile(fullgraph=True)` and `torch.export` would have to trace.
"""

import ast
import hashlib
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from kb.evidence.lines import expand, statements

MODULE = "<module>"
"""Stands for the function, outside of any."""


VALUE = re.compile(r" (?:\* 2|\+ 1)\b")
PLAIN = {tokenize.NAME, tokenize.NUMBER, tokenize.OP, tokenize.STRING}
LAYOUT = {tokenize.DEDENT, tokenize.ENDMARKER, tokenize.INDENT, tokenize.NEWLINE, tokenize.NL}


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

    @property
    def is_value(self) -> bool:
        """Whether it gives another value, for which a test has to compare that."""
        return len(VALUE.findall(self.after)) > len(VALUE.findall(self.before))

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
    from mutmut.mutation.file_mutation import MutationVisitor
    from mutmut.mutation.pragma_handling import IgnoredCode

    class Visitor(MutationVisitor):
        """Goes into every function, also into those that mutmut's runner can't wrap."""

        def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
            kept = isinstance(node, (cst.FunctionDef, cst.Param))
            return not kept and super()._skip_node_and_children(node)

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
        if NO_VALUE.search(texts[place]) and values_in(parts[place]) == values_in(part):
            continue
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


NO_VALUE = re.compile(r"\b(?:stacklevel|max_workers|num_workers|ThreadPoolExecutor|ThreadPool)\b")


def values_in(part: object) -> str:
    """The code without what no value depends on: whose line a warning names, how many work at it."""
    import libcst as cst

    class Without(cst.CSTTransformer):
        def leave_Arg(self, original: cst.Arg, updated: cst.Arg) -> object:
            is_left_out = updated.keyword and NO_VALUE.fullmatch(updated.keyword.value)
            return cst.RemoveFromParent() if is_left_out else updated

        def leave_Call(self, original: cst.Call, updated: cst.Call) -> cst.Call:
            name = getattr(updated.func, "attr", updated.func)
            is_pool = isinstance(name, cst.Name) and NO_VALUE.fullmatch(name.value)
            if is_pool:
                return updated.with_changes(args=[])
            arguments = [each.with_changes(comma=cst.MaybeSentinel.DEFAULT) for each in updated.args]
            return updated.with_changes(args=arguments)

    return cst.Module(body=[part.visit(Without())]).code


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

    def another(value: cst.BaseExpression, inner: bool = False) -> Iterator[cst.BaseExpression]:
        """`x` to `x * 2` and to `x + 1`; each in a tuple, and what a comprehension makes."""
        if isinstance(value, (cst.GeneratorExp, cst.ListComp, cst.SetComp)):
            for changed in another(value.elt, inner=True):
                yield value.with_changes(elt=changed)
        elif isinstance(value, cst.DictComp):
            for changed in another(value.value, inner=True):
                yield value.with_changes(value=changed)
        elif isinstance(value, (cst.Dict, cst.List, cst.Tuple)):
            for place, element in enumerate(value.elements):
                if isinstance(element, (cst.DictElement, cst.Element)):
                    for changed in another(element.value, inner=True):
                        elements = list(value.elements)
                        elements[place] = element.with_changes(value=changed)
                        yield value.with_changes(elements=elements)
        elif not isinstance(value, UNCOUNTED) and getattr(value, "value", "") not in NAMES:
            parentheses = [cst.LeftParen()], [cst.RightParen()]
            if not value.lpar and not isinstance(value, (cst.Attribute, cst.Call, cst.Name)):
                value = value.with_changes(lpar=parentheses[0], rpar=parentheses[1])
            around = dict(zip(("lpar", "rpar"), parentheses)) if inner else {}
            yield cst.BinaryOperation(value, cst.Multiply(), cst.Integer("2"), **around)
            yield cst.BinaryOperation(value, cst.Add(), cst.Integer("1"), **around)
            made = getattr(value, "func", None)
            name = getattr(made, "attr", made)
            if isinstance(name, cst.Name) and name.value[:1].isupper():
                for place, argument in enumerate(value.args):  # what a class is made of
                    for changed in another(argument.value) if not argument.star else ():
                        arguments = list(value.args)
                        arguments[place] = argument.with_changes(value=changed)
                        yield value.with_changes(args=arguments)

    UNCOUNTED = (
        cst.Await,
        cst.BaseString,
        cst.BooleanOperation,
        cst.Comparison,
        cst.Lambda,
        cst.UnaryOperation,
    )
    """Of these, other mutants are values, or there is nothing to count."""
    NAMES = ("None", "True", "False", "NotImplemented", "self", "cls")

    def another_result(node: cst.Return | cst.Yield) -> Iterator[cst.CSTNode]:
        """`return x` to `return x * 2`, `return x + 1`: where every other mutant crashes, a test
        that only runs the code would notice them all."""
        if node.value is not None and not isinstance(node.value, cst.From):
            for changed in another(node.value):
                yield node.with_changes(value=changed)

    def another_body(node: cst.Lambda) -> Iterator[cst.Lambda]:
        for changed in another(node.body):
            yield node.with_changes(body=changed)

    def nothing_done(node: cst.Expr) -> Iterator[cst.Pass]:
        """`x.relu_()` to `pass`."""
        if isinstance(node.value, (cst.Await, cst.Call)):
            yield cst.Pass()

    def another_default(node: cst.Param) -> Iterator[cst.Param]:
        """`by=math.pi` to `by=math.pi * 2`; numbers are changed elsewhere."""
        if isinstance(node.default, (cst.Attribute, cst.BinaryOperation, cst.Tuple)):
            for changed in another(node.default):
                yield node.with_changes(default=changed)

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
        (cst.Return, another_result),
        (cst.Yield, another_result),
        (cst.Lambda, another_body),
        (cst.Expr, nothing_done),
        (cst.Param, another_default),
        (cst.IfExp, decided),
        (cst.Dict, poorer),
        (cst.Assign, shorter),
    ]


def reworded(source: str) -> str:
    """The same code in other words: without comments, with more space around everything, and with
    a line more in each function that does nothing.

    A test that notices looks at how the code is written.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            place = 1 if ast.get_docstring(node, clean=False) is not None else 0
            node.body.insert(place, ast.parse(f"[{node.lineno}]").body[0])
    return spaced(ast.unparse(tree) + "\n")


def spaced(source: str) -> str:
    """Code with more space around everything, but for lines with strings of several lines or
    f-strings."""
    lines = source.split("\n")
    rows: dict[int, list[str]] = {}
    kept = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        first, last = token.start[0], token.end[0]
        if token.type in LAYOUT:
            continue
        if token.type in PLAIN and first == last:
            rows.setdefault(first, []).append(token.string)
        else:
            kept |= {*range(first, last + 1)}
    for row in rows.keys() - kept:
        line = lines[row - 1]
        indent = line[: len(line) - len(line.lstrip())]
        lines[row - 1] = indent + "  ".join(rows[row])
    return "\n".join(lines)


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
    first, most = 0, min(len(old), len(new))
    while first < most and old[first] == new[first]:
        first += 1
    last = 0
    while last < most - first and old[-1 - last] == new[-1 - last]:
        last += 1
    before, after = (
        "\n".join(line.strip() for line in lines[first : len(lines) - last]) for lines in (old, new)
    )
    return first + 1, before, after


def exercising(mutant: Mutant, source: str, tests: Mapping[str, dict]) -> list[str]:
    """Of these tests, those that ran the changed statement.

    A change outside of function bodies, in a default say, concerns all tests of the file.
    """
    line = statements(source.encode()).get(mutant.line)
    ran = {id: expand(test["ran"]) for id, test in tests.items()}
    return [id for id, lines in ran.items() if (line in lines if line else True)]
