"""The address where the lab's pictures are asked for: JSON in, JSON out, so that a slider's move runs no page."""

import asyncio
import json
import re
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.errors import FrontierError
from engine.lab import client
from engine.lab.asked import MOST_BODY

PATH = "/lab/ask"
VISITOR = re.compile("[a-z0-9-]{1,40}")
BUSY = "This took too long: try it once more, or choose fewer steps."


async def ask(request: Request) -> Response:
    """One question to the lab. 400: what was asked cannot be; 403 and 415: asked by another site, or not as JSON."""
    if (refusal := foreign(request)) is not None:
        return refusal
    try:
        values = await body(request)
        visitor = values.pop("visitor", "")
        if not isinstance(visitor, str) or not VISITOR.fullmatch(visitor):
            return problem("The visitor has no name: reload the page.", 400)
        future = await asyncio.to_thread(client.ask, values, visitor=visitor)
        said = await asyncio.wait_for(asyncio.wrap_future(future), client.LONGEST)
    except client.Busy as error:
        return problem(str(error), 503)
    except FrontierError as error:
        return problem(str(error), 400)
    except TooLarge as error:
        return problem(str(error), 413)
    except TimeoutError:
        client.give_up()
        return problem(BUSY, 503)
    return JSONResponse(said, 200 if "problem" not in said else 503 if said.get("ours") else 400)


class TooLarge(Exception):
    """More was sent than is read."""


async def body(request: Request) -> dict[str, Any]:
    """The question's values; FrontierError when they are no JSON object, TooLarge when they do not end."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        if (size := size + len(part)) > MOST_BODY:
            raise TooLarge(f"This is larger than {MOST_BODY // 1_000_000} MB, which is more than the lab reads.")
    try:
        values = json.loads(b"".join(parts))
    except (ValueError, RecursionError):
        raise FrontierError("A question to the lab is JSON, and this is not.") from None
    if not isinstance(values, dict):
        raise FrontierError("A question to the lab is a table of settings.")
    return values


def foreign(request: Request) -> Response | None:
    """A refusal of what another site sends, or a plain form of it could send; None for what our own page asks."""
    headers = request.headers
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return problem("Questions to the lab are sent as application/json.", 415)
    origin, host = headers.get("origin"), headers.get("host", "")
    ours = origin is None or urlsplit(origin).netloc.lower() == host.lower()
    if said := headers.get("sec-fetch-site"):  # the browser's own word, which holds behind a proxy as well
        ours = said == "same-origin"
    return None if ours else problem("The lab answers its own page only.", 403)


def problem(sentence: str, status: int) -> Response:
    """One sentence for a person."""
    return JSONResponse({"problem": sentence[:1].upper() + sentence[1:]}, status)
