"""内容键：一个字节也算数，该算的都算，不相干的不算。"""

import pytest

from kb.evidence.imports import Project, hands_on, imports, is_dynamic, only_defines
from kb.evidence.keys import PROOF, SETTINGS, content_key, reach
from kb.evidence.keys import read_inputs as read_inputs_of
from kb.evidence.lines import expand, join, statements


def read_inputs(root, file, seen=()):
    return read_inputs_of(Project(root), file, seen)


@pytest.fixture
def key(lab):
    def key(file="numbers.py", text="x"):
        return content_key(f"{file}:double", text, read_inputs(lab.root, file))

    return key


class TestWhatCounts:
    def test_the_same_bytes_give_the_same_key(self, lab, unrecorded, key):
        assert key() == content_key("numbers.py:double", "x", read_inputs(unrecorded.root, "numbers.py"))

    def test_every_input(self, lab):
        assert sorted(read_inputs(lab.root, "numbers.py")) == [
            PROOF,
            SETTINGS,
            "snippets/numbers.py",
            "tests/conftest.py",
            "tests/snippets/test_numbers.py",
        ]

    @pytest.mark.parametrize(
        "name", ["snippets/numbers.py", "tests/conftest.py", "tests/snippets/test_numbers.py"]
    )
    def test_one_space_more(self, lab, key, name):
        before = key()
        lab.write(name, (lab.root / name).read_text("utf-8") + " ")
        assert key() != before

    @pytest.mark.parametrize("name", ["conftest.py", "tests/snippets/conftest.py"])
    def test_a_new_conftest(self, lab, key, name):
        before = key()
        lab.write(name, "")
        assert key() != before

    @pytest.mark.parametrize("name", ["tests/snippets/test_new.py", "tests/snippets/deep/er_test.py"])
    def test_a_new_test_of_it(self, lab, key, name):
        before = key()
        lab.write(name, "from snippets.numbers import half\n")
        assert key() != before

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("tests/kb/conftest.py", ""),
            ("tests/snippets/.swp", ""),
            ("tests/snippets/data.csv", ""),
            ("tests/snippets/test_new.py", "from snippets.other import zero\n"),
            ("snippets/new.py", "def new(x):\n    return x\n"),
            ("snippets/other.py", "def zero(x):\n    return 0 * x\n"),
            ("snippets/__init__.py", "from snippets.numbers import half\n\n__all__ = ['half']\n"),
            ("docs/posts/2.md", "# 二"),
            ("kb/x.py", ""),
        ],
    )
    def test_what_has_no_say(self, lab, key, name, text):
        before = key()
        lab.write(name, text)
        assert key() == before

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("snippets/__init__.py", "import torch\n\ntorch.set_default_dtype(torch.float64)\n"),
            ("snippets/__init__.py", "def __getattr__(name):\n    return 1\n"),
            ("snippets/__init__.py", "from snippets.other import *\n"),
            ("snippets/other.py", "import torch\n\ntorch.set_default_dtype(torch.float64)\n"),
            ("snippets/other.py", "from snippets.base import Op\n\n\nclass Half(Op):\n    factor = 3\n"),
            ("snippets/other.py", "class Half(object, registered=True):\n    factor = 3\n"),
            ("snippets/other.py", "import torch\n\n_ = torch.set_default_dtype(torch.float64)\n\n\ndef zero(x):\n    return x\n"),
        ],
    )
    def test_what_the_package_does_when_it_is_imported(self, lab, key, name, text):
        lab.write("snippets/__init__.py", "from snippets.other import zero\n")
        before = key()
        lab.write(name, text)
        assert key() != before

    @pytest.mark.parametrize(
        "tests",
        [
            "import importlib\n\nother = importlib.import_module('snippets.other')\n",
            "import snippets\n\nsnippets.other.zero(1)\n",
            "import sys\n\nsys.modules['snippets.other'].zero(1)\n",
            "zero = getattr(__import__('snippets'), 'other').zero\n",
            "from importlib import import_module as load\n\nother = load('snippets.other')\n",
            "import importlib\n\nother = getattr(importlib, 'import_module')('snippets.other')\n",
            "import sys as system\n\nother = system.modules['snippets.other']\n",
            "from sys import modules as loaded\n\nother = loaded['snippets.other']\n",
            "import pkgutil\n\nzero = pkgutil.resolve_name('snippets.other:zero')\n",
            "from pydoc import locate as find\n\nzero = find('snippets.other.zero')\n",
            "import pickle\n\nzero = pickle.loads(b'csnippets.other\\nzero\\n.')\n",
            "import runpy\n\nzero = runpy.run_module('snippets.other')['zero']\n",
        ],
    )
    def test_what_is_reached_without_being_named(self, lab, key, tests):
        """看不出用到了哪个文件，snippets/ 就都算。"""
        lab.write("snippets/__init__.py", "from snippets import other\n")
        lab.write("tests/snippets/helper.py", tests)
        lab.edit("tests/snippets/test_numbers.py", "import torch\n", "import torch\n\nfrom tests.snippets import helper\n")
        before = key()
        lab.edit("snippets/other.py", "x - x", "0 * x")
        assert key() != before

    @pytest.mark.parametrize(
        "tests",
        [
            "import importlib.util\n\nFAST = importlib.util.find_spec('fast_half')\n",
            "import pytest\n\nFAST = pytest.importorskip('fast_half', reason='x')\n",
            "try:\n    import fast_half\nexcept ImportError:\n    fast_half = None\n",
        ],
    )
    def test_a_module_that_is_not_there_yet(self, lab, key, tests):
        lab.edit("tests/snippets/test_numbers.py", "import torch\n", f"import torch\n\n{tests}")
        before = key()
        lab.write("fast_half.py", "BY = 3\n")
        assert key() != before

    @pytest.mark.parametrize("name", ["snippets/numbers/__init__.py", "snippets/numbers.abi3.so"])
    def test_what_python_would_import_instead(self, lab, key, name):
        before = key()
        lab.write(name, "")
        assert key() != before

    def test_tests_of_a_file_that_hands_it_on(self, lab, key):
        lab.write("snippets/facade.py", '"""门面。"""\n\nfrom snippets.numbers import half\n')
        before = key()
        lab.write("tests/snippets/test_facade.py", "from snippets.facade import half\n")
        assert key() != before

    def test_a_name_within_another(self, lab, key):
        """看不出用到了哪个文件的测试，提到 w2 才算 w2 的；w23 不是它。"""
        lab.write("tests/snippets/test_more.py", "import importlib\n\nw = importlib.import_module('snippets.numbers2')\n")
        lab.write("snippets/numbers2.py", "")
        before = key()
        lab.write("tests/snippets/test_more.py", "import importlib\n\nw = importlib.import_module('snippets.numbers2')\n\n")
        assert key() == before
        lab.write("tests/snippets/test_more.py", "import importlib\n\nw = importlib.import_module('snippets.numbers')\n")
        assert key() != before

    def test_one_that_names_no_file_is_about_all(self, lab, key):
        before = key(), key("other.py")
        lab.write("tests/snippets/test_all.py", "import pkgutil\n\nfor each in pkgutil.iter_modules(['snippets']):\n    pass\n")
        assert before[0] != key() and before[1] != key("other.py")

    @pytest.mark.parametrize("seen", ["data/expected.json", "data/"])
    def test_what_a_run_was_seen_to_read(self, lab, seen):
        lab.write("data/expected.json", "[1]")
        before = read_inputs(lab.root, "numbers.py", [seen])
        assert seen in before
        lab.write("data/new.json", "")
        lab.write("data/expected.json", "[2]")
        assert read_inputs(lab.root, "numbers.py", [seen])[seen] != before[seen]

    def test_other_rules_of_the_tool(self, lab, key, monkeypatch):
        before = key()
        monkeypatch.setattr("kb.evidence.keys.RULES", 0)
        assert key() != before

    def test_a_deleted_test(self, lab, key):
        before = key()
        (lab.root / "tests/snippets/test_numbers.py").unlink()
        assert key() != before

    def test_the_name_and_the_text(self, lab, key):
        inputs = read_inputs(lab.root, "numbers.py")
        assert len({key(), key(text="x "), content_key("numbers.py:half", "x", inputs)}) == 3

    def test_pytests_settings_and_no_others(self, lab, key):
        before = key()
        lab.edit("pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"')
        lab.edit("pyproject.toml", 'include = ["kb*"]', 'include = ["kb"]')
        assert key() == before
        lab.edit("pyproject.toml", "xfail_strict = true", "xfail_strict = false")
        assert key() != before

    @pytest.mark.parametrize(
        "line",
        [
            "from snippets.other import zero",
            "from snippets import other",
            "import snippets.other",
            "from .other import zero",
        ],
    )
    def test_what_the_file_imports(self, lab, key, line):
        lab.edit("snippets/numbers.py", "import torch\n", f"import torch\n{line}\n")
        before = key()
        lab.write("snippets/other.py", (lab.root / "snippets/other.py").read_text("utf-8") + " ")
        assert key() != before

    def test_what_it_does_not_import(self, lab, key):
        before = key()
        lab.write("snippets/other.py", "")
        assert key() == before

    def test_imports_are_followed(self, lab, key):
        lab.write("snippets/far.py", "")
        lab.edit("snippets/numbers.py", "import torch\n", "import torch\nfrom snippets import other\n")
        lab.write("snippets/other.py", "def zero():\n    import snippets.far\n")
        before = key()
        lab.write("snippets/far.py", " ")
        assert key() != before

    @pytest.mark.parametrize("name", ["snippets/numbers.py", "pyproject.toml"])
    def test_half_written_files_have_a_key_too(self, lab, key, name):
        before = key()
        lab.write(name, "def (\x00")
        assert key() != before


    def test_a_checkout_on_windows_has_the_same_keys(self, lab, tmp_path_factory):
        clone = tmp_path_factory.mktemp("windows") / "clone"
        lab.git("clone", "-q", "-c", "core.autocrlf=true", "-c", "core.eol=crlf", str(lab.root), str(clone))
        assert read_inputs(clone, "numbers.py") == read_inputs(lab.root, "numbers.py")


class TestReach:
    @pytest.fixture
    def package(self, lab):
        lab.write("snippets/__init__.py", "from snippets.numbers import double, half as halve\nfrom .other import zero\n")
        lab.write("tests/snippets/test_x.py", "")
        return lab

    @pytest.mark.parametrize(
        ("line", "files"),
        [
            ("from snippets import double", {"snippets/numbers.py"}),
            ("from snippets import halve", {"snippets/numbers.py"}),
            ("from snippets import zero", {"snippets/other.py"}),
            ("from snippets.other import zero", {"snippets/other.py"}),
            ("from snippets import numbers", {"snippets/numbers.py"}),
            ("import snippets", {"snippets/__init__.py", "snippets/numbers.py", "snippets/other.py"}),
            ("from kb.proof import assert_agrees", set()),
            ("import torch", set()),
        ],
    )
    def test_names_are_followed_through_the_package(self, package, line, files):
        package.write("tests/snippets/test_x.py", f"{line}\n")
        assert reach(package.root, "tests/snippets/test_x.py") == files

    def test_a_renamed_export(self, lab):
        lab.write("snippets/__init__.py", "from snippets.numbers import double as twice\nVERSION = 1\n")
        lab.write("tests/snippets/test_x.py", "from snippets import twice\n")
        assert reach(lab.root, "tests/snippets/test_x.py") == {"snippets/numbers.py"}
        lab.write("tests/snippets/test_x.py", "from snippets import VERSION\n")
        assert "snippets/__init__.py" in reach(lab.root, "tests/snippets/test_x.py")

    def test_relative_imports(self):
        assert list(imports(b"from . import a\nfrom ..b import c\n", ["p", "q"])) == [
            (("p", "q"), "a"),
            (("p", "b"), "c"),
        ]


    def test_names_behind_points(self):
        found = set(imports(b"import snippets\nimport snippets.x.y as z\nsnippets.a.b\nz.c\nf().snippets.d\n", ["p"]))
        assert found == {
            (("snippets",), None),
            (("snippets", "x", "y"), None),
            (("snippets",), "a"),
            (("snippets", "a"), "b"),
            (("snippets", "x", "y"), "c"),
        }


class TestWhatAFileDoesWhenItIsImported:
    @pytest.mark.parametrize(
        "source",
        [
            "",
            '"""文档。"""\n\nimport torch\nfrom torch import nn\n',
            "X = 1\nY: int = 2\nZ = {'a': (X, -Y), 'b': [1, 2]}\nF = lambda x: g(x)\n",
            "def f(x, y=1, *, z=X):\n    return g(x)\n",
            "def f(x: Tensor, *y: 'A', z: dict[str, int] = X) -> Callable[[int], str] | None:\n    return g(x)\n",
            "class A(nn.Module):\n    small = 2**16\n\n    def f(self):\n        self.x = g()\n",
            "import functools\n\n\n@functools.lru_cache(maxsize=1)\ndef f():\n    return 1\n",
            "@torch.no_grad()\ndef f():\n    return 1\n",
        ],
    )
    def test_nothing_but_define(self, source):
        assert only_defines(source.encode())

    @pytest.mark.parametrize(
        "source",
        [
            "torch.set_default_dtype(torch.float64)\n",
            "X = torch.set_default_dtype(torch.float64)\n",
            "X = [f(y) for y in range(3)]\n",
            "if True:\n    f()\n",
            "for x in y:\n    pass\n",
            "def f(x=g()):\n    return x\n",
            "def f(x: g()):\n    return x\n",
            "def f(*, x) -> g():\n    return x\n",
            "X: g() = 1\n",
            "@register\ndef f():\n    return 1\n",
            "@register('x')\nclass A:\n    pass\n",
            "class A:\n    f()\n",
            "class A(make()):\n    pass\n",
            "class Module:\n    def __init_subclass__(cls):\n        f()\n",
            "from .bases import Module\n\n\nclass A(Module):\n    pass\n",
            "torch.x = 1\n",
            "X[0] = 1\n",
            "def f(:\n",
        ],
    )
    def test_more(self, source):
        assert not only_defines(source.encode())

    @pytest.mark.parametrize(
        ("source", "does"),
        [
            ('"""包。"""\n\nfrom snippets.a import b\n\n__all__ = ["b"]\n', True),
            ("", True),
            ("from snippets.a import *\n", False),
            ("import torch\n", False),
            ("def __getattr__(name):\n    return 1\n", False),
            ("__all__ = make()\n", False),
        ],
    )
    def test_only_hand_on(self, source, does):
        assert hands_on(source.encode()) is does

    @pytest.mark.parametrize(
        ("source", "is_it"),
        [
            ("from importlib import import_module\nimport_module('x')\n", True),
            ("import importlib\nimportlib.import_module(name)\n", True),
            ("__import__('x')\n", True),
            ("import sys\nsys.modules['x']\n", True),
            ("from sys import modules\n", True),
            ("exec('x = 1')\n", True),
            ("from x import *\n", True),
            ("module.eval()\nlist(block.modules())\n", False),
            ("import importlib.util\nimportlib.util.find_spec('triton')\n", False),
        ],
    )
    def test_reach_what_it_does_not_name(self, source, is_it):
        assert is_dynamic(source.encode()) is is_it


class TestLines:
    def lines(self, source):
        return join(set(statements(source.encode()).values()))

    def test_only_function_bodies(self):
        assert self.lines("import a\nx = 1\nclass C:\n    y = 2\n    def f(self):\n        return 1\n") == "6"

    def test_what_runs_nothing(self):
        source = 'def f():\n    """x"""\n    global g\n    x: int\n    pass\n    try:\n        a()\n    finally:\n        b()\n'
        assert self.lines(source) == "7,9"

    def test_a_statement_is_known_by_its_first_line(self):
        source = "def f(x):\n    if (\n        x\n    ):\n        return g(\n            x\n        )\n"
        assert statements(source.encode()) == {2: 2, 3: 2, 4: 2, 5: 5, 6: 5, 7: 5}

    def test_both_branches(self):
        assert self.lines("def f(x):\n    if x:\n        a()\n    else:\n        b()\n") == "2-3,5"

    def test_nested_functions(self):
        assert self.lines("def f():\n    def g():\n        return 1\n    return g\n") == "2-4"

    @pytest.mark.parametrize(
        ("lines", "text"), [([], ""), ([3], "3"), ([9, 3, 8, 7], "3,7-9"), ([1, 2, 4, 5], "1-2,4-5")]
    )
    def test_lists_of_lines(self, lines, text):
        assert join(lines) == text
        assert expand(text) == set(lines)
