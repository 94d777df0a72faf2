"""Points in time as authors write them.

| written | is |
|---|---|
| `2024-03-01 20:00:00`, `2024/3/5 8:05`, `2024.3.5`, `2022年11月20日10:19:49` | in the base's time zone |
| `2024-02-29T20:30:00Z`, `… +0800`, `…+08:00`, `… +8` | in the zone that it says |
| `1709267400`, `1709267400000` | seconds, milliseconds since 1970 |
| `Jul 08 2022`, `8 July, 2022` | a day |
"""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

HOME = timezone(timedelta(hours=8))
"""Where a time without a zone is taken to be, unless somebody says otherwise."""
TIME = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:(?:(?<=日)|[Tt]|\s)\s*(\d{1,2})[:：时](\d{1,2})(?:[:：分](\d{1,2}))?[分秒]?(?:[.,]\d+)?)?"
    r"\s*(Z|[+-]\d{1,2}(?::?\d{2})?)?",
    re.IGNORECASE | re.ASCII,
)
UNIX = re.compile(r"(\d{10})(?:\d{3}|\.\d+)?", re.ASCII)
"""Seconds since 1970, maybe with milliseconds."""
IN_ENGLISH = ("%b %d %Y", "%B %d %Y", "%d %b %Y", "%d %B %Y")


class Moment(NamedTuple):
    when: datetime
    """In the time of the base, no zone with it."""
    to_the_minute: bool
    """Whether more than the day is written."""

    def __str__(self) -> str:
        return f"{self.when:%Y-%m-%d %H:%M}" if self.to_the_minute else f"{self.when:%Y-%m-%d}"


def read_moment(written: str | None, zone: tzinfo) -> Moment | None:
    """None where there is none that can be read, or a year that no feed can name.

    Words behind it, as `2024-03-01 星期五`, are passed over.
    """
    text = (written or "").strip()
    when = read_time(text, zone)
    if when is None and (found := TIME.match(text)):
        when = read_time(found[0], zone)
    if when is None or not 1000 < when.year < 9998:
        return None
    found = TIME.match(text)
    return Moment(when.astimezone(zone).replace(tzinfo=None), bool(found[4]) if found else bool(UNIX.fullmatch(text)))


@lru_cache(maxsize=8)
def zone_of(name: str) -> tzinfo:
    """Raises ValueError, KeyError or OSError where there is none of this name."""
    return ZoneInfo(name)


def read_time(value: object, home: tzinfo = HOME) -> datetime | None:
    """None where it is none that can be read."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=home)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=home)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    if found := UNIX.fullmatch(value.strip()):
        return datetime.fromtimestamp(int(found[1]), UTC)
    if not (found := TIME.fullmatch(value.strip())):
        return read_english(value, home)
    *numbers, zone = found.groups()
    try:
        return datetime(*(int(each or 0) for each in numbers), tzinfo=read_zone(zone, home))
    except ValueError:
        return None


def read_english(text: str, home: tzinfo) -> datetime | None:
    """`Jul 08 2022`, `July 8, 2022`."""
    for form in IN_ENGLISH:
        with suppress(ValueError):
            return datetime.strptime(" ".join(text.replace(",", " ").split()), form).replace(tzinfo=home)
    return None


def read_zone(zone: str | None, home: tzinfo) -> tzinfo:
    """`+0800`, `+08:00`, `+8`, `Z`. Raises ValueError."""
    if zone is None:
        return home
    if zone in "Zz":
        return UTC
    hours, minutes = re.fullmatch(r".(\d{1,2}):?(\d{2})?", zone).groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return timezone(-offset if zone[0] == "-" else offset)
