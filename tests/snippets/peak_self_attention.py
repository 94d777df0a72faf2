"""自注意力不存矩阵的写法占多少内存：python -m tests.snippets.peak_self_attention"""

from snippets.self_attention import SelfAttention
from tests.snippets.peak import print_growth

print_growth([SelfAttention(16, 8, 24, similarity=name) for name in ("dot_product", "concatenation")])
