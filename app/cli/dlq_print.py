"""Dead letters and plans for people."""

from __future__ import annotations

import base64
from typing import Any

from app.cli.output import print_table, printable, stdout
from app.core.questions import timestamp

_MOST_BYTES = 4096
_WIDTH = 16
_FIELDS = (
    "origin",
    "state",
    "cause",
    "detail",
    "attempts",
    "question_id",
    "round",
    "generation",
    "attempt",
    "first_seen_at",
    "dead_at",
    "redrive_id",
    "redriven_at",
    "became_round",
)


def print_counts(counts: list[dict[str, Any]]) -> None:
    """Print how many letters there are of each kind, the most first."""
    rows = sorted(counts, key=lambda row: (-row["letters"], row["cause"], row["topic"]))
    total = sum(row["letters"] for row in rows)
    if not total:
        stdout().print("no dead letter fits")
        return
    stdout().print(f"{total} dead letters")
    print_table(
        None,
        ("cause", "topic", "state", "letters"),
        ((row["cause"], row["topic"], row["state"], row["letters"]) for row in rows),
    )


def print_letters(rows: list[dict[str, Any]]) -> None:
    """Print letters, one a line."""
    print_table(
        None,
        ("origin", "dead at", "cause", "attempts", "state", "question", "detail"),
        (
            (
                row["origin"],
                row["dead_at"],
                row["cause"],
                row["attempts"],
                row["state"],
                row["question_id"],
                row["detail"][:120],
            )
            for row in rows
        ),
    )


def print_letter(row: dict[str, Any]) -> None:
    """Print a letter with everything it has."""
    console = stdout()

    def line(name: str, value: Any) -> None:
        console.print(f"[bold]{name:>16}[/bold]  {printable(value)}", soft_wrap=True)

    for name in _FIELDS:
        if row[name] is not None:
            line(name, row[name])
    line("redrive", _would(row["redrive"]))
    line("key", _shown(row["key_base64"]))
    line("bytes", row["bytes"])
    console.print(printable(_shown(row["value_base64"])), soft_wrap=True)


def _would(redrive: dict[str, Any]) -> str:
    match redrive["as"]:
        case "question":
            return f"asks the question anew, on {redrive['topic']}"
        case "bytes":
            return f"sends these bytes to {redrive['topic']}"
        case "arrived":
            return "marks it: it was sent, and its new round has ended"
        case _:
            return f"no: {redrive['reason']}"


def _shown(encoded: str | None) -> str:
    return "(none)" if encoded is None else shown_bytes(base64.b64decode(encoded))


def shown_bytes(value: bytes) -> str:
    """Return bytes for a terminal: text with its control characters escaped, else hexadecimal."""
    shown = value[:_MOST_BYTES]
    rest = len(value) - len(shown)
    more = f"\n... {rest} bytes more: --json has them in base64" if rest else ""
    try:
        text = shown.decode("utf-8", "strict" if not rest else "ignore")
    except UnicodeDecodeError:
        return _hexadecimal(shown) + more
    if any(ord(c) < 32 and c not in "\t\n\r\x1b" for c in text):
        return _hexadecimal(shown) + more
    return "".join(_escaped(c) for c in text) + more


def _escaped(character: str) -> str:
    if character == "\n" or character.isprintable():
        return character
    return character.encode("unicode_escape").decode()


def _hexadecimal(value: bytes) -> str:
    lines = []
    for start in range(0, len(value), _WIDTH):
        part = value[start : start + _WIDTH]
        text = "".join(chr(b) if 32 <= b < 127 else "." for b in part)
        lines.append(f"{start:08x}  {part.hex(' '):<{3 * _WIDTH}} {text}")
    return "\n".join(lines)


def print_plan(plan: dict[str, Any], limit: int | None = None) -> None:
    """Print what a redrive would do."""
    if not plan["examined"]:
        stdout().print("no dead letter fits")
        return
    say = stdout().print
    say(f"{plan['planned']} of {plan['examined']} letters would be sent")
    print_table(None, ("cause", "letters"), plan["by_cause"].items())
    print_table(None, ("topic of origin", "letters"), plan["by_topic"].items())
    if plan["refused"]:
        say(f"{plan['refused']} would be refused")
        print_table(
            None,
            ("why", "letters", "meaning"),
            ((row["why"], row["letters"], row["meaning"]) for row in plan["refusals"]),
        )
    say(f"{plan['as_question']} as their question in a new round, {plan['as_bytes']} as bytes")
    if plan["more"]:
        say(f"there are more: a plan looks at the oldest {plan['examined']}")
    if limit is not None and limit < plan["examined"]:
        say(f"--limit: only the oldest {limit} are looked at")


def print_redrives(rows: list[dict[str, Any]]) -> None:
    """Print redrives, one a line."""
    names = ("redrive_id", "started_at", "last_at", "by", "planned", "sent", "refused", "failed")
    print_table(
        None,
        (*(name.replace("_", " ") for name in names), "filter", "transform"),
        (
            (*(row[name] for name in names), _filter(row["filter"]), row["transform"])
            for row in rows
        ),
    )


def _filter(parts: dict[str, Any]) -> str:
    return " ".join(f"{name}={_part(name, value)}" for name, value in parts.items())


def _part(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    if name in ("since", "until") and isinstance(value, int | float):
        return timestamp(value) or ""
    return str(value)
