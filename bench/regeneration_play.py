"""One question under one set of strategies, as the pipeline plays it: asked until an answer passes.

The verdict, the choice of the next strategy and that of the best attempt are the pipeline's own
functions. Calls are kept in a file by all that they depend on: a rerun makes only those that are
new.
"""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import NamedTuple

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


class Calls:
    """A model whose answers are kept in `file`, one JSON line for each call."""

    def __init__(self, model: LanguageModel, file: Path) -> None:
        self._model = model
        self._file = file
        self._said: dict[str, Said] = {}
        self.made = 0
        self.kept = 0
        if file.is_file():
            for line in file.read_text(encoding="utf-8").splitlines():
                self._read(line)

    async def ask(self, prompt: Prompt) -> Said:
        """Return the model's answer, from the file if it is there."""
        key = json.dumps([prompt.model or self._model.model, *astuple(prompt)], ensure_ascii=False)
        if key in self._said:
            self.kept += 1
            return self._said[key]
        answer = await self._model.answer(prompt)
        said = Said(answer.text, answer.finish_reason, answer.seconds, answer.tokens or 0)
        self.made += 1
        self._said[key] = said
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps([key, said], ensure_ascii=False) + "\n")
        return said

    def _read(self, line: str) -> None:
        try:
            key, said = json.loads(line)
            self._said[key] = Said(*said)
        except (ValueError, TypeError):
            return  # the last line of a run that was killed


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
    calls: Calls,
    scorer: Scorer,
    gate: Gate,
) -> Played:
    """Ask until an answer passes or `generations` were asked. Raises LlmFailed, ScoreFailure."""
    tried: list[Tried] = []
    bests: list[ScoredAttempt] = []
    reason: str | None = None
    for generation in range(1, generations + 1):
        strategy = strategies.chosen(question.text, generation, reason)
        said = await calls.ask(strategy.prompt_for(question.text))
        status, score, why = await _judged(question, said, scorer, gate)
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
    question: Asked, said: Said, scorer: Scorer, gate: Gate
) -> tuple[Status, Score | None, str]:
    score = None
    if needs_score(said.text, question.reference):
        [score] = await scorer.score([(said.text, question.reference)])
    evidence = Evidence(said.text, question.text, question.reference, said.finish_reason)
    objection = object_to(evidence, DEFAULT_GUARDS)
    return verdict(said.text, question.reference, score, gate, objection)
