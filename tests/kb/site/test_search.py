"""搜索读的索引：分成小块，一个词在哪一块由它自己决定；每个词记着哪几节有它、有多重要。"""

import json
from array import array

import pytest

from kb.site import search
from kb.site.search import LEVELS, Index, level, spread, terms, write_search
from kb.site.searched import Section


def page(title, body, head=""):
    return f"<head>{head}</head><article><h1>{title}</h1>{body}</article>"


@pytest.fixture
def site(tmp_path):
    """Pages → what is written: the folder, and a function that reads a term's list."""

    def make(**pages):
        for name, html in pages.items():
            path = tmp_path / "posts" / name / "index.html"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(html, "utf-8")
        write_search(tmp_path)
        return tmp_path / "search"

    return make


def read(folder, name):
    return json.loads((folder / name).read_text("utf-8"))


def found(folder, term):
    """How many sections have a term, and section → level."""
    piece = spread(search.key_of(term)) % read(folder, "index.json")["pieces"]
    count, *numbers = read(folder, f"terms/{piece}.json").get(term, [0])
    sections, last = {}, 0
    for number in numbers:
        last += number // LEVELS
        sections[last] = number % LEVELS
    return count, sections


def encode(term, numbers):
    return search.encode(term, array("I", numbers))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("注意力", ["注意", "意力"]),
        ("用 C 写", ["c", "用", "写"]),
        ("(Gateway)", ["gateway"]),
        ("DQL,DML", ["dql", "dml"]),
        ("ＡＢｃ１", ["abc1"]),
        ("LayerNorm", ["layernorm", "layer", "norm"]),
        ("self-attention_map", ["self", "attention", "map"]),
        ("𝑥 Größe", ["x", "größe"]),
    ],
)
def test_terms(text, expected):
    assert list(terms(text)) == expected


def test_a_title_counts_more_than_a_heading_and_a_heading_more_than_text(site):
    folder = site(a=page("卷积", ""), b=page("题", '<h2 id="x">卷积</h2>'), c=page("题", "<p>卷积</p>"))
    count, sections = found(folder, "卷积")
    assert count == 3
    title, heading, text = (sections[number] for number in (0, 2, 3))
    assert title > heading > text


def test_texts_hold_every_page(site):
    folder = site(a=page("甲", '<p>一</p><h2 id="x">乙</h2><p>二</p>'))
    assert read(folder, "texts/0.json") == [["posts/a/", "甲", [["", "甲", "一"], ["x", "乙", "二"]]]]
    head = read(folder, "index.json")
    assert (head["pages"], head["sections"], head["count"]) == ([1], [2], 2)


def test_a_page_may_be_left_out_or_count_less(site):
    body = "<p>卷积</p>"
    folder = site(
        a=page("卷积", body), b=page("卷积", body, '<meta name="search" content="0">'),
        c=page("卷积", body, '<meta name="search" content="0.01">'),
    )
    _, sections = found(folder, "卷积")
    assert [*sections] == [0, 1]
    assert sections[1] == 0 < sections[0]


def test_a_common_term_keeps_the_sections_that_are_most_about_it(monkeypatch):
    monkeypatch.setattr(search, "MOST", 2)
    lists = json.loads(encode("卷积", [0 * 16 + 1, 3 * 16 + 9, 5 * 16 + 2, 9 * 16 + 8]))
    assert lists == [4, 3 * 16 + 9, 6 * 16 + 8]


def test_a_common_character_is_kept_for_headings_alone(monkeypatch):
    monkeypatch.setattr(search, "RARE", 1)
    heading = search.IN_HEADING
    assert json.loads(encode("的", [16 + 0, 32 + heading])) == [2, 32 + heading]
    assert encode("的", [16, 32]) == ""
    assert json.loads(encode("的", [16])) == [1, 16]


def test_levels_are_the_nearest():
    assert [level(search.LEAST * search.STEP**each) for each in range(LEVELS)] == [*range(LEVELS)]
    assert (level(0), level(1000)) == (0, LEVELS - 1)


def test_the_hash_is_the_browser_s():
    assert spread("") == 0x811C9DC5 ^ 0x811C9DC5 >> 15
    assert spread("a") == 0xE40C292C ^ 0xE40C292C >> 15


def test_pieces_stay_small(tmp_path):
    """十倍的笔记，每一块还是差不多大。"""
    sizes = []
    for pages in (40, 400):
        index = Index()
        for number in range(pages):
            text = "".join(chr(0x4E00 + (number * 7919 + each * 31) % 8000) for each in range(400))
            index.add_page(f"{number}/", [Section("", f"题{number}", text)])
        index.write(tmp_path)
        sizes.append(max(path.stat().st_size for path in (tmp_path / "terms").iterdir()))
    assert sizes[1] < 3 * search.PIECE
    assert len([*(tmp_path / "texts").iterdir()]) > 10
    assert max(path.stat().st_size for path in (tmp_path / "texts").iterdir()) < 2 * search.GROUP


def test_what_was_written_before_is_gone_and_the_version_is_another(site):
    folder = site(a=page("甲", ""))
    (folder / "texts/99.json").write_text("[]")
    before = read(folder, "index.json")["version"]
    site(b=page("乙", ""))
    assert not (folder / "texts/99.json").exists()
    assert read(folder, "index.json")["version"] != before
