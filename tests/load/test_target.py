"""What answers over real HTTP are taken for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from app.errors import InputError, UnavailableError
from app.load.addresses import check_addresses, refuse_remote
from app.load.outcome import Kind, Outcome
from app.load.questions import Request
from app.load.target import http_target
from tests.load.service import HEADERS, make_app, served

BODY = Request(0, b'{"metadata": {"number": 0}}')
HOSTILE = "\x1b[31m<script>"


def replying(status: int, body: Any, **headers: str) -> Any:
    async def answer(_: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response(body, status=status, headers=named)

    return answer


def error(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": HOSTILE}}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (
            replying(202, {"question_id": "q", "status": "accepted"}),
            Outcome(Kind.ACCEPTED, "202", "q"),
        ),
        (
            replying(200, {"question_id": "q", "status": "dead", "attempts": []}),
            Outcome(Kind.ACCEPTED, "200", "q", "dead"),
        ),
        (replying(202, {"accepted": 3}), Outcome(Kind.ACCEPTED, "202")),
        (
            replying(503, error("backlog_full"), Retry_After="7"),
            Outcome(Kind.REFUSED, "503 backlog_full", retry_after=7.0),
        ),
        (replying(429, {}, Retry_After="60"), Outcome(Kind.REFUSED, "429", retry_after=60.0)),
        (replying(503, error("unavailable")), Outcome(Kind.ERROR, "503 unavailable")),
        (replying(401, error("unauthorized")), Outcome(Kind.ERROR, "401 unauthorized")),
        (replying(500, error(HOSTILE)), Outcome(Kind.ERROR, "500")),
        (replying(200, {"question_id": "q", "status": HOSTILE}), Outcome(Kind.ERROR, "200")),
        (replying(202, {}), Outcome(Kind.ERROR, "202")),
        (replying(202, [1]), Outcome(Kind.ERROR, "202 not answerloop's")),
        (replying(302, {}, Location="/query"), Outcome(Kind.ERROR, "302")),
    ],
)
async def test_every_answer_has_its_kind(answer: Any, outcome: Outcome) -> None:
    async with (
        served(make_app(answer)) as url,
        http_target([url], "/query", token=None, timeout_seconds=30) as target,
    ):
        assert await target.send(0, BODY) == outcome


async def test_no_answer_in_time_and_no_server() -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    async with served(make_app(never)) as url:
        async with http_target([url], "/query", token=None, timeout_seconds=0.2) as target:
            assert (await target.send(0, BODY)).kind is Kind.UNANSWERED
        async with http_target([url], "/query", token=None, timeout_seconds=30) as target:
            assert [each.status for each in await target.ready()] == [200]
    async with http_target([url], "/query", token=None, timeout_seconds=30) as target:
        assert await target.send(0, BODY) == Outcome(Kind.ERROR, "no connection")
        assert [each.status for each in await target.ready()] == [0]
        with pytest.raises(UnavailableError, match="/questions"):
            await target.page(10, None)


async def test_addresses_take_turns_and_get_the_token() -> None:
    one, two = make_app(), make_app()
    async with (
        served(one) as first,
        served(two) as second,
        http_target([first, second], "/query", token="t0", timeout_seconds=30) as target,
    ):
        for n in range(5):
            await target.send(n, BODY)
    assert (len(one[HEADERS]), len(two[HEADERS])) == (3, 2)
    assert {each["Authorization"] for each in one[HEADERS]} == {"Bearer t0"}


@pytest.mark.parametrize("host", ["127.0.0.1:6066", "[::1]:6066", "127.9.8.7", "localhost:1"])
async def test_this_machine_may_be_loaded(host: str) -> None:
    await refuse_remote(check_addresses([f"http://{host}"]))


@pytest.mark.parametrize("host", ["192.0.2.7:6066", "[2001:db8::1]", "10.0.0.1", "0.0.0.0:80"])
async def test_other_machines_are_refused(host: str) -> None:
    with pytest.raises(InputError, match="--yes-remote"):
        await refuse_remote(check_addresses(["http://127.0.0.1:1", f"http://{host}"]))


async def test_a_name_counts_as_all_that_it_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()

    async def resolve(host: str, *_: Any, **__: Any) -> list[Any]:
        if host == "nowhere.test":
            raise OSError("unknown")
        return [(0, 0, 0, "", ("127.0.0.1", 0)), (0, 0, 0, "", ("192.0.2.7", 0))]

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    with pytest.raises(InputError, match="--yes-remote"):
        await refuse_remote(["http://both.test"])
    with pytest.raises(UnavailableError, match=r"nowhere\.test"):
        await refuse_remote(["http://nowhere.test"])


@pytest.mark.parametrize(
    "url",
    ["", "ftp://127.0.0.1", "http://", "http://a b", "http://u:p@127.0.0.1", "http://h:99999"],
)
def test_an_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(InputError, match="--url"):
        check_addresses([url])
