"""The trace context of W3C (https://www.w3.org/TR/trace-context) in headers, as bytes or text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

#: Of a version beyond 00, what we know of it is read, as the standard asks for.
_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")


class Carrier(NamedTuple):
    """Where a trace goes on: which trace, which span is the parent, what vendors add."""

    traceparent: str
    tracestate: str | None = None

    @property
    def trace_id(self) -> str:
        """The trace's id: 32 hexadecimal digits."""
        return self.traceparent[3:35]

    @property
    def text(self) -> str:
        """What the database keeps of it: `carrier_of_text` reads it."""
        return " ".join(part for part in self if part is not None)

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """The headers of a message."""
        found = [(TRACEPARENT, self.traceparent.encode())]
        if self.tracestate is not None:
            found.append((TRACESTATE, self.tracestate.encode()))
        return found


def carrier_of(headers: Any) -> Carrier | None:
    """Return the trace context in headers of a message or a request; None without a valid one.

    `headers`: None, a mapping, or pairs of name and value, each as text or bytes. Whoever wrote
    them, nothing in them is an error: what is no trace context is as good as none.
    """
    if not headers:
        return None
    pairs: Iterable[Any] = headers.items() if isinstance(headers, Mapping) else headers
    parent: str | None = None
    states: list[str] = []
    for name, value in pairs:
        match str(name).lower():
            case "traceparent":
                if parent is not None:
                    return None  # two parents are none
                parent = _text(value)
            case "tracestate":
                states.append(_text(value))
    if parent is None:
        return None
    return carrier(parent, ",".join(states))


def carrier(traceparent: str, tracestate: str | None = None) -> Carrier | None:
    """Return a trace context of its two texts; None when the first is not valid."""
    match = _TRACEPARENT.fullmatch(traceparent.strip())
    if match is None or (match[1] == "00" and match[5] is not None):
        return None
    state = (tracestate or "").strip()
    known = f"00-{match[2]}-{match[3]}-{match[4]}"
    return Carrier(known, state if _TRACESTATE.fullmatch(state) else None)


def carrier_of_text(text: str | None) -> Carrier | None:
    """Return a trace context that was stored; None without one, as in older rows."""
    parent, _, state = (text or "").partition(" ")
    return carrier(parent, state)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes | bytearray) else str(value)
