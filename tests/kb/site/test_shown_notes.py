"""在一篇里展示另一篇，或者它的一节、一段：样子与那里相同，不绕圈，不太深，不太长；提到一篇的，那一篇列出来。"""

import pytest

from kb.evidence.store import PROVE
from kb.site import shown_notes
from tests.kb.lab import render

OTHER = """---
title: 另一篇
---

开头 [自己](#乙)。

## 甲 [√]

一段 ![](x.png)。 ^def-1

- 项一
- 项二 ^item

### 甲一

[x](3.md)

> alec：批注

## 乙

乙的话[^1]。

[^1]: 脚注

```python
x = 1
```
"""


@pytest.fixture
def show(project):
    project.write("docs/posts/2.md", OTHER)
    (project.root / "docs/posts/2").mkdir()
    (project.root / "docs/posts/2/x.png").write_bytes(b"\x89PNG")
    project.write("docs/posts/3.md", "---\ntitle: 三\n---\n\n三的话\n")

    def run(text):
        page = project.render(f"---\ntitle: 本篇\n---\n\n## 这里\n\n{text}\n")
        return page, page.select(".shown-note")

    return run


def test_all_of_it(show):
    page, (shown,) = show("前\n\n![[另一篇]]\n\n后")
    assert shown.select_one(".shown-title a")["href"] == "../2/" and shown["aria-label"] == "另一篇"
    assert [each.text.strip() for each in shown.select("[role=heading]")] == ["甲", "甲一", "乙"]
    assert shown.img["src"] == "../2/x.png"
    assert shown.find("a", string="自己")["href"] == "../2/#乙" and shown.find("a", string="x")["href"] == "../3/"
    assert "未验证" in shown.text and "脚注" in shown.text
    assert shown.select_one(".annotation .signature") and not shown.select("[id]")
    assert [each.text for each in page.find_all("h2")] == ["这里"]


@pytest.mark.parametrize(
    ("section", "first", "last"),
    [
        ("#乙", "乙", "x = 1"),
        ("#甲", "甲", "批注"),
        ("#甲#甲一", "甲一", "批注"),
        ("#^def-1", "一段", "一段"),
        ("#^item", "项二", "项二"),
    ],
)
def test_a_part(show, section, first, last):
    _, (shown,) = show(f"![[另一篇{section}]]")
    shown.select_one(".shown-title").decompose()
    for label in shown.select(".author-code-label, .footnote"):
        label.decompose()
    text = shown.text.strip()
    assert text.startswith(first) and last in text.splitlines()[-1]
    assert ("乙的话" in text) == (section == "#乙")


@pytest.mark.parametrize("text", ["![[另一篇#没有]]", "![[另一篇#^没有]]", "字 ![[另一篇]]", "![[另一篇]] 字", "- ![[另一篇]]\n  字"])
def test_what_is_a_link(show, text):
    page, shown = show(text)
    assert shown == [] and page.find("a", href=lambda href: href and href.startswith("../2/"))


def test_one_that_is_not_there(show):
    page, shown = show("![[没有这篇]]")
    assert shown == [] and page.select_one(".leads-nowhere").text == "![[没有这篇]]"


def test_no_circle(project):
    project.write("docs/posts/2.md", "---\ntitle: 二\n---\n\n二的话\n\n![[一]]\n\n![[二]]\n")
    page = project.render("---\ntitle: 一\n---\n\n一的话\n\n![[二]]\n\n![[一]]\n")
    assert [each["aria-label"] for each in page.select(".shown-note")] == ["二"]
    assert page.text.count("一的话") == 1 and len(page.find_all("a", string="一")) >= 2


def test_itself_in_part(project):
    page = project.render("---\ntitle: 一\n---\n\n![[#节]]\n\n## 节\n\n话\n")
    assert page.select(".shown-note") == [] and page.find("a", string="节")["href"] == "#节"


def test_three_deep(project):
    for number in range(2, 8):
        project.write(f"docs/posts/{number}.md", f"---\ntitle: 第{number}\n---\n\n话{number}\n\n![[第{number + 1}]]\n")
    page = project.render("---\ntitle: 一\n---\n\n![[第2]]\n")
    assert [each["aria-label"] for each in page.select(".shown-note")] == ["第2", "第3", "第4"]
    assert page.find("a", string="第5")["href"] == "../5/"


def test_so_much_on_a_page(show, monkeypatch):
    size = sum(len(line.encode()) for line in ["三的话"])
    monkeypatch.setattr(shown_notes, "MOST", 2 * size)
    _, shown = show("![[三]]\n\n![[三]]\n\n![[三]]")
    assert len(shown) == 2


def test_an_embed_is_judged_where_it_stands(proven):
    proven.write("docs/posts/2.md", (proven.root / "docs/posts/1.md").read_text("utf-8").replace("title: ", "title: 副本", 1))
    proven.write("docs/posts/3.md", "---\ntitle: 三\n---\n\n![[副本笔记]]\n")
    name = "docs/posts/3.md"

    def badges():
        return [each.text for each in render(proven.root, "posts/3.md").select(".shown-note figure.embed .evidence > summary")]

    before = badges()
    assert before and all("已验证" in each for each in before), name
    snippet = proven.root / "snippets/numbers.py"
    snippet.write_text(snippet.read_text("utf-8").replace("return", "return  "), "utf-8")
    assert any("已过期" in each for each in badges()), PROVE


class TestMentions:
    @pytest.mark.parametrize(
        "link",
        ["[[另一篇]]", "[[另一篇#甲|别名]]", "![[另一篇]]", "[x](2.md)", "[x](/posts/2/)", "[x][r]\n\n[r]: ../2/", '<a href="2.md">x</a>'],
    )
    def test_who_leads_here(self, project, link):
        project.write("docs/posts/3.md", f"---\ntitle: 三\n---\n\n{link}\n")
        page = project.render(OTHER, "posts/2.md")
        assert [(each.text, each["href"]) for each in page.select(".note-mentions a")] == [("三", "../3/")]

    @pytest.mark.parametrize("link", ["`[[另一篇]]`", "![](2/x.png)", "https://a.example/2.md", "[x](#甲)", "[[没有]]", "```\n[[另一篇]]\n```"])
    def test_who_does_not(self, project, link):
        project.write("docs/posts/3.md", f"---\ntitle: 三\n---\n\n{link}\n")
        assert not project.render(f"{OTHER}\n[[另一篇]]\n", "posts/2.md").select(".note-mentions")

    def test_many_fold(self, project):
        for number in range(10, 30):
            project.write(f"docs/posts/{number}.md", f"---\ntitle: 第{number}\n---\n\n[[另一篇]]\n")
        mentions = project.render(OTHER, "posts/2.md").select_one(".note-mentions")
        assert len(mentions.select("a")) == 20 and mentions.summary.text == "还有 8 篇"
