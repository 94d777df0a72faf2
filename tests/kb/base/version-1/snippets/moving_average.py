"""滑动平均：把每个数换成一个窗口里的平均。"""

from torch import Tensor


# --8<-- [start:moving_average] 滑动平均
def moving_average(x: Tensor, width: int) -> Tensor:
    """y_i = (x_i + … + x_{i+w−1}) / w，沿最后一维。

    参数：x (..., n)，浮点；width 是窗口的宽度 w，1 ≤ w ≤ n。
    返回：(..., n − w + 1)，dtype 同 x。
    异常：窗口放不下时抛 ValueError。
    """
    if not 1 <= width <= x.shape[-1]:
        raise ValueError(f"width 应在 1 到 {x.shape[-1]} 之间，得到 {width}")
    windows = x.unfold(-1, width, 1)  # (..., n − w + 1, w)，不复制
    return windows.sum(-1) / width
# --8<-- [end:moving_average]
