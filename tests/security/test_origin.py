"""Names this server answers to, and writes by web pages: against DNS rebinding and forged posts."""

from __future__ import annotations

import pytest

from app.web.origin import cross_site_problem, host_problem
from app.web.safe_headers import SAFE_HEADERS
from tests.web.client import Api, serving

ASK = {"question_text": "Why?", "original_answer": "An answer"}
SAFE = (
    "localhost",
    "LOCALHOST:6066",
    "127.0.0.1:6066",
    "[::1]:6066",
    "192.168.1.5",
    "answerloop:6066",
    "app.localhost",
    "localhost.",
)
FOREIGN = ("evil.example", "evil.example:6066", "127.0.0.1.evil.example", "localhost.evil.example")
BROKEN = ("", "a b", "u@localhost", ":80", "[::1", "localhost:port", "localhost/x", "localhost#x")


@pytest.mark.parametrize("host", SAFE)
def test_names_that_nobody_can_own_pass(host: str) -> None:
    assert host_problem([host], ()) is None


@pytest.mark.parametrize("host", [*FOREIGN, *BROKEN])
def test_other_names_do_not(host: str) -> None:
    assert host_problem([host], ())


def test_a_name_can_be_allowed_and_two_are_one_too_many() -> None:
    assert host_problem(["api.example"], {"api.example"}) is None
    assert host_problem(["x.example"], {"api.example"})
    assert host_problem(["x.example"], {"*"}) is None
    assert host_problem(["localhost", "localhost"], {"*"})
    assert host_problem([], ()) is None


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, True),
        ({"Origin": "http://127.0.0.1:6066"}, True),
        ({"Origin": "https://127.0.0.1:6066"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Origin": "https://api.example"}, True),
        ({"Origin": "http://127.0.0.1:3000"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "http://evil.example:6066"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Origin": "file://"}, False),
        ({"Origin": "http://[::1"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
    ],
)
def test_only_pages_of_this_origin_write(headers: dict[str, str], passes: bool) -> None:
    found = cross_site_problem({"Host": "127.0.0.1:6066", **headers}, {"api.example"})
    assert (found is None) == passes


async def _posts(api: Api, **headers: str) -> int:
    kinds = ("text/plain", "application/x-www-form-urlencoded", "application/json")
    statuses = set()
    for kind in kinds:
        sent = {"Content-Type": kind, **headers}
        async with api.client.post("/query", json=ASK, headers=sent) as response:
            statuses.add(response.status)
    assert len(statuses) == 1
    return int(statuses.pop())


async def test_a_page_elsewhere_can_not_post_a_question_that_costs_money() -> None:
    async with serving() as api:
        for origin in ("https://evil.example", "null", "http://localhost:1"):
            assert await _posts(api, Origin=origin) == 403
        assert await _posts(api, **{"Sec-Fetch-Site": "cross-site"}) == 403
        assert api.engine.messages(api.engine.names.questions_pending) == []
        assert await _posts(api) == 202


async def test_a_rebound_name_reads_and_writes_nothing() -> None:
    async with serving() as api:
        assert await _posts(api, Host="evil.example") == 421
        for path in ("/", "/questions", "/metrics", "/health", "/livez", "/nowhere"):
            async with api.client.get(path, headers={"Host": "evil.example"}) as response:
                assert (response.status, "questions" in await response.text()) == (421, False)
        assert api.engine.messages(api.engine.names.questions_pending) == []


async def test_no_reply_allows_another_origin_or_runs_anything() -> None:
    page = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    async with serving() as api:
        for method, path in (("GET", "/"), ("GET", "/nowhere"), ("OPTIONS", "/query")):
            async with api.client.request(method, path, headers=page) as response:
                assert not [name for name in response.headers if name.startswith("Access-")]
                assert {k: response.headers.get(k) for k in SAFE_HEADERS} == SAFE_HEADERS
