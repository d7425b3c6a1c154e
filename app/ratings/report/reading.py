"""Where the figures of a report come from: the ratings' store, and the topic `metrics`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from app.config.pipelines import RATINGS
from app.inspection.opening import reader_of
from app.inspection.reader import TopicMissing, TopicReader
from app.opening.beside import reading_ratings
from app.ratings.report.figures import RatingFigures
from app.settings import Settings
from app.topics import app_name, rating_topic_names
from app.wire.gate import WireGate
from models.ratings import StreamMetrics

HOUR = 3600.0


async def read_figures(settings: Settings, *, now: float, top: int, hours: float) -> RatingFigures:
    """Read everything once: `top` movies, metrics of the last `hours` that there are.

    Raises UnavailableError when the database or the broker can't be reached.
    """
    reader = reader_of(settings)
    try:
        metrics, unreadable = await _metrics(reader, rating_topic_names(settings).metrics, hours)
        lag = await _lag(reader, settings)
    finally:
        await reader.close()
    async with reading_ratings(settings) as store:
        return RatingFigures(
            taken_at=now,
            stats=await store.stats(),
            popular=await store.popular(top),
            exposure=await store.exposure(),
            users_recommended=await store.users_with_recommendations(),
            metrics=metrics,
            unreadable=unreadable,
            lag=lag,
        )


def read_metrics(values: Sequence[bytes], hours: float) -> tuple[list[StreamMetrics], int]:
    """Return messages by time, those within `hours` of the newest, and how many are none."""
    gate = WireGate(StreamMetrics)
    found: list[StreamMetrics] = []
    unreadable = 0
    for value in values:
        try:
            message = gate.decode(value)
        except ValueError:
            unreadable += 1
            continue
        found.append(cast(StreamMetrics, message))
    found.sort(key=lambda each: each.at)
    since = found[-1].at - hours * HOUR if found else 0.0
    return [each for each in found if each.at >= since], unreadable


async def _metrics(
    reader: TopicReader, topic: str, hours: float
) -> tuple[list[StreamMetrics], int]:
    try:
        return read_metrics(await reader.values(topic), hours)
    except TopicMissing:
        return [], 0


async def _lag(reader: TopicReader, settings: Settings) -> Mapping[str, int] | None:
    """Return events beyond the group's offsets by partition; None without the topic."""
    try:
        topics = [rating_topic_names(settings).ratings]
        return await reader.lag(app_name(settings, RATINGS), topics)
    except TopicMissing:
        return None
