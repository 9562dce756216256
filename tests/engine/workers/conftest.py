"""Fixtures of the engine's tests: processes with fake races."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.workers.pool import Job, Pool
from tests.app import fake_race
from tests.app.fake_race import experiment
from tests.engine.support.listening import Listener, Start, eventually


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Two processes with one fake race each, shared: a process takes seconds to start."""
    pool = Pool(2, main=fake_race.serve, at_once=1)
    yield pool
    pool.close()


@pytest.fixture
def start(pool: Pool) -> Iterator[Start]:
    """Submits races and, when the test is over, stops them and waits until the processes are free
    again.
    """
    jobs = []

    def submit(seed: int) -> tuple[Job, Listener]:
        listener = Listener()
        job = pool.submit(experiment(seed), listener)
        jobs.append(job)
        return job, listener

    yield submit
    for job in jobs:
        job.command({"do": "cancel"})
    eventually(lambda: all(job.over for job in jobs) and pool.busy == 0)
