"""The experiment in the page's address.

The address holds the experiment in the flat grammar of `engine.flat`, one query parameter per key, so it can be read, typed and shared. Parameters that belong to the page and
not to the experiment are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from engine.datasets.functions import Landscapes
from engine.errors import BadInput
from engine.experiment import Experiment
from engine.flat import from_flat, to_flat

PAGE_KEYS = frozenset({"embed", "embed_options", "present"})
"""Parameters of the page itself."""
EXPLORE, LANDSCAPES = "pages/explore.py", "pages/landscapes.py"
MAX_KEYS, MAX_TEXT = 80, 400


def read_link(parameters: Mapping[str, str], usual: Experiment | None = None) -> tuple[Experiment, str | None]:
    """The experiment an address names.

    Args:
        parameters: of the address.
        usual: what an address names that names nothing; None is the default experiment.

    Returns:
        The experiment, and None or a sentence saying why the usual one was taken instead.
    """
    usual = usual or Experiment()
    flat = {key: text for key, text in parameters.items() if key not in PAGE_KEYS}
    try:
        if not flat:
            return usual, None
        if len(flat) > MAX_KEYS:
            raise BadInput("address", f"{len(flat)} parameters", f"at most {MAX_KEYS}")
        for key, text in flat.items():
            if len(key) + len(text) > MAX_TEXT:
                raise BadInput(key[:40], text, f"at most {MAX_TEXT} characters")
        return from_flat({"dataset": usual.dataset.name, **flat}), None
    except BadInput as error:
        return usual, f"This address does not name an experiment Kelvin can run, so here is the usual one. {error}"


def page_of(parameters: Mapping[str, str]) -> str:
    """The page an address belongs on, whatever page it was typed at."""
    return LANDSCAPES if parameters.get("dataset") == Landscapes.name else EXPLORE


def write_link(experiment: Experiment) -> dict[str, str]:
    """The query parameters that name an experiment."""
    return to_flat(experiment)


def show(experiment: Experiment) -> None:
    """Put the experiment into the page's address, leaving the page's own parameters alone."""
    wanted = write_link(experiment) | {key: text for key, text in st.query_params.to_dict().items() if key in PAGE_KEYS}
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)
