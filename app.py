"""The server: `streamlit run app.py`. It shows pages/ and keeps a supervisor running, which does the computing."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from subprocess import Popen
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

ROOT = Path(__file__).parent
sys.path[:0] = [str(ROOT)] if str(ROOT) not in sys.path else []

from pages.parts.server import PLOTLY_FILE, PLOTLY_PATH, address  # noqa: E402

PATIENCE = (1.0, 30.0)  # seconds between two tries to start a supervisor: the first, the longest
FIRST = ("engine.services", "engine.report.drawing", "pages.parts.live")
YEAR = 365 * 24 * 3600  # seconds

log = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    """Jobs run while the server does; neither waits for the other to start."""
    task = asyncio.create_task(supervise())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def supervise() -> None:
    """Keep a supervisor running: one that dies is followed by another, which takes up its jobs."""
    await asyncio.to_thread(warm_up)
    from engine.jobs import supervisor

    process: Popen[bytes] | None = None
    pause, longest = PATIENCE
    try:
        while True:
            if process is None or process.poll() is not None:
                process = await asyncio.to_thread(start)
                pause = min(2 * pause, longest)
            await asyncio.sleep(pause if process is None else PATIENCE[0])
    finally:
        if process is not None:
            await asyncio.to_thread(supervisor.stop, process)


def start() -> "Popen[bytes] | None":
    """A new supervisor; None, and a line in the log, when it cannot be started: the pages say so themselves."""
    from engine.errors import FrontierError
    from engine.jobs import supervisor
    from engine.settings import Settings

    try:
        return supervisor.start(Settings(), address=address())
    except (FrontierError, OSError) as error:
        log.error("no supervisor: %s", error)
        return None


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


app = st.App("pages/frame.py", lifespan=lifespan, routes=[Route("/healthz", healthz), Route(PLOTLY_PATH, plotly_js)])
