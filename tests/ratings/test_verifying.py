"""Each check of `ratings verify` fails for just what it is there for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.broker.topic_admin import TopicState
from app.core.ratings.events import RatingLimits
from app.ratings.faulty import RatingMessage, SyntheticEvents
from app.ratings.senders import partition_of
from app.ratings.sending import Acked, Sent
from app.ratings.verifying import Findings, check_topic
from app.settings import load_settings
from app.topics import rating_topic_table
from app.transports import RawRecord
from app.wire.ratings import RatingReader, encode_rating

LIMITS = RatingLimits()
SPEC = rating_topic_table(load_settings())[0]
STATE = TopicState(SPEC.name, SPEC.partitions, dict(SPEC.config))
Change = Callable[[dict[str, Any]], None]


def messages() -> list[RatingMessage]:
    made = SyntheticEvents(
        300, limits=LIMITS, seed=1, users=40, movies=30, start_ms=1_700_000_000_000
    )
    return list(made)


def seen(**changes: Any) -> dict[str, Any]:
    """Return what a trial sees of a log that keeps its word."""
    ends = dict.fromkeys(range(SPEC.partitions), 0)
    records = []
    for message in messages():
        partition = partition_of(message.key, SPEC.partitions)
        records.append(
            RawRecord("t", partition, ends[partition], 0.0, None, message.key, message.value)
        )
        ends[partition] += 1
    sent = Sent(sent=300)
    sent.take([Acked(0, 300, 0.01)])
    return {
        "spec": SPEC,
        "state": STATE,
        "messages": messages(),
        "sent": sent,
        "records": records,
        "ends": ends,
        "committed": dict(ends),
        **changes,
    }


def failed(found: dict[str, Any]) -> set[str]:
    checks = Findings(**found).checks(RatingReader(LIMITS))
    assert all(check.detail and (check.ok or check.mend) for check in checks)
    return {check.name for check in checks if not check.ok}


def test_a_log_that_keeps_its_word_passes_every_check() -> None:
    assert failed(seen()) == set()


def _other_configuration(found: dict[str, Any]) -> None:
    found["state"] = replace(STATE, config={**STATE.config, "compression.type": "gzip"})


def _not_acknowledged(found: dict[str, Any]) -> None:
    found["sent"] = Sent(sent=300)
    found["sent"].take([Acked(0, 299, 0.01), Acked(0, 1, 0.01, "gone")])


def _invalid(found: dict[str, Any]) -> None:
    found["records"][7] = found["records"][7]._replace(value=b"{}")


def _lost(found: dict[str, Any]) -> None:
    del found["records"][7]


def _twice(found: dict[str, Any]) -> None:
    found["records"].append(found["records"][-1])


def _changed(found: dict[str, Any]) -> None:
    record = found["records"][7]
    other = encode_rating(int(record.key), 1, 0.5, 1)
    found["records"][7] = record._replace(value=other)


def _elsewhere(found: dict[str, Any]) -> None:
    record = found["records"][0]
    found["records"][0] = record._replace(partition=(record.partition + 1) % SPEC.partitions)


def _out_of_order(found: dict[str, Any]) -> None:
    records = found["records"]
    first = records[0]
    later = next(n for n, each in enumerate(records) if n and each.partition == first.partition)
    a, b = first.value, records[later].value
    key = records[later].key
    records[0] = first._replace(key=key, value=b)
    records[later] = records[later]._replace(key=first.key, value=a)


def _gap(found: dict[str, Any]) -> None:
    last = max(range(300), key=lambda n: found["records"][n].offset)
    record = found["records"][last]
    found["records"][last] = record._replace(offset=record.offset + 1)
    found["ends"][record.partition] += 1
    found["committed"][record.partition] += 1


def _not_committed(found: dict[str, Any]) -> None:
    del found["committed"][3]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (_other_configuration, {"configuration"}),
        (_not_acknowledged, {"acknowledged"}),
        (_invalid, {"valid on receipt", "order"}),
        (_lost, {"valid on receipt", "order", "offsets"}),
        (_twice, {"valid on receipt", "order", "offsets"}),
        (_changed, {"order"}),
        (_elsewhere, {"partition by key", "order", "offsets"}),
        (_out_of_order, {"order"}),
        (_gap, {"offsets"}),
        (_not_committed, {"committed offsets", "lag"}),
    ],
)
def test_what_is_wrong_fails_its_check(change: Change, names: set[str]) -> None:
    found = seen()
    change(found)
    assert failed(found) == names


def test_a_topic_of_the_pipeline_is_compared_with_the_table() -> None:
    assert check_topic(SPEC, STATE).ok
    missing = check_topic(SPEC, None)
    assert (missing.ok, missing.mend) == (False, "answerloop topics create")
    other = check_topic(SPEC, replace(STATE, partitions=3))
    assert (other.ok, "partitions: 3, not 6" in other.detail) == (False, True)
    assert "TOPIC_PREFIX" in other.mend
    retention = check_topic(SPEC, replace(STATE, config={**STATE.config, "retention.ms": "1"}))
    assert "retention.ms: 1, not 604800000" in retention.detail
    assert "kafka-configs" in retention.mend
