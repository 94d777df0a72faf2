"""非局部模块的四种两两关系占多少内存：python -m tests.snippets.peak_non_local"""

from snippets.non_local import PAIRWISE, NonLocalBlock
from tests.snippets.peak import print_growth

names = sorted(PAIRWISE, key=lambda name: name != "embedded_gaussian")
print_growth([NonLocalBlock(16, pairwise=name) for name in names])
