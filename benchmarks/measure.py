"""Measuring a command from outside: time, peak memory of all its processes, a page it serves."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class Failed(Exception):
    """A command ended with an error, or a page did not come."""


@dataclass(frozen=True)
class Command:
    words: list[str]
    folder: Path
    environment: dict[str, str]

    def start(self, log: Path) -> subprocess.Popen:
        """In a group of its own, so that `stop` ends the processes it starts as well."""
        with log.open("wb") as output:
            return subprocess.Popen(
                self.words,
                cwd=self.folder,
                env={**os.environ, **self.environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __str__(self) -> str:
        return " ".join(self.words)


@dataclass(frozen=True)
class Run:
    seconds: float
    peak_bytes: int | None
    """Of the process and all it started, added up; None where there is no /proc."""


def run(command: Command, log: Path) -> Run:
    """Raises Failed, with the end of its output, if the command ends with an error."""
    began = time.perf_counter()
    process = command.start(log)
    with contextlib.ExitStack() as stack:
        stack.callback(stop, process)
        memory = Memory(process.pid)
        code = process.wait()
        seconds = time.perf_counter() - began
    if code:
        raise Failed(f"{command} 以 {code} 结束：\n{log.read_text('utf-8', 'replace')[-2000:]}")
    return Run(seconds, memory.peak())


class Memory:
    """The peak of each process in a tree, read from /proc while they run.

    `ru_maxrss` won't do: a child starts with its parent's. Peaks are added up although
    they need not coincide, so the sum is an upper bound.
    """

    def __init__(self, pid: int, every: float = 0.02):
        self.peaks: dict[int, int] = {}
        self.thread = threading.Thread(target=self.watch, args=(pid, every), daemon=True)
        self.thread.start()

    def watch(self, pid: int, every: float) -> None:
        while tree := process_tree(pid):
            for each in tree:
                with contextlib.suppress(OSError, StopIteration):
                    self.peaks[each] = memory(each, "VmHWM")
            time.sleep(every)

    def peak(self) -> int | None:
        self.thread.join()
        return sum(self.peaks.values()) or None


def memory(pid: int | str, what: str) -> int:
    """Bytes, by one line of /proc/PID/status: VmRSS now, VmHWM at its peak, VmSize mapped.

    Raises OSError where there is no such process or no /proc, StopIteration where it has ended.
    """
    lines = Path(f"/proc/{pid}/status").read_text().split("\n")
    kilobytes = next(line for line in lines if line.startswith(f"{what}:"))
    return int(kilobytes.split()[1]) * 1024


def process_tree(pid: int) -> list[int]:
    """The process and its descendants; empty where it has ended or there is no /proc."""
    try:
        if ") Z " in Path(f"/proc/{pid}/stat").read_text():
            return []
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [
            int(child) for task in tasks for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []
    return [pid, *(each for child in children for each in process_tree(child))]


def stop(process: subprocess.Popen) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
            return


@contextlib.contextmanager
def serving(command: Command, log: Path) -> Iterator[subprocess.Popen]:
    process = command.start(log)
    try:
        yield process
    finally:
        stop(process)


def wait_for_page(url: str, words: str, limit: float, every: float = 0.02) -> float:
    """Seconds until the page at `url` has these words.

    Raises Failed after `limit` seconds.
    """
    began = time.perf_counter()
    while (waited := time.perf_counter() - began) < limit:
        # Not up yet; or up, but a request that came too early is never answered
        with contextlib.suppress(OSError, http.client.HTTPException):
            with urllib.request.urlopen(url, timeout=5) as answer:
                if words in answer.read().decode("utf-8", "replace"):
                    return time.perf_counter() - began
        time.sleep(every)
    raise Failed(f"{url} 在 {waited:.0f} 秒内没有出现 {words!r}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
