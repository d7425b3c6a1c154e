"""`POST /ratings`: one or many, all or none, a 202 only for what the log has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from app.core.ratings.events import RatingLimits
from app.errors import InputError
from app.factory import create_ratings_app
from app.settings import load_settings
from app.topics import rating_topic_table
from app.transports import storage_for
from app.web import rating_intake
from app.web.openapi_rating_intake import rating_bodies
from app.web.rating_intake import MAX_RATINGS, read_ratings
from app.web.server import make_web_app
from app.wire.ratings import encode_rating
from tests.flow.ratings_stage import rating_ports

LIMITS = RatingLimits(1000, 500)
GOOD = {"userId": 7, "movieId": 32, "rating": 3.5, "timestamp": 1_761_763_121_809}


class Api:
    """A client of `POST /ratings`, the log that it writes, and the producer it writes by."""

    def __init__(self, client: Any, log: Any, producer: Any) -> None:
        self.client, self.log, self.producer = client, log, producer

    async def post(self, body: Any, **headers: str) -> tuple[int, dict[str, Any], Any]:
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        async with self.client.post("/ratings", data=raw, headers=headers) as response:
            return response.status, await response.json(), response.headers

    def events(self) -> list[tuple[int, bytes, bytes]]:
        return [
            (partition, record.key, record.value)
            for partition in range(6)
            for record in self.log.read(("ratings", partition), 0, 10_000)
        ]


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[Api]:
    """Serve the route over a memory log; the pipeline behind it does not run."""
    found = load_settings(
        broker=f"memory://{uuid4().hex}",
        rating_max_user_id=1000,
        rating_max_movie_id=500,
        **settings,
    )
    app = create_ratings_app(found, rating_ports())
    log = storage_for(str(app.conf.broker[0]))
    spec = rating_topic_table(found)[0]
    log.create_topic(spec.name, spec.partitions, spec.config)
    async with TestClient(TestServer(make_web_app(None, found, app.context))) as client:
        yield Api(client, log, app.producer)


async def test_one_rating_is_on_the_log_under_its_user() -> None:
    async with serving() as api:
        status, reply, _ = await api.post(GOOD)
        assert (status, reply) == (202, {"accepted": 1})
        [(partition, key, value)] = api.events()
        assert (partition, key) == (api.log.partition_for("ratings", b"7"), b"7")
        assert value == encode_rating(7, 32, 3.5, 1_761_763_121_809)


async def test_many_ratings_keep_their_order_within_each_user() -> None:
    ratings = [GOOD | {"userId": 1 + n % 9, "timestamp": 1000 + n} for n in range(MAX_RATINGS)]
    async with serving() as api:
        status, reply, _ = await api.post({"ratings": ratings})
        assert (status, reply) == (202, {"accepted": MAX_RATINGS})
        by_user: dict[bytes, list[int]] = {}
        for _, key, value in api.events():
            by_user.setdefault(key, []).append(msgspec.json.decode(value)["timestamp"])
        assert sorted(by_user) == [b"%d" % n for n in range(1, 10)]
        assert all(times == sorted(times) for times in by_user.values())


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"userId": 0}, "userId", "user_id: userId 0 is not in 1..1000"),
        ({"userId": 1001}, "userId", "user_id: "),
        ({"movieId": 501}, "movieId", "movie_id: "),
        ({"rating": 3.25}, "rating", "rating: rating 3.25 is not one of"),
        ({"rating": 0}, "rating", "rating: "),
        ({"timestamp": 0}, "timestamp", "timestamp: "),
        ({"timestamp": 10**30}, "timestamp", "type: "),
        ({"userId": "7"}, "userId", "type: userId is the text '7', not an integer"),
        ({"userId": True}, "userId", "type: "),
        ({"rating": None}, "rating", "type: rating is null, not a number"),
        ({"timestamp": 1.5}, "timestamp", "type: "),
        ({"note": 1}, "note", "type: 'note' is no field of a rating"),
    ],
)
async def test_one_wrong_rating_refuses_all_and_is_named_by_index_field_and_rule(
    wrong: dict[str, Any], field: str, words: str
) -> None:
    async with serving() as api:
        status, reply, _ = await api.post({"ratings": [GOOD, GOOD | wrong, GOOD]})
        assert status == 422
        assert reply["error"]["field"] == f"ratings[1].{field}"
        assert reply["error"]["message"].startswith(f"ratings[1]: {words}")
        status, reply, _ = await api.post(GOOD | wrong)
        assert (status, reply["error"]["field"]) == (422, field)
        assert reply["error"]["message"].startswith(words)
        assert api.events() == []


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, None),
        (b"{", 400, None),
        (b"\xff", 400, None),
        (b"[" * 100_000, 422, None),
        (b"[]", 422, None),
        (b"7", 422, None),
        (b"{}", 422, "userId"),
        (b'{"ratings": []}', 422, "ratings"),
        (b'{"ratings": {}}', 422, "ratings"),
        (b'{"ratings": [7]}', 422, "ratings[0]"),
        (b'{"ratings": [[]]}', 422, "ratings[0]"),
        (b'{"ratings": [{}]}', 422, "ratings[0].userId"),
        (b'{"ratings": [], "dry_run": true}', 422, "dry_run"),
        (msgspec.json.encode({"ratings": [GOOD] * (MAX_RATINGS + 1)}), 422, "ratings"),
        (b" " * 300_000, 413, None),
    ],
)
async def test_a_body_of_another_shape_is_refused(
    body: bytes, status: int, field: str | None
) -> None:
    async with serving() as api:
        found, reply, _ = await api.post(body)
        assert (found, reply["error"].get("field")) == (status, field), reply
        assert api.events() == []


async def test_it_needs_the_token_as_other_writes_do() -> None:
    async with serving(api_token="a token of some length") as api:
        assert (await api.post(GOOD))[0] == 401
        assert (await api.post(GOOD, Authorization="Bearer wrong"))[0] == 401
        assert api.events() == []
        assert (await api.post(GOOD, Authorization="Bearer a token of some length"))[0] == 202


async def test_what_the_log_refuses_or_does_not_acknowledge_is_a_503_never_a_202(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rating_intake, "SEND_SECONDS", 0.05)
    async with serving() as api:

        async def refuses(*_: Any, **__: Any) -> Any:
            raise ConnectionError("gone")

        async def is_silent(*_: Any, **__: Any) -> Any:
            return asyncio.get_running_loop().create_future()

        good = api.producer.send
        for send in (refuses, is_silent, is_silent):
            monkeypatch.setattr(api.producer, "send", send)
            status, reply, headers = await api.post(GOOD)
            assert (status, reply["error"]["code"]) == (503, "unavailable")
            assert int(headers["Retry-After"]) >= 1
        assert api.events() == []
        monkeypatch.setattr(api.producer, "send", good)
        async with asyncio.timeout(30):
            while (await api.post(GOOD))[0] != 202:
                await asyncio.sleep(0.1)
        assert len(api.events()) == 1


async def test_a_silent_log_is_not_waited_for_by_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rating_intake, "SEND_SECONDS", 0.05)
    sends = 0
    async with serving() as api:

        async def is_silent(*_: Any, **__: Any) -> Any:
            nonlocal sends
            sends += 1
            return asyncio.get_running_loop().create_future()

        monkeypatch.setattr(api.producer, "send", is_silent)
        assert (await api.post(GOOD))[0] == 503
        assert [(await api.post(GOOD))[0] for _ in range(3)] == [503] * 3
        assert sends == 1


def test_the_description_takes_what_is_taken() -> None:
    one, several = rating_bodies(LIMITS)
    for body, shape in ((GOOD, one), ({"ratings": [GOOD]}, several)):
        raw = msgspec.json.encode(body)
        msgspec.json.decode(raw, type=shape)
        assert len(read_ratings(raw, LIMITS)) == 1
    for wrong in ({"rating": 3.3}, {"userId": 0}, {"userId": 1001}, {"extra": 1}):
        raw = msgspec.json.encode(GOOD | wrong)
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(raw, type=one)
        with pytest.raises(InputError):
            read_ratings(raw, LIMITS)
