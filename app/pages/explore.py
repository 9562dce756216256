"""The explorer: choose a dataset, a network and optimizers, and watch them race."""

import streamlit as st

from app import controls, link, present, presets, visit, widgets
from app.live.mount import live_view
from app.live.preload import FIRST_RECORDING
from app.text import plain, t
from engine.errors import BadInput
from engine.experiment.model import Experiment

if present.wanted(st.query_params.to_dict()):
    present.draw()
    st.stop()

there = link.page_of(st.query_params.to_dict())
elsewhere = there != link.EXPLORE
if (
    elsewhere
    and "experiment" not in st.session_state
    and not st.session_state.get(link.KEPT_BY[there])
):
    st.switch_page(there, query_params=st.query_params.to_dict())

widgets.enter()
if "experiment" not in st.session_state:
    # The first run of a session: the link sets what to show, and a link with an experiment starts
    # it at once.
    experiment, complaint = link.read_link({} if elsewhere else st.query_params.to_dict())
    st.session_state.experiment = experiment
    st.session_state.complaint = complaint
    st.session_state.view = link.view_of(st.query_params.to_dict())
    st.session_state.named = not elsewhere and link.names(st.query_params.to_dict())
    st.session_state.opened_by_link = (
        experiment != Experiment() and "recording" not in st.query_params
    )
    controls.load(experiment)
    if "recording" not in st.query_params and not complaint and visit.ASKED not in st.session_state:
        visit.follow(experiment)  # a question's race brings its question, as the first visit's does

if "opened" in st.session_state:
    st.session_state.complaint = controls.take_up(st.session_state.pop("opened"))
    visit.close()
went = visit.parameters(st.session_state.pop("went_to")) if "went_to" in st.session_state else None
if went is not None and link.page_of(went) == link.EXPLORE:
    experiment, st.session_state.complaint = link.read_link(went)
    st.session_state.view = link.view_of(went)
    st.session_state.went = st.session_state.get("went", 0) + 1
    visit.follow(experiment)
    controls.load(experiment)
if "seed_pressed" in st.session_state:
    controls.set_seed(st.session_state.pop("seed_pressed"))
if "points_drawn" in st.session_state:
    controls.set_points(**st.session_state.pop("points_drawn"))

with st.sidebar:
    st.caption(t("pages.explore-about"))
    preset = presets.draw()
    if preset is not None:
        st.session_state.view = {
            key: text for key, text in st.session_state.view.items() if key in ("x", "y")
        } | ({"panels": preset.panels} if preset.panels else {})
        visit.ask(preset)
        experiment = preset.experiment()
        if preset.page != link.EXPLORE:
            st.session_state.pop(link.KEPT_BY[preset.page], None)
            st.switch_page(preset.page, query_params=link.write_link(experiment))
        assert isinstance(experiment, Experiment)
        controls.load(experiment)
        st.session_state.starts = visit.now()
        st.session_state.complaint = None
    drawn = controls.draw()

unfit = None
try:
    st.session_state.experiment = Experiment.parse(drawn)
except BadInput as error:
    unfit = plain(str(error))

experiment = st.session_state.experiment
link.show(experiment, st.session_state.view, came=went is not None)
if unfit:  # shown for as long as it applies
    st.warning(unfit, icon=":material/info:")
elif st.session_state.complaint:
    widgets.notice(st.session_state.complaint, lambda: st.session_state.update(complaint=None))


def _new_seed() -> None:
    """Follow a new seed from the live view, which has already started the race: update the controls
    and the link.
    """
    st.session_state.seed_pressed = int(st.session_state.live.seed)
    st.session_state.complaint = None


def _new_view() -> None:
    """Follow a new arrangement of the panels: update the link."""
    st.session_state.view = dict(st.session_state.live.view or {})


def _opened() -> None:
    """Follow an opened recording: set the controls to its experiment."""
    st.session_state.opened = dict(st.session_state.live.opened)


def _went() -> None:
    """Follow the browser's back or forward: set the controls to the link."""
    if "live" in st.session_state:  # otherwise the page was left before it received the link
        st.session_state.went_to = st.session_state.live.went["address"]


def _asked() -> None:
    """Go on to another question."""
    presets.pick(str(st.session_state.live.asked))


def _new_points() -> None:
    """Follow training points drawn in the live view: update the controls and the link."""
    st.session_state.points_drawn = dict(st.session_state.live.points)
    st.session_state.complaint = None


named = st.session_state.view.get("recording")
usual = FIRST_RECORDING if experiment == Experiment() else None
live_view(
    experiment=experiment.to_json(),
    recording=named or usual,
    autostart=st.session_state.opened_by_link,
    on_seed=_new_seed,
    on_view=_new_view,
    on_points=_new_points,
    on_opened=_opened,
    on_closed=visit.close,
    on_went=_went,
    on_asked=_asked,
    about=visit.about(experiment),
    question=visit.question(link.EXPLORE),
    went=st.session_state.get("went", 0),
    view=st.session_state.view,
    starts=st.session_state.get("starts", 0),
    stepped=controls.step_asked(),
    named=st.session_state.named,
    usual=FIRST_RECORDING,
    key="live",
)
