"""The table of what an explorer must do, row by row: here the rows that no other file walks, and
where the others are.
"""

from __future__ import annotations

import importlib
import json

import pytest
from playwright.sync_api import expect

from engine.optimizers import OPTIMIZERS
from tests.browser.walk import (
    SIX,
    Open,
    count,
    enlarged,
    linked,
    look,
    moves,
    points,
    stepped,
    steps,
    told,
    wait_for,
    wait_for_state,
)

pytestmark = pytest.mark.browser

ROWS = {
    "play, pause, single step, speed": (
        "test_time",
        "test_slow_motion_shows_the_stages_of_one_step_of_every_lane",
    ),
    "reset to the very same weights": (
        "test_race",
        "test_reset_returns_to_the_same_first_loss_and_a_new_seed_does_not",
    ),
    "scrub and replay the history": (
        "test_time",
        "test_the_history_is_scrubbed_by_keys_and_played_again_at_every_speed",
    ),
    "knobs turned while it runs": (
        "test_time",
        "test_knobs_are_turned_at_the_card_and_what_was_done_is_told",
    ),
    "stop rules": ("test_table", "test_stop_rules"),
    "decision map live, per lane": ("test_touch", "test_decision_map_live_per_lane"),
    "maps inside each neuron, editable weights": (
        "test_table",
        "test_maps_inside_each_neuron_and_editable_weights",
    ),
    "loss landscape under the path": ("test_table", "test_loss_landscape_under_the_path"),
    "particle cloud": ("test_touch", "test_particle_cloud"),
    "temperature, acceptance, sigma": ("test_table", "test_temperature_acceptance_sigma"),
    "several optimizers race from one start": (
        "test_table",
        "test_several_optimizers_race_from_one_start",
    ),
    "fair budgets: seconds, evaluations, FLOPs": ("test_table", "test_fair_budgets"),
    "gradient-free on real networks": ("test_table", "test_gradient_free_on_real_networks"),
    "agreement of the step with −∇L": ("test_table", "test_agreement_of_the_step_with_the_slope"),
    "own data: draw, upload": ("test_uploads", "test_a_table_of_ones_own_is_learned"),
    "whole state in the URL": ("test_table", "test_whole_state_in_the_address_and_the_moment_too"),
    "presets, lessons, prose that drives the view": (
        "test_present",
        "test_a_preset_says_why_and_starts_its_race",
    ),
    "hide controls, present on stage": ("test_present", "test_keys_walk_the_playlist"),
    "export: config, Python code, CSV, PNG/SVG, HTML replay": (
        "test_export",
        "test_export_gives_config_python_code_csv_weights_and_recording",
    ),
    "compare saved runs": (
        "test_gallery",
        "test_saved_runs_are_compared_in_one_chart_and_one_table",
    ),
    "dark mode, keyboard, ARIA, phone": ("test_table", "test_dark_mode_keyboard_aria_phone"),
    "many visitors on one server": ("test_table", "test_many_visitors_on_one_server"),
}
"""Row → where it is walked. Drawn data: `test_touch`. Lessons come later."""


def test_every_row_is_walked() -> None:
    for row, (module, name) in ROWS.items():
        assert callable(getattr(importlib.import_module(f"tests.browser.{module}"), name, None)), (
            row
        )


@pytest.mark.slow
def test_stop_rules(open_page: Open) -> None:
    page = open_page("?dataset=moons&lanes=annealing,adam&seconds=600&stop.target=0.2&seed=1")
    wait_for(page, source="live", state="done")
    assert all(
        "reached the target loss 0.2" in told
        for told in look(page, "last.lanes.map((lane) => lane.stopped)")
    )
    assert look(page, "Math.max(...last.lanes.map((lane) => lane.progress))") < 0.5
    expect(page.get_by_test_id("card-0")).to_contain_text("reached the target loss")
    expect(page.get_by_test_id("status")).to_contain_text("Finished")
    expect(page.get_by_test_id("stSidebar").get_by_text("Stop early")).to_be_visible()
    page = open_page("?dataset=moons&lanes=sgd&loss=zero-one&seconds=30&stop.patience=0.05")
    wait_for(page, source="live", state="done")
    assert "not improved" in look(page, "last.lanes[0].stopped")


