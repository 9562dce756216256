"""The landscapes: functions of two variables, where every step of every method can be seen."""

import streamlit as st

from app import controls, landscape_controls, link
from app.live_page import LivePage
from app.text import t
from engine.experiment.model import Experiment

STEPS_PER_SECOND = 30

page = LivePage(
    link.LANDSCAPES,
    st.session_state.setdefault("landscapes", {}),
    "landscape_view",
    landscape_controls.usual,
    controls.load,
    controls.take_up,
)
page.enter("landscape ")
page.follow()
for name in ("seed", "site", "start"):
    pressed = page.heard(name)
    if pressed is not None:
        landscape_controls.take(**{name: pressed})
page.answer()

with st.sidebar:
    st.caption(t("pages.landscapes-about"))
    drawn, unfit = landscape_controls.draw(page.experiment)

page.settle(Experiment.parse, drawn, unfit)
page.draw(
    layout="landscape",
    recording=None,
    autostart="recording" not in page.view,
    says=("seed", "site", "start"),
    speed=STEPS_PER_SECOND,
    stepped=controls.step_asked(),
)
