"""Navigation and page set-up, nothing else."""

import sys
from pathlib import Path

import streamlit as st

# Streamlit runs this file as a script; the house's root must be importable whatever folder it was started from.
ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

st.set_page_config(page_title="Kelvin · learning without gradients", page_icon=str(ROOT / "assets" / "icon.svg"), layout="wide", initial_sidebar_state=300)
st.logo(str(ROOT / "assets" / "logo.svg"), size="large", icon_image=str(ROOT / "assets" / "icon.svg"))

pages = [
    st.Page("pages/explore.py", title="Explore", icon=":material/device_thermostat:", default=True, help="Race methods on a neural network."),
    st.Page("pages/landscapes.py", title="Landscapes", icon=":material/landscape:", help="Watch methods walk on functions of two numbers."),
    st.Page("pages/gallery.py", title="Gallery", icon=":material/gallery_thumbnail:", help="Recordings: open one, or compare up to eight."),
]
st.navigation(pages).run()
