"""数据流图：画得下，读得出来，代码改了就过期，没有记录过就说未运行。"""

import re

import pytest

from kb.figures.diagram import WIDTH, draw, in_words
from kb.figures.layers import AT_MOST, lay_out
from kb.figures.operators import operator
from tests.kb.measurement import embed

DOUBLE = "numbers/flow.json:double"


def line(op, of, axes="B N", **more):
    names = axes.split()
    return {"op": op, "of": of, "shape": [1] * len(names), "axes": names} | more


FLOW = {
    "of": "Block",
    "sizes": {"B": 2, "N": 35, "d": 7, "C": 6},
    "steps": [
        line("input", [], "B C H W", name="x"),
        line("conv2d", [0], "B d H W", uses=["theta"], kernel=[1, 1]),
        line("view", [1], "B N d", ops=["flatten", "transpose"], name="theta"),
        line("conv2d", [0], "B d H W", uses=["phi"], kernel=[1, 1]),
        line("view", [3], "B N d", ops=["flatten", "transpose"], name="phi"),
        line("conv2d", [0], "B d H W", uses=["g"], kernel=[1, 1]),
        line("view", [5], "B N d", ops=["flatten", "transpose"], name="g"),
        line("matmul", [2, 4], "B N N", turned=[False, True]),
        line("softmax", [7], "B N N", along=[2], name="weights"),
        line("matmul", [8, 6], "B N d"),
        line("add", [9, 0], "B C H W"),
    ],
    "outputs": [10, 8],
}


class TestLayers:
    OF = [each["of"] for each in FLOW["steps"]]

    def laid(self, of=OF, width=100):
        return lay_out(of, [width] * len(of), 356)

    def test_each_stands_under_all_that_it_takes(self):
        layout = self.laid()
        at = {place.step: n for n, layer in enumerate(layout.layers) for place in layer if place.step is not None}
        assert all(at[source] < at[n] for n, sources in enumerate(self.OF) for source in sources)

    @pytest.mark.parametrize("of", [OF, [[], *[[0]] * 8, [1, 2, 3, 4, 5, 6, 7, 8]], [[], [], [0, 1]]])
    def test_nothing_covers_anything_or_leaves_the_drawing(self, of):
        layout = self.laid(of)
        for layer in layout.layers:
            assert sum(place.step is not None and bool(of[place.step]) for place in layer) <= AT_MOST
            edges = [(place.x - place.width / 2, place.x + place.width / 2) for place in layer]
            assert all(one[1] < other[0] for one, other in zip(edges, edges[1:], strict=False)), edges
            assert edges[0][0] >= -0.1 and edges[-1][1] <= layout.width + 0.1

    def test_what_passes_several_layers_passes_them_in_one_line(self):
        way = self.laid().ways[0, 10]
        assert len(way) > 4 and len({place.x for place in way[1:-1]}) == 1


class TestDrawing:
    def test_it_is_as_wide_as_a_phone(self):
        assert draw(FLOW, "x").get("viewBox").split()[2] == str(WIDTH)

    def test_every_step_and_every_shape_is_there(self):
        words = [each.text for each in draw(FLOW, "x").iter("text")]
        assert {"输入 x", "θ：1×1 卷积", "矩阵乘 θ φᵀ", "softmax，沿 N", "矩阵乘 weights g", "输出 weights"} <= {*words}
        assert words.count("展平·转置") == 3 and "θ (B, N, d)" in words and "(B, N, N)" in words

    def test_an_arrow_for_all_that_is_taken(self):
        heads = draw(FLOW, "x").find("path[@class='head']").get("d")
        taken = sum(len(set(step["of"])) for step in FLOW["steps"]) + len(FLOW["outputs"])
        assert heads.count("z") == taken

    def test_colours_are_those_of_the_page(self):
        colours = {each.get(name) for each in draw(FLOW, "x").iter() for name in ("fill", "stroke")}
        assert colours == {None, "none", "currentColor"}


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (line("div", [0], scalar=7**0.5), "÷ √d"),
        (line("div", [0], scalar=35), "÷ N"),
        (line("mul", [0], scalar=3), "× 3"),
        (line("rsub", [0], scalar=1), "1 −"),
        (line("mean", [0], along=[1, 2]), "平均，沿 C、H"),
        (line("matmul", [0], uses=["w"]), "矩阵乘 w"),
        (line("linear", [0], uses=["reduce"]), "reduce：全连接"),
        (line("conv1d", [0], uses=["g"], kernel=[3]), "g：核为 3 的卷积"),
        (line("max_pool2d", [0], kernel=[2, 2]), "2×2 最大池化"),
        (line("erfinv", [0]), "erfinv"),
        (line("call", [0], function="prefix_sums"), "prefix_sums"),
    ],
)
def test_the_words_of_the_field(step, words):
    assert operator(step, FLOW) == words


