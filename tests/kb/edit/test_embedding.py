"""kb embed、kb unembed：四行进去，四行出来，作者的字节一个不变。"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.edit import embedding
from kb.evidence.embeds import check_note
from kb.markdown.engine import BadInput
from kb.notes.embedded import fingerprint, is_original, list_embeds, lock_bytes, without_embeds

HEAD = "---\nabbrlink: 1\ntitle: 一篇\n---\n\n"
HALF = '``` {.python .embed}\n--8<-- "numbers.py:half"\n```\n\n'
DOUBLE = HALF.replace("half", "double")
FIGURE = '``` {.figure .embed}\n--8<-- "cuda.json:time"\n```\n\n'
BODY = "# 甲\n\n第一段 **重点** 文字\n\n- 表\n\n  表里\n\n如下：\n\n```\n代码\n```\n\n如下：\n\n最后\n"


@pytest.fixture
def read(project):
    return lambda: (project.root / "docs/posts/1.md").read_bytes().decode()


class TestEmbed:
    @pytest.mark.parametrize(
        ("words", "before"),
        [
            ("重点", "- 表\n"),
            ("第一段 重点 文字", "- 表\n"),
            ("第一段**重点**", "- 表\n"),
            ("表里", "如下：\n\n```"),
            ("代码", "如下：\n\n最后"),
        ],
    )
    def test_after_the_block_that_holds_the_words(self, add, kb, read, words, before):
        add(HEAD + BODY)
        code, output = kb("embed", "1", "numbers.py:half", "--after", words)
        assert code == 0, output
        assert read() == HEAD + BODY.replace(before, HALF + before, 1)
        line = read()[: read().index(HALF)].count("\n") + 1
        assert output.startswith(f"已嵌入：docs/posts/1.md:{line} numbers.py:half，在“")

    @pytest.mark.parametrize("said", ["1", "docs/posts/1.md", "一篇"])
    def test_the_note_by_number_path_or_title(self, add, kb, read, said):
        add(HEAD + BODY)
        assert kb("embed", said, "snippets/numbers.py:half", "--after", "最后")[0] == 0
        assert read() == HEAD + BODY + HALF

    def test_a_title_of_two_notes(self, add, kb):
        add(HEAD + BODY)
        add(HEAD.replace(": 1", ": 2") + BODY, "2.md")
        code, output = kb("embed", "一篇", "numbers.py:half", "--after", "最后")
        assert code == 1 and "有 2 篇笔记是这个标题：docs/posts/1.md、docs/posts/2.md。写号码或路径。" in output

    def test_a_figure(self, add, kb, read):
        add(HEAD + BODY)
        assert kb("embed", "1", "cuda.json:time", "--after", "重点")[0] == 0
        assert FIGURE + "- 表" in read()

    def test_below_those_that_are_there(self, add, kb, read):
        add(HEAD + BODY)
        kb("embed", "1", "numbers.py:half", "--after", "重点")
        code, output = kb("embed", "1", "numbers.py:double", "--after", "重点")
        assert read() == HEAD + BODY.replace("- 表\n", HALF + DOUBLE + "- 表\n", 1)
        assert "docs/posts/1.md:14 numbers.py:double" in output
        code, output = kb("embed", "1", "numbers.py:half", "--after", "重点")
        assert code == 1 and "docs/posts/1.md:10：numbers.py:half 已经嵌在这里。没有改。" in output

    def test_below_one_that_stands_further_down(self, project, add, kb, read):
        add(HEAD + "一\n\n\n二\n")
        project.write("docs/posts/1.md", HEAD + f"一\n\n\n{HALF}二\n")
        assert kb("embed", "1", "numbers.py:double", "--after", "一")[0] == 0
        assert read() == HEAD + f"一\n\n\n{HALF}{DOUBLE}二\n"

    @pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
    @pytest.mark.parametrize("begin", ["", "\ufeff"], ids=["", "BOM"])
    def test_below_a_last_line_without_an_end(self, add, kb, read, begin, end):
        text = (begin + HEAD + "一\n\n二").replace("\n", end)
        add(text)
        for region in ("half", "double"):
            assert kb("embed", "1", f"numbers.py:{region}", "--after", "二")[0] == 0
        assert kb("embed", "1", "cuda.json:time", "--after", "一")[0] == 0
        assert read() == text.replace("二", FIGURE.replace("\n", end) + "二") + end + (HALF + DOUBLE).replace("\n", end)
        for target in ("numbers.py:half", "numbers.py:double", "cuda.json:time"):
            assert kb("unembed", "1", target)[0] == 0
        assert read() == text

    def test_words_as_they_are_written_go_first(self, add, kb, read):
        add(HEAD + "甲乙\n\n甲_乙\n\n后\n")
        assert kb("embed", "1", "numbers.py:half", "--after", "甲_乙")[0] == 0
        assert read() == HEAD + f"甲乙\n\n甲_乙\n\n{HALF}后\n"

    @pytest.mark.parametrize("line", [20, 21, 22])
    def test_at_a_line_of_the_file(self, add, kb, read, line):
        """行号是现在的文件里的，前面嵌着的也算。"""
        add(HEAD + BODY)
        kb("embed", "1", "numbers.py:half", "--after", "重点")
        at = read()[: read().index("```\n代码")].count("\n") + 1
        assert kb("embed", "1", "numbers.py:double", "--at", at + line - 20)[0] == 0
        assert f"代码\n```\n\n{DOUBLE}如下：\n\n最后" in read()

    def test_no_words(self, add, kb, read):
        add(HEAD + BODY)
        kb("embed", "1", "numbers.py:half", "--after", "重点")
        before = read()
        code, output = kb("embed", "1", "numbers.py:double")
        assert code == 1 and "写 --after '那一段里的文字'，或者 --at 行号。可以嵌在这些段落后面：\n" in output
        listed = [line for line in output.split("\n") if line.startswith("  第 ")]
        lines = before.split("\n")
        assert [lines[int(line.split()[1]) - 1] for line in listed] == [
            "# 甲",
            "第一段 **重点** 文字",
            "- 表",
            "如下：",
            "```",
            "如下：",
            "最后",
        ]
        assert read() == before

    def test_words_of_two_blocks(self, add, kb, read):
        add(HEAD + BODY)
        code, output = kb("embed", "1", "numbers.py:half", "--after", "如下")
        assert code == 1 and "有 2 段里有“如下”" in output and "\n  第 14 行：如下：\n  第 20 行：如下：\n" in output
        assert read() == HEAD + BODY

    def test_words_that_are_nowhere(self, add, kb):
        add(HEAD + BODY)
        code, output = kb("embed", "1", "numbers.py:half", "--after", "title: 一篇")
        assert code == 1 and "没有一段里有“title: 一篇”。可以嵌在这些段落后面：\n  第 6 行：# 甲" in output

    def test_where_the_next_block_follows_at_once(self, add, kb, read):
        add(HEAD + "# 甲\n正文\n\n后面\n")
        code, output = kb("embed", "1", "numbers.py:half", "--after", "甲")
        assert code == 1 and "“# 甲”后面没有空行，紧接着是“正文”，中间放不下。" in output
        assert "第 6 行" not in kb("embed", "1", "numbers.py:half")[1]

    def test_inside_html(self, add, kb, read):
        text = HEAD + "<div>\n\n里面\n\n</div>\n\n外面\n"
        add(text)
        code, output = kb("embed", "1", "numbers.py:half", "--after", "里面")
        assert code == 1 and "docs/posts/1.md:10：嵌入块不在顶层" in output
        assert read() == text

    @pytest.mark.parametrize(
        ("target", "says"),
        [
            ("numbers.py:no", "snippets/numbers.py 里没有区域 'no'。现有：double、half。"),
            ("no.py:half", "snippets/no.py 不存在。现有：numbers.py。"),
            ("cpu.json:no", "benchmarks/figures/cpu.json 不存在"),
            ("numbers", "numbers：写成 文件.py:区域，图写成 文件.json:图。"),
            ("numbers.py:1", "用了行号"),
        ],
    )
    def test_what_there_is_not(self, add, kb, read, target, says):
        add(HEAD + BODY)
        code, output = kb("embed", "1", target, "--after", "最后")
        assert code == 1 and says in output
        assert read() == HEAD + BODY

    def test_a_note_that_was_changed(self, project, add, kb):
        add(HEAD + BODY)
        project.write("docs/posts/1.md", HEAD + BODY + "改\n")
        code, output = kb("embed", "1", "numbers.py:half", "--after", "最后")
        assert code == 1 and "先用 kb save 1 收下改动" in output

    def test_dry_run(self, add, kb, read):
        add(HEAD + BODY)
        code, output = kb("embed", "1", "numbers.py:half", "--after", "最后", "--dry-run")
        assert code == 0 and output == "会嵌入：docs/posts/1.md:23 numbers.py:half，在“最后”后面\n"
        assert read() == HEAD + BODY

    def test_as_json(self, add, kb):
        add(HEAD + BODY)
        document = json.loads(kb("embed", "1", "numbers.py:half", "--after", "最后", "--json")[1])
        assert (document["ok"], document["note"], document["line"]) == (True, "docs/posts/1.md", 23)


class TestUnembed:
    def test_it_comes_out(self, add, kb, read):
        add(HEAD + BODY)
        kb("embed", "1", "numbers.py:half", "--after", "重点")
        kb("embed", "1", "numbers.py:double", "--after", "最后")
        code, output = kb("unembed", "1", "numbers.py:half")
        assert (code, read()) == (0, HEAD + BODY + DOUBLE)
        assert output.startswith("已取出：docs/posts/1.md:10 numbers.py:half\n")

    def test_of_two_the_one_at_the_line(self, add, kb, read):
        add(HEAD + BODY)
        for words in ("重点", "最后"):
            kb("embed", "1", "numbers.py:half", "--after", words)
        code, output = kb("unembed", "1", "numbers.py:half")
        assert code == 1 and "numbers.py:half 嵌在第 10、27 行。用 --at 行号说明取出哪一处。" in output
        assert kb("unembed", "1", "numbers.py:half", "--at", "28")[0] == 0
        assert read() == HEAD + BODY.replace("- 表\n", HALF + "- 表\n", 1)

    def test_of_two_that_are_misplaced_one_after_the_other(self, project, add, kb, read):
        add(HEAD + "- 一\n\n- 二\n\n- 三\n")
        project.write("docs/posts/1.md", HEAD + f"- 一\n\n{HALF}- 二\n\n{DOUBLE}- 三\n")
        for target in ("numbers.py:half", "numbers.py:double"):
            assert kb("unembed", "1", target)[0] == 0
        assert read() == HEAD + "- 一\n\n- 二\n\n- 三\n"

    def test_one_that_is_not_there(self, add, kb):
        add(HEAD + BODY)
        kb("embed", "1", "numbers.py:half", "--after", "重点")
        code, output = kb("unembed", "1", "numbers.py:double")
        assert code == 1 and "没有嵌着 numbers.py:double。嵌着的有：numbers.py:half。" in output


LINES = ["段落", "- 表", "  续", "# 标题", "```", "> 引", "    码", "<div>", "</div>", "", "", "", "***", "| a |", "[a]: b"]


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@given(lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=12), data=st.data())
@settings(max_examples=60)
def test_any_note_any_order(tmp_path_factory, end, lines, data):
    """嵌进去的站得住，一块一块取出来，又是作者的字节；BOM、没有行尾的最后一行也是。"""
    text = HEAD.replace("\n", end) + end.join(lines) + data.draw(st.sampled_from(["", end, end * 2]))
    author = (data.draw(st.sampled_from(["", "\ufeff"])) + text).encode()
    root = tmp_path_factory.mktemp("any")
    path = root / "docs/posts/1.md"
    for folder in (path.parent, root / "snippets"):
        folder.mkdir(parents=True)
    regions = (f"# --8<-- [start:{name}] x\n1\n# --8<-- [end:{name}]\n" for name in "abc")
    (root / "snippets/numbers.py").write_text("".join(regions))
    path.write_bytes(author)
    (root / "notes.lock.json").write_bytes(lock_bytes({"docs/posts/1.md": fingerprint(author)}))
    placed = []
    for region in "abc":
        at = data.draw(st.integers(6, 6 + len(lines)))
        before = path.read_bytes()
        try:
            found = embedding.embed("1", f"numbers.py:{region}", None, at, root, False, lambda: None)
        except BadInput as problem:
            assert "单独的 CR" not in str(problem)
            assert path.read_bytes() == before
            continue
        placed.append(region)
        note = path.read_bytes()
        assert note.decode("utf-8-sig").splitlines()[found.line - 1] == "``` {.python .embed}"
        assert sorted(embed.target[-1] for embed in list_embeds(note)) == placed
        assert is_original(note, fingerprint(author))
        check_note(note, "x")
        without = [embed.target for embed in list_embeds(note) if embed.target[-1] != region]
        assert without == [embed.target for embed in list_embeds(before)]
    for region in data.draw(st.permutations(placed)):
        embedding.unembed("1", f"numbers.py:{region}", None, root, False, lambda: None)
    assert path.read_bytes() == author
    assert without_embeds(author) == author
