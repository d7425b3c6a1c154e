"""What the ratings pipeline tells of itself."""

from __future__ import annotations

from tests.flow.engine import poll
from tests.flow.rating_engine import (
    random_events,
    rating_ports,
    running_ratings,
)


async def test_figures_are_published_and_watched() -> None:
    async with running_ratings(rating_ports()) as engine:
        await engine.append([*random_events(300), (b"1", b"garbage")])
        await engine.idle()

        async def told() -> bool:
            return bool(sum(each.rejected.get("malformed", 0) for each in engine.metrics()) == 1)

        await poll(told)
        valid = engine.context.metrics.total("ratings_valid")
        assert sum(each.valid for each in engine.metrics()) == valid > 0
        last = engine.metrics()[-1]
        assert (last.partitions, last.model, last.lag) == (6, "plain", 0)
        assert any(each.rmse for each in engine.metrics())

        async def all_covered() -> bool:
            return engine.metrics()[-1].coverage == 1.0

        await poll(all_covered)
        [key] = {raw.key for raw in engine.messages(engine.names.metrics)}
        assert key == engine.context.owner.encode()
        shown = engine.context.metrics.as_json()
        assert shown["ratings_rejected_by_rule"] == {"malformed": 1}
        assert shown["rating_rmse"] > 0
        assert 0 < shown["rating_latency_p50"] <= shown["rating_latency_p99"]
