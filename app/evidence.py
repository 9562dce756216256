"""What the studies showed, for the page Evidence and as one HTML file.

    python -m app.evidence NAME|all [--out FILE.html] [--results DIR]

Page and file show the same map, figures and tables. No number is typed: all come from the tables of
the studies, in `engine/studies/results` or in the folder `KELVIN_EVIDENCE`.
"""

from __future__ import annotations

import html
import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import click
import plotly.graph_objects as go

from app import evidence_figures as figures
from app.evidence_figures import Point, percent
from app.text import LANGUAGE, t
from engine.errors import BadInput
from engine.studies import report as reports
from engine.studies import study as studies
from engine.studies import tables
from engine.studies.report import COLUMNS, COMBINATORIAL, CURRENCIES, Cell, Report
from engine.studies.study import Case, Lane
from engine.studies.verdict import GAP, PLACE, SHARES, Facts, filled, number
from engine.system import settings

SITUATIONS = (
    "few weights",
    "reference",
    "many weights",
    "many weights, pictures",
    "pre-trained",
    "batches of two",
    "wrong labels",
    "no derivative",
    "only errors are counted",
    "rugged, few numbers",
)
"""Order of the map's rows; others come last."""
VARIANTS = ("tuned", "default")
RUN_ALL = "python -m engine study run all --jobs 2"
LOGARITHMIC = ("loss", "residual", "rank", "cosine", "distance")
"""Ends of the names of scores that are drawn on a logarithmic axis."""
STYLE, SCRIPT = (Path(__file__).with_suffix(suffix) for suffix in (".css", ".js"))
_QUOTED = re.compile(r"'([a-z_]+)'")


# Where the tables are


def place_of(name: str, folder: Path | None = None) -> Path | None:
    """Return the folder of a study's tables; None if it has no results.

    Args:
        name: of the study.
        folder: results of all studies, as `study run --out` writes them; None is what
            ``KELVIN_EVIDENCE`` names, else what ships with Kelvin.
    """
    root = folder or settings.evidence()
    tried = [studies.SHIPPED / name] if root is None else [root / name / "tables", root / name]
    return next((one for one in tried if (one / "runs.parquet").exists()), None)


@dataclass(frozen=True)
class Found:
    """The studies with results, those without, and what is wrong with results."""

    results: tuple[Results, ...]
    missing: tuple[str, ...]
    broken: tuple[str, ...]


def found(folder: Path | None = None, names: Sequence[str] | None = None) -> Found:
    """Return what there is to show.

    Args:
        folder: as in `place_of`.
        names: of the studies; None is all.
    """
    results, missing, broken = [], [], []
    for name in studies.names() if names is None else names:
        place = place_of(name, folder)
        if place is None:
            missing.append(name)
            continue
        try:
            results.append(_results(name, place, _stamp(place)))
        except BadInput as error:
            broken.append(t("evidence.broken", study=name, why=str(error)))
    return Found(tuple(results), tuple(missing), tuple(broken))


def _stamp(place: Path) -> tuple[int, ...]:
    """Return when the tables were written, so that new ones are read again."""
    return tuple(
        path.stat().st_mtime_ns if (path := place / f"{name}.parquet").exists() else 0
        for name in tables.TABLES
    )


@lru_cache(maxsize=64)
def _results(name: str, place: Path, stamp: tuple[int, ...]) -> Results:
    return Results(reports.report(name, place), place)


