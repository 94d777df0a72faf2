"""内容键：一个字节也算数，该算的都算，不相干的不算。"""

import pytest

from kb.evidence.keys import PROOF, SETTINGS, content_key, imports, reach, read_inputs
from kb.evidence.lines import expand, join, statements
from tests.kb.lab import ROOT


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
            "snippets/__init__.py",
            "snippets/numbers.py",
            "tests/conftest.py",
            "tests/snippets/test_numbers.py",
        ]

    @pytest.mark.parametrize(
        "name", ["snippets/numbers.py", "snippets/__init__.py", "tests/conftest.py", "tests/snippets/test_numbers.py"]
    )
    def test_one_space_more(self, lab, key, name):
        before = key()
        lab.write(name, (lab.root / name).read_text("utf-8") + " ")
        assert key() != before

    @pytest.mark.parametrize("name", ["conftest.py", "tests/snippets/data.csv", "tests/snippets/deep/er.txt"])
    def test_a_new_file(self, lab, key, name):
        before = key()
        lab.write(name, "")
        assert key() != before

    @pytest.mark.parametrize(
        "name", ["tests/kb/conftest.py", "tests/snippets/__pycache__/x.pyc", "tests/snippets/.swp", "kb/x.py"]
    )
    def test_what_has_no_say(self, lab, key, name):
        before = key()
        lab.write(name, "")
        assert key() == before

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
    def reach(self, path):
        return {file for file in reach(ROOT, path) if file.startswith("snippets/")}

    @pytest.mark.parametrize(
        ("path", "files"),
        [
            ("tests/snippets/test_channel_attention.py", {"snippets/channel_attention.py"}),
            ("tests/snippets/test_memory.py", {"snippets/self_attention.py", "snippets/non_local.py"}),
            (
                "tests/snippets/test_blocks.py",
                {f"snippets/{name}_attention.py" for name in ("self", "channel")} | {"snippets/non_local.py"},
            ),
            ("tests/snippets/data.py", set()),
            ("snippets/self_attention.py", set()),
        ],
    )
    def test_names_are_followed_through_the_package(self, path, files):
        assert self.reach(path) == files

    def test_the_package_itself_is_everything(self):
        assert len(self.reach("tests/snippets/test_package.py")) == 4

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
