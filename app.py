"""The server: `streamlit run app.py`. It shows pages/ and keeps a supervisor running, which does the computing."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

ROOT = Path(__file__).parent
sys.path[:0] = [str(ROOT)] if str(ROOT) not in sys.path else []

from pages.parts import lab_route  # noqa: E402
from pages.parts.server import PLOTLY_FILE, PLOTLY_PATH, address  # noqa: E402

FIRST = ("engine.services", "engine.report.drawing", "pages.parts.live")
YEAR = 365 * 24 * 3600  # seconds

log = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    """Jobs run while the server does; neither waits for the other to start."""
    with ExitStack() as jobs:
        began = asyncio.create_task(asyncio.to_thread(supervise, jobs))
        yield
        await began
        await asyncio.to_thread(jobs.close)


def supervise(jobs: ExitStack) -> None:
    """Keep a supervisor running until `jobs` closes. Where it cannot be started the pages say so themselves."""
    warm_up()
    from engine import holdings, services
    from engine.errors import FrontierError
    from engine.jobs.keeper import kept
    from engine.lab import client as lab
    from engine.settings import Settings

    try:
        jobs.enter_context(lab.kept(Settings()))
        services.welcome()  # while the first browser loads its scripts
        holdings.sweep()
        jobs.enter_context(kept(Settings(), address=address()))
    except FrontierError as error:
        log.error("no supervisor: %s", error)
    look_at_ledgers()


def look_at_ledgers() -> None:
    """Log what does not add up; whatever a damaged store has in stock for this look, studies of others go on."""
    from engine import ledgers

    try:
        for name, found in ledgers.check().items():
            log.error("the privacy ledger of %s does not add up: %s", name, "; ".join(found))
    except Exception:
        log.exception("the privacy ledgers could not be checked")


def warm_up() -> None:
    """Load what the first page needs before somebody asks for it."""
    for module in FIRST:
        import_module(module)


async def healthz(_: Request) -> Response:
    return PlainTextResponse("ok")


async def plotly_js(_: Request) -> Response:
    """plotly.js as it lies in the plotly package; its address names the version, so it may be kept for good."""
    return FileResponse(
        PLOTLY_FILE, media_type="text/javascript", headers={"Cache-Control": f"public, max-age={YEAR}, immutable"}
    )


ROUTES = [
    Route("/healthz", healthz),
    Route(PLOTLY_PATH, plotly_js),
    Route(lab_route.PATH, lab_route.ask, methods=["POST"]),
]
app = st.App("pages/frame.py", lifespan=lifespan, routes=ROUTES)
