"""The row "export: config, Python code, CSV, PNG/SVG, HTML replay" of the table, in a real browser;
the replay from a folder, with the network off.
"""

from __future__ import annotations

import csv
import io
import json
import struct
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from safetensors.numpy import load

from app import replay
from engine.experiment.model import Experiment
from engine.messages.encoding import encode
from engine.messages.recording import Recording
from engine.race.race import Race
from tests.browser.conftest import PATIENCE, SHOTS
from tests.browser.walk import (
    Open,
    count,
    enlarged,
    look,
    points,
    ready,
    running,
    told,
    wait_for,
    wait_for_state,
)

pytestmark = pytest.mark.browser

FIRST = Path(__file__).resolve().parents[2] / "assets" / "recordings" / "first-screen.kelvin"
NASTY = "<img src=x onerror=window.pwned=1></script><script>window.pwned=1</script>"


def exported(page: Page, *buttons: str) -> tuple[str, bytes]:
    """Press Export and then those buttons; the name and the bytes of the file that comes."""
    page.get_by_test_id("menu-export").click()
    for button in buttons[:-1]:
        page.get_by_test_id(button).click()
    with page.expect_download() as waiting:
        page.get_by_test_id(buttons[-1]).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


@pytest.mark.slow
def test_export_gives_config_python_code_csv_weights_and_recording(
    open_page: Open, tmp_path: Path
) -> None:
    page = open_page("?dataset=moons&lanes=annealing,adam&seconds=300&seed=3&network.hidden=6")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    running(page)
    wait_for(page, frames=6)
    page.get_by_test_id("run").click()
    wait_for(page, state="paused", detailed=True)
    experiment = look(page, "v.player.history.stage.experiment")

    name, data = exported(page, "export-experiment")
    assert name == "kelvin-moons-annealing-vs-adam.json"
    assert json.loads(data) == experiment
    name, data = exported(page, "export-python")
    assert name == "kelvin-moons-annealing-vs-adam.py"
    assert page.evaluate("navigator.clipboard.readText()") == data.decode()
    expect(page.get_by_test_id("toast")).to_have_text(
        "Copied, and saved as kelvin-moons-annealing-vs-adam.py."
    )
    compile(data, name, "exec")
    name, data = exported(page, "export-csv")
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))
    assert len(rows) == 2 * look(page, "v.player.history.length")
    name, data = exported(page, "export-weights")
    assert name == "kelvin-moons-annealing-vs-adam.safetensors"
    tensors = load(data)
    assert sum(tensor.size for key, tensor in tensors.items() if key.startswith("lane1.")) == look(
        page, "v.player.history.stage.dimension"
    )
    name, data = exported(page, "export-recording")
    (tmp_path / name).write_bytes(data)
    assert Recording.read(tmp_path / name).stage["experiment"] == experiment


