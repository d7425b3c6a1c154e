"""Scored pairs for tests: their scores are given, no scorer is needed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from app.calibration.calibrate import Calibration, calibrate
from app.calibration.measure import Scored
from app.calibration.pairs import Kind, Known, Pair
from app.calibration.sampling import Sample
from app.core.gate import Score

GUARDS = ("empty", "negation")


def pair(kind: Kind, source: int, **more: object) -> Pair:
    fields: dict[str, object] = {
        "candidate": f"candidate {source}",
        "reference": f"reference {source}",
        "question": f"question {source}?",
        "language": "en",
        "half": source % 2,
        "line": source + 1,
        **more,
    }
    return Pair(kind=kind, source=source, **fields)  # type: ignore[arg-type]


def scored(
    kind: Kind, recalls: Sequence[float], *, guard: str | None = None, **more: object
) -> list[Scored]:
    """Return pairs of these recalls; F1 is 0.1 lower, precision 0.2."""
    return [
        Scored(pair(kind, n, **more), Score(recall - 0.2, recall, recall - 0.1), guard)
        for n, recall in enumerate(recalls)
    ]


def apart(good: int = 60, unrelated: int = 400, seed: int = 1) -> list[Scored]:
    """Return good pairs about 0.8 and unrelated ones about 0.4, hardly overlapping."""
    random = Random(seed)
    pairs = scored(Kind.GOOD, [min(0.99, random.gauss(0.8, 0.08)) for _ in range(good)])
    pairs += [
        each._replace(pair=pair(Kind.UNRELATED, n % good))
        for n, each in enumerate(
            scored(Kind.UNRELATED, [random.gauss(0.4, 0.08) for _ in range(unrelated)])
        )
    ]
    return pairs


def sample(name: str = "pairs.csv", count: int = 60) -> Sample:
    known = [Known(n, "", f"r{n}", "a", good=True, language="en") for n in range(count)]
    return Sample(name, known, answers=count)


def calibration(pairs: Sequence[Scored], rate: float = 0.01, name: str = "p.csv") -> Calibration:
    return calibrate(
        sample(name),
        pairs,
        [],
        scorer="minilm-l6:6",
        library="bert-score 0.3.13",
        guards=GUARDS,
        rate=rate,
    )
