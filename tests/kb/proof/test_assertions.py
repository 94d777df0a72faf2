"""三种断言本身：该失败时失败，看到什么就记下什么。"""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from kb.proof import DTYPES, TOLERANCE, assert_agrees, assert_holds, assert_refuses, assertions, children
from kb.proof import assertions
from kb.proof.assertions import FACTS, FAILED, SPREAD


@pytest.fixture(autouse=True)
def no_facts():
    FACTS.clear()
    FAILED.clear()
    assertions.RETURNED.clear()


def refuse(x):
    raise ValueError(f"x 应为正数，得到 {x}")


class TestAgrees:
    @pytest.mark.parametrize("dtype", DTYPES, ids=str)
    def test_up_to_the_tolerance_and_no_further(self, dtype):
        relative, absolute = TOLERANCE[dtype]
        expected = torch.tensor([1.0, -100.0], dtype=torch.float64)
        allowed = relative * 100 + absolute
        actual = expected.to(dtype, copy=True)
        assert_agrees(actual, expected, "x")
        assert_agrees(actual, expected + torch.tensor([0.0, 0.5 * allowed]), "x")
        with pytest.raises(AssertionError, match=f"与 x 相差 .*，{dtype} 允许"):
            assert_agrees(actual, expected + torch.tensor([1.5 * allowed, 0.0]), "x")

    @pytest.mark.parametrize("dtype", DTYPES, ids=str)
    def test_where_the_reference_is_zero(self, dtype):
        zero, absolute = torch.zeros(1, dtype=torch.float64), TOLERANCE[dtype][1]
        assert_agrees(zero.to(dtype), zero + 0.9 * absolute / (1 + TOLERANCE[dtype][0]), "x")
        with pytest.raises(AssertionError):
            assert_agrees(torch.full((1,), 1.5 * absolute, dtype=dtype), zero, "x")

    def test_nan_agrees_with_nothing(self):
        with pytest.raises(AssertionError):
            assert_agrees(torch.tensor([float("nan")]), torch.tensor([1.0]), "x")
        with pytest.raises(AssertionError):
            assert_agrees(torch.tensor([1.0]), torch.tensor([float("nan")]), "x")

    def test_shapes(self):
        with pytest.raises(AssertionError, match="形状"):
            assert_agrees(torch.ones(2, 1), torch.ones(2), "x")

    def test_what_it_remembers(self):
        assert_agrees(torch.tensor([2.0, 4.0]), torch.tensor([2.0, 4.00002], dtype=torch.float64), "手算")
        (fact,) = FACTS
        assert fact["absolute"] == pytest.approx(2e-5)
        assert fact["relative"] == pytest.approx(5e-6, rel=1e-4)
        del fact["absolute"], fact["relative"]
        assert len(fact.pop("expected")) == 40
        assert fact == {"kind": "reference", "name": "手算", "device": "cpu", "dtype": "float32", "of": []}

    @pytest.mark.parametrize(
        ("compare", "of"),
        [
            (lambda y: y, ["snippets/half.py:3"]),
            (lambda y: y.detach(), ["snippets/half.py:3"]),
            (lambda y: y.clone(), []),
            (lambda y: y * 1, []),
            (lambda y: y.mul_(1 + 1e-6), []),
            (lambda y: y.data.mul_(1 + 1e-6), []),  # 张量自己没有数这一次
            (lambda y: torch.from_dlpack(y).mul_(1 + 1e-6), []),
            (lambda y: y.mT, []),
            (lambda y: y.flatten(), ["snippets/half.py:3"]),
            (lambda y: y[:, ::2], []),
            (lambda y: y[1:], ["snippets/half.py:3"]),
            (lambda y: y[:, None, 1], ["snippets/half.py:3"]),
        ],
    )
    def test_whose_value_it_is(self, compare, of):
        """返回的那个张量，或者切下的一块：没有抄过、改过、换过样子。"""
        y = torch.ones(2, 3)
        assertions.returned("snippets/half.py:3", {"y": [y, 1]}, "x")
        actual = compare(y)
        assert_agrees(actual, torch.ones(actual.shape), "x")
        assert FACTS[0]["of"] == of

    def test_large_values_are_not_held(self):
        y = torch.zeros(assertions.REMEMBERED + 1)
        assertions.returned("snippets/half.py:3", y)
        assert not assertions.RETURNED

    def test_tensors_without_numbers_are_not_held(self):
        def seen(x):
            assertions.returned("snippets/half.py:3", x)
            return x.sum()

        torch.func.vmap(seen)(torch.ones(2, 3))
        torch.func.grad(seen)(torch.ones(2))
        seen(torch.ones(2, device="meta"))
        seen(torch.ones(2).to_sparse())
        with FakeTensorMode():
            seen(torch.ones(2))
        assert not assertions.RETURNED

    def test_what_did_not_hold_is_not_remembered(self):
        for attempt in (
            lambda: assert_agrees(torch.tensor([2.0]), torch.tensor([3.0]), "手算"),
            lambda: assert_holds(1, "是偶数", lambda n: n % 2 == 0),
            lambda: assert_refuses("应为负数", refuse, -1),
        ):
            with pytest.raises(AssertionError):
                attempt()
        assert FACTS == []
        assert [(name, message.partition("，")[0]) for name, message, _ in FAILED] == [
            ("assert_agrees", "与 手算 相差 1"),
            ("assert_holds", "不成立：是偶数"),
            ("assert_refuses", "Regex pattern did not match."),
        ]
        assert [bool(expected) for *_, expected in FAILED] == [True, False, False]

    @pytest.mark.parametrize("look", [lambda x: x, lambda x: x.view(2), lambda x: x.detach(), lambda x: x[:]])
    def test_a_tensor_does_not_agree_with_itself(self, look):
        x = torch.ones(2)
        with pytest.raises(AssertionError, match="与被检验的是同一块内存"):
            assert_agrees(x, look(x), "x")

    @pytest.mark.parametrize("value", [float("inf"), -float("inf"), float("nan")])
    def test_a_reference_is_finite(self, value):
        with pytest.raises(AssertionError, match="有无穷大或 NaN"):
            assert_agrees(torch.tensor([1.0, 1.0]), torch.tensor([1.0, value]), "x")

    def test_nobody_widens_the_tolerance(self):
        with pytest.raises(TypeError):
            TOLERANCE[torch.float32] = (1e5, 1e5)

    @pytest.mark.parametrize("huge", [1e6, -1e9, 1e30])
    def test_one_huge_value_hides_nothing(self, huge):
        expected = torch.tensor([huge] + [1.0, -2.0, 0.5] * 5, dtype=torch.float64)
        wrong = expected + torch.tensor([0.0] + [0.01] * 15, dtype=torch.float64)
        with pytest.raises(AssertionError, match="与 x 相差 0.01，"):
            assert_agrees(wrong.float(), expected, "x")
        assert_agrees(expected.float(), expected, "x")
        assert FACTS[0]["relative"] < 1e-6

    def test_the_small_ones_are_measured_by_the_scale(self):
        expected = torch.tensor([1.0, 1.0, 1e-3], dtype=torch.float64)
        assert_agrees(expected + torch.tensor([0.0, 0.0, 5e-13]), expected, "x")
        assert FACTS[0]["relative"] == pytest.approx(5e-13, rel=1e-2)
        assert SPREAD > 1

    @pytest.mark.parametrize("other", [torch.int64, torch.complex64, torch.bool])
    def test_what_has_no_tolerance(self, other):
        with pytest.raises(AssertionError, match=f"{other} 没有允许的误差"):
            assert_agrees(torch.ones(1, dtype=other), torch.ones(1), "x")

    def test_a_class_that_agrees_with_everything(self):
        class Anything(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                return torch.zeros(1) if function is torch.Tensor.__sub__ else super().__torch_function__(function, types, args, kwargs)

        wrong = torch.ones(1).as_subclass(Anything)
        for pair in ((wrong, torch.zeros(1)), (torch.ones(1), wrong)):
            with pytest.raises(AssertionError, match="^Anything 不是普通的张量"):
                assert_agrees(*pair, "x")
        assert_agrees(torch.nn.Parameter(torch.ones(1)), torch.ones(1), "x")

    @pytest.mark.parametrize("kind", [TorchFunctionMode, TorchDispatchMode])
    def test_a_mode_that_exchanges_operators(self, kind):
        class Mode(kind):
            def __torch_function__(self, function, types, args=(), kwargs=None):
                return function(*args, **(kwargs or {}))

            __torch_dispatch__ = __torch_function__

        with Mode(), pytest.raises(AssertionError, match="^Mode 正在换掉 torch 的算子"):
            assert_agrees(torch.ones(1), torch.ones(1), "x")

    def test_a_default_device_exchanges_none(self):
        with torch.device("cpu"):
            assert_agrees(torch.ones(1), torch.ones(1), "x")

    def test_next_to_nothing_there_is_no_relative_error(self):
        assert_agrees(torch.tensor([2e-8]), torch.tensor([1e-8]), "x")
        assert FACTS[0]["relative"] is None


class TestHolds:
    def test_passes(self):
        assert_holds(torch.ones(2), "为正", lambda x: x > 0)
        assert_holds(3, "是奇数", lambda n: n % 2 == 1)
        assert FACTS == [
            {"kind": "property", "name": "为正", "device": "cpu", "dtype": "float32"},
            {"kind": "property", "name": "是奇数", "device": None, "dtype": None},
        ]

    def test_the_device_is_the_tensors(self):
        assert_holds(torch.ones(2, device="meta"), "有两个", lambda x: len(x) == 2)
        assert FACTS[0]["device"] == "meta"

    @pytest.mark.parametrize("subject", [torch.tensor([1.0, -1.0]), torch.tensor([[-1.0]])])
    def test_fails_where_one_element_does_not_hold(self, subject):
        with pytest.raises(AssertionError, match="不成立：为正"):
            assert_holds(subject, "为正", lambda x: x > 0)

    def test_fails(self):
        with pytest.raises(AssertionError, match="不成立：是奇数"):
            assert_holds(2, "是奇数", lambda n: n % 2 == 1)


class TestRefuses:
    def test_passes(self):
        assert_refuses(r"^x 应为正数，得到 -1$", refuse, -1)
        assert_refuses("应为正数", refuse, x=torch.tensor([1], dtype=torch.int64))
        assert [(fact["kind"], fact["device"], fact["dtype"]) for fact in FACTS] == [
            ("error", None, None),
            ("error", "cpu", "int64"),
        ]

    def test_fails_without_an_error(self):
        with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
            assert_refuses("应为正数", abs, -1)

    def test_fails_with_other_words(self):
        with pytest.raises(AssertionError, match="Regex pattern did not match"):
            assert_refuses("应为负数", refuse, -1)

    @pytest.fixture
    def snippet(self, tmp_path, monkeypatch):
        """A function of a file in snippets/, which raises what it is given."""
        monkeypatch.setattr(children, "ROOT", [tmp_path])
        path = tmp_path / "snippets/refuse.py"
        path.parent.mkdir()
        path.write_text("def refuse(error):\n    raise error\n", "utf-8")
        space = {}
        exec(compile(path.read_text("utf-8"), path, "exec"), space)
        return space

    @pytest.mark.parametrize("kind", [TypeError, IndexError, KeyError, RuntimeError, NotImplementedError, ValueError])
    def test_another_class(self, snippet, kind):
        assert_refuses(kind("x 应为.*张量"), snippet["refuse"], kind("x 应为一个张量"))
        assert [fact["kind"] for fact in FACTS] == ["error"]

    def test_not_a_class_below_it(self, snippet):
        with pytest.raises(AssertionError, match="应是 RuntimeError，得到它的子类 NotImplementedError"):
            assert_refuses(RuntimeError("x"), snippet["refuse"], NotImplementedError("x"))

    def test_not_a_call_with_other_arguments(self, snippet):
        with pytest.raises(AssertionError, match="应由 snippets/ 里的代码提出"):
            assert_refuses(TypeError("argument"), snippet["refuse"])

    def test_other_errors_pass_through(self):
        with pytest.raises(ZeroDivisionError):
            assert_refuses("x", lambda: 1 / 0)
