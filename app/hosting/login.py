"""The password of a server: one for all visitors, entered once, kept in a signed cookie."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache

from itsdangerous import BadData, TimestampSigner

from engine.system import settings

COOKIE = "kelvin_login"
SECONDS = 14 * 24 * 3600
"""How long a login is good for: a class comes back next week."""
WRONG_A_MINUTE = 20
"""Wrong passwords that one address may enter in a minute: more than a classroom behind one router
mistypes, far fewer than guessing needs.
"""
MOST_ADDRESSES = 10_000
_TARGET = re.compile(r"(?![\w.+-]*:)(?!/)(?![^?]*\.\.)[^\\\x00-\x20\x7f]{0,4000}")


class Tries:
    """Wrong passwords of each address in the last minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: dict[str, list[float]] = {}
        self._guard = threading.Lock()

    def wait(self, address: str) -> float:
        """Return the seconds until an address may try again, 0 if it may now."""
        now = self._clock()
        with self._guard:
            times = [at for at in self._wrong.get(address, ()) if now - at < 60]
            if len(times) < WRONG_A_MINUTE:
                return 0.0
            return 60 - (now - times[-WRONG_A_MINUTE])

    def wrong(self, address: str) -> None:
        """Count a wrong password."""
        now = self._clock()
        with self._guard:
            times = [at for at in self._wrong.pop(address, ()) if now - at < 60]
            self._wrong[address] = [*times, now]
            while len(self._wrong) > MOST_ADDRESSES:
                del self._wrong[next(iter(self._wrong))]


def is_right(entered: str, password: str) -> bool:
    """Compare a password with the right one, in a time that does not tell how much of it is
    right.
    """
    return hmac.compare_digest(
        *(hashlib.sha256(one.encode("utf-8", "replace")).digest() for one in (entered, password))
    )


@lru_cache(maxsize=4)
def _signer(password: str) -> TimestampSigner:
    """Return what signs cookies. Its key is made from the password, so a restart of the server
    keeps logins and a new password ends them; slowly, so that a cookie does not help to guess it.
    """
    key = hashlib.scrypt(password.encode(), salt=b"kelvin login", n=2**14, r=8, p=1, dklen=32)
    return TimestampSigner(key, salt="kelvin login", digest_method=hashlib.sha256)


def cookie(password: str, secure: bool, framed: bool) -> str:
    """Return the Set-Cookie header of a login.

    It names no path: the browser takes the folder of the address it knows, which may have a prefix
    that a proxy cuts off, so other services of the same host do not get the cookie.

    Args:
        password: the right one.
        secure: whether the page came over HTTPS.
        framed: whether pages of another site may show Kelvin in a frame. Browsers send the cookie
            there only if it says so, and only over HTTPS.
    """
    value = _signer(password).sign("in").decode()
    where = "SameSite=None; Partitioned" if framed and secure else "SameSite=Lax"
    return "; ".join(
        [f"{COOKIE}={value}", f"Max-Age={SECONDS}", "HttpOnly", where, *["Secure"] * secure]
    )


def is_logged_in(cookies: Mapping[str, str], password: str) -> bool:
    """Return whether a cookie is one of this server's, and not too old."""
    try:
        return _signer(password).unsign(cookies.get(COOKIE, ""), max_age=SECONDS) == b"in"
    except BadData:
        return False


def target(text: str) -> str:
    """Return where a visitor goes after the login, relative to the first page; "" if it is no
    such place.
    """
    return text if _TARGET.fullmatch(text) else ""


def framed() -> bool:
    """Return whether cookies must reach frames in pages of another site: of HTTPS, since a page of
    HTTPS shows no others.
    """
    listed = settings.embed()
    return bool(listed) and all(origin.startswith("https://") for origin in listed)