@pytest.mark.slow
def test_large_networks_are_asked_for_their_weights(open_page: Open) -> None:
    page = open_page("?dataset=digits&lanes=annealing,adam&seconds=300&network.hidden=32")
    running(page)
    wait_for_state(page, "running")
    assert look(page, "v.player.history.weights") is None
    assert look(page, "v.player.history.stage.dimension") > 2000
    tensors = load(exported(page, "export-weights")[1])
    assert sum(tensor.size for tensor in tensors.values()) == 2 * look(
        page, "v.player.history.stage.dimension"
    )
    assert look(page, "v.player.chosen") is None


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_export_gives_png_and_svg_of_panels_and_board(open_page: Open, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    wait_for(page, moment=21)
    page.get_by_test_id("live-edge").click()
    seen = look(page, "v.board.arrangement.shown")
    for name in seen:
        file, data = exported(page, "export-pictures", f"picture-{name}-png")
        assert file == f"kelvin-spirals-annealing-vs-adam-{name}.png"
        width, height = struct.unpack(">II", data[16:24])
        box = look(
            page,
            "(({width, height}) => [width, height])(v.board.section(x).getBoundingClientRect())",
            name,
        )
        assert abs(width - 2 * box[0]) <= 4
        assert height > 2 * box[1]
        # Something is drawn where the panel is, and the paper is the theme's.
        colours, paper = page.evaluate(
            """async (data) => {
                const image = new Image(); image.src = `data:image/png;base64,${data}`; await image.decode();
                const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
                const paint = canvas.getContext("2d"); paint.drawImage(image, 0, 0);
                const body = paint.getImageData(0, 180, image.width, image.height - 260).data;
                const found = new Set();
                for (let i = 0; i < body.length; i += 4) found.add(`${body[i] >> 3},${body[i + 1] >> 3},${body[i + 2] >> 3}`);
                return [found.size, [...paint.getImageData(3, 3, 1, 1).data]];
            }""",
            __import__("base64").b64encode(data).decode(),
        )
        assert colours > 12, name
        assert (sum(paper[:3]) < 200) == (scheme == "dark")
    for name in ("weights", "board"):
        file, data = exported(page, "export-pictures", f"picture-{name}-svg")
        root = ElementTree.fromstring(data)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        said = " ".join(root.itertext())
        assert "Simulated annealing" in said
        assert "Weight space" in said
        assert b"http" not in data.replace(b"http://www.w3.org/", b"")
    file, data = exported(page, "export-pictures", "picture-board-png")
    (SHOTS / f"export-board-{scheme}.png").write_bytes(data)
    assert look(
        page, "Object.values(window.__kelvin.stats.mounts).every((count) => count === 1)"
    ), "a picture mounts no chart"
    assert page.evaluate("window.devicePixelRatio") == 1


class Replay:
    """A replay opened from a file, the network off; whatever goes wrong in it is noted."""

    def __init__(self, browser: Browser, file: Path, **options: Any) -> None:
        self.context = browser.new_context(
            **{"viewport": {"width": 1440, "height": 900}, **options}
        )
        self.context.set_offline(True)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())
        ready(self.page)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.said.append(message.text)

    def close(self) -> None:
        self.context.close()
        assert self.said == []
        assert [url for url in self.asked if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.slow
def test_export_gives_an_html_replay_that_plays_offline(
    open_page: Open, browser: Browser, tmp_path: Path
) -> None:
    page = open_page("?large=loss")
    wait_for(page, moment=4)
    name, data = exported(page, "export-replay")
    assert name == "kelvin-spirals-annealing-vs-adam.html"
    file = tmp_path / name
    file.write_bytes(data)
    assert len(data) < 4_000_000

    shown = Replay(browser, file)
    replayed, view = shown.page, "window.__kelvin.view"
    expect(replayed.get_by_role("heading", level=1)).to_have_text(
        "Two spirals: Simulated annealing vs Adam"
    )
    expect(replayed).to_have_title("Two spirals: Simulated annealing vs Adam")
    expect(replayed.locator("footer")).to_contain_text("Made with Kelvin")
    enlarged(replayed, "loss")  # it looks as it was left
    replayed.keyboard.press("1")
    for name in ("run", "step", "reset", "new-seed", "reheat", "menu-save", "menu-share"):
        expect(replayed.get_by_test_id(name)).not_to_be_visible()
    # It plays, holds and is scrubbed.
    wait_for(replayed, moment=count(replayed, "moment") + 1)
    scrub = replayed.get_by_test_id("scrub")
    scrub.evaluate("(input) => { input.value = '400'; input.dispatchEvent(new Event('input')); }")
    share = (
        f"Math.max(...{view}.player.history.metrics[{view}.player.moment].lanes.map((lane) => "
        f"lane.progress))"
    )
    wait_for(replayed, playing=False, drawn=True)
    assert 0.3 < replayed.evaluate(share) <= 0.4
    at = told(replayed, "moment")
    before = replayed.get_by_test_id("card-1-loss").inner_text()
    scrub.evaluate("(input) => { input.value = '900'; input.dispatchEvent(new Event('input')); }")
    expect(replayed.locator(".kelvin")).not_to_have_attribute("data-moment", at)
    assert 0.8 < replayed.evaluate(share) <= 0.9
    moment = told(replayed, "moment")
    expect(replayed.get_by_test_id("card-1-loss")).not_to_have_text(before)
    replayed.get_by_test_id("currency-evaluations").click()
    expect(replayed.locator("[data-plot=loss] .xtitle")).to_have_text("evaluations")
    # R and its kin start nothing where nobody can run it.
    replayed.keyboard.press("r")
    assert (told(replayed, "state"), told(replayed, "moment")) == ("idle", moment)
    # What can be exported here can be exported there.
    assert exported(replayed, "export-csv")[1].count(b"\r\n") == 1 + 2 * replayed.evaluate(
        f"{view}.player.history.length"
    )
    assert exported(replayed, "export-pictures", "picture-weights-png")[1].startswith(b"\x89PNG")
    shown.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("light", {"color_scheme": "light"}),
        ("dark", {"color_scheme": "dark"}),
        (
            "phone",
            {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
        ),
    ],
)
def test_a_replay_by_day_by_night_and_on_a_phone(
    browser: Browser, tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    file = replay.write(FIRST, tmp_path / "race.html")
    shown = Replay(browser, file, **options)
    page = shown.page
    wait_for(page, moment=16)
    assert page.evaluate("document.querySelector('.kelvin').classList.contains('kv-dark')") == (
        name == "dark"
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert name == "phone" or page.evaluate(
        "document.documentElement.scrollHeight <= innerHeight"
    ), "one screen"
    page.screenshot(path=SHOTS / f"replay-{name}.png")
    if name == "light":
        page.emulate_media(color_scheme="dark")
        page.locator(".kelvin.kv-dark").wait_for()
    shown.close()


@pytest.mark.slow
def test_a_landscape_is_replayed_too(browser: Browser, tmp_path: Path) -> None:
    race = Race(
        Experiment.parse(
            {
                "dataset": "landscape",
                "lanes": ["annealing", "adam"],
                "budget": {"currency": "evaluations", "amount": 400},
            }
        ),
        marks=20,
    )
    messages = [encode(race.stage())]
    for frame in race:
        messages += [encode(frame.metrics), encode(frame.picture or {})]
    shown = Replay(
        browser,
        replay.write(Recording(messages).write(tmp_path / "race.kelvin"), tmp_path / "race.html"),
    )
    wait_for(shown.page, moment=3)
    shown.page.get_by_test_id("mode-relief").click()
    if look(shown.page, "v.board.panel('weights').relief.works"):
        points(shown.page, "relief", {0: 1})
    shown.page.wait_for_timeout(300)
    shown.page.get_by_test_id("mode-map").click()
    shown.page.screenshot(path=SHOTS / "replay-landscape.png")
    shown.close()


@pytest.mark.slow
def test_what_a_recording_says_is_text_and_nothing_else(browser: Browser, tmp_path: Path) -> None:
    messages = list(Recording.read(FIRST))
    stage = messages[0]
    stage["network"] = NASTY
    stage["data"].update(label=NASTY, name=NASTY, classes=[NASTY, NASTY])
    stage["experiment"]["dataset"]["name"] = NASTY
    for lane in stage["lanes"]:
        lane.update(label=NASTY, optimizer=NASTY, family=NASTY, sees=NASTY, sentence=NASTY)
        lane["stages"] = [{"name": NASTY, "line": NASTY, "shows": "asked"}]
        lane["knobs"] = [
            {
                "name": NASTY,
                "label": NASTY,
                "value": 1,
                "type": "number",
                "minimum": 0,
                "maximum": 2,
                "scale": "linear",
                "step": 0.1,
                "unit": NASTY,
                "help": NASTY,
            }
        ]
    for message in messages[1:40]:
        if message["type"] != "metrics":
            continue
        for row in message["lanes"]:
            row.update(trouble=NASTY, stopped=NASTY, extra={NASTY: 1.0})
        message["events"] = [
            {"kind": "turn", "lane": 0, "step": 1, "field": NASTY, "value": NASTY},
            {"kind": NASTY, "lane": 1, "step": 1, "value": NASTY},
        ]
    source = Recording(encode(message) for message in messages).write(tmp_path / "race.kelvin")
    shown = Replay(browser, replay.write(source, tmp_path / "race.html"))
    page = shown.page
    wait_for(page, moment=7)
    expect(page.get_by_role("heading", level=1)).to_contain_text(NASTY)
    # Every panel there is, large, and pointed at.
    for number in range(1, 9):
        page.keyboard.press(str(number))
        page.mouse.move(600 + number, 500)
        page.wait_for_timeout(150)
    page.keyboard.press("Escape")
    for picture in ("picture-board-svg", "picture-board-png"):
        exported(page, "export-pictures", picture)
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("document.querySelectorAll('.kelvin img, .kelvin script').length") == 0
    shown.close()
