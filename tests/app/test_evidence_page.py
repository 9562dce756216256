"""The page Evidence: the map, the studies, and the HTML file, from results made up for the test."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from app import evidence, evidence_figures, link
from app.evidence_figures import Point, contrast
from app.text import t
from engine.errors import BadInput
from engine.experiment.query_string import from_flat
from engine.studies import tables
from engine.studies.report import COLUMNS, CURRENCIES
from engine.studies.study import names, shipped
from tests.app import made_up_studies

ROOT = Path(__file__).resolve().parents[2]
MADE = ("dimension", "lm", "span")
"""A study with varied sizes, one with targets, one of measurements without any."""
NEVER = frozenset({"annealing", "annealing-digits"})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the results of a few studies."""
    root = tmp_path_factory.mktemp("evidence")
    for name in MADE:
        made_up_studies.write(shipped(name), root / name, root / "rows" / name, never=NEVER)
    return root


@pytest.fixture
def results(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KELVIN_EVIDENCE", str(made))
    return made


def open_page() -> AppTest:
    app = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=300)
    app.run()
    app.switch_page("pages/evidence.py").run()
    assert not app.exception, app.exception
    return app


def words(app: AppTest) -> str:
    """Everything on the page, as text."""
    found: list[str] = []

    def look(block: Any) -> None:
        for child in getattr(block, "children", {}).values():
            proto = getattr(child, "proto", None)
            found.extend(
                str(getattr(proto, name)) for name in ("body", "label") if hasattr(proto, name)
            )
            look(child)

    look(app.main)
    return "\n".join(found)


def test_without_results_the_page_says_so_and_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KELVIN_EVIDENCE", str(tmp_path))
    app = open_page()
    assert app.info[0].value == t("evidence.none")
    assert "python -m engine study run all" in app.code[0].value
    assert not app.get("plotly_chart")


def test_the_page_shows_map_answer_and_the_studies_that_have_results(results: Path) -> None:
    app = open_page()
    labels = [one.label.strip("*") for one in app.expander]
    assert [shipped(name).title for name in MADE] == [one for one in labels if one in TITLES]
    assert len(app.get("plotly_chart")) == 2, "studies are drawn when they are opened"
    said = " ".join(one.value for one in app.markdown)
    assert "{" not in said
    slope = str(evidence.found().results[0].facts.slope("bowl", "spsa", least=100))
    assert slope.split(" ")[0].replace(".", "\\.").replace("-", "\\-") in said
    assert plain_missing() in said, "of studies without results"
    assert app.main.caption[-1].value.startswith("No results yet: agreement")


TITLES = {shipped(name).title for name in names()}


def plain_missing() -> str:
    from app.text import plain

    return plain(t("evidence.missing"))


def test_a_study_that_is_chosen_opens_with_question_figure_verdict_and_data(results: Path) -> None:
    app = open_page()
    app.selectbox(key="evidence-study").select("lm").run()
    assert not app.exception, app.exception
    study = shipped("lm")
    said = words(app)
    for text in (study.question, study.claim, study.overturn, study.source.url, *study.notes):
        assert text.replace("&", "&amp;") in said
    assert "python -m engine study run lm --size small" in app.code[0].value
    assert len(app.get("plotly_chart")) == 4, "the map, its profile, costs and losses"
    downloads = {one.proto.label for one in app.get("download_button")}
    assert downloads == {t(f"evidence.data-{table}") for table in tables.TABLES}


def test_every_study_is_drawn_in_every_currency(results: Path) -> None:
    app = open_page()
    for name in MADE:
        app.session_state[f"study-{name}"] = True
    for currency in CURRENCIES:
        for variant in evidence.VARIANTS:
            app.segmented_control(key="evidence-currency").set_value(currency)
            app.segmented_control(key="evidence-variant").set_value(variant).run()
            assert not app.exception, app.exception


def test_run_it_here_opens_the_study_race_in_explore(results: Path) -> None:
    app = open_page()
    app.selectbox(key="evidence-study").select("lm").run()
    app.button(key="run lm").click().run()
    assert not app.exception, app.exception
    assert app.session_state["experiment"] == from_flat(shipped("lm").live)
    assert app.session_state["opened_by_link"]


@pytest.mark.parametrize("name", names())
def test_every_study_has_a_race_that_opens(name: str) -> None:
    live = shipped(name).live
    assert live
    experiment, complaint = link.read_link(live)
    assert complaint is None
    assert link.write_link(experiment)


