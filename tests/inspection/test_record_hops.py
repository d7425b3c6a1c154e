"""Which stage wrote a record: one that sends to its topic by the table of stages."""

from __future__ import annotations

import pytest

from app.asyncapi.examples import examples
from app.inspection.record_hops import hop_of_record
from app.settings import load_settings
from app.topics import topic_names, topic_table
from app.topology import STAGES
from app.transports import RawRecord
from app.wire import WireGate

NAMES = topic_names(load_settings())
TOPICS = dict(zip(NAMES._fields, topic_table(load_settings()), strict=True))


@pytest.mark.parametrize("key", NAMES._fields)
def test_the_writer_of_a_record_sends_to_its_topic(key: str) -> None:
    topic = TOPICS[key]
    assert topic.record is not None
    senders = {
        "timer" if stage.kind == "timer" else stage.name for stage in STAGES if key in stage.sends
    }
    found = examples()[topic.record.__name__]
    assert found
    for example in found:
        record = WireGate(topic.record).decode(example.value)
        raw = RawRecord(topic.name, 0, 0, 0.0, (), None, example.value)
        stage = hop_of_record(NAMES, raw, record).stage
        if key == "dead_letters":  # each stage may write some
            assert stage is None
        else:
            assert stage in senders