def test_maps_inside_each_neuron_and_editable_weights(open_page: Open) -> None:
    page = open_page(
        "?dataset=circles&network.hidden=4,3&lanes=annealing,adam&seconds=300&seed=2&panels=layers,network"
    )
    wait_for(page, source="live", pictures=5)
    drawn = "document.querySelector('[data-testid=neurons]').toDataURL()"
    before = page.evaluate(drawn)
    page.wait_for_function(f"(before) => {drawn} !== before", arg=before)
    page.get_by_test_id("run").click()
    wait_for_state(page, "paused")
    canvas = page.get_by_test_id("neurons")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    field = page.get_by_test_id("weight-number")
    field.fill("2.75")
    field.press("Enter")
    wait_for(page, events="1", detailed=True, drawn=True)
    event = look(page, "v.player.history.events[0]")
    assert (event["kind"], event["value"]) == ("weight", pytest.approx(2.75, abs=1e-6))
    assert look(
        page, "v.player.history.pictureAt(last.k).lanes[x.lane].weights.data[x.index]", event
    ) == pytest.approx(2.75, abs=1e-5)


@pytest.mark.slow
def test_loss_landscape_under_the_path(open_page: Open) -> None:
    page = open_page("?dataset=moons&lanes=annealing,adam&seconds=300&seed=3")
    wait_for(page, source="live", pictures=1)
    option = page.get_by_test_id("plane").locator("option:checked")
    expect(option).to_contain_text("main plane (PCA), ")
    picture = look(
        page,
        "(({ plane, landscape, lanes }) => ({ plane, samples: landscape.samples, shape: "
        "landscape.z.shape, spread: Math.max(...landscape.z.data) - "
        "Math.min(...landscape.z.data),"
        " off: lanes.map((lane) => lane.off_plane), path: lanes.map((lane) => "
        "lane.path.shape[0]) }))(v.player.history.pictureAt(1e9))",
    )
    assert 0 < picture["plane"]["explained"] <= 1
    assert picture["spread"] > 0.01
    assert picture["samples"] >= 64
    assert all(n > 2 for n in picture["path"])
    expect(page.get_by_test_id("panel-weights")).to_contain_text("%")
    for kind in ("line", "random"):
        page.get_by_test_id("plane").select_option(kind)
        expect(option).to_contain_text(", ")  # and how much of the way is seen on it
        assert look(page, "v.player.history.pictureAt(1e9).plane.kind") == kind


@pytest.mark.slow
def test_temperature_acceptance_sigma(open_page: Open) -> None:
    page = open_page(f"?dataset=moons&lanes=annealing,cma-es&seconds=300&seed=3{SIX}")
    wait_for(page, source="live", frames=13)
    points(page, "temperature", {1: 4, 9: 4})  # CMA-ES has no temperature: its σ is drawn instead
    traces = "v.root.querySelector('[data-plot=temperature]').data.map((trace) => trace.x.length)"
    plan, fact, accepted, aimed, size = look(page, traces)[:5]
    assert plan == 41
    assert fact > 3
    assert accepted > 3
    assert aimed > 3
    assert size == 0
    assert look(page, "last.lanes[1].extra.sigma > 0 && last.lanes[1].temperature === null")
    expect(page.get_by_test_id("panel-temperature").locator("[data-summary]")).to_contain_text(
        "sigma"
    )


