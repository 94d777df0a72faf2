"""笔记是谁的，只写知道的；一字未改，只在真的一字未改时才说。"""

import pytest

from kb.notes.embedded import LOCK, fingerprint, lock_bytes, without_embeds
from kb.notes.licences import read_licence
from tests.kb.lab import render

NOTE = "---\ntitle: 标题\n---\n\n一\n\n二\n"
EMBED = '``` {.python .embed}\n--8<-- "numbers.py:half"\n```\n\n'
WITH_CODE = NOTE.replace("二", f"{EMBED}二")
UNCHANGED, ADDED = "作者的文字一字未改", "本站在作者的段落之间加入了代码"
DEED = "https://creativecommons.org/licenses/by/4.0/deed.zh-hans"


@pytest.fixture
def page(project):
    """A note's page: its text, what the lock says of it, and what it was when that was written."""

    def page(text=NOTE, original=None, **whose):
        original = without_embeds((original or text).encode())
        project.write(LOCK, lock_bytes({"docs/posts/1.md": fingerprint(original) | whose}).decode())
        return project.render(text)

    return page


def words(page):
    foot = page.find(class_="note-foot")
    return foot.text.strip() if foot else ""


class TestWhose:
    def test_all_that_is_known(self, page):
        shown = page(author="张三", licence="CC BY 4.0", origin="https://a.example/1/?a=1&copy=2&lt;")
        assert "作者 张三" in shown.find(class_="note-facts").text
        assert words(shown) == (
            "原文作者 张三，发表于 https://a.example/1/?a=1&copy=2&lt;，以 CC BY 4.0 许可。作者的文字一字未改。"
        )
        links = [(link["href"], link.get("rel")) for link in shown.select(".note-foot a")]
        assert links == [("https://a.example/1/?a=1&copy=2&lt;", None), (DEED, ["license"])]

    @pytest.mark.parametrize(
        ("whose", "said"),
        [
            ({}, ""),
            ({"author": "张三"}, "原文作者 张三。"),
            ({"origin": "https://a.example/1/"}, "原文发表于 https://a.example/1/。"),
            ({"licence": "MIT"}, "以 MIT 许可。"),
            ({"author": "张三", "licence": "保留所有权利"}, "原文作者 张三，许可：「保留所有权利」。"),
        ],
        ids=str,
    )
    def test_what_is_not_known_is_not_shown(self, page, whose, said):
        shown = page(**whose)
        assert words(shown) == f"{said}{UNCHANGED}。"
        assert ("作者" in shown.find(class_="note-head").text) == ("author" in whose)

    def test_a_licence_cannot_leave_its_quotes(self, page):
        said = words(page(licence="无」，本站的一切以 CC BY 4.0 许可「"))
        assert said.startswith("许可：「无』，本站的一切以 CC BY 4.0 许可『」。")

    def test_a_note_that_is_not_in_the_lock(self, project):
        shown = project.render(NOTE)
        assert shown.find(class_="note-foot") is None
        assert words(project.render(WITH_CODE)) == f"{ADDED}。"

    def test_each_note_has_its_own(self, project):
        lock = {}
        for name, author in (("1", "甲"), ("2", "乙"), ("3", None)):
            project.write(f"docs/posts/{name}.md", NOTE)
            lock[f"docs/posts/{name}.md"] = fingerprint(NOTE.encode()) | ({"author": author} if author else {})
        project.write(LOCK, lock_bytes(lock).decode())
        heads = [render(project.root, f"posts/{name}.md").find(class_="note-facts").text for name in "123"]
        assert [head.strip() for head in heads] == ["作者 甲", "作者 乙", ""]

    @pytest.mark.parametrize("hostile", ["<b onclick=x>甲</b>", "&lt;i&gt; & 乙", "</p><script>alert(1)</script>"])
    def test_it_is_text(self, page, hostile):
        shown = page(author=hostile, licence=hostile)
        assert f"作者 {hostile}" in shown.find(class_="note-facts").text
        assert words(shown).startswith(f"原文作者 {hostile}，许可：「{hostile}」。")
        assert not shown.select("b, i, script")

    @pytest.mark.parametrize("origin", ["javascript:alert(1)", "C:\\笔记.md", "posts/1/"])
    def test_an_address_that_is_none_is_not_shown(self, page, origin):
        assert words(page(origin=origin)) == f"{UNCHANGED}。"


