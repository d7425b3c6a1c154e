"""What OpenTelemetry says of its exporter is kept; what it quotes of a request is not."""

from __future__ import annotations

import logging

import pytest

from app.tracing.exporting import LastWords


def test_only_those_that_send_are_heard(caplog: pytest.LogCaptureFixture) -> None:
    words = LastWords()
    words.listen()
    try:
        logging.getLogger("opentelemetry.exporter.otlp").warning("collector away")
        logging.getLogger("opentelemetry.trace.span").warning("bad member <buy now>")
        assert words.text == "collector away"
        assert caplog.records == []  # no line for each try, and none that a client writes
    finally:
        words.leave()
    logging.getLogger("opentelemetry.trace.span").warning("heard again")
    assert [each.message for each in caplog.records] == ["heard again"]
