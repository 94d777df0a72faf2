"""测试用的数据。尺寸取两两不同的素数，轴弄反了就会失败。"""

import torch


def draw(*shape, dtype=torch.float64, device="cpu"):
    """正态随机数；各种 dtype 抽到的是同一组数。"""
    return torch.randn(shape, dtype=torch.float64).to(device, dtype)


def gradients(forward, module, x):
    """forward(x) 的平方和，对 x 和 module 每个参数的梯度。"""
    return torch.autograd.grad(forward(x).square().sum(), [x, *module.parameters()])


def wake(block):
    """out 从零开始，模块就是恒等；给它随机的权重，才看得见其余部分算了什么。"""
    torch.nn.init.normal_(block.out.weight)
    torch.nn.init.normal_(block.out.bias)
    return block


def fast(block):
    """位置再少也用位置多时的写法：小尺寸的测试也就运行到它们。"""
    block.small = block.overhead = 0
    return block
