"""Widgets that keep their values while they are not drawn, and the widget for a field of the
engine.

No setting is written twice: range, step, help and label come from the pydantic field. Streamlit
forgets a widget that is not on the page; the visitor's values are kept here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from app.text import t
from engine.registry import Config, fields

Field = dict[str, Any]
KEPT = "kept"
"""Session key of all values set by the visitor, for widgets on the page and others: Streamlit
forgets a widget that is not on the page.
"""
DETAILS = "\n\n"
"""What stands between a notice and its details."""
AUTO = "auto"
"""The name of None in a slider over named steps."""
SCOPE = "scope"
"""Session key of the page with the controls: every page except the first has values of its own."""


def enter(scope: str = "") -> None:
    """Set the page with the controls. Call it before they are loaded or drawn."""
    st.session_state[SCOPE] = scope


def scoped(key: str) -> str:
    return f"{st.session_state.get(SCOPE, '')}{key}"


def kept() -> dict[str, Any]:
    """Return the values set by the visitor."""
    values: dict[str, Any] = st.session_state.setdefault(scoped(KEPT), {})
    return values


def current(key: str) -> Any:
    """Return a control's present value, also before it is drawn in this run; None if it is left to
    the method, or not set.
    """
    value = st.session_state.get(scoped(f"control {key}"), kept().get(key))
    return None if value == AUTO else value


def notice(sentence: str, closed: Callable[[], None]) -> None:
    """Show a sentence above the page, with a button that closes it and one that opens its details.

    Args:
        sentence: Markdown; after `DETAILS` more of it, which is folded.
        closed: called when the button is clicked.
    """
    line, _, details = sentence.partition(DETAILS)
    left, right = st.columns([8, 2] if details else [11, 1], vertical_alignment="center")
    left.warning(line, icon=":material/info:")
    with right, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        if details:
            with st.popover(t("pages.details"), key=scoped("notice details"), type="tertiary"):
                st.markdown(details)
        st.button(
            t("pages.close"),
            icon=":material/close:",
            key=scoped("close notice"),
            type="tertiary",
            on_click=closed,
        )


def put(key: str, value: Any) -> Any:
    """Set one control from outside, and return its value. Call it before the control is drawn."""
    kept()[key] = value
    st.session_state.pop(scoped(f"control {key}"), None)
    return value


def forget(key: str) -> None:
    """Reset a control to its default. Call it before the control is drawn."""
    kept().pop(key, None)
    st.session_state.pop(scoped(f"control {key}"), None)


def knobs(
    owner: str,
    cls: type[Config],
    leave_out: tuple[str, ...] = (),
    suggested: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Draw one control per field; the advanced ones folded."""
    described = [field for field in fields(cls) if field["name"] not in leave_out]
    described = [
        {**field, "default": (suggested or {}).get(field["name"], field["default"])}
        for field in described
    ]
    values = {
        field["name"]: _knob(owner, cls, field) for field in described if not field.get("advanced")
    }
    advanced = [field for field in described if field.get("advanced")]
    if advanced:
        with st.popover(t("controls.more-knobs"), width="stretch"):
            values |= {field["name"]: _knob(owner, cls, field) for field in advanced}
    return values


def _knob(owner: str, cls: type[Config], field: Field) -> Any:
    """Draw the control that fits a field."""
    key = f"{owner}.{cls.name}.{field['name']}"
    label = (
        t("controls.unit", label=field["label"], unit=field["unit"])
        if field.get("unit")
        else field["label"]
    )
    low, high, default = field.get("minimum"), field.get("maximum"), field["default"]
    if field.get("options"):
        return select(
            key,
            {option: str(option) for option in field["options"]},
            label,
            field["help"],
            default=default,
        )
    if field["type"] == "boolean":
        return bool(widget(st.toggle, key, label, default, field["help"]))
    if field.get("scale") == "log" and high is not None:
        steps = _log_steps(low or 0, high, field["type"] == "integer")
        return scale(
            key,
            (["auto"] if field.get("optional") else []) + steps,
            "auto" if default is None else default,
            label,
            field["help"],
        )
    if field.get("optional"):
        steps = _log_steps(low or 0, high if high is not None else 1e3, field["type"] == "integer")
        return scale(
            key, ["auto", *steps], "auto" if default is None else default, label, field["help"]
        )
    if low is not None and high is not None and high - low <= 1000:
        step = field.get("step") or (1 if field["type"] == "integer" else (high - low) / 100)
        cast = int if field["type"] == "integer" else float
        return cast(
            widget(
                st.slider,
                key,
                label,
                cast(default),
                field["help"],
                min_value=cast(low),
                max_value=cast(high),
                step=cast(step),
            )
        )
    return number(key, label, default, low, high, field["help"])


