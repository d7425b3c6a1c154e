"""The JSON of quality and ratings: shapes, figures, the gate's check, what is shown while away."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.adapters.llm.memory import ScriptedModel
from app.adapters.scorer.memory import OverlapScorer
from app.adapters.store.rating_memory import MemoryRatingStore
from app.calibration.check import built_in_check_pairs
from app.calibration.kept import keep
from app.calibration.measure import Scored
from app.calibration.pairs import Kind
from app.core.gate import Score
from app.core.ratings.changes import Changes, MovieTotal, Totals, Window
from app.settings import load_settings
from app.web.dashboard import ratings as rating_views
from app.web.dashboard import shapes_quality as shapes
from models.ratings import StreamMetrics
from tests.flow.engine import LIMITS, make_ports, question
from tests.flow.faulty import FaultyStore
from tests.web.client import serving
from tests.web.dashboard.stage import SLOW, answer_of, play
from tests.web.test_elsewhere import ratings_only

LONG = replace(LIMITS, policy=SLOW)


def keep_check(folder: Path, good: float, random: float) -> None:
    """Keep scores of the built-in pairs, as a worker does at its start."""
    settings = load_settings(data_dir=folder, scorer="memory:")
    scored = []
    for pair in built_in_check_pairs():
        figure = good if pair.kind is Kind.GOOD else random
        scored.append(Scored(pair, Score(figure, figure, figure), None))
    keep(settings, OverlapScorer(), scored)


async def test_quality_adds_up_and_has_exactly_the_described_shape(tmp_path: Path) -> None:
    keep_check(tmp_path, good=0.9, random=0.1)
    ports = make_ports(model=ScriptedModel(answer_of))
    options: dict[str, Any] = {"data_dir": tmp_path, "scorer": "memory:", "database": "memory:"}
    async with serving(ports, limits=LONG, **options) as api:
        await play(api.engine)
        for each in ("hour", "day", "all"):
            status, found = await api.get(f"/ui/api/quality?range={each}")
            assert status == 200
            shown = msgspec.convert(found, shapes.QualityShown)
        status, error = await api.get("/ui/api/quality?range=year")
    assert (status, error["error"]["field"]) == (422, "range")
    assert shown.covers == shapes.Covers(24, shown.covers.oldest_at, True)
    assert (shown.judged.judged, shown.judged.passed) == (6, 5)
    assert sum(each.validated for each in shown.scores.columns) == 5
    assert sum(each.low_quality for each in shown.scores.columns) == 1
    assert [(each.judged, each.passed) for each in shown.generations] == [(6, 5), (1, 0), (1, 0)]
    assert shown.generations[-1].passed_so_far == 5 / 6
    [rejected] = shown.rejections
    assert (rejected.answers, rejected.questions, rejected.ended.passed) == (3, 1, 0)
    assert sum(each.judged for each in shown.languages.groups) == shown.languages.sampled == 6
    worst, best = shown.pairs.worst[0], shown.pairs.best[0]
    assert (worst.status, best.status) == ("low_quality", "validated")
    assert worst.question_text.startswith("Why is the sky blue?")
    assert worst.original_answer.startswith("Short wavelengths")
    assert shown.check is not None
    assert (shown.check.good, shown.check.findings) == (
        shapes.RateShown(48, 48, 1.0, shown.check.good and shown.check.good.interval),
        [],
    )


async def test_a_gate_that_passes_random_pairs_is_told_with_what_mends_it(tmp_path: Path) -> None:
    keep_check(tmp_path, good=0.9, random=0.8)
    settings: dict[str, Any] = {"quality_threshold": 0.75, "quality_metric": "f1"}
    async with serving(data_dir=tmp_path, scorer="memory:", **settings) as api:
        _, found = await api.get("/ui/api/quality")
    assert found["check"]["random"]["passed"] == 48
    assert "passes 48 of 48 random pairs" in found["check"]["findings"][0]
    assert "answerloop gate calibrate" in found["check"]["mend"]


async def test_without_a_check_and_a_question_everything_is_empty(tmp_path: Path) -> None:
    async with serving(data_dir=tmp_path, scorer="memory:") as api:
        _, found = await api.get("/ui/api/quality")
    shown = msgspec.convert(found, shapes.QualityShown)
    assert (shown.check, shown.check_trouble, shown.judged.judged) == (None, None, 0)
    assert shown.judged.pass_share is shown.judged.interval is None


async def test_with_the_database_away_quality_is_what_was_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.web.dashboard.quality.READ_SECONDS", 0.01)
    monkeypatch.setattr("app.web.dashboard.kept.SHARE", 1.0)
    store = FaultyStore()
    async with serving(make_ports(store=store), limits=LIMITS) as api:
        await api.query({"question_text": "Why?", "original_answer": "An answer"}, wait=30)
        _, before = await api.get("/ui/api/quality")
        store.down = True
        for _ in range(200):
            await asyncio.sleep(0.02)
            status, found = await api.get("/ui/api/quality")
            if found["trouble"]:
                break
        assert (await api.get("/ui/api/quality?range=all"))[0] == 503, "never read"
        store.down = False
    assert (status, found["judged"]) == (200, before["judged"])
    assert before["judged"]["judged"] == 1
    assert "away" in found["trouble"]


def changes() -> Changes:
    totals = Totals(
        valid=40,
        rejected={"rating": 3},
        duplicate=2,
        stale=1,
        users=4,
        by_halves=[0, 1, 2, 3, 4, 5, 6, 7, 8, 3, 1],
        predicted=40,
        squared_error=40.0,
        windows=[Window(60_000 * n, n, 7 * n) for n in range(1, 9)],
    )
    movies = [MovieTotal(n, n, n * 7, 60_000 * n) for n in range(1, 16)]
    return Changes(0, 0, 46, totals, movies, b"")


async def test_ratings_have_exactly_the_described_shape_and_a_users_movies() -> None:
    async with serving(ratings=True, broker="memory:") as api:
        _, empty = await api.get("/ui/api/ratings")
        msgspec.convert(empty, shapes.RatingsShown)
        assert empty["stats"]["valid"] == 0
        status, error = await api.get("/ui/api/ratings?user=0")
        assert (status, error["error"]["field"]) == (422, "user")
        _, found = await api.get("/ui/api/ratings?user=7")
        shown = msgspec.convert(found, shapes.RatingsShown)
    assert shown.recommendations is not None
    assert (shown.recommendations.userId, shown.recommendations.source) == (7, "popular")


async def test_ratings_are_of_the_store_and_only_where_their_pipeline_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryRatingStore()
    await store.save(changes())
    monkeypatch.setattr("tests.flow.ratings_stage.MemoryRatingStore", lambda: store)
    async with serving(ratings=True, broker="memory:") as api:
        _, found = await api.get("/ui/api/ratings")
    shown = msgspec.convert(found, shapes.RatingsShown)
    assert (shown.stats.valid, shown.stats.rejected["rating"], shown.stats.rmse) == (40, 3, 1.0)
    assert [each.movieId for each in shown.popular] == list(range(15, 5, -1))
    assert shown.popular[0].mean == 3.5
    assert len(shown.windows) == 8
    async with serving() as api:
        status, error = await api.get("/ui/api/ratings")
    assert (status, error["error"]["code"]) == (404, "not_in_this_worker")
    async with ratings_only(tmp_path) as client, client.get("/ui/api/quality") as response:
        assert (await response.json())["error"]["code"] == "not_in_this_worker"


def test_the_course_adds_workers_up_and_covers_an_hour() -> None:
    def told(worker: str, at: float, valid: int, rmse: float) -> StreamMetrics:
        counts: dict[str, Any] = {"rejected": {}, "duplicate": 0, "stale": 0, "late": 0}
        return StreamMetrics(
            worker=worker, at=at, seconds=10.0, per_second=valid / 10, valid=valid, lag=1,
            partitions=1, model="als-1", rmse=rmse, **counts,
        )  # fmt: skip

    start = 1_700_000_000.0
    metrics = [told("a", start + 20, 100, 1.0), told("b", start + 20, 300, 0.8)]
    course = rating_views._course([*metrics, told("a", start - 5_000, 9, 3.0)])
    [point] = course["points"]
    assert point["at"] == start + 15
    assert point["per_second"] == pytest.approx(40)
    assert point["rmse"] == pytest.approx(0.85)
    assert point["lag"] == 2
    ahead = [*metrics, told("b", start + 30, 300, 0.8)]
    assert rating_views._course(ahead)["points"] == [point], "a has not told of that time yet"
    gone = [*ahead, told("b", start + 60, 300, 0.8)]
    assert len(rating_views._course(gone)["points"]) > 1
    assert rating_views._course([]) == {"step_seconds": None, "points": []}


async def test_a_reference_is_needed_to_be_judged() -> None:
    async with serving(make_ports(model=ScriptedModel(answer_of))) as api:
        unscored = question("¿Qué es una partición? Say a part.", None)
        await api.engine.submit(unscored)
        await api.engine.finals(unscored)
        _, found = await api.get("/ui/api/quality")
    assert found["by_status"] == {"unscored": 1}
    assert (found["judged"]["judged"], found["generations"]) == (0, [])
