"""The frame of every page: what it is called, where to go, and one sentence when something went wrong."""

from pathlib import Path

import streamlit as st

from engine import services
from pages.parts import uploaded
from pages.parts.notices import told

ASSETS = Path(__file__).parents[1] / "assets"
DATA = "data"

# first of all: without an icon the browser would fetch that of the page from a server of Google's
st.set_page_config(page_title="Frontier", page_icon=str(ASSETS / "icon.svg"), layout="wide")
st.logo(str(ASSETS / "logo.svg"), size="large", icon_image=str(ASSETS / "icon.svg"))
st.html(Path(ASSETS / "frontier.css"))

page = st.navigation(
    {
        "Explore": [
            st.Page("explore/tradeoff.py", title="Trade-off", icon=":material/show_chart:", default=True),
            st.Page("explore/stories.py", title="Stories", icon=":material/auto_stories:", url_path="stories"),
        ],
        "Threats": [
            st.Page(
                "threats/tampered.py",
                title="Tampered images",
                icon=":material/blur_on:",
                url_path="tampered-images",
            ),
            st.Page(
                "threats/members.py",
                title="Who was in the data?",
                icon=":material/person_search:",
                url_path="who-was-in-the-data",
            ),
            st.Page(
                "threats/rebuilt.py",
                title="Rebuilt images",
                icon=":material/broken_image:",
                url_path="rebuilt-images",
            ),
            st.Page(
                "threats/copied.py",
                title="Copied model",
                icon=":material/content_copy:",
                url_path="copied-model",
            ),
        ],
        "Learn": [
            st.Page(
                "learn/privacy_budget.py",
                title="What is a privacy budget?",
                icon=":material/school:",
                url_path="privacy-budget",
            ),
            st.Page(
                "learn/attack.py",
                title="How an attack works",
                icon=":material/route:",
                url_path="how-an-attack-works",
            ),
        ],
        "Workspace": [
            st.Page("workspace/data.py", title="Data", icon=":material/photo_library:", url_path=DATA),
            st.Page("workspace/runs.py", title="Runs", icon=":material/list:", url_path="runs"),
            st.Page("workspace/ledger.py", title="Privacy ledger", icon=":material/menu_book:", url_path="ledger"),
        ],
    },
    expanded=True,
)
st.set_page_config(page_title=f"{page.title} - Frontier")
with told():
    services.welcome()
    if page.url_path != DATA:  # the one page where files are chosen
        uploaded.let_go_of_all()
    page.run()
