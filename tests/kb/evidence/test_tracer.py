"""看着代码运行：运行到的行，返回的值，算的 dtype；是写在文件里的那一份才算。"""

from types import SimpleNamespace

import pytest
import torch

from kb.evidence.tracer import Tracer

SOURCE = """\
def half(x):
    return x / 2


def keep(x):
    y = x
    assert y.numel()


def fill(out):
    out.fill_(1.5)


def several(x):
    yield x
    yield x / 2
"""


@pytest.fixture
def seen(tmp_path):
    """What the tracer says of a call in the file: lines, and what was returned by whom."""
    path = tmp_path / "snippets/numbers.py"
    path.parent.mkdir()
    path.write_text(SOURCE, "utf-8")

    def run(call, source=SOURCE):
        names = {"torch": torch}
        exec(compile(source, str(path), "exec"), names)
        returned = []
        tracer = Tracer(f"{path.parent}/", SimpleNamespace(subjects={}), lambda place, *values: returned.append((place, values)))
        with tracer.during("test"):
            eval(call, names)
        return tracer.lines["test"].get("snippets/numbers.py", set()), returned

    return run


def test_lines_and_values(seen):
    lines, ((place, (value,)),) = seen("half(torch.ones(1))")
    assert (lines, place, value.item()) == ({2}, "snippets/numbers.py:1", 0.5)


def test_what_it_was_given_is_not_its_own(seen):
    """不返回什么的函数，只有它改过的才算它的。"""
    assert seen("keep(torch.ones(1))") == ({6, 7}, [("snippets/numbers.py:5", ())])
    _, ((place, (out,)),) = seen("fill(torch.ones(1))")
    assert (place, out.item()) == ("snippets/numbers.py:10", 1.5)


def test_what_is_given_one_after_the_other(seen):
    _, returned = seen("list(several(torch.ones(1)))")
    assert [[value.item() for value in values] for _, values in returned] == [[1], [0.5], []]


def test_what_only_says_that_it_comes_from_there(seen):
    other = SOURCE.replace("x / 2", "x / 3")
    assert seen("half(torch.ones(1))", other) == (set(), [])
