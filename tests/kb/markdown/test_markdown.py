"""批注、标记、图片，笔记的抬头与落款。"""

import pytest

from kb.markdown.engine import BadInput
from tests.kb.lab import rendered

HEAD = """\
---
title: 标题
date: 2023-01-20 23:07:12
categories:
  - 一级
  - 二级
index_img: >-
  https://img.example/cover.png
---
"""


class TestAnnotations:
    def test_the_authors_signature_makes_an_annotation(self, project):
        page = project.render("> alec：\n>\n> - 一\n\n> alec：二\n\n> 引文，alec：不在开头\n")
        quotes = page.find_all("blockquote")
        assert [quote.get("class") for quote in quotes] == [["annotation"], ["annotation"], None]
        assert [quote.get("aria-label") for quote in quotes] == ["作者批注", "作者批注", None]
        assert [quote.p.text for quote in quotes[:2]] == ["alec：", "alec：二"]
        assert [quote.select_one(".signature").text for quote in quotes[:2]] == ["alec：", "alec："]

    def test_the_quote_around_an_annotation_is_none(self, project):
        page = project.render("> > alec：内\n>\n> 外\n")
        outer, inner = page.find_all("blockquote")
        assert (outer.get("class"), inner.get("class")) == (None, ["annotation"])

    def test_adjacent_quotes_stay_apart(self, project):
        page = project.render("> alec：一\n\n> alec：二\n\n\n> 三\n")
        assert len(page.find_all("blockquote")) == 3


class TestMarks:
    @pytest.mark.parametrize("level", [1, 2, 3, 4, 5, 6])
    def test_a_mark_is_a_named_image(self, project, level):
        page = project.render(f"{'#' * level} [√] 1.1 - 自`注意`力\n", "x.md")
        heading = page.find(f"h{level}")
        mark = heading.span
        assert (mark["role"], mark["aria-label"], mark.text) == ("img", "已完成", "√")
        assert heading.text == "√ 1.1 - 自注意力"

    def test_a_mark_may_stand_anywhere(self, project):
        page = project.render("## [√] `<b>` 与 &lt;i&gt; 与 A & B\n", "x.md")
        assert page.h2.text == "√ <b> 与 <i> 与 A & B"
        (section,) = rendered(project.root, "x.md").toc
        assert section.title == "&lt;b&gt; 与 &lt;i&gt; 与 A &amp; B"  # 目录里的标题是 HTML
        page = project.render("## `x` [√] 一\n\n## 二 [√]\n", "x.md")
        assert [heading.text for heading in page.find_all("h2")] == ["x √ 一", "二 √"]
        assert len(page.select("h2 > .mark")) == 2

    def test_anchors_do_not_depend_on_marks(self, project):
        done = project.render("## [√] 1.1 - 自注意力\n")
        undone = project.render("## 1.1 - 自注意力\n")
        assert done.h2["id"] == undone.h2["id"] == "11-自注意力"

    def test_only_headings_have_marks(self, project):
        page = project.render("正文 [√] 与\n\n- [√] 列表\n\n## 没有\n")
        assert not page.select(".mark")
        assert page.text.count("[√]") == 2