def test_the_map_shows_the_rows_of_the_report(results: Path) -> None:
    shown = evidence.found().results
    for currency in CURRENCIES:
        cells = evidence.cells(shown, currency, "tuned")
        figure = evidence_figures.the_map(cells)
        assert evidence_figures.rows_of(cells) == ["few weights", "many weights"]
        heat, hatch, dots, points = figure.data
        for i, situation in enumerate(evidence_figures.rows_of(cells)):
            for j, column in enumerate(COLUMNS):
                cell = next(
                    (c for c in cells if (c.situation, c.column) == (situation, column)), None
                )
                shown_factor = heat.z[2 * i + 1][j]
                if cell is None or not math.isfinite(cell.factor):
                    assert shown_factor is None
                else:
                    assert 10**shown_factor == pytest.approx(cell.factor)
        assert len(points.x) == len(cells)
        assert [list(one) for one in points.customdata] == [
            [c.study, c.case, c.lane] for c in cells
        ]
        wins = [c for c in cells if c.factor == 1 and c.column != "gradient"]
        assert len(dots.x) == len(wins)
        assert len(hatch.x) == 2 * len({c.situation for c in cells if c.told_apart is False})
        blank = [c for c in cells if math.isinf(c.factor)]
        assert blank, "annealing never reaches a target"
        assert len(figure.layout.shapes) == len(blank)
        texts = [one.text for one in figure.layout.annotations]
        assert sum(t("evidence.not-reached") in text for text in texts) == len(blank)
        assert all(one.font.size >= 11 for one in figure.layout.annotations)


def test_the_profile_counts_the_cells_of_the_map(results: Path) -> None:
    shown = evidence.cells(evidence.found().results, "evaluations", "tuned")
    solved = {cell.situation for cell in shown if math.isfinite(cell.factor)}
    traces = evidence_figures.profile(shown).data
    assert len(traces) == len({cell.column for cell in shown if cell.situation in solved})
    for trace, column in zip(traces, evidence_figures.columns_of(shown), strict=True):
        own = [c.factor for c in shown if c.column == column and c.situation in solved]
        for place in (0, 60, -1):
            near = [factor <= trace.x[place] * (1 + 1e-9) for factor in own]
            assert trace.y[place] == pytest.approx(100 * sum(near) / len(near))
    assert max(trace.y[0] for trace in traces) > 0, "somebody is the best"


def test_a_click_on_a_cell_means_its_study(results: Path) -> None:
    cells = evidence.cells(evidence.found().results, "rounds", "tuned")
    points = evidence_figures.the_map(cells).data[3]
    assert points.hovertext
    for cell, custom in zip(cells, points.customdata, strict=True):
        assert evidence.clicked({"points": [{"customdata": custom}]}, None) == cell.study
    assert evidence.clicked({"points": []}, None) is None
    assert evidence.clicked({"points": []}, "lm") == "lm", "the same cell again"


@pytest.mark.parametrize("dark", [False, True])
def test_texts_on_the_map_can_be_read_and_lightness_orders_it(dark: bool) -> None:
    on = evidence_figures.paper(dark)
    factors = [10 ** (i / 20) for i in range(70)]
    colours = [evidence_figures.colour_of(one, on) for one in factors]
    for colour in colours:
        assert contrast(evidence_figures.text_on(colour), colour) >= 4.5
    lightness = [contrast("#000000", colour) for colour in colours]
    assert lightness == sorted(lightness, reverse=dark)
    assert contrast(colours[0], colours[-1]) > 4.5
    assert contrast(on.ink, on.blank) >= 4.5
    ground = "#161412" if dark else "#fbfaf7"
    assert contrast(on.muted, ground) >= 4.5


@pytest.mark.parametrize(
    ("factor", "shown"),
    [(1, "1×"), (1.004, "1×"), (2.44, "2.4×"), (59.2, "59×"), (99.9, "99.9×"), (1234.5, "1,230×")],
)
def test_factors_are_rounded(factor: float, shown: str) -> None:
    assert evidence_figures.times(factor) == shown


def test_dots_show_values_and_intervals_of_the_summary(results: Path) -> None:
    one = next(r for r in evidence.found().results if r.study.id == "lm")
    panel = next(p for p in evidence.panels(one, "evaluations", "tuned") if "loss" in p.id)
    rows = [row for row in one.report.summary if row["metric"] == "loss"]
    for trace, variant in zip(panel.figure.data, ("default", "tuned"), strict=True):
        own = {one.lanes[r["lane"]].title: r for r in rows if r["variant"] == variant}
        assert len(trace.x) == len(own)
        for x, low, high, text in zip(
            trace.x, trace.error_x.arrayminus, trace.error_x.array, trace.hovertext, strict=True
        ):
            row = own[re.findall("<b>(.*?)</b>", text)[0]]
            assert x == row["value"]
            assert x - low == pytest.approx(row["low"])
            assert x + high == pytest.approx(row["high"])


