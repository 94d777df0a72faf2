"""Copies of pictures from other servers: which there aren't yet, and which aren't what they were."""

from pathlib import Path

from kb.notes.backups import digest
from kb.pictures.copies import LOCK, read_copies
from kb.pictures.keep import plan

NAMED = 20
"""How many of those that aren't there are named one by one."""


def check_copies(root: Path) -> list[str]:
    """Copies that somebody or something has changed. Raises BadInput where the lock is damaged."""
    return [
        f"docs/{copy.uri()}：不是 {LOCK} 里登记的那张图片（{address}）。删去它，再运行 kb pictures。"
        for address, copy in read_copies(root).items()
        if digest(root / "docs" / copy.uri()) not in (None, copy.sha256)
    ]


def missing_copies(root: Path) -> list[str]:
    """What isn't fetched yet: nobody has to have copies, so one line where there are none at all."""
    report, wanted = plan(root)
    if not (root / LOCK).exists():
        number = len(report.missing)
        return [f"别的网站上的图片 {number} 张，站点没有自己的一份，kb pictures 取来。"] if number else []
    remarks = [
        f"{name}:{line}：图片 {address} 还没有取来，kb pictures 取。"
        for address in report.missing
        for name, line in wanted[address].places[:1]
    ]
    more = len(remarks) - NAMED
    return remarks[:NAMED] + ([f"还没有取来的图片还有 {more} 张，kb pictures --dry-run 列出全部。"] if more > 0 else [])
