"""What `ratings produce` did: as JSON, and as a table for people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.output import print_table

if TYPE_CHECKING:
    from app.ratings.faulty import Expected
    from app.ratings.sending import Sent


@dataclass
class Produced:
    """What a run sent, with what it rejected beforehand."""

    source: str
    topic: str
    where: str
    sent: Sent
    expected: Expected | None = None
    rejected: Counter[str] = field(default_factory=Counter)
    rejects: Path | None = None
    error: Exception | None = None

    def as_json(self) -> dict[str, Any]:
        sent, expected = self.sent, self.expected
        p50, p95, p99, most = (1000 * each for each in sent.latency_seconds(0.5, 0.95, 0.99, 1.0))
        return {
            "source": self.source,
            "topic": self.topic,
            "broker": self.where,
            "sent": sent.sent,
            "acknowledged": sent.acknowledged,
            "failed": sent.failed,
            "errors": dict(sent.errors),
            "rejected": dict(self.rejected),
            "rejects": str(self.rejects) if self.rejects else None,
            "expected": None
            if expected is None
            else {
                "valid": expected.valid,
                "duplicate": expected.duplicate,
                "stale": expected.stale,
                "rejected": expected.rejected,
            },
            "seconds": round(sent.seconds, 3),
            "per_second": round(sent.per_second, 1),
            "latency_ms": {
                "p50": round(p50, 2),
                "p95": round(p95, 2),
                "p99": round(p99, 2),
                "max": round(most, 2),
            },
            "partitions": {str(each): n for each, n in sorted(sent.partitions.items())},
            "interrupted": sent.interrupted,
        }


def print_summary(produced: Produced) -> None:
    row, sent = produced.as_json(), produced.sent
    rejected = sum(produced.rejected.values())
    lines: list[tuple[str, str, str]] = [
        ("sent", f"{sent.sent:,}", f"{produced.source} -> {produced.topic}, {produced.where}"),
        ("acknowledged", f"{sent.acknowledged:,}", f"{sent.per_second:,.0f}/s"),
        ("failed", f"{sent.failed:,}", "; ".join(sent.errors)),
    ]
    if produced.rejects is not None:
        lines.append(
            ("rejected", f"{rejected:,}", f"{_by(produced.rejected)} -> {produced.rejects}")
        )
    if sent.broken:
        lines.append(("bad on purpose", f"{sum(sent.broken.values()):,}", _by(sent.broken)))
    expected = produced.expected
    if expected is not None and (expected.duplicate or expected.stale):
        repeats = f"{expected.duplicate:,} duplicate, {expected.stale:,} stale"
        lines.append(("repeated", f"{expected.duplicate + expected.stale:,}", repeats))
    latency = row["latency_ms"]
    lines += [
        ("seconds", f"{sent.seconds:.1f}", "interrupted" if sent.interrupted else ""),
        (
            "latency",
            f"{latency['p50']} ms",
            f"p95 {latency['p95']}, p99 {latency['p99']}, longest {latency['max']} ms",
        ),
        ("partitions", str(len(sent.partitions)), _spread(sent.partitions)),
    ]
    print_table(None, ("ratings", "", ""), lines)


def _by(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


def _spread(partitions: Counter[int]) -> str:
    return "  ".join(f"{each}: {count:,}" for each, count in sorted(partitions.items()))
