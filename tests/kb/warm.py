"""一个已经导入了 torch 和 kb 的进程，每件事从它分叉出来做：快两秒。只读的也有一个，没有 torch。

    code, said = in_a_warm_process(job, root, temporary, bytecode, threads)
    code, said = mutate_warm(root, environment, bytecode, "numbers.py")
    code, said = warm_module(root, environment, bytecode, "kb", "check", "--json")
    code, said = run_module(root, "mkdocs", "build", SITE_URL="https://site.example/")

第一个代替 `kb.evidence.record.in_a_process`，看见的少了早就导入了的包；第二个是一次变异测试，改错以后的也从它分叉；
第三、四个代替 `python -m kb check --json` 这样的命令。
都给问的不是“从头开始的进程”的测试用。没有 fork 的系统（Windows）上，都从头开始。
"""

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from kb.evidence.environment import clean_environment
from kb.evidence.record import in_a_process


FORKS = hasattr(os, "fork")


def in_a_warm_process(job: Path, root: Path, temporary: Path, bytecode: Path, threads: int) -> tuple[int, str]:
    if not FORKS:
        return in_a_process(job, root, temporary, bytecode, threads)
    output = temporary.parent / "output"
    return asked(bytecode, "record", [str(job)], root, clean_environment(temporary, threads), output)


def mutate_warm(root: Path, environment: dict[str, str], bytecode: Path, *files: str) -> tuple[int, str]:
    with tempfile.TemporaryDirectory() as folder:
        return asked(bytecode, "mutate", files, root, environment, Path(folder, "output"))


def warm_module(root: Path, environment: dict[str, str], bytecode: Path | None, *command: str) -> tuple[int, str]:
    if not FORKS:
        return cold_module(root, environment, *command)
    with tempfile.TemporaryDirectory() as folder:
        return asked(bytecode, "module", command, root, environment, Path(folder, "output"))


def cold_module(root: Path, environment: dict[str, str], *command: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env=environment,
    )
    return done.returncode, done.stdout


def run_module(root: Path, *command: object, **changes: str) -> tuple[int, str]:
    """`python -m` 这些，用这里的环境：怎样结束的，说了什么。"""
    environment = {**os.environ, "PYTHONUTF8": "1", **changes}
    words = [str(each) for each in command]
    if words[0] in READERS:
        return warm_module(root, environment, None, *words)
    return cold_module(root, environment, *words)


def asked(
    bytecode: Path | None, what: str, arguments: Sequence[str], root: Path, environment: dict[str, str], output: Path
) -> tuple[int, str]:
    server = started(bytecode)
    print(json.dumps([what, arguments, str(root), environment, str(output)]), file=server.stdin, flush=True)
    code = int(server.stdout.readline())
    return code, output.read_text("utf-8", "replace")


READERS = ("kb", "mkdocs")
"""ProperDocs 要最先导入自己的。"""
RUNNING = ("torch", "kb.cli.commands", "kb.evidence.run", "hypothesis.strategies")
READING = ("kb.cli.commands", "kb.site.gate", "kb.speed.plugin", "mkdocs.commands.build", "mkdocs_rss_plugin.plugin")


@functools.cache
def started(bytecode: Path | None) -> subprocess.Popen:
    """`bytecode`：torch 的字节码在哪里；不要 torch，就不说。"""
    flags = ["-I", "-X", "utf8", "-W", "ignore:Failed to initialize NumPy"]
    flags += ["-X", f"pycache_prefix={bytecode}"] if bytecode else []
    server = subprocess.Popen(
        [sys.executable, *flags, __file__, *(RUNNING if bytecode else READING)],
        env=clean_environment(Path(tempfile.gettempdir())),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.communicate)  # 没有要读的了，它就结束
    return server


def serve(names: Sequence[str]) -> None:
    for name in names:
        importlib.import_module(name)
    gc.freeze()
    for line in sys.stdin:
        if child := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        else:
            work(*json.loads(line))


def work(what: str, arguments: list[str], root: str, environment: dict[str, str], output: str) -> None:
    nothing, said = os.open(os.devnull, os.O_RDONLY), os.open(output, os.O_WRONLY | os.O_CREAT)
    for here, there in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(here, there)
    os.chdir(root)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # 照新的环境
    if configuration := sys.modules.get("hypothesis.configuration"):
        configuration.set_hypothesis_home_dir(Path.cwd() / ".hypothesis")  # 导入的时候在别处
    code = 1
    try:
        {"record": record, "mutate": mutate, "module": module}[what](*arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def record(job: str) -> None:
    """As a fresh `python -m kb.evidence.run` does."""
    from kb.evidence import run
    from kb.proof.watch import install

    job = json.loads(Path(job).read_text("utf-8"))
    install(Path(job["root"]), Path(job["log"]))
    sys.argv = ["kb.evidence.run"]
    run.main(job)


def mutate(*files: str) -> None:
    import multiprocessing

    from kb.evidence.mutate import Campaign
    from kb.evidence.pool import preloaded

    for each in preloaded():
        importlib.import_module(each)
    here = multiprocessing.get_context("fork")
    multiprocessing.get_context = lambda _: here
    Campaign(Path.cwd(), files).run(2, lambda topic, mutant: None)


def module(name: str, *arguments: str) -> None:
    """As a fresh `python -m name` does."""
    if name == "pytest":  # 它要自己导入
        for each in [each for each in sys.modules if each.startswith(("hypothesis", "_hypothesis"))]:
            del sys.modules[each]
    sys.path.insert(0, os.getcwd())
    sys.argv = [name, *arguments]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    serve(sys.argv[1:])
