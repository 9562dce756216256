"""The controls of an experiment: data, network, lanes, budget. Settings of a method are kept while
the visitor looks at another one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import streamlit as st

from app import dataset_picker, uploads, visit
from app.allowance import within
from app.text import plain, t
from app.widgets import (
    KEPT,
    current,
    forget,
    kept,
    knobs,
    number,
    pills,
    put,
    scale,
    scoped,
    select,
)
from engine.datasets import DATASETS, DatasetConfig
from engine.datasets.hand_drawn import HandDrawn
from engine.errors import BadInput
from engine.experiment.lanes import MAX_LANES, MAX_SEED
from engine.experiment.model import (
    DEFAULT_AMOUNT,
    MAX_SEEDS,
    SUGGESTED_HIDDEN,
    Experiment,
    suggested_loss,
    suggested_network,
)
from engine.experiment.query_string import CURRENCIES, GROUPS
from engine.experiment.stopping import StopRules
from engine.experiment.suggestions import FLIPS, suggested_settings
from engine.losses import LOSSES
from engine.networks import MLP, NETWORKS
from engine.networks.binary import Binary
from engine.networks.mlp import STEPS
from engine.optimizers import OPTIMIZERS, Optimizer
from engine.oracle import Currency
from engine.registry import fields

Suggested = Callable[[type[Optimizer]], Mapping[str, Any]]
AMOUNTS: dict[str, list[float]] = {
    "seconds": [2, 5, 10, 20, 30, 60, 120, 300, 600],
    "evaluations": [1e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9, 1e10],
    "flops": [1e8, 1e9, 1e10, 3e10, 1e11, 3e11, 1e12, 3e12, 1e13, 1e14, 1e15],
}
FAVOURITES = ("annealing", "eki", "pso", "cma-es", "openai-es")
"""Methods of the first lane that are available with one click."""
STEP = "step shown"
"""Session key of when a visitor last asked to be shown one step."""


def no_suggestions(cls: type[Optimizer]) -> Mapping[str, Any]:
    return {}


def load(experiment: Experiment) -> None:
    """Set every control from an experiment (from a link, for example)."""
    named = uploads.NAME if experiment.dataset.needs_file else experiment.dataset.name
    kept: dict[str, Any] = {
        "dataset": named,
        uploads.NAME: experiment.dataset.to_json() if experiment.dataset.needs_file else None,
        "network": experiment.network.name,
        _loss_key(experiment.dataset, experiment.network.name): experiment.loss,
    }
    kept["currency"], kept["seed"] = experiment.budget.currency, experiment.seed
    kept["seeds"] = experiment.seeds
    kept["device"], kept["precision"], kept["threads"] = (
        experiment.device,
        experiment.precision,
        experiment.threads,
    )
    kept[f"amount {experiment.budget.currency}"] = experiment.budget.amount
    for name in GROUPS:
        kept[name] = getattr(experiment, name).model_dump(mode="json", exclude_defaults=True)
    kept["stop target"], kept["stop patience"] = experiment.stop.target, experiment.stop.patience
    kept["lanes"] = [lane.name for lane in experiment.lanes]
    owners = {"dataset": experiment.dataset, "network": experiment.network} | {
        f"lane{i + 1}": lane for i, lane in enumerate(experiment.lanes)
    }
    for owner, choice in owners.items():
        for name in type(choice).model_fields:
            value = getattr(choice, name)
            kept[f"{owner}.{choice.name}.{name}"] = (
                list(value) if isinstance(value, tuple) else value
            )
    st.session_state[scoped(KEPT)] = kept
    for key in [key for key in st.session_state if str(key).startswith(scoped("control "))]:
        del st.session_state[key]


def take_up(value: Mapping[str, Any]) -> str | None:
    """Set every control to the experiment of a recording. Call it before the controls are drawn.

    Returns:
        What cannot be raced here, as a sentence for the page, or None. Everything else is set.
    """
    experiment, refused = fitting(value)
    experiment, fewer = within(experiment)
    load(experiment)
    if not refused:
        return fewer
    said = t(
        "pages.not-taken", why=" ".join(dict.fromkeys(uploads.why(error) for error in refused))
    )
    return said if fewer is None else f"{said} {fewer}"


def fitting(value: Mapping[str, Any]) -> tuple[Experiment, list[BadInput]]:
    """Return as much of an experiment as can be raced here, part by part, and why each of the other
    parts cannot.
    """
    with contextlib.suppress(BadInput):
        return Experiment.parse(value), []
    taken: dict[str, Any] = {}
    refused: list[BadInput] = []
    # The data first: they decide which networks, losses and methods are possible.
    order = list(Experiment.model_fields)
    for part in sorted(value, key=lambda name: order.index(name) if name in order else len(order)):
        lanes = value[part] if part == "lanes" and isinstance(value[part], list) else None
        for one in [value[part]] if lanes is None else lanes:
            more = one if lanes is None else [*taken.get(part, ()), one]
            try:
                Experiment.parse({**taken, part: more})
                taken[part] = more
            except BadInput as error:
                refused.append(error)
    return Experiment.parse(taken), refused


def set_seed(seed: int) -> None:
    """Set the seed from outside the controls. Call it before they are drawn."""
    put("seed", seed)


def set_points(points: str, groups: int) -> None:
    """Use training points drawn in the page, of ``groups`` classes, as the dataset. Call it before
    the controls are drawn.
    """
    put("dataset", HandDrawn.name)
    put("dataset.drawn.points", points)
    put("dataset.drawn.groups", groups)


def draw() -> dict[str, Any]:
    """Draw all controls and return their experiment as JSON values (not yet validated)."""
    settings, chosen = draw_dataset()
    value: dict[str, Any] = {"dataset": settings}

    fitting = {
        cls.name: cls.label
        for cls in NETWORKS
        if cls.name == chosen.only_network
        or (chosen.only_network is None and chosen.kind in cls.kinds)
    }
    usual = suggested_network(chosen)
    network = select(
        "network", fitting, t("controls.network"), t("controls.network-hint"), default=usual
    )
    with st.popover(
        t("controls.network-settings"), icon=":material/account_tree:", width="stretch"
    ):
        value["network"] = {"name": network, **_network(network, chosen.kind)}
        losses = {
            loss.name: loss.label
            for loss in LOSSES.values()
            if loss.numbers or chosen.kind != "curve"
        }
        value["loss"] = select(
            _loss_key(chosen, network),
            losses,
            t("controls.loss"),
            t("controls.loss-hint"),
            default=suggested_loss(chosen.kind, network),
        )
    st.caption(_summary(value))
    if network == Binary.name and not value["network"].get("straight_through"):
        st.caption(f":material/info: {t('controls.signs-flat')}")
    if value["network"].get("activation") in STEPS and not value["network"].get("straight_through"):
        st.caption(f":material/info: {t('controls.neurons-jump')}")
    if value["loss"] == "zero-one":
        st.caption(f":material/info: {t('controls.errors-flat')}")

    suggested = _suggested_for(network)
    renew_suggestions("flips" if network == Binary.name else "", suggested)
    value["lanes"] = draw_lanes(suggested=suggested)

    value["budget"] = draw_budget(CURRENCIES, AMOUNTS, DEFAULT_AMOUNT)
    value["stop"] = draw_stop()
    value |= draw_seeds(t("controls.seed-hint"))
    value |= {
        name: kept().get(name, usual)
        for name, usual in (("device", "auto"), ("precision", "float32"), ("threads", 1))
    }
    return value | draw_unlisted()


def draw_dataset() -> tuple[dict[str, Any], DatasetConfig | type[DatasetConfig]]:
    """Draw the choice of the dataset and its settings, and return them as JSON values, and the
    dataset.
    """
    place = st.container()  # filled last: the size it tells depends on the settings below it
    dataset = dataset_picker.chosen()
    settings: dict[str, Any] = {}
    chosen: DatasetConfig | type[DatasetConfig]
    used: DatasetConfig | None
    if dataset == uploads.NAME:  # while there is no file, the earlier dataset stays
        before = st.session_state["experiment"].dataset
        given = uploads.draw(kept().get(uploads.NAME))
        if given is None:
            until = t("uploads.none-yet", dataset=plain(before.label))
            if uploads.refused():  # another box already reports the error
                st.caption(until)
            else:
                st.warning(until, icon=":material/info:")
        settings = given or before.to_json()
        kept()[uploads.NAME] = settings
        chosen = DATASETS.build(settings)
        used = None if given is None else chosen
    else:
        chosen = DATASETS.get(dataset)
        settings["name"] = dataset
        if chosen is HandDrawn:  # its points are drawn, not typed into a field
            settings |= {
                name: kept().get(f"dataset.drawn.{name}", info.default)
                for name, info in HandDrawn.model_fields.items()
            }
        elif chosen.model_fields:
            with st.popover(
                t("controls.dataset-settings"), icon=":material/tune:", width="stretch"
            ):
                settings |= knobs("dataset", chosen)
        try:
            used = DATASETS.build(settings)
        except BadInput:  # the page says what is wrong
            used = DATASETS.build({"name": dataset})
    with place:
        dataset_picker.draw(used, on_points=set_points)
    return settings, chosen


def draw_unlisted() -> dict[str, Any]:
    """Show the settings that have no control (which samples are used, where lanes start), with a
    button that resets them, and return them as JSON values.
    """
    groups = {name: kept()[name] for name in GROUPS if kept().get(name)}
    if groups:
        said = ", ".join(
            f"{group}.{field} = {given}"
            for group, fields in groups.items()
            for field, given in fields.items()
        )
        st.caption(f":material/info: {t('controls.unlisted', settings=plain(said))}")
        if st.button(t("controls.unlisted-reset"), type="tertiary"):
            for name in groups:
                kept()[name] = None
            st.rerun()
    return groups


def draw_budget(
    currencies: Sequence[Currency],
    amounts: Mapping[str, list[float]],
    defaults: Mapping[Currency, float],
    called: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Draw the controls of the budget, and return its currency and amount as JSON values.

    Args:
        currencies: those on offer.
        amounts: the steps of each.
        defaults: the first amount of each.
        called: what the texts of a currency are called, if not as the currency itself.
    """
    st.caption(t("controls.budget"))
    picked = pills(
        "currency",
        {name: t(f"controls.currency-{called.get(name, name)}") for name in currencies},
        t("controls.currency"),
    )
    currency: Currency = next(name for name in currencies if name == picked)
    return {
        "currency": currency,
        "amount": scale(
            f"amount {currency}",
            amounts[currency],
            defaults[currency],
            t(f"controls.amount-{called.get(currency, currency)}"),
            t(f"controls.amount-{called.get(currency, currency)}-hint"),
        ),
    }


