"""The way to another server, which may lead anywhere: never into this machine or its network.

The name of a server is resolved here, and the connection goes to an address that was looked at,
so that nobody can answer otherwise a moment later. It ends after so many seconds, whatever it is
doing then: a server that sends a byte now and then can't hold it.
"""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPSConnection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from socket import SHUT_RDWR, SOCK_STREAM, gaierror, getaddrinfo, socket
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

STANDS_IN = IPv4Network("198.18.0.0/15")
NAT64 = IPv6Network("64:ff9b::/96")
"""Its last four bytes are an address of IPv4 (RFC 6052)."""


class NotFetched(Exception):
    """Why a picture wasn't fetched, in Chinese."""


class Local(NotFetched):
    """It is on this machine or in its network."""


def is_public(host: str) -> bool:
    """Whether an address, in numbers, is one of the whole internet. Raises ValueError where it is none."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and (inside := embedded(address)) is not None:
        return is_public(str(inside))
    return address.is_global and not address.is_multicast


def embedded(address: IPv6Address) -> IPv4Address | None:
    """The address of IPv4 that one of IPv6 leads to."""
    if address in NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]


def resolve(host: str, port: int, local: bool) -> list[tuple]:
    """What `socket.getaddrinfo` says of a server, only what may be asked. Raises NotFetched."""
    try:
        found = getaddrinfo(host, port, type=SOCK_STREAM)
    except (gaierror, UnicodeError):
        raise NotFetched("没有这个服务器，或者域名解析不了") from None
    allowed = [each for each in found if local or is_public(each[4][0])]
    if not allowed:
        raise Local(f"{host} 是 {found[0][4][0]}，在本机或者局域网里；要取，加上 --local")
    return allowed


def proxy_for(parts: SplitResult) -> SplitResult | None:
    """The proxy that the owner has set for an address (`https_proxy`), which resolves names itself.

    Raises NotFetched where it isn't one of HTTP.
    """
    host = parts.hostname or ""
    if is_inside(host):
        return None
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(host):
        return None
    found = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if found.scheme != "http":
        raise NotFetched(f"代理 {found.scheme}:// 用不了，只会用 http:// 的")
    return found


def refuse_local(host: str, port: int) -> None:
    """Before a proxy is asked, which may be on this machine itself. Where names are blocked they lead
    to 0.0.0.0 here, and where a proxy stands in for them, to 198.18.0.0/15: it knows better.

    Raises NotFetched.
    """
    try:
        found = {each[4][0] for each in getaddrinfo(host, port, type=SOCK_STREAM)}
    except (gaierror, UnicodeError):
        return
    for each in found:
        address = ip_address(each.partition("%")[0])
        if not is_public(each) and not address.is_unspecified and address not in STANDS_IN:
            raise Local(f"{host} 是 {each}，在本机或者局域网里；要取，加上 --local")


def is_inside(host: str) -> bool:
    """Whether a name needs nobody to be asked to tell that it is on this machine or in its network."""
    try:
        return host == "localhost" or not is_public(host)
    except ValueError:
        return False


class Way:
    """One connection at a time, ended for good after `seconds`."""

    def __init__(self, seconds: float, silence: float, local: bool):
        """`silence`: seconds that the other side may say nothing."""
        self.silence = silence
        self.local = local
        self.is_over = False
        self._open: socket | None = None
        self._watch = threading.Timer(seconds, self.cut)
        self._watch.daemon = True
        self._watch.start()

    def cut(self) -> None:
        self.is_over = True
        if self._open is not None:
            try:
                self._open.shutdown(SHUT_RDWR)
            except OSError:  # closed already
                pass

    def end(self) -> None:
        self._watch.cancel()

    @contextmanager
    def to(self, parts: SplitResult) -> Iterator[HTTPConnection]:
        """A connection to the server of an address. Raises NotFetched and OSError."""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = parts.hostname.encode("idna").decode() if not parts.hostname.isascii() else parts.hostname
        kind = HTTPConnection if parts.scheme == "http" else HTTPSConnection
        context = {"context": ssl.create_default_context()} if parts.scheme == "https" else {}
        proxy = proxy_for(parts)
        if proxy is None:
            reached = resolve(host, port, self.local)
            connection = kind(host, port, timeout=self.silence, **context)
        else:
            if not self.local:
                refuse_local(host, port)
            reached = resolve(proxy.hostname, proxy.port or 80, True)
            connection = kind(proxy.hostname, proxy.port or 80, timeout=self.silence, **context)
            if parts.scheme == "https":
                connection.set_tunnel(host, port)
        connection._create_connection = lambda *_: self.connect(reached)  # what `connect()` calls
        try:
            yield connection
        finally:
            connection.close()
            if self._open is not None:
                self._open.close()
                self._open = None

    def connect(self, reached: list[tuple]) -> socket:
        """To the first that answers. Raises OSError."""
        problem: OSError = OSError()
        for family, kind, protocol, _, address in reached:
            if self.is_over:
                raise TimeoutError
            made = socket(family, kind, protocol)
            made.settimeout(self.silence)
            try:
                made.connect(address)
            except OSError as error:
                made.close()
                problem = error
                continue
            self._open = made.dup()  # TLS takes the other one over; cutting one cuts both
            if self.is_over:
                self.cut()
            return made
        raise problem
