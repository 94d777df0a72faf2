"""数据流图的数据：从测试真的做过的一次调用里来，每一步和形状都真，说不准的字母不写。"""

import copy
import doctest
import importlib.util
import sys

import pytest
import torch

from kb.evidence import store
from kb.evidence.calls import Calls, find_subjects, is_plain
from kb.evidence.flows import MOST, find_flows
from kb.evidence.judge import Due, Judge
from kb.evidence.letters import bind, shapes_of
from kb.evidence.regions import read_regions

BLOCK = '''\
"""B 批大小。"""

import torch
from torch import nn


# --8<-- [start:block] 一块
class Block(nn.Module):
    """形状：x (B, C, H, W) → 同样形状。

    >>> x = torch.ones(4, 4, 5, 4)
    >>> z, weights = Block(4)(x, both=True)
    """

    scale = 3

    def __init__(self, channels, inner=2, transposed=False):
        super().__init__()
        self.inner = inner
        self.theta = nn.Conv2d(channels, inner, 1)
        self.squeeze = nn.Linear(channels, inner)
        self.w = nn.Parameter(torch.ones(inner))

    def forward(self, x, both=False):
        theta = positions(self.theta(x))
        unused = x.cumsum(1)
        weights = torch.softmax(theta @ theta.mT, dim=-1)
        y = weights @ (theta * self.w)
        few = self.squeeze(x.mean(dim=(2, 3)))
        z = torch.relu_(y.sum(1) * self.scale) + few + few.new_zeros(())
        return (z, weights) if both else z
# --8<-- [end:block]


# --8<-- [start:positions] 位置
def positions(features):
    """(B, D, H, W) → (B, N, D)。"""
    return features.flatten(2).transpose(1, 2).contiguous().clone()


def unrelated(x):
    return x
# --8<-- [end:positions]


# --8<-- [start:long] 很长
def long(x):
    """参数：x (B, n)。"""
    for _ in range(10):
        x = two_steps(x)
    return x
# --8<-- [end:long]


def two_steps(x):
    return torch.tanh(x + 1) * 2


# --8<-- [start:once] 只能做一次
def once(x, seen=[]):
    if seen:
        raise RuntimeError
    seen.append(x)
    return x + 1
# --8<-- [end:once]


# --8<-- [start:constant] 不是函数
CONSTANT = 3
# --8<-- [end:constant]
'''


