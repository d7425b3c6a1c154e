"""`POST /questions`: several questions onto the log, all of a request or none."""

from __future__ import annotations

import math

from aiohttp import web

from agents.context import Context
from app.core.flood import Door
from app.errors import InputError
from app.intake import Asked, Intake, NewQuestion
from app.settings import Settings
from app.tracing import carrier_of
from app.web.backlog import Backlog
from app.web.bodies import QuestionOfMany, QuestionsBody, body_limit, check_metadata, read_body
from app.web.replies import error_response, json_reply


def add_routes(
    app: web.Application, context: Context, settings: Settings, intake: Intake, backlog: Backlog
) -> None:
    limit = settings.backlog_limit

    async def take(request: web.Request) -> web.Response:
        larger = request.clone(client_max_size=body_limit(request.path))
        body = await read_body(larger, QuestionsBody)
        found = await intake.find([_asked(n, each) for n, each in enumerate(body.questions)])
        places = len({one.question_id for one in found if one.unknown})
        if places > limit:
            raise InputError(
                f"{places} new questions, and BACKLOG_LIMIT is {limit}: send fewer at once",
                field="questions",
            )
        if places and (seconds := flooded(places)):
            return error_response(
                503, "flooded", context.flood.reason or "", Retry_After=f"{math.ceil(seconds)}"
            )
        if places and await backlog.full(places):
            return error_response(
                503,
                "backlog_full",
                f"{limit} questions are in progress, or would be with these {places}",
                Retry_After=str(backlog.retry_after(places)),
            )
        try:
            await intake.take_all(found, carrier_of(request.headers))
        finally:
            backlog.stored(places)
        rows = [{"question_id": one.question_id, "status": str(one.status)} for one in found]
        return json_reply({"questions": rows}, status=202)

    def flooded(places: int) -> float:
        """Return for how long so many can't come in: while intake is stopped, one at a time may."""
        if not context.flood.open:
            return 0.0
        if places > 1:
            return settings.flood_probe_seconds
        return context.flood.wait(Door.INTAKE, context.now())

    app.router.add_post("/questions", take)


def _asked(number: int, body: QuestionOfMany) -> Asked:
    check_metadata(body.metadata, f"questions[{number}].")
    new = NewQuestion(body.question_text, body.original_answer, body.metadata)
    return Asked(new, body.idempotency_key, body.fresh)
