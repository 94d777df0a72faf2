"""几个进程，各算一段：测试自己是 0 号，其余的从标准输入听它说算哪个模块。"""

import contextlib
import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist

from kb.proof import start_child
from snippets.distributed import NonLocalBlock, non_local_over_ranks
from tests.snippets.data import draw, wake

WAIT = datetime.timedelta(seconds=60)
ALONE: list[dist.ProcessGroup] = []
"""每个进程自己一个组，按号。"""


@contextlib.contextmanager
def group_of(world):
    """有 world 个进程的进程组，本进程是 0 号；给出的函数让每个进程都算同一个模块。"""
    with contextlib.ExitStack() as stack:
        address = (Path(stack.enter_context(tempfile.TemporaryDirectory())) / "meeting").as_uri()
        others = []
        for rank in range(1, world):
            call = ("tests.snippets.ranks", str(rank), str(world), address)
            others.append(start_child(*call, stdin=subprocess.PIPE, text=True))
            stack.enter_context(others[-1])
            stack.callback(others[-1].kill)  # 它也许还在等一次不会来的通信

        def compute(*case, **options):
            for process in others:
                print(json.dumps([case, options]), file=process.stdin, flush=True)
            return own_part(*case, **options)

        join(0, world, address)
        stack.callback(dist.destroy_process_group)
        yield compute


def join(rank, world, address):
    if os.path.exists("/sys/class/net/lo"):
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"  # 主机名不一定找得到地址
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=world, timeout=WAIT)
    ALONE[:] = [dist.new_group([each]) for each in range(world)]


def follow(rank, world, address):
    torch.set_num_threads(1)
    join(int(rank), int(world), address)
    for line in sys.stdin:
        case, options = json.loads(line)
        own_part(*case, **options)


def whole(pairwise, dims, subsample, shape, dtype):
    """模块与整个输入，每个进程抽到的都一样。"""
    torch.manual_seed(0)
    block = wake(NonLocalBlock(7, 3, dims=dims, pairwise=pairwise, subsample=subsample))
    block.overhead = 0  # 160 个位置也就够用 Gram 矩阵
    dtype = getattr(torch, dtype)
    return block.to(dtype), draw(2, 7, *shape, dtype=dtype).requires_grad_()


def own_part(*case, alone=False):
    """这个进程的输出与 x 的梯度，收集成整体；参数的梯度，求和。

    alone：各进程在只有自己的组里，各算整个 x，加上自己的号；参数的梯度是自己的。
    """
    block, x = whole(*case)
    world, rank = dist.get_world_size(), dist.get_rank()
    part = x.detach() + rank if alone else x.detach().chunk(world, dim=2)[rank]
    part.requires_grad_()
    z = non_local_over_ranks(block, part, ALONE[rank] if alone else None)
    own, *parameters = torch.autograd.grad(z.square().sum(), [part, *block.parameters()])
    for gradient in [] if alone else parameters:
        dist.all_reduce(gradient)
    return gather(z.detach()), gather(own), parameters


def gather(part):
    parts = [torch.empty_like(part) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, part.contiguous())
    return torch.cat(parts, dim=2)


if __name__ == "__main__":
    follow(*sys.argv[1:])