@pytest.fixture
def module(tmp_path):
    path = tmp_path / "snippets/demo.py"
    path.parent.mkdir()
    path.write_text(BLOCK, "utf-8")
    spec = importlib.util.spec_from_file_location("demo", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def seen(module, tmp_path):
    """What is found where these calls are made: region → flow."""

    def seen(make):
        path = tmp_path / "snippets/demo.py"
        regions = {f"demo.py:{name}": each for name, each in read_regions(path, "demo.py").items()}
        calls = Calls(find_subjects(path.read_bytes(), regions, module))

        def profile(frame, event, value):
            if event == "call" and frame.f_code in calls.subjects:
                calls.see(frame)

        before = sys.getprofile()
        sys.setprofile(profile)
        try:
            make(module)
        finally:
            sys.setprofile(before)
        flows = find_flows(calls, f"{tmp_path / 'snippets'}/")
        return {name.partition(":")[2]: flow for name, flow in flows.items()}

    return seen


def ops(flow):
    return [step["op"] for step in flow["steps"]]


def step(flow, op, which=0):
    return [each for each in flow["steps"] if each["op"] == op][which]


class TestWhatIsShown:
    @pytest.fixture
    def block(self, seen):
        return seen(lambda module: module.Block(5)(torch.randn(2, 5, 3, 7)))["block"]

    def test_steps_are_those_that_the_code_writes(self, block):
        assert ops(block) == (
            "input conv2d view matmul softmax mul matmul mean linear sum mul relu add add".split()
        )
        assert block["of"] == "Block" and block["outputs"] == [13]

    def test_what_only_arranges_is_one_step_by_the_name_the_caller_gives(self, block):
        view = step(block, "view")
        assert (view["ops"], view["name"], view["axes"]) == (["flatten", "transpose"], "theta", ["B", "N", "D"])

    def test_what_a_factor_is_transposed_for(self, block):
        assert (step(block, "matmul")["turned"], step(block, "matmul")["of"]) == ([False, True], [2, 2])

    def test_parameters_by_their_modules(self, block):
        assert step(block, "conv2d")["uses"] == ["theta"] and step(block, "linear")["uses"] == ["squeeze"]
        assert step(block, "mul")["uses"] == ["w"] and step(block, "conv2d")["kernel"] == [1, 1]

    def test_axes_and_numbers_that_an_operation_was_told(self, block):
        assert (step(block, "softmax")["along"], step(block, "mean")["along"]) == ([2], [2, 3])
        assert step(block, "mul", 1)["scalar"] == 3

    def test_a_step_in_place_is_a_step(self, block):
        relu, add, _ = block["steps"][-3:]
        assert relu["op"] == "relu" and add["of"] == [ops(block).index("relu"), ops(block).index("linear")]

    def test_several_results(self, seen):
        flow = seen(lambda module: module.Block(5)(torch.randn(2, 5, 3, 7), both=True))["block"]
        assert [flow["steps"][each].get("name") for each in flow["outputs"]] == ["z", "weights"]

    def test_functions_are_one_step_each_where_there_are_too_many(self, seen):
        flow = seen(lambda module: module.long(torch.randn(2, 3)))["long"]
        assert ops(flow) == ["input", *["call"] * 10] and len(ops(flow)) <= MOST
        assert step(flow, "call") == {
            "op": "call", "of": [0], "shape": [2, 3], "axes": ["B", "n"],
            "function": "two_steps", "part": 0,
        }  # fmt: skip


class TestLetters:
    def test_only_where_they_are_certain(self, seen):
        """2 是 B，也是 theta、squeeze 的输出：跟着 B 变长的才是 B。"""
        flow = seen(lambda module: module.Block(5)(torch.randn(2, 5, 3, 7)))["block"]
        assert flow["sizes"] == {"B": 2, "C": 5, "H": 3, "W": 7, "D": 2, "N": 21}
        assert step(flow, "mean")["axes"] == ["B", "C"]
        assert step(flow, "matmul")["axes"] == ["B", "N", "N"]
        assert step(flow, "linear")["axes"] == ["B", "D"]

    def test_two_letters_of_one_size_are_told_apart(self, seen):
        flow = seen(lambda module: module.Block(5)(torch.randn(3, 5, 3, 3)))["block"]
        assert step(flow, "mean")["axes"] == ["B", "C"]
        assert step(flow, "conv2d")["axes"] == ["B", "D", "H", "W"]

    def test_none_in_the_docstring(self, seen):
        flow = seen(lambda module: module.once(torch.randn(3, 5)))
        assert flow == {}  # 再做一次就不行了

    @pytest.mark.parametrize(
        ("doc", "parameters", "returned"),
        [
            ("参数：x (B, C)，浮点；W、U (h, d, d)。\n返回：(B, C)。", {"x": "BC", "W": "hdd", "U": "hdd"}, ["BC"]),
            ("参数与返回：(B, N)，dtype 不变。", {"": "BN"}, ["BN"]),
            ("(B, N) → (N, B)。", {"": "BN"}, ["NB"]),
            ("a (B, N)，b (B, M) → (B, N, M)。", {"a": "BN", "b": "BM"}, ["BNM"]),
            ("乘 (1) 再加 (x + 1)，见式 (5)。", {}, []),
        ],
    )
    def test_docstrings(self, doc, parameters, returned):
        found, back = shapes_of(doc)
        assert {name: "".join(axes) for name, axes in found.items()} == parameters
        assert ["".join(axes) for axes in back] == returned

    @pytest.mark.parametrize(
        ("axes", "count", "letters"),
        [
            ("B, C, *空间", 5, "B C T H W"),
            ("..., n", 3, "- - n"),
            ("B, heads·d", 2, "B heads·d"),
            ("B, in_channels", 2, "B C"),
            ("B, 2d", 2, "B -"),
            ("B, C", 3, "- - -"),
        ],
    )
    def test_which_axis_is_which(self, axes, count, letters):
        assert bind(axes.split(", "), count) == [each.replace("-", "") for each in letters.split()]


class TestTheExample:
    def test_sizes_that_differ_then_fewest_options_then_small(self, seen):
        def make(module):
            module.Block(3)(torch.randn(1, 3, 1, 1))
            module.Block(5, inner=7)(torch.randn(2, 5, 3, 7))
            module.Block(5)(torch.randn(2, 5, 3, 11))
            module.Block(5)(torch.randn(2, 5, 3, 7))
            module.Block(5)(torch.randn(2, 5, 3, 7), both=True)

        flow = seen(make)["block"]
        assert (flow["sizes"]["W"], len(flow["outputs"]), flow["sizes"]["D"]) == (7, 1, 2)

    def test_the_docstring_has_the_first_word(self, seen):
        def make(module):
            module.Block(5)(torch.randn(2, 5, 3, 7))
            positions(module)
            assert doctest.testmod(module) == (0, 2)

        def positions(module):
            module.positions(torch.randn(4, 4, 5, 4))
            module.positions(torch.randn(2, 5, 3, 7))

        found = seen(make)
        assert (found["block"]["steps"][0]["shape"], len(found["block"]["outputs"])) == ([4, 4, 5, 4], 2)
        assert found["positions"]["steps"][0]["shape"] == [2, 5, 3, 7]  # not its own docstring

    @pytest.mark.parametrize("what", ["half", "large", "vmap", "empty", "remade"])
    def test_what_is_none(self, seen, what):
        def make(module):
            block, x = module.Block(5), torch.randn(2, 5, 3, 7)
            if what == "half":
                block.to(torch.bfloat16)(x.to(torch.bfloat16))
            elif what == "large":
                module.positions(torch.zeros(1, 100, 100, 100))
            elif what == "vmap":
                torch.vmap(module.positions)(x[None])
            elif what == "empty":
                module.positions(x[:0])
            else:
                block.scale = 2
                block(x)

        assert "block" not in (flows := seen(make)) and (what in ("half", "remade") or not flows)

    def test_what_a_transformation_of_torch_wraps_is_not_plain(self):
        found = []
        torch.vmap(lambda x: (found.append(is_plain(x)), x)[1])(torch.ones(2, 3))
        assert found == [False] and is_plain(torch.ones(2, 3))

    def test_a_region_is_about_what_has_its_name(self, seen):
        flows = seen(lambda module: module.positions(torch.randn(2, 5, 3, 7)))
        assert {name: flow["of"] for name, flow in flows.items()} == {"positions": "positions"}


class TestOnRecord:
    def test_it_is_bound_to_the_key_of_its_region(self, recorded):
        document = store.read_flows(recorded.root / "evidence", "numbers.py")
        assert list(document["flows"]) == ["numbers.py:double", "numbers.py:half"]
        for name, flow in document["flows"].items():
            assert flow["key"] == recorded.evidence["regions"][name]["key"]
        assert ops(document["flows"]["numbers.py:double"]) == ["input", "mul"]
        assert "flows" not in recorded.evidence

    def test_a_run_elsewhere_leaves_it(self, proven):
        path = proven.root / "evidence/numbers/flow.json"
        before = path.read_bytes()
        document = store.read_run(proven.root / "evidence", "numbers.py", "cpu") | {"device": "cuda", "flows": {}}
        store.write_run(proven.root / "evidence", "numbers.py", document)
        assert path.read_bytes() == before

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (lambda path: path.unlink(), "数据流图还没有"),
            (lambda path: path.write_text("{"), "数据流图读不出"),
            (lambda path: resign(path, "0" * 64), "数据流图已过期"),
        ],
    )
    def test_what_lacks_it_is_due(self, proven, change, why):
        change(proven.root / "evidence/numbers/flow.json")
        assert Judge(proven.root).due("cpu")[0] == Due("numbers.py", True, False, why)


def resign(path, key):
    folder = path.parents[1]
    document = copy.deepcopy(store.read_flows(folder, "numbers.py"))
    for flow in document["flows"].values():
        flow["key"] = key
    store.write_flows(folder, "numbers.py", document["flows"], document["recorded"])