class Results:
    """A study with its results, arranged for figures and tables.

    Args:
        report: the study, its rows and its verdict.
        place: the folder of its tables.
    """

    def __init__(self, report: Report, place: Path) -> None:
        self.report = report
        self.study = report.study
        self.place = place
        self.lanes = {lane.id: lane for lane in self.study.lane}
        self._rows: dict[tuple[str, str, str, str], dict[str, Any]] = {}
        for row in report.summary:  # the last target of a currency replaces the earlier ones
            self._rows[row["case"], row["lane"], row["variant"], row["metric"]] = row
        self._samples = {row["case"]: row["samples"] for row in report.runs}
        self._along = {row["case"]: row["along"] for row in report.runs}

    @cached_property
    def facts(self) -> Facts:
        """What formulas may ask these results."""
        return Facts(self.study, self.report.runs)

    @cached_property
    def metrics(self) -> list[str]:
        """The scores to show: the study's own, and those that its verdict speaks of."""
        said = " ".join(f"{rule.when} {rule.say}" for rule in self.study.verdict)
        names = [self.study.metric, *(one for one in _QUOTED.findall(said) if one in tables.SCORES)]
        return list(dict.fromkeys(names))

    def cases(self, case: Case) -> list[str]:
        """Return the names of a case's problems that have results: ``bowl/10``, ``bowl/100``."""
        return sorted(
            (name for name in self._along if name.split("/")[0] == case.id),
            key=lambda name: self._along[name],
        )

    def along(self, name: str) -> float:
        """Return the varied size of a problem."""
        return float(self._along[name])

    def point(
        self, case: Case, name: str, lane: Lane, metric: str, variant: str
    ) -> tuple[Point, dict[str, Any]] | None:
        """Return one value with its row of the summary; None if there is none.

        Args:
            case: of the problem.
            name: of the problem.
            lane: the method.
            metric: a currency (the cost until the last target) or a score.
            variant: "tuned" or "default"; of a ladder of budgets, "default" is the rung whose cost
                is stated.
        """
        if variant == "default" and (name, lane.id) in self.facts.variants and lane.ladder:
            variant = self.facts.rung(name, lane.id)
        row = self._rows.get((name, lane.id, variant, metric))
        if row is None:
            return None
        each = self._samples[name] if case.queries and metric == "evaluations" else 1
        value, low, high = (
            math.inf if row[end] is None else row[end] / each for end in ("value", "low", "high")
        )
        if math.isnan(value) or (math.isinf(value) and metric not in CURRENCIES):
            return None
        return (
            Point(
                lane.title,
                lane.sees,
                lane.control,
                variant == "tuned",
                value,
                low,
                high,
                row["reached"],
                row["n"],
                self.along(name),
            ),
            row,
        )

    def shown(self, case: Case, name: str, lane: Lane, metric: str, variant: str) -> Point | None:
        """Return the value of tuned settings where they are asked for and exist, else that of
        default ones.
        """
        for one in ("tuned", "default") if variant == "tuned" else ("default",):
            given = self.point(case, name, lane, metric, one)
            if given is not None:
                return given[0]
        return None


# The map


@lru_cache(maxsize=64)
def cells(
    shown: tuple[Results, ...], currency: str, variant: str, combinatorial: bool = False
) -> tuple[Cell, ...]:
    """Return the cells of the map of networks, or of that of combinatorial problems, in the order
    of its rows.
    """
    columns = COMBINATORIAL if combinatorial else COLUMNS
    made = reports.the_map([one.report for one in shown], currency, variant, columns)
    order = {name: i for i, name in enumerate(SITUATIONS)}
    return tuple(
        sorted(
            made,
            key=lambda cell: (
                order.get(cell.situation, len(order)),
                cell.situation,
                columns.index(cell.column),
            ),
        )
    )


def clicked(selection: Mapping[str, Any], last: str | None) -> str | None:
    """Return the study of the cell that was clicked.

    Args:
        selection: the chart's selected points, as Streamlit gives them.
        last: the study opened last: a second click on its cell takes the selection away, and means
            that study again.
    """
    points = [one for one in selection.get("points", ()) if one.get("customdata")]
    return str(points[-1]["customdata"][0]) if points else last


def map_table(shown: Sequence[Cell]) -> str:
    """Return the map as an HTML table."""
    unclear = figures.unclear(shown)
    columns = figures.columns_of(shown)
    head = "".join(f'<th scope="col">{_sees(column)}</th>' for column in columns)
    body = []
    for situation in figures.rows_of(shown):
        row = {cell.column: cell for cell in shown if cell.situation == situation}
        texts = [_cell_text(row.get(column), unclear) for column in columns]
        body.append(
            f'<tr><th scope="row">{html.escape(figures.heading(situation, shown))}</th>'
            + "".join(f"<td>{text}</td>" for text in texts)
            + "</tr>"
        )
    return _table(
        t("evidence.map"),
        f'<tr><th scope="col">{t("evidence.situation")}</th>{head}</tr>',
        body,
        caption=False,
    )


