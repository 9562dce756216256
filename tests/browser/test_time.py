"""Time and turning, in a real browser: moments pointed at and looked back on, knobs turned while
the race runs, one step in slow motion, the keys.

Rows of the table in the design: play, pause, single step, speed · scrub and replay the history ·
knobs turned while it runs · temperature, acceptance, sigma.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SHOTS
from tests.browser.walk import (
    LONG,
    SHORT,
    Open,
    count,
    enlarged,
    goes_on,
    look,
    running,
    steps,
    told,
    wait_for,
    wait_for_state,
)

pytestmark = pytest.mark.browser


def point(page: Page, name: str, share: float) -> None:
    """Move the pointer over a chart, to that share of its width."""
    box = page.locator(f"[data-plot={name}] .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])


def stage_on_show(page: Page, number: int) -> None:
    """Wait until slow motion shows that stage of the first lane's step."""
    expect(page.get_by_test_id("stages-0").locator("[aria-current=step]")).to_have_text(
        re.compile(rf"(^|\s){number}\s")
    )


def test_slow_motion_shows_the_stages_of_one_step_of_every_lane(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    page.keyboard.press("m")
    stage_on_show(page, 1)
    page.keyboard.press(" ")
    expect(page.get_by_test_id("slow-hold")).to_have_text("Continue")
    before, frames = steps(page), count(page, "frames")
    stages = look(page, "v.player.history.stage.lanes.map((lane) => lane.stages)")
    told_steps = look(page, "v.slow.told.map((one) => one.step)")
    assert told_steps == [step + 1 for step in before], (
        "the step is told before the frame it leads to is seen"
    )
    for i in range(2):
        chip = page.get_by_test_id(f"stages-{i}").locator("[aria-current=step]")
        expect(chip).to_contain_text(f"1 {stages[i][0]['name']}")
        expect(page.get_by_test_id(f"stages-{i}").locator('[data-line="0"]')).to_be_visible()
        expect(page.get_by_test_id(f"stages-{i}").locator('[data-line="1"]')).to_be_hidden()
        expect(page.get_by_test_id(f"stages-{i}").locator('[data-line="0"]')).to_have_text(
            stages[i][0]["line"]
        )
    for at in range(1, len(stages[0])):
        page.keyboard.press("ArrowRight")
        stage_on_show(page, at + 1)
        expect(page.get_by_test_id("stages-0").locator("[aria-current=step]")).to_contain_text(
            stages[0][at]["name"]
        )
    page.keyboard.press("ArrowLeft")
    stage_on_show(page, len(stages[0]) - 1)
    page.get_by_test_id("phase-0-0").press("Enter")
    stage_on_show(page, 1)
    page.get_by_test_id(f"phase-0-{len(stages[0]) - 1}").click()
    stage_on_show(page, len(stages[0]))
    expect(page.get_by_test_id("stages-0")).to_contain_text("accepted")
    assert count(page, "frames") == frames
    assert look(page, "v.board.panel('weights').overlays.has('stages')")
    page.screenshot(path=SHOTS / "time-slow-motion.png")
    page.keyboard.press("ArrowRight")
    stage_on_show(page, 1)
    wait_for(page, frames=frames + 1)
    assert steps(page)[0] == told_steps[0]
    page.keyboard.press("m")
    expect(page.get_by_test_id("stages")).to_be_hidden()
    wait_for(page, state="running", frames=frames + 6)
    assert page.get_by_test_id("speed").input_value() == "0"


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "?lanes=annealing,annealing,adam,eki&lane2.chains=8",
        "landscapes?lanes=annealing,adam,cma-es,eki",
    ],
)
def test_slow_motion_leaves_the_panels_readable_on_a_low_screen(open_page: Open, path: str) -> None:
    page = open_page(
        f"{path}{'&dataset=moons&seconds=600' if path.startswith('?') else '&evaluations=100000'}",
        viewport={"width": 1280, "height": 720},
    )
    running(page)
    page.keyboard.press("m")
    stage_on_show(page, 1)
    page.keyboard.press(" ")
    expect(page.get_by_test_id("slow-hold")).to_have_text("Continue")
    expect(page.locator(".kelvin.kv-slow")).to_be_visible()
    heights = page.eval_on_selector_all(
        ".kv-panel:not([hidden])",
        (
            "all => all.map((one) => one.getBoundingClientRect().height).filter((height) => "
            "height > 0)"
        ),
    )
    assert min(heights) >= 160, heights
    cut = page.eval_on_selector_all(
        ".kv-stages :is(p[data-now], li[data-now])",
        "all => all.filter((one) => one.scrollWidth > one.clientWidth + 1).length",
    )
    assert cut == 0, "what happens is told in full"
    page.get_by_test_id("scrub").scroll_into_view_if_needed()
    expect(page.get_by_test_id("scrub")).to_be_in_viewport()