def draw_seeds(hint: str) -> dict[str, Any]:
    """Draw the fields of the seed and of how many seeds are raced, and return them as JSON values.

    Args:
        hint: what the seed sets.
    """
    left, right = st.columns([3, 2])
    with left:
        seed = number("seed", t("controls.seed"), 0, 0, MAX_SEED, hint)
    with right:
        seeds = number("seeds", t("controls.seeds"), 1, 1, MAX_SEEDS, t("controls.seeds-hint"))
    return {"seed": seed, "seeds": seeds}


def draw_stop() -> dict[str, Any]:
    """Draw the controls of the stop rules, and return them as JSON values."""
    described = {field["name"]: field for field in fields(StopRules)}
    active = [name for name in described if current(f"stop {name}") is not None]
    said = (
        t(f"controls.stop-{'both' if len(active) > 1 else active[0]}")
        if active
        else t("controls.stop")
    )
    with st.popover(said, icon=":material/flag:", width="stretch", key="stop early"):
        target, patience = described["target"], described["patience"]
        return {
            "target": number(
                "stop target",
                t("controls.target", label=target["label"]),
                None,
                0.0,
                1e6,
                target["help"],
            ),
            "patience": scale(
                "stop patience",
                ["auto", 0.05, 0.1, 0.2, 0.3, 0.5],
                "auto",
                t("controls.patience", label=patience["label"], unit=patience["unit"]),
                patience["help"],
                auto=t("controls.none"),
            ),
        }


