"""The visitor's own data in the page: upload a file, show its contents, and choose the column to
predict.

The names of a file, its columns and its classes are untrusted text: they are shown as plain text,
whatever characters they contain.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import streamlit as st
from PIL import Image

from app.hosting.watch import WATCH, tell
from app.text import plain, t
from app.visitors import Rate, visitor
from engine.combinatorial.instances import CityFile
from engine.datasets.base import DatasetConfig
from engine.datasets.user import Colour, Own, OwnImages, UserTable
from engine.errors import BadInput
from engine.uploads.limits import FILE_BYTES, MIB, SIDES, NotNow, named
from engine.uploads.store import Column, Purpose, UploadInfo, find, store
from engine.uploads.store import first_pictures as find_pictures

SEEN, TOKEN, PROBLEM = "upload seen", "upload token", "upload problem"
"""Session keys: the last file read, its token, and why it was rejected."""
TRY = "upload try"
"""Session key: how many uploaders there were before this one; a new one holds no file."""
FILES_A_MINUTE = 10
"""The limit for one visitor."""
RATE = Rate(FILES_A_MINUTE)
SHOWN = 6
"""Number of class names that are listed."""
NAME = "own"
"""The entry for the visitor's own data, of any kind, in the choice of datasets."""


CITIES = "cities "
"""Begins the session keys of files that are read as cities."""


