"""The product of two matrices, on one thread: a lane's seconds are those of its own thread, and
NumPy would share the work among several.
"""

from __future__ import annotations

import numpy as np

from .jit import kernel

STRIP = 64
"""Rows of the second factor that stay in a core's cache."""


@kernel("void(float64[:,::1], float64[:,::1], float64[:,::1])")
def multiply(a, b, product):
    """Write the product of two square matrices (n, n) into a third."""
    n = len(a)
    for i in range(n):
        for j in range(n):
            product[i, j] = 0.0
    for strip in range(0, n, STRIP):
        for i in range(n):
            for k in range(strip, min(strip + STRIP, n)):
                factor = a[i, k]
                for j in range(n):
                    product[np.uint64(i), np.uint64(j)] += factor * b[np.uint64(k), np.uint64(j)]
