"""三个模块的各种样子，给对每个模块都成立的测试用。"""

import itertools

from snippets import ChannelAttention, NonLocalBlock, SelfAttention
from tests.snippets.data import PAIRWISE, SIMILARITIES, SPATIAL, fast, wake


def self_attention(similarity, prepare=fast):
    def make():
        block = SelfAttention(5, 6, 14, heads=2, similarity=similarity)
        return prepare(block), (3, 5, 2, 7)

    return make


def non_local(pairwise, dims, subsample, prepare=fast):
    def make():
        block = NonLocalBlock(7, 3, dims=dims, pairwise=pairwise, subsample=subsample)
        return prepare(wake(block)), (2, 7, *SPATIAL[dims])

    return make


def as_built(block):
    """位置这么少，模块会先存下 N×M 的矩阵。"""
    return block


def channel_attention():
    return ChannelAttention(7, reduction=3), (2, 7, 3, 5)


BLOCKS = {
    **{f"self_attention-{name}": self_attention(name) for name in SIMILARITIES},
    **{
        f"non_local-{name}-{dims}d{'-subsample' * subsample}": non_local(name, dims, subsample)
        for name, dims, subsample in itertools.product(PAIRWISE, (1, 2, 3), (False, True))
    },
    "self_attention-small": self_attention("scaled_dot_product", as_built),
    "non_local-gaussian-small": non_local("gaussian", 2, True, as_built),
    "non_local-concatenation-small": non_local("concatenation", 3, False, as_built),
    "channel_attention": channel_attention,
}
