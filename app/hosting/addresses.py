"""Who asks, and by which name: addresses of clients, and the Host and Origin headers.

A page of another origin may reach Kelvin under a name of its own: its owner lets the name point to
this machine ("DNS rebinding"), and to the browser Kelvin then is that page's own server. So a
server answers only to names that such an owner cannot have: addresses in numbers, names without a
dot, and those that the public domain name system does not give away. A public name must be listed
in ``KELVIN_HOSTS``, or belong to an origin in ``KELVIN_ORIGINS``.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import Scope

from engine.system import settings

PRIVATE = (".localhost", ".local", ".internal", ".home.arpa", ".test")
"""Ends of names that nobody can register (RFC 6761, 6762, 8375 and ICANN's for private use)."""
FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers by which a proxy tells that it is one."""


def host_name(host: str) -> str | None:
    """Return the name in a Host header, in lower case and without its port; None if it is none."""
    try:
        parts = urlsplit(f"//{host}")
        name = parts.hostname
        _ = parts.port  # raises if it is none
    except ValueError:
        return None
    if not name or parts.netloc != host or "@" in host or parts.path or not host.isascii():
        return None
    return name.lower().rstrip(".")


def host_allowed(host: str | None) -> bool:
    """Return whether the server answers to that Host header."""
    listed, origins = settings.hosts(), settings.origins()
    if "*" in listed or "*" in origins:
        return True
    name = host_name(host or "")
    if not name:
        return False
    if is_number(name) or "." not in name or name.endswith(PRIVATE) or name == own_name():
        return True
    if name in (urlsplit(origin).hostname for origin in origins):
        return True
    return any(
        name == entry or (entry.startswith("*.") and name.endswith(entry[1:])) for entry in listed
    )


def origin_allowed(origin: str | None, host: str | None) -> bool:
    """Return whether a page of that origin may open a socket: Kelvin's own pages, and those listed
    in ``KELVIN_ORIGINS`` (commas; ``*`` for all).

    A browser always sends an origin; a client that sends none is rejected unless all are allowed.
    """
    listed = settings.origins()
    if "*" in listed:
        return True
    if not origin:
        return False
    try:
        own = urlsplit(origin).netloc.lower()
    except ValueError:
        return False
    return origin in listed or (bool(host) and own == str(host).lower())


def is_number(name: str) -> bool:
    """Return whether a name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1)
def own_name() -> str:
    """Return this machine's name, in lower case."""
    return socket.gethostname().lower().rstrip(".")


def client(scope: Scope) -> str:
    """Return what limits count a client by: its address, or the first half of one of IPv6, of which
    anybody has as many as they like; "" if there is none.
    """
    found = (scope.get("client") or ("",))[0]
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return str(found)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def shortened(scope: Scope) -> str:
    """Return a client's address as a log may have it: without what tells one person from the
    others of their network.
    """
    try:
        address = ipaddress.ip_network(client(scope), strict=False)
    except ValueError:
        return ""
    kept = 24 if address.version == 4 else 48
    return str(address.supernet(new_prefix=kept))


def proxies() -> list[str] | str:
    """Return the addresses of proxies whose word on a visitor's address counts, as uvicorn reads
    them from ``FORWARDED_ALLOW_IPS``: this machine, if none are named.

    uvicorn itself misses those of IPv4 where a server listens for both kinds of addresses: there
    they are written as addresses of IPv6.
    """
    given = os.environ.get("FORWARDED_ALLOW_IPS", "").strip() or "127.0.0.1,::1"
    if given == "*":
        return given
    found = []
    for entry in (one.strip() for one in given.split(",")):
        found.append(entry)
        with contextlib.suppress(ValueError):  # a name
            network = ipaddress.ip_network(entry, strict=False)
            if network.version == 4:
                address, bits = network.network_address, 96 + network.prefixlen
                found.append(f"::ffff:{address}" + ("" if bits == 128 else f"/{bits}"))
    return found


def is_direct_and_local(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Return whether a request comes from this machine itself, and not through a proxy on it.

    A proxy that says nothing of itself and asks under this machine's name cannot be told from a
    browser here, except by its old HTTP: behind one, set a password.
    """
    try:
        local = ipaddress.ip_address(client(scope)).is_loopback
    except ValueError:
        return False
    name = host_name(headers.get("host", "")) or ""
    named = name == "localhost" or (is_number(name) and ipaddress.ip_address(name).is_loopback)
    old = scope.get("http_version") == "1.0"  # nginx's usual way to ask; no browser does so
    return local and named and not old and not any(header in headers for header in FORWARDED)
