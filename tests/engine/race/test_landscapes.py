"""Methods on landscapes: an experiment like any other, whose weights are a point and whose loss is
the height there.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine.datasets.landscape import Landscapes
from engine.errors import BadInput, CannotRun
from engine.experiment.model import Experiment
from engine.experiment.query_string import from_flat, to_flat
from engine.experiment.suggestions import CROWDS, suggested_settings
from engine.landscapes.benchmark_functions import FUNCTIONS, typed
from engine.messages.encoding import decode, encode
from engine.networks import PointNetwork
from engine.observation.landscape_view import SIDE, WIDE_SIDE
from engine.optimizers import OPTIMIZERS
from engine.race.race import Race
from tests.engine.support.command_line import run


def landscape(
    name: str = "rosenbrock",
    lanes: Any = ("annealing", "adam"),
    amount: float = 1e6,
    seed: int = 0,
    **settings: Any,
) -> Experiment:
    budget = {"currency": "evaluations", "amount": amount}
    return Experiment.parse(
        {
            "dataset": {"name": "landscape", "function": name, **settings},
            "lanes": list(lanes),
            "budget": budget,
            "seed": seed,
        }
    )


@pytest.mark.parametrize("optimizer", OPTIMIZERS.names())
def test_every_method_that_is_not_refused_walks_on_rosenbrock(optimizer: str) -> None:
    try:
        experiment = landscape(lanes=[optimizer], start_x=1.5, start_y=-0.5)
    except CannotRun:
        pytest.skip(f"{optimizer} needs samples to learn from")
    race = Race(experiment)
    lane = race.lanes[0]
    heights = [race.score(lane)[0]]
    for step in range(20):
        race.advance()
        race.picture(step)
        row = race.metrics(step)["lanes"][0]
        assert row["trouble"] is None
        assert torch.isfinite(lane.state.estimate).all()
        heights.append(row["loss"])
    assert min(heights[1:]) < heights[0]
    assert lane.oracle.evaluations >= 20


def test_a_point_costs_one_evaluation_and_a_gradient_three() -> None:
    race = Race(landscape(lanes=["adam", "pso"]))
    before = [lane.oracle.evaluations for lane in race.lanes]
    for lane in race.lanes:
        race.advance_lane(lane)
    assert [
        lane.oracle.evaluations - count for lane, count in zip(race.lanes, before, strict=True)
    ] == [3, CROWDS["population_size"]]


def test_the_oracle_answers_with_heights_and_their_slopes() -> None:
    race = Race(landscape("himmelblau", lanes=["lbfgs" if "lbfgs" in OPTIMIZERS else "adam"]))
    oracle, function = race.lanes[0].oracle, FUNCTIONS["himmelblau"]
    oracle.sees = "jacobian"
    points = torch.randn(7, 2)
    torch.testing.assert_close(oracle.losses(points), function(points))
    assert oracle.outputs(points).shape == (7, 1, 1)
    at = points.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(function(at).sum(), at)
    torch.testing.assert_close(oracle.gradients(points)[1], slopes)
    torch.testing.assert_close(oracle.jacobian(points[0]), slopes[:1])
    oracle.sees = "jvp"
    torch.testing.assert_close(oracle.jvp(points[0], torch.eye(2)), slopes[0])


def test_the_natural_unit_is_a_tenth_of_the_rectangle() -> None:
    for name in ("schwefel", "camel"):
        race = Race(landscape(name))
        width, depth = FUNCTIONS[name].size
        assert race.lanes[0].oracle.init_scale.tolist() == pytest.approx([width / 10, depth / 10])


def test_a_seed_moves_the_start_a_little_and_a_start_chosen_by_hand_is_exact() -> None:
    starts = [Race(landscape("schwefel", seed=seed)).theta for seed in (0, 0, 1)]
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])
    assert all(
        float((start - torch.tensor(FUNCTIONS["schwefel"].start)).abs().max()) < 100
        for start in starts
    )
    assert Race(landscape("schwefel", start_x=12.5, start_y=-3.0)).theta.tolist() == [12.5, -3.0]


def test_pictures_are_exact_and_come_with_the_ground() -> None:
    race = Race(landscape("rastrigin", lanes=["pso", "adam"], amount=500))
    stage = decode(encode(race.stage()))
    site = stage["data"]["landscape"]
    assert site["z"].shape == (SIDE, SIDE)
    assert site["extent"] == list(FUNCTIONS["rastrigin"].extent)
    assert site["minima"] == [[0, 0]]
    for frame in race:
        assert frame.picture is not None
        assert frame.picture["plane"]["kind"] == "exact"
        assert frame.picture["plane"]["explained"] == 1
        for lane, drawn in zip(race.lanes, frame.picture["lanes"], strict=True):
            assert drawn["off_plane"] == 0
            assert drawn["estimate"] == pytest.approx(lane.state.estimate.tolist())
        assert frame.metrics["lanes"][0]["loss"] == pytest.approx(
            float(FUNCTIONS["rastrigin"](race.lanes[0].state.estimate)), rel=1e-4, abs=1e-6
        )
    metrics = decode(encode(race.metrics(99)))
    assert metrics["lanes"][0]["accuracy"] is None


def test_the_view_grows_in_a_few_steps_for_who_walks_off_and_stays_for_who_does_not() -> None:
    race = Race(landscape("sphere", lanes=["adam"]))
    picture = race.picture(0)
    assert picture["landscape"] is None
    assert picture["plane"]["x"] == [-5, 5]
    race.lanes[0].state.estimate = torch.tensor([6.0, 0.0])
    picture = race.picture(1)
    assert picture["plane"]["x"] == [-7.5, 7.5]
    assert picture["landscape"]["z"].shape == (WIDE_SIDE, WIDE_SIDE)
    race.lanes[0].state.estimate = torch.tensor([1e6, float("nan")])
    assert race.picture(2)["plane"]["x"] == [-7.5, 7.5]
    race.lanes[0].state.estimate = torch.tensor([1e6, 0.0])
    assert race.picture(3)["plane"]["x"] == [-15, 15]


@pytest.mark.parametrize(
    ("formula", "lane"),
    [
        ("sqrt(x)", {"name": "adam", "learning_rate": 2.0}),
        ("log(x) + y^2", {"name": "sgd", "learning_rate": 50.0}),
        ("sqrt(x + 4) * (1 + y^2)", {"name": "adam", "learning_rate": 3.0}),
    ],
)
def test_a_lane_that_leaves_a_formulas_domain_is_told_that_and_not_to_take_smaller_steps(
    formula: str, lane: dict[str, Any]
) -> None:
    race = Race(landscape("formula", formula=formula, lanes=[lane]))
    for _ in race:
        pass
    trouble = race.lanes[0].trouble
    assert trouble is not None
    assert "left the formula's domain" in trouble
    assert "is kept" in trouble
    assert "step size" not in trouble


def test_only_a_formula_with_gaps_has_a_domain_to_leave() -> None:
    assert typed("sqrt(x)", 5.0).partial
    assert not typed("x^2 + y^2", 5.0).partial
    assert not any(one.partial for one in FUNCTIONS.values())


def test_a_bottomless_formula_ends_the_lane_with_a_word() -> None:
    race = Race(
        landscape("formula", formula="x^29", lanes=[{"name": "sgd", "learning_rate": 1000.0}])
    )
    for _ in range(64):  # it is checked after 32 and after 64 steps
        if race.finished:
            break
        race.advance()
        race.metrics(0)
    assert race.lanes[0].trouble is not None
    assert "diverged to −∞" in race.lanes[0].trouble


def test_a_lane_at_minus_infinity_ends_whatever_else_it_evaluates() -> None:
    race = Race(
        landscape(
            "formula", formula="log(x)+y^2", lanes=["mezo"], amount=3000, start_x=1, start_y=1
        )
    )
    while not race.finished:
        race.advance()
    (lane,) = race.lanes
    assert lane.trouble is not None
    assert "diverged to −∞" in lane.trouble
    assert lane.oracle.progress < 1


LINKS: list[dict[str, str]] = [
    {"dataset": "landscape"},
    {
        "dataset": "landscape",
        "dataset.function": "schwefel",
        "lanes": "sgd,pso",
        "dataset.start_x": "1.5",
        "dataset.start_y": "-20",
    },
    {
        "dataset": "landscape",
        "dataset.function": "formula",
        "dataset.formula": "x^2 + 10*sin(3*y) - |x|, 1"[:-3],
        "dataset.reach": "3",
        "lanes": "sgd,adam",
    },
    {"dataset": "landscape", "lanes": "sgd", "sgd.learning_rate": "0.5"},
]


@pytest.mark.parametrize("flat", LINKS)
def test_a_link_and_json_give_the_same_experiment(flat: dict[str, str]) -> None:
    experiment = from_flat(flat)
    assert isinstance(experiment.dataset, Landscapes)
    written = to_flat(experiment)
    assert "network" not in written
    assert "loss" not in written
    assert from_flat(written) == experiment
    assert Experiment.parse(experiment.to_json()) == experiment


def test_what_is_left_out_suits_the_landscape_and_what_is_said_stays() -> None:
    experiment = landscape(
        "schwefel", lanes=["adam", {"name": "sgd", "learning_rate": 0.25}, "pso"]
    )
    adam, sgd, pso = experiment.lanes
    assert adam.learning_rate == pytest.approx(4)  # type: ignore[attr-defined]
    assert sgd.learning_rate == 0.25  # type: ignore[attr-defined]
    assert pso.population_size == CROWDS["population_size"]  # type: ignore[attr-defined]
    usual: Any = Experiment.parse({"lanes": ["pso"]}).lanes[0]
    assert usual.population_size != CROWDS["population_size"]
    assert Experiment.parse({"dataset": "landscape"}).budget.currency == "evaluations"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_suggestion_is_a_setting_the_method_takes(name: str) -> None:
    dataset = Landscapes(function=name)
    for cls in OPTIMIZERS:
        cls.model_validate(suggested_settings(dataset, cls))


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "stairs"])
def test_plain_gradient_descent_goes_down_with_the_step_suggested(name: str) -> None:
    race = Race(landscape(name, lanes=["sgd"]))
    first = race.score(race.lanes[0])[0]
    for _ in range(300):
        race.advance()
    assert race.score(race.lanes[0])[0] < first


REFUSED: list[tuple[dict[str, str], str]] = [
    (
        {"dataset": "landscape", "network": "mlp"},
        "network: 'mlp' is not allowed; expected point on landscape",
    ),
    (
        {"dataset": "landscape", "loss": "cross-entropy"},
        "loss: 'cross-entropy' is not allowed; expected height on landscape",
    ),
    ({"loss": "height"}, "loss: 'height' is not allowed; expected one of cross-entropy"),
    (
        {"network": "point"},
        "network: 'point' is not allowed; expected a network with inputs on spirals",
    ),
    (
        {"dataset": "landscape", "dataset.function": "eggs"},
        "dataset.function: 'eggs' is not allowed; expected one of 'sphere'",
    ),
    (
        {"dataset": "landscape", "dataset.function": "formula"},
        "dataset.formula: '' is not allowed; expected a formula of x and y",
    ),
    (
        {"dataset": "landscape", "dataset.function": "formula", "dataset.formula": "x+"},
        "dataset.formula: 'x+' is not allowed; expected a number",
    ),
    (
        {"dataset": "landscape", "dataset.formula": "import os"},
        "dataset.formula: 'import os' is not allowed",
    ),
    (
        {"dataset": "landscape", "dataset.start_x": "1"},
        "dataset.start_y: None is not allowed; expected a number",
    ),
    (
        {"dataset": "landscape", "dataset.start_x": "nan", "dataset.start_y": "0"},
        "dataset.start_x: 'nan' is not allowed; expected a finite number",
    ),
    (
        {
            "dataset": "landscape",
            "dataset.function": "formula",
            "dataset.formula": "log(x)",
            "dataset.start_x": "-1",
            "dataset.start_y": "0",
        },
        "dataset.start_x: -1.0 is not allowed; expected a point where the function is defined",
    ),
    (
        {"dataset": "landscape", "dataset.reach": "0"},
        "dataset.reach: '0' is not allowed; expected at least 0.01",
    ),
]


@pytest.mark.parametrize(("flat", "sentence"), REFUSED)
def test_refusals_are_one_line(flat: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadInput) as refusal:
        from_flat(flat)
    assert str(refusal.value).startswith(sentence)


def test_a_point_network_runs_in_any_dtype() -> None:
    network = PointNetwork(FUNCTIONS["ackley"])
    points = torch.randn(5, 2, dtype=torch.float64)
    outputs = network.forward(points, torch.zeros(3, 2, dtype=torch.float64))
    assert outputs.shape == (5, 3, 1)
    assert outputs.dtype == torch.float64
    torch.testing.assert_close(outputs[:, 1, 0], FUNCTIONS["ackley"](points))


@pytest.mark.parametrize(
    ("formula", "start"), [("1/x + y", (0, 1)), ("log(x) + y", (-1, 1)), ("log(x) + y", (0, 1))]
)
def test_a_start_without_a_height_is_refused_and_nothing_is_trained(
    formula: str, start: tuple[float, float], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"function": "formula", "formula": formula, "start_x": start[0], "start_y": start[1]}
    options = [f"--set=dataset.{name}={value}" for name, value in settings.items()]
    code, out, err = run(capsys, "run", "--dataset", "landscape", *options)
    assert (code, out) == (2, "")
    assert err == (
        f"dataset.start_x: {float(start[0])} is not allowed; expected a point where the "
        f"function is defined\n"
    )


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"function": "himmelblau", "formula": "x^2"}, "dataset.formula"),
        ({"function": "himmelblau", "reach": 100.0}, "dataset.reach"),
    ],
)
def test_a_setting_that_another_landscape_would_use_is_told(
    settings: dict[str, Any], field: str
) -> None:
    (told,) = Experiment.parse({"dataset": {"name": "landscape", **settings}}).unused()
    assert told.startswith(f"{field} is not used: ")


def test_what_is_not_used_is_told_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(
        capsys,
        *("run", "--dataset", "landscape", "--set", "dataset.function=himmelblau"),
        *("--set", "dataset.formula=x^2", "--optimizer", "adam", "--evaluations", "20"),
    )
    assert code == 0
    assert "dataset.formula is not used" in err


def test_a_formula_alone_is_the_landscape() -> None:
    race = Race(Experiment.parse({"dataset": {"name": "landscape", "formula": "x^2+y^2"}}))
    assert race.experiment.dataset.function == "formula"  # type: ignore[attr-defined]
    assert race.score(race.lanes[0])[0] == pytest.approx(float(race.theta.square().sum()))


def test_a_law_of_the_first_weights_beside_a_chosen_point_is_told() -> None:
    dataset = {"name": "landscape", "function": "himmelblau", "start_x": 3, "start_y": 3}
    experiment = Experiment.parse({"dataset": dataset, "start": {"law": "zeros"}})
    assert Race(experiment).theta.tolist() == [0, 0]
    (told,) = experiment.unused()
    assert "start_x and start_y are not used: start.law=zeros" in told
