"""How much of a population to evaluate at once.

Between two products every activation is added to, bent and read again. While a chunk's activations
stay in a core's cache that costs little; from memory it costs as much as the products of a small
network. A chunk must not be too small either: every operation on it has to be started, on every
core.

The sizes are constants: what is summed together decides the last digits of a result, so they must
not depend on the machine, on how much of its memory is free, or on the clock.
"""

from __future__ import annotations

FLOATS_AT_ONCE = 2**19
"""Activations of the widest layer on the CPU, 2 MiB in float32."""
MOST_BYTES = 2**28
"""What evaluating may take beside the population itself, however large that is: 256 MiB."""
ELSEWHERE = MOST_BYTES // 16
"""Activations on a GPU, where starting an operation is what costs: a fourth of `MOST_BYTES`, for a
layer's outputs, its inputs and what the loss makes of them live together."""