@pytest.mark.slow
def test_slow_motion_can_be_asked_for_before_a_race_begins(open_page: Open) -> None:
    page = open_page()
    wait_for(page, source="recording", frames=3)
    page.get_by_test_id("speed").select_option("-1")
    page.get_by_test_id("run").click()
    wait_for(page, source="live", frames=1)
    stage_on_show(page, 1)
    assert steps(page) == [0, 0]
    page.get_by_test_id("slow-leave").click()
    expect(page.get_by_test_id("stages")).to_be_hidden()
    wait_for_state(page, "running")


@pytest.mark.slow
def test_a_moment_pointed_at_is_marked_everywhere_and_a_click_shows_it(open_page: Open) -> None:
    page = open_page(SHORT)
    wait_for(page, state="done", drawn=True)
    point(page, "loss", 0.4)
    expect(page.locator(".kv-tick")).to_be_visible()
    hovered = look(page, "v.panelApi.hovered")
    assert 0 < hovered < count(page, "frames") - 1
    read = page.locator("[data-plot=loss] .kv-read")
    expect(read).to_contain_text("step")
    expect(read).to_contain_text("●")
    box = page.locator("[data-plot=loss] .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"])
    wait_for(page, moment=str(hovered))
    expect(page.locator(".kv-time")).to_contain_text("looking back")
    page.mouse.move(5, 5)
    expect(page.locator(".kv-tick")).to_be_hidden()
    expect(read).to_be_hidden()


@pytest.mark.slow
def test_the_history_is_scrubbed_by_keys_and_played_again_at_every_speed(open_page: Open) -> None:
    page = open_page(SHORT)
    wait_for_state(page, "done")
    last = count(page, "frames") - 1
    page.get_by_test_id("scrub").focus()
    page.keyboard.press("Home")
    wait_for(page, moment="0")
    page.keyboard.press("ArrowRight")
    wait_for(page, moment="1")
    page.keyboard.press("PageUp")
    wait_for(page, moment=2)
    page.keyboard.press("End")
    wait_for(page, moment=str(last))
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowLeft")
    wait_for(page, moment=str(last - 1))
    page.get_by_test_id("scrub").fill("0")
    wait_for(page, moment="0", drawn=True)
    seen = page.get_by_test_id("card-1-loss").inner_text()
    options = page.get_by_test_id("speed").locator("optgroup").first.locator("option")
    assert options.all_inner_texts() == ["Replay ½×", "Replay 1×", "Replay 2×", "Replay 4×"]
    page.get_by_test_id("speed").select_option("×0.5")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(" ")
    wait_for(page, playing=True, moment=1)
    assert look(page, "v.player.rate") == 0.5
    page.keyboard.press(" ")
    wait_for(page, playing=False)
    expect(page.get_by_test_id("card-1-loss")).not_to_have_text(seen)
    page.keyboard.press(" ")
    page.get_by_test_id("speed").select_option("×4")
    wait_for(page, playing=False, moment=str(last))
    expect(page.locator(".kv-time")).not_to_contain_text("looking back")
    assert count(page, "runs") == 1, "the space bar started no other race"


@pytest.mark.slow
def test_knobs_are_turned_at_the_card_and_what_was_done_is_told(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    expect(page.get_by_test_id("card-1-turned")).to_be_hidden()
    page.get_by_test_id("tune-1").click()
    page.get_by_test_id("knob-learning_rate").fill("0.05")
    page.keyboard.press("Enter")
    wait_for(page, events=1)
    turned = look(
        page,
        "(({ kind, lane, field, value }) => [kind, lane, field, value])(v.player.history.events[0])",
    )
    assert turned == ["turn", 1, "learning_rate", 0.05]
    page.get_by_test_id("slide-learning_rate").press("ArrowRight")
    wait_for(page, events="2")
    assert look(page, "v.player.history.events.at(-1).value") > 0.05
    page.screenshot(path=SHOTS / "time-knobs.png")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("knobs")).to_have_count(0)
    assert page.evaluate("document.activeElement.dataset.testid") == "tune-1"
    expect(page.get_by_test_id("card-1-turned")).to_have_text("↻")
    flags = page.get_by_test_id("flags").locator("button")
    expect(flags.first).to_have_attribute(
        "aria-label", re.compile("Step size changed from 0.01 to")
    )
    # the newest moment is shown live: the flag's must have passed
    goes_on(page)
    flags.first.click()
    expect(page.locator(".kv-time")).to_contain_text("looking back")
    expect(page.get_by_test_id("tune-1")).to_be_hidden()  # the past is not turned


