"""The explorer: choose a dataset, a network and optimizers, and watch them race."""

import streamlit as st

from app import controls, link, present, presets
from app.live.preload import FIRST_RECORDING
from app.live_page import LivePage
from app.text import t
from engine.experiment.model import Experiment

if present.wanted(st.query_params.to_dict()):
    present.draw()
    st.stop()

page = LivePage(link.EXPLORE, st.session_state, "live", Experiment, controls.load, controls.take_up)
page.enter()
page.follow()
seed, points = page.heard("seed"), page.heard("points")
if seed is not None:
    controls.set_seed(int(seed))
if points is not None:
    controls.set_points(**points)
page.answer()

with st.sidebar:
    st.caption(t("pages.explore-about"))
    presets.draw()
    drawn = controls.draw()

page.settle(Experiment.parse, drawn)
page.draw(
    layout="network",
    recording=FIRST_RECORDING if page.experiment == Experiment() else None,
    usual=FIRST_RECORDING,
    autostart=st.session_state.opened_by_link,
    says=("seed", "points"),
    stepped=controls.step_asked(),
)
