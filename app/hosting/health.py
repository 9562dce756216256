"""Ask the server of this container whether it answers: `python -m app.hosting.health`.

It reads the port and the base path where the server does, so that it holds wherever that listens.
"""

from __future__ import annotations

import http.client
import os
import sys
import urllib.request

SECONDS = 4
USUAL_PORT = "8501"


def address() -> str:
    """Return the address of the health check."""
    port = os.environ.get("PORT", "").strip() or USUAL_PORT
    base = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip().strip("/")
    return f"http://127.0.0.1:{port}/{base + '/' if base else ''}_stcore/health"


def main() -> int:
    """Return 0 if the server answers, otherwise 1 with a line that says why."""
    try:
        with urllib.request.urlopen(address(), timeout=SECONDS):
            return 0
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"{address()}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
