"""Scores in the pipeline: a missing one is tried again, each one tells what it was made by."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from app.adapters.llm.memory import ScriptedModel
from app.adapters.scorer.memory import OverlapScorer
from app.cli.engine import HttpAsker
from app.core.failures import CAUSES
from app.core.gate import Gate, Metric, Score
from app.core.judging import SCORE_TRIES, pause_before_try
from app.core.lifecycle import Status
from app.errors import ScoreFailure, ScorerUnavailable, llm_failed
from app.settings import load_settings
from app.web import openapi_shapes as shapes
from models.questions import ScoredAttempt
from tests.flow.engine import LIMITS, make_ports, poll, question, running
from tests.web.client import client_of

NAN = ScoreFailure("overlap:0 gave no score for a pair")
ANOTHER_GATE = Gate(0.9, Metric.RECALL, "profile mine")
OVERLOADED = llm_failed(CAUSES["overloaded"], "busy", status=503)
RIGHT = "The Wall fell in 1989 in the city of Berlin."
WRONG = "The Wall fell in 1990 in the city of Berlin."


class ChangingScorer(OverlapScorer):
    """Goes by another name from the second score on, with other figures."""

    @property
    def name(self) -> str:
        return "overlap:0" if len(self.calls) < 2 else "large:17:rescaled"

    async def score(self, pairs: Sequence[tuple[str, str]]) -> list[Score]:
        await super().score(pairs)
        low = len(self.calls) >= 2
        return [Score(0.1, 0.1, 0.1) if low else Score(0.5, 0.5, 0.5) for _ in pairs]


async def test_a_score_that_was_missing_once_is_had_by_the_next_try() -> None:
    ports = make_ports(scorer=OverlapScorer([NAN]))
    async with running(ports) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
        await engine.idle()
        assert engine.messages(engine.names.dead_letters) == []
        assert engine.context.metrics.total("scores_retried") == 1
    assert (row.status, row.score.f1) == (Status.VALIDATED, 1.0)
    assert ports.scorer.calls == [[("An answer", "An answer")]] * 2
    assert len(ports.model.calls) == 1


async def test_a_score_that_never_comes_is_a_dead_letter_with_its_cause_and_tries() -> None:
    ports = make_ports(scorer=OverlapScorer([NAN] * 99))
    async with running(ports) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
        [letter] = engine.records(engine.names.dead_letters)
    assert (row.status, row.cause, row.score) == (Status.DEAD, "score_failure", None)
    assert row.why == letter.detail == "overlap:0 gave no score for a pair (3 tries)"
    assert [attempt.verdict for attempt in row.attempts] == [None]
    assert len(ports.scorer.calls) == SCORE_TRIES == 3
    assert len(ports.model.calls) == 1


async def test_a_scorer_that_is_away_between_the_tries_is_waited_for_and_counts_none() -> None:
    faults = [NAN, *[ScorerUnavailable("away")] * 4, NAN]
    ports = make_ports(scorer=OverlapScorer(faults))
    async with running(ports) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
        assert engine.context.metrics.total("scores_retried") == 2
    assert row.status is Status.VALIDATED
    assert len(ports.scorer.calls) == len(faults) + 1


async def test_a_pair_that_is_tried_again_holds_up_no_other() -> None:
    class Picky(OverlapScorer):
        async def score(self, pairs: Sequence[tuple[str, str]]) -> list[Score]:
            if pairs[0][1] == "bad":
                raise NAN
            return await super().score(pairs)

    async with running(make_ports(scorer=Picky()), partitions=1) as engine:
        bad, good = question("Why?", "bad"), question("What?")
        await engine.submit(bad, good)
        await engine.final(good.question_id)
        early = await engine.ports.store.question(bad.question_id)
        assert (await engine.final(bad.question_id)).status is Status.DEAD
    assert early is not None
    assert not early.status.final, "the good one did not wait for the tries of the bad one"


async def test_a_stop_interrupts_the_pause_and_the_next_worker_scores_from_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agents.questions.scoring.pause_before_try", lambda failures: 3600.0)
    ports = make_ports(scorer=OverlapScorer([NAN]))
    asked = question("Why?")
    name = "a-stop-interrupts-the-pause"
    async with running(ports, name=name) as engine:
        await engine.submit(asked)

        async def failed() -> bool:
            return engine.context.metrics.total("scores_retried") == 1

        await poll(failed)
        loop = asyncio.get_running_loop()
        began = loop.time()
    assert loop.time() - began < 10
    async with running(ports, name=name) as engine:
        assert (await engine.final(asked.question_id)).status is Status.VALIDATED
    assert len(ports.model.calls) == 1


async def test_a_replay_that_gets_no_score_keeps_the_verdict_in_force() -> None:
    ports = make_ports()
    async with running(ports) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        await engine.final(asked.question_id)
        [answered] = engine.records(engine.names.llm_responses_success)
        ports.scorer.faults.extend([NAN] * 99)
        await engine.send(engine.names.llm_responses_success, answered)
        await engine.idle()
        assert engine.messages(engine.names.dead_letters) == []
        assert len(engine.records(engine.names.validated_responses)) == 2


def test_the_pauses_between_tries_grow_and_end() -> None:
    assert [pause_before_try(failures) for failures in (1, 2, 3, 4)] == [0.2, 0.4, None, None]


async def test_the_final_score_and_every_attempt_tell_what_they_were_judged_by() -> None:
    model = ScriptedModel(script={"When?": [WRONG, OVERLOADED, RIGHT]})
    limits = replace(LIMITS, gate=ANOTHER_GATE)
    async with running(make_ports(model=model), limits=limits) as engine:
        asked = question("When?", RIGHT)
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
    basis = ("overlap:0", "answerloop overlap", "recall", 0.9, "profile mine")
    wrong, failed, right = row.attempts
    for each in (row, wrong, right):
        assert (each.scorer, each.library, each.metric, each.threshold, each.gate) == basis
    assert (row.why, right.verdict, wrong.verdict) == (
        "recall 1.000 >= 0.900",
        Status.VALIDATED,
        Status.LOW_QUALITY,
    )
    assert wrong.why.startswith("guard numbers_changed")
    assert (failed.verdict, failed.scorer, failed.cause) == (None, None, "overloaded")


async def test_the_best_attempt_keeps_what_it_was_scored_by_when_the_gate_changes() -> None:
    engines: list[Any] = []

    class Changing(ScriptedModel):
        """Answers well at first; then the gate changes, and it answers badly."""

        async def answer(self, prompt: Any) -> Any:
            if self.calls:
                context = engines[0].context
                gate = Gate(0.95, Metric.PRECISION, "profile new")
                context.limits = replace(context.limits, gate=gate)
            return await super().answer(prompt)

    model = Changing(script={"Why?": ["An answer of sorts", "nothing", "nothing"]})
    limits = replace(LIMITS, gate=Gate(0.7))
    async with running(make_ports(model=model), limits=limits) as engine:
        engines.append(engine)
        asked = question("Why?")
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
    assert (row.status, row.answer) == (Status.LOW_QUALITY, "An answer of sorts")
    assert (row.metric, row.threshold, row.gate) == ("f1", 0.7, "settings")
    assert row.why == "f1 0.667 < 0.700"
    assert [each.gate for each in row.attempts] == ["settings", "profile new", "profile new"]


async def test_an_answer_is_judged_and_stored_by_the_threshold_of_its_language() -> None:
    own = Gate(0.9, Metric.F1, "profile p", (("es", 0.3),))
    spanish = "La capital de Francia es París, que está en el norte del país y es antigua."
    english = "The capital of France is Paris, which is in the north of the country and is old."
    answers = {"¿Cuál?": ["La capital es París."], "Which?": ["The capital is Paris."]}
    model = ScriptedModel(script=answers)
    limits = replace(LIMITS, gate=own, max_generations=1)
    async with running(make_ports(model=model), limits=limits) as engine:
        asked = [question("¿Cuál?", spanish), question("Which?", english)]
        for each in asked:
            await engine.submit(each)
        es, en = [await engine.final(each.question_id) for each in asked]
    assert (es.status, es.threshold, es.gate) == (Status.VALIDATED, 0.3, "profile p, es")
    assert (en.status, en.threshold, en.gate) == (Status.LOW_QUALITY, 0.9, "profile p")
    assert "the threshold for es" in (es.attempts[0].why or "")


async def test_figures_of_two_scorers_are_not_compared() -> None:
    ports = make_ports(scorer=ChangingScorer())
    async with running(ports, limits=replace(LIMITS, max_generations=2)) as engine:
        asked = question("Why?")
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
    assert (row.turn.generation, row.score.f1, row.scorer) == (2, 0.1, "large:17:rescaled")
    assert [each.scorer for each in row.attempts] == ["overlap:0", "large:17:rescaled"]
    assert (row.as_json()["rescaled"], row.as_json()["attempts"][0]["rescaled"]) == (True, False)


async def test_a_best_attempt_of_an_older_version_is_compared_and_ends_without_a_guess() -> None:
    best = ScoredAttempt(
        generation=2, attempt=1, answer="An answer of sorts", precision=0.5, recall=1.0, f1=0.6667,
        model="m",
    )  # fmt: skip
    ports = make_ports(model=ScriptedModel(lambda prompt: "nothing"))
    async with running(ports, limits=replace(LIMITS, gate=Gate(0.9))) as engine:
        asked = question("Why?", generation=3, best=best)
        await engine.submit(asked)
        row = await engine.final(asked.question_id)
    assert (row.status, row.answer, row.score.f1) == (Status.LOW_QUALITY, best.answer, 0.6667)
    assert (row.scorer, row.threshold, row.metric, row.gate) == (None,) * 4
    assert (row.why, row.cause) == ("no answer passed; this is the best one", None)


async def test_show_page_and_cache_give_the_same_question() -> None:
    model = ScriptedModel(script={"When?": [WRONG, OVERLOADED, RIGHT]})
    async with running(make_ports(model=model)) as engine, client_of(engine) as client:
        asked = question("When?", RIGHT, metadata={"tema": "añil"})
        await engine.submit(asked)
        await engine.final(asked.question_id)
        await engine.idle()
        async with client.get(f"/questions/{asked.question_id}") as response:
            page = await response.read()
        cached = await engine.ports.cache.get(asked.question_id)
        [by_engine] = await HttpAsker(client, load_settings()).questions([asked.question_id])
        stored = await engine.ports.store.question(asked.question_id)
    assert len(json.loads(page)["attempts"]) == 3
    shapes_of = msgspec.json.decode(page, type=shapes.Question, strict=True)
    assert [each.verdict for each in shapes_of.attempts] == ["fail", None, "pass"]
    by_database = json.loads(msgspec.json.encode(stored.as_json()))
    assert json.loads(page) == json.loads(cached) == by_engine == by_database
