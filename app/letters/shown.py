"""Dead letters and redrives as they read everywhere: in the API, with `--json`, in a filter."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from app.core.questions import timestamp
from app.core.redrive import LetterFilter, LetterState, shown_state
from app.errors import InputError
from app.ports.letters import DeadLetterRow, LetterCount, LetterPosition, RedriveRecord

if TYPE_CHECKING:  # a command that only reads its options starts without Faust
    from app.letters.plans import Batch, Plan, Prepared

FILTER_PARTS = ("cause", "topic", "since", "until", "attempts_at_least", "question_id", "state")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_AGO = re.compile(r"(\d{1,9})([smhdw])")
_LATEST = 1e11
_MAX_CAUSES = 100


def letter_row(letter: DeadLetterRow, *, with_bytes: bool = False) -> dict[str, Any]:
    """Return a letter as JSON; bytes are base64, null where the message had none."""
    turn, mark = letter.turn, letter.mark
    row: dict[str, Any] = {
        "origin": str(letter.origin),
        "topic": letter.origin_topic,
        "partition": letter.origin_partition,
        "offset": letter.origin_offset,
        "cause": letter.cause,
        "detail": letter.detail,
        "attempts": letter.attempts,
        "question_id": letter.question_id,
        "round": turn.round if turn else None,
        "generation": turn.generation if turn else None,
        "attempt": turn.attempt if turn else None,
        "first_seen_at": timestamp(letter.first_seen_at),
        "dead_at": timestamp(letter.dead_at),
        "bytes": letter.size,
        "state": shown_state(mark),
        "redrive_id": mark.redrive_id if mark else None,
        "redriven_at": timestamp(mark.sent_at) if mark else None,
        "became_round": mark.new_round if mark else None,
    }
    if with_bytes:
        row["key_base64"] = encoded(letter.key)
        row["value_base64"] = encoded(letter.value)
    return row


def prepared_row(prepared: Prepared) -> dict[str, Any]:
    """Return what a redrive would send of a letter."""
    row: dict[str, Any] = {"as": prepared.outcome, "reason": prepared.reason or None}
    if prepared.message is not None:
        message = prepared.message
        row |= {
            "topic": message.topic,
            "key_base64": encoded(message.key),
            "value_base64": encoded(message.value),
        }
    return row


def counts_rows(counts: Sequence[LetterCount]) -> list[dict[str, Any]]:
    return [count._asdict() for count in counts]


def plan_row(plan: Plan) -> dict[str, Any]:
    return {
        "examined": plan.examined,
        "planned": plan.planned,
        "as_question": plan.questions,
        "as_bytes": plan.bytes_,
        "by_cause": dict(plan.by_cause.most_common()),
        "by_topic": dict(plan.by_topic.most_common()),
        "refused": sum(plan.refused.values()),
        "refusals": [
            {"why": str(why), "meaning": why.meaning, "letters": count}
            for why, count in plan.refused.most_common()
        ],
        "until": plan.until,
        "more": plan.next is not None,
    }


def batch_row(batch: Batch) -> dict[str, Any]:
    return {
        "redrive_id": batch.redrive_id,
        "sent": batch.count("sent"),
        "arrived": batch.count("arrived"),
        "refused": batch.count("refused"),
        "failed": batch.count("failed"),
        "letters": [
            {
                "origin": str(result.origin),
                "outcome": result.outcome,
                "reason": result.reason or None,
                "question_id": result.question_id,
                "round": result.round,
            }
            for result in batch.results
        ],
        "cursor": encode_position(batch.next),
    }


def redrive_row(record: RedriveRecord) -> dict[str, Any]:
    return {
        "redrive_id": record.redrive_id,
        "started_at": timestamp(record.started_at),
        "last_at": timestamp(record.last_at),
        "by": record.by_whom,
        "filter": dict(record.filter),
        "transform": record.transform,
        "planned": record.planned,
        "sent": record.sent,
        "refused": record.refused,
        "failed": record.failed,
    }


def filter_row(wanted: LetterFilter) -> dict[str, Any]:
    """Return the parts of a filter that say something, times as Unix seconds."""
    parts = {
        "cause": list(wanted.causes),
        "topic": wanted.topic,
        "since": wanted.since,
        "until": wanted.until,
        "attempts_at_least": wanted.attempts_at_least,
        "question_id": wanted.question_id,
    }
    return {name: value for name, value in parts.items() if value not in (None, [], 0)} | {
        "state": str(wanted.state)
    }


def filter_of(parts: Mapping[str, Any], now: float) -> LetterFilter:
    """Read a filter from text or JSON parts. Raises InputError naming the part that is wrong."""
    for name in parts:
        if name not in FILTER_PARTS:
            raise InputError(f"no such filter; there are: {', '.join(FILTER_PARTS)}", field=name)
    return LetterFilter(
        causes=_causes(parts.get("cause")),
        topic=_text(parts, "topic"),
        since=when(parts.get("since"), now, "since"),
        until=when(parts.get("until"), now, "until"),
        attempts_at_least=_count(parts.get("attempts_at_least") or 0),
        question_id=_text(parts, "question_id"),
        state=_state(parts.get("state") or LetterState.OPEN),
    )


def when(given: Any, now: float, field: str) -> float | None:
    """Return Unix seconds of a number, an ISO 8601 time (UTC without a zone), or `2h`, `3d` ago."""
    if given is None:
        return None
    seconds = _seconds(given, now)
    if seconds is None or not math.isfinite(seconds) or not 0 <= seconds < _LATEST:
        raise InputError(
            f"{str(given)[:40]!r} is no time: write 2026-11-25T18:00:00Z, 2026-11-25,"
            " or 90s, 30m, 2h, 3d, 1w (that long ago)",
            field=field,
        )
    return seconds


def _seconds(given: Any, now: float) -> float | None:
    if isinstance(given, int | float) and not isinstance(given, bool):
        return float(given)
    if not isinstance(given, str):
        return None
    text = given.strip()
    if ago := _AGO.fullmatch(text):
        return max(0.0, now - int(ago[1]) * _UNITS[ago[2]])
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    with suppress(ValueError):
        return float(text)
    return None


def _causes(given: Any) -> tuple[str, ...]:
    if given in (None, [], ()):
        return ()
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list | tuple) or not all(isinstance(each, str) for each in listed):
        raise InputError("cause is a text or a list of texts", field="cause")
    names = [name.strip() for each in listed for name in each.split(",") if name.strip()]
    if not names:
        raise InputError("cause is a text that is not empty", field="cause")
    if len(names) > _MAX_CAUSES:
        raise InputError(f"more than {_MAX_CAUSES} causes", field="cause")
    return tuple(dict.fromkeys(names))


def _text(parts: Mapping[str, Any], name: str) -> str | None:
    given = parts.get(name)
    if given is None:
        return None
    if not isinstance(given, str) or not given:
        raise InputError(f"{name} is a text that is not empty", field=name)
    return given


def _count(given: Any) -> int:
    text = str(given)
    if isinstance(given, bool) or not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InputError("attempts_at_least is a number from 0", field="attempts_at_least")
    return int(text)


def _state(given: Any) -> LetterState:
    try:
        return LetterState(given)
    except ValueError:
        raise InputError(f"state is one of: {', '.join(LetterState)}", field="state") from None


def encoded(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def decoded(text: str | None, field: str) -> bytes | None:
    """Return the bytes of base64. Raises InputError."""
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise InputError("this is not base64", field=field) from None


def encode_position(position: LetterPosition | None) -> str | None:
    """Return a position as the opaque cursor of a page, None at the end."""
    if position is None:
        return None
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def decode_position(cursor: str | None) -> LetterPosition | None:
    """Return the position of a cursor. Raises InputError(field="cursor")."""
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        dead_at, topic, partition, offset = json.loads(
            base64.b64decode(padded, b"-_", validate=True)
        )
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise InputError("this is not a cursor of a page", field="cursor") from None
    whole = type(partition) is int and type(offset) is int
    small = whole and 0 <= partition < 2**31 and 0 <= offset < 2**63
    real = type(dead_at) in {int, float} and abs(dead_at) < _LATEST
    if not (small and real and isinstance(topic, str)):
        raise InputError("this is not a cursor of a page", field="cursor")
    return LetterPosition(float(dead_at), topic, partition, offset)