@pytest.mark.slow
def test_several_optimizers_race_from_one_start(open_page: Open) -> None:
    page = open_page("?dataset=moons&lanes=annealing,eki,pso,adam&evaluations=1e9&seed=4")
    wait_for(page, source="live", pictures=4)
    first = look(page, "v.player.history.metrics[0].lanes.map((lane) => [lane.step, lane.loss])")
    assert first == [[0, first[0][1]]] * 4
    assert look(
        page,
        (
            "v.player.history.pictureAt(0).lanes.every((lane) => lane.weights.data.every((w, i) "
            "=> w === v.player.history.pictureAt(0).lanes[0].weights.data[i]))"
        ),
    )
    side = page.get_by_test_id("stSidebar")
    race, before = count(page, "runs"), steps(page)
    side.get_by_role("button", name="Remove lane 3").click()
    expect(page.get_by_test_id("status")).to_contain_text("Settings changed")
    stepped(page, [step + 1 for step in before])  # the race goes on, nothing is lost
    assert count(page, "runs") == race
    page.get_by_test_id("run-new").click()
    wait_for(page, runs=race + 1)
    assert look(page, "v.player.history.stage.lanes.map((lane) => lane.optimizer)") == [
        "annealing",
        "eki",
        "adam",
    ]


@pytest.mark.slow
def test_fair_budgets(open_page: Open) -> None:
    page = open_page(f"?dataset=moons&lanes=annealing,adam&evaluations=2000000&seed=5{SIX}")
    wait_for(page, source="live", state="done", drawn=True)
    spent = look(page, "last.lanes.map((lane) => lane.evaluations)")
    assert all(2_000_000 <= one <= 2_100_000 for one in spent), spent
    ahead = look(
        page,
        (
            "Math.max(...v.player.history.metrics.map((m) => Math.abs(m.lanes[0].progress - "
            "m.lanes[1].progress)))"
        ),
    )
    assert ahead < 0.05
    axes = (
        "['loss', 'temperature', 'agreement'].map((name) => "
        "v.root.querySelector(`[data-plot=${name}]`).layout.xaxis.title.text)"
    )
    assert look(page, axes) == ["evaluations"] * 3
    page.get_by_test_id("currency-flops").click()
    for name in ("loss", "temperature", "agreement"):
        expect(page.locator(f"[data-plot={name}] .xtitle")).to_have_text("FLOPs")
    linked(page, x="flops")


@pytest.mark.slow
def test_gradient_free_on_real_networks(open_page: Open) -> None:
    assert len(list(OPTIMIZERS)) >= 29
    page = open_page("?dataset=mnist-small&network=cnn&lanes=eki,annealing&seconds=120&seed=1")
    wait_for(page, source="live", pictures=4)
    stepped(page, [5, 5])
    losses = look(page, "v.player.history.metrics.map((one) => one.lanes[0].loss)")
    assert min(losses) < losses[0]
    assert look(page, "v.player.history.stage.dimension") > 1000
    side = page.get_by_test_id("stSidebar")
    side.get_by_text("more methods").click()
    offered = {cls.label for cls in OPTIMIZERS}
    there = set(page.get_by_test_id("stPopoverBody").get_by_role("button").all_inner_texts()) | set(
        side.get_by_role("radio").all_inner_texts()
    )
    assert offered <= there, offered - there


@pytest.mark.slow
def test_agreement_of_the_step_with_the_slope(open_page: Open) -> None:
    page = open_page(f"?dataset=moons&lanes=annealing,adam&adam.batch=0&seconds=300&seed=6{SIX}")
    wait_for(page, source="live", frames=2)
    points(page, "agreement", {1: 6})
    middle = look(
        page,
        (
            "[0, 1].map((i) => v.player.history.metrics.map((m) => "
            "m.lanes[i].agreement).filter((a) => a !== null)).map((all) => all.sort((a, b) => a "
            "- b)[all.length >> 1])"
        ),
    )
    assert middle[1] is not None
    assert -1 <= middle[1] <= 1
    assert middle[0] is None or abs(middle[0]) < abs(middle[1]) + 0.2
    expect(page.get_by_test_id("panel-agreement").locator("[data-summary]")).to_contain_text("Adam")


