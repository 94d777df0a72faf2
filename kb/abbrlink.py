"""A note's address: its `abbrlink`, or the one that hexo-abbrlink would give it.

hexo-abbrlink 2.2.1 with `alg: crc32` and `rep: dec` takes the CRC-32 of the title's UTF-8
bytes as a decimal number, and the next one that is free where another note has it already.
"""

import re
import zlib
from collections.abc import Iterator
from itertools import count


def is_abbrlink(text: object) -> bool:
    """Whether it is written in decimal or hexadecimal digits alone."""
    return isinstance(text, str) and re.fullmatch(r"[0-9A-Fa-f]+", text) is not None


def abbrlinks(title: str) -> Iterator[str]:
    """What a note of this title may be called, in the order of preference."""
    return map(str, count(zlib.crc32(title.encode())))
