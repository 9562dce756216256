"""The entry point of `streamlit run`: the Streamlit app and the live routes in one server."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from engine.system import environment  # noqa: E402

environment.prepare()  # before anything imports PyTorch; the workers inherit it

import streamlit as st  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402
from streamlit import config  # noqa: E402
from streamlit.runtime.pages_manager import PagesManager  # noqa: E402

from app.hosting import descriptors, login, status, watch  # noqa: E402
from app.hosting.door import Door  # noqa: E402
from app.hosting.drain import Drain  # noqa: E402
from app.hosting.watched_pool import WatchedPool  # noqa: E402
from app.live import bundle, stream  # noqa: E402
from app.live.headers import Guards  # noqa: E402
from app.live.hub import GRACE_SECONDS, Hub  # noqa: E402
from app.live.preload import Preload  # noqa: E402
from app.storage.store import MOST_KEPT, QUOTA, Store  # noqa: E402
from app.text import t  # noqa: E402
from engine import __version__  # noqa: E402
from engine.errors import BadInput  # noqa: E402
from engine.system import settings  # noqa: E402
from engine.workers import cluster  # noqa: E402

# Pages are named by st.navigation. Streamlit's older way, every file in a folder called pages,
# would otherwise still apply for the server's first visitor, before main.py has run, and show a
# page without what main.py adds.
PagesManager.uses_pages_directory = False

_hub: Hub | None = None


def hub() -> Hub:
    """Return the server's hub, once it has started."""
    assert _hub is not None, "the server has not started"
    return _hub


def store_of_races() -> Store | None:
    """Return where races are kept on the disk: ``KELVIN_STORE``, or the user's own folder for such
    data. None if that is ``off``, or if another server of this user keeps its races there.
    """
    folder = settings.store()
    if folder is None:
        return None
    try:
        return Store(folder, quota=int(settings.quota(QUOTA)), each=settings.kept(MOST_KEPT))
    except BadInput as refusal:
        if settings.store_is_given():
            raise
        watch.log.warning(t("hosting.no-store", why=refusal.allowed))
        return None


def prepare() -> None:
    """Import and pack, once, everything that the first visitor would otherwise wait for.

    Streamlit imports pandas when a page first needs it, and plotly fails on a pandas that another
    visitor's thread is just importing: so it is imported before the first visitor.
    """
    import pandas  # noqa: F401

    from app import controls, presets, uploads, widgets  # noqa: F401
    from app.live import mount

    mount.still()
    for entry in bundle.ENTRIES:
        bundle.bundle(entry)
    stream.packed_plotly()


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
    """Start the worker processes with the server and end them with it."""
    global _hub
    watch.configure()
    files = descriptors.raise_limit()
    if files < descriptors.FEW:
        watch.log.warning(t("hosting.few-files", most=files))
    pool, store = cluster.open_pool(), store_of_races()
    _hub = Hub(
        WatchedPool(pool),  # type: ignore[arg-type]
        grace=settings.grace(GRACE_SECONDS),
        store=store,
    )
    try:
        prepare()
        Drain(_hub).listen()
        watch.tell(
            "serving",
            version=__version__,
            password=settings.password() is not None,
            files=files,
            base=base,
        )
        yield {}
    finally:
        _hub.close()
        pool.close()
        if store is not None:
            store.close()


try:
    settings.check()
    cluster.connect()
except BadInput as refusal:
    print(refusal, file=sys.stderr)
    raise SystemExit(2) from None
if login.framed():
    # Otherwise browsers do not send its cookie in a page of another site, and it takes no files.
    config.set_option("server.xsrfCookieSameSite", "none")

base = str(st.get_option("server.baseUrlPath") or "").strip("/")
base = f"/{base}" if base else ""
app = st.App(
    ROOT / "app" / "main.py",
    routes=[*stream.routes(hub, base), *status.routes(hub, base)],
    middleware=[
        Middleware(Guards, embed=settings.embed()),
        Middleware(Door, base=base),
        Middleware(Preload, base=base),
    ],
    lifespan=lifespan,
)
