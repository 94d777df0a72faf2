"""非局部模块（non-local block）：θ、Φ、g，相似度与归一化，残差输出。

B 批大小；C 输入通道数，C′ 中间通道数；一到三个空间轴，共 N 个位置；
Φ、g 池化后剩 M 个位置，不池化时 M = N。
出处：Wang 等 2018，Non-local Neural Networks（arXiv 1711.07971）。
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snippets.fused import (
    at_once,
    fused_attention,
    in_single_precision,
    is_autocast,
    recompute,
    wide,
)


# --8<-- [start:project] 第一步：1×1×1 卷积压缩通道数，得到 θ、Φ、g
def project(
    x: Tensor,
    theta: Callable,
    phi: Callable,
    g: Callable,
    pool: Callable,
) -> tuple[Tensor, Tensor, Tensor]:
    """对特征图做三个线性映射，再把空间各轴展平成位置，每个位置一行。

    参数：x (B, C, *空间)；theta、phi、g 是 C → C′、核为 1 的卷积；
        pool 是 Φ、g 的最大池化，不池化时为恒等。
    返回：θ (B, N, C′)，Φ (B, M, C′)，g (B, M, C′)，dtype 同 x。
    出处：Wang 等 2018（arXiv 1711.07971），3.2 节；池化见 3.3 节。
    """
    return (
        to_positions(theta(x)),
        to_positions(pool(phi(x))),
        to_positions(pool(g(x))),
    )


def to_positions(features: Tensor) -> Tensor:
    """(B, C′, *空间) → (B, N, C′)。"""
    return features.flatten(2).mT


def unchanged(features: Tensor) -> Tensor:
    """恒等映射。"""
    return features
# --8<-- [end:project]


# --8<-- [start:softmax_by_row] 第二步：以行做 Softmax，g 的一行是一个位置
def softmax_by_row(scores: Tensor) -> Tensor:
    """每一行（一个查询位置对全部 M 个位置的权重）都为正，和为 1。

    g 写成 M×C′ 时用它：y = weights @ g，得到 N×C′。

    参数与返回：(B, N, M)，dtype 不变。
    出处：Wang 等 2018（arXiv 1711.07971），式 (3) 之后的 softmax 形式。
    """
    return torch.softmax(scores, dim=-1)
# --8<-- [end:softmax_by_row]


# --8<-- [start:softmax_by_column] 第二步：以列做 Softmax，g 的一列是一个位置
def softmax_by_column(
    scores: Tensor,
) -> Tensor:
    """每一列（一个查询位置对全部 M 个位置的权重）都为正，和为 1。

    g 写成 C′×M 时用它：y = g @ weights，得到 C′×N；
    与先转置、以行做 Softmax、再转置回来是一回事。

    参数与返回：(B, M, N)，dtype 不变。
    """
    return torch.softmax(scores, dim=-2)
# --8<-- [end:softmax_by_column]


# --8<-- [start:pairwise] 四种两两关系：高斯、嵌入高斯、点积、拼接
def gaussian(theta: Tensor, phi: Tensor) -> Tensor:
    """exp(θᵢ·φⱼ) 除以它对 j 的和，即 softmax；不除以 √C′。

    半精度的打分用 float32，同融合的内核一样：float16 放不下，bfloat16 太粗。

    参数：theta (B, N, C′)；phi (B, M, C′)，高斯的 θ、Φ 就是 x 自己。
    返回：(B, N, M)，dtype 同输入。
    出处：Wang 等 2018（arXiv 1711.07971），式 (2) 高斯、式 (3) 嵌入高斯。
    """
    return softmax_by_row(torch.bmm(wide(theta), wide(phi).mT)).to(theta.dtype)


def dot_product(theta: Tensor, phi: Tensor) -> Tensor:
    """θᵢ·φⱼ / M，参数与返回同 gaussian。式 (4)。

    除以 key 的个数，使输出的大小不随特征图的尺寸变化。
    """
    return (torch.bmm(wide(theta), wide(phi).mT) / phi.shape[-2]).to(theta.dtype)


def concatenation(theta: Tensor, phi: Tensor, w: Tensor) -> Tensor:
    """ReLU(w·[θᵢ; φⱼ]) / M，w (2C′)，其余同 gaussian。式 (5)。

    w·[θ; φ] = w₁·θ + w₂·φ，不必存下 N·M 个拼好的向量。
    """
    width = theta.shape[-1]
    from_theta = wide(theta) @ wide(w[:width])  # (B, N)
    from_phi = wide(phi) @ wide(w[width:])  # (B, M)
    pairs = from_theta[:, :, None] + from_phi[:, None, :]
    return (torch.relu(pairs) / phi.shape[-2]).to(theta.dtype)


PAIRWISE = {
    "gaussian": gaussian,
    "embedded_gaussian": gaussian,
    "dot_product": dot_product,
    "concatenation": concatenation,
}
# --8<-- [end:pairwise]


# --8<-- [start:residual] 第三步：权重乘回 g，再加上原输入
def residual_output(
    x: Tensor,
    weights: Tensor,
    g: Tensor,
    out: Callable,
) -> Tensor:
    """z = out(weights @ g) + x。

    参数：x (B, C, *空间)；weights (B, N, M)；g (B, M, C′)；
        out 是把 C′ 变回 C、核为 1 的卷积。
    返回：z，形状与 dtype 同 x。
    出处：Wang 等 2018（arXiv 1711.07971），式 (1) 与式 (6)。
    """
    y = torch.bmm(g.mT, weights.mT)  # (weights @ g)ᵀ，(B, C′, N)：摆回空间各轴不必复制
    return out(y.view(*y.shape[:2], *x.shape[2:])) + x
# --8<-- [end:residual]


# --8<-- [start:linear] 核为 1 的卷积，位置多时写成矩阵乘法
def map_positions(x: Tensor, layer: nn.Module) -> Tensor:
    """to_positions(layer(x))，但是一次矩阵乘法就排成一行一个位置，不必再转置。

    960×540 时，CPU 上的卷积要把 x 重新排列，时间是矩阵乘法的两三倍。

    参数：x (B, C, *空间)；layer 是 C → C′、核为 1 的卷积。
    返回：(B, N, C′)，dtype 同 x。
    """
    weight = layer.weight.flatten(1).mT.expand(x.shape[0], -1, -1)  # (B, C, C′)
    return torch.baddbmm(layer.bias, to_positions(x), weight)


def add_residual(x: Tensor, y: Tensor, out: nn.Module) -> Tensor:
    """z = out(y) + x，也是一次矩阵乘法；加 x 时写在乘积的内存里。

    参数：x (B, C, *空间)；y (B, N, C′)；out 是 C′ → C、核为 1 的卷积。
    返回：z，形状与 dtype 同 x。
    """
    weight = out.weight.flatten(1).expand(x.shape[0], -1, -1)  # (B, C, C′)
    z = torch.baddbmm(out.bias[:, None], weight, y.mT)
    residual = x.flatten(2)
    same = z.dtype == x.dtype  # autocast 里乘积是半精度，x 不是
    z = z.add_(residual) if same else z + residual
    return z.view(x.shape)
# --8<-- [end:linear]


# --8<-- [start:few] 位置少：θ、Φ、g 一次算出
def project_at_once(
    x: Tensor,
    theta: Callable,
    phi: Callable,
    g: Callable,
    pool: Callable,
) -> tuple[Tensor, Tensor, Tensor]:
    """project，但是不池化时，几个卷积合成一次矩阵乘法；参数与返回同 project。"""
    if pool is not unchanged:
        return project(x, theta, phi, g, pool)
    if theta is unchanged:
        return to_positions(x), to_positions(x), map_positions(x, g)
    return at_once(x, theta, phi, g).mT.chunk(3, dim=2)
# --8<-- [end:few]


# --8<-- [start:fused] 不存 N×M 矩阵：高斯、嵌入高斯用融合的注意力
def gaussian_output(theta: Tensor, phi: Tensor, g: Tensor) -> Tensor:
    """gaussian(theta, phi) @ g，但内存随 N、M 而不随 N·M 增长。

    融合的注意力有一个头的轴，这里只有一个头；点积不除以 √C′。

    参数：theta (B, N, C′)；phi (B, M, C′)；g (B, M, C″)。
    返回：(B, N, C″)，dtype 同输入。
    """
    heads = (each[:, None] for each in (theta, phi, g))
    return fused_attention(*heads, scale=1.0)[:, 0]
# --8<-- [end:fused]


# --8<-- [start:reassociated] 不存 N×M 矩阵：点积换一个结合的次序
def dot_product_output(theta: Tensor, phi: Tensor, g: Tensor) -> Tensor:
    """dot_product(theta, phi) @ g，换一个结合的次序：

        (θ φᵀ) g / M：N·M·(C′ + C″) 次乘加，要存 N×M 的矩阵；
        θ (φᵀ g / M)：(N + M)·C′·C″ 次乘加，只存 C′×C″ 的矩阵。

    点积没有 softmax，矩阵乘法的结合律就让两者相等。位置少于通道时前者便宜。
    1 / M 在乘 θ 之前：M 个数的和可能超出 float16。

    参数：theta (B, N, C′)；phi (B, M, C′)；g (B, M, C″)。
    返回：(B, N, C″)，dtype 同输入。
    出处：Shen 等 2021，Efficient Attention（arXiv 1812.01243），3.2 节。
    """
    context = torch.baddbmm(g.new_zeros(()), phi.mT, g, alpha=1 / phi.shape[-2])
    return torch.bmm(theta, context)
# --8<-- [end:reassociated]


# --8<-- [start:gram] 点积不池化：整个模块是一个随数据变的 1×1 卷积
def dot_product_block(
    x: Tensor,
    theta: nn.Module,
    phi: nn.Module,
    g: nn.Module,
    out: nn.Module,
    average: Callable = unchanged,
) -> Tensor:
    """三步合一，相似度是点积，θ、φ、g 一个也不必算。

    θ (φᵀg / N) 里的 θ、φ、g 都是 x 的线性映射。x 的平均是 μ，减去它的 Gram 矩阵
    S = Σⱼ (xⱼ − μ)(xⱼ − μ)ᵀ / N 是 C×C，那么

        φᵀg / N = W_φ S W_gᵀ + φ(μ) g(μ)ᵀ，

        z = x + W_out (φᵀg / N)ᵀ (W_θ x + b_θ) + b_out = x + A x + c：

    A 是 C×C，c 是 C 个数，与位置无关；x 只读三遍，z 只写一遍。不减 μ 也对，但是
    平均比起伏大得多时，S 里相减的两个数差不多大，位数就丢了。C×C 的乘积至少用
    float32，只有最后的 A x 用 x 的 dtype。

    参数：x (B, C, *空间)；theta、phi、g 是 C → C′、核为 1 的卷积，out C′ → C；
        average 把 μ、S 换成各进程的平均，只有一个进程时不变。
    返回：形状与 dtype 同 x。
    """
    positions = x.flatten(2)  # (B, C, N)
    dtype = torch.promote_types(x.dtype, torch.float32)
    mean = average(positions.mean(dim=2, keepdim=True, dtype=dtype))  # μ (B, C, 1)
    w_theta, w_phi, w_g, w_out = (
        wide(layer.weight).flatten(1) for layer in (theta, phi, g, out)
    )
    phi_of_mean = w_phi @ mean + wide(phi.bias)[:, None]  # (B, C′, 1)
    g_of_mean = w_g @ mean + wide(g.bias)[:, None]
    gram = average(centred_gram(positions, mean))  # S (B, C, C)
    context = w_phi @ gram @ w_g.mT + phi_of_mean @ g_of_mean.mT  # φᵀg / N
    from_theta = w_out @ context.mT  # (B, C, C′)
    matrix = from_theta @ w_theta  # A (B, C, C)
    bias = from_theta @ wide(theta.bias)[:, None] + wide(out.bias)[:, None]  # c
    y = torch.baddbmm(bias.to(x.dtype), matrix.to(x.dtype), positions)
    return y.add_(positions).unflatten(2, x.shape[2:])


def centred_gram(positions: Tensor, mean: Tensor, limit: int = 2**20) -> Tensor:
    """Σⱼ (xⱼ − μ)(xⱼ − μ)ᵀ / N，一块一块地加：一块留在缓存里，不存整个 x − μ。

    编译、导出时只有一块。

    参数：positions (B, C, N)；mean（μ）(B, C, 1)；一块不超过 limit 个数，至少一列。
    返回：(B, C, C)，dtype 同 mean。
    """
    count = positions.shape[2]
    columns = limit // max(1, mean.numel())
    if torch.compiler.is_compiling() or count <= columns:
        return gram_of(positions, mean) / count
    blocks = positions.split(max(1, columns), dim=2)
    return sum(recompute(gram_of, block, mean) for block in blocks) / count


def gram_of(positions: Tensor, mean: Tensor) -> Tensor:
    """Σⱼ (xⱼ − μ)(xⱼ − μ)ᵀ：positions (B, C, 几列)，mean (B, C, 1) → (B, C, C)。"""
    centred = positions - mean
    return centred @ centred.mT


def prefers_gram(
    positions: int, channels: int, inter_channels: int, overhead: int
) -> bool:
    """Gram 矩阵的乘加，加上 overhead，还比先算 θ、φ、g 少：

        2·N·C² + 2·C·C′·(C + C′) 与 4·N·C·C′ + 2·N·C′·min(N, C′)。

    导出成可变尺寸时 N 不是 int，用后一种。
    """
    if not isinstance(positions, int):
        return False
    n, c, inner = positions, channels, inter_channels
    return 2 * n * c**2 + 2 * c * inner * (c + inner) + overhead < (
        4 * n * c * inner + 2 * n * inner * min(n, inner)
    )
# --8<-- [end:gram]


# --8<-- [start:sorted] 不存 N×M 矩阵：拼接先排序，再用前缀和
def concatenation_output(theta: Tensor, phi: Tensor, g: Tensor, w: Tensor) -> Tensor:
    """concatenation(theta, phi, w) @ g，O((N + M) log M)。

    记 aᵢ = w₁·θᵢ，bⱼ = w₂·φⱼ。ReLU(aᵢ + bⱼ) 只在 bⱼ > −aᵢ 时不为零，所以把 b
    从大到小排好，对 i 有贡献的就是最前面的 kᵢ 个：

        Σⱼ ReLU(aᵢ + bⱼ) gⱼ = aᵢ Σ_{j≤kᵢ} gⱼ + Σ_{j≤kᵢ} bⱼ gⱼ。

    两个和都是前缀和，对全部 i 只算一遍；kᵢ 由二分查找得到。

    参数：theta (B, N, C′)；phi (B, M, C′)；g (B, M, C″)；w (2C′)。
    返回：(B, N, C″)，dtype 同输入。
    """
    width = theta.shape[-1]
    return relu_output(theta @ w[:width], phi @ w[width:], g)


def relu_output(from_theta: Tensor, from_phi: Tensor, g: Tensor) -> Tensor:
    """Σⱼ ReLU(aᵢ + bⱼ) gⱼ / M：a (B, N)，b (B, M)，g (B, M, C″) → (B, N, C″)。"""
    y = look_up(from_theta, *prefix_sums(from_phi, g))
    return y.div_(g.shape[-2]).to(g.dtype)


def prefix_sums(from_phi: Tensor, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """b 的中心，−b 从小到大，g 与 b·g 的前缀和（第 k 行是前 k 个的和）。

    b 先减去中心，使前缀和里的数小、舍入少；半精度的和用 float32 累加。

    参数：from_phi（b）(B, M)；g (B, M, C″)。
    返回：(B, 1)，(B, M)，(B, M + 1, 2C″)，后面多出的行用不到；dtype 是 float32
        或 float64。
    """
    from_phi = from_phi.to(torch.promote_types(g.dtype, torch.float32))
    center = from_phi.detach().mean(dim=1, keepdim=True)
    descending, order = (from_phi - center).sort(descending=True)
    keys = g.shape[1]
    block = 256 if isinstance(keys, int) else keys + 1  # 导出成可变尺寸时只有一块
    rows = (1, -(keys + 1) % block)  # 前面一行零，后面补成整块
    b, g = F.pad(descending, rows), F.pad(take(g, order), (0, 0, *rows))
    blocks = torch.cat([g, b[..., None] * g], dim=2).unflatten(1, (-1, block))
    return center, -descending.detach(), cumsum_in_blocks(blocks)


def cumsum_in_blocks(blocks: Tensor) -> Tensor:
    """前缀和，分块求：块内的，加上前面各块的总和，写在块内的那些上面。

    GPU 上的 cumsum 一列只用一个线程，从头加到尾，而且不像 CPU 上那样用 float64
    累加。分了块，各块可以同时算，舍入也少。

    参数：blocks (B, 块数, 每块的行数, C)。
    返回：(B, 块数·每块的行数, C)，dtype 同 blocks。
    """
    totals = blocks.sum(dim=2)
    before = totals.cumsum(dim=1) - totals
    return blocks.cumsum(dim=2).add_(before[:, :, None]).flatten(1, 2)


def look_up(
    from_theta: Tensor, center: Tensor, ascending: Tensor, sums: Tensor
) -> Tensor:
    """Σⱼ ReLU(aᵢ + bⱼ) gⱼ：数出 −bⱼ < aᵢ 的有 kᵢ 个，取前缀和的第 kᵢ 行。

    参数：from_theta（a）(B, N)；其余是 prefix_sums 的结果。
    返回：(B, N, C″)，dtype 同前缀和：半精度放不下时，还没有除以 M。
    """
    a = from_theta + center
    counts = torch.searchsorted(ascending, a.detach())
    sum_g, sum_bg = take(sums, counts).chunk(2, dim=2)
    return torch.addcmul(sum_bg, a[..., None], sum_g)


def take(rows: Tensor, index: Tensor) -> Tensor:
    """每个样本各取各的行：rows (B, M, C)，index (B, N) → (B, N, C)。"""
    batch, length, _ = rows.shape
    first = torch.arange(batch, device=rows.device)[:, None] * length
    chosen = rows.flatten(0, 1).index_select(0, (first + index).flatten())
    return chosen.unflatten(0, index.shape)
# --8<-- [end:sorted]


# --8<-- [start:vectors] 拼接：两个向量代替两个卷积
def concatenation_block(
    x: Tensor,
    theta: nn.Module,
    phi: nn.Module,
    g: nn.Module,
    out: nn.Module,
    pool: Callable,
    w: Tensor,
) -> Tensor:
    """三步合一，相似度是拼接，不存 N×M 矩阵。

    aᵢ = w₁·(W_θ xᵢ + b) = (W_θᵀw₁)·xᵢ + w₁·b：先把 w₁ 并进卷积，每个位置只算一个数，
    而不是 C′ 个；b 也是，但是池化取最大，不是线性的，池化以前的 φ 省不掉。

    参数：x (B, C, *空间)；theta、phi、g、out 是核为 1 的卷积；pool 同 project；
        w (2C′)。
    返回：形状与 dtype 同 x。
    """
    w_theta, w_phi = w.chunk(2)
    from_theta = project_onto(w_theta, x, theta)  # (B, N)
    if pool is unchanged:
        from_phi, g = project_onto(w_phi, x, phi), map_positions(x, g)  # (B, M) 与 (B, M, C′)
    else:
        from_phi, g = to_positions(pool(phi(x))) @ w_phi, to_positions(pool(g(x)))
    return add_residual(x, relu_output(from_theta, from_phi, g), out)


def project_onto(w: Tensor, x: Tensor, layer: nn.Module) -> Tensor:
    """w·layer(x)：w (C′)，x (B, C, *空间) → (B, N)。"""
    vector = w @ layer.weight.flatten(1)  # (C)
    return (vector @ x.flatten(2)) + w @ layer.bias
# --8<-- [end:vectors]


OUTPUTS = {
    "gaussian": gaussian_output,
    "embedded_gaussian": gaussian_output,
    "dot_product": dot_product_output,
    "concatenation": concatenation_output,
}


# --8<-- [start:module] 非局部模块：三步合成一个残差块
class NonLocalBlock(nn.Module):
    """非局部模块；out 从零开始，所以刚建好时输出恒等于输入。

    参数：
        in_channels: 输入通道数 C。
        inter_channels: 中间通道数 C′，None 表示 max(1, C // 2)。
        dims: 空间轴的个数，1、2 或 3；3 时第一个是时间。
        pairwise: gaussian、embedded_gaussian、dot_product 或 concatenation；
            gaussian 的 θ、Φ 是恒等映射。
        subsample: Φ、g 是否做步长为 2 的最大池化；三维时只池化空间，不动时间。
    形状：x (B, in_channels, *空间) → 同样形状，浮点，dtype 不变。
    异常：通道数、dims、pairwise 或 x 不合上述要求，或被池化的轴短于 2 时，
        抛 ValueError。
    出处：Wang 等 2018（arXiv 1711.07971），3.2、3.3 节与图 2。

    >>> block = NonLocalBlock(64)
    >>> x = torch.randn(2, 64, 8, 6)
    >>> z, weights = block(x, return_weights=True)
    >>> tuple(z.shape), tuple(weights.shape)
    ((2, 64, 8, 6), (2, 48, 48))
    """

    small = 2**19
    """不要权重时不存 N×M 矩阵；但 N·M 不超过它时先存下更快，点积除外。"""

    overhead = 2**22
    """Gram 矩阵要多调用十来次算子，与这么多次乘加一样久。"""

    def __init__(
        self,
        in_channels: int,
        inter_channels: int | None = None,
        *,
        dims: int = 2,
        pairwise: str = "embedded_gaussian",
        subsample: bool = False,
    ):
        super().__init__()
        if inter_channels is None:
            inter_channels = max(1, in_channels // 2)
        check_arguments(in_channels, inter_channels, dims, pairwise)
        self.in_channels = in_channels
        self.inter_channels = inter_channels
        self.dims = dims
        self.pairwise = pairwise
        self.subsample = subsample
        conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
        if pairwise == "gaussian":
            self.theta = unchanged
            self.phi = unchanged
        else:
            self.theta = conv(in_channels, inter_channels, kernel_size=1)
            self.phi = conv(in_channels, inter_channels, kernel_size=1)
        self.g = conv(in_channels, inter_channels, kernel_size=1)
        self.out = conv(inter_channels, in_channels, kernel_size=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        pool = (nn.MaxPool1d(2), nn.MaxPool2d(2), nn.MaxPool3d((1, 2, 2)))[dims - 1]
        self.pool = pool if subsample else unchanged
        self.pairwise_parameters = nn.ParameterDict()
        if pairwise == "concatenation":  # 初始化同 nn.Linear(2C′, 1)
            bound = 1 / math.sqrt(2 * inter_channels)
            w = torch.empty(2 * inter_channels).uniform_(-bound, bound)
            self.pairwise_parameters["w"] = nn.Parameter(w)

    def forward(
        self, x: Tensor, return_weights: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """返回 z；return_weights 为真时返回 (z, 权重)，权重 (B, N, M)。"""
        check_input(x, self.in_channels, self.dims, self.subsample)
        if x.dtype == torch.float16:
            return in_single_precision(self, x, return_weights)
        layers, own = (self.theta, self.phi, self.g), {}
        if self.pairwise == "concatenation":
            own["w"] = self.pairwise_parameters["w"]
        if return_weights:
            theta, phi, g = project(x, *layers, self.pool)
            weights = PAIRWISE[self.pairwise](theta, phi, **own)
            return residual_output(x, weights, g, self.out), weights
        if self.is_small(x):
            theta, phi, g = project_at_once(x, *layers, self.pool)
            weights = PAIRWISE[self.pairwise](theta, phi, **own)
            return add_residual(x, torch.bmm(weights, g), self.out)
        if self.takes_gram(x):
            return dot_product_block(x, *layers, self.out)
        if self.pairwise == "concatenation":
            return concatenation_block(x, *layers, self.out, self.pool, **own)
        y = OUTPUTS[self.pairwise](*project_at_once(x, *layers, self.pool))
        return add_residual(x, y, self.out)

    def is_small(self, x: Tensor) -> bool:
        """先存下 N×M 的矩阵更快：N·M 不超过 small；点积则是乘加少。

        导出成可变尺寸时 N·M 不是 int，图里只有不存的写法。
        """
        n = m = math.prod(x.shape[2:])
        if not isinstance(n, int):
            return False
        if self.subsample:
            pooled = x.shape[-min(self.dims, 2) :]
            m = n // math.prod(pooled) * math.prod([size // 2 for size in pooled])
        if self.pairwise == "dot_product":
            return 2 * n * m < (n + m) * self.inter_channels
        return n * m <= self.small

    def takes_gram(self, x: Tensor) -> bool:
        """是点积，没有池化，Gram 矩阵便宜；autocast 会让它也用半精度，所以不用。"""
        if self.pairwise != "dot_product" or self.subsample:
            return False
        positions = math.prod(x.shape[2:])
        widths = self.in_channels, self.inter_channels
        cheap = prefers_gram(positions, *widths, self.overhead)
        return cheap and not is_autocast(x.device.type)
# --8<-- [end:module]


def check_arguments(
    in_channels: int, inter_channels: int, dims: int, pairwise: str
) -> None:
    if pairwise not in PAIRWISE:
        choices = "、".join(PAIRWISE)
        raise ValueError(f"pairwise 应为 {choices} 之一，得到 {pairwise!r}")
    if dims not in (1, 2, 3):
        raise ValueError(f"dims 应为 1、2、3 之一，得到 {dims!r}")
    if min(in_channels, inter_channels) < 1:
        raise ValueError(
            "in_channels、inter_channels 都应不小于 1，"
            f"得到 {in_channels}、{inter_channels}"
        )


def check_input(x: Tensor, channels: int, dims: int, subsample: bool) -> None:
    axes = ("L", "H, W", "T, H, W")[dims - 1]
    shape = x.shape
    if len(shape) != dims + 2 or shape[1] != channels or 0 in shape[2:]:
        raise ValueError(
            f"x 的形状应为 (B, {channels}, {axes})，各空间轴不小于 1，"
            f"得到 {tuple(shape)}"
        )
    if not x.is_floating_point():
        raise ValueError(f"x 应为浮点张量，得到 {x.dtype}")
    if subsample and min(shape[-min(dims, 2) :]) < 2:
        raise ValueError(
            f"subsample=True 时被池化的轴（{axes.removeprefix('T, ')}）都应不小于 2，"
            f"得到形状 {tuple(shape)}"
        )
