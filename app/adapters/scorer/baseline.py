"""Rescaling against a baseline file of bert-score: what random pairs score becomes 0."""

from __future__ import annotations

import csv
import importlib.util
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from app.adapters.scorer.models import MEND, EncoderChoice
from app.errors import ScorerUnavailable, SettingsError

SETTING = "ANSWERLOOP_SCORER_RESCALE"
FILE_SETTING = "ANSWERLOOP_SCORER_BASELINE"
_COLUMNS = ("LAYER", "P", "R", "F")


@dataclass(frozen=True, slots=True)
class Baseline:
    """What random pairs score by one layer of an encoder, raw; each figure is below 1."""

    precision: float
    recall: float
    f1: float

    def rescale(self, figures: tuple[float, float, float]) -> tuple[float, float, float]:
        """Return (x - b) / (1 - b) of precision, recall and F1, each with its own baseline."""
        precision, recall, f1 = figures
        return (
            (precision - self.precision) / (1 - self.precision),
            (recall - self.recall) / (1 - self.recall),
            (f1 - self.f1) / (1 - self.f1),
        )


def find_baseline(choice: EncoderChoice, wanted: str) -> Baseline:
    """Return the baseline of the encoder's layer. `wanted`: a language (`en`), or a file.

    A language means the file that bert-score brings for it and this model; its files are comma
    separated: LAYER,P,R,F, a row for each layer from 0 on. Raises SettingsError, which names what
    there is, when there is no such file or it does not fit.
    """
    if not ("/" in wanted or wanted.endswith((".tsv", ".csv"))):
        return _read(_library_file(choice, wanted), choice, SETTING)
    path = Path(wanted).expanduser()
    if not path.is_file():
        raise SettingsError(
            f"{FILE_SETTING}: there is no file {path}; give a language (en) or a file",
            name=FILE_SETTING,
        )
    return _read(path, choice, FILE_SETTING)


def _library_file(choice: EncoderChoice, language: str) -> Path:
    root = _root()
    files = {path.relative_to(root).with_suffix("").as_posix() for path in root.glob("*/**/*.tsv")}
    if f"{language}/{choice.model_type}" in files:
        return root / language / f"{choice.model_type}.tsv"
    languages = sorted(each.partition("/")[0] for each in files if _is_for(each, choice))
    models = sorted(each.partition("/")[2] for each in files if each.startswith(f"{language}/"))
    if languages:
        there = f"for {choice.model_type} there is one for: {', '.join(languages)}"
    elif models:
        there = f"for {language!r} it has files of: {', '.join(models)}"
    else:
        known = sorted({each.partition("/")[0] for each in files})
        there = f"it has files for the languages: {', '.join(known)}"
    raise SettingsError(
        f"{SETTING}=true: bert-score has no baseline file for {choice.model_type or choice.name} "
        f"and {language!r}; {there}. Set {FILE_SETTING} to one of these languages or to a file of "
        f"your own ({','.join(_COLUMNS)}), or {SETTING}=false",
        name=SETTING,
    )


def _is_for(file: str, choice: EncoderChoice) -> bool:
    return file.partition("/")[2] == choice.model_type


def _root() -> Path:
    spec = importlib.util.find_spec("bert_score")  # found, not imported: that costs seconds
    if spec is None or not spec.submodule_search_locations:
        raise ScorerUnavailable(f"bert-score is not installed: {MEND}")
    return Path(spec.submodule_search_locations[0], "rescale_baseline")


def _read(path: Path, choice: EncoderChoice, name: str) -> Baseline:
    """Read the layer's row, counted as the library does; refuse one that names another layer."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = [row for row in csv.reader(lines) if row]
    except (OSError, ValueError, csv.Error) as error:
        raise SettingsError(f"{name}: {path} can't be read: {error}", name=name) from None
    if not rows or tuple(cell.strip() for cell in rows[0]) != _COLUMNS:
        raise SettingsError(
            f"{name}: {path} does not begin with the line {','.join(_COLUMNS)}", name=name
        )
    layer = choice.num_layers
    if len(rows) <= layer + 1:
        raise SettingsError(
            f"{name}: {path} has rows for the layers 0 to {len(rows) - 2}, and {choice.name} uses "
            f"layer {layer}",
            name=name,
        )
    try:
        number, *figures = _numbers(rows[layer + 1])
        if number != layer:
            raise ValueError(f"row {layer} is of layer {number:g}: each layer from 0 needs its row")
        return Baseline(*figures)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{name}: {path}, layer {layer}: {error}", name=name) from None


def _numbers(row: Iterable[str]) -> list[float]:
    numbers = [float(cell) for cell in row]
    if len(numbers) != len(_COLUMNS):
        raise ValueError(f"{len(numbers)} columns instead of {len(_COLUMNS)}")
    for column, figure in zip(_COLUMNS[1:], numbers[1:], strict=True):
        if not math.isfinite(figure) or not -1 <= figure < 1:
            raise ValueError(f"{column} is {figure}: a baseline is at least -1 and below 1")
    return numbers
