"""Running a function in a process of its own, under a limit on memory and on time.

The processes are forked from one that has imported torch and the peers and computed nothing:
each starts in some hundredths of a second, and its memory is what the imports took. What goes
beyond a limit is a point without a value: the reason stands in its place.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.measure import Failed, memory

NO_MEMORY = "内存不够"
NO_TIME = "超过时限"
ERROR = "出错"

Reading = float | str
"""What was measured, or why there is nothing."""

METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
CONTEXT = multiprocessing.get_context(METHOD)
if METHOD == "forkserver":
    CONTEXT.set_forkserver_preload(["benchmarks.clock"])
    # A peer asks for a GPU when imported; by default that starts the driver, which a fork can't use.
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")

STARTUP = 120
"""Seconds that a process may take until it has all it needs."""


def apart(function: Callable, *arguments, limit: float, cap: int | None = None) -> Any:
    """`function(ready, *arguments)`, or the reason why it came to nothing.

    The time limit counts from when it calls `ready()`; it may get `cap` more bytes than it has
    by then. Raises Failed where it ended in any other way.
    """
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=answer, args=(sender, cap, function, arguments), daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(STARTUP):
            raise Failed(f"{function.__name__}{arguments} 在 {STARTUP} 秒内没有准备好")
        kind, value = receiver.recv()
        if kind == "ready":
            if not receiver.poll(limit):
                return NO_TIME
            kind, value = receiver.recv()
    except EOFError:
        process.join()
        if process.exitcode == -9:  # killed: the system's own way
            return NO_MEMORY
        raise Failed(f"{function.__name__}{arguments} 以 {process.exitcode} 结束") from None
    finally:
        process.kill()
        process.join()
    if kind == "failed":
        raise Failed(f"{function.__name__}{arguments}：{value}")
    return value


def answer(sender: Connection, cap: int | None, function: Callable, arguments: tuple) -> None:
    def ready() -> None:
        if cap is not None:
            limit_memory(cap)
        sender.send(("ready", None))

    try:
        sender.send(("value", function(ready, *arguments)))
    except Exception as error:
        if is_out_of_memory(error):
            sender.send(("value", NO_MEMORY))
        else:
            sender.send(("failed", f"{type(error).__name__}: {error}"))


def limit_memory(cap: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    import resource

    allowed = memory("self", "VmSize") + cap
    resource.setrlimit(resource.RLIMIT_AS, (allowed, resource.getrlimit(resource.RLIMIT_AS)[1]))


def is_out_of_memory(error: BaseException) -> bool:
    words = ("can't allocate memory", "out of memory", "bad_alloc", "could not create a memory")
    return isinstance(error, MemoryError) or any(each in str(error) for each in words)
