"""测量的图：画得对，读得出来，过期了看得见，写错了说清楚。数字都是编的。"""

import copy
import json
import re

import pytest

from kb.evidence import store
from kb.evidence.keys import sha256
from kb.figures.plot import DASHES, MARKERS, axis, draw, show, styles
from kb.markdown.engine import BadInput
from tests.kb.measurement import TIME, embed, measurement, signed


@pytest.fixture
def document(project):
    """现在的代码的一次测量，还没有写下来。"""
    project.write("benchmarks/peers.py", "import torch\n")
    return measurement(project.root, "snippets/numbers.py", "benchmarks/peers.py")


@pytest.fixture
def write(project):
    def write(document, name="cpu"):
        project.write(f"benchmarks/figures/{name}.json", signed(document))

    return write


@pytest.fixture
def render(project, document, write):
    """页面上的一张图。"""

    def render(target="cpu.json:time"):
        write(document)
        (figure,) = project.render(embed(target), "performance.md").select("figure.plot")
        return figure

    return render


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "mkdocs.kb"]


def places(drawing, style):
    """(x, y, open) of the markers of one series."""
    return [
        (*map(float, re.match(r"translate\((\S+) (\S+)\)", each.get("transform")).groups()), each.get("fill") == "none")
        for each in drawing.iterfind(f"g[@class='{style}']/path[@class='marker']")
    ]


