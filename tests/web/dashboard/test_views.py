"""The JSON of the views: shapes, figures, searches, and what is shown while a part is away."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.adapters.llm.memory import ScriptedModel
from app.core.retry import RetryPolicy
from app.web.dashboard import shapes, shapes_system
from app.web.dashboard.retries import COLUMNS, width_for
from tests.flow.engine import LIMITS, make_ports, poll, question
from tests.flow.faulty import FaultyStore
from tests.web.client import serving
from tests.web.dashboard.stage import SLOW, answer_of, play
from tests.web.test_elsewhere import ratings_only

LONG = replace(LIMITS, policy=SLOW)


async def test_real_views_have_exactly_the_described_shapes() -> None:
    model = ScriptedModel(answer_of)
    async with serving(make_ports(model=model), limits=LONG, broker="memory:") as api:
        ids = await play(api.engine)
        asked = [
            ("GET", f"/ui/api/questions/{ids['dead']}/journey", None, shapes.JourneyShown),
            ("GET", "/ui/api/overview", None, shapes.OverviewShown),
            ("GET", "/ui/api/questions?status=dead&limit=2", None, shapes.QuestionsShown),
            ("GET", "/ui/api/questions?q=star", None, shapes.QuestionsShown),
            ("GET", "/ui/api/retries?limit=3", None, shapes.RetriesShown),
            ("GET", "/ui/api/system", None, shapes_system.SystemShown),
            ("POST", "/retries/release", {"filter": {}}, shapes.Released),
            *(
                ("GET", f"/ui/api/questions/{each}", None, shapes.QuestionShown)
                for each in ids.values()
            ),
        ]
        for method, path, body, shape in asked:
            status, reply = await api.call(method, path, json=body)
            assert status == 200, path
            msgspec.convert(reply, shape)


async def test_the_overview_adds_up() -> None:
    model = ScriptedModel(answer_of)
    async with serving(make_ports(model=model), limits=LONG) as api:
        await play(api.engine)
        _, found = await api.get("/ui/api/overview")
    questions, calls = found["questions"], found["model"]
    assert questions["accepted"] == sum(questions["by_status"].values()) == 24
    assert questions["in_progress"] == questions["by_status"]["waiting"] == 14
    assert sum(group["questions"] for group in questions["waiting"]) == 14
    assert {group["cause"] for group in questions["waiting"]} == {"overloaded", "rate_limited"}
    assert calls["calls"] == len(model.calls) == 26
    assert calls["recent_calls"] == calls["by_outcome"]["answered"] == 9
    assert 0 <= calls["p50_seconds"] <= calls["p95_seconds"]
    assert found["findings"] == []


async def test_the_histogram_holds_every_wait() -> None:
    async with serving(make_ports(model=ScriptedModel(answer_of)), limits=LONG) as api:
        await play(api.engine)
        _, found = await api.get("/ui/api/retries?limit=5")
        _, only = await api.get("/ui/api/retries?cause=overloaded")
        _, rest = await api.get(f"/ui/api/retries?limit=500&cursor={found['cursor']}")
    due = found["due"]
    assert due["late"] + sum(due["columns"]) + due["later"] == found["waiting"] == 14
    times = [row["due_at"] for row in (*found["questions"], *rest["questions"])]
    assert (len(times), times) == (14, sorted(times))
    assert sum(only["due"]["columns"]) == len(only["questions"]) == 5


@pytest.mark.parametrize("seconds", [0.5, 24, 25, 360, 100_000])
def test_the_columns_hold_the_longest_wait(seconds: float) -> None:
    assert width_for(seconds) * COLUMNS >= seconds


async def test_an_old_question_is_found_by_its_id_and_texts_are_cut() -> None:
    async with serving(make_ports(model=ScriptedModel(lambda _: "x" * 900))) as api:
        old = question("Very old? " + "y" * 900, question_id="old-one", accepted_at=1.6e9)
        await api.engine.submit(old, question("old-one is not mentioned here"))
        await api.engine.finals(old)
        _, found = await api.get("/ui/api/questions?q=old-one")
        [first, *rest] = [row["question_id"] for row in found["questions"]]
        assert first == "old-one"
        assert "old-one" not in rest
        assert len(found["questions"][0]["question_text"]) == 300
        assert len(found["questions"][0]["answer"]) == 300
        _, none = await api.get("/ui/api/questions?q=old-one&status=waiting")
        assert none["questions"] == []


async def test_with_the_database_away_the_overview_tells_what_was_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.web.dashboard.kept.SHARE", 1.0)
    monkeypatch.setattr("app.web.dashboard.overview.COUNT_SECONDS", 0.01)
    monkeypatch.setattr("app.web.dashboard.overview.HEALTH_SECONDS", 0.01)
    store = FaultyStore()
    async with serving(make_ports(store=store)) as api:
        await api.query({"question_text": "Why?"}, wait=30)
        _, before = await api.get("/ui/api/overview")
        store.down = True
        for _ in range(50):
            status, found = await api.get("/ui/api/overview")
            if any("is down" in each["text"] for each in found["findings"]):
                break
            await asyncio.sleep(0.02)
        assert (await api.get("/ui/api/questions"))[0] == 503
        store.down = False
    assert status == 200
    assert found["questions"]["accepted"] == before["questions"]["accepted"] == 1
    assert "The database is down" in found["findings"][0]["text"]


async def test_a_worker_of_ratings_has_an_overview_and_says_where_questions_are(
    tmp_path: Path,
) -> None:
    async with ratings_only(tmp_path) as client:
        async with client.get("/ui/api/overview") as response:
            found = await response.json()
        async with client.get("/ui/api/retries") as response:
            error = (await response.json())["error"]
    assert (found["questions"], found["model"], found["pipelines"]) == (None, None, ["ratings"])
    assert error["code"] == "not_in_this_worker"


async def test_the_system_view_shows_settings_masked_and_stages_with_what_is_before_them() -> None:
    limits = replace(LIMITS, policy=RetryPolicy(overload_base_seconds=300))
    secret = "canary-of-the-system-view"
    async with serving(limits=limits, api_token=secret) as api:
        _, found = await api.get("/ui/api/system")
    rows = {row["setting"]: row for row in found["settings"]}
    assert rows["ANSWERLOOP_API_TOKEN"]["value"] == "********"
    assert rows["ANSWERLOOP_API_TOKEN"]["from"] == "set"
    assert secret not in str(found)
    stages = {row["stage"]: row for row in found["stages"]}
    assert set(stages) == {"admit", "ask", "route", "hold", "judge", "persist"}
    assert stages["ask"]["topics"] == ["llm-requests"]
    assert all(row["behind"] == 0 for row in stages.values())
    assert found["gate"]["threshold"] == 0.6


async def test_the_system_view_tells_throughput_commits_and_the_lag_of_the_loop() -> None:
    async with serving(make_ports(model=ScriptedModel(answer_of)), limits=LONG) as api:
        await play(api.engine)

        async def committed() -> bool:
            _, found = await api.get("/ui/api/system")
            own = [row for row in found["commits"] if row["topic"] == "llm-requests"]
            return (
                sum(row["committed"] or 0 for row in own) == 26
                and all(row["acknowledged"] == 0 for row in found["commits"])
                and found["event_loop"]["longest_seconds"] is not None
            )

        await poll(committed, 60)
        _, found = await api.get("/ui/api/system")
    stages = {row["stage"]: row for row in found["stages"]}
    done = {name: row["done_last_minute"] for name, row in stages.items()}
    assert (done["admit"] >= 24, done["ask"], done["judge"], done["route"]) == (True, 26, 9, 17)
    assert 0 < stages["ask"]["per_second"] <= 26
    assert {(row["in_hand"], row["queued"], row["paused"]) for row in stages.values()} == {
        (0, 0, None)
    }
    commits = [row for row in found["commits"] if row["topic"] == "llm-requests"]
    assert {row["group"] for row in commits} == {"answerloop-questions"}
    assert [row["partition"] for row in commits] == [0, 1, 2, 3]
    assert all(row["commit_seconds"] is not None for row in commits if row["committed"])
    assert all((row["behind"], row["oldest_seconds"]) == (0, None) for row in commits)
    assert {row["name"] for row in found["dependencies"] if row["seconds"] is not None} == {
        *("broker", "database", "cache", "model", "scorer")
    }
    assert {"answerloop", "Python", "faust-streaming"} <= {row["name"] for row in found["versions"]}


async def test_the_system_view_tells_what_piles_up_before_a_slow_stage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = replace(LIMITS, concurrency=2)
    async with serving(make_ports(model=ScriptedModel(seconds=3600)), limits=limits) as api:
        asked = [question(f"Is it slow, {n}?") for n in range(30)]
        await api.engine.submit(*asked)
        at: dict[str, Any] = {}

        async def full() -> bool:
            _, found = await api.get("/ui/api/system")
            at.update({row["stage"]: row for row in found["stages"]}["ask"], all=found)
            return bool(at["behind"] == 30 and at["in_hand"] + at["queued"] == 30)

        await poll(full, 60)
        assert 2 <= at["in_hand"] < 30
        assert (at["done_last_minute"], at["paused"]) == (0, None)
        waiting = [row for row in at["all"]["commits"] if row["topic"] == "llm-requests"]
        assert sum(row["behind"] for row in waiting) == 30
        assert all(0 <= row["oldest_seconds"] < 600 for row in waiting if row["behind"])
        limiter = api.engine.context.turnstile.limiter
        monkeypatch.setattr(type(limiter), "pause_left", lambda *_: 12.0)
        _, found = await api.get("/ui/api/system")
    paused = {row["stage"]: row["paused"] for row in found["stages"]}
    assert paused.pop("ask") == "rate limited for 12 s"
    assert set(paused.values()) == {None}
