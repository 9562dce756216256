"""What a process keeps after a race has ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from engine.kernels import scratch
from engine.workers.worker import Worker


def test_buffers_of_a_race_that_has_ended_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def over() -> Iterator[float]:
        yield 0.0

    def whole(_number: int, what: Any) -> bool:
        what()
        return True

    def turn(waits: float | None) -> Any:
        runner = SimpleNamespace(slice=lambda *_: waits, neighbours=0, inbox=[])
        return SimpleNamespace(number=1, runner=runner, work=over(), used=0.0, due=0.0)

    worker = Worker.__new__(Worker)
    worker.turns = {}
    monkeypatch.setattr(worker, "_at_work", lambda _: nullcontext(), raising=False)
    monkeypatch.setattr(worker, "_ending", whole, raising=False)
    monkeypatch.setattr(worker, "_send", lambda *_: None, raising=False)
    scratch.scratch_buffer("trials", (1000,), torch.zeros(1))
    worker._go_on(turn(0.0), 1)
    assert scratch.held() >= 4000, "it goes on and needs them"
    worker._go_on(turn(None), 1)
    assert scratch.held() == 0
