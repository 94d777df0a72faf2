"""几个模块共用的：各阶导数都算得出、内存又省的写法，和 float16 放不下的中间结果。

B 批大小；heads 个头；N 个 query、M 个 key；query、key 的宽 d，value 的宽 e。
PyTorch 自己的 checkpoint 不能放进 vmap，融合的注意力没有二阶导数和前向模式。
"""

import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.func import vjp
from torch.utils.checkpoint import checkpoint


# --8<-- [start:recompute] 求导时重新算一遍，中间结果不存着
def recompute(function: Callable, *inputs: Tensor) -> Tensor:
    """function(*inputs)，只存 inputs；求导时重新算，任何阶、任何方式都行。

    编译、导出时用 PyTorch 的 checkpoint，图里放不下自己写了 jvp 的 Function。

    参数：function 的结果只由 inputs 决定，一个张量；inputs 是它的参数。
    出处：Chen 等 2016，Training Deep Nets with Sublinear Memory Cost
        （arXiv 1604.06174）。
    """
    if torch.compiler.is_compiling():
        return checkpoint(function, *inputs, use_reentrant=False, preserve_rng_state=False)
    device = inputs[0].device.type
    if is_autocast(device):  # 重新算时也照样
        function = torch.autocast(device)(function)
    return Recomputed.apply(function, *inputs)


def is_autocast(device: str) -> bool:
    """这种设备上正开着 autocast；meta 这样没有 autocast 的设备，问就出错。"""
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


class Recomputed(Function):
    """导数也是一个重新算的函数，所以它的导数还是：到几阶都一样。"""

    @staticmethod
    def forward(function: Callable, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        return function(*inputs)

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor | tuple[Tensor, ...]) -> None:
        ctx.function, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        function = gradients_of(ctx.function, len(gradients))
        return None, *Recomputed.apply(function, *gradients, *ctx.saved_tensors)

    @staticmethod
    def jvp(ctx, _, *tangents: Tensor | None) -> Tensor | tuple[Tensor, ...]:
        return push(ctx.function, ctx.saved_tensors, tangents)

    @staticmethod
    def vmap(info, dims: tuple, function: Callable, *inputs: Tensor):
        batched = torch.vmap(function, in_dims=dims[1:])
        return Recomputed.apply(batched, *inputs), 0


def gradients_of(function: Callable, outputs: int = 1) -> Callable:
    """(各输出的梯度, 各输入) → 各输入的梯度。"""

    def gradients(*both: Tensor) -> tuple[Tensor, ...]:
        given, inputs = both[:outputs], both[outputs:]
        y, pull = vjp(function, *inputs)
        return pull(given[0] if isinstance(y, Tensor) else given)

    return gradients


def push(function: Callable, inputs: tuple, tangents: tuple):
    """function 沿 tangents 的方向导数。

    梯度 Jᵀu 对 u 是线性的，它转置的转置就是 J：求两次反向，前向模式里也能用，
    那里不能再套一层前向模式。
    """
    y, pull = vjp(function, *inputs)
    zeros = torch.zeros_like(y) if isinstance(y, Tensor) else tuple(map(torch.zeros_like, y))
    return vjp(pull, zeros)[1](tangents_of(tangents, inputs))[0]


def tangents_of(tangents: tuple, inputs: tuple) -> tuple[Tensor, ...]:
    """没有的一个是零。"""
    return tuple(
        torch.zeros_like(each) if tangent is None else tangent
        for tangent, each in zip(tangents, inputs)
    )
# --8<-- [end:recompute]


