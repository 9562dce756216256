"""Seeds for any address."""

from __future__ import annotations

import hashlib


def hashed_seed(*address: int | str) -> int:
    """Return a 63-bit seed for any address; different addresses give unrelated seeds."""
    text = "\x1f".join(str(part) for part in address)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1
