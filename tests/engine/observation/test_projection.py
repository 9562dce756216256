"""The plane of a race can be chosen, says what it leaves out, and changes nothing in the race."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.messages.encoding import encode
from engine.observation.projection import Trajectory, explained
from engine.race.race import Race


def race(lanes: list[Any], **rest: Any) -> Race:
    return Race(
        Experiment.parse(
            {"dataset": "moons", "network": {"name": "mlp", "hidden": [8]}, "lanes": lanes, **rest}
        )
    )


def walk(one: Race, pictures: int, k: int = 0, steps: int = 3) -> dict[str, Any]:
    """Some pictures, a few steps of every lane apart; the last of them."""
    picture: dict[str, Any] = {}
    for i in range(pictures):
        for lane in one.lanes:
            for _ in range(steps):
                one.advance_lane(lane)
        picture = one.picture(k + i)
    return picture


def share_by_numpy(one: Race) -> tuple[float, np.ndarray[Any, Any]]:
    """The share of the snapshots' variance in the race's plane, summed coordinate by coordinate,
    and the snapshots about their mean (n, D).
    """
    points = np.concatenate(
        [trajectory.points.double().numpy() for trajectory in one.observer.view.trajectories]
    )
    centred = points - points.mean(0)
    inside = centred @ one.observer.plane.axes.double().numpy().T
    return float((inside**2).sum() / (centred**2).sum()), centred


def test_a_trajectory_thins_evenly_and_keeps_its_start() -> None:
    trajectory = Trajectory(16, torch.zeros(1))
    for i in range(1000):
        trajectory.add(torch.tensor([float(i)]))
    kept = [int(point) for point in trajectory.points]
    assert 8 <= len(kept) <= 16
    assert kept[0] == 0
    assert len({b - a for a, b in pairwise(kept)}) == 1
    spread = trajectory.spread_out(4)[:, 0].tolist()
    assert 3 <= len(spread) <= 5
    assert spread[-1] == kept[-1]


def test_the_explained_share_is_that_of_the_kept_snapshots_however_they_were_thinned() -> None:
    generator = torch.Generator().manual_seed(0)
    about = 5 + torch.randn(7, generator=generator)
    trajectories = [Trajectory(16, about) for _ in range(3)]
    for i in range(57):
        for j, trajectory in enumerate(trajectories):
            trajectory.add(about + 0.1 * j + 0.01 * i * torch.randn(7, generator=generator))
        trajectories[1].add(torch.full((7,), torch.nan))  # nowhere
    points = np.concatenate([trajectory.points.double().numpy() for trajectory in trajectories])
    assert np.isfinite(points).all()
    centred = points - points.mean(0)
    expected = (centred[:, 2:4] ** 2).sum() / (centred**2).sum()
    assert explained(
        trajectories, [trajectory.points[:, 2:4] for trajectory in trajectories]
    ) == pytest.approx(expected, abs=1e-5)
    still = Trajectory(16, about)
    assert explained([still], [still.points[:, :2]]) is None
    still.add(about)
    still.add(about)
    assert explained([still], [still.points[:, :2]]) is None


def test_the_principal_plane_explains_what_the_two_largest_singular_values_do() -> None:
    one = race(["annealing", "adam"])
    picture = walk(one, 9)  # the ninth picture fits the plane anew, to every snapshot there is
    assert picture["plane"]["kind"] == "pca"
    share, centred = share_by_numpy(one)
    values = np.linalg.svd(centred, compute_uv=False) ** 2
    assert picture["plane"]["explained"] == pytest.approx(share, abs=1e-4)
    assert picture["plane"]["explained"] == pytest.approx(values[:2].sum() / values.sum(), abs=1e-4)


@pytest.mark.parametrize("kind", ["random", "line"])
def test_another_plane_is_drawn_at_the_next_picture_and_tells_its_own_share(kind: str) -> None:
    one = race(["annealing", "adam"])
    before = walk(one, 10)
    one.observer.choose_plane(kind)
    after = walk(one, 1, 10, steps=0)
    assert (before["plane"]["kind"], after["plane"]["kind"]) == ("pca", kind)
    assert after["plane"]["id"] != before["plane"]["id"]
    assert after["landscape"]["id"] != before["landscape"]["id"]
    share, centred = share_by_numpy(one)
    assert after["plane"]["explained"] == pytest.approx(share, abs=1e-4)
    best_share = np.linalg.svd(centred, compute_uv=False)[:2] ** 2
    assert share < best_share.sum() / (centred**2).sum() + 1e-6
    # It holds the lowest estimate, and the landscape under it is the loss.
    view, data = one.observer.view, one.dataset
    losses = [
        float(
            one.loss.values(
                one.network.forward(lane.state.estimate[None], data.x_train), data.y_train
            )
        )
        for lane in one.lanes
    ]
    best = int(np.argmin(losses))
    assert after["lanes"][best]["off_plane"] == pytest.approx(0, abs=1e-3)
    assert after["lanes"][1 - best]["off_plane"] == pytest.approx(
        float(view.plane.off_plane(one.lanes[1 - best].state.estimate[None])), abs=1e-6
    )
    assert after["lanes"][1 - best]["off_plane"] > 1e-2
    torch.testing.assert_close(
        view.plane.project(one.theta[None]), torch.zeros(1, 2), atol=1e-3, rtol=0
    )
    x, y, z = (after["landscape"][axis] for axis in "xyz")
    corner = view.plane.points(torch.tensor([[x[0], y[1]]]))
    assert float(z[-1, 0]) == pytest.approx(
        float(one.loss.values(one.network.forward(corner, view.samples[0]), view.samples[1])),
        rel=1e-4,
    )
    assert after["landscape"]["samples"] == len(view.samples[1]) == 128
    if kind == "line":
        assert after["lanes"][best]["estimate"][0] > 0
        assert after["lanes"][best]["estimate"][1] == pytest.approx(0, abs=1e-3)
    else:
        # Shown at least as far about the estimate as its weights without biases are long.
        weights = [
            one.lanes[best].state.estimate[layer.start : layer.stop]
            for layer in one.network.layers
            if layer.name.endswith("weight")
        ]
        reach, (a, b) = float(torch.cat(weights).norm()), after["lanes"][best]["estimate"]
        (x0, x1), (y0, y1) = after["plane"]["x"], after["plane"]["y"]
        assert x0 <= a - reach < a + reach <= x1
        assert y0 <= b - reach < b + reach <= y1
    one.observer.choose_plane("pca")
    assert walk(one, 1, 11)["plane"]["kind"] == "pca"


def test_the_line_follows_the_best_but_calmly() -> None:
    one = race(["adam", "sgd"])
    one.observer.choose_plane("line")
    ids = [walk(one, 1, k)["plane"]["id"] for k in range(40)]
    changes = [k + 1 for k, (a, b) in enumerate(pairwise(ids)) if a != b]
    assert 4 <= len(changes) <= 10
    assert max(b - a for a, b in pairwise(changes)) >= 8
    axes = []
    for k in range(40, 60):
        axes.append(one.observer.plane.axes.clone())
        walk(one, 1, k)
    assert all(float(a[1] @ b[1]) > 0 for a, b in pairwise(axes))


def test_choosing_a_plane_changes_no_metrics() -> None:
    lanes = ["annealing", "eki", "adam"]
    runs = []
    for kinds in ({}, {5: "random", 12: "line", 20: "pca", 21: "line"}):
        one = race(lanes, budget={"currency": "evaluations", "amount": 1e6})
        metrics = []
        for k in range(30):
            if k in kinds:
                one.observer.choose_plane(kinds[k])
            walk(one, 1, k)
            row = one.metrics(k)
            row["clock"] = 0
            for lane in row["lanes"]:
                lane["seconds"] = 0
            metrics.append(encode(row))
        runs.append(metrics)
    assert runs[0] == runs[1]


def test_a_plane_that_does_not_exist_is_refused_in_one_line() -> None:
    one = race(["adam"])
    with pytest.raises(
        BadInput, match="plane: 'umap' is not allowed; expected one of pca, random, line"
    ):
        one.observer.choose_plane("umap")
    with pytest.raises(BadInput, match="plane: 'exact' is not allowed"):
        one.observer.choose_plane("exact")


def test_a_landscape_is_its_own_plane() -> None:
    one = Race(Experiment.parse({"dataset": "landscape", "lanes": ["annealing", "adam"]}))
    for kind in ("pca", "random", "line"):
        with pytest.raises(
            BadInput,
            match=(
                f"plane: '{kind}' is not allowed; expected exact: a landscape has two weights, "
                f"which are its plane"
            ),
        ):
            one.observer.choose_plane(kind)
    one.observer.choose_plane("exact")
    picture = walk(one, 3)
    assert picture["plane"]["kind"] == "exact"
    assert picture["plane"]["explained"] == 1
    assert picture["lanes"][1]["weights"].tolist() == picture["lanes"][1]["estimate"]


def test_small_networks_show_their_weights_and_keep_them() -> None:
    one = race(["adam"])
    picture = walk(one, 1)
    weights = picture["lanes"][0]["weights"]
    was = one.lanes[0].state.estimate.clone()
    walk(one, 2, 1)
    assert torch.equal(weights, was)
    assert not torch.equal(weights, one.lanes[0].state.estimate)
    large = race(["adam"], network={"name": "mlp", "hidden": [40, 40]})
    assert large.network.dimension == 120 + 1640 + 82 <= 2000
    assert walk(large, 1)["lanes"][0]["weights"] is not None
    larger = race(["adam"], network={"name": "mlp", "hidden": [42, 42]})
    assert larger.network.dimension == 126 + 1806 + 86 > 2000
    assert walk(larger, 1)["lanes"][0]["weights"] is None
