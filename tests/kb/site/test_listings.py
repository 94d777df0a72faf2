"""由笔记生成的页：上面有什么，链到哪里，笔记很多时有多大。"""

import posixpath
import random
from urllib.parse import unquote

import pytest

from kb.site.pages import write_pages
from tests.kb.lab import render

NOTE = """\
---
title: 笔记 {0}
date: 2023-0{0}-02 03:04:05
tags: [共同, 标签{0}]
categories: [一级, 二级]
---
## [√] 一节

> alec：第 {0} 篇
"""


@pytest.fixture
def listed(project):
    """A project with three notes; `page(uri)` is a page of it as MkDocs renders it."""
    project.write("docs/posts/1.md", NOTE.format(1))
    project.write("docs/posts/2.md", NOTE.format(2))
    project.write("docs/posts/3.md", "---\ntitle: 没有日期的\ncategories: 一级\n---\n## [√] 一\n\n## 二\n")
    project.write("docs/index.md", "---\nfill: home\n---\n# 首页\n\n介绍。\n")
    write_pages(project.root)
    project.page = lambda uri: render(project.root, uri)
    return project


def links(page, selector="a"):
    """Text and target of each link, without those to the page's own sections."""
    return [(a.text, unquote(a["href"])) for a in page.select(selector) if not a["href"].startswith("#")]


class TestHome:
    def test_newest_notes_as_cards(self, listed):
        page = listed.page("index.md")
        assert page.p.text == "介绍。"
        cards = page.select(".cards > .card")
        assert [card.a.text for card in cards] == ["笔记 2", "笔记 1", "没有日期的"]
        assert [card.a["href"] for card in cards] == ["posts/2/", "posts/1/", "posts/3/"]
        assert links(cards[0], ".note-tags a") == [("共同", "tags/共同/"), ("标签2", "tags/标签2/")]
        assert cards[0].time.text == "2023-02-02"
        assert cards[2].time is None
        assert [card.select_one(".progress").text for card in cards] == ["完成 1/1 节", "完成 1/1 节", "完成 1/2 节"]
        assert links(page)[-1] == ("全部 3 篇，按月归档", "archive/")

    def test_pinned_notes_come_first(self, listed):
        for number, line in ((1, "sticky: 5"), (3, "top: true")):
            path = listed.root / f"docs/posts/{number}.md"
            path.write_text(path.read_text("utf-8").replace("title:", f"{line}\ntitle:"), "utf-8")
        cards = listed.page("index.md").select(".card")
        assert [card.a.text for card in cards] == ["笔记 1", "没有日期的", "笔记 2"]
        assert [bool(card.select(".pinned")) for card in cards] == [True, True, False]

    def test_covers_may_stay_away(self, listed):
        listed.write("docs/posts/4.md", "---\ntitle: 12. 图注意力\nindex_img: https://img.example/1.png\n---\n")
        page = listed.page("index.md")
        (cover,) = page.select("img")
        assert (cover["src"], cover["alt"]) == ("https://img.example/1.png", "")
        assert (cover["loading"], cover["referrerpolicy"]) == ("lazy", "no-referrer")
        assert "onerror" not in cover.attrs  # site.js 拿走没有来的封面，留下标题的第一个字
        assert cover.parent["data-letter"] == "图"
        assert not page.select(".picture")

    def test_covers_of_ours(self, listed):
        listed.write("docs/img/图.png", "")
        listed.write("docs/posts/4.md", "---\nindex_img: /img/图.png\n---\n")
        listed.write("docs/posts/5.md", "---\nindex_img: /img/没有.png\n---\n")
        (cover,) = listed.page("index.md").select("img")
        assert unquote(cover["src"]) == "img/图.png"

    def test_few_notes_are_where_to_begin(self, listed):
        assert [heading.text for heading in listed.page("index.md").find_all("h2")] == ["从这里开始"]

    def test_of_more_notes_the_pinned_are(self, listed):
        listed.write("docs/posts/4.md", "---\ntitle: 四\ntop: true\n---\n")
        page = listed.page("index.md")
        assert [heading.text for heading in page.find_all("h2")] == ["从这里开始", "最新的笔记"]
        assert [[card.a.text for card in cards.select(".card")] for cards in page.select(".cards")] == [
            ["四"],
            ["笔记 2", "笔记 1", "没有日期的"],
        ]

    def test_many_notes_are_found_by_category_and_tag(self, listed, monkeypatch):
        assert not listed.page("index.md").select(".tags")
        monkeypatch.setattr("kb.site.listings.CARDS", 2)
        page = listed.page("index.md")
        assert [heading.text for heading in page.find_all("h2")][-2:] == ["分类", "标签"]
        categories, tags = page.select("ul.tags")
        assert links(categories) == [("一级 3 篇", "categories/一级/")]
        assert links(tags) == [("共同 2 篇", "tags/共同/"), ("标签1 1 篇", "tags/标签1/"), ("标签2 1 篇", "tags/标签2/")]
        monkeypatch.setattr("kb.site.listings.WAYS", 1)
        assert links(listed.page("index.md").select("ul.tags")[1])[1:] == [("全部 3 个", "tags/")]

    def test_it_says_what_is_proven(self, proven):
        proven.write("docs/index.md", "---\nfill: home\n---\n# 首页\n\n介绍。\n")
        assert proven.page("index.md").select_one(".proven").text.startswith("5 段代码：CPU ")

    def test_without_code_nothing_is(self, project):
        project.write("docs/index.md", "---\nfill: home\n---\n介绍。\n")
        (project.root / "snippets/numbers.py").unlink()
        assert not render(project.root, "index.md").select(".proven")

    def test_without_notes(self, project):
        project.write("docs/index.md", "---\nfill: home\n---\n介绍。\n")
        assert "这里还没有笔记。" in render(project.root, "index.md").text

    def test_missing_pages_are_a_warning(self, listed, caplog):
        (listed.root / "docs/tags/共同.md").unlink()
        listed.page("index.md")
        assert caplog.messages == ["还没有这些页：docs/tags/共同.md。运行 kb pages，把结果一起提交。"]
        assert {record.levelname for record in caplog.records} == {"WARNING"}


