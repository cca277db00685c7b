"""Where calls may go: public addresses only, unless somebody trusted a target by name.

Without this a caller could make the server knock at doors that only the server can reach (its own network,
the cloud's metadata service). The name is resolved once per attempt, every address found must be public, and
the connection goes to an address that was checked, so a name that changes its mind in between gains nothing.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from yarl import URL

from taskloom.core.limits import CALLBACK_URL_LENGTH

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
PORTS: Final = {"https": 443, "http": 80}
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_NUMERIC: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*\.?", re.IGNORECASE)
_NAME: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\.?")
_CLOSED: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "168.63.129.16/32",  # a cloud's internal service at a public address
        "192.88.99.0/24",  # relays of 6to4
        "64:ff9b:1::/48",  # local NAT64
        "2001::/23",  # Teredo and other protocol assignments
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local
        "::/96",  # IPv4-compatible
    )
)


class AddressError(Exception):
    """A call may not go there; the text says why and names no address the caller did not name."""


class Trusted(Struct, frozen=True):
    """A target that may be called though it is not public: a network or a host, and a port or any."""

    host: str
    network: Network | None
    port: int | None

    def covers(self, host: str, address: Address | None, port: int) -> bool:
        """Whether a call to this host, at this address if it is known, is trusted."""
        if self.port not in {None, port}:
            return False
        if self.network is not None:
            return address is not None and address.version == self.network.version and address in self.network
        return host == self.host


def trusted(text: str) -> Trusted:
    """A target as settings spell it: `CIDR`, `address[:port]` or `host[:port]`. Raises ValueError."""
    try:
        return Trusted("", ipaddress.ip_network(text, strict=True), None)
    except ValueError:
        if "/" in text:
            raise
    url = URL(f"http://{text}")
    host = url.raw_host
    if (
        not host
        or not is_host(host)
        or url.path != "/"
        or url.user is not None
        or url.query_string
        or url.fragment
    ):
        raise ValueError(f"{text!r} is no network, host or host:port")
    port = url.explicit_port
    try:
        return Trusted("", ipaddress.ip_network(host), port)
    except ValueError:
        return Trusted(host.lower().rstrip("."), None, port)


def is_host(host: str) -> bool:
    """Whether it is an address, or a name made of the characters names are made of."""
    return _literal(host) is not None or _NAME.fullmatch(host) is not None


def is_public(address: Address) -> bool:
    """Whether everybody on the internet may be meant by this address, also where it wraps another one."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(address.version == closed.version and address in closed for closed in _CLOSED)


class Guard:
    """Decides where calls may go."""

    def __init__(self, allowed: Iterable[Trusted] = (), *, plain_http: bool = False) -> None:
        self._allowed = tuple(allowed)
        self._plain_http = plain_http

    def url(self, text: str) -> URL:
        """The address as it will be called, read by the same parser that calls it. Raises `AddressError`."""
        if len(text) > CALLBACK_URL_LENGTH or not text.isprintable() or "\\" in text:
            raise AddressError("the address is too long or holds characters no address has")
        try:
            url = URL(text)
            port = url.port
        except ValueError as error:
            raise AddressError("the address cannot be read") from error
        host = url.raw_host
        if url.scheme not in PORTS or not host or port is None:
            raise AddressError("the address must begin with https:// and name a host")
        if url.user is not None or url.password is not None:
            raise AddressError("the address must not hold a user or password")
        if not is_host(host) or ("[" in text.split("/")[2] and ":" not in host):
            raise AddressError("the host is no name and no address")
        self._host(url, host, port)
        return url.with_fragment(None)

    def _host(self, url: URL, host: str, port: int) -> None:
        literal = _literal(host)
        if literal is None and _NUMERIC.fullmatch(host):
            raise AddressError("the host is no name and no address in its usual form")
        if self.is_trusted(host, literal, port):
            return
        if literal is not None and not is_public(literal):
            raise AddressError("the address is not public")
        if any(trust.network is not None and trust.port in {None, port} for trust in self._allowed):
            return  # the name may resolve into a trusted network; the resolver decides
        self.public_target(url.scheme, port)

    def public_target(self, scheme: str, port: int) -> None:
        """Refuse what is not allowed towards public addresses."""
        if scheme != "https" and not self._plain_http:
            raise AddressError("the address must begin with https://")
        if port not in PORTS.values():
            raise AddressError("the port must be 443 or 80")

    def is_trusted(self, host: str, address: Address | None, port: int) -> bool:
        """Whether the operator trusts this target."""
        host = host.lower().rstrip(".")
        return any(trust.covers(host, address, port) for trust in self._allowed)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0].rstrip("."))
    except ValueError:
        return None