# --8<-- [start:attention] 融合的注意力，各阶导数都有
def fused_attention(
    query: Tensor, key: Tensor, value: Tensor, scale: float
) -> Tensor:
    """softmax(scale · q·k) @ value，内存随 N、M 而不随 N·M 增长，求几阶导都是。

    PyTorch 的融合内核要求每个张量最后一维连续，query 与 value 等宽，CUDA 上还要按
    16 字节对齐，否则会不声不响地退回去存 N×M 矩阵。所以先补零到同一个 8 的倍数：
    补的零不改变点积，输出里多出的列再截掉。CUDA 上没有 float64 的融合内核，只能存。

    参数：query (B, heads, N, d)；key (B, heads, M, d)；
        value (B, heads, M, e)；scale 乘在点积上。
    返回：(B, heads, N, e)，dtype 同输入。

    >>> query, key, value = torch.randn(3, 2, 4, 48, 16)
    >>> tuple(fused_attention(query, key, value, scale=0.25).shape)
    (2, 4, 48, 16)
    """
    width = -(-max(query.shape[-1], value.shape[-1]) // 8) * 8
    dtype = torch.promote_types(query.dtype, value.dtype)  # autocast 里可能不同
    padded = (pad(tensor.to(dtype), width) for tensor in (query, key, value))
    if torch.compiler.is_compiling():  # 同 recompute
        y = F.scaled_dot_product_attention(*padded, scale=scale)
    else:
        y, _ = Fused.apply(*padded, scale)
    return y[..., : value.shape[-1]]


def pad(tensor: Tensor, width: int) -> Tensor:
    """最后一维补零到 width，连续；本来就是的不复制。"""
    missing = width - tensor.shape[-1]
    return (F.pad(tensor, (0, missing)) if missing else tensor).contiguous()


class Fused(Function):
    """PyTorch 的融合内核；它的反向内核没有导数，所以也包成一个 Function。

    两者的导数，都是 attention_in_blocks 的，那里面是普通的算子。
    """

    @staticmethod
    def forward(query: Tensor, key: Tensor, value: Tensor, scale: float):
        return kernel(query, key, value, scale)

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: tuple[Tensor, Tensor]) -> None:
        *tensors, ctx.scale = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(*tensors, *output)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx, gradient: Tensor, _) -> tuple[Tensor | None, ...]:
        return *FusedGradient.apply(gradient, *ctx.saved_tensors, ctx.scale), None

    @staticmethod
    def jvp(ctx, *tangents: Tensor | None) -> tuple[Tensor, None]:
        query, *rest = ctx.saved_tensors
        pushed, *others = tangents_of(tangents, ctx.saved_tensors)

        def function(query: Tensor, pushed: Tensor, *both: Tensor) -> Tensor:
            inputs, tangents = (query, *both[:2]), (pushed, *both[2:])
            return push(attention_of(ctx.scale), inputs, tangents)

        rows = rows_of(rest[0])
        return in_blocks(function, rows, (query, pushed), *rest, *others), None

    @staticmethod
    def vmap(info, dims: tuple, *inputs):
        return in_one_batch(Fused, info.batch_size, dims, inputs)


class FusedGradient(Function):
    """(输出的梯度, query, key, value, 前向的两个结果, scale) → 三者的梯度。"""

    @staticmethod
    def forward(*inputs) -> tuple[Tensor, Tensor, Tensor]:
        return gradient_kernel(*inputs)

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: tuple) -> None:
        ctx.scale = inputs[-1]
        ctx.save_for_backward(*inputs[:4])
        ctx.save_for_forward(*inputs[:4])

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        function = gradients_of(attention_in_blocks(ctx.scale))
        return *vjp(function, *ctx.saved_tensors)[1](gradients), None, None, None

    @staticmethod
    def jvp(ctx, *tangents: Tensor | None) -> tuple[Tensor, ...]:
        function = gradients_of(attention_in_blocks(ctx.scale))
        return push(function, ctx.saved_tensors, tangents)

    @staticmethod
    def vmap(info, dims: tuple, *inputs):
        return in_one_batch(FusedGradient, info.batch_size, dims, inputs)


def kernel(*inputs) -> tuple[Tensor, Tensor]:
    """(query, key, value, scale) → 输出，与反向要用的。"""
    return (cpu_kernel if inputs[0].is_cpu else other_kernel)(*inputs)


def gradient_kernel(*inputs) -> tuple[Tensor, Tensor, Tensor]:
    """(输出的梯度, query, key, value, kernel 的两个结果, scale) → 三者的梯度。"""
    return (cpu_gradient if inputs[0].is_cpu else other_gradient)(*inputs)


def cpu_kernel(query: Tensor, key: Tensor, value: Tensor, scale: float):
    """输出，与每个 query 的 log Σ exp。"""
    flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    return flash(query, key, value, scale=scale)


def cpu_gradient(gradient: Tensor, *inputs) -> tuple[Tensor, Tensor, Tensor]:
    *inputs, scale = inputs
    flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
    return flash(gradient, *inputs, dropout_p=0.0, is_causal=False, scale=scale)