def test_rows_say_how_many_runs_reached_the_target() -> None:
    def point(name: str, tuned: bool, reached: int) -> Point:
        value = 3.0 if reached else math.inf
        return Point(name, "outputs", False, tuned, value, 2.0, math.inf, reached, 5)

    points = [
        *(point("all", tuned, 5) for tuned in (False, True)),
        *(point("none", tuned, 0) for tuned in (False, True)),
        *(point("some", tuned, int(tuned)) for tuned in (False, True)),
    ]
    figure = evidence_figures.dots(points, log=True, share=False)
    texts = [one.text for one in figure.layout.annotations]
    assert texts[0] == "all"
    assert "0 of 5 runs" in texts[1]
    assert texts[1].count("of") == 1
    assert "default: 0 of 5 runs, tuned: 1 of 5 runs" in texts[2]
    assert [len(trace.x) for trace in figure.data] == [1, 2]
    assert all(math.isfinite(one) for trace in figure.data for one in trace.error_x.array)


def test_costs_over_a_size_are_lines_and_missed_targets_are_marked(results: Path) -> None:
    one = next(r for r in evidence.found().results if r.study.id == "dimension")
    made = {p.id: p for p in evidence.panels(one, "evaluations", "tuned")}
    assert list(made) == ["bowl-evaluations", "features-evaluations", "width-evaluations"]
    figure = made["bowl-evaluations"].figure
    spsa = next(trace for trace in figure.data if trace.name == "SPSA")
    rows = {
        row["along"]: row["value"]
        for row in one.report.summary
        if (row["lane"], row["variant"], row["metric"], row["target"])
        == ("spsa", "tuned", "evaluations", 1)
        and row["case"].startswith("bowl/")
    }
    samples = {r["along"]: r["samples"] for r in one.report.runs if r["case"].startswith("bowl/")}
    assert list(spsa.x) == sorted(rows)
    # a query is a look at all samples
    assert list(spsa.y) == pytest.approx([rows[x] / samples[x] for x in spsa.x])
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    lost = [trace for trace in figure.data if trace.marker.symbol == "triangle-up-open"]
    assert lost, "annealing never reaches the target"


def test_tables_say_what_their_intervals_are(results: Path) -> None:
    for one in evidence.found().results:
        for panel in evidence.panels(one, "evaluations", "tuned"):
            assert re.search("bootstrap-t|delta method|BCa|lowest and highest", panel.table)
            if one.study.id == "span":
                assert (t("evidence.control") in panel.table) == panel.id.endswith("accuracy")


def test_results_that_do_not_fit_are_named_and_the_others_shown(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    shutil.copytree(made / "lm", tmp_path / "lm")
    shutil.copytree(made / "lm", tmp_path / "mezo")
    monkeypatch.setenv("KELVIN_EVIDENCE", str(tmp_path))
    app = open_page()
    assert "mezo: these results do not fit" in app.warning[0].value.replace("\\", "")
    assert shipped("lm").title in [one.label.strip("*") for one in app.expander]


def test_new_tables_are_read_again(made: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(made / "lm", tmp_path / "lm")
    first = evidence.found(tmp_path, ["lm"]).results[0]
    assert evidence.found(tmp_path, ["lm"]).results[0] is first
    made_up_studies.write(shipped("lm"), tmp_path / "lm", tmp_path / "rows", seeds=3)
    assert evidence.found(tmp_path, ["lm"]).results[0].report.seeds == "3"


def test_one_file_holds_map_studies_and_plotly_once(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "evidence.html"
    done = CliRunner().invoke(evidence.command, ["all", "--results", str(made), "--out", str(out)])
    assert done.exit_code == 0, done.output
    text = out.read_text("utf-8")
    assert text.count("plotly.js v") == 1
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=", text)
    for name in MADE:
        assert f'id="study-{name}"' in text
    drawn = json.loads(re.findall(r'id="figures">(.*?)</script>', text, re.DOTALL)[0])
    asked = set(re.findall(r'data-figure="([^"]+)"', text))
    maps = {f"map {c} {v}" for c in CURRENCIES for v in evidence.VARIANTS}
    assert asked | maps == set(drawn)
    assert all(len(both) == 2 for both in drawn.values())


@pytest.mark.parametrize("name", ["lm", "all"])
def test_a_file_without_results_is_refused(name: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        evidence.command, [name, "--results", str(tmp_path), "--out", str(tmp_path / "x.html")]
    )
    assert isinstance(done.exception, BadInput)
    assert not (tmp_path / "x.html").exists()


def test_the_answer_can_be_computed_from_every_study_it_names(made: Path) -> None:
    places = re.findall(r"\{([a-z-]+):", t("evidence.answer"))
    assert set(places) <= set(names())
