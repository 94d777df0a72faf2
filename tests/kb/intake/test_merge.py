"""新版本接过旧版本的嵌入块：每一块跟着它后面的那一段走，说不准的就拒绝。"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.intake.merge import keep_embeds
from kb.markdown.engine import BadInput
from kb.notes.embedded import Embed, embed_bytes, fingerprint, is_original, list_embeds, without_embeds

NAMES = ("docs/posts/1.md", "new.md")
HEAD = "---\ntitle: x\n---\n\n"
EMBED = '``` {.python .embed}\n--8<-- "a.py:one"\n```\n\n'
OTHER = EMBED.replace("one", "two")
FIGURE = '``` {.figure .embed}\n--8<-- "cpu.json:time"\n```\n\n'


def keep(old, new):
    """`old` with embeds and `new`, as text without front matter, to what is to be written."""
    old, new = (HEAD + old).encode(), (HEAD + new).encode()
    merged = keep_embeds(old, fingerprint(original(old)), new, NAMES)
    assert is_original(merged, fingerprint(new))
    return merged.decode().removeprefix(HEAD)


def original(note):
    return without_embeds(note)


def refused(old, new):
    with pytest.raises(BadInput) as error:
        keep(old, new)
    return str(error.value)


class TestFollows:
    @pytest.mark.parametrize(
        ("old", "new", "merged"),
        [
            (f"一\n\n{EMBED}二\n", "零\n\n一\n\n二改了\n", f"零\n\n一\n\n{EMBED}二改了\n"),
            (f"一\n\n{EMBED}{OTHER}二\n", "一\n\n新\n", f"一\n\n{EMBED}{OTHER}新\n"),
            (f"一\n\n{EMBED}{FIGURE}二\n", "一\n\n新\n", f"一\n\n{EMBED}{FIGURE}新\n"),
            (f"一\n\n{EMBED}二\n\n{OTHER}三\n", "二\n\n一\n\n三\n", f"二\n\n{OTHER}一\n\n{EMBED}三\n"),
            (f"{EMBED}一\n", "零\n", f"{EMBED}零\n"),
            (f"一\n\n{EMBED}", "一\n\n二\n", f"一\n\n{EMBED}二\n"),
            (f"一\n\n\n{EMBED}\n二\n", "一\n\n\n\n新\n", f"一\n\n\n{EMBED}\n新\n"),
            (f"一\n\n\n{EMBED}二\n", "一\n\n二\n", f"一\n\n{EMBED}二\n"),
            (f"- a\n\n- b\n\n{EMBED}二\n", "零\n\n- a\n\n- b\n\n二\n", f"零\n\n- a\n\n- b\n\n{EMBED}二\n"),
            (f"```\n\na\n\n```\n\n{EMBED}二\n", "```\n\na\n\n```\n\n三\n", f"```\n\na\n\n```\n\n{EMBED}三\n"),
            (f"[a]: https://x.y\n\n{EMBED}二\n", "[a]: https://x.y\n\n三\n", f"[a]: https://x.y\n\n{EMBED}三\n"),
            (f"零\n\n[a]: u\n\n{EMBED}二\n", "零\n\n新\n\n[a]: u\n\n二\n", f"零\n\n新\n\n[a]: u\n\n{EMBED}二\n"),
            (
                f"甲\n\n---\n\n乙\n\n---\n\n{EMBED}丙\n",
                "甲\n\n---\n\n乙\n\n---\n\n丙\n\n丁\n",
                f"甲\n\n---\n\n乙\n\n---\n\n{EMBED}丙\n\n丁\n",
            ),
            (f"一\n{EMBED}", "一\n\n二\n", f"一\n\n{EMBED}二\n"),
            (f"# 甲\n\n---\n\n{EMBED}二\n", "---\n\n# 甲\n\n---\n\n二\n", f"---\n\n# 甲\n\n---\n\n{EMBED}二\n"),
            (f"# 甲\n\n一\n\n{EMBED}", "# [√] 甲\n\n新\n\n一\n\n新\n", f"# [√] 甲\n\n新\n\n一\n\n{EMBED}新\n"),
        ],
    )
    def test_its_block(self, old, new, merged):
        assert keep(old, new) == merged

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_ends_as_the_line_before(self, end):
        new = "零\n\n一\n\n二\n".replace("\n", end)
        assert keep(f"一\n\n{EMBED}二\n", new) == f"零\n\n一\n\n{EMBED}二\n".replace("\n", end)

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_at_the_end_of_a_note_without_a_last_line_end(self, end):
        old = f"一\n\n二\n{EMBED}".replace("\n", end)
        note = HEAD.encode() + old.encode()
        author = HEAD.encode() + f"一{end}{end}二".encode()
        new = HEAD.encode() + f"零{end}{end}二".encode()
        merged = keep_embeds(note, fingerprint(author), new, NAMES)
        assert merged == new + end.encode() + embed_bytes(Embed("python", "a.py:one", 0), end.encode())

    def test_whatever_became_of_the_front_matter(self):
        old = f"---\ntitle: x\n---\n\n{EMBED}一\n".encode()
        new = "\ufeff---\ntitle: x\ntags:\n  - y\n---\n\n一\n\n二\n".encode()
        merged = keep_embeds(old, fingerprint(original(old)), new, NAMES)
        assert merged == new.replace("---\n\n".encode(), f"---\n\n{EMBED}".encode())


class TestRefuses:
    @pytest.mark.parametrize(
        ("old", "new", "why"),
        [
            (
                f"零\n\n一\n\n{EMBED}二\n",
                "零\n\n一！\n\n二\n",
                "嵌入块 a.py:one 跟在“一”（docs/posts/1.md:7）后面，新版本里它改了：“一！”（new.md:7）。",
            ),
            (
                f"零\n\n{EMBED}一\n\n{OTHER}二\n",
                "零\n\n二\n",
                "嵌入块 a.py:two 跟在“一”（docs/posts/1.md:11）后面，新版本 new.md 里没有它了。",
            ),
            (
                f"一\n\n{EMBED}二\n",
                "一\n\n一\n\n二\n",
                "跟在“一”（docs/posts/1.md:5）后面，新版本里看不出哪一处是它：new.md 的第 5 行、第 7 行。",
            ),
            (
                f"# 甲\n\n---\n\n{EMBED}一\n\n# 乙\n\n---\n\n二\n",
                "# 丙\n\n---\n\n三\n\n# 乙\n\n---\n\n二\n",
                "跟在“---”（docs/posts/1.md:7）后面，新版本里看不出哪一处是它",
            ),
            (
                f"# 甲\n\n零\n\n如下：\n\n{EMBED}一\n",
                "# 丙\n\n另\n\n如下：\n\n新\n",
                "跟在“如下：”（docs/posts/1.md:9）后面，新版本里看不出哪一处是它：new.md 的第 9 行。",
            ),
            (
                f"如图：\n\n一\n\n如图：\n\n{EMBED}二\n",
                "三\n\n如图：\n\n四\n",
                "跟在“如图：”（docs/posts/1.md:9）后面，新版本里看不出哪一处是它：new.md 的第 7 行。",
            ),
            (f"零\n\n{EMBED}- a\n\n{OTHER}- b\n", "零\n\n- a\n\n- b\n", "嵌入块 a.py:two 在 docs/posts/1.md:13 不在"),
            (f"# 甲\n\n{EMBED}一\n", "# 甲\n一\n", "新版本里它后面没有空行了：“# 甲”（new.md:5）。"),
            (f"- a\n\n{EMBED}- b\n", "- a\n\n- b\n", "在 docs/posts/1.md:7 不在两个顶层块之间。"),
            (
                f"一\n第二行\n\n{EMBED}二\n",
                "一\n第二行！\n\n二\n",
                "跟在“一……”（docs/posts/1.md:5）后面，新版本里它改了：“一……”（new.md:5）。",
            ),
        ],
    )
    def test_says_which_and_where(self, old, new, why):
        message = refused(old, new)
        assert why in message
        assert message.startswith("new.md：是 docs/posts/1.md 的新版本，但嵌入块不能都跟过去，什么也没有改。\n")
        assert message.endswith("加上 --embeds keep，就放到最近的地方；加上 --embeds drop，就取出来，再用 kb embed 嵌到新的位置。")

    def test_names_every_one(self):
        message = refused(f"一\n\n{EMBED}二\n\n{OTHER}三\n", "四\n")
        assert "a.py:one 跟在“一”（docs/posts/1.md:5）后面，新版本里它改了：“四”（new.md:5）。\n" in message
        assert "a.py:two 跟在“二”（docs/posts/1.md:11）后面，新版本里它改了：“四”（new.md:5）。\n" in message

    def test_lines_that_end_in_a_bare_cr(self):
        assert "一行以单独的 CR 结束" in refused(f"一\n\n{EMBED}二\n", "一\n\r二\n")


def block(number, kind):
    """A block that occurs nowhere else."""
    return {
        "text": f"第 {number} 段。",
        "lines": f"第 {number} 段，\n有两行。",
        "heading": f"## 第 {number} 节",
        "quote": f"> alec：\n>\n> - 批注 {number}",
        "fence": f"```python\nx = {number}\n\ny = {number}\n```",
        "table": f"| {number} | b |\n|---|---|\n| 1 | 2 |",
        "list": f"- 第 {number} 项\n\n- 另一项\n  - 里面",
        "formula": f"$$\nx_{{{number}}}\n$$",
        "html": f'<div id="{number}">\n字\n</div>',
    }[kind]


KINDS = st.sampled_from(["text", "lines", "heading", "quote", "fence", "table", "list", "formula", "html"])
GAPS = st.sampled_from(["\n\n", "\n\n", "\n\n\n", "\n \n"])


def has_neighbouring_lists(blocks):
    """Two lists with nothing between are one."""
    return any(one.startswith("- ") and two.startswith("- ") for one, two in zip(blocks, blocks[1:], strict=False))


def join(blocks, gaps):
    return "".join(text + gap for text, gap in zip(blocks, gaps, strict=True))


@st.composite
def versions(draw, unique):
    """Blocks of an old version, of a new one, and after which old ones embeds stand.

    Edits keep away from embeds: the blocks on both sides of each stay.
    """
    count = draw(st.integers(2, 12))
    if unique:
        old = [block(number, draw(KINDS)) for number in range(count)]
    else:
        old = draw(st.lists(st.sampled_from(["---", "如图：", "## 节", "甲", "乙"]), min_size=count, max_size=count))
    places = sorted(draw(st.sets(st.integers(0, count - 2), min_size=1, max_size=3)))
    kept = {number for place in places for number in (place, place + 1)}
    new, at = [], {}
    for number, text in enumerate(old):
        if number - 1 not in places:
            for _ in range(draw(st.integers(0, 2))):
                new.append(block(100 + len(new), draw(KINDS)) if unique else draw(st.sampled_from(old)))
        if number in kept or draw(st.booleans()):
            at[number] = len(new)
            new.append(text)
    return old, new, places, at


@settings(max_examples=400, deadline=None)
@given(versions(unique=True), st.data())
def test_edits_away_from_embeds(version, data):
    """取出嵌入块就是新版本的每一个字节；每一块都还在它那一段后面。"""
    old, new, places, at = version
    if has_neighbouring_lists(old) or has_neighbouring_lists(new):
        return
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    parts = [text + "\n\n" for text in old]
    for number, place in enumerate(places):
        parts[place] += EMBED.replace("one", f"r{number}")
    old_bytes = (HEAD + "".join(parts)).encode()
    gaps = [data.draw(GAPS) for _ in new]
    gaps[-1] = data.draw(st.sampled_from(["", "\n", "\n\n"]))
    new_bytes = (HEAD + join(new, gaps)).replace("\n", end).encode()
    merged = keep_embeds(old_bytes, fingerprint(original(old_bytes)), new_bytes, NAMES)
    assert without_embeds(merged) == new_bytes
    expected = {
        f"a.py:r{number}": join(new[: at[place] + 1], gaps[: at[place]] + [""]).replace("\n", end)
        for number, place in enumerate(places)
    }
    found = {
        embed.target: new_bytes[: embed.position].decode().removeprefix(HEAD.replace("\n", end)).rstrip()
        for embed in list_embeds(merged)
    }
    assert found == expected
    for embed in list_embeds(merged):
        assert new_bytes[: embed.position].endswith((end * 2).encode()) or b" " in new_bytes[embed.position - 3 :]


@settings(max_examples=400, deadline=None)
@given(versions(unique=False))
def test_blocks_that_repeat(version):
    """同样的段落有好几处：要么拒绝，要么每一块跟着同样的一段，字节都对。"""
    old, new, places, _ = version
    parts = [text + "\n\n" for text in old]
    for number, place in enumerate(places):
        parts[place] += EMBED.replace("one", f"r{number}")
    old_bytes = (HEAD + "".join(parts)).encode()
    new_bytes = (HEAD + "\n\n".join(new) + "\n").encode()
    try:
        merged = keep_embeds(old_bytes, fingerprint(original(old_bytes)), new_bytes, NAMES)
    except BadInput:
        return
    assert without_embeds(merged) == new_bytes
    for embed in list_embeds(merged):
        before = old[places[int(embed.target.removeprefix("a.py:r"))]]
        assert new_bytes[: embed.position].decode().rstrip().endswith(before)