def test_whole_state_in_the_address_and_the_moment_too(open_page: Open) -> None:
    page = open_page("?dataset=moons&lanes=annealing,adam&evaluations=200000&seed=7" + SIX)
    wait_for(page, source="live", state="done")
    page.get_by_test_id("hide-chains").click()
    page.get_by_test_id("enlarge-loss").click()
    page.get_by_test_id("measure-accuracy").click()
    page.wait_for_function(
        "(() => { const q = new URL(location.href).searchParams; return q.get('large') === "
        "'loss' && q.get('y') === 'accuracy' && q.get('panels')?.endsWith('agreement'); })()"
    )
    page.evaluate(
        "(() => { const v = window.__kelvin.view; "
        "v.player.show(Math.floor(v.player.history.length / 2)); v.redraw(); })()"
    )
    shown = look(
        page,
        "Math.max(...v.player.history.metrics[v.player.moment].lanes.map((lane) => lane.progress))",
    )
    link = look(page, "v.menu.link")
    other = open_page(link.split("/", 3)[3])
    wait_for(other, source="live", state=("paused", "done"))
    assert look(other, "v.board.arrangement") == look(page, "v.board.arrangement")
    assert look(other, "v.measure") == "accuracy"
    assert look(other, "JSON.stringify(v.player.history.stage.experiment)") == look(
        page, "JSON.stringify(v.player.history.stage.experiment)"
    )
    there = look(
        other,
        "Math.max(...v.player.history.metrics[v.player.moment].lanes.map((lane) => lane.progress))",
    )
    assert there >= shown - 1e-3
    recorded = open_page("?recording=first-screen&at=0.5")
    wait_for(recorded, source="recording", moment=1)
    assert (
        abs(
            look(
                recorded,
                (
                    "Math.max(...v.player.history.metrics[v.player.moment].lanes.map((lane) => "
                    "lane.progress))"
                ),
            )
            - 0.5
        )
        < 0.03
    )
    assert told(recorded, "playing") == "false"


@pytest.mark.parametrize("theme", [pytest.param("light", marks=pytest.mark.slow), "dark"])
def test_dark_mode_keyboard_aria_phone(open_page: Open, theme: str) -> None:
    page = open_page(
        "?dataset=moons&lanes=annealing,adam&seconds=300",
        viewport={"width": 390, "height": 844},
        color_scheme=theme,
    )
    wait_for(page, source="live", pictures=3)
    assert look(page, "v.root.classList.contains('kv-dark')") == (theme == "dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    names = page.evaluate(
        "[...document.querySelectorAll('.kelvin button, .kelvin input, .kelvin "
        "select')].filter((one) => one.offsetParent"
        " && !(one.getAttribute('aria-label') || one.textContent.trim() || "
        "one.labels?.length)).map((one) => one.outerHTML)"
    )
    assert names == []
    figures = page.locator(".kv-panel[role=figure]:not([hidden])")
    assert figures.count() == 3
    page.wait_for_function(
        "[...document.querySelectorAll('.kv-panel:not([hidden]) "
        "[data-summary]')].every((one) => one.textContent.length > 5)"
    )
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("2")
    enlarged(page, "weights")
    page.keyboard.press("Escape")
    enlarged(page, None)
    page.keyboard.press(" ")
    wait_for_state(page, "paused")
    page.keyboard.press("?")
    expect(page.locator("dialog[open]")).to_be_visible()


@pytest.mark.slow
def test_many_visitors_on_one_server(open_page: Open) -> None:
    """More race than there are processes, and none of them waits for another's end."""
    address = "?dataset=moons&lanes=annealing,adam&seconds=600&seed={}"
    pages = [open_page(address.format(i)) for i in range(4)]  # the server has three workers
    for i, page in enumerate(pages):
        stepped(page, [1, 1])
        there = look(page, "JSON.stringify(v.player.history.stage.experiment)")
        assert json.loads(there)["seed"] == i
        assert told(page, "state") == "running"
    pages[0].context.close()
    for page in pages[1:]:
        moves(page)
