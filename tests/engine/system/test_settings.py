"""What the environment says is checked when Kelvin starts: one line that names the variable, the
value and what is allowed.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import platformdirs
import pytest

from engine.datasets import mnist
from engine.errors import BadInput
from engine.system import settings
from tests.engine.support.command_line import run

ROOT = Path(__file__).resolve().parents[3]
BAD = {
    "KELVIN_MEMORY": ("lots", "0", "-1", "nan", "inf", "1e300", "4GB", "4,5"),
    "KELVIN_GRACE": ("soon", "-1", "nan", "inf", "1e9", "90s"),
    "KELVIN_DEVICE": ("gpu", "cpu,cuda:0", "cuda:x", "cuda:0;cuda:1", ",", "cuda:1234"),
    "KELVIN_QUOTA": ("much", "-1", "nan", "1e9"),
    "KELVIN_ADDRESS_RACES": ("0", "many", "2.5", "10001"),
    "KELVIN_KEPT": ("0", "-1", "2.5", "1000001"),
    "KELVIN_SECONDS": ("soon", "0", "-1", "nan", "inf", "1e9"),
    "KELVIN_RACES": ("0", "-1", "2.5", "10001"),
    "KELVIN_STORE": ("/dev/null/races",),
    "KELVIN_WORKERS": ("many", "0", "-2", "2.5", "1e1", "65", "9" * 5000, "²"),
    "KELVIN_THREADS": ("all", "0", "-1", "1.5", "257", "1_0"),
    "KELVIN_DATA": ("/nowhere/at/all", __file__, "x" * 5000),
    "KELVIN_EVIDENCE": ("/nowhere/at/all", __file__, "x" * 5000),
    "KELVIN_CACHE": ("/dev/null/x", __file__, "x" * 5000),
    "KELVIN_UPLOADS": ("/dev/null/x", __file__, f"{__file__}/y"),
    "KELVIN_ORIGINS": (
        "kelvin",
        "https://",
        "https://a b/c",
        "ftp://kelvin.example.org",
        "https://a.example.org,b",
        "https://a.example.org/path",
        "https://u@a.example.org",
    ),
    "KELVIN_HOSTS": ("https://kelvin.example.org", "a b", "kelvin.example.org:80", "a/b", "a..b"),
    "KELVIN_EMBED": ("*", "course", "https://a;script-src *", "https://a' b", "https://a.ex/path"),
    "KELVIN_SOCKETS": ("0", "many", "-1", "2.5", "100001"),
    "KELVIN_DRAIN": ("soon", "-1", "nan", "3601"),
    "KELVIN_LOG": ("xml", "json lines"),
    "KELVIN_RAY": ("cluster", "a b:1", "head:0", "head:65536", "head:", ":6379", "ray://head:1"),
}
GOOD = {
    "KELVIN_MEMORY": ("4", "0.001", " 2.5 ", "1e3", ""),
    "KELVIN_GRACE": ("0", "90", "0.5", ""),
    "KELVIN_DEVICE": ("cpu", " CPU ", "cuda", "cuda:0, cuda:1", ""),
    "KELVIN_QUOTA": ("0", "0.5", "100"),
    "KELVIN_ADDRESS_RACES": ("1", " 500 ", ""),
    "KELVIN_KEPT": ("1", "500"),
    "KELVIN_SECONDS": ("1", "600", "2.5e3", ""),
    "KELVIN_RACES": ("1", "500"),
    "KELVIN_STORE": ("off", "OFF", ""),
    "KELVIN_WORKERS": ("1", "64", " 8 ", ""),
    "KELVIN_THREADS": ("1", " 256 ", ""),
    "KELVIN_DATA": (str(ROOT), ""),
    "KELVIN_EVIDENCE": (str(ROOT), ""),
    "KELVIN_CACHE": (str(ROOT), str(ROOT / "not" / "yet"), ""),
    "KELVIN_UPLOADS": (str(ROOT), ""),
    "KELVIN_ORIGINS": (
        "*",
        "https://kelvin.example.org, http://localhost:8600/",
        "http://[::1]:80",
        "",
    ),
    "KELVIN_HOSTS": ("*", "kelvin.example.org, *.lab.example.", "Kelvin", "a_b.example", ""),
    "KELVIN_EMBED": ("https://course.example.org, http://localhost:9000/", ""),
    "KELVIN_SOCKETS": ("1", " 256 ", ""),
    "KELVIN_DRAIN": ("0", "3600", "2.5", ""),
    "KELVIN_LOG": ("plain", "JSON", ""),
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in BAD:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in BAD.items() for value in values],
    ids=lambda value: value[:20],
)
def test_the_command_line_says_at_once_what_is_wrong(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    code, out, err = run(capsys, "list")
    assert (code, out) == (2, "")
    assert err.startswith(f"{name}: ")
    assert "expected" in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in GOOD.items() for value in values]
)
def test_what_is_allowed_is_taken(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    settings.check()


def test_values_are_read_as_they_are_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        settings.memory(),
        settings.workers(),
        settings.grace(7),
        settings.data(),
        settings.origins(),
    ) == (None, None, 7, None, [])
    monkeypatch.setenv("KELVIN_MEMORY", "0.5")
    monkeypatch.setenv("KELVIN_GRACE", "0")
    monkeypatch.setenv("KELVIN_ORIGINS", "https://a.example.org/ , http://b:1")
    assert (settings.memory(), settings.grace(7)) == (2**29, 0)
    assert settings.origins() == ["https://a.example.org", "http://b:1"]


@pytest.mark.parametrize("value", ["auto", "10.0.0.5:6379", "head.lab:1", "[::1]:6379"])
def test_a_cluster_needs_ray(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("KELVIN_RAY", value)
    find = importlib.util.find_spec
    found: object = None
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: found if name == "ray" else find(name)
    )
    with pytest.raises(BadInput, match=r"pip install -r requirements-cluster\.txt$"):
        settings.check()
    found = object()
    assert settings.ray() == value


def test_nothing_else_reads_the_environment() -> None:
    """A variable of Kelvin's that is read elsewhere would be checked nowhere."""
    for path in (
        one
        for room in ("engine", "app")
        for one in (ROOT / room).rglob("*.py")
        if one.name != "settings.py"
    ):
        for line in path.read_text("utf-8").splitlines():
            assert not ("environ" in line and "KELVIN_" in line), path


