"""Another process that does some of the work of this one, on another core.

It is a fork, so that it has all that this one has, and needn't be told anything. It goes through a
list and does each item that this process hasn't come to, while this process, in an order of its
own, asks for what was made of an item or finds that it has to do that itself.

There is none on Windows and macOS, where a process can't be copied safely, nor where it has
several threads.
"""

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread

ON_THE_WAY = 1 << 20
"""Bytes that may have been sent and not received, so that the sender seldom waits: it is a thread,
and takes a while to get its turn again."""


def can_help() -> bool:
    """Whether there is a second core, and this process may be copied."""
    try:
        return len(os.sched_getaffinity(0)) > 1 and len(os.listdir("/proc/self/task")) == 1
    except (AttributeError, OSError):
        return False


def make_wide(pipe: Connection) -> None:
    import fcntl  # there is none on Windows

    try:
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, ON_THE_WAY)
    except OSError:  # the user has no more room for pipes, or a system without it
        pass


class Helper:
    def __init__(self, items: Iterable[str], do: Callable[[str], object]):
        self.numbers = {item: number for number, item in enumerate(items)}
        self.made: dict[str, object] = {}
        self.taken = 0
        context = multiprocessing.get_context("fork")
        self.begun = context.Array("b", len(self.numbers))
        self.results, there = context.Pipe(duplex=False)
        make_wide(there)
        gc.freeze()  # or either's collections would write to all that the two share, and copy it
        self.process = context.Process(target=self.work, args=(do, there), daemon=True)
        self.process.start()
        there.close()

    def begin(self, item: str) -> bool:
        """Whether nobody has begun it; from now on, the caller has."""
        number = self.numbers[item]
        with self.begun:
            begun, self.begun[number] = self.begun[number], 1
        return not begun

    def take(self, item: str) -> object | None:
        """What the other process made of it, which may take it a moment; None where the caller
        has to do it, since the other hasn't begun to or came to grief.
        """
        if item not in self.numbers or self.begin(item):
            return None
        while item not in self.made:
            try:
                done, made = self.results.recv()
            except (EOFError, OSError):  # it was killed
                return None
            self.made[done] = made
        self.taken += self.made[item] is not None
        return self.made.pop(item)

    def end(self) -> None:
        self.process.terminate()
        self.process.join()
        self.results.close()

    def work(self, do: Callable[[str], object], results: Connection) -> None:
        """In the other process."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first
        self.results.close()  # so that sending fails where nobody is left to receive
        made: SimpleQueue = SimpleQueue()
        sender = Thread(target=send, args=(made, results), daemon=True)
        sender.start()
        for item in self.numbers:
            if not sender.is_alive():
                return
            if self.begin(item):
                try:
                    made.put((item, do(item)))
                except Exception:
                    made.put((item, None))
        made.put(None)
        sender.join()


def send(made: SimpleQueue, results: Connection) -> None:
    """By a thread of its own, for the first process receives when it has the time."""
    while (each := made.get()) is not None:
        results.send(each)
