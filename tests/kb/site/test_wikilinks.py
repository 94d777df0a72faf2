"""用名字指到别的笔记：标题、原来的文件名、别名都认；没有的是文字，说出来。"""

import pytest

from kb.notes.embedded import LOCK, fingerprint, lock_bytes


@pytest.fixture
def shown(project):
    """一段话里的链接：(文字, 地址)，没有地址的是 None。"""
    project.write("docs/posts/2.md", "---\ntitle: 滑动 平均\naliases: [MA, 移动平均]\n---\n\n## 定 义\n")
    project.write("docs/posts/3.md", "---\ntitle: 注意力\n---\n\n正文\n")
    entry = fingerprint(b"x") | {"source": "笔记/2024-一.md"}
    project.write(LOCK, lock_bytes({"docs/posts/3.md": entry}).decode())

    def show(text):
        page = project.render(f"---\ntitle: 本篇\n---\n\n## 这 里\n\n{text}\n")
        words = page.h2.find_next("p")
        links = words.select("a, .leads-nowhere")
        return [(each.text, each.get("href")) for each in links], words.text

    return show


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("[[滑动 平均]]", ("滑动 平均", "../2/")),
        ("[[滑动  平均]]", ("滑动  平均", "../2/")),
        ("见[[ma]]。", ("ma", "../2/")),
        ("[[移动平均|别名]]", ("别名", "../2/")),
        ("[[滑动 平均#定 义|定义]]", ("定义", "../2/#定-义")),
        ("[[滑动 平均#定 义]]", ("滑动 平均 › 定 义", "../2/#定-义")),
        ("[[2024-一]]", ("2024-一", "../3/")),
        ("[[笔记/2024-一.md]]", ("笔记/2024-一.md", "../3/")),
        ("[看](2024-一.md)", ("看", "../3/")),
        ("[看](../别处/2024-%E4%B8%80.md#x)", ("看", "../3/#x")),
        ("[[#这 里]]", ("这 里", "#这-里")),
        ("[[没有这篇]]", ("[[没有这篇]]", None)),
        ("[[没有这篇#节|别名]]", ("[[没有这篇#节|别名]]", None)),
        ("[看](没有这篇.md)", ("看", None)),
    ],
)
def test_where_it_leads(shown, text, link):
    links, _ = shown(text)
    (found,) = links
    assert found[0] == link[0]
    assert (found[1] or "") == (link[1] or "")


@pytest.mark.parametrize("text", ["[[1, 2], [3, 4]]", "[[0]]", "`[[注意力]]`", r"\[\[注意力]]", "[[ 注意力]]", "[[]]", "[[1, 2]]"])
def test_what_is_none(shown, text):
    links, words = shown(text)
    assert links == []
    assert words == text.replace("`", "").replace("\\", "")


def test_in_a_table(shown, project):
    page = project.render("---\ntitle: x\n---\n\n| 甲 | 乙 |\n|---|---|\n| [[注意力\\|看]] | 二 |\n")
    assert [cell.text for cell in page.select("td")] == ["看", "二"]
    assert page.td.a["href"].endswith("3/")


def test_a_private_note_is_nobody(shown, project):
    """私密的笔记使构建停下；不在这里的，名字也不会出现。"""
    links, words = shown("[[日记]]")
    assert links == [("[[日记]]", None)] and words == "[[日记]]"
