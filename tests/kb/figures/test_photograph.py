"""照片上的权重：没有脚本也看得见一处，数字真，代码改了就过期，kb prove 重新算。"""

import base64
import re
import struct
import zlib

import pytest

from kb.evidence.store import digest
from kb.figures.measured import parse
from kb.figures.photograph import DARKEST, shade
from kb.figures.remaking import due_figures, remake
from kb.markdown.engine import BadInput
from tests.kb.measurement import embed, measurement, signed

LEVELS = bytes([0, 255, 64, 128, 1, 2])
LOOKING = {
    "kind": "looking",
    "title": "看哪里",
    "caption": "没有训练过的模型。",
    "photo": "assets/p.jpg",
    "alt": "一座庙",
    "size": [300, 200],
    "data": "assets/w.bin",
    "grid": [3, 2],
    "still": 4,
    "forms": [{"name": "高斯", "about": "行", "largest": 0.25, "levels": base64.b64encode(LEVELS).decode()}],
    "channels": [0.5, 1.0],
    "channel_names": ["红", "绿"],
    "credit": {
        "author": "某人", "address": "https://a.example/", "licence": "CC BY 2.0",
        "licence_address": "https://l.example/", "changes": "缩小过",
    },
}  # fmt: skip


@pytest.fixture
def document(project):
    made = measurement(project.root, "snippets/numbers.py")
    return made | {"remake": True, "command": "python -m looking", "figures": {"photo": LOOKING}}


@pytest.fixture
def write(project):
    return lambda document: project.write("benchmarks/figures/looking.json", signed(document))


@pytest.fixture
def figure(project, document, write):
    write(document)
    project.write("docs/assets/p.jpg", "x")
    (figure,) = project.render(embed("looking.json:photo")).select("figure.looking")
    return figure


def test_it_is_none_of_the_author_s_pictures(project, document, write):
    write(document)
    project.write("docs/assets/p.jpg", "x")
    page = project.render("![一](https://x.example/a.png)\n\n" + embed("looking.json:photo"))
    assert "第 " not in page.select_one(".picture-note").text


def alphas(address):
    png = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    assert struct.unpack(">II", png[16:24]) == (3, 2)
    rows = zlib.decompress(png[png.index(b"IDAT") + 4 :])
    return [rows[row * 13 + 1 + 4 * n + 3] for row in range(2) for n in range(3)]


def test_what_is_looked_at_is_bright():
    """不透明度 225·(1 − √权重)：0、255、64、128、1、2 → 225、0、112、66、211、205。"""
    assert alphas(shade(LEVELS, 3, 2)) == [DARKEST, 0, 112, 66, 211, 205]


def test_a_still_picture_without_scripts(figure):
    assert figure.img["src"] == "../../assets/p.jpg" and figure.img["alt"].startswith("一座庙。高斯")
    heat = re.search(r"url\((.*)\)", figure.select_one(".heat")["style"])[1]
    assert alphas(heat) == alphas(shade(LEVELS, 3, 2))
    assert figure.select_one(".at")["style"] == "left:33.33%;top:50%;width:33.33%;height:50%"
    assert figure.select_one(".largest").text == "最大权重 25.00%"
    assert figure.select_one(".said").text == "第 2 行第 2 列。"
    assert not figure.select("script, [tabindex]")


def test_channels_as_bars(figure):
    assert figure.select_one(".bars")["aria-label"] == "通道注意力的权重：红 0.50，绿 1.00"
    assert [each["height"] for each in figure.select("rect.bar")] == ["30", "60"]


def test_who_took_the_photograph_is_said(figure):
    assert figure.select_one(".credit").text == "照片：某人，CC BY 2.0，缩小过。"
    assert [each["href"] for each in figure.select(".credit a")] == ["https://a.example/", "https://l.example/"]


@pytest.mark.parametrize("change", [{"grid": [3]}, {"channels": [2]}, {"credit": {}}, {"more": 1}])
def test_a_file_that_is_none(document, change):
    document["figures"] = {"photo": LOOKING | change}
    with pytest.raises(BadInput, match="内容不合格式"):
        parse(signed(document).encode(), "looking.json")


class TestMakingItAnew:
    def test_only_where_the_code_has_changed(self, project, document, write):
        write(document)
        assert due_figures(project.root) == {}
        project.write("snippets/numbers.py", "# 改了\n")
        assert due_figures(project.root) == {"benchmarks/figures/looking.json": "python -m looking"}
        del document["remake"]
        write(document)
        assert due_figures(project.root) == {}

    def test_its_command_runs_in_the_base(self, project):
        project.write("looking.py", "from pathlib import Path\nPath('made').write_text('x')\n")
        remake(project.root, "looking.json", "python -m looking")
        assert (project.root / "made").exists()

    @pytest.mark.parametrize(
        ("command", "says"),
        [("python -m gone", "没有做成：.*No module named gone"), ("rm -r x", "不是 python -m 的命令"),
         ("python -m a; rm x", "不是 python -m 的命令")],
    )  # fmt: skip
    def test_what_cannot_be_made(self, project, command, says):
        with pytest.raises(BadInput, match=f"(?s){says}"):
            remake(project.root, "looking.json", command)

    def test_kb_prove_does_it(self, proven):
        made = measurement(proven.root, "mkdocs.yml")
        made |= {"remake": True, "command": "python -m looking", "figures": {"photo": LOOKING}}
        proven.write("benchmarks/figures/looking.json", signed(made))
        proven.write("looking.py", "from pathlib import Path\nPath('made').write_text('x')\n")
        (proven.root / "snippets/other.py").unlink()
        assert "重新算了" not in proven.kb("prove")[1]
        proven.edit("mkdocs.yml", "site_name", "site_name ")
        assert "benchmarks/figures/looking.json：重新算" in proven.kb("prove", "--dry-run")[1]
        code, output = proven.kb("prove")
        assert code == 0 and "重新算了 benchmarks/figures/looking.json" in output
        assert (proven.root / "made").exists()


def test_the_digest_is_over_all_of_it(document):
    assert digest(document) != digest(document | {"remake": False})
