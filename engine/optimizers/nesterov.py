"""Nesterov's accelerated gradient (1983), in the form of Sutskever, Martens, Dahl and Hinton
(2013).

https://www.mathnet.ru/eng/dan46009 and https://proceedings.mlr.press/v28/sutskever13.html.
Heavy-ball momentum with a look ahead: the step goes along the gradient and where the momentum,
renewed by that gradient, will carry the weights next. The conventions are those of
`torch.optim.SGD(nesterov=True)`; θ is the place looked ahead from.

g ← ∇L(θ) + λ θ,     b ← μ b + g,     θ ← θ − η (g + μ b)
"""

from __future__ import annotations

from pydantic import Field

from .base import OPTIMIZERS, Phase
from .sgd import Descent


@OPTIMIZERS.add
class Nesterov(Descent):
    """Momentum that looks where it is going."""

    name = "nesterov"
    label = "SGD with Nesterov momentum"
    paper = (
        "Nesterov 1983, https://www.mathnet.ru/eng/dan46009; Sutskever et al. 2013, "
        "https://proceedings.mlr.press/v28/sutskever13.html"
    )
    sentence = (
        "Brakes before it overshoots, so it bears more momentum than plain SGD in narrow "
        "valleys; on noisy mini-batches hardly better, and as blind to flat ground."
    )
    phases = (
        Phase(
            "Gradient",
            "Backpropagation gives the gradient at the place looked ahead from.",
            "asked",
        ),
        Phase("Momentum", "The gradient renews the momentum.", "answered"),
        Phase(
            "Step",
            (
                "The weights move against the gradient and, looking ahead, against the renewed "
                "momentum."
            ),
            "moved",
        ),
    )
    nesterov = True

    momentum: float = Field(
        0.9,
        ge=0.01,
        le=0.9999,
        description="Share of the last step that is kept and looked ahead along (μ).",
        json_schema_extra={"live": True, "step": 0.01},
    )
