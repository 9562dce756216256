"""How exactly a race calculates, whatever the program around it told PyTorch, and that the program
is left as it was.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch

from engine import evaluation
from engine.losses import LOSSES
from engine.networks import MLP
from engine.populations import chunks
from engine.system import arithmetic, environment
from tests.engine.support.repeating import CNN, lane_of, race_of
from tests.engine.support.repeating import MLP as PERCEPTRON

TOLD = """
import torch
def products():
    both = [torch._C._get_fp32_precision_getter(backend, operation) for backend, operation in
            [("generic", "all"), ("cuda", "all"), ("mkldnn", "all")] + [(b, o) for b in ("cuda", "mkldnn") for o in ("matmul", "conv", "rnn")]]
    for ask in (torch.get_float32_matmul_precision, lambda: torch.backends.cuda.matmul.allow_tf32, lambda: torch.backends.cudnn.allow_tf32):
        try:
            both.append(ask())
        except RuntimeError:  # newer and older switches disagree
            both.append(None)
    return both
"""
HOSTS = {
    "nothing": "",
    "medium": "torch.set_float32_matmul_precision('medium')",
    "high": "torch.set_float32_matmul_precision('high')",
    "cublas": "torch.backends.cuda.matmul.allow_tf32 = True",
    "cublas, newer": "torch.backends.cuda.matmul.fp32_precision = 'tf32'",
    "everything": "torch.backends.fp32_precision = 'tf32'",
    "oneDNN's products": "torch.backends.mkldnn.matmul.fp32_precision = 'bf16'",
    "oneDNN": "torch.backends.mkldnn.fp32_precision = 'bf16'",
    "cuDNN": "torch.backends.cudnn.fp32_precision = 'ieee'",
    "no cuDNN": "torch.backends.cudnn.allow_tf32 = False",
}
"""What a program around the race may have switched on. Each is tried in a process of its own, for
not all of it can be taken back."""


def test_float32_is_float32_whatever_the_host_switched_on() -> None:
    script = f"""{TOLD}
import os, sys, traceback
torch.set_num_threads(1)
from engine.system import arithmetic
a, x, w = torch.randn(200, 200), torch.randn(8, 16, 16, 16), torch.randn(16, 16, 3, 3)
exact = a @ a, torch.conv2d(x, w)
def same():
    return torch.equal(a @ a, exact[0]) and torch.equal(torch.conv2d(x, w), exact[1])
def tried():
    before = products()
    for device in ("cpu", "cuda"):
        arithmetic._gpu = lambda: device == "cuda"
        with arithmetic.settled(1, torch.device(device)):
            inside = [torch._C._get_fp32_precision_getter("mkldnn" if device == "cpu" else "cuda", o) for o in ("matmul", "conv", "rnn")]
            assert same() and not {{"tf32", "bf16"}} & set(inside), (device, inside)
        assert products() == before, (device, products(), before)
        try:
            with arithmetic.settled(1, torch.device(device)):
                raise ZeroDivisionError
        except ZeroDivisionError:
            assert products() == before
    with arithmetic.products("float32"):
        assert same()
    assert products() == before
