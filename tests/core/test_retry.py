"""How long a failed call waits, and when it is given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.retry import (
    GiveUp,
    RetryIn,
    RetryKind,
    RetryPolicy,
    bounded_retry_after,
    next_wait,
    nominal_wait,
    parse_retry_after,
)

POLICY = RetryPolicy()
OVERLOAD, QUOTA = RetryKind.OVERLOAD, RetryKind.QUOTA
DRAWS = st.floats(0, 1, exclude_max=True)
NOW = 1_700_000_000.0


def wait(kind: RetryKind, n: int, retry_after: float | None = None, draw: float = 0.5) -> float:
    decision = next_wait(RetryPolicy(overload_max_retries=10**9), kind, n, retry_after, draw)
    assert isinstance(decision, RetryIn)
    return decision.seconds


def test_overloads_wait_twice_as_long_each_time_up_to_the_maximum() -> None:
    waits = [wait(OVERLOAD, n) for n in range(9)]
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_huge_count_does_not_overflow() -> None:
    assert wait(OVERLOAD, 10**6) == 300


def test_rate_limits_wait_a_fixed_time() -> None:
    assert [wait(QUOTA, n) for n in range(5)] == [60] * 5


@pytest.mark.parametrize("kind", list(RetryKind))
def test_the_sixth_failure_is_given_up_and_names_its_ceiling(kind: RetryKind) -> None:
    assert isinstance(next_wait(POLICY, kind, 4, None, 0.5), RetryIn)
    assert next_wait(POLICY, kind, 5, None, 0.5) == GiveUp(f"{kind}_retries_exhausted")


@pytest.mark.parametrize("kind", list(RetryKind))
def test_no_retries_at_all_can_be_set(kind: RetryKind) -> None:
    none = RetryPolicy(overload_max_retries=0, quota_max_retries=0)
    assert isinstance(next_wait(none, kind, 0, 1.0, 0.5), GiveUp)


@given(st.sampled_from(RetryKind), st.integers(0, 4), DRAWS)
def test_jitter_stays_within_its_share(kind: RetryKind, n: int, draw: float) -> None:
    nominal = nominal_wait(POLICY, kind, n)
    assert nominal * 0.8 <= wait(kind, n, None, draw) <= nominal * 1.2


def test_jitter_reaches_both_of_its_ends() -> None:
    assert wait(QUOTA, 0, None, 0.0) == pytest.approx(48)
    assert wait(QUOTA, 0, None, 1 - 1e-12) == pytest.approx(72)


@given(st.sampled_from(RetryKind), st.floats(1, 300), DRAWS)
def test_a_retry_after_wins_and_is_never_early(kind: RetryKind, asked: float, draw: float) -> None:
    assert asked <= wait(kind, 3, asked, draw) <= min(asked * 1.2, 300)


@pytest.mark.parametrize(("asked", "least"), [(0.0, 1), (-5.0, 1), (1e9, 300), (300.0, 300)])
@pytest.mark.parametrize("draw", [0.0, 0.999])
def test_a_retry_after_is_clamped(asked: float, least: float, draw: float) -> None:
    assert least <= wait(OVERLOAD, 0, asked, draw) <= min(least * 1.2, 300)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("2", 2),
        (" 30 ", 30),
        ("1000000000", 31_536_000),
        ("9" * 400, 31_536_000),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 31_536_000),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ],
)
def test_seconds_and_dates_are_read(header: str, seconds: float) -> None:
    assert parse_retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    "header",
    [None, "", "-1", "1e9", "soon", "nan", "inf", "2.5", "٣", "Fri, 99 Foo 2024", "0x10", "1 2"],
)
def test_nonsense_is_as_if_there_were_no_header(header: str | None) -> None:
    assert parse_retry_after(header, NOW) is None


@given(st.integers(-(10**6), 10**6))
def test_a_date_is_counted_from_now(offset: int) -> None:
    when = datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=offset)
    assert parse_retry_after(format_datetime(when, usegmt=True), NOW) == max(0, offset)


@given(st.text(max_size=40))
def test_no_header_raises_or_gives_what_a_message_can_not_carry(header: str) -> None:
    found = parse_retry_after(header, NOW)
    assert found is None or 0 <= found <= 1e9


@pytest.mark.parametrize("nonsense", [None, -1.0, float("nan"), float("inf"), float("-inf")])
def test_a_nonsensical_wish_of_a_server_is_no_wish(nonsense: float | None) -> None:
    assert bounded_retry_after(nonsense) is None


def test_a_servers_wish_is_at_most_a_year() -> None:
    assert [bounded_retry_after(s) for s in (0.0, 2.5, 1e18)] == [0.0, 2.5, 31_536_000]
