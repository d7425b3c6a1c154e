"""`POST /retries/release`, and the audit log of actions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from app.adapters.llm.memory import ScriptedModel
from app.core.failures import CAUSES
from app.core.retry import RetryPolicy
from app.errors import BrokerUnavailable, llm_failed
from tests.flow.engine import LIMITS, make_ports, question
from tests.web.client import Api, serving

OVERLOADED = llm_failed(CAUSES["overloaded"], "busy", status=503)
LIMITED = llm_failed(CAUSES["rate_limited"], "too many", status=429)
HOURS = RetryPolicy(overload_base_seconds=3000, quota_delay_seconds=6000, overload_max_seconds=9000)
PATH = "/retries/release"


def waiting_api(**settings: Any) -> Any:
    model = ScriptedModel(lambda prompt: "An answer")
    return serving(make_ports(model=model), limits=replace(LIMITS, policy=HOURS), **settings)


async def wait_for(api: Api, *causes: Any) -> list[str]:
    """Bring a question into the wait of each cause; return their ids."""
    asked = [question(f"Question {n}?") for n in range(len(causes))]
    for each, cause in zip(asked, causes, strict=True):
        api.engine.ports.model.script(each.question_text, cause)
    await api.engine.submit(*asked)
    for each in asked:
        await api.engine.in_state(each.question_id, "waiting")
    await api.engine.idle()
    return [each.question_id for each in asked]


async def test_a_wait_of_hours_ends_now_and_only_that_one() -> None:
    async with waiting_api() as api:
        one, other = await wait_for(api, OVERLOADED, LIMITED)
        body = {"question_ids": [one, "unknown"], "dry_run": False}
        status, done = await api.call("POST", PATH, json=body)
        assert (status, done["waiting"], done["released"], done["failed"]) == (200, 1, 1, 0)
        row = await api.engine.final(one)
        assert (row.status, len(row.attempts)) == ("validated", 2)
        await api.engine.idle()
        still = await api.engine.ports.store.question(other)
        assert still.status == "waiting"
        assert len(api.engine.ports.model.calls) == 3


async def test_a_plan_ends_nothing_and_says_what_would_end() -> None:
    async with waiting_api() as api:
        ids = await wait_for(api, OVERLOADED, OVERLOADED, LIMITED)
        status, plan = await api.call("POST", PATH, json={"filter": {"cause": "overloaded"}})
        assert (status, plan["dry_run"], plan["waiting"], plan["released"]) == (200, True, 2, 0)
        assert {wait["question_id"] for wait in plan["waits"]} == set(ids[:2])
        await api.engine.idle()
        assert len(api.engine.messages(api.engine.names.llm_requests)) == 3


async def test_all_end_in_pages_the_soonest_first() -> None:
    async with waiting_api() as api:
        ids = await wait_for(api, LIMITED, OVERLOADED, OVERLOADED)
        released, cursor = 0, None
        while True:
            body: dict[str, Any] = {"filter": {}, "limit": 2, "dry_run": False}
            _, done = await api.call(
                "POST", PATH, json=body | ({"cursor": cursor} if cursor else {})
            )
            released += done["released"]
            if (cursor := done["cursor"]) is None:
                break
        assert released == 3
        for each in ids:
            assert (await api.engine.final(each)).status == "validated"


async def test_a_word_too_many_calls_nobody_twice() -> None:
    async with waiting_api() as api:
        [one] = await wait_for(api, OVERLOADED)
        body = {"question_ids": [one], "dry_run": False}
        for _ in range(5):
            await api.call("POST", PATH, json=body)
        await api.engine.final(one)
        await api.engine.idle()
        _, done = await api.call("POST", PATH, json=body)
        assert done["waiting"] == 0
        assert len(api.engine.ports.model.calls) == 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"filter": {}, "question_ids": ["a"]},
        {"question_ids": []},
        {"filter": {"couse": "x"}},
        {"filter": {}, "limit": 0},
        {"filter": {}, "cursor": "no cursor"},
    ],
)
async def test_bad_orders_are_refused(body: Any) -> None:
    async with waiting_api() as api:
        status, found = await api.call("POST", PATH, json=body)
    assert status == 422
    assert found["error"]["field"]


async def test_without_the_log_nothing_ends_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: Any) -> None:
        raise BrokerUnavailable("gone")

    async with waiting_api() as api:
        await wait_for(api, OVERLOADED)
        monkeypatch.setattr("app.web.releases.send_once", refuse)
        status, _ = await api.call("POST", PATH, json={"filter": {}, "dry_run": False})
    assert status == 503


async def test_every_action_is_a_line_of_the_log_also_the_refused_one() -> None:
    async with waiting_api(api_token="a token of some length") as api:
        api.engine.context.log = structlog.get_logger("answerloop")
        with capture_logs() as lines:
            await api.call("POST", PATH, json={"filter": {}})
            good = {"Authorization": "Bearer a token of some length"}
            await api.call("POST", PATH, json={"filter": {}}, headers=good)
            await api.call("POST", "/flood/resume", headers=good)
            await api.call("POST", "/dead-letters/redrive", json={"filter": {}}, headers=good)
            cross = {**good, "Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
            await api.call("POST", PATH, json={"filter": {}, "dry_run": False}, headers=cross)
            await api.query({"question_text": "Why?"})
    found = [line for line in lines if line["event"] == "action"]
    assert [(line["action"], line["result"]) for line in found] == [
        ("release", 401),
        ("release", 200),
        ("resume", 200),
        ("redrive", 200),
        ("release", 403),
    ]
    assert found[1] | {"waiting": 0, "dry_run": True, "by_token": True} == found[1]
    assert found[1]["from_address"] == "127.0.0.1"
    assert found[1]["cause"] is None
    assert found[3]["by"] == "http"
    assert "a token of some length" not in str(lines)
