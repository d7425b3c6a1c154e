"""Which encoder a scorer setting names, found without importing torch."""

from __future__ import annotations

import ast
import importlib.util
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.adapters.model_packages import ENCODER
from app.errors import ScorerUnavailable, SettingsError

SETTING = "ANSWERLOOP_SCORER_MODEL"
BUNDLED_NAME = ENCODER.name
BUNDLED_LAYERS = 6
PACKAGES = ("bert_score", "torch", "transformers")
"""Those that run BERTScore; the bundled encoder comes in one of its own."""
MEND = f"{ENCODER.mend}, or set ANSWERLOOP_SCORER=http://host:8000"


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """An encoder as bert-score takes it, and its short name. `model_type` None: the bundled one."""

    short_name: str
    model_type: str | None
    num_layers: int

    @property
    def name(self) -> str:
        """Name and layer, as stored beside a score: `minilm-l6:6`."""
        return f"{self.short_name}:{self.num_layers}"


def choose_encoder(model: str | None, num_layers: int | None = None) -> EncoderChoice:
    """Return the encoder that `model` names: None (bundled), a folder, or a name bert-score knows.

    `NAME:LAYERS` is taken too. Without layers: bert-score's own choice for a name, all layers for a
    folder. Raises SettingsError when the layers can't be told.
    """
    if model and num_layers is None:
        head, _, tail = model.rpartition(":")
        if head and tail.isdigit():
            model, num_layers = head, int(tail)
    if not model or model == BUNDLED_NAME:
        return EncoderChoice(BUNDLED_NAME, None, num_layers or BUNDLED_LAYERS)
    folder = Path(model).expanduser()
    if folder.is_dir():
        layers = num_layers or _layers_of_folder(folder)
        return EncoderChoice(folder.resolve().name, str(folder), layers)
    layers = num_layers or _known_layers().get(model, 0)
    if layers < 1:
        raise SettingsError(
            f"{SETTING}={model!r} is neither a folder nor a model that bert-score knows; "
            f"examples: roberta-large, bert-base-multilingual-cased:9, a folder with config.json",
            name=SETTING,
        )
    return EncoderChoice(model.rpartition("/")[2], model, layers)


def missing_packages(model: str | None) -> list[str]:
    """Return which of the packages are not there that the encoder of `model` needs."""
    bundled = choose_encoder(model).model_type is None
    needed = (*PACKAGES, ENCODER.module) if bundled else PACKAGES
    return [name for name in needed if importlib.util.find_spec(name) is None]


def _layers_of_folder(folder: Path) -> int:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return int(config.get("num_hidden_layers") or config["n_layers"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise SettingsError(
            f"{SETTING}={str(folder)!r}: its config.json does not say how many layers it has; "
            f"write {folder}:LAYERS",
            name=SETTING,
        ) from None


@cache
def _known_layers() -> dict[str, int]:
    """Read bert-score's table of models from its source: importing it costs seconds (torch)."""
    spec = importlib.util.find_spec("bert_score")
    if spec is None or not spec.submodule_search_locations:
        raise ScorerUnavailable(f"bert-score is not installed: {MEND}")
    source = Path(spec.submodule_search_locations[0], "utils.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "model2layers":
            return {str(name): int(layers) for name, layers in ast.literal_eval(node.value).items()}
    return {}
