"""The landscapes: functions of two variables, where every step of every method can be seen."""

import streamlit as st

from app import controls, landscape_controls, link, presets, visit, widgets
from app.live.mount import live_view
from app.text import plain, t
from engine.errors import BadInput
from engine.experiment.model import Experiment

STEPS_PER_SECOND = 30

page = st.session_state.setdefault("landscapes", {})
there = link.page_of(st.query_params.to_dict())
elsewhere = bool({"dataset", "instance"} & {*st.query_params}) and there != link.LANDSCAPES
if not page and elsewhere and "experiment" not in st.session_state:
    st.switch_page(there, query_params=st.query_params.to_dict())

widgets.enter("landscape ")
if not page:
    # The first run of a session: the link sets what to show.
    page["experiment"], page["complaint"] = link.read_link(
        {} if elsewhere else st.query_params.to_dict(), landscape_controls.usual()
    )
    page["view"] = link.view_of(st.query_params.to_dict())
    page["named"] = not elsewhere and link.names(st.query_params.to_dict())
    controls.load(page["experiment"])
    if "recording" not in st.query_params and visit.ASKED not in st.session_state:
        visit.follow(page["experiment"])

if "opened" in page:
    page["complaint"] = controls.take_up(page.pop("opened"))
    visit.close()
went = visit.parameters(page.pop("went_to")) if "went_to" in page else None
if went is not None and (not went or link.page_of(went) == link.LANDSCAPES):
    page["experiment"], page["complaint"] = link.read_link(went, landscape_controls.usual())
    page["view"], page["went"] = link.view_of(went), page.get("went", 0) + 1
    visit.follow(page["experiment"])
    controls.load(page["experiment"])
if "pressed" in page:
    landscape_controls.take(**page.pop("pressed"))

asked = presets.picked()
if asked is not None:
    visit.ask(asked)
    if asked.page != link.LANDSCAPES:
        presets.pick(asked.id)
        st.switch_page(asked.page)
    page["experiment"], page["starts"] = asked.experiment(), visit.now()
    page["complaint"] = None
    controls.load(page["experiment"])

with st.sidebar:
    st.caption(t("pages.landscapes-about"))
    drawn, complaint = landscape_controls.draw(page["experiment"])

if complaint is None:
    try:
        page["experiment"] = Experiment.parse(drawn)
    except BadInput as error:
        complaint = plain(str(error))
link.show(page["experiment"], page["view"], came=went is not None)
if page["complaint"]:
    widgets.notice(page["complaint"], lambda: page.update(complaint=None))
elif complaint:
    st.warning(complaint, icon=":material/info:")


def _pressed(what: str) -> None:
    """Follow a choice made in the live view: update the controls and the link."""
    page["pressed"] = {what: getattr(st.session_state.landscape_view, what)}
    page["complaint"] = None


def _new_view() -> None:
    """Follow a new arrangement of the panels: update the link."""
    page["view"] = dict(st.session_state.landscape_view.view or {})


def _went() -> None:
    """Follow the browser's back or forward: set the controls to the link."""
    # otherwise the page was left before it received the link
    if "landscape_view" in st.session_state:
        page["went_to"] = st.session_state.landscape_view.went["address"]


def _asked() -> None:
    """Go on to another question."""
    presets.pick(str(st.session_state.landscape_view.asked))


def _opened() -> None:
    """Follow an opened recording: set the controls to its experiment."""
    page["opened"] = dict(st.session_state.landscape_view.opened)


live_view(
    experiment=page["experiment"].to_json(),
    recording=page["view"].get("recording"),
    autostart="recording" not in page["view"],
    layout="landscape",
    speed=STEPS_PER_SECOND,
    on_seed=lambda: _pressed("seed"),
    on_site=lambda: _pressed("site"),
    on_start=lambda: _pressed("start"),
    on_view=_new_view,
    on_opened=_opened,
    on_closed=visit.close,
    on_went=_went,
    on_asked=_asked,
    about=visit.about(page["experiment"]),
    question=visit.question(link.LANDSCAPES),
    unread=complaint is not None,
    went=page.get("went", 0),
    view=page["view"],
    starts=page.get("starts", 0),
    stepped=controls.step_asked(),
    named=page["named"],
    key="landscape_view",
)
