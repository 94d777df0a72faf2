"""与别的包比较的工具：先比结果，超过限度的是一个点，目标由量到的数判定。"""

import sys
from multiprocessing import forkserver

import pytest
import torch

from benchmarks import clock, figures, gains, precision, small, survey, tables
from benchmarks.__main__ import main
from benchmarks.apart import NO_MEMORY, NO_TIME, apart
from benchmarks.blocks import CASES, CLONE, COPY, OURS, PLAIN, SIZES, Case, Plain
from benchmarks.goals import NOT_MEASURED, goals
from benchmarks.measure import Failed
from benchmarks.plain import plain
from benchmarks.survey import Found, Options
from kb.figures.measured import parse
from snippets import SelfAttention

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="内存从 /proc 读")

OPTIONS = Options("cpu", limit=30, cap=16 * 2**30, budget=0.05)


@pytest.fixture(scope="module", autouse=True)
def own_forkserver():
    """一个进程只有一个 forkserver；这里的导入了 snippets，变异测试的不能用它。"""
    forkserver._forkserver._stop()
    yield
    forkserver._forkserver._stop()


class Doubled(Plain):
    """算的是另一个东西。"""

    def forward(self, x):
        return 2 * super().forward(x)


class Overwrites(Plain):
    """反向要用的一个中间结果被改掉了，输出是 factor 倍。"""

    factor = 1

    def forward(self, x):
        y = super().forward(x).exp()
        return self.factor * y.log() + 0 * y.mul_(1)


class OverwritesDoubled(Overwrites):
    factor = 2


def block():
    return SelfAttention(64)


def case(**others):
    return Case("case", "模块", "self_attention.py", block, {PLAIN: Plain} | others)


def test_a_peer_that_computes_something_else_is_shown_as_such():
    peers = case(same=Plain, other=Doubled, absent=lambda block: None)
    peers.others.update(stuck=Overwrites, both=OverwritesDoubled)
    found = Found(peers, clock.compare(peers))
    assert [figures.label(found, name) for name in peers.names] == [
        OURS, PLAIN, "same", "other（结果不同）", "absent", "stuck", "both（结果不同）"
    ]  # fmt: skip
    assert found.differences["other"][0] == pytest.approx(1)
    assert found.differences["absent"] == (clock.ABSENT, clock.ABSENT)
    assert found.differences["stuck"][1] == clock.NO_GRADIENT
    verdicts = {row[1]: row[-1] for row in tables.agreement_table({"case": found})["rows"]}
    assert verdicts == {
        OURS: "结果相同", "same": "结果相同", "other": "结果不同",
        "absent": "没有安装", "stuck": "结果相同", "both": "结果不同",
    }  # fmt: skip


def test_nothing_is_compared_where_our_own_forms_differ():
    with pytest.raises(Failed, match="本站与先存 N×N 矩阵的结果不同"):
        clock.compare(case(**{PLAIN: Doubled}))


@pytest.mark.parametrize("name", CASES)
def test_peers_get_the_weights_of_ours(name):
    found = Found(CASES[name], clock.compare(CASES[name]))
    installed = [peer for peer, (output, _) in found.differences.items() if output != clock.ABSENT]
    different = [peer for peer in installed if not found.agrees(peer)]
    assert set(different) <= {"mmcv（默认的 use_scale）"}


def test_what_goes_beyond_a_limit_is_a_reason():
    plain = (clock.once, "non-local-dot-product", PLAIN, (64, 64), False, "cpu")
    assert apart(*plain, limit=0) == NO_TIME
    if sys.platform.startswith("linux"):
        assert apart(*plain, limit=60, cap=2**25) == NO_MEMORY


@linux
def test_memory_is_that_of_the_call():
    matrix = 4 * (64 * 64) ** 2
    _, taken = apart(clock.once, "non-local-gaussian", PLAIN, (64, 64), False, "cpu", limit=60)
    assert matrix < taken < 4 * matrix
    _, small = apart(clock.once, "channel-attention", COPY, (64, 64), False, "cpu", limit=60)
    assert 4 * 64 * 64**2 <= small + 2**18 < matrix / 8  # 按页记，有几十页出入


