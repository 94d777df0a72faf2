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


# --8<-- [start:project] 第一步：1×1×1 卷积压缩通道数，得到 θ、Φ、g
def project(
    x: Tensor, theta: Callable, phi: Callable, g: Callable, pool: Callable
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
    return features.flatten(2).transpose(1, 2)
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
def softmax_by_column(scores: Tensor) -> Tensor:
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

    参数：theta (B, N, C′)；phi (B, M, C′)，高斯的 θ、Φ 就是 x 自己。
    返回：(B, N, M)，dtype 同输入。
    出处：Wang 等 2018（arXiv 1711.07971），式 (2) 高斯、式 (3) 嵌入高斯。
    """
    return softmax_by_row(torch.bmm(theta, phi.mT))


def dot_product(theta: Tensor, phi: Tensor) -> Tensor:
    """θᵢ·φⱼ / M，参数与返回同 gaussian。式 (4)。

    除以 key 的个数，使输出的大小不随特征图的尺寸变化。
    """
    return torch.bmm(theta, phi.mT) / phi.shape[-2]


def concatenation(theta: Tensor, phi: Tensor, w: Tensor) -> Tensor:
    """ReLU(w·[θᵢ; φⱼ]) / M，w (2C′)，其余同 gaussian。式 (5)。

    w·[θ; φ] = w₁·θ + w₂·φ，不必存下 N·M 个拼好的向量。
    """
    width = theta.shape[-1]
    from_theta = theta @ w[:width]  # (B, N)
    from_phi = phi @ w[width:]  # (B, M)
    pairs = from_theta[:, :, None] + from_phi[:, None, :]
    return torch.relu(pairs) / phi.shape[-2]


PAIRWISE = {
    "gaussian": gaussian,
    "embedded_gaussian": gaussian,
    "dot_product": dot_product,
    "concatenation": concatenation,
}
# --8<-- [end:pairwise]


# --8<-- [start:residual] 第三步：权重乘回 g，再加上原输入
def residual_output(x: Tensor, weights: Tensor, g: Tensor, out: Callable) -> Tensor:
    """z = out(weights @ g) + x。

    参数：x (B, C, *空间)；weights (B, N, M)；g (B, M, C′)；
        out 是把 C′ 变回 C、核为 1 的卷积。
    返回：z，形状与 dtype 同 x。
    出处：Wang 等 2018（arXiv 1711.07971），式 (1) 与式 (6)。
    """
    return add_residual(x, torch.bmm(weights, g), out)


def add_residual(x: Tensor, y: Tensor, out: Callable) -> Tensor:
    """y (B, N, C′) 摆回空间各轴，经 out 变回 C 个通道，再加上 x。"""
    features = y.transpose(1, 2).unflatten(-1, x.shape[2:])  # (B, C′, *空间)
    return out(features) + x
# --8<-- [end:residual]


# --8<-- [start:fused] 不存 N×M 矩阵：高斯、嵌入高斯用融合的注意力
def gaussian_output(theta: Tensor, phi: Tensor, g: Tensor) -> Tensor:
    """gaussian(theta, phi) @ g，但内存随 N、M 而不随 N·M 增长。

    PyTorch 的融合内核要求四维输入，每个张量最后一维连续，三者等宽，
    CUDA 上还要按 16 字节对齐，否则会不声不响地退回去存 N×M 矩阵。所以加一个
    头的轴，补零到同一个 8 的倍数：补的零不改变点积，输出里多出的列再截掉。
    CUDA 上没有 float64 的融合内核，只能存。

    参数：theta (B, N, C′)；phi (B, M, C′)；g (B, M, C″)。
    返回：(B, N, C″)，dtype 同输入。
    """
    width = -(-max(theta.shape[-1], g.shape[-1]) // 8) * 8
    heads = (pad(tensor, width)[:, None] for tensor in (theta, phi, g))
    y = F.scaled_dot_product_attention(*heads, scale=1.0)  # (B, 1, N, width)
    return y[:, 0, :, : g.shape[-1]]


def pad(tensor: Tensor, width: int) -> Tensor:
    """最后一维补零到 width，连续；本来就是的不复制。"""
    missing = width - tensor.shape[-1]
    return (F.pad(tensor, (0, missing)) if missing else tensor).contiguous()
# --8<-- [end:fused]


# --8<-- [start:reassociated] 不存 N×M 矩阵：点积换一个结合的次序
def dot_product_output(theta: Tensor, phi: Tensor, g: Tensor) -> Tensor:
    """dot_product(theta, phi) @ g，两种次序里选便宜的：

        (θ φᵀ) g / M：N·M·(C′ + C″) 次乘加，要存 N×M 的矩阵；
        θ (φᵀ g / M)：(N + M)·C′·C″ 次乘加，只存 C′×C″ 的矩阵。

    点积没有 softmax，矩阵乘法的结合律就让两者相等。位置少于通道时前者便宜；
    导出成可变尺寸时 N 不是 int，只用后者。
    1 / M 在乘 θ 之前：M 个数的和可能超出 float16。

    参数：theta (B, N, C′)；phi (B, M, C′)；g (B, M, C″)。
    返回：(B, N, C″)，dtype 同输入。
    出处：Shen 等 2021，Efficient Attention（arXiv 1812.01243），3.2 节。
    """
    (n, c), (m, width) = theta.shape[-2:], g.shape[-2:]
    if isinstance(n, int) and n * m * (c + width) < (n + m) * c * width:
        return dot_product(theta, phi) @ g
    context = torch.baddbmm(g.new_zeros(()), phi.mT, g, alpha=1 / m)
    return torch.bmm(theta, context)
# --8<-- [end:reassociated]


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
    from_theta, from_phi = theta @ w[:width], phi @ w[width:]  # (B, N)，(B, M)
    y = look_up(from_theta, *prefix_sums(from_phi, g)) / phi.shape[-2]
    return y.to(g.dtype)


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
    """前缀和，分块求：块内的，加上前面各块的总和。

    GPU 上的 cumsum 一列只用一个线程，从头加到尾，而且不像 CPU 上那样用 float64
    累加。分了块，各块可以同时算，舍入也少。

    参数：blocks (B, 块数, 每块的行数, C)。
    返回：(B, 块数·每块的行数, C)，dtype 同 blocks。
    """
    totals = blocks.sum(dim=2)
    before = totals.cumsum(dim=1) - totals
    return (blocks.cumsum(dim=2) + before[:, :, None]).flatten(1, 2)


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
    return a[..., None] * sum_g + sum_bg


def take(rows: Tensor, index: Tensor) -> Tensor:
    """每个样本各取各的行：rows (B, M, C)，index (B, N) → (B, N, C)。"""
    batch, length, _ = rows.shape
    first = torch.arange(batch, device=rows.device)[:, None] * length
    chosen = rows.flatten(0, 1).index_select(0, (first + index).flatten())
    return chosen.unflatten(0, index.shape)
# --8<-- [end:sorted]


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

    >>> block = NonLocalBlock(64, subsample=True)
    >>> x = torch.randn(2, 64, 8, 6)
    >>> z, weights = block(x, return_weights=True)
    >>> tuple(z.shape), tuple(weights.shape)
    ((2, 64, 8, 6), (2, 48, 12))
    """

    small = 2**16
    """不要权重时不存 N×M 矩阵；但 N·M 不超过它时先存下更快，点积除外。

    导出成可变尺寸时 N·M 不是 int，图里只有不存的写法。
    """

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
        self.dims = dims
        self.pairwise = pairwise
        self.subsample = subsample
        conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
        if pairwise == "gaussian":
            self.theta = nn.Identity()
            self.phi = nn.Identity()
        else:
            self.theta = conv(in_channels, inter_channels, kernel_size=1)
            self.phi = conv(in_channels, inter_channels, kernel_size=1)
        self.g = conv(in_channels, inter_channels, kernel_size=1)
        self.out = conv(inter_channels, in_channels, kernel_size=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        pool = (nn.MaxPool1d(2), nn.MaxPool2d(2), nn.MaxPool3d((1, 2, 2)))[dims - 1]
        self.pool = pool if subsample else nn.Identity()
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
        theta, phi, g = project(x, self.theta, self.phi, self.g, self.pool)
        own = self.pairwise_parameters
        pairs = theta.shape[1] * phi.shape[1]
        small = isinstance(pairs, int) and pairs <= self.small
        if return_weights or (small and self.pairwise != "dot_product"):
            weights = PAIRWISE[self.pairwise](theta, phi, **own)
            z = residual_output(x, weights, g, self.out)
            return (z, weights) if return_weights else z
        y = OUTPUTS[self.pairwise](theta, phi, g, **own)
        return add_residual(x, y, self.out)
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
    if x.ndim != dims + 2 or x.shape[1] != channels or 0 in x.shape[2:]:
        raise ValueError(
            f"x 的形状应为 (B, {channels}, {axes})，各空间轴不小于 1，"
            f"得到 {tuple(x.shape)}"
        )
    if not x.is_floating_point():
        raise ValueError(f"x 应为浮点张量，得到 {x.dtype}")
    if subsample and min(x.shape[-min(dims, 2) :]) < 2:
        raise ValueError(
            f"subsample=True 时被池化的轴（{axes.removeprefix('T, ')}）都应不小于 2，"
            f"得到形状 {tuple(x.shape)}"
        )
