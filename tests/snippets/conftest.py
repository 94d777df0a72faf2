import zlib

import pytest
import torch

from tests.snippets.compare import FACTS

torch.backends.cudnn.allow_tf32 = False  # GPU 上的卷积默认用 TF32，尾数 10 位，不是 float32


@pytest.fixture(autouse=True)
def seed(request):
    """每个测试的随机数由它的名字决定，与运行的次序无关。"""
    torch.manual_seed(zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture(autouse=True)
def facts(record_property):
    """测试断言过什么，作为它的属性交给 pytest。"""
    FACTS.clear()
    yield
    for fact in FACTS:
        record_property("fact", fact)
