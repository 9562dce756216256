"""The routes: problems in which an order or a choice is looked for, and every method can be
watched at it.
"""

import streamlit as st

from app import controls, link, presets, route_controls, widgets
from app.live_page import LivePage
from app.text import t
from engine.combinatorial.experiment import CombinatorialExperiment

FIRST_RECORDING = "routes"  # plays until the visitor presses Run

page = LivePage(
    link.ROUTES,
    st.session_state.setdefault("routes", {}),
    "route_view",
    route_controls.usual,
    route_controls.load,
    route_controls.take_up,
)
page.enter("route ")
page.follow()
seed, cities = page.heard("seed"), page.heard("cities")
if seed is not None:
    widgets.put("seed", int(seed))
if cities is not None:
    route_controls.take_cities(cities)
page.answer()

with st.sidebar:
    st.caption(t("pages.routes-about"))
    presets.draw()
    drawn = route_controls.draw(page.experiment)

page.settle(CombinatorialExperiment.parse, drawn, refusal=route_controls.unraceable)
page.draw(
    layout="tour",
    recording=FIRST_RECORDING if page.experiment == route_controls.usual() else None,
    usual=FIRST_RECORDING,
    autostart=page.state["opened_by_link"],
    says=("seed", "cities"),
    stepped=controls.step_asked(),
    instance=route_controls.preview(page.experiment),
)
