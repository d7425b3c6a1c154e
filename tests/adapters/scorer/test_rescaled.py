"""Scores rescaled against a baseline file: the library's figures, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.adapters.scorer.baseline import Baseline, find_baseline
from app.adapters.scorer.bertscore import BertScoreScorer, load_library
from app.adapters.scorer.fast import FastScorer
from app.adapters.scorer.models import choose_encoder
from app.config.gate import gate_in_force
from app.core.gate import Gate, Metric, Score
from app.errors import SettingsError
from app.settings import load_settings
from app.wire import WireGate
from models.questions import ScoredAttempt
from tests.adapters.scorer.contract import FRANCE, PARAPHRASE, UNRELATED

ROWS = "".join(f"{layer},0.{layer}1,0.{layer}2,0.{layer}3\n" for layer in range(7))
PAIRS = [(PARAPHRASE, FRANCE), (UNRELATED, FRANCE), ("", FRANCE), (FRANCE, FRANCE)]


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    """A baseline file for the bundled model: 0.61, 0.62 and 0.63 at its layer 6."""
    path = tmp_path / "minilm.tsv"
    path.write_text(f"LAYER,P,R,F\n{ROWS}")
    return path


@pytest.mark.scorer
@pytest.mark.parametrize("kind", [FastScorer, BertScoreScorer])
async def test_its_figures_are_those_of_the_library_with_the_same_file(
    kind: type[BertScoreScorer], baseline: Path
) -> None:
    pytest.importorskip("bert_score")
    from bert_score import BERTScorer

    scorer = kind(baseline=str(baseline))
    assert scorer.name == "minilm-l6:6:rescaled"
    ours = await scorer.score(PAIRS)
    await scorer.close()
    folder = load_library(choose_encoder(None), None).model_type
    library = BERTScorer(
        folder, num_layers=6, lang="en", rescale_with_baseline=True, baseline_path=str(baseline)
    )
    for pair, score in zip(PAIRS, ours, strict=True):
        theirs = [column.item() for column in library.score([pair[0]], [pair[1]])]
        assert (score.precision, score.recall, score.f1) == pytest.approx(theirs, abs=1e-4)
    assert ours[2].recall == pytest.approx(-0.62 / 0.38)  # blank: what 0 becomes
    assert ours[3].f1 == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(
    ("model", "language"),
    [("roberta-large", "en"), ("xlm-roberta-base:12", "es"), ("microsoft/deberta-base", "en")],
)
def test_the_files_of_the_library_are_found_by_language(model: str, language: str) -> None:
    pytest.importorskip("bert_score")
    import bert_score
    import pandas

    choice = choose_encoder(model)
    file = Path(bert_score.__file__).parent / f"rescale_baseline/{language}/{choice.model_type}.tsv"
    expected = pandas.read_csv(file).iloc[choice.num_layers].to_numpy()[1:]
    found = find_baseline(choice, language)
    assert [found.precision, found.recall, found.f1] == pytest.approx(list(expected), abs=1e-9)
    assert FastScorer(model, baseline=language).name == f"{choice.name}:rescaled"


@pytest.mark.parametrize(
    ("model", "language", "told"),
    [
        (None, "en", "for minilm-l6:6 and 'en'; for 'en' it has files of: albert-base-v1, "),
        (None, "xx", "it has files for the languages: cs, de, en, en-sci, es, "),
        ("roberta-large", "es", "for roberta-large there is one for: en. "),
    ],
)
def test_where_there_is_no_file_the_error_names_those_that_there_are(
    model: str | None, language: str, told: str
) -> None:
    pytest.importorskip("bert_score")
    with pytest.raises(SettingsError, match="ANSWERLOOP_SCORER_BASELINE") as caught:
        FastScorer(model, baseline=language)
    assert told in str(caught.value)
    assert caught.value.name == "ANSWERLOOP_SCORER_RESCALE"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there is no file"),
        ("", "does not begin with the line LAYER,P,R,F"),
        ("0,0.1,0.1,0.1\n", "does not begin with the line LAYER,P,R,F"),
        ("LAYER,P,R,F\n6,0.1,0.1,0.1\n", "layers 0 to 0, and minilm-l6:6 uses layer 6"),
        (f"LAYER,P,R,F\n9,0.1,0.1,0.1\n{ROWS}", "row 6 is of layer 5"),
        (f"LAYER,P,R,F\n{ROWS}".replace("0.63", "1.0"), "F is 1.0"),
        (f"LAYER,P,R,F\n{ROWS}".replace("0.63", "nan"), "F is nan"),
        (f"LAYER,P,R,F\n{ROWS}".replace("0.63", "much"), "could not convert"),
        (f"LAYER,P,R,F\n{ROWS}".replace(",0.63", ""), "3 columns instead of 4"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    tmp_path: Path, content: str | None, told: str
) -> None:
    path = tmp_path / "mine.tsv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError) as caught:
        find_baseline(choose_encoder(None), str(path))
    assert told in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.name == "ANSWERLOOP_SCORER_BASELINE"


def test_the_shipped_profile_is_for_raw_figures(baseline: Path) -> None:
    settings = load_settings(scorer_rescale=True, scorer_baseline=str(baseline))
    assert gate_in_force(settings) == Gate(0.75, Metric.F1, "settings")


@pytest.mark.parametrize("scorer", ["memory:", "http://127.0.0.1:8000"])
def test_a_scorer_elsewhere_rescales_by_itself(scorer: str) -> None:
    with pytest.raises(SettingsError, match="SCORER_RESCALE is for ANSWERLOOP_SCORER=local:"):
        load_settings(scorer=scorer, scorer_rescale=True)


def test_the_highest_baseline_of_the_library_makes_scores_that_travel() -> None:
    """0.984 of xlm-roberta-base:12 makes -63 of a raw 0."""
    low = Baseline(0.9844347, 0.9844323, 0.9844318).rescale((0.0, 0.0, 0.0))
    assert min(low) < -63
    gate = WireGate(ScoredAttempt)
    sent = ScoredAttempt(1, 1, "answer", *low, "model")
    assert gate.decode(gate.encode(sent)).score == Score(*low)
