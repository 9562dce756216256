"""What all tests share: the same seeds for each, surroundings that no test may change for the next,
and how they are shared out among processes.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from engine.system import environment

environment.prepare()  # before PyTorch is imported, as Kelvin's own processes do

import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
from xdist.scheduler import LoadScopeScheduling  # noqa: E402

import engine.oracle  # noqa: E402
from engine.workers.pool import cores  # noqa: E402
from tests.own_folder import own_folder, sweep  # noqa: E402

# Property tests: the same examples in every run, however slow the machine is.
hypothesis.settings.register_profile(
    "kelvin",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
)
hypothesis.settings.load_profile("kelvin")

MOST_PROCESSES = 4
"""Test processes at most: each takes some 400 MB."""
BROWSER = "tests/browser/"

if patience := os.environ.get("KELVIN_TEST_PATIENCE"):
    os.environ["BROWSER_PATIENCE"] = patience  # for `tests/browser`; Kelvin knows no such name
for name in [name for name in os.environ if name.startswith("KELVIN_") and name != "KELVIN_DATA"]:
    del os.environ[
        name
    ]  # what somebody has set for a server of their own is none of the tests' business
# A store and a cache of this run's own: what another run on this machine puts there or sweeps up is
# not seen here.
sweep()
OWN = own_folder()
os.environ["KELVIN_UPLOADS"], os.environ["KELVIN_CACHE"] = f"{OWN}/uploads", f"{OWN}/cache"
os.environ["KELVIN_STORE"] = "off"  # tests of the store have folders of their own

GIVEN = {*os.environ} - {"PYTEST_CURRENT_TEST"}
"""Variables of the environment that there were before any test; libraries add some of their own as
they are imported."""

torch.set_num_threads(1)  # small problems, and nothing that waits for a core another test holds


if pace := os.environ.get(
    "HARD_CLOCK"
):  # see tests/hard: a machine on which everything takes so many times as long
    vars(engine.oracle)["time"] = SimpleNamespace(
        perf_counter=lambda: float(pace) * time.perf_counter()
    )
if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # so a shell starts what it is to run in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure() -> None:
    """Leave no files behind."""
    shutil.rmtree(OWN, ignore_errors=True)


class ByFile(LoadScopeScheduling):
    """Shares tests out file by file, so that what a file's tests share is set up once; all in a
    browser go to one process, which has the server and the browser.
    """

    def _split_scope(self, nodeid: str) -> str:
        return BROWSER if nodeid.startswith(BROWSER) else nodeid.split("::")[0]


def pytest_xdist_auto_num_workers() -> int:
    """As many test processes as there are cores this process may use; on one core none besides this
    one.
    """
    return 0 if cores() == 1 else min(MOST_PROCESSES, cores())


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Share out file by file, in the order given."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the browser where other processes do the rest meanwhile: it takes one of them the
    longest.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not item.nodeid.startswith(BROWSER))


def seed() -> None:
    """Begin all random numbers that nobody has given a generator of their own."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def pytest_collectstart() -> None:
    """A module that draws numbers while it is read draws the same, whatever was read before it."""
    seed()


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> None:
    """What several tests share is the same, whichever of them comes first."""
    if fixturedef.scope != "function":
        seed()


def surroundings() -> dict[str, object]:
    """What belongs to the whole process and changes what later tests see."""
    return {
        "PyTorch's threads": torch.get_num_threads(),
        "PyTorch's default type": torch.get_default_dtype(),
        "whether gradients are kept": torch.is_grad_enabled(),
        "whether products may be rounded": (
            torch.backends.cuda.matmul.allow_tf32,
            torch.get_float32_matmul_precision(),
        ),
        "whether only repeatable algorithms are allowed": torch.are_deterministic_algorithms_enabled(),
        "NumPy's errors": np.geterr(),
        "the working folder": os.getcwd(),
        "the environment": {
            name: value
            for name, value in os.environ.items()
            if name in GIVEN or name.startswith("KELVIN_")
        },
    }


@pytest.fixture(autouse=True)
def same_numbers() -> Iterator[None]:
    """Every test starts from the same seeds, whatever ran before it, and leaves its surroundings as
    they were.
    """
    seed()
    before, main = surroundings(), sys.modules["__main__"]
    yield
    # Streamlit's AppTest puts the page in its place, and a spawned process would run that first
    sys.modules["__main__"] = main
    after = surroundings()
    assert after == before, (
        f"left changed for the tests that follow: "
        f"{[name for name in before if after[name] != before[name]]}"
    )


@pytest.fixture
def kelvin_data() -> Path:
    """The folder of the standard data files, where there is one (``KELVIN_DATA``)."""
    folder = os.environ.get("KELVIN_DATA")
    if not folder:
        pytest.skip("KELVIN_DATA is not set: no standard data files here")
    return Path(folder)
