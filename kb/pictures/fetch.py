"""One picture from another server, its bytes or why not.

The server may be slow, lie, send others elsewhere, break off or never end: what comes is what it
is by its contents (`kb.pictures.contents`), whole, or nothing.
"""

import zlib
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead
from ssl import SSLCertVerificationError
from threading import Event
from urllib.parse import SplitResult, urljoin, urlsplit

from kb.markdown.places import ascii_address
from kb.pictures.contents import Picture, read_picture
from kb.pictures.route import NotFetched, Way, proxy_for

AGENT = "Mozilla/5.0 (compatible; kb pictures)"
HEADERS = {"User-Agent": AGENT, "Accept": "image/*,*/*;q=0.1", "Accept-Encoding": "identity", "Connection": "close"}
REDIRECTS = {301, 302, 303, 307, 308}
BUSY = {429, 502, 503, 504}
"""Answers that may be another a moment later."""
PIECE = 1 << 16


@dataclass(frozen=True)
class Limits:
    seconds: float = 60
    """What one picture may take, with all that it is redirected to."""
    silence: float = 15
    """How long a server may say nothing."""
    bytes: int = 20 * 2**20
    redirects: int = 5
    pause: float = 2
    """Before it is tried a second time, where the server names no other; never longer than `seconds`."""


class NoAnswer(NotFetched):
    """The server may be out of reach."""


class TryAgain(NoAnswer):
    """What may go better a second time."""

    def __init__(self, why: str, pause: float | None = None):
        super().__init__(why)
        self.pause = pause


def fetch(address: str, limits: Limits = Limits(), local: bool = False, over: Event | None = None) -> Picture:
    """`local`: servers on this machine and in its network are asked too. Once it is `over`, nothing is
    tried a second time. Raises NotFetched.
    """
    try:
        return fetch_once(address, limits, local)
    except TryAgain as problem:
        pause = min(limits.pause if problem.pause is None else problem.pause, limits.seconds)
        if (over or Event()).wait(pause):
            raise
    return fetch_once(address, limits, local)


def fetch_once(address: str, limits: Limits, local: bool) -> Picture:
    way = Way(limits.seconds, limits.silence, local)
    try:
        return read_picture(follow(address, way, limits))
    except (NotFetched, HTTPException, OSError) as problem:
        if way.is_over:  # whatever being cut off looked like
            raise NotFetched(f"{limits.seconds:g} 秒没有送完") from None
        raise in_words(problem, limits) from None
    finally:
        way.end()


def in_words(problem: Exception, limits: Limits) -> NotFetched:
    match problem:
        case NotFetched():
            return problem
        case TimeoutError():
            return NoAnswer(f"{limits.silence:g} 秒没有回答")
        case SSLCertVerificationError():
            return NotFetched("服务器的证书不对")
        case IncompleteRead():
            return TryAgain("送到一半断了")
        case OSError():  # before HTTPException: a server that says nothing at all is both
            return TryAgain("连不上，或者断了")
    return NotFetched("回答看不懂")


def follow(address: str, way: Way, limits: Limits) -> bytes:
    """The bytes at the end of all redirects. Raises NotFetched, OSError and HTTPException."""
    seen = set()
    for _ in range(limits.redirects + 1):
        parts = parse(address)
        seen.add(address)
        with way.to(parts) as connection:
            path = f"{parts.path or '/'}{'?' * bool(parts.query)}{parts.query}"
            through = parts.scheme == "http" and proxy_for(parts) is not None
            connection.request("GET", parts.geturl() if through else path, headers=HEADERS)
            with connection.getresponse() as answer:
                if answer.status not in REDIRECTS:
                    return body(answer, way, limits)
                address = urljoin(address, answer.headers.get("Location", ""))
        if address in seen:
            raise NotFetched("重定向绕成了圈")
    raise NotFetched(f"重定向了 {limits.redirects} 次还没有到")


def parse(address: str) -> SplitResult:
    """Raises NotFetched where it is no address of a web server."""
    try:
        parts = urlsplit(ascii_address(address))
        if parts.hostname and parts.port != 0:
            return parts._replace(netloc=parts.netloc.rpartition("@")[2])  # a password is sent to nobody
    except ValueError:  # also a port that is no number, a host that can't be encoded
        pass
    raise NotFetched(f"{address[:60]} 不是网址")


def body(answer: HTTPResponse, way: Way, limits: Limits) -> bytes:
    """What is sent, all of it. Raises NotFetched and OSError."""
    if answer.status in BUSY:
        said = answer.headers.get("Retry-After", "")
        raise TryAgain(f"回答 {answer.status}", float(said) if said.isdecimal() else None)
    if answer.status != 200:
        raise NotFetched(f"回答 {answer.status}")
    too_big = NotFetched(f"超过 {limits.bytes >> 20} MB")
    if (answer.length or 0) > limits.bytes:
        raise too_big
    data = bytearray()
    while piece := answer.read1(PIECE):
        data += piece
        if len(data) > limits.bytes:
            raise too_big
        if way.is_over:
            break
    if answer.length or way.is_over:
        raise TryAgain("送到一半断了")
    return unpacked(bytes(data), answer.headers.get("Content-Encoding", "identity").lower(), too_big, limits)


def unpacked(data: bytes, coding: str, too_big: NotFetched, limits: Limits) -> bytes:
    """Some servers compress though nobody asked them to. Raises NotFetched."""
    if coding == "identity":
        return data
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise NotFetched(f"压缩成了 {coding[:20]}，读不了")
    try:
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
        data = unpacker.decompress(data, limits.bytes + 1)
    except zlib.error:
        raise NotFetched("压缩过，解不开") from None
    if len(data) > limits.bytes:
        raise too_big
    return data
