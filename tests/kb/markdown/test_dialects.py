"""Typora、Obsidian、GitHub 加的写法：脚注、高亮、上标、提示框；不是它们的，一个字也不变。"""

import pytest


def paragraphs(page):
    return [each.decode_contents() for each in page.find_all("p", class_=False)]


class TestFootnotes:
    def test_lead_there_and_back(self, project):
        page = project.render("正文[^1]，又[^1]，还有[^长]。\n\n[^1]: 一 **粗**\n[^长]: 二\n\n    第二段\n")
        references = page.select("sup > a.footnote-ref")
        assert [(each.text, each["href"]) for each in references] == [("1", "#fn:1"), ("1", "#fn:1"), ("2", "#fn:2")]
        first, second = page.select(".footnote > ol > li")
        assert (first["id"], second["id"]) == ("fn:1", "fn:2")
        assert first.strong.text == "粗" and [p.text.split()[0] for p in second.find_all("p")] == ["二", "第二段"]
        for back in page.select("a.footnote-backref"):
            assert page.find(id=back["href"][1:]).name == "sup"

    def test_stand_after_everything(self, project):
        page = project.render("[^a]\n\n[^a]: 注\n\n最后一段\n")
        assert page.find("p", string="最后一段").find_next(class_="footnote")

    def test_no_word_is_lost(self, project):
        page = project.render("正文[^没有]\n\n[^没人用]: 作者的字\n")
        assert "正文[^没有]" in page.text
        assert page.select_one(".footnote li").text.strip() == "作者的字"
        assert not page.select("a.footnote-backref")

    @pytest.mark.parametrize("text", ["`[^1]`", "```\n[^1]: x\n```", "\\[^1]", "[^ 1]: x", "[^]: x"])
    def test_what_is_none(self, project, text):
        assert not project.render(f"{text}\n").select(".footnote, .footnote-ref")

    def test_with_code_and_formulas(self, project):
        page = project.render("a[^1]\n\n[^1]: $x^2$\n\n    ```python\n    x = 1\n    ```\n")
        note = page.select_one(".footnote li")
        assert note.math and "x = 1" in note.pre.text and "未验证" in note.text


class TestMark:
    @pytest.mark.parametrize(
        ("text", "html"),
        [
            ("这里==高亮==一下", "这里<mark>高亮</mark>一下"),
            ("==**粗**的==", "<mark><strong>粗</strong>的</mark>"),
            ("==a=b==", "<mark>a=b</mark>"),
            ("（==甲==、==乙==）", "（<mark>甲</mark>、<mark>乙</mark>）"),
            ("a==b or c==d", "a==b or c==d"),
            ("a == b == c", "a == b == c"),
            ("a==b 字==", "a==b 字=="),
            ("==字 a==b", "==字 a==b"),
            ("== 空 ==", "== 空 =="),
            ("===", "==="),
            ("x===y===z", "x===y===z"),
            (r"\==字==", "==字=="),
            ("`==字==`", "<code>==字==</code>"),
        ],
    )
    def test_where(self, project, text, html):
        assert paragraphs(project.render(f"{text}\n"))[0] == html


class TestSuperscript:
    @pytest.mark.parametrize(
        ("text", "html"),
        [
            ("m^2^", "m<sup>2</sup>"),
            ("10^-3^ 与 1^st^", "10<sup>-3</sup> 与 1<sup>st</sup>"),
            ("a^b、c^d", "a^b、c^d"),
            ("2^10 和 2^20", "2^10 和 2^20"),
            ("x ^2^", "x ^2^"),
            ("`m^2^`", "<code>m^2^</code>"),
            (r"m\^2^", "m^2^"),
        ],
    )
    def test_where(self, project, text, html):
        assert paragraphs(project.render(f"{text}\n"))[0] == html


