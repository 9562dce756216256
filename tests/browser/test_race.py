"""A race, watched: the running app in a real browser."""

from __future__ import annotations

import re
import signal
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect
from psutil import Process

from tests.browser.conftest import PATIENCE, SHOTS, Server
from tests.browser.walk import (
    LONG,
    SHORT,
    SIX,
    Open,
    count,
    enlarged,
    eventually,
    goes_on,
    linked,
    look,
    run,
    running,
    stepped,
    steps,
    told,
    wait_for,
    wait_for_state,
)

pytestmark = pytest.mark.browser


MOUNTED = {"loss": 1, "weights": 1, "network": 1, "temperature": 1, "agreement": 1, "chains": 1}


def test_the_first_visit_plays_a_recorded_race_until_run_is_pressed(open_page: Open) -> None:
    page = open_page()
    wait_for(page, source="recording", moment=4)
    expect(page.get_by_test_id("status")).to_have_text(
        "Recorded race. Press Run for one of your own."
    )
    wait_for(page, moment=count(page, "moment") + 1)
    assert told(page, "dataset") == "spirals"
    run(page)
    wait_for_state(page, "running")
    expect(page.get_by_test_id("run")).to_have_text("Pause")
    usual = {"network": 1, "loss": 1, "weights": 1}
    assert look(page, "window.__kelvin.stats.mounts") == usual


