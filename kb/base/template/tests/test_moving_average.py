"""滑动平均：与逐个数的循环相比；有该有的性质；窗口放不下就拒绝。"""

import pytest
import torch

from kb.proof import assert_agrees, assert_holds, assert_refuses
from snippets.moving_average import moving_average


def by_loops(x, width):
    """参考实现：Python 的数，一个一个加，float64。"""
    rows = x.flatten(0, -2).tolist()
    averages = [[sum(row[i : i + width]) / width for i in range(len(row) - width + 1)] for row in rows]
    return torch.tensor(averages, dtype=torch.float64).reshape(*x.shape[:-1], -1)


@pytest.mark.parametrize("width", [1, 2, 5, 7])
def test_against_loops(device, dtype, width):
    x = torch.randn(2, 3, 7).to(device, dtype)
    assert_agrees(moving_average(x, width), by_loops(x, width), "逐个数的循环，float64")


def test_a_constant_stays(device):
    x = torch.full((5,), 3.0, device=device)
    assert_holds(moving_average(x, 2), "常数的平均还是它", lambda y: (y == 3) & (len(y) == 4))


@pytest.mark.parametrize("width", [0, 8])
def test_refuses_a_window_that_does_not_fit(width):
    assert_refuses(rf"^width 应在 1 到 7 之间，得到 {width}$", moving_average, torch.zeros(7), width)
