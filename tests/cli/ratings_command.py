"""`answerloop ratings` in the test's own process."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog

from app.cli.main import main


class RatingsCommand:
    """Runs a command; every answer is (exit code, stdout, stderr)."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["ratings", *arguments])
        out, errors = self._capfd.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, errors

    def json(self, *arguments: str, code: int = 0) -> Any:
        found, out, errors = self(*arguments, "--json")
        assert found == code, errors
        return json.loads(out)

    def fails(self, *arguments: str, code: int) -> str:
        """Run a command that fails, and return the one line that it says."""
        found, out, errors = self(*arguments)
        assert (found, out) == (code, ""), errors
        assert "Traceback" not in errors
        return errors


@contextmanager
def ratings_command(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, **settings: str
) -> Iterator[RatingsCommand]:
    """Give the command with these settings; loggers are put back as they were."""
    for name, value in settings.items():
        monkeypatch.setenv(f"ANSWERLOOP_{name}", value)
    loggers = [logging.getLogger(name) for name in (None, "aiokafka")]
    before = [(each.handlers[:], each.level) for each in loggers]
    yield RatingsCommand(capfd)
    for logger, (handlers, level) in zip(loggers, before, strict=True):
        logger.handlers[:] = handlers
        logger.setLevel(level)
    structlog.reset_defaults()
