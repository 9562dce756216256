"""Limits on files that pages send to Streamlit, which holds each in memory until its page is closed
or the file is removed.
"""

from __future__ import annotations

import math
from collections import OrderedDict

from starlette.datastructures import Headers

from app.text import t
from app.visitors import Rate

PATH = "/_stcore/upload_file/"
MOST_A_MINUTE = 60
"""Files of one address."""
MOST_FILES, MOST_BYTES = 20, 64 * 2**20
"""Files of one page, and their bytes."""
MOST_PAGES = 10_000
"""Pages whose files are counted; the ones that sent something longest ago are forgotten."""


class UploadLimits:
    """What pages have sent, and whether more may come."""

    def __init__(self) -> None:
        self.rate = Rate(MOST_A_MINUTE)
        self._held: OrderedDict[str, dict[str, int]] = OrderedDict()

    def refusal(self, method: str, path: str, headers: Headers, client: str) -> str | None:
        """Count a request, and return why it is refused, as a sentence; None if it is not.

        Args:
            method: of HTTP.
            path: without the server's base path.
            headers: of the request.
            client: the address that it is counted by.
        """
        page, _, file = path.removeprefix(PATH).partition("/")
        if method == "DELETE":
            self._held.get(page, {}).pop(file, None)
        if method != "PUT":
            return None
        if wait := self.rate.wait(client):
            return t("hosting.uploads-rate", seconds=math.ceil(wait))
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            return t("hosting.uploads-length")
        held = self._held.setdefault(page, {})
        self._held.move_to_end(page)
        held.pop(file, None)
        if len(held) >= MOST_FILES or sum(held.values()) + int(length) > MOST_BYTES:
            return t("hosting.uploads-page", files=MOST_FILES, megabytes=MOST_BYTES // 2**20)
        held[file] = int(length)
        while len(self._held) > MOST_PAGES:
            self._held.popitem(last=False)
        return None
