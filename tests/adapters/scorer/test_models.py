"""Which encoder a setting names."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from app.adapters.scorer.bertscore import BertScoreScorer
from app.adapters.scorer.models import choose_encoder
from app.calibration.start import kept_findings
from app.errors import ScorerUnavailable, SettingsError
from app.settings import Settings


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (None, "minilm-l6:6"),
        ("", "minilm-l6:6"),
        ("minilm-l6", "minilm-l6:6"),
        ("roberta-large", "roberta-large:17"),
        ("bert-base-multilingual-cased", "bert-base-multilingual-cased:9"),
        ("microsoft/deberta-xlarge-mnli", "deberta-xlarge-mnli:40"),
        ("someone/their-model:5", "their-model:5"),
    ],
)
def test_a_name_gets_the_layer_that_the_library_recommends(model: str | None, name: str) -> None:
    pytest.importorskip("bert_score")
    assert choose_encoder(model).name == name


def test_a_folder_uses_all_its_layers(tmp_path: Path) -> None:
    folder = tmp_path / "my-encoder"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"num_hidden_layers": 12}))
    assert choose_encoder(str(folder)).name == "my-encoder:12"
    assert choose_encoder(f"{folder}:7").name == "my-encoder:7"


@pytest.mark.parametrize("config", [None, "{", "[]", "{}", '{"num_hidden_layers": "many"}'])
def test_a_folder_that_does_not_say_its_layers_is_refused(
    tmp_path: Path, config: str | None
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(SettingsError, match="LAYERS") as caught:
        choose_encoder(str(tmp_path))
    assert caught.value.name == "ANSWERLOOP_SCORER_MODEL"


def test_an_unknown_model_is_refused_with_examples() -> None:
    pytest.importorskip("bert_score")
    with pytest.raises(SettingsError, match="roberta-large"):
        choose_encoder("no-such-model")


def test_choosing_does_not_import_torch() -> None:
    code = (
        "import sys; from app.adapters.scorer.bertscore import BertScoreScorer\n"
        "BertScoreScorer('roberta-large').name; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_library_is_told_to_be_missing_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("app.adapters.scorer.bertscore.version", nothing)
    with pytest.raises(ScorerUnavailable, match=r"bert-score is not installed: run `pip install"):
        _ = BertScoreScorer().library
    assert kept_findings(Settings(scorer="local:")) == [], "the summary of a run goes without"
