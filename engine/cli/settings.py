"""Read ``--set KEY=VALUE``."""

from __future__ import annotations

from ..errors import BadInput


def settings_given(settings: tuple[str, ...], given: dict[str, str]) -> dict[str, str]:
    """Return the values of ``--set`` by key; each key may be set only once.

    Args:
        settings: as they were written.
        given: keys already set by other options, with those options.
    """
    found: dict[str, str] = {}
    for text in settings:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key:
            raise BadInput("--set", text, "KEY=VALUE, such as annealing.population_size=64")
        if key in given or key in found:
            raise BadInput(
                "--set",
                text,
                (
                    f"{key} once only "
                    f"({given[key] if key in given else f'--set {key}={found[key]}'} is given "
                    f"too)"
                ),
            )
        found[key] = value.strip()
    return found
