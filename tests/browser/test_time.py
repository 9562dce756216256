"""Time and turning, in a real browser: moments pointed at and looked back on, knobs turned while
the race runs, one step in slow motion, the keys.

Rows of the table in the design: play, pause, single step, speed · scrub and replay the history ·
knobs turned while it runs · temperature, acceptance, sigma.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SHOTS
from tests.browser.walk import LONG, SHORT, Open, look, running, wait

pytestmark = pytest.mark.browser

STEPS = "v.player.history.metrics.at(-1).lanes.map((lane) => lane.step)"


def point(page: Page, name: str, share: float) -> None:
    """Move the pointer over a chart, to that share of its width."""
    box = page.locator(f"[data-plot={name}] .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])


def test_slow_motion_shows_the_stages_of_one_step_of_every_lane(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    page.keyboard.press("m")
    wait(page, "v.slow.active && v.slow.at === 0")
    page.keyboard.press(" ")
    assert look(page, "v.slow.held")
    before, frames = look(page, STEPS), look(page, "v.received.metrics")
    stages = look(page, "v.player.history.stage.lanes.map((lane) => lane.stages)")
    told = look(page, "v.slow.told.map((one) => one.step)")
    assert told == [step + 1 for step in before], (
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
        wait(page, "v.slow.at === x", at)
        expect(page.get_by_test_id("stages-0").locator("[aria-current=step]")).to_contain_text(
            stages[0][at]["name"]
        )
    expect(page.get_by_test_id("stages-0")).to_contain_text("accepted")
    assert look(page, "v.received.metrics") == frames
    wait(page, "v.board.panel('weights').overlays.has('stages')")
    page.screenshot(path=SHOTS / "time-slow-motion.png")
    page.keyboard.press("ArrowRight")
    wait(page, f"v.slow.at === 0 && v.received.metrics > x && {STEPS}[0] === {told[0]}", frames)
    page.keyboard.press("m")
    wait(
        page, "!v.slow.active && v.state.state === 'running' && v.received.metrics > x + 5", frames
    )
    expect(page.get_by_test_id("stages")).to_be_hidden()
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
    wait(page, "v.slow.active && v.slow.at === 0")
    page.keyboard.press(" ")
    wait(page, "v.slow.held && v.root.classList.contains('kv-slow')")
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
    wait(page, "v.player.source === 'recording' && v.player.history.length > 2")
    page.get_by_test_id("speed").select_option("-1")
    page.get_by_test_id("run").click()
    wait(page, "v.slow.active && v.slow.at === 0 && v.player.source === 'live'")
    assert look(page, STEPS) == [0, 0]
    page.get_by_test_id("slow-leave").click()
    wait(page, "!v.slow.active && v.state.state === 'running'")


@pytest.mark.slow
def test_a_moment_pointed_at_is_marked_everywhere_and_a_click_shows_it(open_page: Open) -> None:
    page = open_page(SHORT)
    wait(page, "v.state.state === 'done' && !v.dirty.curves && !v.dirty.pictures")
    point(page, "loss", 0.4)
    wait(page, "v.panelApi.hovered !== null")
    hovered = look(page, "v.panelApi.hovered")
    assert 0 < hovered < look(page, "v.player.history.length - 1")
    read = page.locator("[data-plot=loss] .kv-read")
    expect(read).to_contain_text("step")
    expect(read).to_contain_text("●")
    expect(page.locator(".kv-tick")).to_be_visible()
    box = page.locator("[data-plot=loss] .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"])
    wait(page, "v.player.chosen === x", hovered)
    expect(page.locator(".kv-time")).to_contain_text("looking back")
    page.mouse.move(5, 5)
    wait(page, "v.panelApi.hovered === null")
    expect(read).to_be_hidden()


@pytest.mark.slow
def test_the_history_is_scrubbed_by_keys_and_played_again_at_every_speed(open_page: Open) -> None:
    page = open_page(SHORT)
    page.locator('.kelvin[data-state="done"]').wait_for()
    last = look(page, "v.player.history.length - 1")
    page.get_by_test_id("scrub").focus()
    page.keyboard.press("Home")
    wait(page, "v.player.moment === 0")
    page.keyboard.press("ArrowRight")
    wait(page, "v.player.moment === 1")
    page.keyboard.press("PageUp")
    wait(page, "v.player.moment > 1")
    page.keyboard.press("End")
    wait(page, "v.player.moment === x", last)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowLeft")
    wait(page, "v.player.moment === x - 1", last)
    page.get_by_test_id("scrub").fill("0")
    wait(page, "v.player.moment === 0")
    seen = page.get_by_test_id("card-1-loss").inner_text()
    options = page.get_by_test_id("speed").locator("optgroup").first.locator("option")
    assert options.all_inner_texts() == ["Replay ½×", "Replay 1×", "Replay 2×", "Replay 4×"]
    page.get_by_test_id("speed").select_option("×0.5")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(" ")
    wait(page, "v.player.playing && v.player.rate === 0.5 && v.player.moment > 0")
    page.keyboard.press(" ")
    assert not look(page, "v.player.playing")
    assert page.get_by_test_id("card-1-loss").inner_text() != seen
    page.keyboard.press(" ")
    page.get_by_test_id("speed").select_option("×4")
    wait(page, "v.player.chosen === null && !v.player.playing")
    assert look(page, "v.run") == 1, "the space bar started no other race"


def test_knobs_are_turned_at_the_card_and_what_was_done_is_told(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    expect(page.get_by_test_id("card-1-turned")).to_be_hidden()
    page.get_by_test_id("tune-1").click()
    page.get_by_test_id("knob-learning_rate").fill("0.05")
    page.keyboard.press("Enter")
    wait(
        page,
        (
            "v.player.history.events.some((event) => event.kind === 'turn' && event.lane === 1 "
            "&& event.field === 'learning_rate' && event.value === 0.05)"
        ),
    )
    page.get_by_test_id("slide-learning_rate").press("ArrowRight")
    wait(page, "v.player.history.events.filter((event) => event.kind === 'turn').length === 2")
    assert look(page, "v.player.history.events.at(-1).value") > 0.05
    page.screenshot(path=SHOTS / "time-knobs.png")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("knobs")).to_have_count(0)
    assert page.evaluate("document.activeElement.dataset.testid") == "tune-1"
    expect(page.get_by_test_id("card-1-turned")).to_have_text("↻")
    flags = page.get_by_test_id("flags").locator("button")
    assert "Step size changed from 0.01 to" in str(flags.first.get_attribute("aria-label"))
    # the newest moment is shown live: the flag's must have passed
    wait(page, "v.player.history.events.at(-1).at < v.player.history.length - 1")
    flags.first.click()
    wait(page, "v.player.chosen !== null")
    expect(page.get_by_test_id("tune-1")).to_be_hidden()  # the past is not turned


@pytest.mark.slow
def test_heat_is_added_and_taken_at_the_card_and_a_refusal_is_told(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    temperature = "v.player.history.metrics.at(-1).lanes[0].temperature"
    page.get_by_test_id("tune-0").click()
    before = look(page, temperature)
    page.get_by_test_id("heat-10").click()
    wait(page, f"{temperature} > 3 * x", before)
    hot = look(page, temperature)
    page.get_by_test_id("heat-0.5").click()
    wait(page, f"{temperature} < 0.8 * x", hot)
    summary = page.get_by_test_id("panel-temperature").locator("[data-summary]")
    expect(summary).to_contain_text("%")
    page.evaluate(
        "window.__kelvin.view.command({ do: 'turn', lane: 0, field: 'chains', value: 3 })"
    )
    wait(page, "document.querySelector('.kv-refusal').textContent !== ''")
    expect(page.get_by_test_id("status")).to_contain_text("population_size")
    assert look(page, "v.state.state") == "running"
    page.get_by_test_id("knob-proposal").select_option("gaussian")
    wait(page, "v.player.history.events.some((event) => event.value === 'gaussian')")
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
    assert look(page, "v.player.history.events.length") == 0
    field.fill("0.5")
    field.press("Enter")
    wait(page, "v.player.history.events.some((event) => event.value === 0.5)")
    expect(said).to_have_text("")
    expect(page.get_by_test_id("status")).to_contain_text("Running")
    # The plan that is drawn is the one in store now.
    wait(page, "v.player.history.metrics.some((one) => one.lanes[0].planned?.[0] === 0.5)")


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
    wait(page, "v.currency === 'evaluations'")
    page.keyboard.press("a")
    wait(page, "v.measure === 'accuracy'")
    page.keyboard.press("l")
    wait(page, "v.measure === 'loss'")
    page.keyboard.press("2")
    wait(page, "v.board.arrangement.large === 'weights'")
    page.keyboard.press("Escape")
    wait(page, "v.board.arrangement.large === null")
    page.keyboard.press("e")
    expect(page.get_by_test_id("export-python")).to_be_visible()
