"""The address of a collector of traces, and whether this installation can speak to one."""

from __future__ import annotations

from importlib.util import find_spec
from urllib.parse import urlsplit

INSTALL = "pip install 'answerloop[otel]'"
_NEEDED = "opentelemetry.exporter.otlp.proto.http"


def usable_collector(url: str) -> str:
    """Return the address. Raises ValueError saying what is wrong with it, or what is missing."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise ValueError("give the base address of an OTLP/HTTP collector: http://host:4318")
    if "@" in parts.netloc:
        raise ValueError("no passwords here: they go into OTEL_EXPORTER_OTLP_HEADERS")
    if not _installed():
        raise ValueError(f"traces need OpenTelemetry, which is not installed: {INSTALL}")
    return url


def _installed() -> bool:
    try:
        return find_spec(_NEEDED) is not None
    except ModuleNotFoundError:  # of a package above it
        return False
