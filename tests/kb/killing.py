"""在每一步杀死一条命令。"""

import os
import signal

from click.testing import CliRunner

from kb.cli.commands import main

STEPS = ("replace", "unlink", "mkdir", "rmdir")
"""What changes something on the disk. Not `fsync`: who is killed before it leaves the same behind as
who is killed before the step that follows."""


def killed_before(number, *arguments):
    """Runs a command in another process that is killed before its step of this number.

    Whether it was: False where the command has no more steps.
    """
    if not (pid := os.fork()):
        count = 0

        def counting(real):
            def step(*args, **options):
                nonlocal count
                count += 1
                if count == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*args, **options)

            return step

        for name in STEPS:
            setattr(os, name, counting(getattr(os, name)))
        CliRunner().invoke(main, [*map(str, arguments)])
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def kills(root, *arguments, prepare):
    """After each kill; `prepare` makes the project what it was."""
    number, killed = 0, True
    while killed:
        number += 1
        prepare()
        if killed := killed_before(number, *arguments):
            yield number
    assert number > 5
