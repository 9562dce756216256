"""The image and compose.yaml, by what they say; the image's command and its health check, run."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.system import settings
from tests.engine.support.listening import PATIENCE, eventually

ROOT = Path(__file__).resolve().parents[1]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions and what follows them."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def last(name: str) -> str:
    return next(rest for one, rest in reversed(instructions()) if one == name)


def environment() -> dict[str, str]:
    return dict(
        word.split("=", 1)
        for one, rest in instructions()
        if one == "ENV"
        for word in shlex.split(rest)
    )


def service() -> dict[str, Any]:
    file = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    assert list(file["services"]) == ["kelvin"]
    assert set(file["volumes"]) == {"kelvin"}
    found: dict[str, Any] = file["services"]["kelvin"]
    return found


def usual(value: str) -> str:
    """A value as it is where the variable in it is not set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def test_the_image_runs_as_a_user_below_a_first_process_that_passes_on_signals() -> None:
    order = [name for name, _ in instructions()]
    assert last("USER") == "kelvin"
    assert "tini" in " ".join(rest for name, rest in instructions() if name == "RUN")
    assert json.loads(last("ENTRYPOINT")) == ["tini", "--"]
    command = json.loads(last("CMD"))
    assert command[:2] == ["sh", "-c"]
    assert command[2].startswith("exec "), "signals reach the server, not the shell"
    assert '"$PORT"' in command[2]
    assert order.index("USER") < order.index("VOLUME")


def test_what_is_kept_lies_on_the_volume() -> None:
    found = environment()
    volume = last("VOLUME")
    for name in ("KELVIN_CACHE", "KELVIN_UPLOADS", "KELVIN_STORE", "NUMBA_CACHE_DIR"):
        assert Path(found[name]).is_relative_to(volume), name
    assert {name for name in found if name.startswith("KELVIN_")} <= {*settings.KNOWN}


def test_what_is_copied_is_there_and_let_in() -> None:
    let_in = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line[:1] == "!"
    }
    copied = [rest.split()[0] for name, rest in instructions() if name == "COPY"]
    assert copied
    for name in copied:
        assert (ROOT / name).exists(), name
        assert name in let_in


def test_compose_gives_no_more_rights_than_needed() -> None:
    found = service()
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert int(found["user"].split(":")[0]) > 0
    assert re.fullmatch(r"\d+g", usual(found["mem_limit"]))
    assert found["pids_limit"] > 0
    assert found["ulimits"]["nofile"] >= 4096
    assert "privileged" not in found
    assert found["volumes"] == [f"kelvin:{last('VOLUME')}"]
    assert any(one.startswith("/tmp:") for one in found["tmpfs"])


def test_compose_names_settings_that_exist_and_waits_for_the_end() -> None:
    found = service()
    values = {name: usual(value) for name, value in found["environment"].items()}
    own = {name for name in values if name.startswith("KELVIN_")}
    assert own <= {*settings.KNOWN}
    assert float(values["KELVIN_DRAIN"]) < float(found["stop_grace_period"].removesuffix("s"))
    assert found["ports"] == [f"${{PORT:-8501}}:{values['PORT']}"]


def test_compose_starts_with_nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in service()["environment"].items():
        monkeypatch.setenv(name, usual(value))
    settings.check()


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize("port", ["8777", None])
def test_make_run_listens_where_port_says(port: str | None) -> None:
    given = {name: value for name, value in os.environ.items() if name not in ("PORT", "MAKEFLAGS")}
    said = subprocess.run(
        ["make", "--dry-run", "run"],
        cwd=ROOT,
        env={**given, **({"PORT": port} if port else {})},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"--server.port {port or '8501'} " in said


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("docker"), reason="Docker is not installed")
def test_docker_reads_the_compose_file() -> None:
    version = ["docker", "compose", "version"]
    if subprocess.run(version, capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed")
    done = subprocess.run(
        ["docker", "compose", "config", "--quiet"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("base", ["", "tools/kelvin"])
def test_the_images_command_and_its_health_check(base: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    program, *arguments = json.loads(last("CMD"))
    _, check = last("HEALTHCHECK").split(" CMD ")
    probe = [sys.executable, *json.loads(check)[1:]]
    around = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PORT": port,
        "STREAMLIT_SERVER_BASE_URL_PATH": base,
        "KELVIN_WORKERS": "1",
    }

    def healthy() -> bool:
        done = subprocess.run(probe, cwd=ROOT, env=around, capture_output=True, check=False)
        return done.returncode == 0

    assert not healthy()
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [program, *arguments], cwd=ROOT, env=around, stdout=log, stderr=log
        )
    try:
        eventually(healthy)
    finally:
        server.send_signal(signal.SIGTERM)
        code = server.wait(PATIENCE)
    text = (tmp_path / "log").read_text("utf-8")
    assert code == 0, text
    assert "Traceback" not in text