def draw_cities(current: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """Draw the uploader of a file of cities.

    Args:
        current: the instance of a link, as JSON values, if it is from an uploaded file; a file
            uploaded in this session takes precedence.

    Returns:
        The instance as JSON values, for `CombinatorialExperiment.parse`; None while there is no
            file that can be used.
    """
    _take("cities")
    problem = st.session_state.get(CITIES + PROBLEM)
    if problem:
        _refused(*problem)
    token = st.session_state.get(CITIES + TOKEN) or str((current or {}).get("token") or "")
    if not token:
        if not problem:
            st.caption(t("uploads.cities-hint"))
        return None
    try:
        info = find(token, "instance.token")
    except BadInput:
        st.warning(t("uploads.gone"), icon=":material/info:")
        return None
    try:
        kind = CityFile(token=token).load().kind
    except BadInput:
        st.warning(t("uploads.gone"), icon=":material/info:")
        return None
    found = "uploads.cities-found" + ("" if kind == "tour" else f"-{kind}")
    count = info.rows - (kind == "routes")  # the depot is no customer
    st.markdown(t(found, name=plain(info.name), count=f"{count:,}"))
    for note in info.notes:
        st.caption(plain(note))
    st.caption(t("uploads.kept"))
    return {"name": CityFile.name, "token": token}


def label() -> str:
    """Return the label of that entry."""
    return t("uploads.own")


def name_of(dataset: DatasetConfig) -> str:
    """Return the name of the file of a dataset; "" if it has none, or it is no longer there."""
    try:
        return find(dataset.token).name if isinstance(dataset, Own) else ""
    except BadInput:
        return ""


def draw(current: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """Draw the uploader and, once there is a file, the choice of what to predict.

    Args:
        current: the dataset of a link, as JSON values, if it is from an uploaded file; a file
            uploaded in this session takes precedence.

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
        if info.kind == "cities":  # no link of Kelvin's names such a file here
            raise BadInput("dataset.token", token, t("uploads.other-kind"))
    except BadInput:
        st.warning(t("uploads.gone"), icon=":material/info:")
        return None
    mine = current if current.get("token") == token else {}
    value = _table(info, mine) if info.kind == "table" else _pictures(info, mine)
    st.caption(t("uploads.kept"))
    return value


def why(error: BadInput) -> str:
    """Return why something cannot be raced, as Markdown. A missing file is explained for the page,
    not for the command line.
    """
    if error.field == "instance.token":
        return t("uploads.cities-gone" if error.value else "uploads.cities-none")
    if error.field != "dataset.token":
        return plain(str(error))
    return t("uploads.file-gone" if error.value else "uploads.no-file", own=label())


def refused() -> bool:
    """Return whether the last file was rejected. Call it after the uploader is drawn."""
    return PROBLEM in st.session_state


def _refused(name: str, allowed: str) -> None:
    """Show in a sentence that a file cannot be used, and below it what is in it."""
    needed, found = _remark(allowed)
    st.error(t("uploads.refused", name=plain(name), allowed=plain(needed)), icon=":material/error:")
    if found:
        st.caption(f"**{t('uploads.found')}**: {plain(f'{found[:1].upper()}{found[1:]}.')}")


def _remark(phrase: str) -> tuple[str, str]:
    """Split a phrase into its text and the remark in brackets at its end ("" if it has none)."""
    start, depth = len(phrase), 0
    for place in range(len(phrase) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(phrase[place], 0)
        if depth == 0:
            start = place
            break
    if not phrase.endswith(")") or depth or not phrase[:start].strip():
        return phrase, ""
    return phrase[:start].rstrip(), phrase[start + 1 : -1]


def _take(purpose: Purpose = "data") -> None:
    """Draw the uploader and read a new file."""
    place, text = (CITIES, "cities-choose") if purpose == "cities" else ("", "choose")
    seen, token, wrong, tries = (f"{place}{key}" for key in (SEEN, TOKEN, PROBLEM, TRY))
    file = st.file_uploader(
        t(f"uploads.{text}"),
        key=f"{place}upload file {st.session_state.setdefault(tries, 0)}",
        help=t(f"uploads.{text}-hint"),
        max_upload_size=FILE_BYTES // MIB,
    )
    if file is None or file.file_id == st.session_state.get(seen):
        return
    st.session_state.pop(wrong, None)
    wait = RATE.wait(visitor())
    if wait > 0:
        WATCH.refuse("uploads a minute")
        # not marked as read: it is read when the page is drawn next
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
    said = st.empty()

    def told(number: int) -> None:
        said.caption(t("uploads.next") if number == 1 else t("uploads.waiting", place=number))

    st.session_state[seen] = file.file_id
    try:
        with st.spinner(t("uploads.reading")):
            info = store(file.getvalue(), file.name, visitor(), told, purpose)
            st.session_state[token] = info.token
        tell("file read", kind=info.kind, bytes=file.size)
    except NotNow as error:
        WATCH.refuse("upload not now", bytes=file.size)
        st.session_state.pop(seen, None)
        st.warning(
            t("uploads.not-now", name=plain(named(file.name)), why=plain(error.why)),
            icon=":material/info:",
        )
        _again()
    except BadInput as error:
        WATCH.refuse("upload", bytes=file.size)
        st.session_state[wrong] = (named(file.name), error.allowed)
        # Otherwise the uploader would still show the rejected file as the one in use.
        st.session_state[tries] += 1
        st.rerun()
    said.empty()


def _again() -> None:
    """Draw a button that reads the file again: any click draws the page again."""
    st.button(t("uploads.again"), icon=":material/refresh:", key="upload again")


def _table(info: UploadInfo, current: Mapping[str, Any]) -> dict[str, Any] | None:
    """Draw the choice of the column to predict, and whether as classes or as numbers."""
    st.markdown(
        t(
            "uploads.table-found",
            name=plain(info.name),
            rows=f"{info.rows:,}",
            columns=len(info.columns),
        )
    )
    st.html(first_rows(info.columns))
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
        "name": UserTable.name,
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
        dataset = UserTable(**{field: entry for field, entry in value.items() if field != "name"})
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
    """Return the column that is most likely to be predicted: the last one of categories, else the
    last.
    """
    return next((column for column in reversed(columns) if column.type == "category"), columns[-1])


def _pictures(info: UploadInfo, current: Mapping[str, Any]) -> dict[str, Any] | None:
    """Draw the choice of image size and colours."""
    st.markdown(
        t(
            "uploads.pictures-found",
            name=plain(info.name),
            rows=f"{info.rows:,}",
            classes=len(info.classes),
            names=_listed(info.classes),
        )
    )
    st.html(first_pictures(*pictures_of(info)))
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
    """List what was left out or changed in the file, openly, because a result may depend on it."""
    if notes:
        with st.container(border=True):
            st.caption(f":material/info: **{t('uploads.notes', count=len(notes))}**")
            for note in notes:
                st.caption(plain(note))


def first_rows(columns: Sequence[Column]) -> str:
    """Return the first rows of a table as HTML, every column with its type."""
    heads, rows = [], max((len(column.head) for column in columns), default=0)
    for column in columns:
        kind = t(f"uploads.type-{column.type.replace(' ', '-')}")
        heads.append(
            f'<th scope="col" data-type="{column.type}">{html.escape(column.name)}'
            f"<small>{html.escape(kind)}</small></th>"
        )
    lines = []
    for row in range(rows):
        cells = []
        for column in columns:
            entry = column.head[row] if row < len(column.head) else ""
            missing = "" if entry else " data-missing"
            shown = html.escape(entry or t("uploads.missing"))
            cells.append(f'<td data-type="{column.type}"{missing}>{shown}</td>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    label = html.escape(t("uploads.first-rows", count=rows))
    return (
        f'<div class="kd-file" role="region" tabindex="0" aria-label="{label}"><table>'
        f"<thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def pictures_of(info: UploadInfo) -> tuple[list[bytes], list[str]]:
    """Return the first pictures of an archive as PNG files, and the class of each."""
    squares, classes = find_pictures(info)
    files = []
    for square in squares:
        file = io.BytesIO()
        Image.fromarray(square.transpose(1, 2, 0)).save(file, "PNG")
        files.append(file.getvalue())
    return files, classes


def first_pictures(files: Sequence[bytes], classes: Sequence[str]) -> str:
    """Return pictures as HTML, each with its class."""
    figures = []
    for file, name in zip(files, classes, strict=True):
        shown = html.escape(name)
        data = base64.b64encode(file).decode("ascii")
        figures.append(
            f'<figure><img alt="" src="data:image/png;base64,{data}">'
            f'<figcaption title="{shown}">{shown}</figcaption></figure>'
        )
    label = html.escape(t("uploads.first-pictures"))
    return f'<div class="kd-pictures" role="group" aria-label="{label}">{"".join(figures)}</div>'
