"""kb pages：工具的页各有一个文件；不再要的删去，别人的不动。"""

import pytest
import yaml

from kb.markdown.engine import BadInput
from kb.site.catalog import NOTES_A_PAGE, chunks, read_catalog
from kb.site.pages import missing_pages, write_pages

NOTE = "---\ntitle: 笔记 {0}\ndate: 2023-0{0}-01\ntags: [共同, 标签{0}]\ncategories: [一级, 二级]\n---\n正文\n"
INDEXES = {f"{folder}/index.md" for folder in ("annotations", "archive", "categories", "tags")}
OTHERS = {"code/index.md", "verification.md", "markdown.md", "snippets/numbers.md", "verification/numbers.md"}
"""每个知识库都有的，和那个文件的。"""


def pages(project):
    """Path below docs/ → front matter, of all pages that aren't notes."""
    found = {}
    for path in (project.root / "docs").rglob("*.md"):
        uri = path.relative_to(project.root / "docs").as_posix()
        if not uri.startswith("posts/") and uri not in OTHERS:
            found[uri] = yaml.safe_load(path.read_text("utf-8").split("---\n")[1])
    return found


@pytest.fixture
def written(project):
    for number in (1, 2):
        project.write(f"docs/posts/{number}.md", NOTE.format(number))
    project.done = write_pages(project.root)
    return project


def test_a_page_for_each_tag_and_category(written):
    assert written.done == ["页面文件：写了 14 页，删了 0 页，共 14 页。"]
    expected = {"tags/共同.md", "tags/标签1.md", "tags/标签2.md", "categories/一级.md", "categories/一级/二级.md"}
    assert pages(written).keys() == INDEXES | expected
    assert pages(written)["categories/一级/二级.md"] == {
        "title": "分类：一级 / 二级",
        "fill": "category",
        "of": ["一级", "二级"],
        "hide": ["navigation", "toc"],
        "search": {"exclude": True},
    }
    assert missing_pages(written.root) == []


def test_writing_again_changes_nothing(written):
    assert write_pages(written.root) == ["页面文件：写了 0 页，删了 0 页，共 14 页。"]


