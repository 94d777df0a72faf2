"""What search reads, under Zensical, which has no step after a build.

A build has it written when Python ends. While a server runs, a thread looks whether pages have
changed, and has it written when they have been the same for a moment.
"""

import atexit
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from kb.markdown.engine import SERVING
from kb.markdown.settings import read_settings
from kb.site.search import write_search

PAUSE = 1.0
"""Seconds between two looks at the pages."""
SHARE = 20
"""Looking, and writing, take at most one part of so many of the time."""


def keep_search(root: Path) -> None:
    site = root / read_settings(root).site_dir
    if SERVING:
        threading.Thread(target=watch, args=(site,), daemon=True).start()
    else:
        atexit.register(write_where_built, site)


def write_where_built(site: Path) -> None:
    if (site / "index.html").exists():
        write_search(site)


def watch(site: Path) -> None:
    written = before = None
    while True:
        start = time.monotonic()
        now = state(site)
        if now and now == before and now != written:
            try:
                write_search(site)
                written = now
            except OSError:  # a page went while it was read
                before = None
        else:
            before = now
        time.sleep(max(PAUSE, SHARE * (time.monotonic() - start)))


def state(folder: Path) -> tuple[int, int]:
    """How many pages there are, and when the last was written."""
    times = list(pages(str(folder)))
    return (len(times), max(times)) if times else ()


def pages(folder: str) -> Iterator[int]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from pages(entry.path)
        elif entry.name.endswith(".html"):
            yield entry.stat().st_mtime_ns
