"""自注意力：打分、归一化、加权求和三步，以及作用在特征图上的 QKV 形式。

B 批大小；H、W 特征图的高与宽，N = H·W 个位置；heads 个头，
每头的 query、key 为 d 维，value 为 e 维；M 个 key，自注意力里 M = N。
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snippets.fused import at_once, fused_attention, in_blocks, in_single_precision, wide


# --8<-- [start:dot_product] 相似度函数之一：点积
def dot_product(
    query: Tensor,
    key: Tensor,
) -> Tensor:
    """q·k。

    参数：query (B, heads, N, d)；key (B, heads, M, d)。
    返回：(B, heads, N, M)，dtype 同输入。
    出处：Luong 等 2015（arXiv 1508.04025），3.1 节 dot。
    """
    return query @ key.mT


def scaled_dot_product(
    query: Tensor,
    key: Tensor,
) -> Tensor:
    """q·k / √d，参数与返回同 dot_product。

    q、k 的各分量若独立、方差为 1，点积的方差就是 d；
    除以 √d 使它回到 1，softmax 才不会饱和。先除后乘，float16 才不会溢出。
    出处：Vaswani 等 2017（arXiv 1706.03762），式 (1)。
    """
    return dot_product(query / math.sqrt(query.shape[-1]), key)
# --8<-- [end:dot_product]


# --8<-- [start:concatenation] 相似度函数之二：拼接
def concatenation(
    query: Tensor,
    key: Tensor,
    w: Tensor,
) -> Tensor:
    """w·[q; k]：q 与 k 拼成 2d 维，再与 w 做点积。

    w·[q; k] = w₁·q + w₂·k，其中 w = [w₁; w₂]：两项分别算好再相加，
    就不必存下 N·M 个拼好的向量。

    参数：query (B, heads, N, d)；key (B, heads, M, d)；w (heads, 2d)。
    返回：(B, heads, N, M)，dtype 同输入。
    出处：Wang 等 2018（arXiv 1711.07971），式 (5)，去掉其中的 ReLU。
    """
    d = query.shape[-1]
    from_query = query @ w[:, :d, None]  # (B, heads, N, 1)
    from_key = key @ w[:, d:, None]  # (B, heads, M, 1)
    return from_query + from_key.mT
# --8<-- [end:concatenation]


# --8<-- [start:perceptron] 相似度函数之三：感知机
def perceptron(
    query: Tensor,
    key: Tensor,
    W: Tensor,
    U: Tensor,
    v: Tensor,
) -> Tensor:
    """v·tanh(W q + U k)：每个头一个单隐层感知机，隐层为 d 维。

    参数：query (B, heads, N, d)；key (B, heads, M, d)；
        W、U (heads, d, d)；v (heads, d)。
    返回：(B, heads, N, M)，dtype 同输入。
    出处：Bahdanau 等 2015（arXiv 1409.0473），附录 A.1.2。
    """
    from_query = query @ W.mT
    from_key = key @ U.mT
    hidden = from_query[:, :, :, None] + from_key[:, :, None]  # (B, heads, N, M, d)
    return (torch.tanh(hidden) @ v[:, None, :, None]).squeeze(-1)
# --8<-- [end:perceptron]


SIMILARITIES = {
    "dot_product": dot_product,
    "scaled_dot_product": scaled_dot_product,
    "concatenation": concatenation,
    "perceptron": perceptron,
}


# --8<-- [start:score] 第一步：query 与每个 key 计算相似度
def score(
    query: Tensor,
    key: Tensor,
    similarity: str = "scaled_dot_product",
    **parameters: Tensor,
) -> Tensor:
    """每个 query 对每个 key 的相似度，尚未归一化。

    参数：query (B, heads, N, d)；key (B, heads, M, d)；
        similarity 是 SIMILARITIES 里的名字；
        parameters 是相似度函数要学的参数：拼接要 w，感知机要 W、U、v。
    返回：(B, heads, N, M)，dtype 同输入。
    异常：不认识 similarity 时抛 ValueError。
    """
    check_similarity(similarity)
    return SIMILARITIES[similarity](query, key, **parameters)
# --8<-- [end:score]


# --8<-- [start:normalise] 第二步：用 softmax 归一化，得到注意力权重
def normalise(scores: Tensor) -> Tensor:
    """沿 key 的方向做 softmax：每个 query 的 M 个权重都为正，和为 1。

    参数与返回：(B, heads, N, M)，dtype 不变。
    出处：Vaswani 等 2017（arXiv 1706.03762），式 (1)。
    """
    return torch.softmax(scores, dim=-1)
# --8<-- [end:normalise]


# --8<-- [start:aggregate] 第三步：按权重对 value 加权求和
def aggregate(
    weights: Tensor,
    value: Tensor,
) -> Tensor:
    """每个 query 的输出，是全部 value 按它的权重求的加权和。

    参数：weights (B, heads, N, M)；value (B, heads, M, e)。
    返回：(B, heads, N, e)，dtype 同输入。
    出处：Vaswani 等 2017（arXiv 1706.03762），式 (1)。
    """
    return weights @ value
# --8<-- [end:aggregate]


# --8<-- [start:fused] 不存 N×M 矩阵：点积用融合的注意力
def dot_product_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """三步合一，相似度是 dot_product；参数与返回同 fused_attention。"""
    return fused_attention(query, key, value, scale=1.0)


def scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """三步合一，相似度是 scaled_dot_product；参数与返回同 fused_attention。"""
    return fused_attention(query, key, value, scale=1 / math.sqrt(query.shape[-1]))
# --8<-- [end:fused]


# --8<-- [start:small] 位置少：照 1×1 卷积的排法，不转置
def attention_of_few(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """softmax(scale · q·k) @ value，每个位置一列，而不是一行。

    只有几十、几百个位置时，转置、复制、查表与乘法一样久；卷积的输出本来就是每个位置
    一列，weights @ value 写成它的转置 value @ weightsᵀ，就一次也不必转。

    参数：query、key (B·heads, d, N)；value (B·heads, e, N)；scale 乘在点积上。
    返回：(B·heads, e, N)，dtype 同输入；打分至少用 float32。
    """
    scores = torch.bmm((scale * wide(query)).mT, wide(key))  # (B·heads, N, N)
    return torch.bmm(value, normalise(scores).to(value.dtype).mT)
# --8<-- [end:small]


# --8<-- [start:pooled] 不存 N×M 矩阵：拼接的输出是一个向量
def concatenation_attention(
    x: Tensor, query: nn.Conv2d, key: nn.Conv2d, value: nn.Conv2d, w: Tensor
) -> Tensor:
    """QKV 形式的拼接，O(N)，连 Q、K、V 也不必算。

    w₁·qᵢ 对每个 key 都一样，softmax 的分子、分母里都有 exp(w₁·qᵢ)，约去：

        softmaxⱼ(w₁·qᵢ + w₂·kⱼ) = softmaxⱼ(w₂·kⱼ)，

    所以每个 query 的输出是同一个向量。k = W_k x + b，其中 w₂·b 同样约去，留下的
    w₂·W_k x 只是一个向量 W_kᵀw₂ 与 x 的点积；权重的和是 1，所以

        Σⱼ aⱼ (W_v xⱼ + b) = W_v (Σⱼ aⱼ xⱼ) + b：先求和，再做一次线性映射。

    约去的参数乘零再加上，结果不变，只让它们留在计算图里：梯度是零，而不是没有。

    参数：x (B, C, H, W)；query、key、value 是 1×1 卷积；w (heads, 2d)。
    返回：(B, heads·e, H, W)，dtype 同 x。
    """
    heads, d = w.shape[0], w.shape[1] // 2
    positions = x.flatten(2)  # (B, C, N)
    from_key = w[:, None, d:] @ key.weight.reshape(heads, d, -1)  # (heads, 1, C)
    weights = normalise(from_key[:, 0] @ positions)  # (B, heads, N)
    pooled = aggregate(weights, positions.mT)  # (B, heads, C)
    if torch.is_grad_enabled():
        unused = (query.bias + key.bias) @ query.weight.flatten(1)  # (C)
        pooled = torch.add(pooled, unused, alpha=0)
    pooled = pooled.flatten(1)[:, :, None, None]  # (B, heads·C, 1, 1)
    y = F.conv2d(pooled, value.weight, value.bias, groups=heads)  # (B, heads·e, 1, 1)
    return y.expand(-1, -1, *x.shape[2:]).contiguous()
# --8<-- [end:pooled]


# --8<-- [start:blocks] 不存 N×M 矩阵：感知机一次算几个 query
def perceptron_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    W: Tensor,
    U: Tensor,
    v: Tensor,
    limit: int | None = None,
) -> Tensor:
    """三步合一，相似度是 perceptron，一次只存几个 query 的隐层。

    隐层的最后一维是 key，不是 d：与 v 的点积就是一个向量乘 (d, M) 的矩阵，
    顺着内存，不必在每个长 d 的短行上求和。

    tanh 拆不开，N·M·d 个隐层的值都要算。不同的 query 互不相干，所以一次算几个，
    使它们的隐层一共不超过 limit 个数（至少一个 query）；反向时重新算一遍，而不是
    全部存着。导出成可变尺寸时 N 不是 int，图里放不下循环，只能一次算完。

    参数：query (B, heads, N, d)；key (B, heads, M, d)；value (B, heads, M, e)；
        W、U (heads, d, d)；v (heads, d)；limit 为 None 时，CPU 上 2²⁰，使隐层留在
        缓存里，全部隐层不超过 2²² 个数时却存着，反向不必重新算；GPU 上 2²⁴，
        使启动内核的时间不占多数。
    返回：(B, heads, N, e)，dtype 同输入。
    """
    if limit is None:
        hidden = query.shape[2] * key.numel()
        few = isinstance(hidden, int) and hidden <= 2**22
        limit = 2**24 if key.device.type != "cpu" else 2**22 if few else 2**20
    rows = limit // max(1, key.numel())
    return in_blocks(perceptron_of, rows, (query @ W.mT,), U @ key.mT, value, v)


def perceptron_of(
    from_query: Tensor, from_key: Tensor, value: Tensor, v: Tensor
) -> Tensor:
    """从 W q (B, heads, 几个, d) 与 U k 的转置 (B, heads, d, M) 开始的后一半。"""
    hidden = from_query[..., None] + from_key[:, :, None]  # (B, heads, 几个, d, M)
    scores = (v[:, None, None] @ hidden.tanh_()).squeeze(3)
    return aggregate(normalise(scores), value)
# --8<-- [end:blocks]


ATTENTIONS = {
    "dot_product": dot_product_attention,
    "scaled_dot_product": scaled_dot_product_attention,
    "perceptron": perceptron_attention,
}


# --8<-- [start:module] QKV 形式：1×1 卷积得到 Q、K、V，再走三步
class SelfAttention(nn.Module):
    """特征图上的多头自注意力，没有输出投影。

    参数：
        in_channels: 输入通道数。
        key_channels: query 与 key 的总通道数，None 表示 in_channels。
        value_channels: value 的总通道数，None 表示 in_channels。
        heads: 头数，须整除 key_channels 与 value_channels；每头取相邻的通道。
        similarity: dot_product、scaled_dot_product、concatenation 或
            perceptron；后两者的参数每头一份。
    形状：x (B, in_channels, H, W) → (B, value_channels, H, W)，浮点，dtype 不变。
    异常：通道数、heads、similarity 或 x 不合上述要求时抛 ValueError。
    出处：Vaswani 等 2017（arXiv 1706.03762），3.2 节；
        这里一个像素是一个位置，所以线性映射就是 1×1 卷积。

    >>> attention = SelfAttention(64, heads=4)
    >>> x = torch.randn(2, 64, 8, 6)
    >>> y, weights = attention(x, return_weights=True)
    >>> tuple(y.shape), tuple(weights.shape)
    ((2, 64, 8, 6), (2, 4, 48, 48))
    """

    small = 2**19
    """不要权重时不存 N×N 矩阵；但两种点积 heads·N·N 不超过它时，先存下更快。"""

    def __init__(
        self,
        in_channels: int,
        key_channels: int | None = None,
        value_channels: int | None = None,
        *,
        heads: int = 1,
        similarity: str = "scaled_dot_product",
    ):
        super().__init__()
        key_channels = in_channels if key_channels is None else key_channels
        value_channels = in_channels if value_channels is None else value_channels
        check_channels(in_channels, key_channels, value_channels, heads)
        check_similarity(similarity)
        self.in_channels = in_channels
        self.heads = heads
        self.similarity = similarity
        self.widths = key_channels, key_channels, value_channels
        self.query = nn.Conv2d(in_channels, key_channels, kernel_size=1)
        self.key = nn.Conv2d(in_channels, key_channels, kernel_size=1)
        self.value = nn.Conv2d(in_channels, value_channels, kernel_size=1)
        self.similarity_parameters = new_parameters(
            similarity, heads, key_channels // heads
        )

    def forward(
        self,
        x: Tensor,
        return_weights: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """返回 y；return_weights 为真时返回 (y, 权重)，权重 (B, heads, N, N)。"""
        check_input(x, self.in_channels)
        if x.dtype == torch.float16:
            return in_single_precision(self, x, return_weights)
        own = self.similarity_parameters
        if self.similarity == "concatenation" and not return_weights:
            return concatenation_attention(x, self.query, self.key, self.value, **own)
        layers = self.query, self.key, self.value
        if return_weights:
            features = [layer(x).flatten(2) for layer in layers]
        else:
            features = at_once(x, *layers).split_with_sizes(self.widths, dim=1)
        if not return_weights and self.is_small(x):
            columns = [split_columns(each, self.heads) for each in features]
            is_scaled = self.similarity == "scaled_dot_product"
            scale = 1 / math.sqrt(columns[0].shape[1]) if is_scaled else 1.0
            y = attention_of_few(*columns, scale)
            return y.view(x.shape[0], self.widths[2], *x.shape[2:])
        query, key, value = (split_heads(each, self.heads) for each in features)
        if return_weights:
            own = {name: wide(parameter) for name, parameter in own.items()}
            scores = score(wide(query), wide(key), self.similarity, **own)
            weights = normalise(scores).to(value.dtype)
            return merge_heads(aggregate(weights, value), x.shape), weights
        y = ATTENTIONS[self.similarity](query, key, value, **own)
        return merge_heads(y, x.shape)

    def is_small(self, x: Tensor) -> bool:
        """是两种点积，heads·N·N 不超过 small。

        导出成可变尺寸时 N 不是 int，图里只有不存的写法。
        """
        n = x.shape[2] * x.shape[3]
        if not isinstance(n, int) or not self.similarity.endswith("dot_product"):
            return False
        return self.heads * n * n <= self.small
# --8<-- [end:module]


def split_heads(features: Tensor, heads: int) -> Tensor:
    """(B, heads·d, N) → (B, heads, N, d)。"""
    batch, channels, count = features.shape
    return features.view(batch, heads, channels // heads, count).mT


def split_columns(features: Tensor, heads: int) -> Tensor:
    """(B, heads·d, N) → (B·heads, d, N)。"""
    batch, channels, count = features.shape
    return features.reshape(batch * heads, channels // heads, count)


def merge_heads(y: Tensor, shape: torch.Size) -> Tensor:
    """(B, heads, N, e) → (B, heads·e, H, W)，H、W 取自 shape。"""
    batch, heads, _, e = y.shape
    return y.mT.reshape(batch, heads * e, *shape[2:])


def new_parameters(similarity: str, heads: int, d: int) -> nn.ParameterDict:
    """相似度函数要学的参数，以形参命名；初始化同 nn.Linear，±1/√输入维数 间均匀。"""
    shapes = {
        "concatenation": {"w": (heads, 2 * d)},
        "perceptron": {"W": (heads, d, d), "U": (heads, d, d), "v": (heads, d)},
    }
    parameters = nn.ParameterDict()
    for name, shape in shapes.get(similarity, {}).items():
        bound = 1 / math.sqrt(shape[-1])
        parameters[name] = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
    return parameters


def check_similarity(similarity: str) -> None:
    if similarity not in SIMILARITIES:
        choices = "、".join(SIMILARITIES)
        raise ValueError(f"similarity 应为 {choices} 之一，得到 {similarity!r}")


def check_channels(
    in_channels: int, key_channels: int, value_channels: int, heads: int
) -> None:
    if min(in_channels, key_channels, value_channels) < 1:
        raise ValueError(
            "in_channels、key_channels、value_channels 都应不小于 1，"
            f"得到 {in_channels}、{key_channels}、{value_channels}"
        )
    if heads < 1 or key_channels % heads or value_channels % heads:
        raise ValueError(
            f"heads 应为正整数，并整除 key_channels={key_channels} "
            f"与 value_channels={value_channels}，得到 heads={heads}"
        )


def check_input(x: Tensor, channels: int) -> None:
    if x.ndim != 4 or x.shape[1] != channels or 0 in x.shape[2:]:
        raise ValueError(
            f"x 的形状应为 (B, {channels}, H, W)，H、W 不小于 1，得到 {tuple(x.shape)}"
        )
    if not x.is_floating_point():
        raise ValueError(f"x 应为浮点张量，得到 {x.dtype}")