@pytest.mark.slow
@pytest.mark.parametrize("name", ["KELVIN_GRACE", "KELVIN_MEMORY", "KELVIN_WORKERS", "KELVIN_DATA"])
def test_the_server_says_so_before_it_serves(name: str) -> None:
    code = "import runpy; runpy.run_path('app/server.py', run_name='server')"
    environment = {**os.environ, name: BAD[name][0]}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith(f"{name}: ")
    assert "Traceback" not in done.stderr


def test_a_cache_that_cannot_be_written_is_refused_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever may write everywhere is stopped by a file system that takes nothing alone."""
    monkeypatch.setenv("KELVIN_CACHE", str(tmp_path))
    access = os.access
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda path, mode: path != tmp_path and access(path, mode))
        assert run(capsys, "list")[0] == 2

    def read_only(*_: object, **__: object) -> str:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "mkdtemp", read_only)
    code, out, err = run(capsys, "list")
    assert (code, out) == (2, "")
    assert err.startswith("KELVIN_CACHE: ")
    assert err.endswith("expected a folder that can be written, or made\n")
    assert len(err.strip().splitlines()) == 1


def test_without_a_cache_named_it_is_the_users(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: str(tmp_path / name))
    assert settings.cache() is None
    assert mnist.cache_folder() == tmp_path / "kelvin"
    monkeypatch.setenv("KELVIN_CACHE", str(tmp_path / "other"))
    assert mnist.cache_folder() == tmp_path / "other"


@pytest.mark.parametrize("value", ["short77", "x" * 201, "tab\tinside", "bell\x07inside"])
def test_a_password_that_is_refused_is_not_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("KELVIN_PASSWORD", value)
    code, out, err = run(capsys, "list")
    assert (code, out) == (2, "")
    assert err.startswith("KELVIN_PASSWORD: ")
    assert "8 to 200 characters" in err
    assert value not in err


def test_a_password_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KELVIN_PASSWORD", "")
    assert settings.password() is None
    monkeypatch.setenv("KELVIN_PASSWORD", "pässword, ten")
    assert settings.password() == "pässword, ten"


def test_what_is_not_set_has_its_usual_value(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.hosts() == settings.embed() == []
    assert settings.sockets() == settings.SOCKETS
    assert settings.drain(5) == 5
    assert settings.log() == "plain"
    monkeypatch.setenv("KELVIN_HOSTS", "Kelvin.Example., *.lab.example")
    assert settings.hosts() == ["kelvin.example", "*.lab.example"]
