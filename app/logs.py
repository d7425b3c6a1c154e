"""Logging: events with fields on stderr, for people (`console`) or for programs (`json`)."""

from __future__ import annotations

import logging
import sys
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


def configure_logging(log_format: Literal["console", "json"], level: str) -> None:
    """Set up the process's logging. Called by the commands, never on import."""
    number = logging.getLevelName(level.upper())
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
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
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer)
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
