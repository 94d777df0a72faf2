"""三个模块的各种样子，给对每个模块都成立的测试用。"""

import itertools

from snippets import ChannelAttention, NonLocalBlock, SelfAttention
from tests.snippets.data import PAIRWISE, SIMILARITIES, SPATIAL, wake


def self_attention(similarity, heads=2):
    return lambda: (SelfAttention(5, 6, 14, heads=heads, similarity=similarity), (3, 5, 2, 7))


def non_local(pairwise, dims, subsample):
    def make():
        block = NonLocalBlock(7, 3, dims=dims, pairwise=pairwise, subsample=subsample)
        return wake(block), (2, 7, *SPATIAL[dims])

    return make


def channel_attention():
    return ChannelAttention(7, reduction=3), (2, 7, 3, 5)


BLOCKS = {
    **{f"self_attention-{name}": self_attention(name) for name in SIMILARITIES},
    **{
        f"non_local-{name}-{dims}d{'-subsample' * subsample}": non_local(name, dims, subsample)
        for name, dims, subsample in itertools.product(PAIRWISE, (1, 2, 3), (False, True))
    },
    "channel_attention": channel_attention,
}