def test_in_words():
    said = list(in_words(FLOW))
    assert said[0] == "输入 x，形状 (B, C, H, W)"
    assert said[7] == "矩阵乘 θ φᵀ：由 θ、φ 得到 (B, N, N)"
    assert said[8] == "softmax，沿 N：由 第 8 步的结果 得到 weights (B, N, N)"
    assert said[-1] == "返回 第 11 步的结果、weights"


class TestOnThePage:
    @pytest.fixture
    def shown(self, proven):
        def shown(target=DOUBLE):
            proven.write("docs/flow.md", f"# 图\n\n{embed(target)}完\n")
            (figure,) = proven.page("flow.md").select("figure.flow")
            return figure

        return shown

    def test_a_drawing_with_its_words(self, shown, caplog):
        figure = shown()
        assert figure["id"] == "figure-numbers-flow-double" and figure["data-figure"] == DOUBLE
        assert figure.svg["role"] == "img" and "下面有文字" in figure.svg["aria-label"]
        assert [each.text for each in figure.select("ol > li")] == ["输入 x，形状 (2,)", "× 2：由 x 得到 (2,)", "返回 第 2 步的结果"]
        assert figure.select_one(".state").text == "已追踪"
        assert "数据怎样流过 double" in figure.figcaption.text
        assert not [each for each in caplog.records if "flow" in each.getMessage()]

    def test_a_changed_shape_makes_it_stale(self, shown, proven, caplog):
        proven.edit("snippets/numbers.py", "return 2 * x", "return 2 * x[None]")
        figure = shown()
        assert figure.select_one(".state").text == "已过期" and figure.svg
        said = "图 numbers/flow.json:double 已过期"
        assert any(said in each.getMessage() for each in caplog.records)
        code, output = proven.kb("check")
        assert code == 1
        assert re.search(rf"docs/flow.md：{said}（\S+ 记录以后，snippets/numbers.py 改了）。提交以后运行：kb prove", output)

    def test_before_anything_is_recorded(self, shown, proven, caplog):
        (proven.root / "evidence/numbers/flow.json").unlink()
        figure = shown()
        assert figure.svg is None and figure.select_one(".state").text == "未运行"
        assert "kb prove numbers.py" in figure.text
        assert any(f"图 {DOUBLE} 未运行（还没有追踪过）" in each.getMessage() for each in caplog.records)

    @pytest.mark.parametrize(
        ("target", "says"),
        [
            ("numbers/flow.json:third", "snippets/numbers.py 里没有区域 'third'"),
            ("gone/flow.json:double", "a/flow.json:b"),
            ("../numbers/flow.json:double", "a/flow.json:b"),
        ],
    )
    def test_what_is_not_there(self, proven, target, says):
        code, output = proven.kb("embed", "1", target, "--after", "二")
        assert code == 1 and says in output

    def test_a_region_that_no_test_called(self, proven):
        proven.edit("tests/snippets/test_numbers.py", "assert_agrees(half(", "assert_agrees((lambda x: x / 2)(")
        proven.commit()
        proven.record()
        code, output = proven.kb("embed", "1", "numbers/flow.json:half", "--after", "二")
        assert code == 1 and "没有用小的张量调用过" in output and "画出来的有：double" in output

    def test_the_authors_bytes_come_back(self, proven):
        note = proven.root / "docs/posts/1.md"
        before = note.read_bytes()
        assert proven.kb("embed", "1", DOUBLE, "--after", "二")[0] == 0
        assert b"{.figure .embed}" in note.read_bytes()
        code, output = proven.kb("check")
        assert DOUBLE not in output and "登记的原文" not in output
        assert proven.kb("unembed", "1", DOUBLE)[0] == 0
        assert note.read_bytes() == before
