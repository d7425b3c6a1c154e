"""Whole runs over real HTTP: against the real pipeline, and against a server that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from app.core.lifecycle import Status
from app.load.arrivals import constant, due_times, until
from app.load.plan import Limits, Plan
from app.load.playing import play
from app.load.questions import Questions, from_file
from app.load.ratings import Ratings
from app.samples import samples_path
from tests.load.service import accept, make_app, served
from tests.web.client import Api, serving


def plan_of(url: str, rate: float, count: int, **options: float) -> Plan:
    source, _, _ = from_file(samples_path())

    def times() -> Iterator[float]:
        return until(due_times(constant(rate)), None, count)

    return Plan("run", [url], Questions("run", source, 1, **options), times, {"arrivals": "x"})


def address(api: Api) -> str:
    return str(api.client.make_url("")).rstrip("/")


async def test_questions_of_a_run_are_followed_to_their_ends_in_the_real_pipeline() -> None:
    async with serving() as api:
        plan = plan_of(address(api), 40.0, 60, repeats=0.25, references=0.5)
        played = await play(plan, asyncio.Event())
        rows = (await api.engine.ports.store.questions(limit=500)).questions
    results = played.results
    assert (results.due, results.accepted, results.unsettled) == (60, 60, 0)
    asked = {plan.traffic.make(n, 0.0).number for n in range(60)}
    assert len(rows) == len(asked) < 60  # repeats made no question of their own
    assert all(row.metadata["load_run"] == "run" for row in rows)
    ended = {str(row.question_id): str(row.status) for row in rows}
    assert results.settled == sum(results.states.values()) == 60
    assert set(results.states) == set(ended.values())
    assert results.settle_seconds.missing == 0


async def test_times_of_ends_are_those_that_the_pipeline_stored() -> None:
    async with serving() as api:
        played = await play(plan_of(address(api), 40.0, 20), asyncio.Event())
        rows = (await api.engine.ports.store.questions(limit=500)).questions
    stored = [row.finished_at - played.started_at - row.metadata["number"] / 40.0 for row in rows]
    latency = played.results.settle_seconds
    assert latency.count == len(stored) == 20
    assert latency.total == pytest.approx(sum(stored), abs=20 * 0.002)  # milliseconds are cut off


async def test_ratings_are_accepted_by_the_real_api_or_refused_by_name() -> None:
    async with serving(ratings=True) as api:
        ratings = Ratings(1, 1_700_000_000_000, 50, 20, batch=10)
        plan = replace(plan_of(address(api), 50.0, 5), traffic=ratings, follow=False)
        played = await play(plan, asyncio.Event())
    # The routes are there, the ratings' log is not: each request is refused by name, none lost.
    results = played.results
    assert results.due == 5
    assert results.accepted + sum(results.refused.values()) == 5
    assert not results.errors


async def test_a_server_that_stands_still_shows_in_the_percentiles() -> None:
    loop = asyncio.get_running_loop()
    first: list[float] = []

    async def stalling(request: web.Request) -> web.StreamResponse:
        first[:] = first or [loop.time()]
        since = loop.time() - first[0]
        if 0.4 <= since < 1.0:
            await asyncio.sleep(1.0 - since)
        return await accept(request)

    async with served(make_app(stalling)) as url:
        played = await play(plan_of(url, 100.0, 140), asyncio.Event())
    latency = played.results.accept_seconds
    # Of 140 requests 40 or so are due in the stall with 0.2 s of it or more before them. A busy
    # machine makes them later, never sooner.
    assert latency.quantile(1 - 20 / 140) >= 0.2
    assert latency.longest >= 0.5
    assert Limits(accept_p99=0.2).broken(played.results)
    assert not Limits(accept_p99=1e6, settle_p99=1e6, errors=0.0).broken(played.results)


async def test_limits_are_not_kept_by_measuring_nothing() -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.json_response({}, status=503, headers={"Retry-After": "5"})

    async with served(make_app(refuse)) as url:
        played = await play(plan_of(url, 100.0, 10), asyncio.Event())
    assert played.results.refused == {"503": 10}
    said = Limits(accept_p99=9.0, settle_p99=9.0, errors=0.0).broken(played.results)
    assert len(said) == 2  # refusals are no errors


@pytest.mark.postgres
def test_the_statement_that_removes_a_run_is_for_the_tables_as_they_are(
    postgres_dsn: str,
) -> None:
    statements = Path("docs/load.md").read_text(encoding="utf-8")
    statements = statements.split("```sql")[1].split("```")[0]

    async def remove() -> list[str]:
        import asyncpg

        connection = await asyncpg.connect(postgres_dsn)
        try:
            for n, run in enumerate(("3f9c21aa", "other")):
                await connection.execute(
                    "INSERT INTO questions (question_id, status, round, generation, attempt,"
                    " question_text, model, metadata, accepted_at)"
                    " VALUES ($1, $2, 0, 1, 1, 'Why?', 'm', $3, 1)",
                    f"q{n}",
                    str(Status.VALIDATED),
                    f'{{"load_run": "{run}", "number": {n}}}',
                )
                await connection.execute(
                    "INSERT INTO attempts (question_id, round, generation, attempt, model, owner,"
                    " lease_until, started_at, waited_seconds)"
                    " VALUES ($1, 0, 1, 1, 'm', 'o', 1, 1, 0)",
                    f"q{n}",
                )
            await connection.execute(statements)
            found = []
            for table in ("questions", "attempts"):
                rows = await connection.fetch(f"SELECT question_id FROM {table}")
                found += [row["question_id"] for row in rows]
            return found
        finally:
            await connection.close()

    assert asyncio.run(remove()) == ["q1", "q1"]