def _log_steps(low: float, high: float, whole: bool) -> list[Any]:
    """Return steps of about a half from low to high; both ends are always included."""
    start = low if low > 0 else (1 if whole else high * 1e-8)
    exponents = range(math.floor(math.log10(start)), math.ceil(math.log10(high)) + 1)
    steps = [factor * 10.0**exponent for exponent in exponents for factor in (1, 1.5, 2, 3, 5, 7)]
    inside = [float(f"{step:.6g}") for step in steps if start < step < high]
    every = sorted({float(low), *inside, float(high)})
    return [int(step) for step in every if step == int(step)] if whole else every


def scale(
    key: str, options: list[Any], default: Any, label: str, tip: str = "", auto: str | None = None
) -> Any:
    """Draw a slider over named steps; a value between them (from a link) gets a step of its own.
    "auto" stands for None, and is returned as ``auto``, or as that word.
    """
    start = kept().get(key, default)
    start = AUTO if start is None else start
    if start not in options:
        numbers = sorted([*(option for option in options if option != AUTO), start])
        options = ([AUTO] if AUTO in options else []) + numbers
    chosen = widget(
        st.select_slider,
        key,
        label,
        start,
        tip,
        options=options,
        format_func=lambda value: (auto or t("controls.auto")) if value == AUTO else _short(value),
    )
    kept()[key] = None if chosen == AUTO else chosen
    return kept()[key]


def _short(value: Any) -> str:
    for limit, suffix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / (1e3 if suffix == 'k' else limit):g} {suffix}"
    return f"{value:g}"


def pills(key: str, options: dict[str, str], label: str) -> str:
    current = kept().get(key)
    default = current if current in options else next(iter(options))
    names = list(options)
    chosen = widget(
        st.pills,
        key,
        label,
        default,
        "",
        options=names,
        format_func=options.__getitem__,
        label_visibility="collapsed",
        required=True,
    )
    return str(chosen)


def select(
    key: str,
    options: dict[str, str],
    label: str,
    tip: str,
    default: Any = None,
    hidden: bool = False,
    on_change: Callable[[], None] | None = None,
) -> str:
    start = next((one for one in (kept().get(key), default) if one in options), next(iter(options)))
    visibility = "collapsed" if hidden else "visible"
    extra: dict[str, Any] = {} if on_change is None else {"on_change": on_change}
    return str(
        widget(
            st.selectbox,
            key,
            label,
            start,
            tip,
            options=list(options),
            format_func=options.__getitem__,
            label_visibility=visibility,
            **extra,
        )
    )


def number(key: str, label: str, default: Any, low: Any, high: Any, tip: str) -> Any:
    # All of one type, or Streamlit rejects them.
    if any(isinstance(entry, float) for entry in (default, low, high)):
        default, low, high = (
            None if entry is None else float(entry) for entry in (default, low, high)
        )
    return widget(st.number_input, key, label, default, tip, min_value=low, max_value=high)


def widget(kind: Any, key: str, label: str, default: Any, tip: str, **extra: Any) -> Any:
    """Draw a Streamlit widget that keeps its value while it is not drawn."""
    state = scoped(f"control {key}")
    start = kept().get(key, default)
    options = extra.get("options")
    if state not in st.session_state or (
        options is not None and st.session_state[state] not in options
    ):
        st.session_state[state] = start if options is None or start in options else default
    value = kind(label, key=state, help=tip or None, **extra)
    kept()[key] = value
    return value
