"""记录时运行测试的进程，从一个已经导入了 torch 的进程分叉出来：快两秒，看见的少了 torch 自己的文件。

    code, said = in_a_warm_process(job, root, temporary, bytecode, threads)

代替 `kb.evidence.record.in_a_process`，给问的不是“从头开始的进程”的测试用。
"""

import atexit
import functools
import gc
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from kb.evidence.environment import clean_environment


def in_a_warm_process(job: Path, root: Path, temporary: Path, bytecode: Path, threads: int) -> tuple[int, str]:
    output = temporary.parent / "output"
    environment = clean_environment(temporary, threads)
    server = started(bytecode)
    print(json.dumps([str(job), str(root), environment, str(output)]), file=server.stdin, flush=True)
    code = int(server.stdout.readline())
    return code, output.read_text("utf-8", "replace")


@functools.cache
def started(bytecode: Path) -> subprocess.Popen:
    flags = ["-I", "-X", "utf8", "-X", f"pycache_prefix={bytecode}", "-W", "ignore:Failed to initialize NumPy"]
    server = subprocess.Popen(
        [sys.executable, *flags, __file__],
        env=clean_environment(Path(tempfile.gettempdir())),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.communicate)  # 没有要读的了，它就结束
    return server


def serve() -> None:
    import coverage  # noqa: F401
    import torch  # noqa: F401

    from kb.evidence import run  # noqa: F401

    gc.freeze()
    for line in sys.stdin:
        if child := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        else:
            work(*json.loads(line))


def work(job: str, root: str, environment: dict[str, str], output: str) -> None:
    """As a fresh `python -m kb.evidence.run` does."""
    from kb.evidence import run
    from kb.proof.watch import install

    nothing, said = os.open(os.devnull, os.O_RDONLY), os.open(output, os.O_WRONLY | os.O_CREAT)
    for here, there in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(here, there)
    os.chdir(root)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # 照新的环境
    job = json.loads(Path(job).read_text("utf-8"))
    install(Path(job["root"]), Path(job["log"]))
    sys.argv = ["kb.evidence.run"]
    code = 70
    try:
        run.main(job)
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