def _summary(value: dict[str, Any]) -> str:
    """Return the network in one line: 2 → 16 → 16 → 2 · tanh · 354 weights."""
    try:
        dataset = DATASETS.build(value["dataset"])
        shape, outputs = dataset.shape, len(dataset.classes)
        weights = NETWORKS.build(value["network"]).build_for(dataset).dimension
    except BadInput as error:
        return plain(str(error))
    start = "×".join(map(str, shape[1:])) if len(shape) > 1 else str(shape[0])
    between = value["network"].get("hidden", [NETWORKS.get(value["network"]["name"]).between])
    layers = " → ".join(map(str, [start, *between, outputs]))
    return " · ".join(
        part
        for part in (
            layers,
            value["network"].get("activation", ""),
            t("controls.weights", count=f"{weights:,}"),
        )
        if part
    )


def draw_lanes(
    methods: Sequence[type[Any]] = (),
    suggested: Suggested = no_suggestions,
    leave_out: tuple[str, ...] = (),
    favourites: Sequence[str] = FAVOURITES,
    stepwise: bool = True,
    opening: str | None = None,
) -> list[dict[str, Any]]:
    """Draw the lanes: the first with its main settings open, the others folded.

    Args:
        methods: the methods on offer; None means all.
        suggested: initial values of a method's settings, if not the fields' own defaults.
        leave_out: fields that do not apply here.
        favourites: methods of the first lane that are available with one click.
        stepwise: whether a step can be shown in slow motion.
        opening: what stands above the first lane, if not that networks are trained.
    """
    names: list[str] = kept().setdefault("lanes", ["annealing", "adam"])
    methods = methods or list(OPTIMIZERS)
    by_name = {cls.name: cls for cls in methods}
    labels = {cls.name: cls.label for cls in methods}
    lanes = []
    for i in range(len(names)):
        st.caption(opening if opening and i == 0 else t(f"controls.method-{i + 1}"))
        key = f"lane {i}"
        kept().setdefault(key, names[i])
        if i == 0:
            name = _first_method(key, methods, favourites)
        else:
            left, right = st.columns([5, 1], vertical_alignment="bottom")
            with left:
                name = select(
                    key,
                    labels,
                    t("controls.lane", number=i + 1),
                    t("controls.lane-hint"),
                    hidden=True,
                )
            with right:
                st.button(
                    t("controls.lane-out", number=i + 1),
                    icon=":material/close:",
                    key=f"remove {i}",
                    help=t("controls.lane-out", number=i + 1),
                    on_click=_remove_lane,
                    args=(i,),
                    type="tertiary",
                )
        cls = by_name[name]
        names[i] = name
        if i == 0:
            _describe(cls, i, stepwise)
            lanes.append({"name": name, **knobs("lane1", cls, leave_out, suggested(cls))})
        else:
            with st.expander(t("controls.lane-knobs")):
                _describe(cls, i, stepwise)
                lanes.append(
                    {"name": name, **knobs(f"lane{i + 1}", cls, leave_out, suggested(cls))}
                )
    if len(names) < MAX_LANES:
        st.button(
            t("controls.lane-add"),
            icon=":material/add:",
            key="add lane",
            on_click=_add_lane,
            args=(list(by_name),),
            type="tertiary",
            help=t("controls.lane-add-hint"),
        )
    return lanes


