"""The command line, called from a test."""

from __future__ import annotations

import pytest

from engine.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command."""
    code: object = 0
    try:
        main(list(arguments))
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    return int(code or 0), out, err  # type: ignore[call-overload]
