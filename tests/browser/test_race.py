"""A race, watched: the running app in a real browser."""

from __future__ import annotations

import signal
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect
from psutil import Process

from tests.browser.conftest import PATIENCE, SHOTS, Server
from tests.browser.walk import LONG, SHORT, SIX, Open, look, running, wait

pytestmark = pytest.mark.browser


def run(page: Page) -> None:
    """Press Run and wait for the first pictures of the new race."""
    before = look(page, "v.run")
    page.get_by_test_id("run").click()
    wait(
        page,
        "v.run > x && v.player.source === 'live' && v.player.history.pictures.length > 2",
        before,
    )


def status(page: Page) -> str:
    return page.get_by_test_id("status").inner_text()


MOUNTED = {"loss": 1, "weights": 1, "network": 1, "temperature": 1, "agreement": 1, "chains": 1}


def test_the_first_visit_plays_a_recorded_race_until_run_is_pressed(open_page: Open) -> None:
    page = open_page()
    wait(page, "v.player.source === 'recording' && v.player.moment > 3")
    assert status(page) == "Recorded race. Press Run to train your own."
    first = look(page, "v.player.moment")
    wait(page, "v.player.moment > x", first)
    assert look(page, "v.player.history.stage.experiment.dataset.name") == "spirals"
    run(page)
    page.locator('.kelvin[data-state="running"]').wait_for()
    expect(page.get_by_test_id("run")).to_have_text("Pause")
    usual = {"network": 1, "loss": 1, "weights": 1}
    assert look(page, "window.__kelvin.stats.mounts") == usual


