"""Logging: events with fields on stderr, for people (`console`) or for programs (`json`)."""

from __future__ import annotations

import logging
import sys
from time import monotonic
from typing import Any, Literal

import structlog

#: Loggers that would drown ours at info level: libraries, and our Faust services' starts and stops.
_QUIET = (
    "app",
    "aiokafka",
    "faust",
    "mode",
    "httpx",
    "httpcore",
    "openai",
    "asyncio",
    "transformers",
)


class Repeats(logging.Filter):
    """Lets Kafka's client say the same thing once in `seconds`.

    While the broker is away it says so a hundred times a second.
    """

    def __init__(self, seconds: float = 5.0) -> None:
        super().__init__()
        self._seconds = seconds
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("aiokafka"):
            return True
        key, now = (record.name, str(record.msg)), monotonic()
        if now - self._said.get(key, -self._seconds) < self._seconds:
            return False
        self._said[key] = now
        return True


def configure_logging(log_format: Literal["console", "json"], level: str) -> None:
    """Set up the process's logging. Called by the commands, never on import."""
    number = logging.getLevelName(level.upper())
    # Tracebacks are plain: one with local variables shows secrets, and takes a second to draw.
    renderers: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
