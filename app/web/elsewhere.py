"""Routes of a pipeline that this worker does not run: 404, with a word on who serves them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from aiohttp import web

from app.config.pipelines import QUESTIONS, RATINGS
from app.settings import PREFIX
from app.web.replies import error_response

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: How the paths begin that each pipeline's worker serves.
FIRST_PARTS = {
    QUESTIONS: (
        "query",
        "questions",
        "costs",
        "score",
        "dead-letters",
        "redrives",
        "flood",
        "retries",
        "ui/api/questions",
        "ui/api/retries",
        "ui/api/quality",
    ),
    RATINGS: ("ratings", "recommendations", "ui/api/ratings"),
}


def hints(running: Collection[str]) -> Any:
    """Tell who asks for a route of another pipeline that another worker has it."""
    absent = {
        part: pipeline
        for pipeline, parts in FIRST_PARTS.items()
        for part in parts
        if pipeline not in running
    }

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPNotFound:
            path = f"{request.path[1:]}/"
            pipeline = next((absent[part] for part in absent if path.startswith(f"{part}/")), None)
            if pipeline is None:
                raise
            return error_response(
                404,
                "not_in_this_worker",
                f"this worker runs {', '.join(running)} only: ask one whose {PREFIX}PIPELINES "
                f"names {pipeline}",
            )

    return middleware
