"""搜索的索引有上限：标题先进，正文能进多少进多少；页面看上去不变。"""

import json

import pytest
from bs4 import BeautifulSoup
from material.plugins.search import plugin
from mkdocs.config import load_config
from mkdocs.structure.files import get_files
from mkdocs.structure.pages import Page

from kb.site import search
from tests.kb.generator import make_notes
from tests.kb.lab import configure

NOTES = list(make_notes(12))


@pytest.fixture
def site(project, monkeypatch):
    """十二篇笔记，按给出的上限 → 每篇的网页，以及主题为它们做的索引。"""
    monkeypatch.setattr(plugin, "jieba", None)  # 装着的话，每个词之间多出三个字节
    for note in NOTES:
        project.write(f"docs/posts/{note.abbrlink}.md", note.text)

    def build(budget=None):
        configure(project.root, **({} if budget is None else {"search_budget": budget}))
        config = load_config(str(project.root / "mkdocs.yml"))
        files = get_files(config)
        index = plugin.SearchIndex(lang=["zh"], separator="", pipeline=[], fields={})
        pages = {}
        for file in files.documentation_pages():
            if file.src_uri.startswith("posts/"):
                page = Page(None, file, config)
                page.read_source(config)
                page.render(config, files)
                index.add_entry_from_context(page)
                pages[file.src_uri] = page.content
        return pages, index.entries

    return build


def size(entries):
    return len(json.dumps(entries, separators=(",", ":")))


def test_where_everything_fits_nothing_is_marked(site):
    pages, entries = site()
    assert search.EXCLUDE not in "".join(pages.values())
    assert size(entries) > 150_000


@pytest.mark.parametrize("budget", [10_000, 40_000, 100_000])
def test_the_index_stays_within_its_bound_and_uses_it(site, budget):
    _, entries = site(budget)
    assert 0.6 * budget < size(entries) <= budget


def test_headings_come_before_text(site):
    def text(entries):
        return sum(len(entry["text"]) for entry in entries)

    _, whole = site()
    _, bounded = site(100_000)
    _, tight = site(10_000)
    assert [entry["location"] for entry in bounded] == [entry["location"] for entry in whole]
    assert 0 < text(bounded) < text(whole) / 2
    assert len(tight) < len(whole) / 2


def test_every_note_is_found_by_its_title_whatever_the_bound(site):
    pages, entries = site(0)
    for page in pages.values():
        assert search.EXCLUDE not in BeautifulSoup(page, "html.parser").h1.attrs
    assert {note.title for note in NOTES} <= {entry["title"] for entry in entries}
    assert len(entries) == len(NOTES)


def test_notes_share_evenly(site):
    _, entries = site(40_000)
    shares = {}
    for entry in entries:
        note = entry["location"].partition("#")[0]
        shares[note] = shares.get(note, 0) + size([entry])
    assert max(shares.values()) <= 40_000 / 12


def test_a_page_looks_the_same(site):
    whole, _ = site()
    tight, _ = site(10_000)
    for uri, html in tight.items():
        soup = BeautifulSoup(html, "html.parser")
        assert soup.find(attrs={search.EXCLUDE: "true"})
        for element in soup.find_all(attrs={search.EXCLUDE: "true"}):
            del element[search.EXCLUDE]
        for wrapper in soup.find_all("not-searched"):
            assert wrapper["style"] == "display: contents"
            wrapper.unwrap()
        assert str(soup).replace("\n", "") == str(BeautifulSoup(whole[uri], "html.parser")).replace("\n", "")


def test_highlighted_code_counts(project):
    """代码不在页面的树里，而在存放 HTML 的地方。"""
    configure(project.root, search_budget=1000)
    code = "".join(f"x{n} = {n}\n" for n in range(200))
    page = project.render(f"---\ntitle: 一\n---\n\n前\n\n```python\n{code}```\n\n后\n")
    assert "x199" in page.find("not-searched").get_text()
    assert page.find("p", string="前").find_parent("not-searched") is None


def test_the_tags_of_a_list_count(project):
    """五百项，每项一个字：字占 3 500 字节，标签再占 4 500。"""
    configure(project.root, search_budget=6000)
    page = project.render("---\ntitle: 一\n---\n\n" + "- 字\n" * 500)
    assert page.ul.find_parent("not-searched")


def test_pages_that_are_no_notes_are_left_whole(project):
    configure(project.root, search_budget=0)
    assert project.render("# 页\n\n文字\n", "page.md").find(attrs={search.EXCLUDE: "true"}) is None


def test_a_new_note_is_counted(project):
    folder = project.root / "docs/posts"
    assert search.count_notes(folder) == 0
    for number in (1, 2):
        project.write(f"docs/posts/{number}.md", "")
        project.write(f"docs/posts/{number}.png", "")
        assert search.count_notes(folder) == number
