"""A race that never was: what `live_fake` tells a page of, message by message."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.datasets.hand_drawn import decode_points
from engine.messages.encoding import Message

LANES = (
    ("annealing", "Simulated annealing", "loss", 1.1, 16),
    ("adam", "Adam", "gradient", 3.2, 1),
    ("eki", "Ensemble Kalman inversion", "outputs", 2.0, 64),
    ("pso", "Particle swarm", "loss", 1.5, 40),
)
"""Name, label, what it sees, how fast its loss falls, how many networks it keeps."""
FRAMES, AMOUNT, RATE = 300, 30.0, 14
GRID, MAP, WALL = 40, 48, 40
PARTS = {"points": ((2, 16), (16, 16), (16, 2)), "images": ((784, 24), (24, 10))}
"""Inputs and outputs of every layer of the networks."""
RATE_KNOB = {
    "name": "rate",
    "label": "Step size",
    "type": "number",
    "minimum": 1e-6,
    "maximum": 10,
    "scale": "log",
    "help": "How far one step goes.",
}
KNOBS: dict[str, list[Message]] = {
    "annealing": [
        {"name": "share", "label": "Weights moved", "type": "number", "minimum": 0, "maximum": 1, "scale": "log", "value": 0.02, "help": "Share of all weights in a move."},
        {"name": "proposal", "label": "Proposal", "type": "string", "options": ["sparse", "gaussian", "cauchy"], "value": "sparse", "help": "Which weights a move takes."},
        {"name": "target", "label": "Acceptance aimed at", "type": "number", "minimum": 0, "maximum": 1, "step": 0.01, "advanced": True, "value": 0.44, "help": "For the step."},
        {"name": "adapt", "label": "Adaptive step", "type": "boolean", "advanced": True, "value": True, "help": "Whether the step follows the acceptance."},
        {"name": "reheat_after_steps", "label": "Reheat after", "type": "integer", "minimum": 1, "maximum": 10**9, "optional": True, "unit": "steps", "scale": "log",
         "advanced": True, "value": None, "help": "Steps without a new best loss."},
    ],
    "adam": [{**RATE_KNOB, "value": 0.01}],
    "eki": [{**RATE_KNOB, "value": 2.0}, {**RATE_KNOB, "name": "spread", "label": "Spread", "value": 1.0, "metric": "spread"}],
    "pso": [{"name": "inertia", "label": "Inertia", "type": "number", "minimum": 0, "maximum": 1.2, "step": 0.01, "value": 0.73, "help": "What is left of a velocity."}],
}  # fmt: skip
"""What may be turned while it runs."""
STAGES = {
    "annealing": (("Propose", "Every chain tries a random move.", "asked"), ("Evaluate", "Every tried network is judged.", "answered"),
                  ("Accept or not", "Better moves are kept; worse ones by chance.", "moved")),
    "adam": (("Gradient", "The slope of the loss is asked for, here.", "asked"), ("Step", "The weights go down it, scaled.", "moved")),
    "eki": (("Forecast", "Every member answers all samples.", "asked"), ("Gain", "Spreads of answers and weights are set in relation.", "answered"),
            ("Update", "Every member moves towards the targets.", "moved"), ("Re-spread", "The ensemble is spread out again.", "moved")),
    "pso": (("Fly", "Every particle flies on.", "asked"), ("Judge", "Every place is judged.", "answered"), ("Remember", "Bests are remembered.", "moved")),
}  # fmt: skip
"""One step of every method: name, line, what it shows."""


def experiment(kind: str, lanes: int, seed: int = 0) -> dict[str, Any]:
    """JSON values like those of an experiment; the view only compares them and sends them back."""
    chosen = [{"name": name} for name, *_ in LANES[:lanes]]
    network = (
        {"name": "mlp", "hidden": [16, 16], "activation": "tanh"}
        if kind == "points"
        else {"name": "cnn"}
    )
    return {
        "dataset": {"name": kind},
        "network": network,
        "lanes": chosen,
        "budget": {"currency": "seconds", "amount": AMOUNT},
        "seed": seed,
    }


def packed(parts: tuple[tuple[int, int], ...]) -> list[Message]:
    """Layers as a stage tells of them, from the inputs and outputs of each."""
    layers: list[Message] = []
    for i, (inputs, outputs) in enumerate(parts):
        for name, shape in (("weight", [outputs, inputs]), ("bias", [outputs])):
            start = layers[-1]["stop"] if layers else 0
            layers.append(
                {
                    "name": f"{i}.{name}",
                    "start": start,
                    "stop": start + int(np.prod(shape)),
                    "shape": shape,
                }
            )
    return layers


def sizes(layers: list[Message]) -> list[tuple[int, int]]:
    """Of every tensor how many numbers it has, and how many flow into one output."""
    return [
        (layer["stop"] - layer["start"], layers[i - i % 2]["shape"][1])
        for i, layer in enumerate(layers)
    ]


class Tale:
    """A race that never was: every message follows from the experiment and the frame's number
    alone.
    """

    def __init__(self, wanted: dict[str, Any]) -> None:
        self.experiment = wanted
        self.images = wanted["dataset"]["name"] == "images"
        self.lanes = LANES[: len(wanted["lanes"])]
        self.draw = np.random.default_rng(wanted["seed"])
        self.noise = self.draw.normal(size=(FRAMES, len(self.lanes), 3))
        self.ways = self.draw.normal(0, 1.4, size=(len(self.lanes), 2))
        self.clouds = [self.draw.normal(size=(size, 2)) for *_, size in self.lanes]
        self.heated = np.zeros(FRAMES)
        self.layers = packed(PARTS["images" if self.images else "points"])
        self.first = np.concatenate(
            [self.draw.uniform(-1, 1, n) / m**0.5 for n, m in sizes(self.layers)]
        )
        self.goals = self.draw.normal(0, 0.9, size=(len(self.lanes), len(self.first)))
        self.put: dict[tuple[int, int], float] = {}
        self.plane = "pca"

    def stage(self) -> Message:
        """What does not change."""
        plan = [0.3 * 0.02 ** (i / 40) for i in range(41)]
        lanes = [
            {
                "index": i,
                "optimizer": name,
                "label": label,
                "family": "",
                "sees": sees,
                "sentence": f"{label}.",
                "population": size,
                "plan": plan,
            }
            for i, (name, label, sees, _, size) in enumerate(self.lanes)
        ]
        for lane in lanes:
            lane["knobs"] = KNOBS[str(lane["optimizer"])]
            lane["stages"] = [
                {"name": name, "line": line, "shows": shows}
                for name, line, shows in STAGES[str(lane["optimizer"])]
            ]
            if lane["optimizer"] != "annealing":
                lane["plan"] = None
        return {
            "type": "stage",
            "version": 1,
            "experiment": self.experiment,
            "dimension": len(self.first),
            "network": "Perceptron (MLP)",
            "device": "cpu",
            "layers": self.layers,
            "budget": self.experiment["budget"],
            "lanes": lanes,
            "data": self._data(),
        }

    def _data(self) -> Message:
        if self.images:
            shades = np.clip(
                255 * np.exp(-((np.indices((28, 28)) - 13.5) ** 2).sum(0) / 60), 0, 255
            )
            images = np.stack(
                [
                    np.roll(shades, i % 7 - 3, axis=i % 2)
                    * (0.6 + 0.4 * np.cos(np.arange(28) * (i % 10) / 5))
                    for i in range(WALL)
                ]
            )
            wall = {
                "images": images.astype(np.uint8),
                "labels": (np.arange(WALL) % 10).astype(np.uint8),
            }
            return {
                "name": "images",
                "label": "Images",
                "kind": "images",
                "classes": [str(i) for i in range(10)],
                "shape": [1, 28, 28],
                "wall": wall,
            }
        if self.experiment["dataset"]["name"] == "drawn":
            places, labels = decode_points(self.experiment["dataset"]["points"])
            drawn = {
                "x": places.numpy(),
                "y": labels.numpy().astype(np.uint8),
                "extent": [-1.2, 1.2, -1.2, 1.2],
            }
            return {
                "name": "drawn",
                "label": "Your own points",
                "kind": "points",
                "classes": ["A", "B"],
                "shape": [2],
                "points": drawn,
            }
        turn = np.sqrt(self.draw.random(200)) * 3 * np.pi
        arm = np.stack([turn * np.cos(turn), turn * np.sin(turn)], 1) / (3 * np.pi)
        x = np.concatenate([arm, -arm]) + self.draw.normal(0, 0.03, (400, 2))
        points = {
            "x": x.astype(np.float32),
            "y": np.repeat([0, 1], 200).astype(np.uint8),
            "extent": [-1.2, 1.2, -1.2, 1.2],
        }
        return {
            "name": "points",
            "label": "Two spirals",
            "kind": "points",
            "classes": ["A", "B"],
            "shape": [2],
            "points": points,
        }

    def metrics(self, k: int, events: list[Message]) -> Message:
        """Frame k in numbers."""
        share = k / (FRAMES - 1)
        rows = []
        for i, (name, _, _, speed, size) in enumerate(self.lanes):
            fallen, shake = np.exp(-speed * 3 * share), self.noise[k, i]
            hot = name == "annealing"
            plan = 0.3 * 0.02**share if hot else None
            loss = float(0.7 * fallen * np.exp(0.06 * shake[0]) + 0.02)
            rows.append(
                {
                    "step": 10 * k,
                    "evaluations": 40_000 * size * k,
                    "flops": 5e7 * size * k,
                    "seconds": AMOUNT * share,
                    "progress": share,
                    "loss": loss,
                    "accuracy": float(1 - 0.5 * fallen),
                    "test_loss": float(loss * 1.3 + 0.01),
                    "test_accuracy": float(0.98 - 0.48 * fallen),
                    "temperature": plan * 10 ** float(self.heated[k]) if plan else None,
                    "plan": plan,
                    "acceptance": float(0.44 + 0.4 * fallen + 0.02 * shake[1]) if hot else None,
                    "target": 0.44 if hot else None,
                    "finished": k == FRAMES - 1,
                    "trouble": "Its loss is no number any more."
                    if self.experiment["seed"] == 13 and i == 1 and k > 40
                    else None,
                    "memory": 4 * 354 * (size + 2),
                    "stopped": None,
                    "agreement": self._agreement(name, k, i),
                    "extra": {"spread": float(0.4 * fallen + 0.02)}
                    if name in ("eki", "pso")
                    else {},
                    "vectors": {"acceptance": np.clip(0.44 + 0.2 * self.clouds[i][:, 0], 0, 1)}
                    if hot
                    else {},
                }
            )
        return {"type": "metrics", "k": k, "clock": AMOUNT * share, "lanes": rows, "events": events}

    def _agreement(self, name: str, k: int, lane: int) -> float | None:
        """High for Adam, hardly any for the rest; none where annealing's best stood still."""
        if k == 0 or (name == "annealing" and k % 3):
            return None
        return float(
            np.tanh(
                (0.95 if name == "adam" else 0.12 * lane + 0.05) + 0.12 * self.noise[k, lane, 2]
            )
        )

    def weights(self, k: int, lane: int) -> np.ndarray[Any, Any]:
        """The estimate's weights: from the common start to somewhere else, and as they were put by
        hand.
        """
        speed = self.lanes[lane][3]
        theta = self.first + (1 - np.exp(-speed * k / FRAMES)) * self.goals[lane]
        for (put, index), value in self.put.items():
            if put == lane:
                theta[index] = value
        return theta.astype(np.float32)

    def detail(self, k: int) -> Message:
        """Frame k more closely."""
        lanes = []
        for i in range(len(self.lanes)):
            tensors = [self.weights(k, i)[layer["start"] : layer["stop"]] for layer in self.layers]
            counts = np.stack([np.histogram(values, 32)[0] for values in tensors]).astype(
                np.float32
            )
            histograms = {
                "counts": counts,
                "low": [float(v.min()) for v in tensors],
                "high": [float(v.max()) for v in tensors],
            }
            lanes.append(
                {
                    "members": self._members(k, i),
                    "confusion": self._confusion(k, i),
                    "histograms": histograms,
                }
            )
        return {"type": "detail", "k": k, "steps": [10 * k] * len(self.lanes), "lanes": lanes}

    def _learned(self, k: int, lane: int) -> float:
        return float(1 - np.exp(-self.lanes[lane][3] * 3 * k / (FRAMES - 1)))

    def _members(self, k: int, lane: int) -> Message | None:
        """Every particle has learned more or less than the estimate."""
        if self.lanes[lane][4] == 1:
            return None
        learned = np.clip(self._learned(k, lane) + 0.2 * self.clouds[lane][:, 0], 0.05, 1.2)
        if self.images:
            return {
                "predicted": np.stack(
                    [self._wall(float(one), lane + n)["predicted"] for n, one in enumerate(learned)]
                )
            }
        return {"maps": np.stack([self._map(float(one), 16) for one in learned])}

    def _confusion(self, k: int, lane: int) -> np.ndarray[Any, Any]:
        """Samples given to the right class, and the more to a wrong one the less is learned."""
        classes = 10 if self.images else 2
        share = 0.2 + 0.75 * self._learned(k, lane)
        stray = np.random.default_rng(lane).random((classes, classes)) ** 3
        np.fill_diagonal(stray, 0)
        matrix = 100 * (1 - share) * stray / stray.sum(1, keepdims=True) + np.diag(
            np.full(classes, 100 * share)
        )
        return np.round(matrix).astype(np.int32)

    def picture(self, k: int) -> Message:
        """Frame k as pictures."""
        share = k / (FRAMES - 1)
        era = k // 20
        span = np.linspace(-3, 3, GRID)
        across, up = np.meshgrid(span, span)
        z = (
            0.15
            + 0.1 * (across - 0.8) ** 2
            + 0.12 * (up + 0.6) ** 2
            + 0.08 * np.sin(2 * across + 0.1 * era) * np.cos(2 * up)
        )
        lanes = []
        for i, (_, _, _, speed, size) in enumerate(self.lanes):
            gone = 1 - np.exp(-speed * 3 * np.linspace(0, share, min(k, 60) + 2))
            path = (
                np.array([-1.8, 1.9])
                + gone[:, None] * (np.array([2.6, -2.5]) + 0.5 * self.ways[i])
                + 0.2 * np.sin(gone * (4 + i))[:, None]
            )
            spread = 0.6 * np.exp(-2 * share) + 0.08
            cloud = (
                (path[-1] + spread * self.clouds[i] + 0.05 * self.noise[k, i, :2]).astype(
                    np.float32
                )
                if size > 1
                else None
            )
            lanes.append(
                {
                    "path": path.astype(np.float32),
                    "estimate": path[-1].tolist(),
                    "off_plane": 0.4 * share,
                    "cloud": cloud,
                    "weights": None if self.images else self.weights(k, i),
                    "cloud_loss": None
                    if cloud is None
                    else (0.7 * (1 - gone[-1]) + 0.02)
                    * np.exp(0.25 * np.abs(self.clouds[i]).sum(1)),
                    "map": None if self.images else self._map(gone[-1]),
                    "wall": self._wall(gone[-1], i) if self.images else None,
                }
            )
        kind = self.plane if k > 5 else "random"
        plane = {
            "id": 4 * era + ("pca", "line", "random").index(kind),
            "kind": kind,
            "explained": {"pca": 0.71, "line": 0.64}.get(kind, 0.03) if k > 5 else None,
            "x": [-3.0, 3.0],
            "y": [-3.0, 3.0],
        }
        landscape = {"id": era, "x": [-3.0, 3.0], "y": [-3.0, 3.0], "z": z.astype(np.float32)}
        return {"type": "picture", "k": k, "plane": plane, "landscape": landscape, "lanes": lanes}

    def stages(self, k: int, lane: int) -> Message:
        """The step from frame k − 1 to frame k, in its parts: what was asked is a way off from
        where the lane was, every second of it is taken.
        """
        name, _, _, _, size = self.lanes[lane]
        before, after = self.picture(k - 1)["lanes"][lane], self.picture(k)["lanes"][lane]
        if size == 1:
            asked, moved, taken, none = (
                np.array([before["estimate"]]),
                np.array([after["estimate"]]),
                None,
                None,
            )
        else:
            asked = before["cloud"] + np.random.default_rng(k).normal(0, 0.3, before["cloud"].shape)
            taken = (np.arange(size) % 2).astype(np.uint8) if name == "annealing" else None
            moved = (
                np.where(taken[:, None], asked, before["cloud"])
                if taken is not None
                else after["cloud"]
            )
            none = taken
        losses = [
            0.15 + 0.1 * (points[:, 0] - 0.8) ** 2 + 0.12 * (points[:, 1] + 0.6) ** 2
            for points in (asked, moved)
        ]
        shown = {
            "asked": {"points": asked.astype(np.float32), "values": None, "accepted": None},
            "answered": {
                "points": asked.astype(np.float32),
                "values": losses[0].astype(np.float32),
                "accepted": taken,
            },
            "moved": {
                "points": moved.astype(np.float32),
                "values": losses[1].astype(np.float32),
                "accepted": none,
            },
        }
        return {
            "type": "stages",
            "k": k,
            "lane": lane,
            "step": 10 * k,
            "stages": [shown[what] for _, _, what in STAGES[name]],
        }

    @staticmethod
    def _map(learned: float, side: int = MAP) -> np.ndarray[Any, Any]:
        across, up = np.meshgrid(np.linspace(-1.2, 1.2, side), np.linspace(-1.2, 1.2, side))
        odds = (
            -9
            * learned
            * np.cos(np.arctan2(up, across) - 3 * np.pi * np.hypot(across, up) * learned)
        )
        return np.clip(np.round((odds + 8) / 16 * 255), 0, 255).astype(np.uint8)

    def _wall(self, learned: float, lane: int) -> Message:
        labels = np.arange(WALL) % 10
        wrong = (np.arange(WALL) * 37 + 11 * lane) % WALL >= WALL * (0.1 + 0.85 * learned)
        return {
            "predicted": np.where(wrong, (labels + 3) % 10, labels).astype(np.uint8),
            "confidence": np.full(WALL, 0.9, np.float32),
        }