class TestUnchanged:
    def test_of_a_note_with_code(self, page):
        assert words(page(WITH_CODE)) == f"{ADDED}；{UNCHANGED}。"

    @pytest.mark.parametrize("text", [NOTE, WITH_CODE], ids=["没有代码", "有代码"])
    @pytest.mark.parametrize("change", [("一", "壹"), ("二\n", "二"), ("\n\n一", "\n\n\n一"), ("title", "tltle")])
    def test_not_where_a_byte_differs(self, page, text, change):
        assert UNCHANGED not in words(page(text.replace(*change), original=text))

    def test_of_the_file_as_it_is_now(self, page, project):
        assert UNCHANGED in words(page())
        assert UNCHANGED not in words(project.render(NOTE.replace("二", "三")))
        assert UNCHANGED in words(project.render(NOTE))


@pytest.mark.parametrize(
    ("written", "name", "deed"),
    [
        *((each, "CC BY 4.0", "licenses/by/4.0/") for each in ("CC BY 4.0", "cc-by-4.0", "CC BY v4.0", "BY 4.0")),
        ("Creative Commons Attribution 4.0 International License", "CC BY 4.0", "licenses/by/4.0/"),
        ("https://creativecommons.org/licenses/by-nc-sa/4.0/deed.zh", "CC BY-NC-SA 4.0", "licenses/by-nc-sa/4.0/"),
        ("http://creativecommons.org/licenses/by-nd/3.0", "CC BY-ND 3.0", "licenses/by-nd/3.0/"),
        ("署名-非商业性使用-相同方式共享 4.0 国际", "CC BY-NC-SA 4.0", "licenses/by-nc-sa/4.0/"),
        ("知识共享署名 4.0 国际许可协议", "CC BY 4.0", "licenses/by/4.0/"),
        ("CC0", "CC0 1.0", "publicdomain/zero/1.0/"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0 1.0", "publicdomain/zero/1.0/"),
    ],
)
def test_spellings_of_creative_commons(written, name, deed):
    assert read_licence(written) == (name, f"https://creativecommons.org/{deed}deed.zh-hans")


@pytest.mark.parametrize("written", ["MIT", "The MIT License", "mit license", "MIT 许可证"])
def test_spellings_of_mit(written):
    assert read_licence(written) == ("MIT", "https://opensource.org/license/mit")


@pytest.mark.parametrize("known", ["MIT", "CC BY 4.0", "CC0", "https://creativecommons.org/licenses/by/4.0/deed.zh"])
@pytest.mark.parametrize(
    "around",
    [
        *("非 {}", "不是 {}", "not {}", "non-{}", "!{}", "{}?", "{}，禁止商用", "{}，但禁止商用", "{}（代码除外）"),
        *("{} but private", "{}/deed but private", "{} 非商业性使用", "{} + MIT", "{} или нет", "{} ではない", "{} ❌", "un{}"),
    ],
)
def test_a_word_more_is_another_licence(known, around):
    written = around.format(known)
    assert read_licence(written) == (written, None)


@pytest.mark.parametrize("written", ["", "CC BY", "CC BY 9.0", "CC BY-SA-NC-XX 4.0", "版权所有", "not MIT", "GPL", "<b>MIT</b> x"])
def test_what_is_not_known_stays_as_written(written):
    assert read_licence(written) == (written, None)


class TestTitle:
    """标题只显示一次，作者写的那一个留着它的锚点。"""

    @pytest.mark.parametrize("heading", ["# 题", "## 题", "# 题 [√]", "#  题 ", "# **题**"])
    def test_repeated(self, project, heading):
        page = project.render(f"---\ntitle: 题\n---\n\n{heading}\n\n字 [回去](#题)\n\n## 题\n")
        first, *others = page.find_all(["h1", "h2"])
        assert (first.name, first["id"], page.find()) == ("h1", "题", first)
        assert [each.get("id") for each in others] == ["题_1"]
        assert page.find("a", string="回去")["href"] == "#题"
        assert first.find_next_sibling()["class"] == ["note-head"]

    @pytest.mark.parametrize("body", ["# 题目", "字\n\n# 题", "### 题", "<h1>题 目</h1>", "<div>字</div>", "![](https://a.example/x.png)"])
    def test_otherwise_it_stands_above(self, project, body):
        page = project.render(f"---\ntitle: 题\n---\n\n{body}\n")
        assert (page.find().name, page.find().text, page.find().get("id")) == ("h1", "题", None)
        assert page.find().find_next_sibling()["class"] == ["note-head"]