class TestLists:
    def test_tags_with_counts(self, listed):
        page = listed.page("tags/index.md")
        assert [item.text for item in page.select(".tags > li")] == ["共同 2 篇", "标签1 1 篇", "标签2 1 篇"]
        assert links(page)[0] == ("共同 2 篇", "共同/")

    def test_notes_of_a_tag(self, listed):
        page = listed.page("tags/共同.md")
        assert page.h1.text == "标签：共同"
        assert page.p.text == "全部标签，这里 2 篇"
        assert links(page, ".notes > li > a") == [("笔记 2", "../../posts/2/"), ("笔记 1", "../../posts/1/")]
        facts = page.select_one(".notes .note-facts")
        assert facts.text.split() == ["2023-02-02", "完成", "1/1", "节", "一级", "二级"]
        assert links(facts) == [("一级", "../../categories/一级/"), ("二级", "../../categories/一级/二级/")]

    def test_categories_are_a_tree(self, listed):
        page = listed.page("categories/index.md")
        outer = page.select_one("ul.tree")
        assert [item.a.text for item in outer.find_all("li", recursive=False)] == ["一级"]
        assert outer.li.select_one(".count").text == " 3 篇"
        assert links(outer.li.ul) == [("二级", "一级/二级/")]

    def test_a_category_has_what_is_below_it(self, listed):
        page = listed.page("categories/一级.md")
        assert links(page, ".tree a") == [("二级", "二级/")]
        assert [a.text for a in page.select(".notes > li > a")] == ["笔记 2", "笔记 1", "没有日期的"]
        page = listed.page("categories/一级/二级.md")
        assert page.p.text == "全部分类 / 一级，这里 2 篇"
        assert links(page.p) == [("全部分类", "../../"), ("一级", "../")]
        assert not page.select(".tree")

    def test_a_tree_is_as_deep_as_there_is_room(self, listed, monkeypatch):
        monkeypatch.setattr("kb.site.listings.STEPS_IN_TREE", 1)
        assert links(listed.page("categories/index.md")) == [("一级", "一级/")]

    def test_the_archive_lists_its_notes_by_month(self, listed):
        page = listed.page("archive/index.md")
        assert [heading.text for heading in page.find_all("h2")] == ["2023 年 2 月", "2023 年 1 月", "没有日期"]
        assert [heading["id"] for heading in page.find_all("h2")] == ["2023-02", "2023-01", "undated"]
        assert links(page, ".notes a") == [
            ("笔记 2", "../posts/2/"),
            ("笔记 1", "../posts/1/"),
            ("没有日期的", "../posts/3/"),
        ]
        assert [time.text for time in page.select(".notes time")] == ["02-02", "01-02"]
        assert not page.select(".year")

    def test_a_long_archive_leads_to_every_month(self, listed, monkeypatch):
        monkeypatch.setattr("kb.site.catalog.NOTES_A_PAGE", 1)
        write_pages(listed.root)
        page = listed.page("archive/index.md")
        assert [line.text for line in page.select(".year")] == ["2023 年 2 月 1 篇 1 月 1 篇", " 没有日期 1 篇"]
        assert [a["href"] for a in page.select(".year a")] == ["#2023-02", "page-2/#2023-01", "page-3/#undated"]
        assert links(listed.page("archive/page-2.md"), ".notes a") == [("笔记 1", "../../posts/1/")]

    def test_pages_that_are_left_over_say_so(self, listed):
        (listed.root / "docs/posts/2.md").unlink()
        page = listed.page("tags/标签2.md")
        assert [page.h1.text, page.p.text] == ["标签：标签2", "这里还没有笔记。"]

    @pytest.mark.parametrize("name", ["tags", "categories", "archive", "annotations"])
    def test_indexes_without_notes_say_so(self, project, name):
        write_pages(project.root)
        assert render(project.root, f"{name}/index.md").p.text == "这里还没有笔记。"

    def test_names_are_text(self, listed):
        listed.write(
            "docs/posts/4.md", "---\ntitle: <i>题&amp;\ntags: ['<b>&lt;']\ncategories: ['a*b*&']\n---\n> alec：\n"
        )
        write_pages(listed.root)
        page = listed.page("tags/b-lt.md")
        assert page.h1.text == "标签：<b>&lt;"
        assert page.select_one(".notes a").text == "<i>题&amp;"
        assert page.select_one(".note-category").text.strip() == "a*b*&"
        assert listed.page("annotations/index.md").select("h2")[-1].text == "<i>题&amp;"

    def test_long_lists_go_on_on_further_pages(self, listed, monkeypatch):
        monkeypatch.setattr("kb.site.catalog.NOTES_A_PAGE", 1)
        write_pages(listed.root)
        page = listed.page("tags/共同/page-2.md")
        assert page.h1.text == "标签：共同（第 2 页）"
        assert [a.text for a in page.select(".notes > li > a")] == ["笔记 1"]
        pager = page.select_one("nav[aria-label=分页]")
        assert links(pager) == [("1", "../")]
        assert pager.select_one("[aria-current=page]").text == "2"
        assert not listed.page("tags/标签1.md").select(".pager")


