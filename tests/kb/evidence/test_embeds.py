"""嵌入块：显示的就是区域的字节；写错了，构建就停下，说清楚在哪里、怎么改。"""


import pytest

from kb.evidence.regions import read_regions
from kb.markdown.engine import BadInput
from tests.kb.lab import without_nav
from tests.kb.warm import run_module


def embed(target):
    return f'``` {{.python .embed}}\n--8<-- "{target}"\n```\n\n'


FIGURE = '``` {.figure .embed}\n--8<-- "cuda.json:time"\n```\n\n'


def test_shows_the_region_under_its_title(project):
    page = project.render("前\n\n" + embed("numbers.py:half") + "后\n")
    (figure,) = page.select("figure.embed")
    assert figure.select_one(".filename").text == "除以二"
    regions = read_regions(project.root / "snippets/numbers.py", "snippets/numbers.py")
    assert figure.select_one("code").text == regions["half"].text
    assert [p.text for p in page.find_all("p", recursive=False)] == ["前", "后"]


def test_keeps_every_space_and_blank_line(project):
    text = "\n\n    x = 1  \n\t# \u3000\n\n"
    project.write("snippets/blank.py", f"# --8<-- [start:a] 标题\n{text}# --8<-- [end:a]\n")
    assert project.render(embed("blank.py:a")).select_one("figure.embed code").text == text


def test_links_to_the_line_of_the_whole_file(project):
    page = project.render(embed("numbers.py:half"))
    link = page.select_one("figure.embed details > p > a")
    assert link.text == "完整文件 snippets/numbers.py"
    assert link["href"] == "../../snippets/numbers/#__span-numbers-11"
    assert link.next_sibling == "，第 11–14 行"
    source = project.render(embed("numbers.py"), "snippets/numbers.md")
    assert "def half" in source.find(id="__span-numbers-11").text


def test_shows_a_whole_file(project):
    page = project.render(embed("numbers.py"), "snippets/numbers.md")
    (figure,) = page.select("figure.embed")
    assert figure.select_one("td.code code").text == (project.root / "snippets/numbers.py").read_text("utf-8")
    assert figure.find("figcaption") is None


def test_ids_are_unique(project):
    page = project.render(embed("numbers.py:half") + embed("numbers.py:double") + embed("numbers.py:half"))
    assert [figure["id"] for figure in page.select("figure.embed")] == [
        "embed-numbers-half",
        "embed-numbers-double",
        "embed-numbers-half-2",
    ]
    ids = [element["id"] for element in page.select("[id]")]
    assert len(ids) == len(set(ids))


def test_other_snippet_text_is_the_authors(project):
    text = '文中的 `--8<-- "numbers.py:half"`：\n\n--8<-- "numbers.py:half"\n\n```\n--8<-- "numbers.py:half"\n```\n'
    page = project.render(text)
    assert not page.select("figure.embed")
    assert page.text.count('--8<-- "numbers.py:half"') == 3


def test_between_two_quotes_a_list_and_the_end(project):
    page = project.render(
        "---\ntitle: x\n---\n\n> 一\n\n" + embed("numbers.py:half") + "> 二\n\n1. 三\n2. 四\n\n" + embed("numbers.py:double")
    )
    names = [tag.name for tag in page.find_all(recursive=False)]
    assert names == ["h1", "div", "blockquote", "figure", "blockquote", "ol", "figure", "div"]


