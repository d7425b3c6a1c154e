"""What changes from one generation to the next, and what never gets into a prompt."""

from __future__ import annotations

import inspect
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.guards import GUARDS, Evidence, object_to
from app.core.strategies import (
    LOW_SCORE,
    REASONS,
    SEED_BOUNDS,
    STRATEGIES,
    Change,
    Strategies,
    Strategy,
    prompt_for,
    question_language,
    reason_of,
)
from app.core.templates import template_problem

ENGLISH = "What is the capital of the country that lies to the west of Spain?"
SPANISH = "¿Cuál es la capital del país que está al oeste de España?"
PLAIN, SECOND = Strategy(0.0, 1), Strategy(0.6, 2, prompt="Shortly: {question}")


def test_the_first_generation_is_the_plain_question_without_chance() -> None:
    for question in (ENGLISH, SPANISH):
        prompt = prompt_for(question, 1)
        assert (prompt.system, prompt.user, prompt.temperature) == ("", question, 0.0)


@pytest.mark.parametrize("question", [ENGLISH, SPANISH])
@pytest.mark.parametrize("reason", [None, *REASONS])
def test_each_generation_asks_in_another_way(question: str, reason: str | None) -> None:
    prompts = [prompt_for(question, generation, STRATEGIES, reason) for generation in range(1, 7)]
    assert len({replace(prompt, seed=0) for prompt in prompts[:2]}) == 2
    assert len({(p.user, p.temperature, p.seed) for p in prompts}) == len(prompts)


@pytest.mark.parametrize("generation", [-5, 0, 3, 100, 10_000])
def test_generations_without_a_strategy_of_their_own_are_asked_as_the_nearest(
    generation: int,
) -> None:
    strategies = Strategies((PLAIN, SECOND))
    asked = strategies.chosen("Why?", generation)
    nearest = strategies.chosen("Why?", 1 if generation < 1 else 2)
    assert replace(asked, seed=0) == replace(nearest, seed=0)
    assert asked.seed == max(1, generation)


def test_seeds_of_later_generations_stay_within_their_bounds() -> None:
    strategies = Strategies((Strategy(0.5, SEED_BOUNDS[1]),))
    assert [strategies.chosen("Why?", n).seed for n in (1, 2, 3)] == [SEED_BOUNDS[1], 0, 1]


@given(st.text(min_size=1), st.integers(1, 10), st.sampled_from([None, *REASONS]))
def test_the_question_ends_every_prompt_unchanged(
    question: str, generation: int, reason: str | None
) -> None:
    assert prompt_for(question, generation, STRATEGIES, reason).user.endswith(question)


@given(st.text(min_size=1))
def test_a_question_is_never_read_as_a_template(question: str) -> None:
    strategies = Strategies((Strategy(0.0, 1, prompt="Before {question} after"),))
    assert prompt_for(question, 1, strategies).user == f"Before {question} after"


CHANGES = (
    Change(language="Spanish", prompt="Responde: {question}"),
    Change(rejected_by=("cut_off",), max_tokens=2048),
    Change(rejected_by=("refusal", "echo"), generation=3, temperature=1.0, model="larger"),
    Change(language="Spanish", generation=1, system="Responde en español."),
)


@pytest.mark.parametrize(
    ("question", "generation", "reason", "name", "changed"),
    [
        (ENGLISH, 1, None, "generation 1", {}),
        (ENGLISH, 1, "cut_off", "generation 1", {}),
        (ENGLISH, 2, LOW_SCORE, "generation 2", {}),
        (ENGLISH, 2, "cut_off", "generation 2 + cut_off", {"max_tokens": 2048}),
        (ENGLISH, 3, "cut_off", "generation 2 + cut_off", {"max_tokens": 2048, "seed": 3}),
        (ENGLISH, 2, "echo", "generation 2", {}),
        (
            ENGLISH,
            3,
            "echo",
            "generation 2 + refusal, echo",
            {"temperature": 1.0, "model": "larger", "seed": 3},
        ),
        (
            SPANISH,
            2,
            "cut_off",
            "generation 2 + Spanish + cut_off",
            {"prompt": "Responde: {question}", "max_tokens": 2048},
        ),
        (
            SPANISH,
            1,
            None,
            "generation 1 + Spanish",
            {"system": "Responde en español."},
        ),
    ],
)
def test_what_rejected_the_last_answer_and_the_language_change_what_is_asked(
    question: str, generation: int, reason: str | None, name: str, changed: dict[str, object]
) -> None:
    asked = Strategies((PLAIN, SECOND), CHANGES).chosen(question, generation, reason)
    base = PLAIN if generation == 1 else SECOND
    assert asked == replace(base, name=name, **changed)


def test_a_later_change_wins() -> None:
    changes = (
        Change(generation=2, temperature=0.1),
        Change(rejected_by=(LOW_SCORE,), temperature=0.2, name="warmer"),
    )
    asked = Strategies((PLAIN,), changes).chosen("Why?", 2, LOW_SCORE)
    assert (asked.temperature, asked.name) == (0.2, "generation 1 + again + warmer")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (SPANISH, "Spanish"),
        ("¿Quién pintó el Guernica?", "Spanish"),
        (ENGLISH, "English"),
        ("Who painted Guernica?", None),
        ("", None),
    ],
)
def test_the_language_of_a_question(text: str, language: str | None) -> None:
    assert question_language(text) == language


def test_the_reference_answer_can_not_get_into_a_prompt() -> None:
    """It has no way in: not as an argument, and not as a name that a template may hold."""
    parameters = list(inspect.signature(prompt_for).parameters)
    assert parameters == ["question_text", "generation", "strategies", "rejected_by"]
    assert list(inspect.signature(Strategies.chosen).parameters) == [
        "self",
        "question_text",
        "generation",
        "rejected_by",
    ]
    for name in ("reference", "original_answer", "answer", "previous_answer", "why", ""):
        assert template_problem(f"{{question}} {{{name}}}") is not None
    assert template_problem("{question}") is None


@given(st.text() | st.sampled_from(["the reference says 1989", "guard numbers_changed: 1989"]))
def test_a_reason_selects_words_and_gives_none_itself(reason: str) -> None:
    """A guard's clause quotes the reference: whatever comes as a reason, the prompts stay ours."""
    strategies = Strategies((PLAIN, SECOND), CHANGES)
    ours = {strategies.chosen(SPANISH, 3, each) for each in (None, *REASONS)}
    assert strategies.chosen(SPANISH, 3, reason) in ours


def test_only_the_name_of_a_guard_becomes_a_reason() -> None:
    evidence = Evidence("It fell in 1991.", "When did it fall?", "It fell in 1989.")
    objection = object_to(evidence, GUARDS)
    assert objection is not None
    assert "1989" in objection.why, "this test needs a guard that quotes the reference"
    assert reason_of(objection.guard) == "numbers_changed"
    assert reason_of(objection.why) == LOW_SCORE
    assert reason_of(None) == LOW_SCORE