class TestDrawing:
    """框从 62 到 352，点离框 10；上面是 24 加一行 15，高 200：x 在 72–342，y 在 229–49。"""

    def test_points_stand_at_their_logarithms(self):
        drawing = draw(TIME, "x")
        assert places(drawing, "ours") == [(72, 169, False), (207, 109, False), (342, 109, False)]
        assert places(drawing, "peer-1") == [(72, 229, False), (207, 49, False), (342, 31.5, True)]
        assert drawing.get("viewBox") == "0 0 360 277"

    def test_lines_join_only_what_was_measured(self):
        drawing = draw(TIME, "x")
        assert drawing.find("g[@class='ours']/path[@class='line']").get("d") == "M72.0 169.0L207.0 109.0L342.0 109.0"
        assert drawing.find("g[@class='peer-1']/path[@class='line']").get("d") == "M72.0 229.0L207.0 49.0"

    def test_a_line_does_not_cross_a_gap(self):
        plot = copy.deepcopy(TIME)
        plot["series"][1]["points"][1] = {"x": 100, "y": None, "why": "超过时限"}
        line = draw(plot, "x").find("g[@class='ours']/path[@class='line']").get("d")
        assert re.sub(r"[\d. ]", "", line) == "MM"

    def test_a_row_above_says_why_there_is_no_value(self):
        plot = copy.deepcopy(TIME)
        plot["series"].append({"name": "丙", "points": [{"x": 10, "y": None, "why": "超过时限了"}]})
        plot["series"].append({"name": "丁", "points": [{"x": 10, "y": None, "why": "内存不够"}]})
        drawing = draw(plot, "x")
        words = {text.text: float(text.get("y")) for text in drawing.iter("text")}
        assert (words["内存不够"], words["超过时…"]) == (35.5, 65.5)
        assert [places(drawing, f"peer-{n}")[-1] for n in (1, 3, 2)] == [
            (342, 31.5, True),
            (72, 46.5, True),
            (72, 61.5, True),
        ]

    def test_zero_has_no_logarithm_and_stands_at_the_bottom(self):
        plot = copy.deepcopy(TIME)
        plot["series"][1]["points"][0]["y"] = 0
        drawing = draw(plot, "x")
        assert places(drawing, "ours")[0] == (72, 239, True)
        assert drawing.find("g[@class='ours']/path[@class='line']").get("d").startswith("M207.0 ")

    def test_too_little_to_be_measured(self):
        plot = copy.deepcopy(TIME)
        plot["series"][1]["points"][0] = {"x": 10, "y": 0, "why": "太小，量不出"}
        drawing = draw(plot, "x")
        assert places(drawing, "ours")[0] == (72, 239, True)
        assert "本站，10：太小，量不出" in [title.text for title in drawing.iter("title")]
        assert "太小，" not in "".join(text.text for text in drawing.iter("text"))

    def test_ticks(self):
        drawing = draw(TIME, "x")
        ticks = {text.text: (float(text.get("x")), float(text.get("y"))) for text in drawing.iter("text")}
        assert [ticks[words] for words in ("1 毫秒", "10 毫秒", "100 毫秒", "1 秒")] == [
            (56, 233),
            (56, 173),
            (56, 113),
            (56, 53),
        ]
        assert [ticks[words] for words in ("10", "100", "1000")] == [(72, 254), (207, 254), (342, 254)]

    def test_one_value_alone_is_in_the_middle(self):
        plot = copy.deepcopy(TIME)
        plot["series"] = [{"name": "甲", "points": [{"x": 7, "y": 3}]}]
        assert places(draw(plot, "x"), "peer-1") == [(207, 124, False)]

    def test_no_value_at_all(self):
        plot = copy.deepcopy(TIME)
        plot["series"] = [{"name": "甲", "points": [{"x": 7, "y": None, "why": "内存不够"}]}]
        assert places(draw(plot, "x"), "peer-1") == [(207, 31.5, True)]

    @pytest.mark.parametrize(
        ("low", "high", "unit", "expected"),
        [
            (3, 30, "", ["5", "10", "20"]),
            (64, 518400, "", ["10²", "10³", "10⁴", "10⁵"]),
            (100, 20000, "", ["10²", "10³", "10⁴"]),
            (1, 1e7, "", ["10⁰", "10²", "10⁴", "10⁶"]),
            (1e-16, 3e-7, "", ["10⁻¹⁶", "10⁻¹⁴", "10⁻¹²", "10⁻¹⁰", "10⁻⁸"]),
            (2e-8, 9e-7, "", ["2×10⁻⁸", "5×10⁻⁸", "10⁻⁷", "2×10⁻⁷", "5×10⁻⁷"]),
            (2e-5, 20, "s", ["100 微秒", "1 毫秒", "10 毫秒", "100 毫秒", "1 秒", "10 秒"]),
            (3e5, 5e6, "B", ["512 KiB", "1 MiB", "2 MiB", "4 MiB"]),
            (2**20, 2**40, "B", ["2 MiB", "16 MiB", "128 MiB", "1 GiB", "8 GiB", "64 GiB", "512 GiB"]),
        ],
    )
    def test_round_values_on_an_axis(self, low, high, unit, expected):
        assert [words for _, words in axis([low, high], 0, 1, unit).labels()] == expected

    @pytest.mark.parametrize(
        ("value", "unit", "expected"),
        [
            (0.0123456, "s", "12.3 毫秒"),
            (0.9999, "s", "1 秒"),
            (125.4, "s", "125 秒"),
            (2e-6, "s", "2 微秒"),
            (4e-10, "s", "0.4 纳秒"),
            (1536, "B", "1.5 KiB"),
            (3 * 2**30, "B", "3 GiB"),
            (518400, "", "518400"),
            (0.25, "", "0.25"),
            (6.93e-8, "", "6.93×10⁻⁸"),
            (2.5e12, "", "2.5×10¹²"),
            (0, "B", "0"),
        ],
    )
    def test_values_as_readers_know_them(self, value, unit, expected):
        assert show(value, unit) == expected

    def test_curves_differ_without_their_colours(self):
        many = styles([{"name": str(n), "ours": n < 2} for n in range(12)])
        assert len({(style.marker, style.dashes) for style in many}) == len(many)
        assert (many[0].marker, many[0].dashes) == (next(iter(MARKERS)), DASHES[0])


