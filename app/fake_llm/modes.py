"""The closed table of modes: every way in which the fake model server can behave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Literal

from app.fake_llm import protocols

Kind = Literal["status", "retry-after", "code", "body", "connection", "port", "speed"]

#: From protocol and model to the body of a reply.
BodyOf = Callable[[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to behave. `ends` is the cause that a caller should see, or `answer`.

    A mode of kind `connection` is done by the function of the same name in faults.py, one of kind
    `port` to the whole server (listening.py); all others are a reply of these fields.
    `retry_after` turns the Unix time into the header's text.
    """

    name: str
    kind: Kind
    about: str
    ends: str
    status: int = 200
    code: str | None = None
    text: str | None = None
    done_reason: str = "stop"
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: Callable[[float], str] | None = None
    body: BodyOf | None = None
    latency_factor: float = 1.0

    def reply_headers(self, now: float) -> dict[str, str]:
        """Return the headers of a reply that is made at `now` (Unix seconds)."""
        late = {} if self.retry_after is None else {"Retry-After": self.retry_after(now)}
        return {**self.headers, **late}


def _status(name: str, status: int, about: str, *, code: str | None = None) -> Mode:
    return Mode(name, "code" if code else "status", about, name, status=status, code=code)


def _limited(name: str, about: str, retry_after: Callable[[float], str] | None) -> Mode:
    return Mode(name, "retry-after", about, "rate_limited", status=429, retry_after=retry_after)


def _body(name: str, about: str, body: bytes, ends: str = "malformed_reply") -> Mode:
    return Mode(name, "body", about, ends, body=lambda _protocol, _model: body)


def _connection(name: str, about: str, ends: str) -> Mode:
    return Mode(name, "connection", about, ends)


_MODES = (
    _status("overloaded", 503, "503: busy, in the words of a real Ollama"),
    _status("bad_gateway", 502, "502: a proxy found no server"),
    _status("gateway_timeout", 504, "504: a proxy gave up"),
    _status("server_error", 500, "500: the server failed"),
    _status("request_timeout", 408, "408: the server gave up on the request"),
    _limited("rate_limited", "429 without a Retry-After", None),
    _limited("rate_limited_2", "429, Retry-After: 2", lambda _: "2"),
    _limited("rate_limited_30", "429, Retry-After: 30", lambda _: "30"),
    _limited(
        "rate_limited_date",
        "429, Retry-After: an HTTP date 30 s ahead",
        lambda now: formatdate(now + 30, usegmt=True),
    ),
    _limited("rate_limited_garbage", "429, Retry-After: soon", lambda _: "soon"),
    _limited("rate_limited_negative", "429, Retry-After: -1", lambda _: "-1"),
    _limited("rate_limited_huge", "429, Retry-After: 1000000000", lambda _: "1000000000"),
    _status("insufficient_quota", 429, "429: no credit left", code="insufficient_quota"),
    _status(
        "context_exceeded",
        400,
        "400: longer than the context",
        code="context_length_exceeded",
    ),
    _status("bad_request", 400, "400: the request is not accepted"),
    _status("unauthorized", 401, "401: the key is missing or wrong", code="invalid_api_key"),
    _status("forbidden", 403, "403: the key may not use this model"),
    _status("model_not_found", 404, "404: no such model"),
    _status("request_too_large", 413, "413: the request is too large"),
    _status("unprocessable", 422, "422: the request is not accepted"),
    Mode(
        "redirect",
        "status",
        "307 to another host",
        "redirected",
        status=307,
        headers={"Location": "http://elsewhere.invalid/"},
    ),
    _body("empty_body", "200 without a body", b""),
    _body("html", "200 with a proxy's HTML page", b"<html><body>Busy</body></html>"),
    _body("broken_json", "200, the JSON ends in the middle", b'{"message": {"content": "Par'),
    Mode(
        "wrong_types", "body", "200, numbers for texts", "malformed_reply", body=protocols.numbers
    ),
    _body("no_fields", "200 with {}", b"{}"),
    _body("nested", "200 with 100,000 opening brackets", b"[" * 100_000),
    _body("empty_choices", "200 without an answer in it", b'{"choices": [], "done": true}'),
    Mode(
        "bad_utf8",
        "body",
        "200, bytes that are no text",
        "malformed_reply",
        body=protocols.bad_utf8,
    ),
    Mode(
        "error_in_200",
        "body",
        "200 with an error object",
        "server_error",
        body=protocols.error_in_200,
    ),
    Mode("loading", "body", "the model is being loaded", "model_loading", body=protocols.loading),
    Mode("empty_text", "body", "an answer without a word", "answer", text=""),
    Mode("nul", "body", "an answer with NUL and lone surrogates", "answer", body=protocols.nul),
    _connection("hang", "no first byte, ever", "timeout"),
    _connection("drip", "a byte now and then, for ever", "timeout"),
    _connection("no_reply", "closed without a byte", "connection_lost"),
    _connection("half_close", "FIN in the middle of a chunked body", "connection_lost"),
    _connection("reset", "RST for an answer", "connection_lost"),
    _connection("short_body", "closed before its Content-Length", "connection_lost"),
    _connection("gzip_bomb", "100 MiB packed into 100 KiB", "reply_too_large"),
    _connection("huge_body", "100 MiB, with Content-Length", "reply_too_large"),
    _connection("huge_chunked", "100 MiB, chunked", "reply_too_large"),
    _connection("endless_header", "a header line of a megabyte", "malformed_reply"),
    _connection("not_http", "another protocol's greeting", "malformed_reply"),
    Mode("refused", "port", "the port is closed", "refused"),
    Mode("connect_hang", "port", "connections are never accepted", "timeout"),
    Mode("slow", "speed", "ten times the latency", "answer", latency_factor=10.0),
)

MODES: dict[str, Mode] = {mode.name: mode for mode in _MODES}