def _cell_text(cell: Cell | None, unclear: Sequence[Cell]) -> str:
    if cell is None:
        return t("evidence.not-tried")
    name = html.escape(cell.title)
    if not math.isfinite(cell.factor):
        return f"{name}<br>{t('evidence.not-reached')}"
    marks = [figures.times(cell.factor)]
    if cell.factor == 1:
        free = cell.column != figures.GRADIENT
        marks.append(t("evidence.cell-free" if free else "evidence.cell-best"))
    if cell in unclear:
        marks.append(t("evidence.cell-unclear"))
    return f"{name}<br>{', '.join(marks)}"


def legend(dark: bool | None = None) -> str:
    """Return the map's legend as HTML.

    Args:
        dark: the theme; None follows the reader's system.
    """
    bars = []
    for one in (False, True) if dark is None else (dark,):
        on = figures.paper(one)
        stops = ", ".join(f"{colour} {100 * place:.0f}%" for place, colour in on.factors)
        kind = "" if dark is not None else (" ke-dark" if one else " ke-light")
        bars.append(
            f'<span class="ke-bar{kind}" '
            f'style="background: linear-gradient(90deg, {stops})"></span>'
        )
    ends = "".join(f"<span>{figures.times(10.0**i)}</span>" for i in range(int(figures.FAR) + 1))
    return (
        '<div class="ke-legend">'
        f'<span class="ke-scale">{"".join(bars)}<span class="ke-ends">{ends}</span></span>'
        f"<span>{t('evidence.legend-factor')}</span>"
        f'<span><i class="ke-hatch"></i>{t("evidence.legend-unclear")}</span>'
        f'<span><i class="ke-blank"></i>{t("evidence.legend-blank")}</span>'
        f'<span><i class="ke-dot"></i>{t("evidence.legend-dot")}</span>'
        f"<span>{t('evidence.legend-empty')}</span></div>"
    )


# The answer


def answer(shown: Iterable[Results]) -> list[str]:
    """Return the paragraphs of the answer. A place ``{study: formula}`` gets its value from that
    study's tables, and a note where the study has no results.

    Raises:
        BadInput: a formula cannot be computed.
    """
    known = {one.study.id: one for one in shown}

    def value(match: re.Match[str]) -> str:
        name, _, formula = match[1].partition(":")
        if name.strip() not in known:
            return t("evidence.missing")
        return filled(f"{{{formula.strip()}}}", known[name.strip()].facts)

    return [PLACE.sub(value, part) for part in t("evidence.answer").split("\n\n")]


# One study


@dataclass(frozen=True)
class Panel:
    """One figure of a study, and its table.

    Attributes:
        id: unique in the study.
        heading: the problem.
        title: the quantity.
        figure: what is drawn.
        note: how to read it.
        table: the same values, as HTML.
    """

    id: str
    heading: str
    title: str
    figure: go.Figure
    note: str
    table: str

    @property
    def alt(self) -> str:
        """What the figure shows, for those who do not see it."""
        return t("evidence.figure-alt", title=self.title, case=self.heading)


def panels(one: Results, currency: str, variant: str, dark: bool = False) -> list[Panel]:
    """Return the figures of a study: costs over a varied size as lines, else values per method.

    Args:
        one: the study's results.
        currency: what costs are counted in.
        variant: settings drawn as lines, "tuned" or "default".
        dark: for the dark theme.
    """
    made = []
    for case in one.study.case:
        names = one.cases(case)
        if not names:
            continue
        varied = len(names) > 1
        quantities = ([currency] if case.targets else []) + (
            [] if varied and case.targets else one.metrics
        )
        for metric in quantities:
            panel = (_lines if varied else _dots)(one, case, names, metric, variant, dark)
            if panel is not None:
                made.append(panel)
    return made


def _share(metric: str) -> bool:
    return metric.endswith(SHARES) or metric == GAP


def _log(metric: str) -> bool:
    return metric in CURRENCIES or metric.endswith(LOGARITHMIC)


def _lines(
    one: Results, case: Case, names: Sequence[str], metric: str, variant: str, dark: bool
) -> Panel | None:
    points = [
        point
        for lane in one.study.lanes_of(case)
        for name in names
        if (point := one.shown(case, name, lane, metric, variant)) is not None
    ]
    if not points:
        return None
    title = quantity(case, metric)
    return Panel(
        f"{case.id}-{metric}",
        case.title,
        title,
        figures.lines(points, along(case), _log(metric), _share(metric), dark),
        t("evidence.curves", variant=t(f"evidence.{variant}")),
        _family_table(one, case, names, metric, title),
    )