@pytest.mark.parametrize(
    ("one_round", "rounds"), [(0.01, 30), (0.2, 10), (0.3, 6), (0.45, 5), (1.2, 5), (1.5, 4), (2.5, 2), (9.0, 1)]
)
def test_few_rounds_may_take_longer(one_round, rounds):
    assert clock.rounds_in(2, one_round) == rounds


@linux
def test_asking_for_a_gpu_starts_no_driver():
    """Of what is imported before the forks, mmengine asks."""
    assert torch.cuda._nvml_based_avail()


def test_an_error_of_any_other_kind_ends_the_run():
    with pytest.raises(Failed, match="KeyError: '没有的'"):
        apart(clock.once, "没有的", OURS, (8, 8), False, "cpu", limit=60)


def test_a_larger_size_is_not_tried_after_a_failure(monkeypatch):
    asked = []

    def answer(function, name, *arguments, limit, cap):
        if function is clock.agreement:
            return {OURS: (0.0, 0.0), PLAIN: (0.0, 0.0), "mmcv": (clock.ABSENT, clock.ABSENT)}
        if function is clock.in_turns:
            return dict.fromkeys(arguments[0], 0.5)
        asked.append(arguments)
        who, size, *_ = arguments
        return NO_MEMORY if who == PLAIN and size != (8, 8) else (0.5, 10**6)

    monkeypatch.setattr(survey, "apart", answer)
    found = survey.survey(CASES["non-local-gaussian"], list(SIZES[:3]), OPTIONS)
    for curves in (found.seconds, found.bytes):
        assert curves[True]["mmcv"] == dict.fromkeys((64, 256, 1024), clock.ABSENT)
        assert list(curves[False][PLAIN].values())[1:] == [NO_MEMORY, NO_MEMORY]
        assert list(curves[False][OURS]) == [64, 256, 1024]
    assert [size for who, size, *_ in asked if who == PLAIN] == 2 * [(8, 8), (16, 16)]
    assert "mmcv" not in [who for who, *_ in asked]


def test_an_error_of_a_peer_is_a_point_and_one_of_ours_is_not(monkeypatch):
    def answer(function, *arguments, **_):
        if function is clock.agreement:
            return {OURS: (0.0, 0.0), PLAIN: (0.0, 0.0)}
        if function is clock.in_turns:
            return dict.fromkeys(arguments[1], 0.5)
        if arguments[1] == wrong:
            raise Failed("RuntimeError: 33")
        return 0.5, 10**6

    monkeypatch.setattr(survey, "apart", answer)
    wrong = PLAIN
    found = survey.survey(case(), [(8, 8)], OPTIONS)
    assert found.seconds[False] == {OURS: {64: 0.5}, PLAIN: {64: "出错"}}
    wrong = OURS
    with pytest.raises(Failed, match="33"):
        survey.survey(case(), [(8, 8)], OPTIONS)


def test_slower_than_the_limit_in_its_turn_is_beyond_it_too(monkeypatch):
    answers = {clock.once: (20.0, 10**6), clock.in_turns: {OURS: 31.0, PLAIN: 29.0}}
    differences = {OURS: (0.0, 0.0), PLAIN: (0.0, 0.0)}
    monkeypatch.setattr(survey, "apart", lambda function, *_, **__: answers.get(function, differences))
    found = survey.survey(case(), [(8, 8)], OPTIONS)
    assert found.seconds[False] == {OURS: {64: NO_TIME}, PLAIN: {64: 29.0}}


def test_median_of_turns(monkeypatch):
    times = iter([9.0, 90.0] + [2.0, 20.0, 1.0, 10.0, 3.0, 30.0, 5.0, 50.0])
    monkeypatch.setattr(clock, "seconds_of", lambda *_: next(times))
    expected = {OURS: 0.1, PLAIN: 0.9}
    arguments = ("non-local-gaussian", expected, (8, 8), False, "cpu", 4.0)
    assert clock.in_turns(lambda: None, *arguments) == {OURS: 2.5, PLAIN: 25.0}


