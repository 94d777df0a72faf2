"""Addresses on other servers: whether they answer, each asked once, none for long."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from kb.markdown.places import ascii_address

SECONDS = 10
"""What one address may take."""
AT_ONCE = 16

HEADERS = {"User-Agent": "Mozilla/5.0 (compatible; kb check --remote)", "Accept": "*/*"}


def check_remote(
    addresses: Iterable[str], seconds: float = SECONDS
) -> Iterator[tuple[str, str | None]]:
    """Each address as it is settled, with why it doesn't answer, None where it does."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        asked = {pool.submit(ask, address, seconds): address for address in addresses}
        for answer in as_completed(asked):
            yield asked[answer], answer.result()
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C waits for those under way alone


def ask(address: str, seconds: float) -> str | None:
    """What is wrong with an address, None where it answers.

    HEAD first; some servers refuse that, so GET after it, of which only the head is read.
    """
    end = time.monotonic() + seconds
    problem = None
    for method in ("HEAD", "GET"):
        if (left := end - time.monotonic()) <= 0:
            break
        try:
            request = Request(ascii_address(address), method=method, headers=HEADERS)
            with urlopen(request, timeout=left):
                return None
        except HTTPError as error:
            error.close()
            problem = f"回答 {error.code}"
        except TimeoutError:
            return f"{seconds:g} 秒没有回答"
        except (OSError, HTTPException) as error:  # URLError is an OSError
            if isinstance(getattr(error, "reason", None), TimeoutError):
                return f"{seconds:g} 秒没有回答"
            problem = "连不上"
        except ValueError:  # among them: a host name that can't be encoded
            return "地址不对"
    return problem