def _dots(
    one: Results, case: Case, names: Sequence[str], metric: str, variant: str, dark: bool
) -> Panel | None:
    points = [
        given[0]
        for lane in one.study.lanes_of(case)
        for which in ("default", "tuned")
        if (given := one.point(case, names[0], lane, metric, which)) is not None
    ]
    if not points:
        return None
    title = quantity(case, metric)
    rows = _table_rows(one, case, names[0], metric)
    return Panel(
        f"{case.id}-{metric}",
        case.title,
        title,
        figures.dots(points, _log(metric), _share(metric), dark),
        t("evidence.rings"),
        _table(title, _head(), rows),
    )


def along(case: Case) -> str:
    """Return the title of the axis along which a case varies."""
    if case.along == "D":
        return t("evidence.along-D")
    return t("evidence.along-other", name=case.along.rpartition(".")[2])


def quantity(case: Case, metric: str) -> str:
    """Return what a value is, in words: "Evaluations until training loss ≤ 0.3"."""
    if metric not in CURRENCIES:
        return t("evidence.at-end", metric=t(f"evidence.metric-{metric}"))
    per_sample = case.queries and metric == "evaluations"
    return t(
        "evidence.queries-title" if per_sample else "evidence.cost-title",
        currency=t(f"evidence.currency-{metric}"),
        goal=figures.goal(case.targets[-1]),
    )


def _sees(name: str) -> str:
    return t(f"evidence.sees-{name.replace(' ', '-')}")


def _head() -> str:
    names = [
        t("evidence.column-method"),
        t("evidence.column-sees"),
        t("evidence.variant-default"),
        t("evidence.variant-tuned"),
        t("evidence.column-interval"),
        t("evidence.column-reached"),
        t("evidence.column-seeds"),
    ]
    return "<tr>" + "".join(f'<th scope="col">{name}</th>' for name in names) + "</tr>"


def _table_rows(one: Results, case: Case, name: str, metric: str) -> list[str]:
    """Return the rows of a problem's table, as HTML."""
    rows = []
    for lane in one.study.lanes_of(case):
        given = {
            which: one.point(case, name, lane, metric, which) for which in ("default", "tuned")
        }
        best = given["tuned"] or given["default"]
        if best is None:
            continue
        point, row = best
        label = html.escape(lane.title)
        if lane.control:
            label += f' <span class="ke-control">{t("evidence.control")}</span>'
        interval = "–"
        if math.isfinite(point.value):
            interval = (
                f"[{_value(point.low, metric)}, {_value(point.high, metric)}]"
                f"<br><small>{html.escape(row['interval'])}</small>"
            )
        cost = metric in CURRENCIES
        rows.append(
            f'<tr><th scope="row">{label}</th><td>{_sees(lane.sees)}</td>'
            + "".join(f"<td>{_given(given[which], metric)}</td>" for which in ("default", "tuned"))
            + f"<td>{interval}</td><td>{f'{point.reached}/{point.n}' if cost else '–'}</td>"
            + f"<td>{point.n}</td></tr>"
        )
    return rows


def _given(given: tuple[Point, Any] | None, metric: str) -> str:
    if given is None:
        return "–"
    if math.isinf(given[0].value):
        return t("evidence.not-reached")
    return _value(given[0].value, metric)


def _value(value: float, metric: str) -> str:
    return percent(value) if _share(metric) else number(value)


def _family_table(one: Results, case: Case, names: Sequence[str], metric: str, title: str) -> str:
    """Return the table of a varied problem's largest size, and those of all sizes to be opened."""

    def table(name: str) -> str:
        size = t("evidence.size-row", along=along(case), value=f"{one.along(name):,.0f}")
        return _table(f"{title}; {size}", _head(), _table_rows(one, case, name, metric))

    every = "".join(table(name) for name in names[:-1])
    return (
        table(names[-1]) + f'<details class="ke-more"><summary>'
        f"{t('evidence.all-sizes', count=len(names))}</summary>{every}</details>"
    )


