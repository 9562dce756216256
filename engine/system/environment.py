"""Set environment variables for Kelvin's own processes (the server, the command line and the
workers) before libraries are loaded. A program that imports the engine is left as it is.
"""

from __future__ import annotations

import os
import sys

from . import settings

WANTED = {
    # Large pages for large tensors (Linux): a population written to fresh memory otherwise waits
    # longer for its pages than for its numbers.
    "THP_MEM_ALLOC_ENABLE": "1",
    # After an operation PyTorch's threads (GNU OpenMP) wait for the next one in a busy loop that
    # uses their cores for milliseconds, and a kernel needs those cores.
    "GOMP_SPINCOUNT": "10000",
}

UNWANTED = (
    # Other code paths of MKL, ATen and oneDNN than the processor's own: their last digits differ.
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "ATEN_CPU_CAPABILITY",
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_MAX_CPU_ISA",
    # Float32 products with fewer bits: the experiment sets the precision instead.
    "DNNL_DEFAULT_FPMATH_MODE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "NVIDIA_TF32_OVERRIDE",
)


def prepare() -> None:
    """Set the variables that the user has not set, and remove those that would change results.

    To be called before PyTorch is imported, which reads them once.
    """
    for name in UNWANTED:
        value = os.environ.pop(name, None)
        if value is not None:
            told = f"{name}={value} is ignored, because it would change the results of a race."
            print(told.encode("ascii", "backslashreplace").decode(), file=sys.stderr)
    for name, value in WANTED.items():
        os.environ.setdefault(name, value)
    if settings.on_processor():
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # no GPU is there for this server
