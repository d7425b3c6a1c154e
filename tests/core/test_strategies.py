"""What changes from one generation to the next, and what never gets into a prompt."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.strategies import STRATEGIES, Strategy, prompt_for, template_problem


def test_the_first_generation_is_the_plain_question_without_chance() -> None:
    prompt = prompt_for("Why is the sky blue?", 1)
    assert (prompt.system, prompt.user, prompt.temperature) == ("", "Why is the sky blue?", 0.0)


def test_each_generation_asks_in_another_way() -> None:
    prompts = [prompt_for("Why?", generation) for generation in range(1, len(STRATEGIES) + 1)]
    assert len({p.user for p in prompts}) == len(prompts)
    assert len({(p.temperature, p.seed) for p in prompts}) == len(prompts)


@pytest.mark.parametrize("generation", [-5, 0, 4, 100, 10_000])
def test_generations_without_a_strategy_of_their_own_use_the_nearest(generation: int) -> None:
    nearest = prompt_for("Why?", 1 if generation < 1 else len(STRATEGIES))
    assert prompt_for("Why?", generation) == nearest


@given(st.text(min_size=1), st.integers(1, 10))
def test_the_question_ends_every_prompt_unchanged(question: str, generation: int) -> None:
    assert prompt_for(question, generation).user.endswith(question)


def test_the_reference_answer_can_not_get_into_a_prompt() -> None:
    """It has no way in: not as an argument, and not as a name that a template may hold."""
    parameters = list(inspect.signature(prompt_for).parameters)
    assert parameters == ["question_text", "generation", "strategies"]
    for name in ("reference", "original_answer", "answer", "metadata", ""):
        assert template_problem(f"{{question}} {{{name}}}") is not None
    assert template_problem("{question}") is None


@given(st.text(min_size=1))
def test_a_question_is_never_read_as_a_template(question: str) -> None:
    strategies = (Strategy(0.0, 1, prompt="Before {question} after"),)
    assert prompt_for(question, 1, strategies).user == f"Before {question} after"
