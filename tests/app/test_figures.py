"""The figures the browser mounts: empty, calm, and built the way the panels count on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.figures import LANE_COUNT, figures
from app.palette import CLASSES, LANES, LANES_ON_DARK, palette


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_figures_are_json_with_a_constant_uirevision_and_no_data() -> None:
    made = figures()
    networks = {"loss", "weights", "temperature", "agreement", "chains", "relief"}
    assert set(made) == networks | {"gap", "alike", "replicas"}
    assert figures() == made
    for figure in made.values():
        assert figure["layout"]["uirevision"] == "kelvin"
        assert all(len(trace.get("x", [])) == 0 for trace in figure["data"])
    json.dumps(made, default=list)


def test_traces_lie_where_the_panels_look_for_them() -> None:
    made = figures()
    assert len(made["loss"]["data"]) == 2 * LANE_COUNT + 1
    assert [trace["type"] for trace in made["weights"]["data"]] == ["contour"]
    assert len(made["temperature"]["data"]) == 5 * LANE_COUNT
    assert [trace["type"] for trace in made["relief"]["data"]] == [
        "surface",
        *["scatter3d"] * (3 * LANE_COUNT + 1),
    ]
    for lane in range(LANE_COUNT):
        plan, fact, accepted, aimed, size = made["temperature"]["data"][5 * lane : 5 * lane + 5]
        assert plan["line"]["dash"] == "dash"
        assert fact["mode"] == "markers"
        assert accepted["yaxis"] == aimed["yaxis"] == "y2"
        assert size["mode"] == "lines"
        assert size["yaxis"] == "y3"


def test_quantities_that_differ_have_boxes_of_their_own() -> None:
    layout = figures()["temperature"]["layout"]
    (low, high), (foot, head) = layout["yaxis2"]["domain"], layout["yaxis"]["domain"]
    assert high < foot
    assert (low, head) == (0, 1)
    assert not any("overlaying" in layout[axis] for axis in ("yaxis", "yaxis2", "yaxis3"))


def test_curves_over_time_are_whole() -> None:
    made = figures()
    for name, traces in {
        "loss": range(0, 2 * LANE_COUNT, 2),
        "agreement": range(1, 2 * LANE_COUNT, 2),
        "chains": range(1, 3 * LANE_COUNT, 3),
    }.items():
        assert all("dash" not in made[name]["data"][i]["line"] for i in traces)


def test_agreement_has_dots_and_a_line_of_every_lane_then_the_heads_over_the_band_of_chance() -> (
    None
):
    figure = figures()["agreement"]
    *lanes, heads = figure["data"]
    assert len(lanes) == 2 * LANE_COUNT
    for dots, line in zip(lanes[::2], lanes[1::2], strict=True):
        assert (dots["mode"], line["mode"]) == ("markers", "lines")
        assert dots["marker"]["color"] == line["line"]["color"]
        assert dots["opacity"] < 0.5  # the median is what is seen at first glance
    assert list(heads["marker"]["symbol"]) == [dots["marker"]["symbol"] for dots in lanes[::2]]
    assert [shape["type"] for shape in figure["layout"]["shapes"]] == ["rect"]
    assert len(figure["layout"]["annotations"]) == 1


def test_chains_have_an_outline_a_line_and_dots_of_every_lane_then_the_estimates() -> None:
    figure = figures()["chains"]
    *lanes, estimates = figure["data"]
    assert len(lanes) == 3 * LANE_COUNT
    for outline, line, dots in zip(lanes[::3], lanes[1::3], lanes[2::3], strict=True):
        assert outline["fill"] == "tozeroy"
        assert "dash" not in line["line"]
        assert dots["mode"] == "markers"
    assert (
        len({outline["line"]["dash"] for outline in lanes[::3]}) == LANE_COUNT
    )  # told apart without colour
    assert estimates["cliponaxis"] is False  # half of each marker lies under the axis
    assert [note["xanchor"] for note in figure["layout"]["annotations"]] == ["left", "right"]


@pytest.mark.parametrize(("colours", "paper"), [(LANES, "#ffffff"), (LANES_ON_DARK, "#211e1b")])
def test_lane_colours_stand_out_on_their_paper(colours: tuple[str, ...], paper: str) -> None:
    for colour in colours:
        assert contrast(colour, paper) >= 3  # WCAG AA for graphics and large type


def test_every_lane_has_its_own_colour_and_marker_and_no_class_shares_it() -> None:
    values = palette()
    assert len({*values["lanes"], *CLASSES}) == LANE_COUNT + len(CLASSES)
    assert len(set(values["symbols"])) == LANE_COUNT


def test_no_letter_of_a_chart_is_smaller_than_twelve_pixels() -> None:
    def sizes(value: Any, font: bool = False) -> Iterator[float]:
        if isinstance(value, dict):
            for key, one in value.items():
                if font and key == "size":
                    yield one
                yield from sizes(one, key.endswith("font"))
        elif isinstance(value, list | tuple):
            for one in value:
                yield from sizes(one)

    for name, figure in figures().items():
        assert figure["layout"]["font"]["size"] >= 12, name
        assert min(sizes(figure["layout"])) >= 12, name
