"""Data of one's own in the page: a file is given, looked at, and what is to be learned of it is
picked.

What a file is called, and its columns and classes, are a stranger's words: they are shown as plain
text, whatever signs are in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import streamlit as st

from app.text import plain, t
from app.visitors import Rate, visitor
from engine.datasets.upload_store import Column, UploadInfo, find, store
from engine.datasets.user import Colour, OwnImages, OwnTable
from engine.errors import BadInput
from engine.uploads.limits import FILE_BYTES, MIB, SIDES, NotNow, named

SEEN, TOKEN, PROBLEM = "upload seen", "upload token", "upload problem"
"""Session keys: the file looked at last, its token, and why it was refused."""
TRY = "upload try"
"""Session key: how many uploaders there were before this one; a new one holds no file."""
FILES_A_MINUTE = 10
"""That one visitor may give."""
RATE = Rate(FILES_A_MINUTE)
SHOWN = 6
"""Names of classes that are written out."""
NAME = "own"
"""What the picker of datasets knows data of one's own by, of whatever kind."""


def label() -> str:
    """What the picker of datasets calls it."""
    return t("uploads.own")


def draw(current: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """Draw the uploader and, once there is a file, what is to be learned of it.

    Args:
        current: the dataset a link names, as JSON values, where it is one of one's own; a file
            given in this session goes before it.

    Returns:
        The dataset as JSON values, for `Experiment.parse`; None while there is no file that can be
        used.
    """
    current = current or {}
    _take()
    problem = st.session_state.get(PROBLEM)
    if problem:
        _refused(*problem)
    token = st.session_state.get(TOKEN) or str(current.get("token") or "")
    if not token:
        if not problem:
            st.caption(t("uploads.hint"))
        return None
    try:
        info = find(token)
    except BadInput:
        st.warning(t("uploads.gone"), icon=":material/info:")
        return None
    mine = current if current.get("token") == token else {}
    value = _table(info, mine) if info.kind == "table" else _pictures(info, mine)
    st.caption(t("uploads.kept"))
    return value


def why(error: BadInput) -> str:
    """Say why something cannot be raced, as Markdown; of a file that is not there in the words of
    the page, not of the command line.
    """
    if error.field != "dataset.token":
        return plain(str(error))
    return t("uploads.file-gone" if error.value else "uploads.no-file", own=label())


def refused() -> bool:
    """Tell whether the file given last cannot be used; once the uploader is drawn."""
    return PROBLEM in st.session_state


def _refused(name: str, allowed: str) -> None:
    """Say in a sentence that a file cannot be used, and what was found in it where one looks for
    that.
    """
    needed, found = _remark(allowed)
    st.error(t("uploads.refused", name=plain(name), allowed=plain(needed)), icon=":material/error:")
    if found:
        with st.expander(t("uploads.found")):
            st.caption(plain(f"{found[:1].upper()}{found[1:]}."))


def _remark(phrase: str) -> tuple[str, str]:
    """A phrase without the remark in brackets at its end, and that remark; "" where it has none."""
    start, depth = len(phrase), 0
    for place in range(len(phrase) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(phrase[place], 0)
        if depth == 0:
            start = place
            break
    if not phrase.endswith(")") or depth or not phrase[:start].strip():
        return phrase, ""
    return phrase[:start].rstrip(), phrase[start + 1 : -1]


def _take() -> None:
    """The uploader; a file that was not seen yet is looked at."""
    file = st.file_uploader(
        t("uploads.choose"),
        key=f"upload file {st.session_state.setdefault(TRY, 0)}",
        help=t("uploads.choose-hint"),
        max_upload_size=FILE_BYTES // MIB,
    )
    if file is None or file.file_id == st.session_state.get(SEEN):
        return
    st.session_state.pop(PROBLEM, None)
    wait = RATE.wait(visitor())
    if wait > 0:  # not marked as seen: it is looked at when the page is drawn next
        st.warning(
            t(
                "uploads.too-many",
                name=plain(named(file.name)),
                count=RATE.most,
                seconds=int(wait) + 1,
            ),
            icon=":material/info:",
        )
        _again()
        return
    place = st.empty()

    def told(number: int) -> None:
        place.caption(t("uploads.next") if number == 1 else t("uploads.waiting", place=number))

    st.session_state[SEEN] = file.file_id
    try:
        with st.spinner(t("uploads.reading")):
            st.session_state[TOKEN] = store(file.getvalue(), file.name, visitor(), told).token
    except NotNow as error:
        st.session_state.pop(SEEN, None)
        st.warning(
            t("uploads.not-now", name=plain(named(file.name)), why=plain(error.why)),
            icon=":material/info:",
        )
        _again()
    except BadInput as error:
        st.session_state[PROBLEM] = (named(file.name), error.allowed)
        # The uploader would go on showing the refused file as the one that is in use.
        st.session_state[TRY] += 1
        st.rerun()
    place.empty()


def _again() -> None:
    """A button that looks at the file once more: any press draws the page again."""
    st.button(t("uploads.again"), icon=":material/refresh:", key="upload again")


def _table(info: UploadInfo, current: Mapping[str, Any]) -> dict[str, Any] | None:
    """Which column is learned, and as what."""
    st.markdown(
        t(
            "uploads.table-found",
            name=plain(info.name),
            rows=f"{info.rows:,}",
            columns=len(info.columns),
        )
    )
    for kind in ("number", "category", "left out"):
        names = [column.name for column in info.columns if column.type == kind]
        if names:
            st.caption(
                t(f"uploads.of-{kind.replace(' ', '-')}", count=len(names), names=_listed(names))
            )
    columns = {column.name: column for column in info.targets}
    start = current.get("target")
    names = list(columns)
    key = f"upload target {info.token}"
    if st.session_state.get(key) not in columns:
        st.session_state[key] = start if start in columns else likely(info.targets).name
    if start and start not in columns:
        out = next(
            (column.why for column in info.columns if column.name == start), t("uploads.no-column")
        )
        st.warning(
            t(
                "uploads.other-target",
                asked=plain(str(start)),
                why=plain(out),
                taken=plain(st.session_state[key]),
            ),
            icon=":material/info:",
        )
    target = st.selectbox(t("uploads.target"), names, key=key, help=t("uploads.target-hint"))
    value: dict[str, Any] = {
        "name": OwnTable.name,
        "token": info.token,
        "target": target,
        "task": "auto",
    }
    column = columns[target]
    if column.type == "number" and column.levels:  # the only case in which both make sense
        key = f"upload task {info.token} {target}"
        if key not in st.session_state:
            st.session_state[key] = (
                current["task"]
                if current.get("target") == target and current.get("task") in ("classes", "numbers")
                else "classes"
            )
        labels = {"classes": t("uploads.task-classes"), "numbers": t("uploads.task-numbers")}
        value["task"] = st.segmented_control(
            t("uploads.task"),
            list(labels),
            key=key,
            format_func=labels.__getitem__,
            help=t("uploads.task-hint"),
            required=True,
        )
    try:
        dataset = OwnTable(**{field: entry for field, entry in value.items() if field != "name"})
        dataset.check()
    except BadInput as error:
        st.warning(plain(str(error)), icon=":material/info:")
        return None
    plan = dataset.plan
    numbers: dict[str, object] = {
        "columns": len(plan.inputs),
        "inputs": f"{plan.width:,}",
        "train": f"{plan.sizes[0]:,}",
        "test": f"{plan.sizes[1]:,}",
    }
    if plan.numbers:
        st.caption(t("uploads.learns-numbers", **numbers))
    else:
        st.caption(
            t(
                "uploads.learns-classes",
                count=len(plan.outputs),
                names=_listed(plan.outputs),
                **numbers,
            )
        )
    _notes((*plan.notes, *info.notes))
    return value


def likely(columns: Sequence[Column]) -> Column:
    """The column one most likely wants to learn: the last one of categories, else the last."""
    return next((column for column in reversed(columns) if column.type == "category"), columns[-1])


def _pictures(info: UploadInfo, current: Mapping[str, Any]) -> dict[str, Any] | None:
    """How large the squares are, and in what colours."""
    st.markdown(
        t(
            "uploads.pictures-found",
            name=plain(info.name),
            rows=f"{info.rows:,}",
            classes=len(info.classes),
            names=_listed(info.classes),
        )
    )
    side, colour = f"upload side {info.token}", f"upload colour {info.token}"
    fields = OwnImages.model_fields
    if side not in st.session_state:
        st.session_state[side] = current.get("side", fields["side"].default)
    if colour not in st.session_state:
        st.session_state[colour] = current.get("colour", fields["colour"].default)
    value: dict[str, Any] = {"name": OwnImages.name, "token": info.token}
    value["side"] = st.slider(t("uploads.side"), *SIDES, key=side, help=t("uploads.side-hint"))
    labels = {"rgb": t("uploads.colour-rgb"), "grey": t("uploads.colour-grey")}
    value["colour"] = st.segmented_control(
        t("uploads.colour"),
        list(get_args(Colour)),
        key=colour,
        format_func=labels.__getitem__,
        help=t("uploads.colour-hint"),
        required=True,
    )
    dataset = OwnImages(**{field: entry for field, entry in value.items() if field != "name"})
    try:
        dataset.check()
    except BadInput as error:
        st.warning(plain(str(error)), icon=":material/info:")
        return None
    inputs = dataset.shape[0] * dataset.shape[1] * dataset.shape[2]
    train, test = dataset.sizes()
    numbers: dict[str, object] = {
        "inputs": f"{inputs:,}",
        "train": f"{train:,}",
        "test": f"{test:,}",
    }
    st.caption(t("uploads.learns-split" if info.split else "uploads.learns-pictures", **numbers))
    _notes(info.notes)
    return value


def _listed(names: Sequence[str]) -> str:
    return ", ".join(plain(name) for name in names[:SHOWN]) + (" …" if len(names) > SHOWN else "")


def _notes(notes: Sequence[str]) -> None:
    """List what was left out or changed in the file, open from the start: it may be what a result
    depends on.
    """
    if notes:
        with st.expander(
            t("uploads.notes", count=len(notes)), expanded=True, icon=":material/info:"
        ):
            for note in notes:
                st.caption(plain(note))