def other_kernel(query: Tensor, key: Tensor, value: Tensor, scale: float):
    """由 PyTorch 选内核，它们存的不一样，所以反向再算一遍前向，什么也不用。"""
    y = F.scaled_dot_product_attention(query, key, value, scale=scale)
    return y, query.new_empty(0)


def other_gradient(gradient: Tensor, *inputs) -> tuple[Tensor, Tensor, Tensor]:
    *tensors, _, _, scale = inputs
    function = functools.partial(F.scaled_dot_product_attention, scale=scale)
    return vjp(function, *tensors)[1](gradient)


def in_one_batch(function: type[Function], size: int, dims: tuple, inputs: tuple):
    """vmap 多出的一个轴与 B 合成一个，算完再分开。"""
    folded = [
        each if not isinstance(each, Tensor) else
        each.movedim(dim, 0).flatten(0, 1) if dim is not None else
        each.expand(size, *each.shape).flatten(0, 1)
        for each, dim in zip(inputs, dims)
    ]
    outputs = [each.unflatten(0, (size, -1)) for each in function.apply(*folded)]
    return tuple(outputs), (0,) * len(outputs)


def attention_in_blocks(scale: float) -> Callable:
    """同样的注意力，普通的算子，一次几个 query。"""

    def attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        rows = rows_of(key)
        return in_blocks(attention_of(scale), rows, (query,), key, value)

    return attention


def attention_of(scale: float) -> Callable:
    """同融合的内核一样，打分用 float32 或 float64。"""

    def attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        scores = scale * wide(query) @ wide(key).mT
        return (torch.softmax(scores, dim=-1) @ wide(value)).to(query.dtype)

    return attention


def rows_of(key: Tensor, limit: int = 2**20) -> int:
    """一次几个 query，打分一共不超过 limit 个数。"""
    return limit // max(1, key.shape[:-1].numel())


def in_blocks(
    function: Callable, rows: int, by_query: tuple[Tensor, ...], *rest: Tensor
) -> Tensor:
    """function(*by_query, *rest)，by_query 沿 N 一次 rows 行，至少一行。

    不止一块时，求导重新算。导出成可变尺寸时 rows 不是 int，图里放不下循环，
    只有一块。
    """
    if not isinstance(rows, int) or by_query[0].shape[2] <= rows:
        return function(*by_query, *rest)
    blocks = zip(*(each.split(max(1, rows), dim=2) for each in by_query))
    return torch.cat([recompute(function, *block, *rest) for block in blocks], dim=2)
# --8<-- [end:attention]


# --8<-- [start:at_once] 几个核为 1 的卷积，一次矩阵乘法
def at_once(x: Tensor, *layers: nn.Module) -> Tensor:
    """把 [layer(x) for layer in layers] 沿通道拼起来，只乘一次，x 也只读一遍。

    位置少时，调用一次卷积比它的乘加还久；一批里样本多时，CPU 上的卷积慢得更多。

    参数：x (B, C, *空间)；layers 是核为 1 的卷积。
    返回：(B, 各层输出通道数的和, N)，空间各轴展平了，dtype 同 x。

    >>> x = torch.randn(2, 8, 4, 3)
    >>> tuple(at_once(x, nn.Conv2d(8, 5, 1), nn.Conv2d(8, 7, 1)).shape)
    (2, 12, 12)
    """
    weight = torch.cat([layer.weight for layer in layers]).flatten(1)
    bias = torch.cat([layer.bias for layer in layers])[:, None]
    return torch.baddbmm(bias, weight.expand(x.shape[0], -1, -1), x.flatten(2))
# --8<-- [end:at_once]


# --8<-- [start:single] 半精度放不下的中间结果：用 float32 算
HALF = (torch.float16, torch.bfloat16)


def wide(tensor: Tensor) -> Tensor:
    """dtype 至少是 float32：半精度的打分太粗，float16 的还会超出范围。"""
    return tensor.float() if tensor.dtype in HALF else tensor


def in_single_precision(module: nn.Module, x: Tensor, *options: object):
    """module(x, *options)，x 与参数是 float16，中间都用 float32，结果再换回来。

    float16 最大是 65504，打分与投影常常比它大，输出却放得下。

    返回：module 的结果，一个张量或一组，都是 float16。
    """
    parameters = {name: wide(each) for name, each in module.named_parameters()}
    y = torch.func.functional_call(module, parameters, (wide(x), *options))
    return y.half() if isinstance(y, Tensor) else tuple(each.half() for each in y)
# --8<-- [end:single]