class TestPage:
    def test_a_plot(self, render):
        figure = render()
        assert figure["id"] == "figure-cpu-time"
        assert figure["data-figure"] == "cpu.json:time"
        assert figure.figcaption.text == "前向的时间　每个点是 7 次的中位数。"
        assert figure.svg["role"] == "img"
        assert figure.svg["aria-label"] == (
            "前向的时间：别人 <a> &lt;、本站。横轴是位置数 N，纵轴是时间，都是对数刻度。数字在下面的表里。"
        )
        assert [item.get_text("|") for item in figure.select(".legend li")] == ["别人 <a> &lt;", "本站|斜率 1.00"]
        assert [item.get("class") for item in figure.select(".legend li")] == [None, ["is-ours"]]
        assert "别人 <a> &lt;，10：1 毫秒" in [title.text for title in figure.svg.find_all("title")]

    def test_names_are_no_html(self, render, project):
        figure = render()
        assert not figure.find_all("a")
        assert "别人 &lt;a&gt; &amp;lt;" in str(figure.table)

    def test_the_table_has_every_number(self, render):
        (table,) = render().select("details.numbers table")
        rows = [[cell.text for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")]
        assert rows == [
            ["位置数 N", "别人 <a> &lt;", "本站"],
            ["10", "1 毫秒", "10 毫秒"],
            ["100", "1 秒", "100 毫秒"],
            ["1000", "内存不够", "100 毫秒"],
            ["斜率（对数）", "—", "1.00"],
        ]
        assert table.caption.text == "前向的时间：时间"
        assert [th["scope"] for th in table.find_all("th")] == ["col"] * 3 + ["row"] * 4

    def test_a_table(self, render):
        figure = render("cpu.json:goals")
        rows = [[cell.text for cell in row.find_all(["th", "td"])] for row in figure.table.find_all("tr")]
        assert rows == [["目标", "结果"], ["不慢", "1.02 倍"], ["<省> &amp;", "是"]]
        assert figure.svg is None
        assert len(figure.find_all("details")) == 1

    def test_where_and_how_it_was_measured(self, render, document, caplog):
        details = render().select_one("details.evidence")
        assert details.summary.text == "已测量 CPU：torch 2.13.0 · 2026-11-25"
        assert details.select_one(".state")["class"] == ["state", "is-verified"]
        assert details["data-key"] == sha256(json.dumps(sorted(map(list, document["inputs"].items()))).encode())
        assert "某种处理器" in details.text
        assert "mmcv 2.2.0" in details.text
        assert [code.text for code in details.find_all("code")][-1] == "python -m benchmarks --only x"
        assert warnings(caplog) == []

    def test_search_reads_titles_alone(self, render):
        figure = render()
        for left_out in figure.select("[data-search-exclude]"):
            left_out.decompose()
        assert figure.text.strip() == "前向的时间　每个点是 7 次的中位数。"

    def test_twice_on_a_page(self, project, document, write):
        write(document)
        page = project.render(embed("cpu.json:time") + embed("numbers.py").replace("figure", "python") + embed("cpu.json:time"))
        ids = [figure["id"] for figure in page.select("figure.embed")]
        assert ids == ["figure-cpu-time", "embed-numbers", "figure-cpu-time-2"]


class TestState:
    def test_stale(self, render, project, caplog):
        project.write("snippets/numbers.py", (project.root / "snippets/numbers.py").read_text("utf-8") + "\n")
        details = render().details
        assert details.summary.text == (
            "已过期 CPU：2026-11-25 测量以后，snippets/numbers.py 改了 · torch 2.13.0 · 2026-11-25"
        )
        assert details.select_one(".state")["class"] == ["state", "is-stale"]
        assert warnings(caplog) == [
            "docs/performance.md：图 cpu.json:time 在 CPU 上已过期（2026-11-25 测量以后，snippets/numbers.py 改了）。"
            "提交以后重新测量：python -m benchmarks --only x"
        ]

    def test_a_file_that_is_gone(self, render, project):
        (project.root / "benchmarks/peers.py").unlink()
        assert "benchmarks/peers.py 没有了" in render().details.summary.text

    def test_many_files(self, render, project, document):
        for n in range(4):
            document["inputs"][f"benchmarks/{n}.py"] = "0" * 64
            project.write(f"benchmarks/{n}.py", "")
        words = "benchmarks/0.py、benchmarks/1.py、benchmarks/2.py 等 4 个文件改了 · "
        assert words in render().details.summary.text

    def test_a_figure_stands_on_its_own_inputs(self, render, project, caplog):
        project.write("snippets/numbers.py", "x = 1\n")
        assert render("cpu.json:goals").details.summary.text.startswith("已测量 CPU")
        assert warnings(caplog) == []

    @pytest.mark.parametrize("name", ["cuda", "precision-cuda"])
    def test_nobody_has_a_gpu(self, render, caplog, name):
        figure = render(f"{name}.json:time")
        assert figure.text.strip() == "未运行 CUDA：还没有测量过。在有 GPU 的机器上测量：python -m benchmarks --device cuda"
        assert figure.select_one(".state")["class"] == ["state", "is-untested"]
        assert warnings(caplog) == []


class TestRefusals:
    def refused(self, render, target="cpu.json:time"):
        with pytest.raises(BadInput) as refusal:
            render(target)
        message = str(refusal.value)
        assert message.startswith("docs/performance.md:1：")
        return message

    def test_a_file_that_is_not_there(self, render):
        assert "'cpi.json:time' 要的文件 benchmarks/figures/cpi.json 不存在。现有：cpu.json。" in self.refused(
            render, "cpi.json:time"
        )

    def test_files_elsewhere(self, render):
        assert "../figures/cpu.json 不存在" in self.refused(render, "../figures/cpu.json:time")

    @pytest.mark.parametrize("name", [":tim", "", ":"])
    def test_a_figure_that_is_not_there(self, render, name):
        assert "cpu.json 里没有图" in (message := self.refused(render, f"cpu.json{name}"))
        assert "现有：time、goals。" in message

    def test_broken_json(self, project):
        project.write("benchmarks/figures/cpu.json", '{\n "recorded": 1,\n')
        with pytest.raises(BadInput) as refusal:
            project.render("# x\n\n" + embed("cpu.json:time"), "performance.md")
        assert str(refusal.value).startswith(
            "docs/performance.md:3：benchmarks/figures/cpu.json:3：不是完整的 JSON"
        )
        assert "重新测量" in str(refusal.value)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda d: d.pop("inputs"), "['inputs']"),
            (lambda d: d["environment"]["packages"].pop("torch"), "['torch']"),
            (lambda d: d["figures"]["time"].update(kind="pie"), "kind"),
            (lambda d: d["figures"]["time"].pop("y"), "['y']"),
            (lambda d: d["figures"]["time"]["y"].update(unit="ms"), "unit"),
            (lambda d: d["figures"]["time"]["series"][0]["points"][2].pop("why"), "['why']"),
            (lambda d: d["figures"]["time"]["series"][0]["points"][0].update(x=0), "x must be bigger than 0"),
            (lambda d: d["figures"]["time"]["series"][0]["points"][0].update(y=-1), "y must be bigger than"),
            (lambda d: d["figures"]["time"].update(inputs=["a.py"]), "图 time 的 inputs 里有 a.py"),
            (lambda d: d["figures"]["goals"]["rows"][1].append("多"), "表 goals 有 2 列，['<省> &amp;'] 这一行却有 3 格"),
            (lambda d: d.update(digest="0" * 64), "与文件里的摘要不符"),
        ],
    )
    def test_content_of_another_form(self, render, document, change, words):
        change(document)
        assert words in self.refused(render)

    def test_a_number_changed_by_hand(self, project, document):
        for lines in ({}, {"digest": None}):
            text = signed(document)
            forged = json.loads(text) | lines
            forged["figures"]["time"]["series"][0]["points"][0]["y"] *= 2
            kept = {name: value for name, value in forged.items() if value is not None}
            project.write("benchmarks/figures/cpu.json", json.dumps(kept))
            with pytest.raises(BadInput, match="被改动过|digest"):
                project.render(embed("cpu.json:time"))

    def test_a_digest_that_agrees(self, project, document):
        store.write(project.root / "benchmarks/figures/cpu.json", document)
        assert project.render(embed("cpu.json:time")).select("figure.plot svg")


class TestCheck:
    def test_says_what_the_build_says(self, proven):
        proven.write("docs/snippets/other.md", "# 自己的一页\n")
        proven.write("benchmarks/peers.py", "import torch\n")
        document = measurement(proven.root, "snippets/numbers.py", "benchmarks/peers.py")
        proven.write("benchmarks/figures/cpu.json", signed(document))
        proven.write("docs/performance.md", "# 性能\n\n" + embed("cpu.json:time") + embed("cuda.json:time"))
        assert proven.kb("check")[0] == 0
        document["inputs"]["snippets/numbers.py"] = "0" * 64
        proven.write("benchmarks/figures/cpu.json", signed(document))
        code, output = proven.kb("check")
        assert code == 1
        assert "docs/performance.md：图 cpu.json:time 在 CPU 上已过期（" in output
        code, output = proven.warm("mkdocs", "build", "--strict")
        assert code == 1
        assert "docs/performance.md：图 cpu.json:time 在 CPU 上已过期（" in output
        proven.edit("docs/performance.md", "cpu.json:time", "cpu.json:x")
        assert "docs/performance.md：benchmarks/figures/cpu.json 里没有图 'x'。现有：time、goals。" in proven.kb("check")[1]
