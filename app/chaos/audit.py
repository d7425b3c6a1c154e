"""The auditor: a process of its own that shares nothing with those it audits.

`python -m app.chaos.audit audit.json` reads the four witnesses that the file names, compares them
and prints what it found as JSON. Exit code 0 means that it could look, not that all is well.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import orjson

from app.chaos.conservation import audit
from app.chaos.evidence import (
    CallId,
    Evidence,
    ModelCall,
    SaidEnd,
    StoredCall,
    StoredRow,
    Waits,
)
from app.chaos.ledger import read_ledger
from app.inspection.opening import open_reader
from app.inspection.reader import TopicReader
from app.settings import load_settings
from app.topics import TopicNames, topic_names

_SCORED, _LETTER = "answerloop.ScoredAnswer", "answerloop.DeadLetter"


class Sources(msgspec.Struct, forbid_unknown_fields=True):
    """Where the witnesses are. `broker` is `kafka://host:port` or the folder of an embedded log."""

    ledger: str
    dsn: str
    broker: str
    prefix: str
    group: str
    calls: str
    offered: str = ""
    waits: dict[str, float] = msgspec.field(default_factory=dict)


async def gather(sources: Sources) -> Evidence:
    """Ask all witnesses."""
    names = topic_names(load_settings(topic_prefix=sources.prefix))
    reader = open_reader(sources.broker)
    try:
        said = await _said(reader, names)
        lag = await reader.lag(sources.group, names)
    finally:
        await reader.close()
    rows, calls, letters = await _stored(sources.dsn)
    return Evidence(
        accepted=list(read_ledger(Path(sources.ledger))),
        rows=rows,
        stored_calls=calls,
        said=said,
        model_calls=list(_model_calls(Path(sources.calls))),
        lag=lag,
        waits=Waits(**sources.waits),
        letters_stored=letters,
        offered=frozenset(_offered(Path(sources.offered))) if sources.offered else frozenset(),
    )


async def _said(reader: TopicReader, names: TopicNames) -> list[SaidEnd]:
    """Return what the topics say of judged attempts and ends; what is no record was poison."""
    said = []
    for topic in (names.validated_responses, names.low_quality_responses):
        records = [_object(value) for value in await reader.values(topic)]
        said += [_said_end(record) for record in records if _is_scored(record)]
    for value in await reader.values(names.dead_letters):
        record = _object(value)
        question = record.get("question")
        if isinstance(question, dict) and record.get("type") == _LETTER:
            said.append(SaidEnd(_call_id(question), "dead", record.get("cause"), final=True))
    return said


def _said_end(record: dict[str, Any]) -> SaidEnd:
    return SaidEnd(_call_id(record), record["status"], record.get("answer"), record["final"])


def _is_scored(record: dict[str, Any]) -> bool:
    return record.get("type") == _SCORED and "status" in record and "question_id" in record


def _object(value: bytes) -> dict[str, Any]:
    """Return a record, or nothing of what is none."""
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _call_id(record: dict[str, Any]) -> CallId:
    return CallId(
        record["question_id"],
        record.get("round", 0),
        record.get("generation", 1),
        record.get("attempt", 1),
    )


async def _stored(dsn: str) -> tuple[list[StoredRow], list[StoredCall], int]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT question_id, status, round, question_text, answer FROM questions"
        )
        calls = await connection.fetch(
            "SELECT question_id, round, generation, attempt, outcome, started_at, cause, failed_at,"
            " retry_after_seconds, verdict, http_status FROM attempts"
        )
        letters = await connection.fetchval("SELECT count(*) FROM dead_letters")
    finally:
        await connection.close()
    return (
        [StoredRow(*row) for row in rows],
        [StoredCall(CallId(*row[:4]), *row[4:]) for row in calls],
        letters,
    )


def _offered(path: Path) -> Iterator[str]:
    with path.open("rb") as lines:
        yield from (orjson.loads(line) for line in lines if line.endswith(b"\n"))


def _model_calls(path: Path) -> Iterator[ModelCall]:
    """Read the fake model's log: the later line of an id replaces the earlier."""
    found: dict[str, ModelCall] = {}
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                call = orjson.loads(line)
                refused = (call.get("status") or 0) >= 400
                found[call["id"]] = ModelCall(call["text"], call.get("seed"), refused)
    yield from found.values()


def main(arguments: list[str]) -> None:
    sources = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Sources)
    evidence = asyncio.run(gather(sources))
    sys.stdout.buffer.write(orjson.dumps(audit(evidence).as_json()) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
