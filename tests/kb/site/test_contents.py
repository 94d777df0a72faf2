"""一页的目录，手机上一点就打开。"""

import pytest


def listed(page, uri="x.md"):
    def below(ol):
        return [(li.a.text, li.a["href"], *([below(li.ol)] if li.ol else [])) for li in ol.find_all("li", recursive=False)]

    (details,) = page.select("details.contents")
    return below(details.ol)


def test_all_headings_as_they_are_nested(project):
    page = project.render("## 一\n\n### 一之一 `a<b` & c\n\n## 二\n", "x.md")
    assert listed(page) == [("一", "#一", [("一之一 a<b & c", "#一之一-ab-c")]), ("二", "#二")]


def test_the_title_is_not_among_them(project):
    assert listed(project.render("# 题\n\n## 一\n\n## 二\n\n## 三\n", "x.md")) == [("一", "#一"), ("二", "#二"), ("三", "#三")]


def test_marks_are_not_read(project):
    page = project.render("---\ntitle: 题\n---\n\n## [√] 一\n\n## 二\n\n## 三\n")
    assert [name for name, _ in listed(page)] == ["一", "二", "三"]


@pytest.mark.parametrize("text", ["## 一\n\n## 二\n", "---\nhide: [toc]\n---\n\n## 一\n\n## 二\n\n## 三\n", "文字\n"])
def test_where_there_is_none(project, text):
    assert project.render(text, "x.md").select("details.contents") == []


def test_it_stands_under_the_title_and_out_of_search(project):
    page = project.render("---\ntitle: 题\n---\n\n## 一\n\n## 二\n\n## 三\n")
    assert page.h1.find_next_sibling() == page.select_one("details.contents[data-search-exclude]")
