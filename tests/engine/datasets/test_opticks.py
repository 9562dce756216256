"""The book: what is read of it, and how it is cut into pieces."""

from __future__ import annotations

import hashlib

import torch

from engine.datasets import DATASETS
from engine.datasets.opticks import ALPHABET, FILE, Opticks, book, plain, read
from engine.experiment.model import Experiment
from engine.experiment.query_string import from_flat, to_flat


def test_the_file_is_the_one_that_is_described_and_small_enough_to_ship() -> None:
    data = FILE.read_bytes()
    assert (
        hashlib.sha256(data).hexdigest()
        == "d4a9ac22462b35e7821a4f2706c211093da678620a8f9997989ee7cf8d507bbd"
    )
    assert len(data) < 2**20


def test_a_text_is_written_in_the_alphabet_alone() -> None:
    assert plain("  Light, _Æther_\n\nand 12 Rays: see!  ") == "light, aether and rays; see."
    assert plain("naïve – café") == "na ve caf"
    text = read(book())
    assert text.startswith(
        "opticks; or, a treatise of the reflections, refractions, inflections and colours of light."
    )
    assert text.endswith("before they corrupted themselves.")
    assert set(text) == set(ALPHABET)
    assert "  " not in text


def test_pieces_are_followed_by_what_follows_them_in_the_book() -> None:
    choice = DATASETS.build({"name": "opticks", "length": 20, "samples": 600})
    data, text = choice.load(1), read(book())
    assert choice.shape == data.shape == (20,)
    assert (len(data.y_train), len(data.y_test)) == choice.sizes() == (600, 120)
    assert data.x_train.dtype == torch.float32
    cut = round(len(text) * 0.9)
    for x, y, part in (
        (data.x_train, data.y_train, text[:cut]),
        (data.x_test, data.y_test, text[cut:]),
    ):
        assert all(
            read(piece) + ALPHABET[int(label)] in part for piece, label in zip(x, y, strict=True)
        )
    assert len({read(piece) for piece in data.x_train}) > 595
    assert torch.equal(data.x_train, choice.load(1).x_train)
    assert not torch.equal(data.x_train, choice.load(2).x_train)
    assert Opticks.shape == (32,)
    assert Opticks.classes[0] == "␣"


def test_a_text_nobody_chose_a_network_for_is_read_by_a_transformer() -> None:
    experiment = Experiment.parse({"dataset": {"name": "opticks", "length": 16}})
    assert experiment.network.name == "transformer"
    assert experiment.loss == "cross-entropy"
    assert from_flat(to_flat(experiment)) == experiment
    assert from_flat({"dataset": "opticks", "dataset.length": "16"}) == experiment
    assert (
        from_flat(
            {"dataset": "opticks", "network": "recurrent", "network.cell": "elman"}
        ).network.name
        == "recurrent"
    )
