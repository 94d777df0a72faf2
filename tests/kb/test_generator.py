"""生成的笔记：同一个种子同样的字节，比例与真实的笔记相符，每种写法都有。"""

import re
import subprocess
import sys

import pytest

from kb.notes.embedded import front_matter
from kb.notes.private import private_because
from tests.kb.generator import COUNTED, make_note, make_notes, write_notes
from tests.kb.lab import ROOT

NOTES = list(make_notes(4 * COUNTED["notes"], seed=1))
TEXT = "".join(note.text for note in NOTES)
BODY = re.sub(r"^( *)```.*?^\1```$", "\\1```", TEXT, flags=re.M | re.S)
"""没有代码的全部文字；每个代码块剩下一行。"""


def count(pattern, text=TEXT):
    return len(re.findall(pattern, text, re.M))


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    write_notes(tmp_path / "a", make_notes(5, seed=3))
    command = [sys.executable, "-m", "tests.kb.generator", tmp_path / "b", "7", "--seed", "3"]
    subprocess.run(command, cwd=ROOT, check=True)  # 另一个进程，字符串的散列不同
    few = sorted((tmp_path / "a/_posts").iterdir())
    more = sorted((tmp_path / "b/_posts").iterdir())
    assert [path.name for path in few] == [path.name for path in more[:5]]
    assert [path.read_bytes() for path in few] == [path.read_bytes() for path in more[:5]]
    assert len(more) == 7


def test_another_seed_gives_other_notes():
    assert make_note(0, seed=3).text != make_note(0, seed=4).text


PATTERNS = {
    "lines": r"\n",
    "annotations": r"^> alec：",
    "marks": r"^#{2,6} \[√\] ",
    "images": r"!\[[^\]]*\]\(https:",
    "formulas": r"\$\$\n[^$]+\n\$\$$|\$[^$\n]+\$",
    "raw html": r"<(?:img|font|details|iframe|center|br)\b",
}


@pytest.mark.parametrize("what", PATTERNS)
def test_holds_as_much_as_the_real_notes(what):
    assert count(PATTERNS[what]) / 4 == pytest.approx(COUNTED[what], rel=0.15)


def test_holds_as_many_fences_tables_and_dates_as_the_real_notes():
    assert count("^ *```$", BODY) / 4 == pytest.approx(COUNTED["fences"], rel=0.15)
    rows = count(r"^\|") - 2 * count(r"^\| 名称")
    assert rows / 4 == pytest.approx(COUNTED["table rows"], rel=0.3)
    undated = sum("date" not in front_matter(note.text) for note in NOTES)
    assert undated / 4 == pytest.approx(COUNTED["undated"], rel=0.3)


@pytest.mark.parametrize(
    "pattern",
    [
        *(rf"^{'#' * level} \[√\] \S" for level in range(2, 7)),
        *(rf"^{' ' * indent}- \S" for indent in (2, 3, 4)),
        r"^[^\n>|#-]\S+\n- \S",  # 段落后面紧接着列表
        r"^[^-\n][^\n]*\n3\. \S",  # 从 3 开始
        r"^- \[x\] \S",
        *(rf"^```{re.escape(language)}$" for language in ("python", "bash", "c++", "Python3", "{python}")),
        r"^```shell script$",
        r"^```js \{1,3\}$",
        r"^1\. [^\n]+\n\n   ```",
        r"^- [^\n]+\n\n  !\[",
        r"^[^>\n][^\n]*\n!\[",
        r"^> [^\n]+\n\n> [^\n]",
        r"^> > \S",
        r"^> alec：\S",
        r"^> alec：\n>\n> - \S",
        r"\\begin\{aligned\}\n[^$]+ &= [^$]+ \\\\\n",
        r"\\begin\{bmatrix\}",
        r'<img src="[^"]+" alt="img" style="zoom:67%;" />',
        r'<font color="red">',
        r"<details><summary>",
        r"<iframe ",
        r"^\{% note \w+ %\}\n[^\n]+\n\{% endnote %\}$",
        r"\]\(C:\\Users",
        r"^1、",
        r"^（1）",
        r"\*\*[^*\n]+，\*\*\w",
        r"\*\*[^*\n]+：\*\*\w",
        r"^论文：https://",
        r"^[^\n>|#-]\S+。\n\S+。$",  # 单个换行
        r"^title: >-\n  \S",
        r"^categories: \S",
        r"^categories:\n  - \S",
        r"^index_img: ",
        r"^description: ",
        r"^math: true$",
    ],
)
def test_every_way_of_writing_occurs(pattern):
    assert count(pattern) > 0


def test_no_two_addresses_are_alike_and_front_matter_can_be_read():
    assert len({note.abbrlink for note in make_notes(2000)}) == 2000
    for note in NOTES:
        meta = front_matter(note.text)
        assert (meta["abbrlink"], meta["title"]) == (str(note.abbrlink), note.title)
        assert private_because(note.text) is None


def test_private_notes_are_made_when_asked_for():
    notes = list(make_notes(100, private=0.3))
    reasons = [private_because(note.text) for note in notes]
    assert 20 <= sum(reason is not None for reason in reasons) <= 40
    assert set(reasons) == {"password", "published: false", "draft", None}
    for note, reason in zip(notes, reasons, strict=True):
        assert note.title.startswith("私密笔记") == (reason is not None)


def test_hexo_finds_no_template_in_them():
    """Hexo 会执行 {{ }} 和 {# #}；真实的笔记里没有。"""
    assert "{{" not in TEXT
    assert "{#" not in TEXT
