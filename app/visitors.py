"""Identify visitors without asking for a name, and limit how often each may start
expensive work.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable

import streamlit as st

COOKIE = "_streamlit_xsrf"
VISITOR = "visitor"
"""Session key: the identity of a tab whose browser keeps no cookies."""


class Rate:
    """A limit on the files of each visitor in a minute.

    Attributes:
        most: the limit.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most, self._clock = most, clock
        self._given: dict[str, list[float]] = {}
        self._guard = threading.Lock()

    def wait(self, visitor: str) -> float:
        """Count one more file if it is allowed now; otherwise return the seconds until it is."""
        now = self._clock()
        with self._guard:
            self._given = {
                one: left
                for one, times in self._given.items()
                if (left := [at for at in times if now - at < 60])
            }
            times = self._given.setdefault(visitor, [])
            if len(times) >= self.most:
                return 60 - (now - times[-self.most])
            times.append(now)
        return 0.0


def visitor() -> str:
    """Return an identity for this browser: from the cookie that protects its forms, which is
    secret; otherwise from this tab.
    """
    found = by_cookie(st.context.cookies.get(COOKIE, ""))
    return found or _hashed(st.session_state.setdefault(VISITOR, secrets.token_bytes(16)))


def by_cookie(text: str) -> str | None:
    """Return the identity of the browser that sent this cookie, or None if it is none."""
    try:
        from streamlit.web.server.starlette.starlette_app_utils import decode_xsrf_token_string

        secret, _ = decode_xsrf_token_string(text)
    except (ImportError, ValueError, TypeError, AttributeError):
        return None
    return _hashed(secret) if secret else None


def _hashed(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()[:32]