@pytest.mark.slow
def test_heat_is_added_and_taken_at_the_card_and_a_refusal_is_told(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    temperature = "v.player.history.metrics.at(-1).lanes[0].temperature"
    page.get_by_test_id("tune-0").click()
    before = look(page, temperature)
    page.get_by_test_id("heat-10").click()
    wait_for(page, events="1")
    goes_on(page)
    hot = look(page, temperature)
    assert hot > 3 * before
    page.get_by_test_id("heat-0.5").click()
    wait_for(page, events="2")
    goes_on(page)
    assert look(page, temperature) < 0.8 * hot
    summary = page.get_by_test_id("panel-temperature").locator("[data-summary]")
    expect(summary).to_contain_text("%")
    page.evaluate(
        "window.__kelvin.view.command({ do: 'turn', lane: 0, field: 'chains', value: 3 })"
    )
    expect(page.locator(".kv-refusal")).not_to_be_empty()
    expect(page.get_by_test_id("status")).to_contain_text("population_size")
    assert told(page, "state") == "running"
    page.get_by_test_id("knob-proposal").select_option("gaussian")
    wait_for(page, events="3")
    assert look(page, "v.player.history.events.at(-1).value") == "gaussian"
    expect(page.locator(".kv-refusal")).to_have_text("")
    expect(page.get_by_test_id("status")).to_contain_text("Running")


@pytest.mark.slow
def test_what_a_knob_does_not_take_is_said_at_its_field_until_it_takes_something(
    open_page: Open,
) -> None:
    page = open_page(LONG)
    running(page)
    page.get_by_test_id("tune-0").click()
    field = page.get_by_test_id("knob-initial_temperature")
    said = page.get_by_test_id("refused-initial_temperature")
    before = field.input_value()
    for text in ("abc", "-3", "0"):
        field.fill(text)
        field.press("Enter")
        expect(said).to_contain_text(f"“{text}” was not accepted")
        expect(field).to_have_value(before)
    assert told(page, "events") == "0"
    field.fill("0.5")
    field.press("Enter")
    wait_for(page, events="1")
    assert look(page, "v.player.history.events[0].value") == 0.5
    expect(said).to_have_text("")
    expect(page.get_by_test_id("status")).to_contain_text("Running")
    # The plan that is drawn is the one in store now.
    goes_on(page)
    assert look(page, "v.player.history.metrics.some((one) => one.lanes[0].planned?.[0] === 0.5)")


@pytest.mark.slow
def test_every_key_is_told_and_the_window_gives_the_focus_back(open_page: Open) -> None:
    page = open_page()
    page.get_by_test_id("menu-help").focus()
    page.keyboard.press("?")
    dialog = page.get_by_test_id("help")
    expect(dialog).to_be_visible()
    said = dialog.inner_text()
    for key in (
        "space",
        "→",
        "R",
        "N",
        "H",
        "M",
        "A",
        "L",
        "C",
        "S",
        "E",
        "P",
        "G",
        "Esc",
        "?",
        "Home",
        "PgUp",
    ):
        assert key in said.split(), key
    page.screenshot(path=SHOTS / "time-keys.png")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert page.evaluate("document.activeElement.dataset.testid") == "menu-help"
    page.keyboard.press("c")
    pressed = ("aria-pressed", "true")
    expect(page.get_by_test_id("currency-evaluations")).to_have_attribute(*pressed)
    page.keyboard.press("a")
    expect(page.get_by_test_id("measure-accuracy")).to_have_attribute(*pressed)
    page.keyboard.press("l")
    expect(page.get_by_test_id("measure-loss")).to_have_attribute(*pressed)
    page.keyboard.press("2")
    enlarged(page, "weights")
    page.keyboard.press("Escape")
    enlarged(page, None)
    page.keyboard.press("e")
    expect(page.get_by_test_id("export-python")).to_be_visible()
