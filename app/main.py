"""Navigation and page set-up, nothing else."""

import sys
from pathlib import Path

import streamlit as st

# Streamlit runs this file as a script; the repository's root must be importable from any folder.
ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from app.text import t  # noqa: E402

st.set_page_config(
    page_title=t("pages.title"),
    page_icon=str(ROOT / "assets" / "icon.svg"),
    layout="wide",
    initial_sidebar_state=300,
)
st.logo(
    str(ROOT / "assets" / "logo.svg"), size="large", icon_image=str(ROOT / "assets" / "icon.svg")
)

pages = [
    st.Page(
        "pages/explore.py",
        title=t("pages.explore"),
        icon=":material/device_thermostat:",
        default=True,
        help=t("pages.explore-hint"),
    ),
    st.Page(
        "pages/landscapes.py",
        title=t("pages.landscapes"),
        icon=":material/landscape:",
        help=t("pages.landscapes-hint"),
    ),
    st.Page(
        "pages/routes.py",
        title=t("pages.routes"),
        icon=":material/route:",
        help=t("pages.routes-hint"),
    ),
    st.Page(
        "pages/evidence.py",
        title=t("pages.evidence"),
        icon=":material/balance:",
        help=t("pages.evidence-hint"),
    ),
    st.Page(
        "pages/gallery.py",
        title=t("pages.gallery"),
        icon=":material/gallery_thumbnail:",
        help=t("pages.gallery-hint"),
    ),
]
st.navigation(pages).run()