def test_points_without_a_value_say_why():
    curve = {64: 0.5, 4096: 2.0, 16384: 8.0, 65536: 32.0, 518400: NO_MEMORY}
    made = figures.series(OURS, curve)
    assert made["ours"] and made["points"][-1] == {"x": 518400, "y": None, "why": NO_MEMORY}
    assert made["slope"] == pytest.approx(1)  # 64 个位置的不算
    assert "slope" not in figures.series("别的", {64: 0.5, 256: NO_TIME})
    assert figures.with_small({64: 0, 256: 10**6}) == {64: figures.TOO_SMALL, 256: 10**6}


def found_of(name, seconds, taken=None, differences=None):
    """前向与反向一样的一次测量。"""
    names = [name for name in seconds if name not in (COPY, CLONE)]
    differences = dict.fromkeys(names, (0.0, 0.0)) | (differences or {})
    both = dict.fromkeys((False, True), seconds), dict.fromkeys((False, True), taken or {})
    return {name: Found(CASES[name], differences, *both)}


LIMITS = {"product": 1e11, "copy": 1e10, "tanh": 1e9}


def rows(found, precision=None, options=OPTIONS, few=None):
    return {tuple(row[:2]): row[2:] for row in goals(found, precision or {}, options, LIMITS, few or {})}


def test_goals_against_each_peer():
    found = found_of(
        "non-local-dot-product",
        {OURS: {4096: 0.01}, PLAIN: {4096: 0.2}, "mmcv": {4096: 0.3}, "别的": {4096: 9.0}},
        {OURS: {4096: 10, 518400: 2**31}, PLAIN: {4096: NO_MEMORY}, "mmcv": {4096: 79}},
        {"别的": (0.5, 0.5)},
    )
    got = rows(found)
    fast, less = "非局部模块 · 点积，64×64，快", "非局部模块 · 点积，64×64，省内存"
    assert got[fast, PLAIN] == ["≥ 25 倍", "20 倍", "20 倍", "未达到，差 1.25 倍"]
    assert got[fast, "mmcv"] == ["≥ 25 倍", "30 倍", "30 倍", "达到"]
    assert got[less, PLAIN] == ["≥ 8 倍", "超过 1,717,986,918 倍", "超过 1,717,986,918 倍", "达到"]
    assert got[less, "mmcv"] == ["≥ 8 倍", "7.9 倍", "7.9 倍", "未达到，差 1.01 倍"]
    assert (fast, "别的") not in got  # 结果不同的不比
    assert got["非局部模块 · 点积，960×540，内存", "—"] == ["< 2 GiB", "2.00 GiB", "2.00 GiB", "达到"]


def test_goals_where_something_is_missing():
    seconds = {OURS: {4096: 1.0}, PLAIN: {4096: NO_TIME}, "mmcv": {4096: NO_MEMORY}}
    got = rows(found_of("non-local-concatenation", seconds))
    fast, less = "非局部模块 · 拼接，64×64，快", "非局部模块 · 拼接，64×64，省内存"
    assert got[fast, PLAIN][1:] == ["超过 30 倍", "超过 30 倍", "不能判定"]
    assert got[fast, "mmcv"][1:] == ["对方内存不够"] * 3
    assert got[less, "mmcv"][1:] == [NOT_MEASURED] * 3
    got = rows(found_of("non-local-concatenation", seconds | {OURS: {4096: NO_TIME}}))
    assert got[fast, PLAIN][-1] == "本站超过时限"


def test_goals_at_every_size():
    seconds = {OURS: {64: 1.0, 256: 1.0}, PLAIN: {64: 0.94, 256: 2.0}, "mmcv": {64: 0.96, 256: NO_TIME}}
    got = rows(found_of("non-local-gaussian", seconds))
    never = "非局部模块 · 高斯，各种大小都不慢"
    assert got[never, PLAIN] == ["≥ 1 倍", "最差 0.94 倍（N = 64）"] + [
        "最差 0.94 倍（N = 64）", "未达到，差 1.01 倍"
    ]  # fmt: skip
    assert got[never, "mmcv"][-1] == "达到"  # 差 5 % 以内


