"""The quality gate: what a score means, and what happens to the answer."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum

#: Ends the name of a scorer whose figures are rescaled.
RESCALED = ":rescaled"
#: The least figure. Raw ones are at least -1, but for an F1 whose precision and recall cancel out.
LOWEST = -1e9


class Metric(StrEnum):
    """Which of the three figures of BERTScore is compared with the threshold."""

    F1 = "f1"
    RECALL = "recall"
    PRECISION = "precision"

    @property
    def word(self) -> str:
        """How people write it."""
        return "F1" if self is Metric.F1 else self.value


@dataclass(frozen=True, slots=True)
class Score:
    """BERTScore of one (candidate, reference) pair: LOWEST to 1, raw ones rarely below 0.

    `cut`: a text went on beyond the encoder's limit, and its end was not looked at. The figures
    are the same score with it or without.
    """

    precision: float
    recall: float
    f1: float
    cut: bool = field(default=False, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("precision", "recall", "f1"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} is {getattr(self, name)}: a score is a finite number")


@dataclass(frozen=True, slots=True)
class ScorerName:
    """What the name stored beside a score says: `roberta-large:17:rescaled`, `minilm-l6:6`.

    `layer` is None where the name does not tell; `rescaled`: against the library's baseline file,
    so that unrelated texts score about 0.
    """

    model: str
    layer: int | None
    rescaled: bool

    @classmethod
    def of(cls, name: str) -> ScorerName:
        plain = name.removesuffix(RESCALED)
        model, colon, layer = plain.rpartition(":")
        if not colon or not layer.isdigit():
            return cls(plain, None, plain != name)
        return cls(model, int(layer), plain != name)


@dataclass(frozen=True, slots=True)
class Gate:
    """Metric and threshold in force, and where they come from (`settings`, or a profile's name).

    `languages`: (code, threshold) of those that have one of their own; `threshold` is for the
    others, and where the language can't be told. `language`: whose own threshold this gate has.
    """

    threshold: float = 0.75
    metric: Metric = Metric.F1
    source: str = "settings"
    languages: tuple[tuple[str, float], ...] = ()
    language: str = ""

    def in_language(self, code: str) -> Gate:
        """Return the gate for texts of a language: with its own threshold, or this one."""
        own = dict(self.languages).get(code)
        if own is None:
            return self
        return replace(self, threshold=own, source=f"{self.source}, {code}", language=code)

    @property
    def words(self) -> str:
        """`recall >= 0.525 (profile p)`, `recall >= 0.525, en 0.377, es 0.53 (profile p)`."""
        own = "".join(f", {code} {threshold:g}" for code, threshold in self.languages)
        return f"{self.metric} >= {self.threshold:g}{own} ({self.source})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an answer passed, and why (one clause for people)."""

    passed: bool
    why: str


def judge_score(gate: Gate, score: Score) -> Verdict:
    """Compare a score with the gate: at the threshold is a pass."""
    value = getattr(score, gate.metric.value)
    passed = value >= gate.threshold
    sign = ">=" if passed else "<"
    cut = " (a text was cut at the scorer's limit)" if score.cut else ""
    own = f", the threshold for {gate.language}" if gate.language else ""
    return Verdict(passed, f"{gate.metric} {value:.3f} {sign} {gate.threshold:.3f}{own}{cut}")
