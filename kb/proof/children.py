"""Processes that tests start: watched like their own, where that is watched.

    process = start_child("tests.snippets.ranks", "1", "2", stdin=subprocess.PIPE, text=True)

runs the module as `python -m` does. Nothing else that a test starts can be seen, so a recording
refuses it.
"""

import os
import runpy
import subprocess
import sys
from pathlib import Path

from kb.proof.watch import INSTALLED, install

LOG = "KB_PROOF_LOG"
OPTIONS = {"bufsize", "encoding", "env", "errors", "stderr", "stdin", "stdout", "text"}
ROOT = [Path.cwd()]
"""The project's folder, as pytest says."""


def start_child(module: str, *arguments: str, **options: object) -> subprocess.Popen:
    """Starts `python -m module arguments…` in the project's folder.

    `options` are those of subprocess.Popen that say what it reads and writes, and `env`. It sees
    none of the environment variables of the shell that pytest sees none of. Raises TypeError about
    other options, by which something else could be started.
    """
    if unknown := sorted(options.keys() - OPTIONS):
        raise TypeError(f"start_child 不接受 {'、'.join(unknown)}，只有 {'、'.join(sorted(OPTIONS))}")
    root = ROOT[0]
    command = [sys.executable, "-I", "-W", "ignore"]
    if sys.dont_write_bytecode:
        command.append("-B")
    if prefix := sys._xoptions.get("pycache_prefix"):  # of a run that is recorded
        command += ["-X", f"pycache_prefix={prefix}"]
    command += ["-m", "kb.proof.children", str(root), module, *arguments]
    watch = INSTALLED[0] if INSTALLED else None
    environment = dict(options.pop("env", None) or os.environ)
    if watch is None:
        environment.pop(LOG, None)
        return subprocess.Popen(command, cwd=root, env=environment, **options)
    watch.allowed += 1
    try:
        return subprocess.Popen(
            command, cwd=root, env=environment | {LOG: str(watch.path)}, **options
        )
    finally:
        watch.allowed -= 1


def main() -> None:
    root, module, *arguments = sys.argv[1:]
    if log := os.environ.get(LOG):
        install(Path(root), Path(log))
    sys.path.insert(0, root)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
