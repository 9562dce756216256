"""AdamW: Adam with decoupled weight decay (Loshchilov and Hutter, 2019).

https://arxiv.org/abs/1711.05101, algorithm 2. In Adam a decay added to the gradient is divided by
the gradient's own size, so weights with large gradients hardly decay. Here it acts on the weights
themselves, in proportion to their size and the step size alone. The conventions are those of
`torch.optim.AdamW`: the decay comes first and is multiplied by η.

θ ← (1 − η λ) θ,     then Adam's step on ∇L
"""

from __future__ import annotations

from pydantic import Field

from .adam import Adam
from .base import OPTIMIZERS, Phase


@OPTIMIZERS.add
class AdamW(Adam):
    """Adam whose weight decay bypasses the gradient."""

    name = "adamw"
    label = "AdamW"
    paper = "Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101"
    sentence = (
        "Adam with a decay that holds all weights back alike, which helps large networks to "
        "generalise; on small ones hardly different from Adam, "
        "and as lost without a gradient."
    )
    phases = (
        Phase(
            "Gradient",
            "Backpropagation gives the gradient of the mini-batch's loss where the network stands.",
            "asked",
        ),
        Phase(
            "Decay",
            (
                "Every weight loses the same small share of itself; gradient and moments know "
                "nothing of it."
            ),
            "answered",
        ),
        Phase(
            "Moments",
            "Every weight updates its running means of the gradient and of the gradient's square.",
            "answered",
        ),
        Phase(
            "Step",
            (
                "Every weight moves by the first mean over the root of the second: about one "
                "step size while signs agree."
            ),
            "moved",
        ),
    )
    decoupled = True

    weight_decay: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Share of itself, times the step size, that every weight loses in a step (λ).",
        json_schema_extra={"live": True, "step": 0.001},
    )
