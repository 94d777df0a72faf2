"""笔记里的每一个模块。每个文件只依赖 torch，单独复制出去就能运行；distributed 还要 non_local。"""

from snippets.channel_attention import ChannelAttention
from snippets.non_local import NonLocalBlock
from snippets.self_attention import SelfAttention, aggregate, normalise, score

__all__ = [
    "ChannelAttention",
    "NonLocalBlock",
    "SelfAttention",
    "aggregate",
    "normalise",
    "score",
]
