"""The routes: problems in which an order or a choice is looked for, and every method can be
watched at it.
"""

import streamlit as st

from app import link, presets, route_controls, uploads, visit, widgets
from app.live.mount import live_view
from app.text import plain, t
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.errors import BadInput

FIRST_RECORDING = "routes"  # plays until the visitor presses Run

page = st.session_state.setdefault("routes", {})
there = link.page_of(st.query_params.to_dict())
elsewhere = bool({"dataset", "instance"} & {*st.query_params}) and there != link.ROUTES
if not page and elsewhere and "experiment" not in st.session_state:
    st.switch_page(there, query_params=st.query_params.to_dict())

widgets.enter("route ")
if not page:
    # The first run of a session: the link sets what to show, and a link with an experiment starts
    # it at once.
    page["experiment"], page["complaint"] = link.read_link(
        {} if elsewhere else st.query_params.to_dict(), route_controls.usual()
    )
    page["view"] = link.view_of(st.query_params.to_dict())
    page["named"] = not elsewhere and link.names(st.query_params.to_dict())
    page["starts by link"] = (
        page["experiment"] != route_controls.usual() and "recording" not in st.query_params
    )
    route_controls.load(page["experiment"])
    if "recording" not in st.query_params and visit.ASKED not in st.session_state:
        visit.follow(page["experiment"])

if "opened" in page:
    page["complaint"] = route_controls.take_up(page.pop("opened"))
    visit.close()
went = visit.parameters(page.pop("went_to")) if "went_to" in page else None
if went is not None and (not went or link.page_of(went) == link.ROUTES):
    page["experiment"], page["complaint"] = link.read_link(went, route_controls.usual())
    page["view"], page["went"] = link.view_of(went), page.get("went", 0) + 1
    visit.follow(page["experiment"])
    route_controls.load(page["experiment"])
if "seed" in page:
    widgets.put("seed", int(page.pop("seed")))
if "cities" in page:
    route_controls.take_cities(page.pop("cities"))

asked = presets.picked()
if asked is not None:
    visit.ask(asked)
    if asked.page != link.ROUTES:
        presets.pick(asked.id)
        st.switch_page(asked.page)
    page["experiment"], page["starts"] = asked.experiment(), visit.now()
    page["view"] = {"panels": asked.panels} if asked.panels else {}
    page["complaint"] = None
    route_controls.load(page["experiment"])

with st.sidebar:
    st.caption(t("pages.routes-about"))
    presets.draw()  # what is picked there was taken up above, in the next run
    drawn = route_controls.draw(page["experiment"])

unfit = None
try:
    page["experiment"] = CombinatorialExperiment.parse(drawn)
except BadInput as error:
    unfit = plain(str(error))
else:
    refused = route_controls.refusal(page["experiment"])
    unfit = None if refused is None else uploads.why(refused)
link.show(page["experiment"], page["view"], came=went is not None)
if unfit:  # shown for as long as it applies
    st.warning(unfit, icon=":material/info:")
elif page["complaint"]:
    widgets.notice(page["complaint"], lambda: page.update(complaint=None))


def _told(name: str) -> None:
    """Take over what the live view tells: a new seed, or cities changed on the map."""
    page[name] = getattr(st.session_state.route_view, name)
    page["complaint"] = None


def _new_view() -> None:
    """Follow a new arrangement of the panels: update the link."""
    page["view"] = dict(st.session_state.route_view.view or {})


def _went() -> None:
    """Follow the browser's back or forward: set the controls to the link."""
    if "route_view" in st.session_state:  # otherwise the page was left before it had the link
        page["went_to"] = st.session_state.route_view.went["address"]


def _asked() -> None:
    """Go on to another question."""
    presets.pick(str(st.session_state.route_view.asked))


def _opened() -> None:
    """Follow an opened recording: set the controls to its experiment."""
    page["opened"] = dict(st.session_state.route_view.opened)


named = page["view"].get("recording")
first = FIRST_RECORDING if page["experiment"] == route_controls.usual() else None
live_view(
    experiment=page["experiment"].to_json(),
    recording=named or first,
    autostart=page["starts by link"],
    layout="tour",
    on_seed=lambda: _told("seed"),
    on_cities=lambda: _told("cities"),
    on_view=_new_view,
    on_opened=_opened,
    on_closed=visit.close,
    on_went=_went,
    on_asked=_asked,
    about=visit.about(page["experiment"]),
    question=visit.question(link.ROUTES),
    went=page.get("went", 0),
    view=page["view"],
    starts=page.get("starts", 0),
    named=page["named"],
    usual=FIRST_RECORDING,
    instance=route_controls.preview(page["experiment"]),
    key="route_view",
)
