"""标签和分类的文件名：看得懂，在哪个系统上都行，互不相同。"""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.site.slugs import slugs


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("注意力机制", "注意力机制"),
        ("C++", "C++"),
        ("v1.2", "v1.2"),
        ("A / B: <模板>?", "A-B-模板"),
        ("..隐藏.", "隐藏"),
        ("e\u0301", "é"),
    ],
)
def test_readable(name, expected):
    assert slugs([name]) == {name: expected}


@pytest.mark.parametrize("name", ["con", "NUL", "com1", "aux.txt", "index", "README", "page-2", "???", "é" * 200])
def test_names_that_mean_something_else_get_digits(name):
    (found,) = slugs([name]).values()
    assert re.search(r"(^|-)[0-9a-f]{8}$", found)


def test_names_that_a_file_system_takes_for_one_get_digits():
    found = slugs(["PyTorch", "pytorch", "C#", "C", "é", "e\u0301", "别的"])
    assert found["别的"] == "别的"
    assert all(re.search(r"-[0-9a-f]{8}$", found[name]) for name in found if name != "别的")


def test_a_slug_does_not_depend_on_the_others_order():
    names = ["a b", "a-b", "A.B", "x"]
    assert slugs(names) == slugs(reversed(names))


@given(st.lists(st.text(max_size=120), unique=True, max_size=8))
def test_safe_and_distinct(names):
    found = slugs(names)
    assert found.keys() == set(names)
    on_mac = {unicodedata.normalize("NFD", unicodedata.normalize("NFKC", slug).casefold()) for slug in found.values()}
    assert len(on_mac) == len(names)
    for slug in found.values():
        assert re.fullmatch(r"[\w+-]([\w.+-]*[\w+-])?", slug)
        assert len(f"{slug}.md".encode()) <= 100
        assert not re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|index|readme|page-\d+", slug, re.IGNORECASE)
