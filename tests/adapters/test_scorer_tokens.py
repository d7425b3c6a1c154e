"""Tokens are those of bert-score, whatever the length of a text; the cut is known exactly."""

from __future__ import annotations

import random
import string
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.adapters.scorer.tokens import LOOKED_AT, bound_length, tokenize
from tests.adapters.scorer_encoders import make_encoder

LIMIT = 16
PIECES = st.sampled_from(
    [
        "the ",
        "bridge",
        " ",
        "  \n",
        "x" * 300,
        "日本",
        "ñ",
        "🚀",
        "1937",
        "-",
        "[SEP]",
        "<mask>",
        "é ",
    ]
)


@pytest.fixture(scope="module", params=["bert", "roberta"])
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    pytest.importorskip("bert_score")
    from bert_score.utils import get_tokenizer

    made = get_tokenizer(str(make_encoder(request.param, tmp_path_factory.mktemp("encoder"))))
    made.model_max_length = LIMIT
    return made


@settings(max_examples=200, deadline=None)
@given(text=st.lists(PIECES, max_size=80).map("".join))
def test_tokens_of_a_head_are_those_of_the_whole_text(tokenizer: Any, text: str) -> None:
    from bert_score.utils import sent_encode

    found = tokenize(tokenizer, text)
    assert found.ids == list(sent_encode(tokenizer, text))
    tokenizer.model_max_length = 10**9
    try:
        whole = list(sent_encode(tokenizer, text))
    finally:
        tokenizer.model_max_length = LIMIT
    assert found.cut == (len(whole) > LIMIT)


def test_a_text_of_any_length_takes_bounded_time(tokenizer: Any) -> None:
    draw = random.Random(4)
    for text in (
        "".join(draw.choices(string.ascii_lowercase, k=200_000)),
        "word " * 400_000,
        " " * 2_000_000 + "word",
    ):
        started = time.thread_time()
        found = tokenize(tokenizer, text)
        assert time.thread_time() - started < 5.0
        assert found.cut == (len(text.strip()) > LOOKED_AT)


class _Model:
    def __init__(self, positions: int | None = None) -> None:
        self.config = self
        self.max_position_embeddings = positions


class _Tokenizer:
    model_max_length = 10**30


@pytest.mark.parametrize(("positions", "limit"), [(512, 512), (40_000, 2_048), (None, 2_048)])
def test_a_limit_that_a_tokenizer_leaves_open_is_that_of_the_model(
    positions: int | None, limit: int
) -> None:
    tokenizer = _Tokenizer()
    bound_length(tokenizer, _Model(positions))
    assert tokenizer.model_max_length == limit


def test_roberta_has_two_positions_that_no_token_has(tmp_path: Path) -> None:
    pytest.importorskip("bert_score")
    from transformers import AutoModel

    model = AutoModel.from_pretrained(make_encoder("roberta", tmp_path))
    tokenizer = _Tokenizer()
    bound_length(tokenizer, model)
    assert (model.config.max_position_embeddings, tokenizer.model_max_length) == (66, 64)