class TestCallouts:
    @pytest.mark.parametrize(
        ("head", "tag", "kind", "title"),
        [
            ("[!note]", "div", "note", "注"),
            ("[!NOTE]", "div", "note", "注"),
            ("[!IMPORTANT]", "div", "tip", "重要"),
            ("[!CAUTION]", "div", "danger", "当心"),
            ("[!tldr] 一句话", "div", "abstract", "一句话"),
            ("[!warning]- 折起来", "details", "warning", "折起来"),
            ("[!tip]+", "details", "tip", "提示"),
            ("[!custom|wide] 别的", "div", "note", "别的"),
            ("[!faq] <b> & **x**", "div", "question", "<b> & **x**"),
        ],
    )
    def test_boxes(self, project, head, tag, kind, title):
        page = project.render(f"> {head}\n> 内容\n")
        box = page.select_one(".callout")
        assert (box.name, box["class"][-1]) == (tag, kind)
        assert box.find(["summary", "p"]).text == title
        assert [p.text for p in box.find_all("p", class_=False)] == ["内容"]
        assert box.has_attr("open") == head.endswith("+")

    def test_hold_anything(self, project):
        page = project.render("> [!note] 题\n>\n> - 甲\n>\n> > [!bug]\n> > 乙\n>\n> ```\n> x\n> ```\n")
        outer, inner = page.select(".callout")
        assert inner in outer.descendants and outer.li.text.strip() == "甲" and "x" in outer.pre.text

    def test_a_title_alone(self, project):
        box = project.render("> [!note] 只有标题\n").select_one(".callout")
        assert box.text.strip() == "只有标题" and len(box.find_all("p")) == 1

    @pytest.mark.parametrize("text", ["> [!] x", "> [!自定] x", "> 前 [!note]", "> [note] x", "[!note] x", "> [x](y)\n"])
    def test_what_is_none(self, project, text):
        page = project.render(f"{text}\n")
        assert not page.select(".callout")
        assert "note" in page.text or "!" in page.text or "x" in page.text

    def test_an_annotation_is_none(self, project):
        assert not project.render("> alec：一\n").select(".callout")


class TestEmoji:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("你好 :smile: 和:rocket:。", "你好 😄 和🚀。"),
            (":+1::heart:", "👍❤️"),
            (":basketball_man:", "⛹️‍♂️"),
            ("10:100:30", "10:100:30"),
            (":100:", ":100:"),
            ("a:smile:b", "a:smile:b"),
            (":no_such_name:", ":no_such_name:"),
            ("std::cout::x:", "std::cout::x:"),
            (r"\:smile:", ":smile:"),
        ],
    )
    def test_where(self, project, text, shown):
        assert project.render(f"{text}\n").text.strip().replace("\ufe0f", "") == shown.replace("\ufe0f", "")

    def test_code_is_code(self, project):
        assert project.render("`:smile:`\n").code.text == ":smile:"


class TestSizes:
    @pytest.mark.parametrize(
        ("text", "size"),
        [
            ("![图](https://x.example/a.png =300x200)", ("图", "300", "200")),
            ("![图](https://x.example/a.png =300x)", ("图", "300", None)),
            ("![图](https://x.example/a.png =x200)", ("图", None, "200")),
            ("![图|300](https://x.example/a.png)", ("图", "300", None)),
            ("![图|300x200](https://x.example/a.png)", ("图", "300", "200")),
            ("![|300](https://x.example/a.png)", ("", "300", None)),
            ("![a|b](https://x.example/a.png)", ("a|b", None, None)),
            ('![图|300](https://x.example/a.png "题")', ("图", "300", None)),
        ],
    )
    def test_where(self, project, text, size):
        img = project.render(f"{text}\n").img
        assert (img["alt"], img.get("width"), img.get("height")) == size
        assert img["src"] == "https://x.example/a.png"

    @pytest.mark.parametrize("text", ["![图](a.png =x)", "![图](a b.png =3x2)", "![图](javascript:x =3x2)", "`![图](a.png =3x2)`"])
    def test_what_is_none(self, project, text):
        assert not project.render(f"{text}\n").img
