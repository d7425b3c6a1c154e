"""`GET /dead-letters`, one letter, `POST` redrive and purge, `GET /redrives`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from aiohttp import web

from agents.context import Context
from app.core.redrive import LetterState
from app.errors import InputError
from app.letters.desk import LocalDesk, Order, WantedPage
from app.letters.plans import Mended, Rules
from app.letters.sender import ProducerSender
from app.letters.shown import decoded, filter_of
from app.settings import Settings
from app.web import letter_bodies as bodies
from app.web.audit import note
from app.web.bodies import (
    NotJson,
    PageCursor,
    PageLimit,
    body_limit,
    decode,
    read_body,
    read_bytes,
    read_parameter,
)
from app.web.connections import LARGE_BODY_SECONDS
from app.web.replies import json_reply
from models.questions import QuestionId

_FILTERS = {
    "cause": bodies.Causes,
    "topic": bodies.TopicName,
    "since": bodies.When,
    "until": bodies.When,
    "attempts_at_least": bodies.Attempts,
    "question_id": QuestionId,
    "state": LetterState,
}

_TIME = "90s, 30m, 2h, 3d or 1w (that long ago), 2026-11-25T18:00:00Z, or Unix seconds"
_FORMS = {
    "since": _TIME,
    "until": _TIME,
    "origin": "topic/partition/offset",
    "value": "base64",
    "key": "base64, and comes with a value",
    "topic": "a topic's name",
    "question_id": "1 to 64 printable characters without blanks",
}


def add_routes(app: web.Application, context: Context, settings: Settings) -> None:
    rules = Rules.of(settings)

    def desk() -> LocalDesk:
        sender = ProducerSender(context.app.producer)
        return LocalDesk(context.ports.store, sender, rules, context.now, context.tracing)

    async def many(request: web.Request) -> web.Response:
        wanted = WantedPage(
            filter=_filter(request, context.now()),
            limit=read_parameter(request, "limit", PageLimit, 50),
            cursor=read_parameter(request, "cursor", PageCursor),
            newest_first=read_parameter(request, "order", bodies.Order, "newest") == "newest",
            with_bytes=read_parameter(request, "bytes", bool, False),
            with_counts=read_parameter(request, "counts", bool, False),
        )
        return json_reply(await desk().page(wanted))

    async def one(request: web.Request) -> web.Response:
        parts = request.match_info
        return json_reply(
            await desk().letter(f"{parts['topic']}/{parts['partition']}/{parts['offset']}")
        )

    async def redrive(request: web.Request) -> web.Response:
        larger = request.clone(client_max_size=body_limit(request.path))
        raw = await read_bytes(larger, LARGE_BODY_SECONDS)
        with _in_words():
            order = _order(raw, context.now())
        done = await desk().redrive(order)
        context.metrics.count("letters_redriven", by=done.get("sent", 0))
        note(_audited(done) | {"dry_run": order.dry_run, "by": order.by})
        return json_reply(done)

    async def purge(request: web.Request) -> web.Response:
        with _in_words():
            body = await read_body(request, bodies.PurgeBody)
        parts = _parts(body.filter)
        wanted = filter_of({"state": "all", **parts} if parts else {}, context.now())
        done = await desk().purge(wanted, explicit=bool(parts), dry_run=body.dry_run)
        note(_audited(done) | {"dry_run": body.dry_run})
        return json_reply(done)

    async def redrives(request: web.Request) -> web.Response:
        limit = read_parameter(request, "limit", PageLimit, 50)
        return json_reply({"redrives": await desk().redrives(limit)})

    async def resume(_: web.Request) -> web.Response:
        done = {"resumed": context.flood.resume()}
        note(done)
        return json_reply(done)

    app.router.add_get("/dead-letters", many)
    app.router.add_get("/dead-letters/{topic}/{partition}/{offset}", one)
    app.router.add_post("/dead-letters/redrive", redrive)
    app.router.add_post("/dead-letters/purge", purge)
    app.router.add_get("/redrives", redrives)
    app.router.add_post("/flood/resume", resume)


def _audited(done: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of what was done, without the letters themselves."""
    return {name: value for name, value in done.items() if isinstance(value, int | str)}


@contextmanager
def _in_words() -> Iterator[None]:
    """Say how a part has to look instead of the pattern that it does not match."""
    try:
        yield
    except InputError as error:
        part = (error.field or "").rpartition(".")[2]
        if part in _FORMS and not isinstance(error, NotJson):
            raise InputError(f"{part} is {_FORMS[part]}", field=error.field) from error
        raise


def _filter(request: web.Request, now: float) -> Any:
    with _in_words():
        given = {name: read_parameter(request, name, kind) for name, kind in _FILTERS.items()}
    return filter_of({name: value for name, value in given.items() if value is not None}, now)


def _parts(body: bodies.FilterBody) -> dict[str, Any]:
    """Return what a filter says, without what it leaves out."""
    parts = msgspec.structs.asdict(body)
    return {name: value for name, value in parts.items() if value not in (None, [], 0)}


def _order(raw: bytes, now: float) -> Order:
    """Read the body of a redrive: by filter, or of given letters. Raises InputError."""
    top = decode(raw, dict[str, Any])
    if ("filter" in top) == ("letters" in top):
        raise InputError("give either filter or letters", field="filter")
    if "filter" in top:
        by_filter = decode(raw, bodies.RedriveFilterBody)
        wanted = filter_of(_parts(by_filter.filter), now)
        order = Order(filter=wanted, limit=by_filter.limit, cursor=by_filter.cursor)
        return _with_record(order, by_filter)
    body = decode(raw, bodies.RedriveLettersBody)
    return _with_record(Order(letters={each.origin: _mended(each) for each in body.letters}), body)


def _mended(letter: bodies.LetterBody) -> Mended | None:
    value = decoded(letter.value, "letters.value")
    if value is not None:
        return Mended(value, decoded(letter.key, "letters.key"))
    if letter.key is not None:
        raise InputError("a new key needs a new value", field="letters.key")
    return None


def _with_record(order: Order, body: bodies.RedriveFilterBody | bodies.RedriveLettersBody) -> Order:
    return msgspec.structs.replace(
        order,
        dry_run=body.dry_run,
        redrive_id=body.redrive_id,
        by=body.by,
        transform=body.transform,
        planned=body.planned,
    )
