"""What every page with a live view does: it takes its experiment from a link, a question, a
recording, the browser's back and forward or its controls, and hands it to the view.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Literal

import streamlit as st

from app import link, presets, visit, widgets
from app.experiments import AnyExperiment
from app.live.mount import live_view
from app.text import plain
from engine.errors import BadInput

AXES = ("x", "y")
"""What a question leaves of a view: the axes that a visitor chose."""


class LivePage:
    """A page with a live view, in one run of its script.

    Args:
        address: the page's file, as `link` names it.
        state: what the session keeps of it.
        component: key of the live view.
        usual: returns the experiment of a page that no link names one for.
        load: sets every control to an experiment.
        take_up: the same for a recording's, given as JSON values; returns what cannot be raced
            here, as a sentence, or None.
    """

    def __init__(
        self,
        address: str,
        state: MutableMapping[Any, Any],
        component: str,
        usual: Callable[[], AnyExperiment],
        load: Callable[[Any], None],
        take_up: Callable[[Mapping[str, Any]], str | None],
    ) -> None:
        self.address, self.state, self.component = address, state, component
        self.usual, self.load, self.take_up = usual, load, take_up
        self.came = self.unread = False

    @property
    def experiment(self) -> Any:
        """The experiment that the page stands for."""
        return self.state["experiment"]

    @property
    def view(self) -> dict[str, str]:
        """The link's parameters of the view."""
        view: dict[str, str] = self.state["view"]
        return view

    def enter(self, scope: str = "") -> None:
        """Begin: with the link where the session's first run of the page is; on the page of the
        link where it is for another one that was not there either.
        """
        parameters = st.query_params.to_dict()
        there = link.page_of(parameters)
        named = bool({"dataset", "instance"} & {*parameters})
        elsewhere = named and there != self.address
        first = "experiment" not in self.state
        if first and elsewhere and not link.kept(there):
            st.switch_page(there, query_params=parameters)
        widgets.enter(scope)
        if not first:
            return
        given = {} if elsewhere else parameters
        experiment, complaint = link.read_link(given, self.usual())
        recorded = "recording" in parameters
        self.state["experiment"], self.state["complaint"] = experiment, complaint
        self.state["view"] = link.view_of(parameters)
        self.state["named"] = not elsewhere and link.names(parameters)
        self.state["opened_by_link"] = experiment != self.usual() and not recorded
        self.load(experiment)
        if not recorded and not complaint:
            visit.follow(experiment, self.state)  # a question's race brings its question

    def follow(self) -> None:
        """Take up the recording that was opened, and where the visitor went back or forward."""
        if "opened" in self.state:
            self.state["complaint"] = self.take_up(self.state.pop("opened"))
            visit.close(self.state)
        if "went_to" not in self.state:
            return
        went = visit.parameters(self.state.pop("went_to"))
        self.came = not went or link.page_of(went) == self.address
        if self.came:
            self.state["experiment"], self.state["complaint"] = link.read_link(went, self.usual())
            self.state["view"] = link.view_of(went)
            self.state["went"] = self.state.get("went", 0) + 1
            visit.follow(self.experiment, self.state)
            self.load(self.experiment)

    def answer(self) -> None:
        """Start the race of the question that was chosen, here or on its own page."""
        asked = presets.picked()
        if asked is None:
            return
        if asked.page != self.address:
            presets.pick(asked.id)
            st.switch_page(asked.page)
        visit.ask(asked, self.state)
        self.state["experiment"], self.state["starts"] = asked.experiment(), visit.now()
        axes = {name: text for name, text in self.view.items() if name in AXES}
        self.state["view"] = axes | ({"panels": asked.panels} if asked.panels else {})
        self.state["complaint"] = None
        self.load(self.experiment)

    def settle(
        self,
        parse: Callable[[Any], AnyExperiment],
        drawn: Mapping[str, Any],
        unfit: str | None = None,
        refusal: Callable[[Any], str | None] = lambda experiment: None,
    ) -> None:
        """Take the experiment of the controls, write its link, and say what is wrong.

        Args:
            parse: reads an experiment.
            drawn: JSON values of the controls.
            unfit: why they cannot be read, if that is known already.
            refusal: says why an experiment cannot be raced here.
        """
        self.unread = unfit is not None
        if unfit is None:
            try:
                self.state["experiment"] = parse(drawn)
            except BadInput as error:
                unfit = plain(str(error))
            else:
                unfit = refusal(self.experiment)
        link.show(self.experiment, self.view, came=self.came)
        if unfit:  # shown for as long as it applies
            st.warning(unfit, icon=":material/info:")
        elif self.state["complaint"]:
            widgets.notice(
                self.state["complaint"], lambda: self.state.__setitem__("complaint", None)
            )

    def told(self, name: str) -> Callable[[], None]:
        """Return a callback that keeps what the live view says under a name until the next run."""

        def keep() -> None:
            # otherwise the page was left before the view had its link
            if self.component in st.session_state:
                self.state[f"told {name}"] = getattr(st.session_state[self.component], name)
                self.state["complaint"] = None

        return keep

    def heard(self, name: str) -> Any:
        """Return what the live view has said under a name, once; None if nothing."""
        return self.state.pop(f"told {name}", None)

    def draw(
        self,
        *,
        layout: Literal["network", "landscape", "tour"],
        recording: str | None,
        autostart: bool,
        says: tuple[str, ...] = (),
        **more: Any,
    ) -> None:
        """Draw the live view.

        Args:
            layout: its panels.
            recording: the one that plays until a race is run, if the link names none.
            autostart: whether a page that has no race yet starts this one.
            says: what else it may say, to be heard in the next run.
            more: see `live_view`.
        """
        live_view(
            experiment=self.experiment.to_json(),
            recording=self.view.get("recording") or recording,
            autostart=autostart,
            layout=layout,
            hears={
                "view": self._arranged,
                "opened": self._opened,
                "closed": lambda: visit.close(self.state),
                "went": self._went,
                "asked": self._asked,
                **{name: self.told(name) for name in says},
            },
            about=visit.about(self.experiment),
            question=visit.question(self.address, self.state),
            unread=self.unread,
            went=self.state.get("went", 0),
            view=self.view,
            starts=self.state.get("starts", 0),
            named=self.state["named"],
            key=self.component,
            **more,
        )

    def _said(self, name: str) -> Any:
        return getattr(st.session_state[self.component], name)

    def _arranged(self) -> None:
        """Follow a new arrangement of the panels: update the link."""
        self.state["view"] = dict(self._said("view") or {})

    def _opened(self) -> None:
        """Follow an opened recording: set the controls to its experiment."""
        self.state["opened"] = dict(self._said("opened"))

    def _went(self) -> None:
        """Follow the browser's back or forward: set the controls to the link."""
        if self.component in st.session_state:
            self.state["went_to"] = self._said("went")["address"]

    def _asked(self) -> None:
        """Go on to another question."""
        presets.pick(str(self._said("asked")))
