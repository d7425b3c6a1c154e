"""From settings to something that can be looked at: the broker's topics, the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.broker import kafka_hosts, kafka_security, log_folder
from app.data_dir.engine_file import running_engine
from app.errors import UnavailableError
from app.inspection.kafka_reader import KafkaReader
from app.inspection.log_reader import LogReader
from app.inspection.reader import TopicReader
from app.ports import AnswerStore
from app.settings import PREFIX, Settings
from app.transports import LogError
from app.transports.embedded.reader import open_readonly


def open_reader(broker: str) -> TopicReader:
    """Return the reader of `kafka://host:port` or of the folder of an embedded log."""
    if broker.startswith("kafka://"):
        return KafkaReader(broker.removeprefix("kafka://").split(","))
    return LogReader(open_readonly(Path(broker)), f"the log in {broker}")


def reader_of(settings: Settings) -> TopicReader:
    """Return the reader of the broker in BROKER. Raises UnavailableError where none can be."""
    if settings.broker.startswith("kafka://"):
        return KafkaReader(kafka_hosts(settings), kafka_security(settings))
    if not settings.broker.startswith("log:"):
        raise UnavailableError(
            f"{PREFIX}BROKER is {settings.broker}: nothing of it outlives a process"
        )
    folder = log_folder(settings)
    try:
        log = open_readonly(folder)
    except LogError as error:
        raise UnavailableError(f"there is no log in {folder} yet: has a worker run?") from error
    engine = running_engine(settings)
    return LogReader(log, f"the log in {folder}", engine=engine, data_dir=settings.data_dir)


@asynccontextmanager
async def reading(settings: Settings) -> AsyncIterator[TopicReader]:
    """Give the reader of the broker in BROKER, and close it."""
    reader = await asyncio.to_thread(reader_of, settings)
    try:
        yield reader
    finally:
        await reader.close()


@asynccontextmanager
async def reading_answers(settings: Settings) -> AsyncIterator[AnswerStore]:
    """Give the database of the settings, also beside an engine that runs the embedded one.

    Raises UnavailableError, also for an embedded database that was never made.
    """
    from app.opening import beside, embedded_database_folder

    if settings.database == "memory:":
        raise UnavailableError(f"{PREFIX}DATABASE is memory:, which is another process's")
    folder = embedded_database_folder(settings)
    if settings.database == "embedded:" and not folder.exists():
        raise UnavailableError(f"there is no database in {folder} yet: has a worker run?")
    async with beside.reading_answers(settings) as store:
        yield store
