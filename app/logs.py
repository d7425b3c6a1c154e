"""Logging: events with fields on stderr, for people (`console`) or for programs (`json`)."""

from __future__ import annotations

import atexit
import logging
import sys
import threading
from time import monotonic
from typing import Any, Literal, TextIO

import structlog

from app.core.log_rate import Throttle
from app.core.terminal import neutralised

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
#: A timer that takes longer than its interval begins its next turn later: no news, and no harm.
_ERRORS_ONLY = ("mode.timers",)


class Quieter(logging.Filter):
    """Lets a handler say the same thing a few times in a minute, and then how often it was said."""

    def __init__(self, handler: logging.Handler, throttle: Throttle | None = None) -> None:
        super().__init__()
        self._handler = handler
        self.throttle = throttle or Throttle()
        self._lock = threading.RLock()  # a handler filters before it takes its own

    def filter(self, record: logging.LogRecord) -> bool:
        kind, text = _kind_and_text(record)
        with self._lock:
            now = monotonic()
            self.tell(now)
            return self.throttle.admit((record.name, record.levelno, kind), text, now)

    def tell(self, now: float, *, all_of_them: bool = False) -> None:
        """Write what was suppressed in windows that are over."""
        with self._lock:
            for suppressed in self.throttle.ended(now, all_of_them=all_of_them):
                told = str(suppressed)[:500]
                self._handler.emit(
                    logging.LogRecord("answerloop", logging.WARNING, "", 0, told, None, None)
                )


def _kind_and_text(record: logging.LogRecord) -> tuple[str, str]:
    """Return what kind of event a record is (its template), and its text without times."""
    if isinstance(record.msg, dict):  # an event of ours, with its fields
        fields = {k: v for k, v in record.msg.items() if k not in ("timestamp", "level")}
        return str(fields.pop("event", "")), f"{record.msg.get('event')} {fields}"
    try:
        text = record.getMessage()
    except (TypeError, ValueError):  # the template does not fit its arguments
        text = str(record.msg)
    error = record.exc_info[1] if record.exc_info else None
    return str(record.msg), f"{text} {error!r}" if error is not None else text


def _neutralise(_: Any, __: str, event: Any) -> Any:
    """Take out of an event what would steer the terminal: fields may hold a stranger's words."""
    return {k: neutralised(v) if isinstance(v, str) else v for k, v in event.items()}


def quieten() -> None:
    """Limit what the root logger's handlers repeat. May be called again."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(each, Quieter) for each in handler.filters):
            handler.addFilter(Quieter(handler))


def adopt(log_format: Literal["console", "json"], level: str) -> None:
    """Give a worker that another command started (`faust worker`) our logging.

    Handlers that write to files stay as that command made them; they, too, repeat little.
    """
    handlers = logging.getLogger().handlers
    if not any(isinstance(each, logging.FileHandler) for each in handlers):
        # Faust puts a proxy in the place of sys.stderr that writes to the log.
        configure_logging(log_format, level, sys.__stderr__)
    quieten()


def _quieters() -> list[Quieter]:
    handlers = logging.getLogger().handlers
    return [each for h in handlers for each in h.filters if isinstance(each, Quieter)]


def suppressed() -> int:
    """Return how many log lines were not shown so far."""
    return sum(quieter.throttle.total for quieter in _quieters())


def flush() -> None:
    """Tell what was suppressed, and write out what handlers keep: the process may end."""
    for quieter in _quieters():
        quieter.tell(monotonic(), all_of_them=True)
    for handler in logging.getLogger().handlers:
        handler.flush()


def configure_logging(
    log_format: Literal["console", "json"], level: str, stream: TextIO | None = None
) -> None:
    """Set up the process's logging (on stderr). Called by the commands, never on import."""
    stream = stream or sys.stderr
    number = logging.getLevelName(level.upper())
    # Tracebacks are plain: one with local variables shows secrets, and takes a second to draw.
    renderers: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [
            structlog.processors.format_exc_info,
            _neutralise,
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
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
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    handler.addFilter(Quieter(handler))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    atexit.unregister(flush)
    atexit.register(flush)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    for name in _ERRORS_ONLY:
        logging.getLogger(name).setLevel(logging.ERROR)
