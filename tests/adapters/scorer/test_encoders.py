"""Encoders of other architectures than the bundled one score as they do in bert-score."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.adapters.scorer.bertscore import load_library
from app.adapters.scorer.fast import FastScorer
from app.adapters.scorer.models import choose_encoder
from tests.adapters.scorer.contract import FRANCE, PARAPHRASE
from tests.adapters.scorer.encoders import LAYERS, make_encoder

pytestmark = pytest.mark.scorer

TEXTS = [
    FRANCE,
    PARAPHRASE,
    "¿Es Madrid la capital de España?",
    "日本語の文章 😀",
    "zz qq " * 60,  # beyond the 64 tokens of these encoders
    "x" * 300,
    "a",
]
PAIRS = [(candidate, reference) for candidate in TEXTS for reference in TEXTS]


@pytest.mark.parametrize("runtime", ["onnxruntime", "torch"])
@pytest.mark.parametrize("kind", ["bert", "distilbert", "electra", "roberta", "deberta", "bart"])
async def test_its_figures_are_those_of_the_library(
    kind: str, runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("bert_score", "onnxruntime", "onnx"):
        pytest.importorskip(package)
    if runtime == "torch":
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
    folder = make_encoder(kind, tmp_path)
    for layers in (LAYERS, LAYERS - 1):
        model = f"{folder}:{layers}"
        scorer = FastScorer(model, threads=1)
        assert scorer.name == f"{kind}:{layers}"
        scores = await scorer.score(PAIRS)
        assert scorer.runtime == runtime
        library = load_library(choose_encoder(model), 1)
        for pair, score in zip(PAIRS, scores, strict=True):
            precision, recall, f1 = (
                column.item() for column in library.score(*([t] for t in pair))
            )
            assert score.precision == pytest.approx(precision, abs=1e-4)
            assert score.recall == pytest.approx(recall, abs=1e-4)
            # Of P and R with opposite signs the library makes an F1 above 1; a Score is at most 1.
            assert score.f1 == pytest.approx(min(f1, 1.0), abs=_f1_error(precision, recall, 1e-4))
            assert score.cut == any(len(library._tokenizer.tokenize(text)) > 62 for text in pair)
        assert min(score.f1 for score in scores) < 0.8
        await scorer.close()


def _f1_error(precision: float, recall: float, error: float) -> float:
    """How far an error of P and R may move F1: as far, but for opposite signs that cancel out."""
    if precision * recall >= 0:
        return error
    slope = 2 * (precision**2 + recall**2) / (precision + recall) ** 2
    return error * max(1.0, slope)


async def test_all_layers_of_a_folder_are_used_and_a_layer_less_scores_otherwise(
    tmp_path: Path,
) -> None:
    pytest.importorskip("bert_score")
    folder = make_encoder("distilbert", tmp_path)
    figures = {}
    for model in (str(folder), f"{folder}:{LAYERS}", f"{folder}:{LAYERS - 1}"):
        scorer = FastScorer(model, threads=1)
        [score] = await scorer.score([(PARAPHRASE, FRANCE)])
        figures[model] = score.f1
        await scorer.close()
    whole, named, less = figures.values()
    assert whole == pytest.approx(named, abs=1e-6)
    assert abs(whole - less) > 0.001