class TestAnnotations:
    def test_by_note_and_section(self, listed):
        listed.write(
            "docs/posts/1.md", NOTE.format(1) + "\n> 引文\n\n## 又一节\n\n- 项\n  > alec：**粗**\n  >\n  > > alec：内\n"
        )
        page = listed.page("annotations/index.md")
        folded = page.select("details.said")
        assert [each.summary.text.split("\n")[1:] for each in folded] == [["笔记 2", "1 条"], ["笔记 1", "2 条"]]
        assert not any(each.has_attr("open") for each in folded)
        assert [links(each)[0] for each in folded] == [("打开这一篇", "../posts/2/"), ("打开这一篇", "../posts/1/")]
        sections = page.select("[role=heading][aria-level='3']")
        assert [section.text for section in sections] == ["一节", "一节", "又一节"]
        quotes = page.select("blockquote.annotation")
        assert [quote.p.text for quote in quotes] == ["alec：第 2 篇", "alec：第 1 篇", "alec：粗", "alec：内"]
        assert quotes[2].strong.text == "粗"
        assert "引文" not in page.text

    def test_each_leads_back_to_its_place(self, listed):
        listed.write("docs/posts/1.md", NOTE.format(1) + "\n> alec：又\n>\n> > alec：内\n\n> alec：三\n")
        page = listed.page("annotations/index.md")
        back = [target for words, target in links(page) if words == "在笔记里看"]
        assert back == ["../posts/2/#alec-1", "../posts/1/#alec-1", "../posts/1/#alec-2", "../posts/1/#alec-4"]
        note = listed.page("posts/1.md")
        for number, text in ((1, "第 1 篇"), (2, "又"), (4, "三")):
            assert note.find(id=f"alec-{number}").p.text == f"alec：{text}"

    def test_links_mean_what_they_mean_in_the_note(self, listed, caplog):
        listed.write("docs/posts/图.png", "")
        listed.write(
            "docs/posts/1.md",
            "> alec：[一](/posts/2/) [二](#节) [三][名] [四](没有.md) ![图](图.png) ![图](C:\\图.png)\n\n## 节\n\n[名]: 3.md\n",
        )
        page = listed.page("annotations/index.md")
        quote = page.select("blockquote")[-1]
        assert links(quote) == [("一", "../posts/2/"), ("二", "../posts/1/#节"), ("三", "../posts/3/")]
        assert quote.select_one("span.leads-nowhere").text == "四"
        assert [image["src"] for image in quote.select("img")] == ["../posts/%E5%9B%BE.png"]
        assert quote.select_one(".picture.is-missing")
        assert caplog.messages == []

    def test_code_is_the_authors(self, listed):
        listed.write("docs/posts/1.md", "> alec：\n>\n> ```python\n> x = 1\n> ```\n")
        assert listed.page("annotations/index.md").select_one("blockquote .author-code-label")

    def test_pages_are_split_by_content(self, listed, monkeypatch):
        monkeypatch.setattr("kb.site.catalog.BYTES_A_PAGE", 1)
        write_pages(listed.root)
        (folded,) = listed.page("annotations/page-2.md").select("details.said")
        assert (folded.h2.text, folded.has_attr("open")) == ("笔记 1", True)  # 只有一篇，就打开着


