"""Limits on files that pages send to Streamlit, which holds each in memory until its page is closed
or the file is removed.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict

from starlette.datastructures import Headers

from app.text import t
from app.visitors import Rate

DIGITS = re.compile(r"[0-9]{1,12}")
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

    def refusal(self, path: str, headers: Headers, client: str) -> tuple[str, int] | None:
        """Count a file, and return why it is refused, as a sentence, and the status; None if it is
        not.

        Args:
            path: of the request, without the server's base path.
            headers: of the request.
            client: the address that it is counted by.
        """
        page, file = _named(path)
        if wait := self.rate.wait(client):
            return t("hosting.uploads-rate", seconds=math.ceil(wait)), 429
        length = headers.get("content-length", "")
        if "transfer-encoding" in headers or not DIGITS.fullmatch(length):
            return t("hosting.uploads-length"), 411
        held = self._held.setdefault(page, {})
        self._held.move_to_end(page)
        others = [size for one, size in held.items() if one != file]
        if len(others) >= MOST_FILES or sum(others) + int(length) > MOST_BYTES:
            limits = {"files": MOST_FILES, "megabytes": MOST_BYTES // 2**20}
            return t("hosting.uploads-page", **limits), 413
        held[file] = int(length)
        while len(self._held) > MOST_PAGES:
            self._held.popitem(last=False)
        return None

    def removed(self, path: str) -> None:
        """Take note of a file that Streamlit has removed."""
        page, file = _named(path)
        self._held.get(page, {}).pop(file, None)


def _named(path: str) -> tuple[str, str]:
    """Return the page that a path of a file names, and the file."""
    page, _, file = path.removeprefix(PATH).partition("/")
    return page, file
