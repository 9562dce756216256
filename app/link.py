"""The experiment in the page's address.

The address holds the experiment in the flat grammar of `engine.flat`, one query parameter per key,
so it can be read, typed and shared. Parameters that belong to the page and not to the experiment
are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.allowance import within
from app.text import t
from app.uploads import why
from engine.datasets.drawn import CHARACTERS, MOST_POINTS
from engine.datasets.functions import Landscapes
from engine.errors import BadInput
from engine.experiment import Experiment
from engine.flat import from_flat, to_flat

VIEW_KEYS = ("panels", "large", "x", "y")
"""Parameters of the live view: the panels seen and their order, the one enlarged, the currency of
all time axes, loss or accuracy."""
MOMENT_KEYS = ("recording", "at")
"""A recorded race instead of one's own, and the moment of it, as a share of the budget."""
PAGE_KEYS = frozenset(
    {"embed", "embed_options", "present", "kiosk", "playlist", "first", *VIEW_KEYS, *MOMENT_KEYS}
)
"""Parameters of the page itself."""
EXPLORE, LANDSCAPES = "pages/explore.py", "pages/landscapes.py"
MAX_KEYS, MAX_TEXT = 80, 400
SHOWN = "address shown"
"""Session key of what the address was last made to say."""
LONGER = {"dataset.points": CHARACTERS * MOST_POINTS + 100}
"""Keys that may be longer: points drawn by hand."""


def read_link(
    parameters: Mapping[str, str], usual: Experiment | None = None
) -> tuple[Experiment, str | None]:
    """The experiment an address names.

    Args:
        parameters: of the address.
        usual: what an address names that names nothing; None is the default experiment.

    Returns:
        The experiment, and None or a sentence saying why it is another one.
    """
    usual = usual or Experiment()
    flat = {key: text for key, text in parameters.items() if key not in PAGE_KEYS}
    try:
        if not flat:
            return usual, None
        if len(flat) > MAX_KEYS:
            raise BadInput(
                "address", t("pages.parameters", count=len(flat)), t("pages.at-most", most=MAX_KEYS)
            )
        for key, text in flat.items():
            if len(key) + len(text) > LONGER.get(key, MAX_TEXT):
                raise BadInput(
                    key[:40], text, t("pages.at-most-characters", most=LONGER.get(key, MAX_TEXT))
                )
        return within(from_flat({"dataset": usual.dataset.name, **flat}))
    except BadInput as error:
        return usual, t("pages.bad-address", why=why(error))


def page_of(parameters: Mapping[str, str]) -> str:
    """The page an address belongs on, whatever page it was typed at."""
    return LANDSCAPES if parameters.get("dataset") == Landscapes.name else EXPLORE


def write_link(experiment: Experiment) -> dict[str, str]:
    """The query parameters that name an experiment."""
    return to_flat(experiment)


def view_of(parameters: Mapping[str, str]) -> dict[str, str]:
    """What an address says of the live view and of the moment it shows."""
    return {
        key: parameters[key][:MAX_TEXT] for key in (*VIEW_KEYS, *MOMENT_KEYS) if key in parameters
    }


def show(experiment: Experiment, view: Mapping[str, str] | None = None, came: bool = False) -> None:
    """Put the experiment into the page's address, leaving the page's own parameters alone.

    Args:
        experiment: what the controls name.
        view: what the address is to say of the live view; None leaves that as it is.
        came: whether the experiment came from the address, which then stays as it is: to write it
            again would bar the way further back.
    """
    ours = (*VIEW_KEYS, *MOMENT_KEYS)
    kept = {
        key: text
        for key, text in st.query_params.to_dict().items()
        if key in PAGE_KEYS and not (view is not None and key in ours)
    }
    wanted = (
        write_link(experiment)
        | kept
        | {key: text for key, text in (view or {}).items() if key in ours}
    )
    there = st.query_params.to_dict()
    # What was written once is not written again over another address: the visitor has gone back,
    # and the page is about to follow.
    if (
        not came
        and there != wanted
        and (wanted != st.session_state.get(SHOWN) or not set(there) - PAGE_KEYS)
    ):
        st.query_params.from_dict(wanted)
    st.session_state[SHOWN] = wanted
