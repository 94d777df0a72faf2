"""Files of the project, written whole or not at all, by one command at a time.

A file is written beside its target and then takes its name, so that a full disk or a crash
leaves the old one or the new one, never half of one.
"""

import errno
import fnmatch
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from filelock import FileLock, Timeout

from kb.markdown.engine import BadInput

BACKUPS = ".kb-backup"
LOCK = ".kb.lock"
UNFINISHED = ".kb-*.tmp"
"""What a crash may leave behind."""

REASONS = {
    errno.ENOENT: "没有这个文件",
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.EEXIST: "已经有同名的文件",
    errno.EISDIR: "它是文件夹",
    errno.ENOTDIR: "路径里有一段不是文件夹",
    errno.ENAMETOOLONG: "名字太长，一段路径最多 255 字节",
    errno.ELOOP: "符号链接绕成了圈",
    errno.ENOSPC: "磁盘满了",
    errno.EROFS: "磁盘是只读的",
}


def reason(error: OSError) -> str:
    """Why the system refused, in Chinese where we have a word for it."""
    return REASONS.get(error.errno) or error.strerror or str(error)


def write_whole(target: Path, data: bytes) -> None:
    """Replaces `target` by `data`. Raises OSError, leaving `target` as it was."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(UNFINISHED.replace("*", secrets.token_hex(8)))
    try:
        with unfinished.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def sweep(root: Path) -> None:
    """Removes what a crash left of files that were being written, and of what was being removed."""
    folders = [root, *(root / name for name in ("docs", "snippets", "tests", BACKUPS))]
    for folder, folders_in, names in chain.from_iterable(map(os.walk, folders)):
        for name in fnmatch.filter([*names, *folders_in], UNFINISHED):
            path = Path(folder, name)
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        if Path(folder) == root:
            folders_in.clear()


@contextmanager
def alone(root: Path, waiting: Callable[[], None], patience: float = 60) -> Iterator[None]:
    """Nobody else writes to the project meanwhile. Calls `waiting` where someone does now.

    The system lets go of the lock when a process ends, however it ends. Raises BadInput
    after `patience` seconds.
    """
    lock = FileLock(root / LOCK)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waiting()
            lock.acquire(timeout=patience)
    except Timeout:
        raise BadInput(
            f"另一个 kb 正在写这个项目，等了 {patience:g} 秒。等它结束再运行。"
        ) from None
    except OSError as error:
        raise BadInput(f"{root / LOCK}：写不了（{reason(error)}）。") from None
    try:
        yield
    finally:
        lock.release()
