"""The gallery: races that were kept, to be opened again or laid side by side."""

import streamlit as st

from app.gallery import gallery
from app.text import t

with st.sidebar:
    st.caption(t("gallery.sidebar"))

gallery(key="gallery")
