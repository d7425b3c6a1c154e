"""The one table of topics, and what the broker is told of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest

from app.broker import broker_url, log_folder
from app.broker.topic_admin import (
    EmbeddedTopicAdmin,
    TopicReport,
    TopicState,
    ensure_topics,
    refuse_other_partitions,
)
from app.errors import BrokerUnavailable, SettingsError
from app.settings import Settings, load_settings
from app.topics import (
    all_topics,
    app_name,
    rating_topic_names,
    rating_topic_table,
    topic_names,
    topic_table,
    topics_of,
)
from app.transports import close_storage, storage_for
from models import questions as q
from models import ratings as r

DAY_MS = 86_400_000
DESIGN = {
    "questions-pending": q.Question,
    "llm-requests": q.LlmRequest,
    "llm-responses-success": q.LlmAnswer,
    "llm-responses-error": q.LlmFailure,
    "errors-overload": q.LlmFailure,
    "errors-quota": q.LlmFailure,
    "retries-due": q.RetryDue,
    "validated-responses": q.ScoredAnswer,
    "low-quality-responses": q.ScoredAnswer,
    "dead-letters": q.DeadLetter,
    "questions-settled": q.QuestionSettled,
}


def test_the_topics_are_those_of_the_design_in_the_order_of_a_questions_way() -> None:
    table = topic_table(load_settings())
    assert [(spec.name, spec.record) for spec in table] == list(DESIGN.items())
    assert all(spec.about for spec in table)
    assert list(topic_names(load_settings())) == list(DESIGN)


def test_dead_letters_are_kept_30_days_and_the_rest_7() -> None:
    for spec in topic_table(load_settings()):
        days = 30 if spec.name == "dead-letters" else 7
        assert spec.config["retention.ms"] == str(days * DAY_MS)
        assert spec.config["cleanup.policy"] == "delete"


def test_every_topic_has_the_same_partitions_so_that_stages_and_tables_fit() -> None:
    table = topic_table(load_settings(partitions=3, replication_factor=2))
    assert {(spec.partitions, spec.replication) for spec in table} == {(3, 2)}


def test_the_prefix_goes_before_every_name() -> None:
    names = topic_names(load_settings(topic_prefix="team-a."))
    assert list(names) == ["team-a." + name for name in DESIGN]


RATINGS_DESIGN = {
    "ratings": (r.RatingEvent, 6, 7, "lz4"),
    "metrics": (r.StreamMetrics, 3, 30, "gzip"),
    "recommendations": (r.Recommendation, 6, 7, None),
}


def test_the_ratings_topics_are_those_of_the_design_whatever_partitions_says() -> None:
    table = rating_topic_table(load_settings(partitions=2))
    assert {
        spec.name: (
            spec.record,
            spec.partitions,
            int(spec.config["retention.ms"]) // DAY_MS,
            spec.config.get("compression.type"),
        )
        for spec in table
    } == RATINGS_DESIGN
    assert all(spec.about for spec in table)


def test_the_ratings_topics_have_the_prefix_and_the_questions_dead_letters() -> None:
    settings = load_settings(topic_prefix="team-a.")
    names = rating_topic_names(settings)
    assert list(names) == ["team-a." + name for name in (*RATINGS_DESIGN, "dead-letters")]
    assert names.dead_letters == topic_names(settings).dead_letters


def test_each_pipeline_has_its_topics_and_both_have_the_dead_letters_once() -> None:
    settings = load_settings()
    questions = [spec.name for spec in topics_of(settings, ["questions"])]
    ratings = [spec.name for spec in topics_of(settings, ["ratings"])]
    assert questions[: len(DESIGN)] == list(DESIGN)
    assert ratings == [*RATINGS_DESIGN, "dead-letters"]
    assert [spec.name for spec in all_topics(settings)] == [*questions, *RATINGS_DESIGN]
    assert all_topics(load_settings(pipelines="ratings")) == topics_of(settings, ["ratings"])


def test_each_pipeline_is_a_group_of_its_own() -> None:
    settings = load_settings(app_id="mine")
    assert (app_name(settings), app_name(settings, "ratings")) == ("mine-questions", "mine-ratings")


@pytest.fixture
def settings() -> Iterator[Settings]:
    settings = load_settings(broker=f"memory://{uuid4().hex}", partitions=2)
    yield settings
    close_storage(broker_url(settings))


@pytest.fixture
def url(settings: Settings) -> str:
    return broker_url(settings)


@pytest.fixture
def admin(settings: Settings) -> EmbeddedTopicAdmin:
    return EmbeddedTopicAdmin(settings)


async def test_missing_topics_are_created_and_a_second_time_changes_nothing(
    url: str, admin: EmbeddedTopicAdmin
) -> None:
    specs = topic_table(load_settings(partitions=2))
    first = await ensure_topics(admin, specs)
    second = await ensure_topics(admin, specs)
    assert {report.state for report in first} == {"created"}
    assert second == [TopicReport(spec.name, "ok") for spec in specs]
    topics = storage_for(url).topics()
    assert {name: info.partitions for name, info in topics.items()} == dict.fromkeys(DESIGN, 2)
    refuse_other_partitions(second)


async def test_differences_are_reported_and_never_repaired(
    url: str, admin: EmbeddedTopicAdmin
) -> None:
    specs = topic_table(load_settings(partitions=2))
    storage_for(url).create_topic("llm-requests", 5, {"retention.ms": "1000"})
    reports = {r.name: r for r in await ensure_topics(admin, specs)}
    assert reports["llm-requests"].state == "differs"
    assert "partitions: 5, not 2" in reports["llm-requests"].differences
    assert f"retention.ms: 1000, not {7 * DAY_MS}" in reports["llm-requests"].differences
    assert reports["errors-quota"].state == "created"
    assert storage_for(url).topics()["llm-requests"].partitions == 5


async def test_another_number_of_partitions_stops_the_start(
    url: str, admin: EmbeddedTopicAdmin
) -> None:
    storage_for(url).create_topic("llm-requests", 5, {})
    specs = topic_table(load_settings(partitions=2))
    reports = await ensure_topics(admin, specs)
    with pytest.raises(SettingsError, match=r"llm-requests \(partitions: 5, not 2\)") as caught:
        refuse_other_partitions(reports)
    assert caught.value.name == "ANSWERLOOP_PARTITIONS"


async def test_other_retention_is_only_reported(url: str, admin: EmbeddedTopicAdmin) -> None:
    specs = topic_table(load_settings(partitions=2))
    storage_for(url).create_topic("llm-requests", 2, {"retention.ms": "1000"})
    refuse_other_partitions(await ensure_topics(admin, specs))


async def test_the_embedded_log_keeps_the_ratings_topics_configuration(
    url: str, admin: EmbeddedTopicAdmin, settings: Settings
) -> None:
    specs = topics_of(settings, ["ratings"])
    await ensure_topics(admin, specs)
    assert {report.state for report in await ensure_topics(admin, specs)} == {"ok"}
    assert storage_for(url).topics()["ratings"].config["compression.type"] == "lz4"


class SlowToKnow(EmbeddedTopicAdmin):
    """A broker that knows a new topic only when it was asked for it a few times."""

    def __init__(self, settings: Settings, asks: int) -> None:
        super().__init__(settings)
        self.asks = asks

    async def describe(self, names: Sequence[str]) -> dict[str, TopicState]:
        self.asks -= 1
        return {} if self.asks >= 0 else await super().describe(names)


async def test_a_created_topic_is_known_to_the_broker_on_return(settings: Settings) -> None:
    admin = SlowToKnow(settings, asks=3)
    specs = topics_of(settings, ["ratings"])
    assert {report.state for report in await ensure_topics(admin, specs)} == {"created"}
    assert (await admin.describe(["ratings"]))["ratings"].partitions == 6


async def test_a_created_topic_that_stays_unknown_is_an_error_that_names_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.broker.topic_admin._SETTLING_TRIES", 3)
    with pytest.raises(BrokerUnavailable, match="created, and still unknown: ratings; try again"):
        await ensure_topics(SlowToKnow(settings, asks=9), topics_of(settings, ["ratings"])[:1])


@pytest.mark.parametrize("begun", [b"", b"empty tables"], ids=["no byte", "no table"])
async def test_a_log_whose_first_opening_was_cut_short_is_made(
    tmp_path: Path, begun: bytes
) -> None:
    """By a full disk or a kill: the file is there, and has nothing in it yet."""
    settings = load_settings(broker="log:", data_dir=tmp_path)
    folder = log_folder(settings)
    folder.mkdir(parents=True)
    if begun:
        database = sqlite3.connect(folder / "log.sqlite")
        database.execute("PRAGMA journal_mode=WAL")
        database.close()
    else:
        (folder / "log.sqlite").touch()
    specs = topic_table(settings)
    try:
        made = await ensure_topics(EmbeddedTopicAdmin(settings), specs)
    finally:
        close_storage(broker_url(settings))
    found = await ensure_topics(EmbeddedTopicAdmin(settings), specs)
    assert [{each.state for each in reports} for reports in (made, found)] == [{"created"}, {"ok"}]


async def test_a_log_that_can_not_be_opened_is_told_in_words(tmp_path: Path) -> None:
    settings = load_settings(broker="log:", data_dir=tmp_path)
    folder = log_folder(settings)
    folder.mkdir(parents=True)
    (folder / "log.sqlite").write_bytes(b"this is no database at all" * 200)
    with pytest.raises(BrokerUnavailable, match=r"ANSWERLOOP_BROKER: .*not a database"):
        await ensure_topics(EmbeddedTopicAdmin(settings), topic_table(settings))