def test_goals_at_the_limit_of_memory():
    seconds = {OURS: {64: 99.0, 518400: 1.2}, COPY: {64: 1.0, 518400: 0.4}, CLONE: {64: 1.0, 518400: 1.0}}
    got = rows(found_of("channel-attention", seconds))
    near = "通道注意力，大于缓存时离内存极限"
    assert got[near, COPY] == ["≤ 1.3 倍", "2 倍", "—", "未达到，差 1.54 倍"]
    assert got[near, CLONE] == ["≤ 1.3 倍", "1 倍", "—", "达到"]


def test_goals_next_to_the_limit():
    """4096² · 64 个 tanh，每秒 10⁹ 个：1.074 秒；点积 518400 个位置，1.06e10 次运算，每秒 10¹¹：0.106 秒。"""
    seconds = {OURS: {4096: 2.0}, PLAIN: {4096: 9.0}}
    got = rows(found_of("self-attention-perceptron", seconds))
    assert got["自注意力 · 感知机，N = 4,096，离极限", "tanh的极限"] == ["≤ 2 倍", "1.86 倍", "—", "达到"]
    got = rows(found_of("non-local-dot-product", {OURS: {518400: 0.4}}))
    assert got["非局部模块 · 点积，N = 518,400，离极限", "运算的极限"] == ["≤ 3 倍", "3.77 倍", "—", "未达到，差 1.26 倍"]
    got = rows(found_of("non-local-dot-product", {OURS: {}}))
    assert got["非局部模块 · 点积，N = 518,400，离极限", "—"][1:] == [NOT_MEASURED, "—", NOT_MEASURED]


def test_goals_where_there_are_few_positions():
    few = {"non-local-gaussian": {False: {4: {"a": 0.98, "b": 1.2}, 8: {"a": 2.0}}, True: {4: {"a": 1.1}, 8: {"a": 0.9}}}}
    found = found_of("non-local-gaussian", {OURS: {}})
    row = rows(found, few=few)["非局部模块 · 高斯，位置少时不慢", "最快的一个"]
    assert row == ["≥ 0.97 倍", "最差 0.98 倍（4×4）", "最差 0.9 倍（8×8）", "未达到，差 1.08 倍"]
    assert tables.small_table(found, few)["rows"] == [
        ["非局部模块 · 高斯", "前向", "0.98", "2.00"], ["非局部模块 · 高斯", "前向加反向", "1.10", "0.90"]
    ]  # fmt: skip


@pytest.mark.parametrize("name", [name for name, each in CASES.items() if not each.limits])
def test_ten_lines_compute_the_same(name):
    case = CASES[name]
    ours, other = (module.double() for module in (case.build(OURS), plain(case.build(OURS))))
    x = case.input(clock.ODD).double()
    got, expected = (clock.output_and_gradient(module, x) for module in (other, ours))
    assert clock.agrees(tuple(clock.relative(*pair) for pair in zip(got, expected, strict=True)))


def test_a_peer_without_a_gradient_is_not_asked_for_one():
    peers = case(same=Plain, other=Doubled, absent=lambda block: None, stuck=Overwrites)
    found = Found(peers, clock.compare(peers))
    assert small.peers_in(found, backward=False) == ["same", "stuck"]
    assert small.peers_in(found, backward=True) == ["same"]


def test_few_positions_are_measured_in_turns():
    ratios = small.in_turns(lambda: None, "non-local-gaussian", [], True, "cpu", 2)
    assert list(ratios) == [4, 6, 8, 12, 16]
    assert all(set(each) == {small.WRITTEN_OUT} and each[small.WRITTEN_OUT] > 0 for each in ratios.values())


