"""One question under one set of strategies, as the pipeline plays it: asked until an answer passes.

The verdict, the choice of the next strategy and that of the best attempt are the pipeline's own
functions. Calls and scores are kept in a file by all that they depend on: a rerun makes only those
that are new.
"""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from agents.best import better
from app.core.gate import Gate, Score
from app.core.guards import DEFAULT_GUARDS, Evidence, guard_of, object_to
from app.core.judging import ZERO, needs_score, verdict
from app.core.lifecycle import Status
from app.core.strategies import Prompt, Strategies, reason_of
from app.ports import LanguageModel, Scorer
from models.questions import ScoredAttempt


class Asked(NamedTuple):
    """A question of the bench; `language` is `en` or `es`."""

    language: str
    text: str
    reference: str


class Said(NamedTuple):
    """What a call brought. `seconds` and `tokens` are those of the call when it was made."""

    text: str
    finish_reason: str | None
    seconds: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt: how it was asked, its figures, and what rejected it (None: it passed)."""

    strategy: str
    precision: float
    recall: float
    f1: float
    rejected_by: str | None
    guard: str | None
    seconds: float
    tokens: int
    answer: str


class Kept:
    """What was paid for once, by all that it depends on: a file of JSON lines, and memory."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._values: dict[str, Any] = {}
        if file.is_file():
            for line in file.read_text(encoding="utf-8").splitlines():
                self._read(line)

    def get(self, key: str) -> Any:
        return self._values.get(key)

    def put(self, key: str, value: Any) -> None:
        self._values[key] = value
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps([key, value], ensure_ascii=False) + "\n")

    def _read(self, line: str) -> None:
        try:
            key, value = json.loads(line)
            self._values[key] = value
        except (ValueError, TypeError):
            return  # the last line of a run that was killed


class Outside:
    """The model and the scorer, each asked once for the same thing."""

    def __init__(self, model: LanguageModel, scorer: Scorer, kept: Kept) -> None:
        self._model = model
        self._scorer = scorer
        self._kept = kept
        self.calls_made = 0
        self.calls_kept = 0

    async def ask(self, prompt: Prompt) -> Said:
        """Return the model's answer."""
        key = json.dumps([self._model.model, *astuple(prompt)], ensure_ascii=False)
        found = self._kept.get(key)
        if found is not None:
            self.calls_kept += 1
            return Said(*found)
        answer = await self._model.answer(prompt)
        said = Said(answer.text, answer.finish_reason, answer.seconds, answer.tokens or 0)
        self.calls_made += 1
        self._kept.put(key, said)
        return said

    async def score(self, answer: str, reference: str) -> Score:
        """Return the score of a pair."""
        key = json.dumps(["score", self._scorer.name, answer, reference], ensure_ascii=False)
        found = self._kept.get(key)
        if found is None:
            [score] = await self._scorer.score([(answer, reference)])
            found = [score.precision, score.recall, score.f1]
            self._kept.put(key, found)
        return Score(*found)


@dataclass
class Played:
    """The attempts of one question, and its best answer after each."""

    question: Asked
    tried: list[Tried]
    best: list[ScoredAttempt]

    @property
    def validated(self) -> bool:
        return self.tried[-1].rejected_by is None

    def best_after(self, attempts: int, metric: str) -> float:
        """Return the figure of the best answer once up to `attempts` were made."""
        return float(getattr(self.best[min(attempts, len(self.best)) - 1], metric))

    def validated_after(self, attempts: int) -> bool:
        return self.validated and len(self.tried) <= attempts


async def play(
    question: Asked,
    strategies: Strategies,
    generations: int,
    outside: Outside,
    gate: Gate,
) -> Played:
    """Ask until an answer passes or `generations` were asked. Raises LlmFailed, ScoreFailure."""
    tried: list[Tried] = []
    bests: list[ScoredAttempt] = []
    reason: str | None = None
    for generation in range(1, generations + 1):
        strategy = strategies.chosen(question.text, generation, reason)
        said = await outside.ask(strategy.prompt_for(question.text))
        status, score, why = await _judged(question, said, outside, gate)
        score = score or ZERO
        guard = guard_of(why)
        passed = status is Status.VALIDATED
        reason = None if passed else reason_of(guard)
        this = ScoredAttempt(
            generation=generation,
            attempt=1,
            answer=said.text,
            precision=score.precision,
            recall=score.recall,
            f1=score.f1,
            model=strategy.model,
            why=why,
        )
        bests.append(this if passed else better(bests[-1] if bests else None, this, gate.metric))
        tried.append(
            Tried(
                strategy=strategy.name,
                precision=score.precision,
                recall=score.recall,
                f1=score.f1,
                rejected_by=reason,
                guard=guard,
                seconds=said.seconds,
                tokens=said.tokens,
                answer=said.text,
            )
        )
        if passed:
            break
    return Played(question, tried, bests)


async def _judged(
    question: Asked, said: Said, outside: Outside, gate: Gate
) -> tuple[Status, Score | None, str]:
    score = None
    if needs_score(said.text, question.reference):
        score = await outside.score(said.text, question.reference)
    evidence = Evidence(said.text, question.text, question.reference, said.finish_reason)
    objection = object_to(evidence, DEFAULT_GUARDS)
    return verdict(said.text, question.reference, score, gate, objection)