class TestPictures:
    def picture(self, project, text):
        (picture,) = project.render(text).select(".picture")
        return picture

    def test_loads_lazily_and_says_what_it_is(self, project):
        picture = self.picture(project, "![网络结构](https://img.example/1.png)\n")
        assert picture.img["src"] == "https://img.example/1.png"
        assert (picture.img["loading"], picture.img["alt"]) == ("lazy", "网络结构")
        assert picture.img["referrerpolicy"] == picture.a["referrerpolicy"] == "no-referrer"
        note = picture.select_one(".picture-note")
        assert note.text == "网络结构，来自 img.example。打开原图"
        assert note.a["href"] == "https://img.example/1.png"

    @pytest.mark.parametrize(
        "alt", ["", "在这里插入图片描述", "image-20230120231340949", "img", "1.png", "image.JPG", "图片"]
    )
    def test_an_empty_description_gives_way_to_the_section(self, project, alt):
        picture = self.picture(project, f"## [√] 1 - 一\n\n![{alt}](https://img.example/1.png)\n")
        assert picture.select_one(".picture-note").text.startswith("「1 - 一」一节的图片，来自")

    def test_without_a_section(self, project):
        picture = self.picture(project, "![](https://img.example/1.png)\n")
        assert picture.select_one(".picture-note").text.startswith("图片，来自")

    def test_keeps_the_text_around_it(self, project):
        page = project.render("前 ![a](https://img.example/1.png) 中 ![b](https://img.example/2.png) 后\n", "x.md")
        assert [image["alt"] for image in page.select("p > .picture > img")] == ["a", "b"]
        for note in page.select(".picture-note"):
            note.decompose()
        assert page.p.text.split() == ["前", "中", "后"]

    def test_alone_or_among_words(self, project):
        page = project.render("前 ![](https://a.example/1.png)\n\n- ![](https://a.example/2.png)\n", "x.md")
        assert [picture["class"] for picture in page.select(".picture")] == [["picture"], ["picture", "is-alone"]]

    def test_a_picture_in_a_heading_leaves_its_address_alone(self, project):
        page = project.render("## ![图](https://img.example/1.png) 标题\n", "x.md")
        assert page.h2["id"] == "标题"
        assert page.h2.img["loading"] == "lazy"

    def test_in_a_link_there_is_no_second_link(self, project):
        page = project.render("[![图](https://img.example/1.png)](https://x.example/)\n", "x.md")
        assert len(page.find_all("a")) == 1

    def test_local_pictures_are_left_alone(self, project):
        project.write("docs/posts/1.png", "")
        page = project.render("![图](1.png)\n")
        assert not page.select(".picture")
        assert page.img["src"] == "../1.png"


class TestFrame:
    def test_head(self, project):
        page = project.render(HEAD + "正文\n")
        head = page.find(class_="note-head")
        assert head.time.text == "2023-01-20 23:07"
        assert head.time["datetime"] == "2023-01-20 23:07"
        assert [step.text for step in head.select("nav[aria-label=分类] li")] == ["一级", "二级"]
        assert head.img["src"] == "https://img.example/cover.png"
        assert head.select_one(".picture-note").text.startswith("封面，来自 img.example。")

    def test_the_title_is_shown_beside_headings_of_the_authors(self, project):
        page = project.render("---\ntitle: 真 <标题> &amp;\n---\n# 别的\n\n# 再一个\n")
        assert [heading.text.rstrip("") for heading in page.find_all("h1")] == ["真 <标题> &amp;", "别的", "再一个"]
        assert page.find() == page.h1
        assert "id" not in page.h1.attrs  # 不进目录

    def test_what_front_matter_lacks_is_left_out(self, project):
        head = project.render("---\ntitle: x\n---\n正文\n").find(class_="note-head")
        assert (head.time, head.nav, head.img) == (None, None, None)

    def test_one_category(self, project):
        page = project.render("---\ncategories: 一级\n---\n正文\n")
        assert [step.text for step in page.select("nav[aria-label=分类] li")] == ["一级"]

    def test_a_date_without_a_time(self, project):
        assert project.render("---\ndate: 2023-01-20\n---\n正文\n").time.text == "2023-01-20"

    def test_front_matter_is_text(self, project):
        page = project.render("---\ncategories: ['a<b>&amp;']\n---\n正文\n")
        assert page.select_one("nav li").text == "a<b>&amp;"

    def test_a_note_without_text_has_a_frame(self, project):
        page = project.render("---\ntitle: 标题\n---\n")
        assert page.h1.text == "标题"
        assert page.find(class_="note-head")

    def test_pages_of_ours_have_no_frame(self, project):
        page = project.render(HEAD + "正文\n", "about.md")
        assert [tag.name for tag in page.find_all(recursive=False)] == ["p"]

    @pytest.mark.parametrize("line", ["password: x", "published: false", "draft: true"])
    def test_a_private_note_ends_the_build(self, project, line):
        with pytest.raises(BadInput, match=rf"docs/posts/1.md：.*{line.split(':')[0]}.*移出 docs/"):
            project.render(f"---\ntitle: x\n{line}\n---\n正文\n")

    def test_a_private_note_without_the_lines_of_front_matter(self, project):
        with pytest.raises(BadInput, match="password.*移出 docs/"):
            project.render("title: x\npassword: x\n\n正文\n")