class TestNotes:
    def test_tags_and_category_lead_to_their_pages(self, listed):
        head = listed.page("posts/1.md").select_one(".note-head")
        assert links(head, ".note-tags a") == [("共同", "../../tags/共同/"), ("标签1", "../../tags/标签1/")]
        assert links(head, ".note-category a") == [
            ("一级", "../../categories/一级/"),
            ("二级", "../../categories/一级/二级/"),
        ]

    def test_before_their_pages_are_made_they_are_words(self, listed):
        listed.write("docs/posts/4.md", "---\ntags: 新的\n---\n")
        head = listed.page("posts/4.md").select_one(".note-head")
        assert (head.select_one(".note-tags").text.strip(), head.a) == ("新的", None)

    def test_neighbours(self, listed):
        note = listed.page("posts/1.md").select_one(".note-neighbours")
        assert [(a["rel"], a.text, a["href"]) for a in note.select("a")] == [(["next"], "笔记 2", "../2/")]
        assert note.text.strip() == "下一篇：笔记 2"
        assert listed.page("posts/3.md").select_one(".note-neighbours") is None


def test_no_page_is_heavy_with_hundreds_of_notes(project):
    """每篇 3 个标签，一个是大家都有的；5 条 300 字的批注。没有一页超过 300 kB。"""
    source = random.Random(0)
    words = lambda length: "".join(chr(source.randrange(0x4E00, 0x9FA5)) for _ in range(length))  # noqa: E731
    for number in range(400):
        said = "\n".join(f"## {words(10)}\n\n> alec：{words(300)}\n" for _ in range(5))
        project.write(
            f"docs/posts/{number}.md",
            f"---\ntitle: {words(30)}\ndate: 2023-01-02\ntags: [共同, {words(8)}, {words(8)}]\n"
            f"categories: [{words(8)}, {words(8)}, {words(8)}]\n---\n{said}",
        )
    write_pages(project.root)
    heavy = ["tags/index.md", "tags/page-2.md", "tags/共同.md", "tags/共同/page-4.md", "categories/index.md"]
    heavy += ["archive/index.md", "archive/page-4.md", "annotations/index.md", "annotations/page-2.md", "annotations/page-3.md"]
    for uri in heavy:
        page = render(project.root, uri)
        assert page.find("li") or page.find("blockquote")
        assert len(str(page).encode()) < 270_000, uri  # 主题自己还有不到 30 kB
    assert posixpath.exists(project.root / "docs/tags/page-2.md")
