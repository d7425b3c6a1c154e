"""A collector in the test's own loop: takes OTLP over HTTP and keeps the spans."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Span:
    """A span as it came over the wire; ids in hexadecimal, times in Unix seconds."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    began_at: float
    ended_at: float
    error: bool
    facts: dict[str, Any]
    resource: dict[str, Any]
    events: tuple[str, ...]
    links: tuple[tuple[str, str], ...] = ()
    """The trace id and span id of each."""


@dataclass
class Collector:
    url: str = ""
    spans: list[Span] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-protobuf"
        message = ExportTraceServiceRequest.FromString(await request.read())
        for group in message.resource_spans:
            resource = _facts(group.resource.attributes)
            for scope in group.scope_spans:
                self.spans += [_span(each, resource) for each in scope.spans]
        body = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=body, content_type="application/x-protobuf")

    def named(self, name: str) -> list[Span]:
        """Return the spans of a name, by time."""
        found = [each for each in self.spans if each.name == name]
        return sorted(found, key=lambda each: each.began_at)


def _span(each: Any, resource: dict[str, Any]) -> Span:
    return Span(
        each.name,
        each.trace_id.hex(),
        each.span_id.hex(),
        each.parent_span_id.hex(),
        each.start_time_unix_nano / 1e9,
        each.end_time_unix_nano / 1e9,
        each.status.code == 2,
        _facts(each.attributes),
        resource,
        tuple(event.name for event in each.events),
        tuple((link.trace_id.hex(), link.span_id.hex()) for link in each.links),
    )


def _facts(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind)


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """Run a collector; its spans are all there once who sends them has closed."""
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    async with TestServer(app) as server:
        collector.url = str(server.make_url("")).rstrip("/")
        yield collector
