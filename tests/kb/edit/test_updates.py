"""kb add 新版本，嵌入块的那一段没有了：--embeds，或者问；放到最近的地方，站得住的。"""

import pytest

from kb.intake.merge import keep_embeds
from kb.notes.embedded import fingerprint, list_embeds, without_embeds

HEAD = "---\nabbrlink: 1\ntitle: 题\n---\n\n"
HALF = '``` {.python .embed}\n--8<-- "numbers.py:half"\n```\n\n'
DOUBLE = HALF.replace("half", "double")


@pytest.fixture
def start(project, add, kb):
    add(HEAD + "零\n\n一\n\n二\n\n三\n")
    kb("embed", "1", "numbers.py:half", "--after", "一")
    kb("embed", "1", "numbers.py:double", "--after", "三")


NEW = HEAD + "零\n\n一改了\n\n二\n\n三\n"


def note(project):
    return (project.root / "docs/posts/1.md").read_text("utf-8")


def test_keep(project, add, start):
    code, output = add(NEW, "n.md", "--embeds", "keep")
    assert code == 0 and note(project) == NEW.replace("二", HALF + "二") + DOUBLE
    assert "嵌入块 numbers.py:half 放到了“一改了”（in/n.md:8）后面。" in output and "2 个嵌入块跟了过来" in output


def test_drop(project, add, start):
    code, output = add(NEW, "n.md", "--embeds", "drop")
    assert code == 0 and note(project) == NEW + DOUBLE
    assert "嵌入块 numbers.py:half 取出来了。" in output and "double" not in output


def test_nobody_to_ask(project, add, start):
    before = note(project)
    code, output = add(NEW)
    assert code == 1 and "加上 --embeds keep" in output and "加上 --embeds drop" in output
    assert note(project) == before


@pytest.mark.parametrize(("answer", "there"), [("keep\n", 2), ("drop\n", 1), ("x\nkeep\n", 2)])
def test_asks(project, add, kb, start, asked, answer, there):
    project.write("in/n.md", NEW)
    code, output = kb("add", "in/n.md", answer=answer)
    assert code == 0 and "新版本里它改了：“一改了”（in/n.md:8）。\n最近的地方在“一改了”（in/n.md:8）后面。" in output
    assert len(list_embeds(note(project).encode())) == there
    assert ("'x' 不是其中之一" in output) == (answer[0] == "x")


def test_interrupted_at_the_question(project, add, kb, start, asked):
    before = note(project)
    project.write("in/n.md", NEW)
    code, output = kb("add", "in/n.md", answer="")
    assert code == 1 and "中断了" in output
    assert note(project) == before
    assert kb("check")[1].count("没有做完") <= 1
    assert kb("add", "in/n.md", "--embeds", "keep")[0] == 0


def test_a_wrong_choice(add, start):
    code, output = add(NEW, "n.md", "--embeds", "x")
    assert code == 2 and "'--embeds' 的值不对：'x' 不是其中之一：'keep', 'drop'。" in output


@pytest.mark.parametrize(
    ("old", "new", "merged"),
    [
        (f"零\n\n一\n\n{HALF}二\n", "零\n\n二\n", f"零\n\n{HALF}二\n"),
        (f"一\n\n{HALF}二\n", "一\n\n一\n\n二\n", f"一\n\n一\n\n{HALF}二\n"),
        (f"一\n\n{HALF}", "全新的\n\n又一段\n", f"全新的\n\n{HALF}又一段\n"),
        (f"一\n\n{HALF}二\n\n{DOUBLE}", "新\n", f"新\n{HALF}{DOUBLE}"),
        (f"零\n\n一\n\n{HALF}二\n", "零\n\n# 改\n正文\n\n二\n", f"零\n\n# 改\n正文\n\n{HALF}二\n"),
        (f"零\n\n一\n\n{HALF}二\n", "零\n\n<div>\n\n改\n\n</div>\n\n二\n", f"零\n\n{HALF}<div>\n\n改\n\n</div>\n\n二\n"),
        (f"零\n\n一\n\n{HALF}二\n", "", HALF),
    ],
    ids=["gone", "twice", "all new", "two", "no gap", "inside html", "nothing left"],
)
def test_the_nearest_place(old, new, merged):
    old, new = (HEAD + old).encode(), (HEAD + new).encode()
    found = keep_embeds(old, fingerprint(without_embeds(old)), new, ("a", "b"), lambda problem, place: "keep", [])
    assert found.decode() == HEAD + merged


def test_thousands_of_blocks():
    lines = [f"段 {number}" for number in range(3000)]
    old = HEAD + "\n\n".join([*lines[:1500], HALF + lines[1500], *lines[1501:]]) + "\n"
    new = HEAD + "\n\n".join([*lines[:1499], "改", *lines[1500:]]) + "\n"
    author = without_embeds(old.encode())
    found = keep_embeds(old.encode(), fingerprint(author), new.encode(), ("a", "b"), lambda *_: "keep", []).decode()
    assert found == new.replace("段 1498\n\n", f"段 1498\n\n{HALF}")
