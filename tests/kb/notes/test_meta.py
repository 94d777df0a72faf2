"""front matter 读得出来的都读成文字，什么类型也不会出错；读不完的，说出是哪一行。"""

import pytest

from kb.markdown.engine import BadInput
from kb.notes.front_matter import DEEPEST, MOST, read_meta


def read(source):
    return read_meta(source, "docs/posts/1.md")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2024-01-01", "2024-01-01"),
        ("2023-13-45", "2023-13-45"),
        ("99999-01-01T00:00:00Z", "99999-01-01T00:00:00Z"),
        ("1e3", "1e3"),
        ("0x1F", "0x1F"),
        ("1:30:00", "1:30:00"),
        ("9" * 5000, "9" * 5000),
        (".nan", ".nan"),
        ("yes", "yes"),
        ("null", ""),
        ("~", ""),
        ("", ""),
        ("'null'", "null"),
        ("[a, [b], {c: d}]", ["a", ["b"], {"c": "d"}]),
        ("{}", {}),
        ("!!binary aGVsbG8=", "aGVsbG8="),
        ("!!set {a, b}", {"a": "", "b": ""}),
        ("!!python/object/apply:os.system ['true']", ["true"]),
        ("!important 标题", "标题"),
        ("|-\n  一\n  二", "一\n二"),
        ('"a\\u2028b\\u202Ec\\x00d"', "a\u2028b\u202ec\x00d"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_any_type_is_read_as_it_is_written(written, value):
    assert read(f"title: {written}\n") == {"title": value}


@pytest.mark.parametrize(
    ("source", "meta"),
    [
        ("1: a\n~: b\n? [c]\n: d\n? {e: f}\n: g\n", {"1": "a", "": "b"}),
        ("tags: a\ntags: b\n", {"tags": "b"}),
        ("a: &x [一]\ntags: *x\n", {"a": ["一"], "tags": ["一"]}),
        ("a: &x {b: c}\nd: {<<: *x}\n", {"a": {"b": "c"}, "d": {"<<": {"b": "c"}}}),
        ("- a\n", {}),
        ("只有字\n", {}),
        ("", {}),
        ("# 注释\n", {}),
    ],
    ids=str,
)
def test_keys_and_shapes(source, meta):
    assert read(source) == meta


@pytest.mark.parametrize(
    ("source", "line", "why"),
    [
        ("title: 一\ntags: [\n", 4, "不是正确的 YAML"),
        ("title: a: b\n", 2, "不是正确的 YAML"),
        ("title: 一\n\ttags: a\n", 3, "不是正确的 YAML"),
        ("title: 一\nx: a\x07b\n", 3, "不是正确的 YAML"),
        ("title: 一\nx: a\x00b\n", 3, "不是正确的 YAML"),
        ("title: 一\nx: *a\n", 3, r"\*a 前面没有写完的 &a"),
        ("title: 一\nx: &a [1, *a]\n", 3, r"\*a 前面没有写完的 &a"),
        (f"title: 一\nx: {'[' * 99_999}", 3, f"最多 {DEEPEST} 层"),
        ("x:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 99)), DEEPEST + 2, f"最多 {DEEPEST} 层"),
        ("x: [" + "a, " * MOST + "a]\n", 2, "内容太多"),
        ("x: [" + "[], " * MOST + "[]]\n", 2, "内容太多"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_can_not_be_read_is_named_with_its_line(source, line, why):
    with pytest.raises(BadInput, match=rf"^docs/posts/1\.md:{line}：front matter .*{why}.*。$"):
        read(source)


def bomb(levels, one):
    names = [f"n{level}" for level in range(levels)]
    lines = [f"{names[0]}: &{names[0]} {one}"]
    for inner, name in zip(names, names[1:], strict=False):
        lines.append(f"{name}: &{name} [{', '.join([f'*{inner}'] * 9)}]")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("levels", [9, 40])
@pytest.mark.parametrize("one", ["[a, b]", "文字", "{x: 1}"])
def test_aliases_that_multiply(levels, one):
    with pytest.raises(BadInput, match="内容太多.*别名"):
        read(bomb(levels, one))


def test_aliases_that_multiply_where_mappings_are_merged():
    with pytest.raises(BadInput, match="内容太多"):
        read(bomb(9, "{x: 1}").replace("[", "{<<: [").replace("]", "]}"))


def test_aliases_that_grow_deep():
    """每个别名里又有一个，层数相加。"""
    lines = [f"n{n}: &n{n} {'[' * 20}{f'*n{n - 1}' if n else 'a'}{']' * 20}" for n in range(9)]
    with pytest.raises(BadInput, match=f"{DEEPEST} 层"):
        read("\n".join(lines))
