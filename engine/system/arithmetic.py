"""Set the number of threads and the precision while a race works.

A sum that two threads share is added up in another order than by one, so its last bit differs, and
the whole race with it. The number of threads is therefore part of the experiment, like the
precision, and the earlier settings of the process (``OMP_NUM_THREADS``, ``torch.set_num_threads``,
TF32 for a model of the same notebook) are restored afterwards. These are settings of the whole
process, so races in several threads of one process take turns.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any, Literal

import torch

from ..errors import CannotRun

MOST_THREADS = 256

# PyTorch 2.9 and later keep the precision of float32 products by (backend, operation); one that is
# "none" takes that of (backend, "all"), then that of all backends. The older switches exist beside
# them, and if the two disagree PyTorch refuses to multiply: both must be set.
_PARENTS = (("generic", "all"), ("cuda", "all"), ("mkldnn", "all"))
_PRODUCTS = tuple(
    (backend, operation)
    for backend in ("cuda", "mkldnn")
    for operation in ("matmul", "conv", "rnn")
)
_EXACT = ("ieee", "none")
_LEGACY = {"highest": ("none", "none"), "high": ("tf32", "tf32"), "medium": ("tf32", "bf16")}
"""The meaning of the older switch for products by CUDA and by oneDNN."""

Products = Literal["float32", "tf32"]

_lock = RLock()
_inside = 0
_in_force: Products | None = None
"""The precision that this module has set; None outside, where the process's own settings hold."""


@contextmanager
def settled(threads: int, device: torch.device) -> Iterator[None]:
    """Compute in full float32 with ``threads`` threads inside the block, and restore the process's
    settings afterwards. Can be nested.

    Raises:
        CannotRun: the system allows this process fewer threads (``OMP_THREAD_LIMIT``).
    """
    global _inside
    with _lock, ExitStack() as stack:
        if not _inside:
            _set(threads, device, stack)
        elif torch.get_num_threads() != threads:  # a race inside another one
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(threads)
        _inside += 1
        try:
            yield
        finally:
            _inside -= 1


def _set(threads: int, device: torch.device, stack: ExitStack) -> None:
    """Set everything that changes the last bits of a number; ``stack`` restores it."""
    openmp = _openmp()
    if openmp is not None:
        if openmp.omp_get_thread_limit() < threads:
            raise CannotRun(
                "threads",
                threads,
                f"at most {openmp.omp_get_thread_limit()} here (OMP_THREAD_LIMIT)",
            )
        if openmp.omp_get_dynamic():  # MKL uses fewer threads when the machine is busy
            openmp.omp_set_dynamic(0)
            stack.callback(openmp.omp_set_dynamic, 1)
    stack.callback(torch.set_num_threads, torch.get_num_threads())
    # Even if it is that many already: then MKL, too, no longer uses fewer threads on fewer cores.
    torch.set_num_threads(threads)
    if torch.get_default_dtype() != torch.float32:
        stack.callback(torch.set_default_dtype, torch.get_default_dtype())
        torch.set_default_dtype(torch.float32)
    if torch.is_autocast_enabled(device.type):
        stack.enter_context(torch.autocast(device.type, enabled=False))
    if torch.is_inference_mode_enabled():
        stack.enter_context(torch.inference_mode(False))
    if _SMALLEST * _ONE == 0.0:
        stack.callback(torch.set_flush_denormal, True)
        torch.set_flush_denormal(False)
    # It chooses algorithms by timing them.
    if device.type == "cuda" and torch.backends.cudnn.benchmark:
        stack.callback(setattr, torch.backends.cudnn, "benchmark", True)
        torch.backends.cudnn.benchmark = False
    if exact(device):
        stack.callback(_note, _in_force)
        _note("float32")
    else:
        stack.enter_context(products("float32"))


def _note(of: Products | None) -> None:
    global _in_force
    _in_force = of


_SMALLEST, _ONE = 5e-324, 1.0
"""Their product is 0 if denormal numbers are flushed to 0."""


@contextmanager
def products(of: Products) -> Iterator[None]:
    """Use exact float32 products inside the block, or TF32's 10 bits on a GPU; restore the settings
    afterwards.
    """
    global _in_force
    of = of if _gpu() else "float32"
    with _lock:
        if of == _in_force or (_in_force is None and of == "float32" and exact(None)):
            yield
            return
        before, found, _in_force = _in_force, _take(), of
        _make_exact()
        if of == "tf32":
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        try:
            yield
        finally:
            _in_force = before
            _restore(*found)


def exact(device: torch.device | None) -> bool:
    """Return whether float32 products are full float32 on that device, or on every
    available one.
    """
    on_gpu = _gpu() if device is None else device.type == "cuda"
    return all(
        _get(*product) in _EXACT for product in _PRODUCTS if on_gpu or product[0] == "mkldnn"
    )


def _get(backend: str, operation: str) -> str:
    return torch._C._get_fp32_precision_getter(backend, operation)


def _put(backend: str, operation: str, value: str) -> None:
    torch._C._set_fp32_precision_setter(backend, operation, value)


Found = tuple[dict[tuple[str, str], str], dict[tuple[str, str], str], str, bool]


def _take() -> Found:
    """Return the precision of every product, effective and as set, and the older switches; reset
    all settings to "none".
    """
    held, found = {key: _get(*key) for key in _PRODUCTS}, {}
    # From the top, so that no lower one inherits a value from above.
    for key in (*_PARENTS, *_PRODUCTS):
        found[key] = _get(*key)
        _put(*key, "none")
    matmul = next(name for name, both in _LEGACY.items() if _legacy(name, *both))
    return held, found, matmul, _cudnn()


def _legacy(name: str, cuda: str, mkldnn: str) -> bool:
    """Return whether the older switch for matrices has that value: PyTorch reports it only while
    the newer ones agree with it.
    """
    _put("cuda", "matmul", cuda)
    _put("mkldnn", "matmul", mkldnn)
    try:
        return torch.get_float32_matmul_precision() == name
    except RuntimeError:
        return False


def _cudnn() -> bool:
    """Return the older switch for convolutions and recurrent layers."""
    for value in ("none", "tf32"):
        _put("cuda", "conv", value)
        _put("cuda", "rnn", value)
        try:
            return torch.backends.cudnn.allow_tf32
        except RuntimeError:
            continue
    return True


def _make_exact() -> None:
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    for backend, operation in _PRODUCTS:
        _put(backend, operation, "ieee")


def _restore(
    held: dict[tuple[str, str], str], found: dict[tuple[str, str], str], matmul: str, cudnn: bool
) -> None:
    torch.set_float32_matmul_precision(matmul)
    torch.backends.cudnn.allow_tf32 = cudnn
    for key, value in found.items():
        _put(*key, value)
    for key, value in held.items():
        if _get(*key) != value:  # an unset one was reported through the older switch
            _put(*key, "none")


@cache
def _gpu() -> bool:
    return torch.cuda.is_available()


@cache
def _openmp() -> Any:
    """Return PyTorch's OpenMP library, or None if it has none of its own."""
    home = Path(torch.__file__).parent
    for pattern in ("lib/lib*omp.so*", "lib/lib*omp*.dylib", "../torch.libs/lib*omp*.so*"):
        for path in sorted(home.glob(pattern)):
            try:
                library = ctypes.CDLL(str(path))
                _ = library.omp_get_dynamic, library.omp_set_dynamic, library.omp_get_thread_limit
            except (OSError, AttributeError):
                continue
            return library
    return None
