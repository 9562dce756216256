"""The resources of this machine, or of the container that Kelvin runs in."""

from __future__ import annotations

from pathlib import Path

import psutil

from . import settings

CGROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
UNLIMITED = 2**60
"""A limit of this size means no limit: version 1 of control groups writes a very large number."""

_races = 1


def share_among(races: int) -> None:
    """Let this process check experiments as one of ``races`` races that run at once."""
    global _races
    _races = races


def memory_limit(device: str) -> float:
    """Return how many bytes the methods of a race may use together: ``KELVIN_MEMORY`` GiB if set,
    otherwise half of the free memory, or less if more than two races run at once.
    """
    told = settings.memory()
    if told is not None:
        return told
    if device in ("auto", "cuda"):
        import torch  # not above: a race without networks never loads it

        if torch.cuda.is_available():
            return torch.cuda.mem_get_info()[0] / max(2, _races)
    return free_memory() / max(2, _races)


def free_memory() -> int:
    """Return the free memory in bytes: of the machine, or of the container if that is less."""
    free = psutil.virtual_memory().available
    room = container_room()
    return free if room is None else min(free, room)


def container_room(groups: Path = CGROUPS, own: Path = OWN) -> int | None:
    """Return how many bytes the control groups of this process leave it; None if none has a limit.
    Linux only.

    Args:
        groups: where they are mounted: version 2 there itself, version 1 in ``memory``.
        own: the file that names those of this process.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return None
    found = []
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root, limit, used, idle = (
            groups / "memory",
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
            "total_inactive_file",
        )
        if not controllers:
            root, limit, used, idle = groups, "memory.max", "memory.current", "inactive_file"
        # A limit of a group holds for those inside it; in a container the name may be one of the
        # host's, and its own group is the root.
        place = root / name.strip("/")
        for folder in (place, *(one for one in place.parents if one.is_relative_to(root))):
            room = _room(folder, limit, used, idle)
            if room is not None:
                found.append(room)
    return min(found, default=None)


def _room(folder: Path, limit: str, used: str, idle: str) -> int | None:
    """Return how many bytes one group leaves; memory that only caches files is counted as free."""
    try:
        most = int((folder / limit).read_text())
        taken = int((folder / used).read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return None
    if most >= UNLIMITED:
        return None
    try:
        kept = dict(
            line.split(maxsplit=1) for line in (folder / "memory.stat").read_text().splitlines()
        )
        taken -= int(kept.get(idle, 0))
    except (OSError, ValueError):
        pass
    return max(0, most - max(0, taken))
