"""The evidence: what studies with controls, several seeds and intervals say about learning without
gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from app import evidence, evidence_figures, link
from app.evidence import Results
from app.live.component import scroll
from app.text import plain, t
from engine.experiment.query_string import from_flat
from engine.studies.report import CURRENCIES
from engine.studies.tables import TABLES

# Streamlit would draw a docstring here.
OPENED = "evidence opened"  # session key of the study to scroll to, until the page has done so
SCROLLS = "scrolled"  # session key of how often the page scrolled to a study
LAST = "evidence last"  # session key of the study opened last from the map
CHART = {"displayModeBar": False, "responsive": True}


def _key(name: str) -> str:
    return f"study-{name}"


def _open(name: str) -> None:
    st.session_state[_key(name)] = True
    st.session_state[OPENED] = name


def _clicked(key: str) -> None:
    """Open the study of the cell that was clicked on one of the maps."""
    selection = st.session_state[key]["selection"]
    name = evidence.clicked(selection, st.session_state.get(LAST))
    if name:
        st.session_state[LAST] = name
        _open(name)


def _chosen() -> None:
    """Open the study that was chosen from the list."""
    name = st.session_state.get("evidence-study")
    if name:
        _open(name)


def _race(one: Results) -> None:
    """Open a study's race where races of its kind are shown."""
    experiment = from_flat(one.study.live)
    target = link.page_of(one.study.live)
    # The page starts as from a link: what it showed before would be kept otherwise.
    if target == link.LANDSCAPES:
        st.session_state.pop("landscapes", None)
    else:
        st.session_state.pop("experiment", None)
    st.switch_page(target, query_params=link.write_link(experiment))


def _table(place: Path, name: str) -> Callable[[], bytes]:
    return (place / f"{name}.parquet").read_bytes


def _figure(figure: Any, key: str, alt: str) -> None:
    st.plotly_chart(figure, key=key, theme=None, config=CHART, alt=alt)


def _study(one: Results, shown: tuple[Results, ...], currency: str, variant: str) -> None:
    name = one.study.id
    st.html(evidence.opening(one))
    for panel in evidence.panels(one, currency, variant, dark):
        st.markdown(f"**{plain(panel.heading)}**  \n{plain(panel.title)}")
        _figure(panel.figure, f"figure {name} {panel.id}", panel.alt)
        st.html(f'<p class="ke-note">{panel.note}</p>{panel.table}')
    st.html(evidence.closing(one, shown))
    with st.container(horizontal=True):
        if one.study.live and st.button(
            t("evidence.run"),
            key=f"run {name}",
            icon=":material/play_arrow:",
            type="primary",
            help=t("evidence.run-hint"),
        ):
            _race(one)
        for table in TABLES:
            if (one.place / f"{table}.parquet").exists():
                st.download_button(
                    t(f"evidence.data-{table}"),
                    _table(one.place, table),
                    file_name=f"{name}-{table}.parquet",
                    mime="application/vnd.apache.parquet",
                    key=f"data {name} {table}",
                    icon=":material/download:",
                    help=t("evidence.data-hint"),
                    on_click="ignore",
                )
    st.caption(t("evidence.command"))
    st.code(one.report.command, language="bash", wrap_lines=True)


st.html(evidence.STYLE)
dark = st.context.theme.type == "dark"
found = evidence.found()
with st.sidebar:
    st.caption(t("evidence.about"))
    with st.expander(t("evidence.protocol")):
        st.markdown(t("evidence.protocol-text"))

with st.container(key="evidence-title"):
    st.title(t("evidence.question"), anchor=False)
for line in found.broken:
    st.warning(plain(line), icon=":material/info:")
if not found.results:
    st.info(t("evidence.none"), icon=":material/info:")
    st.markdown(t("evidence.none-how"))
    st.code(evidence.RUN_ALL, language="bash", wrap_lines=True)
    st.markdown(t("evidence.none-where"))
    st.stop()

side, main = st.columns([1, 2], gap="medium")
with side:
    for part in evidence.answer(found.results):
        st.markdown(plain(part))
    titles = {one.study.id: one.study.title for one in found.results}
    st.selectbox(
        t("evidence.open"),
        list(titles),
        index=None,
        format_func=titles.__getitem__,
        placeholder=t("evidence.open-none"),
        key="evidence-study",
        on_change=_chosen,
    )
with main:
    with st.container(horizontal=True):
        currency = st.segmented_control(
            t("evidence.currency"),
            CURRENCIES,
            default=CURRENCIES[0],
            required=True,
            format_func=lambda one: t(f"evidence.currency-{one}"),
            key="evidence-currency",
        )
        variant = st.segmented_control(
            t("evidence.variant"),
            evidence.VARIANTS,
            default=evidence.VARIANTS[0],
            required=True,
            format_func=lambda one: t(f"evidence.variant-{one}"),
            key="evidence-variant",
        )
    cells = evidence.cells(found.results, currency, variant)
    if cells:
        st.plotly_chart(
            evidence_figures.the_map(cells, dark),
            key="evidence-map",
            theme=None,
            config=CHART,
            on_select=partial(_clicked, "evidence-map"),
            selection_mode="points",
            alt=t("evidence.map-alt"),
        )
        st.html(evidence.legend(dark))
        with st.expander(t("evidence.map-table")):
            st.html(evidence.map_table(cells))
        with st.expander(t("evidence.profile")):
            st.caption(t("evidence.profile-about"))
            _figure(
                evidence_figures.profile(cells, dark), "evidence-profile", t("evidence.profile-alt")
            )
    else:
        st.caption(t("evidence.map-empty"))
    # Evaluations of such problems are distances: lanes of other programs count none, so seconds
    tours = evidence.cells(found.results, "core_seconds", variant, combinatorial=True)
    if tours:
        st.subheader(t("evidence.map-combinatorial"), anchor=False)
        st.plotly_chart(
            evidence_figures.the_map(tours, dark),
            key="evidence-map-combinatorial",
            theme=None,
            config=CHART,
            on_select=partial(_clicked, "evidence-map-combinatorial"),
            selection_mode="points",
            alt=t("evidence.map-combinatorial-alt"),
        )
        with st.expander(t("evidence.map-table")):
            st.html(evidence.map_table(tours))

st.subheader(t("evidence.studies"), anchor=False)
for one in found.results:
    section = st.expander(
        f"**{plain(one.study.title)}**", key=_key(one.study.id), on_change="rerun"
    )
    if section.open:  # drawn only then: a page of all figures at once would be slow
        with section:
            _study(one, found.results, currency, variant)
if found.missing:
    st.caption(t("evidence.studies-missing", names=", ".join(found.missing)))

if OPENED in st.session_state:
    count = st.session_state[SCROLLS] = st.session_state.get(SCROLLS, 0) + 1
    scroll(f".st-key-{_key(st.session_state.pop(OPENED))}", count)