def _table(title: str, head: str, rows: Sequence[str], caption: bool = True) -> str:
    """Return a table that scrolls by itself where the page is narrow."""
    name = html.escape(title)
    said = html.escape(t("evidence.scroll", title=title))
    return (
        f'<div class="ke-scroll" role="region" tabindex="0" aria-label="{said}"><table>'
        + (f"<caption>{name}</caption>" if caption else "")
        + f"<thead>{head}</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def opening(one: Results) -> str:
    """Return what stands above a study's figures, as HTML: question, claim, published values and
    verdict.
    """
    study = one.study
    link = (
        f'<a href="{html.escape(study.source.url, quote=True)}" target="_blank" '
        f'rel="noopener noreferrer">{html.escape(study.source.text)}</a>'
    )
    published = "".join(
        f"<li>{html.escape(entry.what)}: <b>{html.escape(entry.value)}</b>"
        + (f" ({html.escape(entry.setting)})" if entry.setting else "")
        + "</li>"
        for entry in study.published
    )
    return (
        f'<div class="ke"><p class="ke-question">{html.escape(study.question)}</p>'
        f"<p><b>{t('evidence.claim')}.</b> {html.escape(study.claim)}</p>"
        + (f"<p><b>{t('evidence.published')}</b></p><ul>{published}</ul>" if published else "")
        + f"<p><b>{t('evidence.source')}:</b> {link}</p>"
        f'<p class="ke-verdict"><b>{t("evidence.verdict")}.</b> '
        f"{html.escape(one.report.verdict)}</p></div>"
    )


def closing(one: Results, shown: tuple[Results, ...]) -> str:
    """Return what stands below a study's figures, as HTML: what would overturn its verdict, notes,
    machine, seeds and core minutes.
    """
    study, report = one.study, one.report
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in study.notes)
    machine = report.machine
    primary = study.primary
    titles = {case.id: case.title for case in study.case}
    name = reports.primary_metric(study)
    metric = t(f"evidence.{'currency' if name in CURRENCIES else 'metric'}-{name}")
    compared = t(
        "evidence.primary",
        lane=one.lanes[primary.lane].title,
        against=one.lanes[primary.against].title,
        case=titles[primary.case],
        metric=metric.lower(),
    )
    p = _adjusted(shown).get(study.id)
    if p is not None:
        compared += "; " + t("evidence.primary-p", p=number(p))
    facts = [
        t("evidence.seeds", seeds=report.seeds, size=report.runs[0]["size"]),
        t(
            "evidence.machine",
            processor=machine.get("processor", "?"),
            minutes=number(report.core_minutes),
        ),
        t(
            "evidence.versions",
            kelvin=machine.get("kelvin", "?"),
            torch=machine.get("torch", "?"),
        ),
        f"{compared}.",
    ]
    return (
        f'<div class="ke"><p><b>{t("evidence.overturn")}.</b> {html.escape(study.overturn)}</p>'
        + (f"<p><b>{t('evidence.notes')}</b></p><ul>{notes}</ul>" if notes else "")
        + f"<p><b>{t('evidence.measured')}</b></p><ul>"
        + "".join(f"<li>{html.escape(line)}</li>" for line in facts)
        + "</ul></div>"
    )


@lru_cache(maxsize=8)
def _adjusted(shown: tuple[Results, ...]) -> dict[str, float]:
    return reports.holm_of_primaries([one.report for one in shown])


# One HTML file

_PAGE = """<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
$style
</style>
</head>
<body class="ke-page">
<main>
<h1>$question</h1>
$body
</main>
<script>$plotly</script>
<script type="application/json" id="figures">$figures</script>
<script>
$script
</script>
</body>
</html>
"""


