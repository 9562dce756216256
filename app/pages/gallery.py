"""The gallery: saved races, to be opened again or compared."""

import streamlit as st

from app.gallery import gallery
from app.text import t

with st.sidebar:
    st.caption(t("gallery.sidebar"))

gallery(key="gallery")
