"""Figures of ratings pipelines that nobody ran: plausible, empty, hostile."""

from __future__ import annotations

import random
from typing import Any

from app.core.ratings.changes import MovieTotal, RatingStats, Totals
from app.ratings.report import RatingFigures
from models.ratings import StreamMetrics

START = 1_795_000_000.0
HOSTILE = [
    "<script>document.title='ran'</script>",
    "\"><svg onload=document.title='ran'>",
    "</style><script>document.title='ran'</script>",
    "' onmouseover='document.title=1' x='",
    "\x00\x1b[2J bell \x07",
    "\u202egnp.exe\u202c",
]


def message(worker: str, at: float, **given: Any) -> StreamMetrics:
    """One message of a worker, of the 5 seconds before `at` (after START)."""
    fields: dict[str, Any] = {
        "worker": worker,
        "at": START + at,
        "seconds": 5.0,
        "per_second": 100.0,
        "valid": 500,
        "rejected": {},
        "duplicate": 0,
        "stale": 0,
        "late": 0,
        "lag": 0,
        "partitions": 6,
        "model": "als-1",
    }
    return StreamMetrics(**(fields | given))


def course(workers: int, minutes: float, seed: int = 1) -> list[StreamMetrics]:
    """A plausible course: more events at first, a stall, errors that sink."""
    draw = random.Random(seed)
    found = []
    for n in range(1, int(minutes * 12) + 1):
        stalled = 0.45 < n / (minutes * 12) < 0.52
        for w in range(workers):
            rate = 0 if stalled else (40_000 / workers) * (0.85 + 0.3 * draw.random())
            latency = 0.4 + draw.random() * 0.2 + (6 if stalled else 0)
            found.append(
                message(
                    f"worker-{w + 1}",
                    n * 5 + w * 0.7,
                    valid=int(rate * 5 * 0.99),
                    rejected={"rating": int(rate * 0.02), "movie_id": int(rate * 0.01)},
                    duplicate=int(rate * 0.01),
                    per_second=rate,
                    lag=int(220_000 / workers) if stalled else int(draw.random() * 3000),
                    latency_p50_seconds=latency,
                    latency_p95_seconds=latency * 1.8,
                    latency_p99_seconds=latency * 2.6 + draw.random(),
                    rmse=0.87 + 0.12 / (1 + n / 20) + draw.random() * 0.004,
                    coverage=0.2,
                )
            )
    return sorted(found, key=lambda each: each.at)


def figures(workers: int = 1, minutes: float = 10, **given: Any) -> RatingFigures:
    """Figures of a stream of some millions of ratings."""
    draw = random.Random(workers)
    marks = (0, 12, 34, 14, 71, 44, 215, 110, 278, 77, 145)
    totals = Totals(
        valid=10_400_321,
        duplicate=20_017,
        stale=3_204,
        rejected={"rating": 9_001, "movie_id": 4_120, "malformed": 801, "type": 77, "user_id": 3},
        out_of_order=17,
        late=5,
        future=2,
        users=138_493,
        by_halves=[share * 10_007 for share in marks],
        predicted=10_000_000,
        squared_error=7_921_000.0,
    )
    popular = [
        MovieTotal(
            draw.randrange(1, 131_262),
            int(67_310 * 0.93**n),
            int(67_310 * 0.93**n * (5.5 + 3 * draw.random())),
            int((START + 600) * 1000),
        )
        for n in range(20)
    ]
    exposure = {movie.movie_id: int(90_000 * 0.9**n) for n, movie in enumerate(popular)}
    exposure |= {200_000 + n: max(1, int(30_000 / (n + 1))) for n in range(5_400)}
    fields: dict[str, Any] = {
        "taken_at": START + 3_000,
        "stats": RatingStats(totals, 26_744),
        "popular": popular,
        "exposure": exposure,
        "users_recommended": 121_004,
        "metrics": course(workers, minutes),
        "lag": {"ratings/0": 1_200, "ratings/4": 37},
    }
    return RatingFigures(**(fields | given))


def empty() -> RatingFigures:
    return RatingFigures(taken_at=START)
