"""What the commands that look at a broker have in common."""

from __future__ import annotations

import logging
import re
import time

from app.errors import InputError
from app.logs import configure_logging
from app.settings import Settings, load_settings

_MINUS_AGO = re.compile(r"-(\d{1,9}[smhdw])")


def quiet_settings() -> Settings:
    """Read the settings; logs say only what is wrong, and the Kafka library nothing.

    What it would say is raised, and told in one line.
    """
    settings = load_settings()
    configure_logging(settings.log_format, "warning")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return settings


def read_time(text: str | None, option: str) -> float | None:
    """Return Unix seconds of `-1h` or `1h` (that long ago), ISO 8601, or a Unix time."""
    from app.letters.shown import when

    if text is None:
        return None
    ago = _MINUS_AGO.fullmatch(text.strip())
    try:
        return when(ago[1] if ago else text, time.time(), option)
    except InputError:
        raise InputError(
            f"{option}: {text[:40]!r} is no time: write -1h (an hour ago; s m h d w),"
            " 2026-11-25T18:00:00Z, or Unix seconds",
            field=option,
        ) from None
