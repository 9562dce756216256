"""The explorer: pick a dataset, a network and optimizers; watch them race."""

import streamlit as st

from app import controls, link
from app.live.mount import live_view
from engine.errors import BadInput
from engine.experiment import Experiment

RECORDING = "first-screen"

elsewhere = link.page_of(st.query_params.to_dict()) != link.EXPLORE
if elsewhere and "experiment" not in st.session_state and not st.session_state.get("landscapes"):
    st.switch_page(link.LANDSCAPES, query_params=st.query_params.to_dict())

controls.enter()
if "experiment" not in st.session_state:
    # The first run of a session: the address says what to show, and an address that says something is run at once.
    experiment, complaint = link.read_link({} if elsewhere else st.query_params.to_dict())
    st.session_state.experiment = experiment
    st.session_state.complaint = complaint
    st.session_state.opened_by_link = complaint is None and experiment != Experiment()
    controls.load(experiment)

if "seed_pressed" in st.session_state:
    controls.set_seed(st.session_state.pop("seed_pressed"))

with st.sidebar:
    st.caption("Neural networks, trained without gradients, live. Every lane starts from the same weights and may spend the same budget.")
    drawn = controls.draw()

complaint = st.session_state.complaint
try:
    st.session_state.experiment = Experiment.parse(drawn)
except BadInput as error:
    complaint = str(error)

experiment = st.session_state.experiment
link.show(experiment)
if complaint:
    st.warning(complaint, icon=":material/info:")


def _new_seed() -> None:
    """New seed was pressed in the live view, which has started the race already; the controls and the address follow."""
    st.session_state.seed_pressed = int(st.session_state.live.seed)
    st.session_state.complaint = None


live_view(
    experiment=experiment.to_json(),
    recording=RECORDING if experiment == Experiment() else None,
    autostart=st.session_state.opened_by_link,
    on_seed=_new_seed,
    key="live",
)
