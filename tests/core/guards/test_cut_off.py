"""`cut_off`: the limit of tokens ended the answer amid a sentence."""

from __future__ import annotations

import pytest

from app.core.guards.cut_off import cut_off
from app.core.guards.evidence import Evidence


@pytest.mark.parametrize("reason", ["length", "max_tokens"])
@pytest.mark.parametrize("answer", ["The capital of", "1. Paris, 2. Ly", "Paris,"])
def test_amid_a_sentence_it_is_cut_off(answer: str, reason: str) -> None:
    assert cut_off(Evidence(answer, finish_reason=reason))


@pytest.mark.parametrize("reason", [None, "stop", "load", "content_filter"])
def test_another_end_is_none(reason: str | None) -> None:
    assert cut_off(Evidence("The capital of", finish_reason=reason)) is None


@pytest.mark.parametrize("answer", ["It is Paris.", 'He said "no."', "Why not?)", "以上です。"])
def test_an_answer_that_was_trimmed_to_a_whole_sentence_is_whole(answer: str) -> None:
    assert cut_off(Evidence(answer, finish_reason="length")) is None
