"""Recurrent networks and the transformer against torch.nn's own, in float64; what they cost; what
they refuse.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.networks import NETWORKS, Network
from engine.race.race import Race
from tests.engine.support.network_checks import every_door_agrees


def tensors_of(network: Network, theta: Tensor) -> dict[str, Tensor]:
    return {
        layer.name: theta[layer.start : layer.stop].view(layer.shape) for layer in network.layers
    }


def recurrent_reference(network: Network, cell: str, inputs: int, units: int, characters: bool):  # type: ignore[no-untyped-def]
    kind: Callable[..., nn.RNNBase] = {"elman": nn.RNN, "gru": nn.GRU}[cell]
    module = kind(inputs, units, batch_first=True).double()

    def answer(theta: Tensor, x: Tensor) -> Tensor:
        weights = tensors_of(network, theta)
        past = torch.zeros_like(weights["in.bias"])
        if cell == "gru":
            past = torch.cat([past[: 2 * units], weights["candidate.bias"]])
        own = {
            "weight_ih_l0": weights["in.weight"],
            "weight_hh_l0": weights["past.weight"],
            "bias_ih_l0": weights["in.bias"],
            "bias_hh_l0": past,
        }
        rows = (
            nn.functional.one_hot(x.long(), inputs).double()
            if characters
            else x.transpose(1, 2).flatten(2)
        )
        return (
            functional_call(module, own, (rows,))[0][:, -1] @ weights["out.weight"].T
            + weights["out.bias"]
        )

    return answer


@pytest.mark.parametrize("cell", ["elman", "gru"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 5, 4)])
def test_images_are_read_row_by_row_as_torch_reads_them(cell: str, shape: tuple[int, ...]) -> None:
    network = NETWORKS.build({"name": "recurrent", "cell": cell, "units": 6}).build(shape, 4)
    x = torch.rand(5, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    every_door_agrees(
        network,
        recurrent_reference(network, cell, shape[0] * shape[2], 6, characters=False),
        x,
        "images",
    )


@pytest.mark.parametrize("cell", ["elman", "gru"])
@pytest.mark.parametrize("length", [1, 7])
def test_texts_are_read_character_by_character_as_torch_reads_them(cell: str, length: int) -> None:
    network = NETWORKS.build({"name": "recurrent", "cell": cell, "units": 5}).build((length,), 9)
    x = torch.randint(9, (6, length), generator=torch.Generator().manual_seed(1)).double()
    every_door_agrees(network, recurrent_reference(network, cell, 9, 5, characters=True), x, "text")


def transformer_reference(network: Network, width: int, heads: int, blocks: int):  # type: ignore[no-untyped-def]
    block = nn.TransformerEncoderLayer(
        width, heads, 4 * width, dropout=0, activation="gelu", batch_first=True, norm_first=True
    ).double()
    named = {
        "norm1.weight": "norm1.weight", "norm1.bias": "norm1.bias", "self_attn.in_proj_weight": "attention.weight", "self_attn.in_proj_bias": "attention.bias",
        "self_attn.out_proj.weight": "mix.weight", "self_attn.out_proj.bias": "mix.bias", "norm2.weight": "norm2.weight", "norm2.bias": "norm2.bias",
        "linear1.weight": "dense1.weight", "linear1.bias": "dense1.bias", "linear2.weight": "dense2.weight", "linear2.bias": "dense2.bias",
    }  # fmt: skip

    def answer(theta: Tensor, x: Tensor) -> Tensor:
        weights = tensors_of(network, theta)
        h = weights["characters.weight"][x.long()] + weights["places.weight"]
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1]).double()
        for i in range(blocks):
            h = functional_call(
                block, {theirs: weights[f"{i}.{ours}"] for theirs, ours in named.items()}, (h, mask)
            )
        h = nn.functional.layer_norm(h, (width,), weights["norm.weight"], weights["norm.bias"])
        return (h @ weights["out.weight"].T + weights["out.bias"])[:, -1]

    return answer


@pytest.mark.parametrize(
    ("width", "heads", "blocks", "length"), [(8, 2, 1, 6), (8, 4, 2, 5), (6, 1, 3, 4)]
)
def test_the_transformer_is_torchs_encoder_with_a_causal_mask(
    width: int, heads: int, blocks: int, length: int
) -> None:
    network = NETWORKS.build(
        {"name": "transformer", "width": width, "heads": heads, "blocks": blocks}
    ).build((length,), 7)
    x = torch.randint(7, (5, length), generator=torch.Generator().manual_seed(1)).double()
    every_door_agrees(network, transformer_reference(network, width, heads, blocks), x, "text")


def test_what_they_cost_is_every_multiply_add_counted_by_hand() -> None:
    gru = NETWORKS.build({"name": "recurrent", "units": 10}).build((1, 28, 28), 10)
    assert gru.flops == 2 * (
        28 * 28 * 30 + 27 * 10 * 30 + 10 * 10
    )  # every row in, every state but the first, the last one out
    assert gru.dimension == 30 * 28 + 30 * 10 + 30 + 10 + 110
    elman = NETWORKS.build({"name": "recurrent", "units": 10, "cell": "elman"}).build((32,), 30)
    assert elman.flops == 2 * (31 * 10 * 10 + 10 * 30)  # a character is looked up
    one = NETWORKS.build({"name": "transformer", "width": 8, "heads": 2, "blocks": 1}).build(
        (6,), 7
    )
    keys_and_values, query, match, mean, mix, wide = (
        6 * 8 * 16,
        8 * 8,
        6 * 8,
        6 * 8,
        8 * 8,
        2 * 8 * 32,
    )
    assert one.flops == 2 * (keys_and_values + query + match + mean + mix + wide + 8 * 7)
    two = NETWORKS.build({"name": "transformer", "width": 8, "heads": 2, "blocks": 2}).build(
        (6,), 7
    )
    assert two.flops - one.flops == 2 * (6 * 8 * 24 + 2 * 6 * 6 * 8 + 6 * 8 * 8 + 6 * 2 * 8 * 32)
    assert two.dimension - one.dimension == 4 * 8 + 24 * 8 + 24 + 8 * 8 + 8 + 2 * 8 * 32 + 32 + 8


def test_first_weights_are_what_they_say() -> None:
    transformer = NETWORKS.build("transformer").build((16,), 20)
    weights = tensors_of(transformer, transformer.init(torch.Generator().manual_seed(0)))
    for name, tensor in weights.items():
        if "norm" in name:
            assert bool((tensor == float(name.endswith("weight"))).all())
        else:
            assert 0 < tensor.abs().max() <= (128 if "dense2" in name else 32) ** -0.5
    recurrent = NETWORKS.build("recurrent").build((1, 8, 8), 10)
    assert 0.17 < recurrent.init(torch.Generator().manual_seed(0)).abs().max() <= 32**-0.5


@pytest.mark.parametrize("name", ["recurrent", "transformer"])
def test_nothing_that_comes_later_changes_what_was_read_before(name: str) -> None:
    """A text whose last characters are the same ends in another state only because of what came
    before: and order counts.
    """
    network = NETWORKS.build(name).build((8,), 5)
    theta = network.init(torch.Generator().manual_seed(0)).unsqueeze(0)
    x = torch.randint(5, (1, 8), generator=torch.Generator().manual_seed(2)).float()
    other, turned = x.clone(), x.flip(1)
    other[0, 0] = (other[0, 0] + 1) % 5
    answers = [network.forward(theta, one) for one in (x, other, turned)]
    assert not torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])


def test_they_refuse_what_they_cannot_read_in_one_line() -> None:
    cases = [
        ({"dataset": "moons", "network": "recurrent"}, ("network: 'recurrent' is not allowed; expected an image or text dataset for this "
"network, or the network mlp")),
        ({"dataset": "digits", "network": "transformer"}, ("network: 'transformer' is not allowed; expected a text dataset for this network, or "
"the network mlp")),
        ({"dataset": "opticks", "network": "mlp"}, ("network: 'mlp' is not allowed; expected one that reads characters on opticks: "
"recurrent, transformer")),
        ({"dataset": "opticks", "network": {"name": "transformer", "heads": 5}}, ("network.heads: 5 is not allowed; expected a divisor of 32: 1, 2, "
"4, 8, 16")),
        ({"dataset": "opticks", "network": {"name": "recurrent", "units": 0}}, "network.units: 0 is not allowed; expected at least 1"),
    ]  # fmt: skip
    for value, said in cases:
        with pytest.raises(BadInput) as caught:
            Experiment.parse(value)
        assert str(caught.value) == said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dataset", "network", "lanes"),
    [
        ("digits", "recurrent", ["adam", "annealing", "low-rank-es", "genetic"]),
        (
            {"name": "opticks", "length": 8, "samples": 500},
            {"name": "recurrent", "units": 8},
            ["adam", "eki", "forward-gradient", "hybrid"],
        ),
        (
            {"name": "opticks", "length": 8, "samples": 500},
            {"name": "transformer", "width": 8, "heads": 2},
            ["adam", "openai-es", "forward-gradient", "annealing"],
        ),
    ],
)
def test_every_family_can_race_on_them(dataset: object, network: object, lanes: list[str]) -> None:
    race = Race(
        Experiment.parse(
            {
                "dataset": dataset,
                "network": network,
                "lanes": lanes,
                "budget": {"currency": "evaluations", "amount": 1e9},
            }
        )
    )
    start = race.theta.clone()
    for lane in race.lanes:
        for _ in range(2):
            race.advance_lane(lane)
        assert bool(torch.isfinite(lane.state.estimate).all())
        assert not torch.equal(lane.state.estimate, start) or lane.optimizer.name == "annealing"
    metrics, stage = race.metrics(0), race.stage()
    assert all(row["trouble"] is None and row["loss"] is not None for row in metrics["lanes"])
    assert stage["data"]["kind"] == race.dataset.kind
    picture, detail = race.picture(0)["lanes"], race.detail(0)["lanes"]
    if race.dataset.kind == "text":
        assert stage["data"]["text"]["pieces"].shape == (40, 8)
        assert stage["data"]["text"]["next"].shape == picture[0]["wall"]["predicted"].shape == (40,)
        assert detail[0]["confusion"].shape == (32, 32)
        assert all(lane["members"] is None for lane in detail)


def test_a_transformer_learns_letters_from_those_before_them() -> None:
    """Adam on a few thousand pieces does better than knowing how frequent every letter is, which is
    the best without looking at what came before.
    """
    value = {
        "dataset": {"name": "opticks", "length": 8, "samples": 2000},
        "network": {"name": "transformer", "width": 16, "heads": 2, "blocks": 1},
        "lanes": ["adam"],
    }
    race = Race(Experiment.parse({**value, "budget": {"currency": "evaluations", "amount": 1.2e5}}))
    share = race.dataset.y_train.bincount().float() / len(race.dataset.y_train)
    frequencies = float(-(share * share.clamp(min=1e-9).log()).sum())
    while not race.finished:
        race.advance()
    loss = race.results()[0]["loss"]
    assert loss is not None
    assert loss < frequencies - 0.2