def page(shown: Found) -> str:
    """Return the map and all studies as one HTML file."""
    drawn: dict[str, tuple[Any, Any]] = {}
    parts = [f"<p>{html.escape(part)}</p>" for part in answer(shown.results)]
    parts += [f"<p>{html.escape(line)}</p>" for line in shown.broken]
    if not shown.results:
        parts = [f"<p>{html.escape(t('evidence.none'))}</p>"]
    maps = {
        (currency, variant): cells(shown.results, currency, variant)
        for currency in CURRENCIES
        for variant in VARIANTS
    }
    if any(maps.values()):
        parts.append(f"<h2>{t('evidence.map')}</h2>{_choices()}")
        height = figures.map_height(maps[CURRENCIES[0], VARIANTS[0]])
        parts.append(
            f'<div role="img" aria-label="{html.escape(t("evidence.map-alt"))}" data-map '
            f'data-figure="" style="height: {height}px"></div>{legend()}'
        )
        every = ""
        for (currency, variant), row in maps.items():
            drawn[f"map {currency} {variant}"] = _both(
                figures.the_map(row), figures.the_map(row, dark=True)
            )
            every += f'<div data-table="{currency} {variant}" hidden>{map_table(row)}</div>'
        parts.append(f"<details><summary>{t('evidence.map-table')}</summary>{every}</details>")
    if shown.results:
        parts.append(f"<h2>{t('evidence.studies')}</h2>")
    for one in shown.results:
        parts.append(_section(one, shown.results, drawn))
    if shown.missing and shown.results:
        names = html.escape(", ".join(shown.missing))
        parts.append(f"<p>{t('evidence.studies-missing', names=names)}</p>")
    parts.append(f"<h2>{t('evidence.protocol')}</h2><p>{t('evidence.protocol-text')}</p>")
    from plotly.offline import get_plotlyjs

    values = {
        "language": LANGUAGE,
        "title": t("evidence.report-title"),
        "style": STYLE.read_text("utf-8"),
        "question": t("evidence.question"),
        "body": "\n".join(parts),
        "plotly": get_plotlyjs().replace("</script", "<\\/script"),
        "figures": _json(drawn),
        "script": SCRIPT.read_text("utf-8"),
    }
    return re.sub(r"\$([a-z]+)", lambda match: values.get(match[1], match[0]), _PAGE)


def _choices() -> str:
    def select(label: str, names: Sequence[str], prefix: str) -> str:
        options = "".join(
            f'<option value="{name}">{t(f"evidence.{prefix}-{name}")}</option>' for name in names
        )
        return f"<label>{label} <select>{options}</select></label>"

    return (
        '<p class="ke-choices">'
        + select(t("evidence.currency"), CURRENCIES, "currency")
        + " "
        + select(t("evidence.variant"), VARIANTS, "variant")
        + "</p>"
    )


def _section(one: Results, shown: tuple[Results, ...], drawn: dict[str, tuple[Any, Any]]) -> str:
    """Return a study as a section to be opened, and put its figures among the drawn ones."""
    body = []
    light = panels(one, CURRENCIES[0], VARIANTS[0])
    dark = panels(one, CURRENCIES[0], VARIANTS[0], dark=True)
    for a, b in zip(light, dark, strict=True):
        name = f"{one.study.id} {a.id}"
        drawn[name] = _both(a.figure, b.figure)
        body.append(
            f"<h3>{html.escape(a.heading)}</h3><p>{html.escape(a.title)}</p>"
            f'<div role="img" aria-label="{html.escape(a.alt, quote=True)}" '
            f'data-figure="{name}" style="height: {a.figure.layout.height}px"></div>'
            f'<p class="ke-note">{html.escape(a.note)}</p>{a.table}'
        )
    return (
        f'<details class="ke-study" id="study-{one.study.id}"><summary><h3>'
        f"{html.escape(one.study.title)}</h3></summary>{opening(one)}{''.join(body)}"
        f"{closing(one, shown)}<p><b>{t('evidence.command')}</b> "
        f"<code>{html.escape(one.report.command)}</code></p></details>"
    )


def _both(light: go.Figure, dark: go.Figure) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return figures.as_json(light), figures.as_json(dark)


def _json(value: Any) -> str:
    """Return JSON that is safe inside a script tag."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=list).replace(
        "<", "\\u003c"
    )


@click.command()
@click.argument("name")
@click.option(
    "--out", type=click.Path(path_type=Path), help="The HTML file; evidence.html by default."
)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    help="Results written by `study run --out`, instead of those that ship.",
)
def command(name: str, out: Path | None, results: Path | None) -> None:
    """Write the results of a study, or of all, as one HTML file."""
    from engine.system.output_files import appearing

    if name != "all":
        studies.shipped(name)
    shown = found(results, None if name == "all" else [name])
    if not shown.results:
        for line in shown.broken:
            click.echo(line, err=True)
        where = str(results or settings.evidence() or studies.SHIPPED)
        raise BadInput("results", where, f"a folder with results of {name}")
    for line in shown.broken:
        click.echo(line, err=True)
    path = out or Path("evidence.html")
    text = page(shown)
    with appearing(path) as part:
        part.write_text(text, encoding="utf-8")
    click.echo(path)


def main() -> None:
    """Run the command. Bad input is one line, exit status 2."""
    try:
        command()
    except BadInput as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