def test_frames_arrive_and_every_panel_changes(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    seen = """['loss', 'weights', 'network', 'temperature'].map((name) =>
        document.querySelector(`[data-plot=${name}] canvas`).toDataURL()).concat(
        document.querySelector('[data-testid=card-0-evaluations]').textContent)"""
    before = page.evaluate(seen)
    goes_on(page, 12)
    page.wait_for_function(f"(x) => ({seen}).every((one, i) => one !== x[i])", arg=before)
    assert look(page, "window.__kelvin.stats.mounts") == MOUNTED
    assert look(page, "window.__kelvin.stats.blanks") == 0
    page.screenshot(path=SHOTS / "explore-light.png")


@pytest.mark.slow
def test_a_zoom_survives_updates_and_runs_of_the_script(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    box = page.locator("[data-plot=weights] .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.7, steps=6)
    page.mouse.up()
    page.locator("[data-plot=weights][data-zoomed]").wait_for()
    zoom = (
        "['xaxis', 'yaxis'].map((axis) => "
        "v.root.querySelector('[data-plot=weights]').layout[axis].range.map((n) => n.toFixed(6)))"
    )
    before, frames = look(page, zoom), count(page, "frames")
    page.get_by_test_id("stSidebar").get_by_role(
        "radio", name="evaluations"
    ).click()  # another run of the page's script
    wait_for(page, frames=frames + 12, stale=True)  # the controls ask for another race now
    assert look(page, zoom) == before
    assert look(page, "window.__kelvin.stats.mounts") == MOUNTED
    page.mouse.dblclick(box["x"] + 50, box["y"] + 50)
    plane = page.locator("[data-plot=weights]")
    expect(plane).not_to_have_attribute("data-zoomed", "")
    page.get_by_test_id("run").click()
    wait_for(page, state="paused", detailed=True, drawn=True)
    shown = "v.root.querySelector('[data-plot=weights]').layout"
    drawn = "v.board.panel('weights').particles.moment.picture.plane"
    assert look(page, f"[{shown}.xaxis.range, {shown}.yaxis.range]") == look(
        page, f"[{drawn}.x, {drawn}.y]"
    )
    page.get_by_test_id("run").click()
    goes_on(page, 12)
    page.wait_for_timeout(1500)
    assert plane.get_attribute("data-zoomed") is None, "what the page itself shows is no zoom"


def test_pause_stops_step_steps_once_and_resume_goes_on(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    page.get_by_test_id("run").click()
    wait_for(page, state="paused", detailed=True)
    before, frames = steps(page), count(page, "frames")
    page.wait_for_timeout(1000)
    assert count(page, "frames") == frames
    page.get_by_test_id("step").click()
    wait_for(page, frames=frames + 1)
    assert steps(page) == [before[0] + 1, before[1] + 1]
    page.keyboard.press("ArrowRight")
    wait_for(page, frames=frames + 2)
    assert steps(page) == [before[0] + 2, before[1] + 2]
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(" ")
    wait_for(page, state="running", frames=frames + 6)


@pytest.mark.slow
def test_reset_returns_to_the_same_first_loss_and_a_new_seed_does_not(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    first = "v.player.history.metrics[0].lanes.map((lane) => lane.loss)"
    before, race = look(page, first), count(page, "runs")
    page.get_by_test_id("reset").click()
    wait_for(page, runs=race + 1, pictures=3)
    assert look(page, first) == before
    assert look(page, "v.player.history.metrics[0].lanes.map((lane) => lane.step)") == [0, 0]
    page.get_by_test_id("new-seed").click()
    wait_for(page, runs=race + 2, pictures=3)
    assert look(page, first) != before
    seed = told(page, "seed")
    linked(page, seed=seed)
    expect(
        page.get_by_test_id("stSidebar").get_by_role("spinbutton", name="Seed", exact=True)
    ).to_have_value(seed)
    wait_for(page, stale=False)


@pytest.mark.slow  # quickly: `test_table`, the whole state in the address
def test_a_link_reopens_the_same_experiment_in_a_fresh_context(open_page: Open) -> None:
    page = open_page(
        "?dataset=circles&dataset.noise=0.2&network.hidden=7,5&lanes=eki,sgd&sgd.learning_rate=0.05&evaluations=1e9&seed=77"
    )
    running(page)
    address = page.url
    query = parse_qs(urlsplit(address).query)
    assert query["dataset"] == ["circles"]
    assert query["sgd.learning_rate"] == ["0.05"]
    other = open_page("?" + urlsplit(address).query)
    running(other)
    experiment = "v.player.history.stage.experiment"
    assert look(other, experiment) == look(page, experiment)
    assert look(page, experiment)["network"]["hidden"] == [7, 5]
    first = "v.player.history.metrics[0].lanes.map((lane) => lane.loss)"
    assert look(other, first) == look(page, first)


@pytest.mark.slow  # quickly: `test_table`, many visitors; a guessed token: `test_stream`
def test_two_contexts_do_not_see_each_others_race(open_page: Open) -> None:
    one, two = open_page(LONG), open_page("?dataset=circles&lanes=pso,adam&seconds=300")
    running(one)
    running(two)
    assert told(one, "dataset") == "moons"
    assert told(two, "dataset") == "circles"
    tokens = [page.evaluate("sessionStorage.getItem('kelvin.race')") for page in (one, two)]
    assert tokens[0] != tokens[1]
    assert all(len(token) >= 32 for token in tokens)
    # A guessed token opens nothing.
    two.evaluate("sessionStorage.setItem('kelvin.race', 'A'.repeat(32))")
    two.reload()
    running(two)
    assert told(two, "dataset") == "circles"


def test_a_reload_comes_back_to_the_same_race(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    token = page.evaluate("sessionStorage.getItem('kelvin.race')")
    wait_for(page, frames=13)
    first = look(page, "v.player.history.metrics[0].lanes[0].loss")
    page.reload()
    running(page)
    assert page.evaluate("sessionStorage.getItem('kelvin.race')") == token
    assert count(page, "frames") > 12
    assert look(page, "v.player.history.metrics[0].lanes[0].loss") == first
    ks = look(page, "v.player.history.metrics.map((m) => m.k)")
    assert ks == list(range(len(ks)))


def racing(server: Server, page: Page) -> Process:
    """The process of the only race: the one that works while the others rest, which they do as soon
    as they have started and the races of earlier tests are over.
    """
    until = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < until:
        before = {worker.pid: sum(worker.cpu_times()[:2]) for worker in server.workers()}
        goes_on(page, 10)
        worked = {
            worker: sum(worker.cpu_times()[:2]) - before.get(worker.pid, 0)
            for worker in server.workers()
        }
        busy = [worker for worker, seconds in worked.items() if seconds > 0]
        if len(busy) == 1 and busy[0].pid in before:
            return busy[0]
    pytest.fail(f"several processes work: {worked}")


@pytest.mark.slow
def test_a_killed_worker_is_told_and_the_next_race_runs(open_page: Open, server: Server) -> None:
    page = open_page(LONG)
    running(page)
    racing(server, page).send_signal(signal.SIGKILL)
    wait_for_state(page, "ended")
    expect(page.get_by_test_id("status")).to_contain_text(
        "was killed, most often because the machine ran out of memory"
    )
    assert count(page, "frames") > 2  # what was recorded is still there
    run(page)
    running(page)


@pytest.mark.slow
def test_reheating_raises_the_temperature_of_the_running_race(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    page.get_by_test_id("reheat").click()
    wait_for(page, events=1)
    goes_on(page)
    assert (
        look(
            page,
            "(({ metrics, events }) => { const at = events[0].at, heat = (one) => one.lanes[0].temperature;"
            " return Math.max(...metrics.slice(at, at + 2).map(heat)) / heat(metrics[at - 1]); })"
            "(v.player.history)",
        )
        > 3
    )
    assert look(
        page, "v.player.history.events.map((event) => [event.lane, event.kind, event.value])"
    ) == [[0, "reheat", 10]]


@pytest.mark.slow
def test_speed_holds_the_lanes_back(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    page.get_by_test_id("speed").select_option("10")
    page.get_by_test_id(
        "reheat"
    ).click()  # when that has been heard of, the speed chosen before it is in force
    wait_for(page, events=1)
    since, before = time.monotonic(), steps(page)
    # Lanes take turns by what they have spent, so the one with the dearest steps sets the pace;
    # cheaper steps come more often.
    stepped(page, [step + 20 for step in before])
    after, seconds = steps(page), time.monotonic() - since
    # What was looked at first may be a frame old, and a frame is two seconds old at most.
    assert min(b - a for a, b in zip(before, after, strict=True)) <= 10 * (seconds + 2) + 1, (
        before,
        after,
        seconds,
    )


@pytest.mark.slow
def test_scrubbing_moves_every_panel_and_back_to_live(open_page: Open) -> None:
    page = open_page(SHORT)
    wait_for_state(page, "done")
    expect(page.get_by_test_id("status")).to_contain_text("Finished")
    last = page.get_by_test_id("card-1-loss").inner_text()
    page.get_by_test_id("scrub").fill("0")
    wait_for(page, moment="0", drawn=True)
    expect(page.get_by_test_id("card-1-loss")).not_to_have_text(last)
    assert look(page, "v.root.querySelector('[data-plot=loss]').data[2].x.length") == 1
    expect(page.locator(".kv-time")).to_contain_text("looking back")
    page.get_by_test_id("live-edge").click()
    expect(page.locator(".kv-time")).not_to_contain_text("looking back")
    expect(page.get_by_test_id("card-1-loss")).to_have_text(last)


@pytest.mark.slow
def test_one_switch_changes_the_currency_of_all_time_axes(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    page.get_by_test_id("currency-flops").click()
    for name in ("loss", "temperature"):
        expect(page.locator(f"[data-plot={name}] .xtitle")).to_have_text("FLOPs")
    ends = look(
        page,
        (
            "[v.root.querySelector('[data-plot=loss]').data[0].x.at(-1), "
            "v.player.history.metrics.at(-1).lanes[0].flops]"
        ),
    )
    assert ends[0] > 1e6
    assert ends[0] <= ends[1]
    page.get_by_test_id("measure-accuracy").click()
    expect(page.locator("[data-plot=loss] .ytick text").last).to_contain_text("%")
    assert look(page, "v.root.querySelector('[data-plot=loss]').layout.yaxis.type") == "linear"


PLACES = """[...v.root.querySelectorAll('.kv-cards, .kv-panels, .kv-panel:not([hidden])')].map((one) => {
  const { top, height } = one.getBoundingClientRect(); return [Math.round(top), Math.round(height)]; })"""


SIDES = """[...v.root.querySelectorAll('[data-plot=network] figure canvas')].map((one) =>
  one.clientWidth / one.clientHeight)"""


@pytest.mark.slow
def test_nothing_moves_when_a_race_begins_and_maps_are_square(open_page: Open) -> None:
    page = open_page()
    wait_for(page, source="recording", moment=4)
    before = look(page, PLACES)
    run(page)
    assert look(page, PLACES) == before
    for panels in (["network"], ["loss", "weights", "network"]):
        page.evaluate(
            "(shown) => window.__kelvin.view.board.arrange({ shown, large: null })", panels
        )
        assert look(page, SIDES) == pytest.approx([1, 1], abs=0.02)


@pytest.mark.slow
def test_four_maps_are_square_beside_others_and_alone(open_page: Open) -> None:
    page = open_page("?dataset=moons&lanes=annealing,eki,pso,adam&seconds=300")
    running(page)
    expect(page.locator("[data-testid=panel-network] canvas")).to_have_count(4)
    assert look(page, SIDES) == pytest.approx([1] * 4, abs=0.02)
    page.get_by_test_id("enlarge-network").click()
    enlarged(page, "network")
    eventually(lambda: look(page, SIDES) == pytest.approx([1] * 4, abs=0.02), page)


@pytest.mark.slow
def test_images_show_a_wall_and_four_lanes_fit(open_page: Open) -> None:
    page = open_page("?dataset=digits&lanes=annealing,eki,pso,adam&seconds=300")
    running(page)
    expect(page.locator("[data-plot=network] canvas")).to_have_count(4)
    expect(page.locator("[data-testid=panel-network] [data-summary]")).to_contain_text(
        "of 40 right"
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    bottom = page.get_by_test_id("scrub").bounding_box()
    assert bottom is not None
    assert bottom["y"] + bottom["height"] <= 900  # one screen, no scrolling
    page.screenshot(path=SHOTS / "explore-digits.png")


@pytest.mark.slow
def test_settings_changed_says_so_and_the_address_follows(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    page.get_by_test_id("stSidebar").get_by_role("spinbutton", name="Seed", exact=True).fill("99")
    page.get_by_test_id("stSidebar").get_by_role("spinbutton", name="Seed", exact=True).press(
        "Enter"
    )
    wait_for(page, stale=True)
    expect(page.get_by_test_id("status")).to_have_text(re.compile("^Settings changed"))
    linked(page, seed="99")
    assert told(page, "state") == "running"  # the race on the screen goes on


@pytest.mark.parametrize(
    "query",
    [
        "?dataset=mnits",
        *(
            pytest.param(query, marks=pytest.mark.slow)
            for query in (
                "?q=%3Cscript%3E",
                "?annealing.population_size=0",
                "?seconds=nan",
                "?network.hidden=0",
            )
        ),
    ],
)
def test_a_broken_link_opens_with_one_friendly_line(open_page: Open, query: str) -> None:
    page = open_page(query)
    message = page.get_by_test_id("stAlert")
    expect(message).to_contain_text("Kelvin can run")
    box = message.bounding_box()
    assert box is not None
    assert box["height"] < 90, "one line, or two"
    details = page.get_by_test_id("stMain").get_by_role("button", name="Details")
    if details.count():
        details.click()
        message = page.get_by_test_id("stPopoverBody")
    expect(message).to_contain_text("is not allowed; expected")
    assert "Traceback" not in page.content()
    assert look(page, "v.data.experiment.dataset.name") == "spirals"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("dark", {"color_scheme": "dark"}),
        ("phone", {"viewport": {"width": 390, "height": 844}}),
        ("still", {"reduced_motion": "reduce"}),
    ],
)
def test_other_eyes(open_page: Open, name: str, options: dict[str, Any]) -> None:
    page = open_page(**options)
    wait_for(page, frames=4, moment=4, playing=name != "still")
    if name == "phone":
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if name == "dark":
        assert look(page, "v.root.classList.contains('kv-dark')")
    if name == "still":
        assert count(page, "moment") == count(page, "frames") - 1
    page.screenshot(path=SHOTS / f"explore-{name}.png", full_page=name == "phone")


CROWDED = (
    "?dataset=sinc&lanes=sgd,adam",
    "?dataset=sinc&lanes=sgd,sgd,lbfgs&lane2.rate=0.3",
    "?dataset=sinc&lanes=sgd,sgd,lbfgs,cma-es&lane2.rate=0.3",
)
NUMBERS = """(texts) => [...document.querySelectorAll('.kv-values')].map((row) => {
    const numbers = [...row.children].map((cell) => cell.querySelector('b'));
    numbers.forEach((number, i) => (number.textContent = texts[i]));
    return numbers.map((number) => {
        const range = document.createRange();
        range.selectNodeContents(number);
        const {left, right, top} = range.getBoundingClientRect();
        return {left, right, top};
    });
})"""


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 1920, 390])
@pytest.mark.parametrize("query", CROWDED)
def test_the_widest_numbers_stand_apart_on_the_cards(
    open_page: Open, query: str, width: int
) -> None:
    page = open_page(f"{query}&evaluations=20000", viewport={"width": width, "height": 844})
    wait_for_state(page, "done")  # the cards are left alone from here on
    wait_for(page, drawn=True)
    for row in page.evaluate(NUMBERS, ["−2.69×10⁻¹⁰", "−2.69×10⁻¹⁰", "413\u202fM", "2.69×10⁻¹⁰"]):
        for one in row:
            for other in row:
                beside = other["left"] > one["left"] and abs(other["top"] - one["top"]) < 2
                assert not beside or other["left"] >= one["right"] + 2, row


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1280, 900), (1920, 1080)])
def test_of_lanes_of_one_method_what_differs_is_read_under_their_maps(
    open_page: Open, width: int, height: int
) -> None:
    page = open_page(
        "?dataset=moons&lanes=nesterov,nesterov,nesterov,annealing&lane2.rate=0.3&lane3.rate=0.002&evaluations=20000"
        + SIX,
        viewport={"width": width, "height": height},
    )
    wait_for(page, state="done", pictures=2, drawn=True)
    found = page.eval_on_selector_all(
        "[data-plot=network] figcaption",
        """all => all.map((caption) => {
            const [apart, box] = [caption.querySelector('.kv-apart'), caption.getBoundingClientRect()];
            const at = apart?.getBoundingClientRect();
            const over = [...caption.closest('.kv-plot').querySelectorAll('canvas')].some((canvas) => {
                const other = canvas.getBoundingClientRect();
                return other.left < box.right - 1 && box.left < other.right - 1 && other.top < box.bottom - 1 && box.top < other.bottom - 1;
            });
            const seen = !apart || (at.height > 8 && at.bottom <= box.bottom + 1 && apart.scrollWidth <= apart.clientWidth + 1);
            const whole = apart || caption.querySelector('.kv-method').scrollHeight <= caption.querySelector('.kv-method').clientHeight + 1;
            return {whole: Boolean(whole), text: caption.querySelector('b').textContent, seen, over};
        })""",
    )
    assert [one["text"] for one in found][:3] == [
        f"{shape} SGD with Nesterov momentum, step size {rate}"
        for shape, rate in zip("●■◆", ("0.1", "0.3", "0.002"), strict=True)
    ]
    assert all(one["seen"] and one["whole"] and not one["over"] for one in found), found
