"""M1: on every topic, whatever does not fit becomes a value with a reason, never an exception."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.settings import Settings
from app.topics import topic_names, topic_table
from app.transports import RawRecord
from app.wire import Arrival, Rejected, TopicSchema, WireGate
from models.questions import DeadLetter
from tests.wire.poison import GOOD, good_bytes, poisons

SETTINGS = Settings(_env_file=None)
NAMES = topic_names(SETTINGS)._asdict()
SCHEMA = TopicSchema({spec.name: spec.record for spec in topic_table(SETTINGS)})


def read(topic: str, key: bytes | None, value: bytes | None) -> Any:
    return SCHEMA.read(NAMES[topic], key, value)


def test_every_topic_is_poisoned_here_in_at_least_40_ways() -> None:
    assert set(GOOD) == set(NAMES)
    assert min(len(poisons(topic)) for topic in GOOD) >= 40
    assert max(len(poisons(topic)) for topic in GOOD) >= 60


@pytest.mark.parametrize("topic", GOOD)
def test_a_good_message_is_read(topic: str) -> None:
    assert type(read(topic, b"q1", good_bytes(topic))) is type(GOOD[topic])


@pytest.mark.parametrize("topic", GOOD)
def test_every_poison_is_rejected_with_a_reason_and_its_bytes(topic: str) -> None:
    swallowed = []
    for name, (key, value) in poisons(topic).items():
        found = read(topic, key, value)
        if not isinstance(found, Rejected):
            swallowed.append(name)
            continue
        assert found.reason, name
        assert len(found.reason) <= 1000, name
        assert (found.key, found.value) == (key, value)
    assert swallowed == []


def test_reasons_name_the_field() -> None:
    def reason(name: str) -> str:
        return str(read("questions_pending", *poisons("questions_pending")[name]).reason)

    assert "$.accepted_at" in reason("time zero")
    assert "attempt" in reason("attempt 0")
    assert "surprise" in reason("unknown field")
    assert "metadata" in reason("metadata of 40 levels")
    assert "key" in reason("null key")


@pytest.mark.parametrize("topic", GOOD)
@given(value=st.binary(max_size=200))
def test_random_bytes_never_raise(topic: str, value: bytes) -> None:
    assert isinstance(read(topic, b"q1", value), Rejected)


@given(data=st.data())
def test_a_good_message_with_one_byte_changed_never_raises(data: st.DataObject) -> None:
    good = bytearray(good_bytes("llm_requests"))
    at = data.draw(st.integers(0, len(good) - 1))
    good[at] = data.draw(st.integers(0, 255))
    found = read("llm_requests", b"q1", bytes(good))
    if not isinstance(found, Rejected):
        SCHEMA.dumps_value(None, found, headers=None)


def test_of_a_field_given_twice_the_last_counts() -> None:
    """RFC 8259 leaves it open; msgspec takes the last. The key must fit the one that counts."""
    twice = good_bytes("retries_due").replace(b'"question_id"', b'"question_id":"q0","question_id"')
    assert read("retries_due", b"q1", twice).question_id == "q1"
    assert isinstance(read("retries_due", b"q0", twice), Rejected)


def test_one_bad_record_of_a_chunk_spoils_no_other() -> None:
    topic = NAMES["questions_pending"]
    values = [good_bytes("questions_pending"), b"bad", good_bytes("questions_pending")]
    raws = [RawRecord(topic, 3, 10 + n, 1.7e9, None, b"q1", v) for n, v in enumerate(values)]

    chunk: list[Arrival] = SCHEMA.loads_value(None, SimpleNamespace(topic=topic, value=raws))
    assert [isinstance(arrival.value, Rejected) for arrival in chunk] == [False, True, False]
    assert [(a.topic, a.partition, a.offset) for a in chunk] == [
        (topic, 3, n) for n in (10, 11, 12)
    ]
    assert [arrival.raw for arrival in chunk] == values


def test_reading_poison_is_quick() -> None:
    """6 bad payloads cost a plain Faust agent 25 s."""
    messages = [
        (topic, *message)
        for topic in GOOD
        for name, message in poisons(topic).items()
        if "10 MB" not in name
    ]
    started = time.perf_counter()
    for message in messages:
        read(*message)
    assert time.perf_counter() - started < 5


def test_what_is_too_large_for_a_topic_is_not_sent() -> None:
    letter = GOOD["dead_letters"].derive(value=b"x" * 1_600_000)
    with pytest.raises(ValueError, match="too large"):
        SCHEMA.dumps_value(None, letter, headers=None)


@pytest.mark.parametrize(
    ("field", "value"), [("origin_partition", 2**31), ("origin_offset", 2**63)]
)
def test_an_origin_that_no_table_can_hold_is_no_dead_letter(field: str, value: int) -> None:
    gate = WireGate(DeadLetter)
    fields = {
        "origin_topic": "t",
        "origin_partition": 2**31 - 1,
        "origin_offset": 2**63 - 1,
        "cause": "rejected",
        "detail": "not JSON",
        "first_seen_at": 1.7e9,
        "dead_at": 1.7e9,
        "attempts": 0,
    }
    assert gate.encode_fields(fields)
    with pytest.raises(ValueError, match=field):
        gate.encode_fields(fields | {field: value})