@pytest.mark.parametrize(
    ("before", "after"),
    [("- 一", "1. 二"), ("  一", "  二"), ("* * *", "- 二"), ("1. 一", "二"), ("> 一", "> 二")],
)
def test_between_blocks_of_any_kind(project, before, after):
    page = project.render(f"{before}\n\n{embed('numbers.py:half')}{after}\n", "x.md")
    blocks = page.find_all(lambda tag: tag.get("class") != ["proven"], recursive=False)
    assert [tag.name == "figure" for tag in blocks] == [False, True, False]


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        (embed("missing.py:half"), 5, "snippets/missing.py 不存在。现有：numbers.py。"),
        (embed("../mkdocs.yml:half"), 5, "不存在。现有：numbers.py。"),
        (embed("numbers.py:third"), 5, "没有区域 'third'。现有：double、half。"),
        (embed("numbers.py:"), 5, "没有区域 ''。现有：double、half。"),
        ("文字\n\n" + embed("numbers.py:1:3"), 7, "用了行号"),
        (embed("numbers.py:3"), 5, "用了行号"),
        (embed("numbers.py::7"), 5, "用了行号"),
        ("一\n\n二\n\n" + embed("unclosed.py:a"), 9, "snippets/unclosed.py:1：区域 a 没有结束"),
        (embed("empty.py:a"), 5, "snippets/empty.py:1：区域 a 是空的"),
        ('``` {.python .embed title="x"}\n--8<-- "numbers.py:half"\n```\n\n', 5, "恰好是这四行"),
        ('``` {.python .embed}\n--8<-- "numbers.py:half"\n--8<-- "numbers.py:half"\n```\n\n', 5, "恰好是这四行"),
        ("``` {.python .embed}\nx = 1\n```\n\n", 5, "恰好是这四行"),
        ('``` {.python .embed}\n--8<-- "numbers.py:half"\n```\n后\n', 5, "恰好是这四行"),
        ('``` {.python .embed}\n--8<-- "numbers.py:half"', 5, "恰好是这四行"),
        ("前\n" + embed("numbers.py:half") + "后\n", 6, "前面要有空行；它前一行是 '前'"),
        ("1. 一\n\n" + embed("numbers.py:half") + "2. 二\n", 7, "拆成了两半，后面还有 '2. 二'。"),
        ("- 一\n\n" + embed("numbers.py:half") + "    还是一\n", 7, "拆成了两半，后面还有 '还是一'。"),
        ("1. 一\n\n" + 2 * embed("numbers.py:half") + "2. 二\n", 7, "拆成了两半，后面还有 '2. 二'。"),
        ("1. 一\n懒续行\n\n" + embed("numbers.py:half") + "2. 二\n", 8, "拆成了两半"),
        ("```\na\n\n" + embed("numbers.py:half") + "b\n```\n", 8, "落在一个代码块、HTML 或注释里面"),
        ("<div>\n\n" + embed("numbers.py:half") + "</div>\n", 7, "落在一个代码块、HTML 或注释里面"),
        ("<!--\n\n" + embed("numbers.py:half") + "-->\n", 7, "落在一个代码块、HTML 或注释里面"),
        ('``` {.figure .embed}\n--8<-- "cpu.json:a"\n```\n后\n', 5, '--8<-- "文件.json:图"'),
        ("前\n" + FIGURE + "后\n", 6, "前面要有空行；它前一行是 '前'"),
        ("1. 一\n\n" + FIGURE + "2. 二\n", 7, "拆成了两半，后面还有 '2. 二'。"),
        ("1. 一\n\n" + embed("numbers.py:half") + FIGURE + "2. 二\n", 7, "拆成了两半，后面还有 '2. 二'。"),
        ("```\na\n\n" + FIGURE + "b\n```\n", 8, "落在一个代码块、HTML 或注释里面"),
    ],
)
def test_refuses_bad_embeds(project, body, line, message):
    project.write("snippets/unclosed.py", "# --8<-- [start:a] 标题\nx = 1\n")
    project.write("snippets/empty.py", "# --8<-- [start:a] 标题\n# --8<-- [end:a]\n")
    if "missing" in message or "现有：numbers.py" in message:
        (project.root / "snippets/unclosed.py").unlink()
        (project.root / "snippets/empty.py").unlink()
    with pytest.raises(BadInput) as refusal:
        project.render("---\ntitle: x\n---\n\n" + body)
    assert str(refusal.value).startswith(f"docs/posts/1.md:{line}：")
    assert message in str(refusal.value)


def test_a_bad_embed_ends_the_build_without_a_traceback(project):
    project.write("docs/index.md", "# x\n")
    project.write("docs/posts/1.md", "---\ntitle: x\n---\n\n" + embed("numbers.py:third"))
    without_nav(project.root)
    code, said = run_module(project.root, "mkdocs", "build")
    assert code != 0
    assert "docs/posts/1.md:5：snippets/numbers.py 里没有区域 'third'。现有：double、half。" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "body",
    [
        '```{.python .embed}\n--8<-- "numbers.py:half"\n```\n',
        ' ``` {.python .embed}\n --8<-- "numbers.py:half"\n ```\n',
        '- 一\n\n  ``` {.python .embed}\n  --8<-- "numbers.py:half"\n  ```\n',
        '> ~~~ {.figure .embed}\n> --8<-- "cpu.json:time"\n> ~~~\n',
        '``` .python .embed\n--8<-- "numbers.py:half"\n```\n',
    ],
)
def test_what_is_almost_one_is_named(project, caplog, body):
    page = project.render(f"---\ntitle: 题\n---\n\n{embed('numbers.py:half')}{body}")
    assert len(page.select("figure.embed")) == 1
    place = 5 + 4 + body.partition(".embed")[0].count("\n")
    (record,) = [record for record in caplog.records if "写得像嵌入块" in record.getMessage()]
    assert record.getMessage().startswith(f"docs/posts/1.md:{place}：")


def test_how_one_is_written_is_none(project, caplog):
    project.render(f"````\n{embed('numbers.py:half').replace('``` ', '```')}````\n\n`{{.python .embed}}`\n")
    assert not [record for record in caplog.records if "写得像嵌入块" in record.getMessage()]