failed = 0
for host in {list(HOSTS.values())!r}:
    if not (child := os.fork()):
        try:
            exec(host)
            tried()
        except BaseException:
            print(host, file=sys.stderr)
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    failed += os.waitpid(child, 0)[1] != 0
assert not failed
"""
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr


def other_type() -> Callable[[], Any]:
    torch.set_default_dtype(torch.float64)
    return lambda: torch.set_default_dtype(torch.float32)


def no_small_numbers() -> Callable[[], Any]:
    torch.set_flush_denormal(True)
    return lambda: torch.set_flush_denormal(False)


def medium() -> Callable[[], Any]:
    torch.set_float32_matmul_precision("medium")
    return lambda: torch.set_float32_matmul_precision("highest")


def within(context: Any) -> Callable[[], Callable[[], Any]]:
    def enter() -> Callable[[], Any]:
        context.__enter__()
        return lambda: context.__exit__(None, None, None)

    return enter


@pytest.mark.parametrize("problem", [PERCEPTRON, CNN], ids=["mlp", "cnn"])
@pytest.mark.parametrize(
    "host",
    [
        medium,
        other_type,
        no_small_numbers,
        within(torch.autocast("cpu", dtype=torch.bfloat16)),
        within(torch.inference_mode()),
        within(torch.no_grad()),
    ],
    ids=["medium", "float64", "denormals", "autocast", "inference", "no gradients"],
)
def test_a_race_is_the_same_whatever_the_host_is_about(
    host: Callable[[], Callable[[], Any]], problem: dict[str, Any]
) -> None:
    def raced() -> list[torch.Tensor]:
        race = race_of(problem, [lane_of("adam"), lane_of("openai-es"), lane_of("annealing")])
        for _ in range(2):
            for lane in race.lanes:
                race.advance_lane(lane)
        race.metrics(0)
        race.picture(0)
        return [lane.state.estimate.clone() for lane in race.lanes]

    expected = raced()
    back = host()
    try:
        before = (
            torch.get_default_dtype(),
            torch.get_float32_matmul_precision(),
            torch.is_autocast_enabled("cpu"),
            torch.is_inference_mode_enabled(),
        )
        found = raced()
        assert before == (
            torch.get_default_dtype(),
            torch.get_float32_matmul_precision(),
            torch.is_autocast_enabled("cpu"),
            torch.is_inference_mode_enabled(),
        )
    finally:
        back()
    assert all(
        one.dtype == torch.float32 and torch.equal(one, other)
        for one, other in zip(found, expected, strict=True)
    )


def test_a_precision_of_float32_is_exact_outside_a_race_too() -> None:
    network, generator = MLP(hidden=(64,)).build((128,), 4), torch.Generator().manual_seed(0)
    population, x, y = (
        torch.randn(4, network.dimension, generator=generator),
        torch.randn(64, 128, generator=generator),
        torch.arange(64) % 4,
    )
    expected = evaluation.losses(network, LOSSES["cross-entropy"], population, x, y)
    torch.set_float32_matmul_precision("medium")
    try:
        with chunks.precision("float32"):
            assert torch.equal(
                evaluation.losses(network, LOSSES["cross-entropy"], population, x, y), expected
            )
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_a_race_within_another_one_has_its_own_threads() -> None:
    cpu = torch.device("cpu")
    before = torch.get_num_threads()
    with arithmetic.settled(3, cpu):
        with arithmetic.settled(2, cpu):
            assert torch.get_num_threads() == 2
        assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == before


IMPORTED = """
import json, os, signal, sys, warnings
before = dict(os.environ)
def state():
    import torch
    return [torch.get_num_threads(), str(torch.get_default_dtype()), torch.get_float32_matmul_precision(), torch.are_deterministic_algorithms_enabled(),
            torch.is_grad_enabled(), [str(signal.getsignal(one)) for one in (signal.SIGINT, signal.SIGTERM)]]
told = state()
filtered = []
def noted(called):
    return lambda *given, **named: (filtered.append(sys._getframe(1).f_globals.get("__name__", "")), called(*given, **named))
warnings.filterwarnings, warnings.simplefilter = noted(warnings.filterwarnings), noted(warnings.simplefilter)
import importlib, pkgutil
import engine
names = [one.name for one in pkgutil.walk_packages(engine.__path__, "engine.") if not one.name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
engine.Experiment, engine.Race, engine.Recording, engine.catalogue
assert len(names) > 60
print(json.dumps({"environment": [key for key in {*before, *os.environ} if before.get(key) != os.environ.get(key)], "settings": told == state(),
                  "filters": [name for name in filtered if name.startswith("engine")]}))
"""


def test_importing_the_engine_changes_nothing_around_it() -> None:
    environ = {key: value for key, value in os.environ.items() if key not in environment.WANTED}
    found = subprocess.run(
        [sys.executable, "-c", IMPORTED], env=environ, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == {"environment": [], "settings": True, "filters": []}


@pytest.mark.parametrize("start", ["engine.cli.main", "engine.workers.worker"])
def test_what_starts_a_process_does_not_import_pytorch_before_it_is_told(start: str) -> None:
    script = (
        f"import sys\nimport {start}\nfrom engine.system import environment\nassert 'torch' not in "
        f"sys.modules\nenvironment.prepare()"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_what_a_person_set_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment.WANTED:
        monkeypatch.setenv(name, "0")
    environment.prepare()
    assert all(os.environ[name] == "0" for name in environment.WANTED)
    monkeypatch.delenv("GOMP_SPINCOUNT")
    environment.prepare()
    assert os.environ["GOMP_SPINCOUNT"] == environment.WANTED["GOMP_SPINCOUNT"]
