"""Events with bad, repeated and stale ones among them: each counts as what it was made for."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from app.core.ratings.events import RatingLimits, Refusal, Rule
from app.ratings.faulty import RatingMessage, SyntheticEvents, broken_event
from app.wire.ratings import RatingReader

LIMITS = RatingLimits(500, 300)
ARGUMENTS: dict[str, Any] = {
    "limits": LIMITS,
    "seed": 5,
    "users": 500,
    "movies": 300,
    "start_ms": 1_700_000_000_000,
}


def counted(messages: list[RatingMessage]) -> tuple[int, int, int, Counter[str]]:
    """Count events as the pipeline has to: by a plain reading of its rules."""
    reader = RatingReader(LIMITS)
    known: dict[tuple[int, int], int] = {}
    valid = duplicate = stale = 0
    rejected: Counter[str] = Counter()
    for message in messages:
        found = reader.read(message.key, message.value)
        if isinstance(found, Refusal):
            assert message.broken == found.rule
            rejected[found.rule] += 1
            continue
        assert message.broken is None
        before = known.get((found.userId, found.movieId), 0)
        valid += found.timestamp > before
        duplicate += found.timestamp == before
        stale += found.timestamp < before
        known[found.userId, found.movieId] = max(before, found.timestamp)
    return valid, duplicate, stale, rejected


@pytest.mark.parametrize(
    "shares", [{}, {"bad": 0.03}, {"repeats": 0.2}, {"bad": 0.3, "repeats": 0.3}, {"bad": 1.0}]
)
def test_what_is_expected_is_what_a_reader_finds(shares: dict[str, float]) -> None:
    events = SyntheticEvents(20_000, **ARGUMENTS, **shares)
    messages = list(events)
    valid, duplicate, stale, rejected = counted(messages)
    assert len(messages) == 20_000
    assert (valid, duplicate, stale) == (
        events.expected.valid,
        events.expected.duplicate,
        events.expected.stale,
    )
    assert dict(rejected) == events.expected.rejected
    assert sum(rejected.values()) / 20_000 == pytest.approx(shares.get("bad", 0), abs=0.02)
    assert (duplicate + stale) / 20_000 == pytest.approx(shares.get("repeats", 0), abs=0.02)


def test_every_rule_is_broken_about_as_often() -> None:
    events = SyntheticEvents(20_000, **ARGUMENTS, bad=0.5)
    assert len(list(events)) == 20_000
    assert set(events.expected.rejected) == set(Rule)
    assert min(events.expected.rejected.values()) > 20_000 * 0.5 / len(Rule) * 0.8


def test_the_same_seed_gives_the_same_bytes() -> None:
    shares = {"bad": 0.1, "repeats": 0.1}
    first, second = (list(SyntheticEvents(3000, **ARGUMENTS, **shares)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("rule", Rule)
@pytest.mark.parametrize("way", range(12))
def test_a_broken_event_breaks_just_the_rule_it_should(rule: Rule, way: int) -> None:
    key, value = broken_event((7, 32, 3.5, 1_700_000_000_000), rule, LIMITS, way=way)
    found = RatingReader(LIMITS).read(key, value)
    assert isinstance(found, Refusal)
    assert found.rule == rule


@pytest.mark.parametrize("shares", [{"bad": -0.1}, {"repeats": -1}, {"bad": 0.6, "repeats": 0.6}])
def test_shares_over_the_whole_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="shares"):
        SyntheticEvents(10, **ARGUMENTS, **shares)
