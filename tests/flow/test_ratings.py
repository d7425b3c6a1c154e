"""The ratings pipeline on the in-memory transport: exact whatever happens, and nothing lost."""

from __future__ import annotations

from tests.flow.rating_engine import (
    MemoryRatingStore,
    assert_exact,
    random_events,
    rating_ports,
    running_ratings,
)
from tests.wire.rating_poison import BAD

POISON = [(key, value) for key, value, _ in BAD.values() if len(value or b"") < 100_000]


async def test_the_store_holds_what_a_plain_recount_of_the_log_gives() -> None:
    store = MemoryRatingStore()
    async with running_ratings(rating_ports(store)) as engine:
        await engine.append(random_events(3000, bad=POISON))
        await engine.idle()
        await assert_exact(engine, store)