def _describe(method: type[Any], lane: int, stepwise: bool) -> None:
    """Draw what a method is like, and a button that shows one step of it."""
    st.caption(method.sentence)
    if not stepwise:
        return
    st.button(
        t("story.step"),
        icon=":material/slow_motion_video:",
        key=scoped(f"step {lane}"),
        on_click=_show_step,
        type="tertiary",
        help=t("story.step-hint"),
    )


def _show_step() -> None:
    st.session_state[scoped(STEP)] = visit.now()


def step_asked() -> int:
    """Return when a visitor last asked to be shown one step, in milliseconds; 0 if never."""
    return int(st.session_state.get(scoped(STEP), 0))


def _first_method(
    key: str, methods: Sequence[type[Any]], favourites: Sequence[str] = FAVOURITES
) -> str:
    """Draw the choice of the first lane's method: a few favourites directly, all others by family
    behind one button.
    """
    labels = {cls.name: cls.label for cls in methods}
    current = kept()[key]
    near = {name: labels[name] for name in labels if name in favourites or name == current}
    sentences = {cls.name: cls.sentence for cls in methods}
    name = pills(key, near, t("controls.method-1"))
    families: dict[str, list[str]] = {}
    for cls in methods:
        if cls.name not in near:
            families.setdefault(cls.family, []).append(cls.name)
    if families:
        with st.popover(
            t("controls.more-methods", count=sum(map(len, families.values()))),
            icon=":material/more_horiz:",
            width="stretch",
            key="more methods",
        ):
            for family, members in families.items():
                st.caption(family)
                with st.container(horizontal=True, gap="small"):
                    for member in members:
                        st.button(
                            labels[member],
                            key=f"take {member}",
                            help=sentences[member],
                            on_click=_take_method,
                            args=(key, member),
                        )
    return name


