"""Settings from environment variables, each read and checked in one place.

A server and the command line call `check` when they start, so that a wrong value is reported then
and not to the first visitor.
"""

from __future__ import annotations

import importlib.util
import math
import os
import re
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from ..errors import BadInput, one_line

KNOWN = (
    "KELVIN_ADDRESS_RACES",
    "KELVIN_CACHE",
    "KELVIN_DATA",
    "KELVIN_DEVICE",
    "KELVIN_DRAIN",
    "KELVIN_EMBED",
    "KELVIN_EVIDENCE",
    "KELVIN_GRACE",
    "KELVIN_HOSTS",
    "KELVIN_KEPT",
    "KELVIN_LOG",
    "KELVIN_MEMORY",
    "KELVIN_ORIGINS",
    "KELVIN_PASSWORD",
    "KELVIN_QUOTA",
    "KELVIN_RACES",
    "KELVIN_RAY",
    "KELVIN_SECONDS",
    "KELVIN_SOCKETS",
    "KELVIN_STORE",
    "KELVIN_THREADS",
    "KELVIN_UPLOADS",
    "KELVIN_WORKERS",
)
GIB = 2**30
MOST_GIB = 2**20
MOST_GRACE = 86_400.0
MOST_WORKERS = 64
MOST_THREADS = 256
MOST_RACES = 10_000
MOST_KEPT = 1_000_000
MOST_SECONDS = 30 * 86_400.0
MOST_DRAIN = 3600.0
SOCKETS = 256
"""Sockets that one address may hold by default: a classroom of 64 behind one router, two tabs each,
since an open page holds two.
"""
MOST_SOCKETS = 100_000
PASSWORD_LENGTHS = (8, 200)
LOGS = ("plain", "json")
_GPU = re.compile(r"cuda(:\d{1,3})?")
_NAME = re.compile(r"(\*\.)?(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.IGNORECASE)


def memory() -> float | None:
    """Return how many bytes the methods of a race may use (``KELVIN_MEMORY``, in GiB); None if it
    is not set.

    Raises:
        BadInput: it is not such a number.
    """
    found = _number(
        "KELVIN_MEMORY", f"a number of GiB above 0, at most {MOST_GIB:,}, such as 4", MOST_GIB
    )
    if found == 0:
        raise BadInput(
            "KELVIN_MEMORY",
            _given("KELVIN_MEMORY"),
            f"a number of GiB above 0, at most {MOST_GIB:,}, such as 4",
        )
    return None if found is None else found * GIB


def grace(usual: float) -> float:
    """Return for how many seconds a race without viewers keeps its process (``KELVIN_GRACE``).

    Raises:
        BadInput: it is not such a number.
    """
    found = _number(
        "KELVIN_GRACE", f"a number of seconds from 0 to {MOST_GRACE:,.0f}, such as 90", MOST_GRACE
    )
    return usual if found is None else found


def workers() -> int | None:
    """Return how many races may run at once (``KELVIN_WORKERS``); None if it is not set.

    Raises:
        BadInput: it is not such a number.
    """
    return _count("KELVIN_WORKERS", MOST_WORKERS)


def threads() -> int | None:
    """Return how many processor threads a visitor's race may use; None if it is not set.

    Raises:
        BadInput: ``KELVIN_THREADS`` is not such a number.
    """
    return _count("KELVIN_THREADS", MOST_THREADS)


def races(usual: int) -> int:
    """Return how many races of one visitor may go on at once (``KELVIN_RACES``).

    Raises:
        BadInput: it is not such a number.
    """
    return _count("KELVIN_RACES", MOST_RACES) or usual


def address_races(usual: int) -> int:
    """Return how many races that one address asked for may go on at once
    (``KELVIN_ADDRESS_RACES``).

    Raises:
        BadInput: it is not such a number.
    """
    return _count("KELVIN_ADDRESS_RACES", MOST_RACES) or usual


def kept(usual: int) -> int:
    """Return how many races of one visitor are kept on the disk (``KELVIN_KEPT``).

    Raises:
        BadInput: it is not such a number.
    """
    return _count("KELVIN_KEPT", MOST_KEPT) or usual


def seconds(usual: float) -> float:
    """Return how many seconds of a processor a visitor's race may take (``KELVIN_SECONDS``).

    Raises:
        BadInput: it is not such a number.
    """
    allowed = f"a number of seconds from 1 to {MOST_SECONDS:,.0f}, such as 600"
    found = _number("KELVIN_SECONDS", allowed, MOST_SECONDS)
    if found is not None and found < 1:
        raise BadInput("KELVIN_SECONDS", os.environ["KELVIN_SECONDS"], allowed)
    return usual if found is None else found


def devices() -> list[str] | None:
    """Return the devices that worker processes are spread over (``KELVIN_DEVICE``); None for all
    GPUs that are there, or the processor.

    Raises:
        BadInput: one is no device.
    """
    asked = _given("KELVIN_DEVICE")
    if asked is None:
        return None
    found = [entry.strip().lower() for entry in asked.split(",")]
    gpus = [bool(_GPU.fullmatch(entry)) for entry in found]
    if found != ["cpu"] and not all(gpus):
        raise BadInput("KELVIN_DEVICE", asked, "cpu, or GPUs with commas, such as cuda:0,cuda:1")
    return found


def on_processor() -> bool:
    """Return whether ``KELVIN_DEVICE`` asks for the processor."""
    return (_given("KELVIN_DEVICE") or "").lower() == "cpu"


def data() -> Path | None:
    """Return the folder of full data files (``KELVIN_DATA``); None if it is not set. `check` tests
    whether it exists: it may be mounted later or removed.
    """
    asked = _given("KELVIN_DATA")
    return None if asked is None else Path(asked)


def evidence() -> Path | None:
    """Return the folder of results of studies to show (``KELVIN_EVIDENCE``), as `study run` writes
    them; None if it is not set. `check` tests whether it exists.
    """
    asked = _given("KELVIN_EVIDENCE")
    return None if asked is None else Path(asked)


def cache() -> Path | None:
    """Return the folder for downloads (``KELVIN_CACHE``); None if it is not set.

    Raises:
        BadInput: it is not a folder, or cannot be created.
    """
    return _folder("KELVIN_CACHE")


def uploads() -> Path | None:
    """Return the folder for uploaded files (``KELVIN_UPLOADS``); None if it is not set.

    Raises:
        BadInput: it is not a folder, or cannot be created.
    """
    return _folder("KELVIN_UPLOADS")


def store() -> Path | None:
    """Return the folder that a server keeps its races in (``KELVIN_STORE``), by default the user's
    own for such data; None if it is ``off``.

    Raises:
        BadInput: it is not a folder, or cannot be created.
    """
    if (_given("KELVIN_STORE") or "").lower() == "off":
        return None
    return _folder("KELVIN_STORE") or Path(platformdirs.user_data_dir("kelvin")) / "races"


def store_is_given() -> bool:
    """Return whether ``KELVIN_STORE`` names a folder."""
    return _given("KELVIN_STORE") is not None


def quota(usual: float) -> float:
    """Return how many bytes kept races may take on the disk together (``KELVIN_QUOTA``, in GiB).

    Raises:
        BadInput: it is not such a number.
    """
    found = _number(
        "KELVIN_QUOTA", f"a number of GiB from 0 to {MOST_GIB:,}, such as 4", float(MOST_GIB)
    )
    return usual if found is None else found * GIB


def origins() -> list[str]:
    """Return the origins whose pages may open the live socket, besides Kelvin's own
    (``KELVIN_ORIGINS``); ``*`` for all.

    Raises:
        BadInput: one is not an origin.
    """
    listed = _listed("KELVIN_ORIGINS")
    for entry in listed:
        if entry != "*" and not _is_origin(entry):
            raise BadInput(
                "KELVIN_ORIGINS",
                entry,
                "* or origins with commas between them, such as https://kelvin.example.org",
            )
    return listed


def hosts() -> list[str]:
    """Return the names, in lower case, by which browsers may address the server, besides those
    that need no listing (``KELVIN_HOSTS``); ``*`` for all, ``*.example.org`` for all below one.

    Raises:
        BadInput: one is not a name.
    """
    listed = [entry.lower().rstrip(".") for entry in _listed("KELVIN_HOSTS")]
    for entry in listed:
        if entry != "*" and not _NAME.fullmatch(entry):
            raise BadInput(
                "KELVIN_HOSTS",
                entry,
                "* or names without scheme and port, with commas between them, such as "
                "kelvin.example.org",
            )
    return listed


def embed() -> list[str]:
    """Return the origins whose pages may show Kelvin in a frame, besides its own
    (``KELVIN_EMBED``).

    Raises:
        BadInput: one is not an origin.
    """
    listed = _listed("KELVIN_EMBED")
    for entry in listed:
        if not _is_origin(entry):
            raise BadInput(
                "KELVIN_EMBED",
                entry,
                "origins with commas between them, such as https://course.example.org",
            )
    return listed


def password() -> str | None:
    """Return the password that visitors must enter (``KELVIN_PASSWORD``); None if it is not set.

    Raises:
        BadInput: it is too short or too long. The message does not contain it.
    """
    found = os.environ.get("KELVIN_PASSWORD", "").strip()
    if not found:
        return None
    least, most = PASSWORD_LENGTHS
    if not least <= len(found) <= most or not found.isprintable():
        raise BadInput(
            "KELVIN_PASSWORD",
            f"({len(found)} characters)",
            f"{least} to {most} characters that can be printed",
        )
    return found


def sockets() -> int:
    """Return how many sockets one address may hold at once (``KELVIN_SOCKETS``).

    Raises:
        BadInput: it is not such a number.
    """
    return _count("KELVIN_SOCKETS", MOST_SOCKETS) or SOCKETS


def ray() -> str | None:
    """Return where the Ray cluster is that runs races (``KELVIN_RAY``): ``auto`` for the one that
    this machine belongs to, or the address of its head, as name and port; None if it is not set.

    Raises:
        BadInput: it is neither, or Ray is not installed.
    """
    asked = _given("KELVIN_RAY")
    if asked is None:
        return None
    name, _, port = asked.rpartition(":")
    if asked != "auto" and not (
        re.fullmatch(r"[\w.-]+|\[[0-9a-fA-F:]+\]", name, re.ASCII)
        and re.fullmatch(r"[0-9]{1,5}", port, re.ASCII)
        and 0 < int(port) < 2**16
    ):
        raise BadInput(
            "KELVIN_RAY", asked, "auto or the address of a Ray cluster, such as 10.0.0.5:6379"
        )
    if importlib.util.find_spec("ray") is None:
        raise BadInput(
            "KELVIN_RAY",
            asked,
            "no value where Ray is not installed: pip install -r requirements-cluster.txt",
        )
    return asked


def drain(usual: float) -> float:
    """Return for how many seconds a server that is asked to end lets running races go on
    (``KELVIN_DRAIN``).

    Raises:
        BadInput: it is not such a number.
    """
    found = _number(
        "KELVIN_DRAIN", f"a number of seconds from 0 to {MOST_DRAIN:,.0f}, such as 5", MOST_DRAIN
    )
    return usual if found is None else found


def log() -> str:
    """Return the form of the server's log (``KELVIN_LOG``), one of `LOGS`.

    Raises:
        BadInput: it is another.
    """
    found = (_given("KELVIN_LOG") or LOGS[0]).lower()
    if found not in LOGS:
        raise BadInput("KELVIN_LOG", found, f"one of {', '.join(LOGS)}")
    return found


def check() -> None:
    """Check all settings.

    Raises:
        BadInput: the first that is not allowed.
    """
    memory()
    grace(0)
    workers()
    threads()
    races(1)
    address_races(1)
    kept(1)
    seconds(1)
    devices()
    for name, folder in (("KELVIN_DATA", data()), ("KELVIN_EVIDENCE", evidence())):
        _check_folder(name, folder)
    for name in ("KELVIN_CACHE", "KELVIN_UPLOADS"):
        _try(name)
    if store() is not None:
        _try("KELVIN_STORE")
    quota(0)
    origins()
    hosts()
    embed()
    password()
    sockets()
    ray()
    drain(0)
    log()
    unknown = sorted(
        name for name in os.environ if name.startswith("KELVIN_") and name not in KNOWN
    )
    if unknown:
        sys.stderr.write(
            one_line(
                f"{', '.join(unknown)}: not known, and left out of account; known are "
                f"{', '.join(KNOWN)}"
            )
            + "\n"
        )


def _check_folder(name: str, folder: Path | None) -> None:
    try:
        there = folder is None or folder.is_dir()
    except (OSError, ValueError):  # a name too long, or with a zero byte
        there = False
    if not there:
        raise BadInput(name, str(folder), "a folder that is there")


def _given(name: str) -> str | None:
    """Return the value of a variable; None if it is empty or not set."""
    return os.environ.get(name, "").strip() or None


def _listed(name: str) -> list[str]:
    """Return the entries of a list with commas, without blanks and slashes at their ends."""
    return [entry.strip().rstrip("/") for entry in (_given(name) or "").split(",") if entry.strip()]


def _number(name: str, allowed: str, most: float) -> float | None:
    asked = _given(name)
    if asked is None:
        return None
    try:
        found = float(asked)
    except ValueError:
        found = math.nan
    if not 0 <= found <= most:
        raise BadInput(name, asked, allowed)
    return found


def _count(name: str, most: int) -> int | None:
    asked = _given(name)
    if asked is None:
        return None
    plain = asked.isascii() and asked.isdecimal() and len(asked) <= 9
    if not plain or not 1 <= int(asked) <= most:
        raise BadInput(name, asked, f"a whole number from 1 to {most}")
    return int(asked)


def _folder(name: str) -> Path | None:
    """Return a folder that exists and can be written to, or that can be created."""
    asked = _given(name)
    if asked is None:
        return None
    folder = Path(asked)
    try:
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        fits = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    except (OSError, ValueError):  # a name too long, or with a zero byte
        fits = False
    if not fits:
        raise BadInput(name, asked, "a folder that can be written")
    return folder


def _try(name: str) -> None:
    """Check whether the folder can be written to, or created, by doing so: access rights alone are
    not enough on some file systems.
    """
    folder = _folder(name)
    if folder is None:
        return
    places = (folder, *folder.absolute().parents)
    try:
        missing = places[: next(i for i, place in enumerate(places) if place.exists())]
        there = places[len(missing)]
        fits = not any(place.is_symlink() for place in missing)  # a broken link
        fits = fits and all(
            len(os.fsencode(place.name)) <= os.pathconf(there, "PC_NAME_MAX") for place in missing
        )
        with tempfile.TemporaryDirectory(prefix=".kelvin-", dir=there):
            pass
    except (OSError, ValueError):
        fits = False
    if not fits:
        raise BadInput(name, str(folder), "a folder that can be written, or made")


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        # What a browser sends has no other signs, and in a policy some would begin a new rule.
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and re.fullmatch(r"[\w.:\[\]-]+", parts.netloc, re.ASCII) is not None
            and text == f"{parts.scheme}://{parts.netloc}"
            and parts.port != 0
        )
    except ValueError:
        return False
