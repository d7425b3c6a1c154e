"""`POST /ratings`: ratings onto the topic, all of a request or none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from agents.ratings.context import RatingsContext
from app.core.pulse import Pulse
from app.core.ratings.events import Rating, RatingLimits, Refusal, Rule
from app.errors import BrokerUnavailable, InputError
from app.web.bodies import body_limit, decode, read_bytes
from app.web.replies import json_reply
from app.wire.ratings import check_rating, encode_rating, rating_key

MAX_RATINGS = 1000
SEND_SECONDS = 10.0
_FIELDS = {
    Rule.USER_ID: "userId",
    Rule.MOVIE_ID: "movieId",
    Rule.RATING: "rating",
    Rule.TIMESTAMP: "timestamp",
}
_NAMES = ("userId", "movieId", "rating", "timestamp")


def add_routes(app: web.Application, context: RatingsContext) -> None:
    limits = RatingLimits(context.limits.max_user_id, context.limits.max_movie_id)
    log = _Log(context)

    async def take(request: web.Request) -> web.Response:
        larger = request.clone(client_max_size=body_limit(request.path))
        ratings = read_ratings(await read_bytes(larger), limits)
        await log.send(ratings)
        return json_reply({"accepted": len(ratings)}, status=202)

    app.router.add_post("/ratings", take)


def read_ratings(raw: bytes, limits: RatingLimits) -> list[Rating]:
    """Read a body: one rating, or `{"ratings": [...]}` with 1 to MAX_RATINGS of them.

    Raises NotJson, or InputError with the first one that is wrong: its index, field and rule.
    """
    found = decode(raw, dict[str, Any])
    if "ratings" not in found:
        return [_checked(found, "", limits)]
    if unknown := [name for name in found if name != "ratings"]:
        raise InputError(f"no field {unknown[0][:100]} beside ratings", field=unknown[0][:100])
    several = found["ratings"]
    if not isinstance(several, list) or not 1 <= len(several) <= MAX_RATINGS:
        raise InputError(f"ratings is an array of 1 to {MAX_RATINGS} ratings", field="ratings")
    return [_checked(each, f"ratings[{n}]", limits) for n, each in enumerate(several)]


def _checked(found: object, place: str, limits: RatingLimits) -> Rating:
    rating = check_rating(found, limits)  # type: ignore[arg-type]  # it says what is no object
    if not isinstance(rating, Refusal):
        return rating
    field = _field(found, rating)
    where = ".".join(part for part in (place, field) if part)
    before = f"{place}: " if place else ""
    raise InputError(f"{before}{rating.rule}: {rating.detail}", field=where or None)


def _field(found: object, refusal: Refusal) -> str | None:
    """Return the field that a refusal is about; None when it is about the whole."""
    if refusal.rule in _FIELDS:
        return _FIELDS[refusal.rule]
    if not isinstance(found, Mapping):
        return None
    words = refusal.detail.replace(",", " ").split()
    if words[0] in _NAMES:
        return words[0]
    unknown = [name for name in found if name not in _NAMES]
    return str(unknown[0])[:100] if unknown else None


class _Log:
    """Appends to `ratings`; asks a log that has gone silent once a second only."""

    def __init__(self, context: RatingsContext) -> None:
        self._context = context
        self._pulse = Pulse()

    async def send(self, ratings: Sequence[Rating]) -> None:
        """Append in order, and wait for all acknowledgements. Raises BrokerUnavailable."""
        clock = asyncio.get_running_loop().time
        if self._pulse.refuses(clock()):
            raise BrokerUnavailable("the log acknowledges nothing at the moment")
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await asyncio.gather(*[await self._append(each) for each in ratings])
        except Exception as error:
            self._context.metrics.count("broker_errors")
            if isinstance(error, TimeoutError):
                self._pulse.silent(clock())
            else:
                self._pulse.unknown()
            raise BrokerUnavailable(
                f"the log did not take the ratings, or not all of them: {error!r}; send them again"
            ) from error
        except BaseException:
            self._pulse.unknown()
            raise
        self._pulse.acknowledged()

    async def _append(self, rating: Rating) -> Any:
        topic, key, value = (
            self._context.names.ratings,
            rating_key(rating.userId),
            encode_rating(*rating),
        )
        return await self._context.app.producer.send(topic, key, value, None, None, None)
