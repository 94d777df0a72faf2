"""改错：一次一处，每一处都读得懂，说得出在哪个函数里。"""

import ast
from dataclasses import asdict

import pytest

from kb.evidence.mutants import MODULE, difference, exercising, make_mutants, reworded
from kb.evidence.regions import list_files
from tests.kb.lab import ROOT, SNIPPET

MATRIX = '''\
def f(a: int | None, b=3):
    """Docstring 1."""
    return g(
        a @ b,
        1,
    )
'''


class TestMutants:
    def test_one_place_at_a_time(self):
        changes = {(mutant.line, mutant.before, mutant.after) for mutant in make_mutants("x.py", MATRIX)}
        assert changes == {
            (1, "def f(a: int | None, b=3):", "def f(a: int | None, b=4):"),
            (3, "return g(\na @ b,\n1,\n)", "return None"),
            (4, "a @ b,", "None,"),
            (4, "a @ b,", "b @ a,"),
            (4, "a @ b,", ""),
            (5, "1,", "2,"),
            (5, "1,", "None,"),
            (5, "1,\n)", ")"),
            (6, ")", ") * 2"),
            (6, ")", ") + 1"),
        }

    @pytest.mark.parametrize("source", [MATRIX, SNIPPET])
    def test_each_is_python_and_differs(self, source):
        mutants = make_mutants("x.py", source)
        assert mutants
        assert len({mutant.source for mutant in mutants} | {source}) == len(mutants) + 1
        for mutant in mutants:
            ast.parse(mutant.source)

    @pytest.mark.parametrize("file", list_files(ROOT))
    def test_other_words_mean_the_same(self, file):
        source = (ROOT / "snippets" / file).read_text("utf-8")
        changed = reworded(source)
        tree = ast.parse(changed)
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for node in functions:
            del node.body[1 if ast.get_docstring(node, clean=False) is not None else 0]
        assert ast.dump(tree) == ast.dump(ast.parse(source))
        assert functions and "--8<--" not in changed

    def test_other_words(self):
        source = 'def f(x):\n    """第一行\n    x / 2"""\n    # x / 2\n    return x / g(x, y="a b")\n'
        assert reworded(source) == (
            'def  f  (  x  )  :\n    """第一行\n    x / 2"""\n    [  1  ]\n'
            "    return  x  /  g  (  x  ,  y  =  'a b'  )\n"
        )

    def test_difference(self):
        assert difference("a\n  b\nc\n", "a\n  x\nc\n") == (2, "b", "x")
        assert difference("a\nb\nc\nd\n", "a\nd\n") == (2, "b\nc", "")

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("x = a if c else b\n", {"x = a", "x = b"}),
            ("x = {'a': f, 'b': g}\n", {"x = {'b': g}", "x = {'a': f, }"}),
            ("x = (a, b, c)\n", {"x = (b, c)", "x = (a, c)", "x = (a, b, )"}),
            (
                "f = lambda x: x + 1\n",
                {"f = lambda x: None", "f = lambda x: x - 1", "f = lambda x: x + 2", "f = lambda x: (x + 1) * 2", "f = lambda x: (x + 1) + 1"},
            ),
            ("def f(x): return g(x)\n", {"def f(x): return g(x) * 2", "def f(x): return g(x) + 1"}),
            ("def f(x): return a / b\n", {"def f(x): return (a / b) * 2", "def f(x): return (a / b) + 1"}),
            ("def f(x): return a, b\n", {"def f(x): return (a * 2), b", "def f(x): return a, (b + 1)"}),
            ("def f(x): return {'y': a}\n", {"def f(x): return {'y': (a * 2)}"}),
            ("def f(x): return [a for a in x]\n", {"def f(x): return [(a * 2) for a in x]"}),
            ("def f(x): return Out(a, b=c)\n", {"def f(x): return Out(a * 2, b=c)", "def f(x): return Out(a, b=c + 1)"}),
            ("def f(x): x.relu_()\n", {"def f(x): pass"}),
            ("def f(x=-3.0): x\n", {"def f(x=+3.0): x", "def f(x=-4.0): x"}),
            ("def f(x=math.pi): x\n", {"def f(x=math.pi * 2): x"}),
            ("def f(x=1 / 3): x\n", {"def f(x=1 / 4): x"}),
            ("def f(x=(2, 3)): x\n", {"def f(x=(3, 3)): x"}),
            ("def f(x): yield a\n", {"def f(x): yield a * 2"}),
            ("class A:\n    def __new__(cls): x = 1\n", {"class A:\n    def __new__(cls): x = 2"}),
            ("class A:\n    def __setattr__(self, n, v): x = 1\n", {"class A:\n    def __setattr__(self, n, v): x = 2"}),
            ("x = 2**16\n", {"x = 3**16", "x = 2**17", "x = 2 * 16"}),
            ("def f(x=1): return x\n", {"def f(x=2): return x", "def f(x=1): return None"}),
            ("x = not a\n", {"x = a"}),
            ("x = a @ b\n", {"x = b @ a"}),
            ("x += 1\n", {"x -= 1", "x = 1", "x += 2"}),
            ("x = g(a, b)\n", {"x = g(None, b)", "x = g(a, None)", "x = g(b)", "x = g(a, )", "x = None"}),
        ],
    )
    def test_kinds(self, code, changes):
        assert changes <= {mutant.source.rstrip("\n") for mutant in make_mutants("x.py", code)}

    @pytest.mark.parametrize(
        ("before", "after", "is_value"),
        [
            ("return a", "return a * 2", True),
            ("return b, a", "return b, (a + 1)", True),
            ("return 2**20", "return 2 * 20", False),
            ("return a - 1", "return a + 1", True),
            ("return a + 10", "return a + 11", False),
        ],
    )
    def test_which_give_another_value(self, before, after, is_value):
        found = {each.after: each for each in make_mutants("x.py", f"def f(a, b):\n    {before}\n")}
        assert found[after].is_value == is_value

    @pytest.mark.parametrize("value", ["self", "None", "not a", "a == b", "a and b", "'text'", "f'{a}'"])
    def test_what_is_no_number_is_not_counted_on(self, value):
        assert not [each for each in make_mutants("x.py", f"def f(): return {value}\n") if each.is_value]

    @pytest.mark.parametrize(
        ("code", "kept"),
        [
            ("warnings.warn(x, stacklevel=2)", {"pass", "warnings.warn(None, stacklevel=2)", "warnings.warn(stacklevel=2)"}),
            ("pool = ThreadPoolExecutor(2)", {"pool = None"}),
            ("loader = Loader(x, num_workers=0)", {"loader = None", "loader = Loader(None, num_workers=0)"}),
            ("stacklevel = 2", {"stacklevel = 3", "stacklevel = None"}),
        ],
    )
    def test_what_no_value_depends_on(self, code, kept):
        after = {mutant.after for mutant in make_mutants("x.py", f"def f(x):\n    {code}\n")}
        assert kept <= after
        assert not any(word in each for each in after for word in ("stacklevel=3", "stacklevel=None", "(3)", "workers=1", "workers=None"))

    def test_they_know_their_function(self):
        source = "X = 1\n\n\nclass A:\n    y = 2\n\n    @g(3)\n    def f(self):\n        def h():\n            return 4\n"
        found = {(mutant.before, mutant.function) for mutant in make_mutants("x.py", source)}
        assert found == {
            ("X = 1", MODULE),
            ("y = 2", MODULE),
            ("return 4", "A.f.h"),
        }

    def test_those_that_read_the_same_are_numbered(self):
        source = "def f(x):\n    x = x + 1\n    x = x + 1\n    return x\n"
        found = [mutant for mutant in make_mutants("x.py", source) if mutant.after == "x = x - 1"]
        assert [(mutant.line, mutant.number) for mutant in found] == [(2, 1), (3, 2)]
        assert [mutant.place.get("number") for mutant in found] == [None, 2]

    def test_the_tests_that_ran_the_line(self, recorded):
        path = "tests/snippets/test_numbers.py::"
        mutant = make_mutants("numbers.py", SNIPPET)[0]

        def chosen(line):
            moved = type(mutant)(**asdict(mutant) | {"line": line})
            found = exercising(moved, SNIPPET, recorded.evidence["tests"])
            return sorted(id.removeprefix(path) for id in found)

        doubles = ["test_double[cpu-torch.bfloat16]", "test_double[cpu-torch.float64]"]
        assert chosen(17) == ["test_half[cpu]"]
        assert chosen(9) == [*doubles, "test_double_refuses_integers"]
        assert chosen(10) == ["test_double_refuses_integers"]
        assert chosen(7) == [*doubles, "test_double_refuses_integers", "test_half[cpu]"]
