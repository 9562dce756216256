"""What a process of Kelvin's own tells the libraries it will load: the server, the command line and the workers. A program that imports the engine is left as it is."""

from __future__ import annotations

import os

WANTED = {
    # Large pages for large tensors (Linux): a population written to fresh memory otherwise waits longer for its pages than for its numbers.
    "THP_MEM_ALLOC_ENABLE": "1",
    # After an operation PyTorch's threads (GNU OpenMP) wait for the next one in a loop that keeps their cores busy for milliseconds, and a kernel needs those cores.
    "GOMP_SPINCOUNT": "10000",
}


def prepare() -> None:
    """Set them, where nobody has. To be called before PyTorch is imported, which reads them once."""
    for name, value in WANTED.items():
        os.environ.setdefault(name, value)