def test_gains():
    seconds = {OURS: {4096: 0.01, 518400: 0.25}, PLAIN: {4096: 0.2}}
    found = found_of("non-local-dot-product", seconds, {OURS: {4096: 10}, PLAIN: {4096: 85}})
    ((title, why, *numbers),) = gains.gains_table(found, OPTIONS)["rows"]
    assert (title, why) == ("非局部模块 · 点积", gains.WHY["non-local-dot-product"])
    assert numbers == ["20 倍", "20 倍", "8.5 倍", "250 毫秒"]
    assert [gains.seconds(each) for each in (1.234, NO_TIME)] == ["1.2 秒", NO_TIME]


def test_a_figure_stands_on_what_its_block_imports():
    inputs = figures.read_inputs(figures.ROOT)
    assert "snippets/fused.py" in figures.stands_on("self_attention.py", inputs)
    assert not {"snippets/fused.py", "snippets/non_local.py"} & set(figures.stands_on("channel_attention.py", inputs))


def test_goals_of_precision():
    curves = {f"{OURS}，float32": {100: 1e-7, 1000: 3e-6}, f"{PLAIN}，float32": {100: 1e-7, 1000: 2e-7}}
    ((_, row),) = rows({}, {"concatenation": curves}).items()
    assert row == ["≤ 10 倍", "15 倍", "—", "未达到，差 1.50 倍"]


@pytest.mark.parametrize("form", precision.FORMS)
def test_errors_are_those_of_rounding(form, monkeypatch):
    for dtype, least, most in (("float32", 1e-8, 1e-5), ("bfloat16", 1e-4, 0.1)):
        for error in precision.errors(lambda: None, form, dtype, 1000, "cpu"):
            assert least < error < most
    ours, plain = precision.FORMS[form]
    monkeypatch.setitem(precision.FORMS, form, (lambda *inputs: 2 * ours(*inputs), plain))
    assert precision.errors(lambda: None, form, "float32", 1000, "cpu")[0] == pytest.approx(1, rel=1e-4)


def test_all_parameters_are_random():
    ours = CASES["non-local-concatenation"].build(OURS)
    assert all(parameter.count_nonzero() == parameter.numel() for parameter in ours.parameters())
    plain = CASES["non-local-concatenation"].build(PLAIN)
    assert torch.equal(ours.out.weight, plain.block.out.weight)


def test_quick_run(tmp_path):
    main(["--quick", "--only", "channel-attention-channels-last", "--json", str(tmp_path / "cpu.json")])
    document = parse((tmp_path / "cpu.json").read_bytes(), "cpu.json")
    assert document["command"] == "python -m benchmarks --quick --only channel-attention-channels-last"
    assert {"snippets/channel_attention.py", "benchmarks/clock.py"} <= set(document["inputs"])
    assert not any(path.startswith("kb/") for path in document["inputs"])
    time = document["figures"]["channel-attention-channels-last-time"]
    assert set(time["inputs"]) <= set(document["inputs"])
    assert [series["name"] for series in time["series"]][:1] == [OURS]
    for figure in document["figures"].values():
        for series in figure.get("series", []):
            assert [point["x"] for point in series["points"]] == [64, 256]
            assert all(point["y"] or point["why"] for point in series["points"])
        assert all(len(row) == len(figure["columns"]) for row in figure.get("rows", []))


def test_numbers_of_code_that_changed_meanwhile_are_refused(monkeypatch):
    answers = iter(({"snippets/a.py": "1", "b.py": "1"}, {"snippets/a.py": "2", "b.py": "1"}))
    monkeypatch.setattr(figures, "read_inputs", lambda root: next(answers))
    monkeypatch.setattr(main.__globals__["precision"], "FORMS", {})
    monkeypatch.setitem(main.__globals__, "survey", lambda case, *_: Found(case, {}))
    with pytest.raises(SystemExit, match=r"量的时候 snippets/a\.py 改了"):
        main(["--quick", "--only", "channel-attention"])


def test_an_unknown_name_is_refused():
    with pytest.raises(SystemExit, match="--only 应是这些名字之一.*channel-attention"):
        main(["--quick", "--only", "没有的"])
