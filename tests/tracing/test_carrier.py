"""The W3C trace context as clients and logs write it, and as others garble it."""

from __future__ import annotations

from typing import Any

import pytest

from app.tracing import Carrier, carrier_of
from app.transports.embedded.layout import pack_headers, unpack_headers

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


def test_what_is_sent_is_read_from_each_form_of_headers() -> None:
    sent = Carrier(PARENT, "vendor=1,other=2")
    assert carrier_of(sent.headers) == sent
    assert carrier_of(tuple(sent.headers)) == sent, "aiokafka's form"
    assert carrier_of(dict(sent.headers)) == sent, "Faust's other form"
    assert carrier_of(unpack_headers(pack_headers(sent.headers))) == sent, "the embedded log's"
    assert sent.trace_id == TRACE
    assert [(type(name), type(value)) for name, value in sent.headers] == [(str, bytes)] * 2


def test_headers_of_a_request_are_read_whatever_their_case() -> None:
    headers = [
        ("Accept", "*/*"),
        ("Traceparent", PARENT),
        ("TRACESTATE", "a=1"),
        ("tracestate", "b"),
    ]
    assert carrier_of(headers) == Carrier(PARENT, "a=1,b")


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01\x00",
        "¿qué?",
        b"\xff\xfe",
        7,
        None,
    ],
)
def test_what_is_no_trace_context_is_as_good_as_none(parent: Any) -> None:
    assert carrier_of([("traceparent", parent)]) is None


def test_two_parents_are_none_and_no_headers_too() -> None:
    assert carrier_of([("traceparent", PARENT), ("traceparent", PARENT)]) is None
    assert [carrier_of(none) for none in (None, [], {}, [("tracestate", b"a=1")])] == [None] * 4


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert carrier_of({"traceparent": f"01-{TRACE}-{SPAN}-01-more"}) == Carrier(PARENT)


@pytest.mark.parametrize("state", ["x" * 513, "a=\x00", "a=ñ"])
def test_a_state_that_is_not_valid_costs_the_state_only(state: str) -> None:
    assert carrier_of([("traceparent", PARENT), ("tracestate", state)]) == Carrier(PARENT)