def _take_method(key: str, name: str) -> None:
    kept()[key] = name
    st.session_state.pop(scoped(f"control {key}"), None)


def _loss_key(dataset: DatasetConfig | type[DatasetConfig], network: str) -> str:
    """Return the session key of the loss. Classification and regression have different losses, and
    so have weights of ±1; each choice is kept while another kind is shown.
    """
    if dataset.kind == "curve":
        return "loss numbers"
    return "loss binary" if network == Binary.name else "loss"


def renew_suggestions(now: str, suggested: Suggested) -> None:
    """After a change of what settings are suggested for, update those that still have the last
    suggested value; settings changed by the user stay.
    """
    values = kept()
    if values.get("suggested for") != now:
        for key, value in values.pop("suggested", {}).items():
            if values.get(key) == value:
                forget(key)
        values["suggested for"] = now
    values["suggested"] = {
        f"lane{place + 1}.{cls.name}.{field}": value
        for cls in OPTIMIZERS
        for field, value in suggested(cls).items()
        for place in range(MAX_LANES)
    }


def _suggested_for(network: str) -> Suggested:
    """Return what settings of a method suit a network: those of chains that flip, or else the
    fields' own defaults.
    """
    config = Binary() if network == Binary.name else None

    def suggested(cls: type[Optimizer]) -> dict[str, Any]:
        usual = {name: cls.model_fields[name].default for name in FLIPS if name in cls.model_fields}
        return usual | suggested_settings(None, cls, config)

    return suggested


def _add_lane(methods: Sequence[str]) -> None:
    names = kept()["lanes"]
    unused = [name for name in methods if name not in names]
    names.append(unused[0] if unused else names[0])
    _forget_lanes()


def _remove_lane(place: int) -> None:
    values = kept()
    del values["lanes"][place]
    # The later lanes move up, with their settings.
    for i in range(place, MAX_LANES):
        for key in [key for key in values if key.startswith(f"lane{i + 1}.")]:
            del values[key]
        for key in [key for key in values if key.startswith(f"lane{i + 2}.")]:
            values[f"lane{i + 1}.{key.split('.', 1)[1]}"] = values[key]
    _forget_lanes()


def _forget_lanes() -> None:
    """Let the lane widgets be drawn again from the stored values."""
    for i in range(MAX_LANES):
        kept().pop(f"lane {i}", None)
    for key in [key for key in st.session_state if str(key).startswith(scoped("control lane"))]:
        del st.session_state[key]


def _network(name: str, kind: str) -> dict[str, Any]:
    cls = NETWORKS.get(name)
    if name not in (MLP.name, Binary.name):
        return knobs("network", cls)
    described = {field["name"]: field for field in fields(cls)}
    suggested = SUGGESTED_HIDDEN[kind] if name == MLP.name else described["hidden"]["default"]
    key = f"network.{name}.hidden {kind}"
    if key not in kept():
        kept()[key] = list(kept().pop(f"network.{name}.hidden", suggested))
    shown = kind if name == MLP.name else f"{name} {kind}"
    sizes: list[int] = kept()[key]
    count = scale(
        f"layers {shown}",
        list(range(described["hidden"]["max_items"] + 1)),
        len(sizes),
        t("controls.layers"),
        described["hidden"]["help"],
    )
    sizes = (sizes + [sizes[-1] if sizes else suggested[0]] * int(count))[: int(count)]
    columns = st.columns(min(3, max(1, len(sizes)))) if sizes else []
    for i in range(len(sizes)):
        with columns[i % len(columns)]:
            limits = described["hidden"]
            sizes[i] = number(
                f"neurons {shown} {i}",
                t("controls.layer", number=i + 1),
                sizes[i],
                limits.get("item_minimum", 1),
                limits.get("item_maximum", 1024),
                t("controls.layer-hint"),
            )
    kept()[key] = sizes
    return {"hidden": sizes, **knobs("network", cls, leave_out=("hidden",))}
