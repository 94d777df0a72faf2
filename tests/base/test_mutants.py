"""改错的处数只能更多，不能因为改了算子就少了；每一处改了以后都还是 Python。"""

import ast
import functools

import pytest

from kb.evidence.mutants import make_mutants
from kb.evidence.regions import list_files
from tests.kb.lab import ROOT

KEPT = {"channel_attention.py": 77, "distributed.py": 202, "non_local.py": 628, "self_attention.py": 508}
"""从前的算子在每个文件里改错几处：只能更多。"""
BETWEEN = "\n\n\n"
"""两行空行，在最外层的函数和类之间。"""


def source_of(file):
    return (ROOT / "snippets" / file).read_text("utf-8")


@functools.cache
def mutants_of(file):
    return make_mutants(file, source_of(file))


@pytest.mark.parametrize("file", KEPT)
def test_no_place_is_lost(file):
    assert len(mutants_of(file)) >= KEPT[file]


@pytest.mark.parametrize("file", list_files(ROOT))
def test_each_is_python_and_differs(file):
    same = set(source_of(file).split(BETWEEN))
    for mutant in mutants_of(file):
        changed = [part for part in mutant.source.split(BETWEEN) if part not in same]
        assert changed, mutant.place
        for part in changed:
            ast.parse(part)
    assert len({mutant.source for mutant in mutants_of(file)}) == len(mutants_of(file))
