"""The shipped profile, by the real scorer: `answerloop gate calibrate` gives it again."""

from __future__ import annotations

import pytest

from app.adapters.scorer.fast import FastScorer
from app.calibration.calibrate import calibrate
from app.calibration.check import Tolerance, check_of
from app.calibration.documents import profile_of
from app.calibration.pairs import pairs_of
from app.calibration.sampling import built_in_sample
from app.calibration.scoring import score_pairs
from app.config.gate import SHIPPED, read_profile
from app.core.gate import Gate, Metric
from app.core.guards import DEFAULT_GUARDS


@pytest.mark.scorer
@pytest.mark.timeout(300)
async def test_the_shipped_profile_is_what_the_built_in_pairs_give() -> None:
    scorer = FastScorer(threads=2)
    sample = built_in_sample()
    try:
        scored, failed = await score_pairs(scorer, pairs_of(sample.known), DEFAULT_GUARDS)
    finally:
        await scorer.close()
    found = calibrate(
        sample, scored, failed, scorer=scorer.name, library=scorer.library, guards=DEFAULT_GUARDS
    )
    profile, shipped = profile_of(found), read_profile(SHIPPED)
    assert (profile.scorer, profile.metric) == (shipped.scorer, shipped.metric)
    assert profile.threshold == pytest.approx(shipped.threshold, abs=0.0011)
    assert profile.measured["passing"] == shipped.measured["passing"]
    assert not found.warnings

    raw = check_of(Gate(0.75, Metric.F1, "settings"), scorer.name, scored)
    [finding] = raw.findings(Tolerance())
    assert "f1 >= 0.75 (settings) with minilm-l6:6 fails" in finding
    assert raw.good_fail > 0.6
    assert not check_of(Gate(0.525, Metric.RECALL), scorer.name, scored).findings(Tolerance())