def test_frames_arrive_and_every_panel_changes(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    seen = """[v.root.querySelector('[data-plot=loss]').data[0].x.length + ':' + v.root.querySelector('[data-plot=loss]').data[0].x.at(-1),
               v.root.querySelector('[data-plot=weights] canvas').toDataURL(), v.root.querySelector('[data-plot=network] canvas').toDataURL(),
               v.root.querySelector('[data-plot=temperature]').data[1].y.at(-1), document.querySelector('[data-testid=card-0-evaluations]').textContent]"""
    before = look(page, seen)
    received = look(page, "v.received.pictures")
    wait(page, "v.received.pictures > x + 12", received)
    wait(page, f"({seen}).every((one, i) => one !== x[i])", before)
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
    wait(page, "v.board.panel('weights').chart.zoomed")
    zoom = (
        "['xaxis', 'yaxis'].map((axis) => "
        "v.root.querySelector('[data-plot=weights]').layout[axis].range.map((n) => n.toFixed(6)))"
    )
    before = look(page, zoom)
    received = look(page, "v.received.pictures")
    page.get_by_test_id("stSidebar").get_by_role(
        "radio", name="evaluations"
    ).click()  # another run of the page's script
    wait(page, "v.received.pictures > x + 12", received)
    wait(page, "v.data.experiment.budget.currency === 'evaluations'")
    assert look(page, zoom) == before
    assert look(page, "window.__kelvin.stats.mounts") == MOUNTED
    page.mouse.dblclick(box["x"] + 50, box["y"] + 50)
    wait(page, "!v.board.panel('weights').chart.zoomed")
    shown = "v.root.querySelector('[data-plot=weights]').layout"
    drawn = "v.board.panel('weights').particles.moment.picture.plane"
    wait(
        page,
        (
            f"JSON.stringify([{shown}.xaxis.range, {shown}.yaxis.range]) === "
            f"JSON.stringify([{drawn}.x, {drawn}.y])"
        ),
    )
    page.wait_for_timeout(1500)
    assert not look(page, "v.board.panel('weights').chart.zoomed"), (
        "what the page itself shows is no zoom"
    )


def test_pause_stops_step_steps_once_and_resume_goes_on(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    page.get_by_test_id("run").click()
    wait(
        page,
        (
            "v.state.state === 'paused' && v.player.history.details.at(-1)?.k === "
            "v.player.history.metrics.at(-1).k"
        ),
    )
    steps = "v.player.history.metrics.at(-1).lanes.map((lane) => lane.step)"
    before, count = look(page, steps), look(page, "v.received.metrics")
    page.wait_for_timeout(1000)
    assert look(page, "v.received.metrics") == count
    page.get_by_test_id("step").click()
    wait(page, "v.received.metrics > x", count)
    assert look(page, steps) == [before[0] + 1, before[1] + 1]
    page.keyboard.press("ArrowRight")
    wait(page, "v.received.metrics > x + 1", count)
    assert look(page, steps) == [before[0] + 2, before[1] + 2]
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(" ")
    wait(page, "v.state.state === 'running' && v.received.metrics > x + 5", count)


@pytest.mark.slow
def test_reset_returns_to_the_same_first_loss_and_a_new_seed_does_not(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    first = "v.player.history.metrics[0].lanes.map((lane) => lane.loss)"
    before, race = look(page, first), look(page, "v.run")
    page.get_by_test_id("reset").click()
    wait(page, "v.run > x && v.player.history.pictures.length > 2", race)
    assert look(page, first) == before
    assert look(page, "v.player.history.metrics[0].lanes.map((lane) => lane.step)") == [0, 0]
    race = look(page, "v.run")
    page.get_by_test_id("new-seed").click()
    wait(page, "v.run > x && v.player.history.pictures.length > 2", race)
    assert look(page, first) != before
    seed = str(look(page, "v.player.history.stage.experiment.seed"))
    page.wait_for_function(
        "(seed) => new URL(location.href).searchParams.get('seed') === seed", arg=seed
    )
    expect(
        page.get_by_test_id("stSidebar").get_by_role("spinbutton", name="Seed", exact=True)
    ).to_have_value(seed)
    wait(page, "!v.stale")


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
    assert look(one, "v.player.history.stage.data.name") == "moons"
    assert look(two, "v.player.history.stage.data.name") == "circles"
    tokens = [page.evaluate("sessionStorage.getItem('kelvin.race')") for page in (one, two)]
    assert tokens[0] != tokens[1]
    assert all(len(token) >= 32 for token in tokens)
    # A guessed token opens nothing.
    two.evaluate("sessionStorage.setItem('kelvin.race', 'A'.repeat(32))")
    two.reload()
    running(two)
    assert look(two, "v.player.history.stage.data.name") == "circles"


def test_a_reload_comes_back_to_the_same_race(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    token = page.evaluate("sessionStorage.getItem('kelvin.race')")
    wait(page, "v.player.history.metrics.length > 12")
    first = look(page, "v.player.history.metrics[0].lanes[0].loss")
    page.reload()
    running(page)
    assert page.evaluate("sessionStorage.getItem('kelvin.race')") == token
    assert look(page, "v.player.history.metrics.length") > 12
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
        received = look(page, "v.received.pictures")
        wait(page, "v.received.pictures > x + 10", received)
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
    page.locator('.kelvin[data-state="ended"]').wait_for()
    assert "was killed, most often because the machine ran out of memory" in status(page)
    assert look(page, "v.player.history.metrics.length") > 2  # what was recorded is still there
    run(page)
    running(page)


def test_reheating_raises_the_temperature_of_the_running_race(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    temperature = "v.player.history.metrics.at(-1).lanes[0].temperature"
    before = look(page, temperature)
    page.get_by_test_id("reheat").click()
    wait(page, f"{temperature} > 3 * x", before)
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
    wait(page, "v.player.history.events.length > 0")
    steps = "v.player.history.metrics.at(-1).lanes.map((lane) => lane.step)"
    since, before = time.monotonic(), look(page, steps)
    # Lanes take turns by what they have spent, so the one with the dearest steps sets the pace;
    # cheaper steps come more often.
    wait(page, f"Math.min(...({steps}).map((step, i) => step - x[i])) >= 20", before)
    after, seconds = look(page, steps), time.monotonic() - since
    # What was looked at first may be a frame old, and a frame is two seconds old at most.
    assert min(b - a for a, b in zip(before, after, strict=True)) <= 10 * (seconds + 2) + 1, (
        before,
        after,
        seconds,
    )


@pytest.mark.slow
def test_scrubbing_moves_every_panel_and_back_to_live(open_page: Open) -> None:
    page = open_page(SHORT)
    page.locator('.kelvin[data-state="done"]').wait_for()
    assert "Finished" in status(page)
    last = page.get_by_test_id("card-1-loss").inner_text()
    page.get_by_test_id("scrub").fill("0")
    wait(page, "v.player.moment === 0")
    expect(page.get_by_test_id("card-1-loss")).not_to_have_text(last)
    wait(page, "v.root.querySelector('[data-plot=loss]').data[2].x.length === 1")
    expect(page.locator(".kv-time")).to_contain_text("looking back")
    page.get_by_test_id("live-edge").click()
    wait(page, "v.player.chosen === null")
    expect(page.get_by_test_id("card-1-loss")).to_have_text(last)


@pytest.mark.slow
def test_one_switch_changes_the_currency_of_all_time_axes(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    page.get_by_test_id("currency-flops").click()
    wait(
        page,
        (
            "['loss', 'temperature'].every((name) => "
            "v.root.querySelector(`[data-plot=${name}]`).layout.xaxis.title.text === 'FLOPs')"
        ),
    )
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
    wait(page, "v.root.querySelector('[data-plot=loss]').layout.yaxis.type === 'linear'")


PLACES = """[...v.root.querySelectorAll('.kv-cards, .kv-panels, .kv-panel:not([hidden])')].map((one) => {
  const { top, height } = one.getBoundingClientRect(); return [Math.round(top), Math.round(height)]; })"""


@pytest.mark.slow
def test_nothing_moves_when_a_race_begins_and_maps_are_square(open_page: Open) -> None:
    page = open_page()
    wait(page, "v.player.source === 'recording' && v.player.moment > 3")
    before = look(page, PLACES)
    run(page)
    assert look(page, PLACES) == before
    sides = (
        "[...v.root.querySelectorAll('[data-plot=network] figure canvas')].map((one) => "
        "one.clientWidth / one.clientHeight)"
    )
    for panels in (["network"], ["loss", "weights", "network"]):
        page.evaluate(
            "(shown) => window.__kelvin.view.board.arrange({ shown, large: null })", panels
        )
        assert look(page, sides) == pytest.approx([1, 1], abs=0.02)


@pytest.mark.slow
def test_images_show_a_wall_and_four_lanes_fit(open_page: Open) -> None:
    page = open_page("?dataset=digits&lanes=annealing,eki,pso,adam&seconds=300")
    running(page)
    wait(page, "v.root.querySelectorAll('[data-plot=network] canvas').length === 4")
    expect(page.locator("[data-testid=panel-network] [data-summary]")).to_contain_text(
        "of 40 right"
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    bottom = page.get_by_test_id("scrub").bounding_box()
    assert bottom is not None
    assert bottom["y"] + bottom["height"] <= 900  # one screen, no scrolling
    page.screenshot(path=SHOTS / "explore-digits.png")


def test_settings_changed_says_so_and_the_address_follows(open_page: Open) -> None:
    page = open_page(LONG)
    running(page)
    page.get_by_test_id("stSidebar").get_by_role("spinbutton", name="Seed", exact=True).fill("99")
    page.get_by_test_id("stSidebar").get_by_role("spinbutton", name="Seed", exact=True).press(
        "Enter"
    )
    wait(page, "v.stale")
    wait(
        page,
        "v.root.querySelector('[data-testid=status]').textContent.startsWith('Settings changed')",
    )
    page.wait_for_function("new URL(location.href).searchParams.get('seed') === '99'")
    assert look(page, "v.state.state") == "running"  # the race on the screen goes on


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
    wait(
        page,
        (
            "v.player.history.length > 3 && (x === 'still' ? v.player.moment === "
            "v.player.history.length - 1 : v.player.moment > 3)"
        ),
        name,
    )
    if name == "phone":
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if name == "dark":
        assert look(page, "v.root.classList.contains('kv-dark')")
    if name == "still":
        assert not look(page, "v.player.playing")
        assert look(page, "v.player.moment") == look(page, "v.player.history.length - 1")
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
    wait(page, "v.player.history.length > 1 && v.cards.built")
    look(page, "v.player.show(0)")  # the cards are left alone from here on
    page.wait_for_function("!window.__kelvin.view.dirty.pictures")
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
    wait(page, "v.player.history.pictures.length > 1 && v.board.panel('network')?.last")
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