def test_a_page_is_written_whole_or_not_at_all(written, monkeypatch):
    """写了一半的，下一次会当作别人的文件。"""
    for path in (written.root / "docs/tags").rglob("*.md"):
        path.unlink()

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("kb.notes.files.os.fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            write_pages(written.root)
    assert not list((written.root / "docs/tags").rglob("*.md"))
    write_pages(written.root)
    assert missing_pages(written.root) == []


def test_what_zensical_keeps_of_older_notes_is_gone(written):
    kept = written.write(".cache/page", "旧的")
    write_pages(written.root)
    assert not kept.exists()


def test_pages_without_notes_go(written):
    (written.root / "docs/posts/2.md").unlink()
    assert write_pages(written.root) == ["页面文件：写了 0 页，删了 1 页，共 13 页。"]
    (written.root / "docs/posts/1.md").unlink()
    assert write_pages(written.root) == ["页面文件：写了 0 页，删了 4 页，共 9 页。"]
    assert pages(written).keys() == INDEXES
    assert not (written.root / "docs/categories/一级").exists()


def test_says_what_is_missing(written):
    written.write("docs/posts/3.md", "---\ntags: [甲, 乙, 丙, 丁]\ndate: 2023-01-02\n---\n")
    (written.root / "docs/posts/2.md").unlink()
    written.write(
        "docs/tags/共同.md", (written.root / "docs/tags/共同.md").read_text("utf-8").replace("fill: tag", "fill: x")
    )
    remedy = "运行 kb pages，把结果一起提交。"
    assert missing_pages(written.root) == [
        f"还没有这些页：docs/tags/甲.md、docs/tags/乙.md、docs/tags/丙.md 等 4 页。{remedy}",
        f"这些页的开头不对：docs/tags/共同.md。{remedy}",
        f"这些页不再有内容：docs/tags/标签2.md。{remedy}",
    ]
    write_pages(written.root)
    assert missing_pages(written.root) == []


@pytest.mark.parametrize("text", ["# 我的页\n", "---\ntitle: x\nfill: tag\n---\n\n正文\n", ""])
def test_a_file_of_somebody_elses_is_not_touched(project, text):
    project.write("docs/posts/1.md", NOTE.format(1))
    path = project.write("docs/tags/共同.md", text)
    project.write("docs/tags/多出来.md", text)
    with pytest.raises(BadInput, match=r"^docs/tags/共同.md：.*把它移到别处或改名"):
        write_pages(project.root)
    assert path.read_text("utf-8") == text
    assert pages_are(project, {"tags/共同.md", "tags/多出来.md"})
    path.unlink()
    write_pages(project.root)
    assert (project.root / "docs/tags/多出来.md").read_text("utf-8") == text


def pages_are(project, uris):
    return {
        path.relative_to(project.root / "docs").as_posix() for path in (project.root / "docs/tags").rglob("*.md")
    } == uris


class TestCode:
    def test_a_page_for_each_file(self, written):
        written.write("snippets/deep/b.py", "x = 1\n")
        written.write("tests/snippets/test_numbers.py", '"""测试。"""\n')
        written.write("tests/snippets/__init__.py", "")
        missing = "docs/snippets/deep-b.md、docs/verification/deep-b.md、docs/tests/test_numbers.md"
        assert missing_pages(written.root) == [f"还没有这些页：{missing}。运行 kb pages，把结果一起提交。"]
        write_pages(written.root)
        page = (written.root / "docs/snippets/deep-b.md").read_text("utf-8")
        assert yaml.safe_load(page.split("---\n")[1]) == {
            "title": "deep/b.py",
            "fill": "file",
            "of": "deep/b.py",
            "hide": ["navigation", "toc"],
            "search": {"boost": 0.0001},
        }
        page = (written.root / "docs/verification/deep-b.md").read_text("utf-8")
        assert yaml.safe_load(page.split("---\n")[1]) == {
            "title": "证据：deep/b.py",
            "fill": "report",
            "of": "deep/b.py",
            "hide": ["navigation"],
            "search": {"exclude": True},
        }
        page = (written.root / "docs/tests/test_numbers.md").read_text("utf-8")
        assert yaml.safe_load(page.split("---\n")[1])["search"] == {"exclude": True}
        assert missing_pages(written.root) == []
        (written.root / "snippets/deep/b.py").unlink()
        gone = "docs/snippets/deep-b.md、docs/verification/deep-b.md"
        assert missing_pages(written.root) == [f"这些页不再有内容：{gone}。运行 kb pages，把结果一起提交。"]
        write_pages(written.root)
        assert not (written.root / "docs/snippets/deep-b.md").exists()

    @pytest.mark.parametrize("uri", sorted(OTHERS))
    def test_a_page_of_the_base_s_own_stays(self, written, uri):
        own = written.write(f"docs/{uri}", "---\ntitle: 自己的\n---\n\n自己写的\n")
        write_pages(written.root)
        assert "自己写的" in own.read_text("utf-8")
        assert missing_pages(written.root) == []

    def test_two_files_of_one_page(self, written):
        written.write("snippets/a/b.py", "")
        written.write("snippets/a-b.py", "")
        with pytest.raises(BadInput, match=r"snippets/a/b\.py 和 snippets/a-b\.py 会显示在同一页 docs/snippets/a-b\.md"):
            write_pages(written.root)

    def test_words_of_an_earlier_version(self, written):
        path = written.root / "docs/tags/共同.md"
        old = path.read_text("utf-8").replace("生成站点时写上", "生成站点时从笔记来")
        path.write_text(old, "utf-8")
        write_pages(written.root)
        assert path.read_text("utf-8") != old


def test_a_windows_checkout_is_the_same(written):
    for path in (written.root / "docs/tags").rglob("*.md"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert missing_pages(written.root) == []


def test_a_tag_in_other_letters(written):
    written.write("docs/posts/1.md", NOTE.format(1).replace("标签1", "Tag"))
    write_pages(written.root)
    written.write("docs/posts/1.md", NOTE.format(1).replace("标签1", "TAG"))
    write_pages(written.root)
    assert pages(written)["tags/TAG.md"]["title"] == "标签：TAG"
    assert missing_pages(written.root) == []


def test_names_that_look_like_further_pages(project):
    project.write("docs/posts/1.md", "---\ntags: [page-2, index]\ncategories: [甲, page-2]\n---\n")
    for number in range(2, NOTES_A_PAGE + 3):
        project.write(f"docs/posts/{number}.md", "---\ntags: [甲]\ncategories: 甲\n---\n")
    listings = read_catalog(project.root).listings
    assert [listing.uri for listing in listings.values() if listing.of == "甲"] == ["tags/甲.md", "tags/甲/page-2.md"]
    assert len(set(map(str.lower, listings))) == len(listings)
    assert sum(len(listing.items) for listing in listings.values() if listing.of == ("甲",)) == NOTES_A_PAGE + 2


def test_chunks():
    assert chunks([], 3) == [()]
    assert chunks([1, 2, 3, 4], 3) == [(1, 2, 3), (4,)]
    assert chunks([9, 1, 2, 1, 9], 3, lambda size: size) == [(9,), (1, 2), (1,), (9,)]


def test_neighbours_are_of_the_same_category(project):
    for number, category in ((1, "甲"), (2, "乙"), (3, "甲"), (4, "甲")):
        project.write(f"docs/posts/{number}.md", f"---\ndate: 2023-01-0{number}\ncategories: {category}\n---\n")
    near = read_catalog(project.root).neighbours
    named = {uri: [note and note.path.stem for note in notes] for uri, notes in near.items()}
    assert named == {
        "posts/1.md": [None, "3"],
        "posts/2.md": [None, None],
        "posts/3.md": ["1", "4"],
        "posts/4.md": ["3", None],
    }
