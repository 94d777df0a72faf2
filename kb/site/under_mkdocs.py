"""Hooks of MkDocs and ProperDocs, which `kb/site/settings.yml` names; Zensical passes over them.

| when | what |
|---|---|
| at the start | it is known whether a server is wanted, not a build |
| before a build | warnings count under `--quiet` too: `--strict` fails on them, though none is shown |
| before the first build for a server | its port is free |
| when a server starts | it watches what pages are made from besides `docs/` |
| after a build | what search reads is written |
| when the system refuses to write | one line says so |

What is said ends the command without a traceback.
"""

import errno
import logging
import os
import socket
from pathlib import Path

from mkdocs.exceptions import Abort

from kb.notes.files import reason
from kb.site.gate import WATCHED
from kb.site.search import write_search

NOT_WRITTEN = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}

_port_wanted = False


def on_startup(command, dirty) -> None:
    global _port_wanted
    _port_wanted = command == "serve"


def on_config(config) -> None:
    global _port_wanted
    if config.strict:
        count_when_quiet()
    if _port_wanted:
        look_at_port(*config.dev_addr)
        _port_wanted = False


def count_when_quiet() -> None:
    """`--quiet` has the logger drop warnings, so that nobody counts them; now its handlers do."""
    for logger in map(logging.getLogger, ("mkdocs", "properdocs")):
        if logger.level > logging.WARNING:
            for handler in logger.handlers:
                if handler.level < logger.level and handler.name:  # those that show, not count
                    handler.setLevel(logger.level)
            logger.setLevel(logging.WARNING)


def look_at_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            if os.name != "nt":  # as the server does: a port that was closed just now is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "已经有程序在用，多半是还开着的另一个 serve" if taken else reason(error)
        raise Abort(
            f"{host}:{port} 用不了：{why}。关掉它，或者换一个端口，在命令后面加上 "
            f"-a 127.0.0.1:{port + 1 if 1024 <= port < 65535 else 8001}"
        ) from None


def on_serve(server, config, builder) -> None:
    root = Path(config.docs_dir).parent
    for name in WATCHED:
        if (root / name).exists():
            server.watch(str(root / name))


def on_post_build(config) -> None:
    write_search(Path(config.site_dir))


def on_build_error(error) -> None:
    if isinstance(error, OSError) and error.errno in NOT_WRITTEN:
        raise Abort(
            f"{error.filename or '站点'}：写不了（{reason(error)}）。"
            "改好权限、腾出空间，或者用 -d 换一个文件夹。"
        ) from None
