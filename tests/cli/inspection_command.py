"""The commands that look, in the test's own process, and a log with records for them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from app.cli.main import main
from app.settings import Settings, load_settings
from app.topics import all_topics
from app.transports import NewRecord
from app.transports.embedded.sqlite import SqliteStorage
from app.wire import WireGate
from models.questions import QuestionSettled

TOPIC = "questions-settled"
_GATE = WireGate(QuestionSettled)


class Cli:
    """Runs a command; every answer is (exit code, stdout, stderr)."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
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


def settled(question_id: str, status: str = "validated") -> tuple[bytes, bytes]:
    """Return key and value of a record that fits."""
    fields = {"question_id": question_id, "round": 0, "status": status, "settled_at": 1.7e9}
    return question_id.encode(), _GATE.encode_fields(fields)


def make_log(folder: Path, *, only: tuple[str, ...] = ()) -> Settings:
    """Make the log of an engine that has stopped: the topics of all pipelines, no records."""
    settings = load_settings(data_dir=folder / "data")
    log = SqliteStorage(folder / "data" / "log", synchronous="OFF")
    for spec in all_topics(settings):
        if not only or spec.name in only:
            log.create_topic(spec.name, spec.partitions, spec.config)
    log.close()
    return settings


def append(
    folder: Path, *records: tuple[bytes | None, bytes | None], partition: int | None = None
) -> None:
    """Append records, on the partition of their key as a stage does, or on another one."""

    async def work() -> None:
        log = SqliteStorage(folder / "data" / "log", synchronous="OFF")
        for key, value in records:
            place = log.partition_for(TOPIC, key) if partition is None else partition
            await log.append(NewRecord(TOPIC, place, key, value))
        log.close()

    asyncio.run(work())


def commit(folder: Path, group: str, offsets: dict[tuple[str, int], int]) -> None:
    """Set a group's offsets."""

    async def work() -> None:
        log = SqliteStorage(folder / "data" / "log", synchronous="OFF")
        await log.commit(group, offsets)
        log.close()

    asyncio.run(work())
