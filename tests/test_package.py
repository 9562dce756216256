"""The engine installed with pip: another name, another folder, no repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 600


def call(*command: str | Path, cwd: Path) -> str:
    """What a command prints; it is to end well."""
    environment = {key: text for key, text in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a virtual environment in which nothing but Kelvin is installed. What Kelvin
    needs is found where the tests find it, so that nothing is downloaded.
    """
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False)
    paths = sysconfig.get_paths(vars={"base": str(home), "platbase": str(home)})
    (Path(paths["purelib"]) / "needed.pth").write_text(sysconfig.get_paths()["purelib"])
    python = Path(paths["scripts"]) / "python"
    call(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps"),
        *("--no-index", "--no-build-isolation", "--disable-pip-version-check", ROOT),
        cwd=home,
    )
    return python.parent


@pytest.mark.slow
def test_the_command_races_in_another_folder(installed: Path, tmp_path: Path) -> None:
    told = call(
        installed / "kelvin",
        *("run", "--dataset", "digits", "--optimizer", "annealing", "--versus", "adam"),
        *("--seconds", "5", "--json"),
        cwd=tmp_path,
    )
    lanes = json.loads(told)["lanes"]
    assert [lane["optimizer"] for lane in lanes] == ["annealing", "adam"]
    assert all(lane["loss"] < 2.3 and lane["seconds"] >= 5 for lane in lanes)
    assert list(tmp_path.iterdir()) == []
    assert call(installed / "kelvin", "--help", cwd=tmp_path).startswith("Usage: kelvin ")


def test_it_is_a_library_under_its_own_name(installed: Path, tmp_path: Path) -> None:
    """Data that ship and the process that reads uploads are found there too."""
    script = tmp_path / "script.py"
    script.write_text(
        """
import json
import sys
from pathlib import Path

import kelvin
from kelvin import Experiment, Race
from kelvin.uploads import sandbox

if __name__ == "__main__":
    budget = {"currency": "evaluations", "amount": 2000}
    experiment = Experiment.parse(
        {"dataset": "iris", "lanes": ["snes", "adam"], "budget": budget, "device": "cpu"}
    )
    *_, last = Race(experiment, pictures=False)
    Path("flowers.csv").write_text("a,b,kind\\n" + "1,2,x\\n3,4,y\\n" * 20)
    Path("found").mkdir()
    found = sandbox.decode("look", Path("flowers.csv"), "flowers.csv", Path("found"))
    print(json.dumps({
        "home": kelvin.__file__,
        "losses": [lane["loss"] for lane in last.metrics["lanes"]],
        "found": found["kind"],
        "version": kelvin.__version__,
        "engine": "engine" in sys.modules,
    }))
"""
    )
    told = json.loads(call(installed / "python", script, cwd=tmp_path))
    assert Path(told["home"]).is_relative_to(installed.parent)
    assert len(told["losses"]) == 2
    assert all(0 < loss < 5 for loss in told["losses"])
    assert told["found"] == "table"
    assert told["engine"] is False
