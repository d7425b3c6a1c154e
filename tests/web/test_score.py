"""`POST /score`: pairs, verdicts, guards, a scorer that is away."""

from __future__ import annotations

from typing import Any

from app.adapters.scorer.memory import OverlapScorer
from app.errors import ScoreFailure
from tests.flow.engine import make_ports
from tests.web.client import serving


async def test_one_pair_is_scored_with_its_verdict() -> None:
    async with serving() as api:
        pair = {"candidate": "one two", "reference": "one two"}
        status, body = await api.call("POST", "/score", json=pair)
    assert status == 200
    assert body == {
        "precision": 1.0,
        "recall": 1.0,
        "f1": 1.0,
        "cut": False,
        "verdict": "pass",
        "guards": [],
        "scorer": "overlap:0",
        "model": "overlap",
        "layer": 0,
        "rescaled": False,
        "library": "answerloop overlap",
        "threshold": 0.6,
        "metric": "f1",
        "gate": "settings",
    }


async def test_a_score_names_the_guards_that_would_object() -> None:
    pair = {"candidate": "It fell in 1990.", "reference": "It fell in 1989."}
    async with serving() as api:
        _, body = await api.call("POST", "/score", json=pair)
    assert body["verdict"] == "pass"
    assert body["guards"] == ["guard numbers_changed: the reference says 1989, the answer 1990"]


async def test_pairs_are_scored_in_order() -> None:
    pairs = [{"candidate": "a", "reference": "a"}, {"candidate": "a", "reference": "b"}]
    async with serving() as api:
        status, body = await api.call("POST", "/score", json={"pairs": pairs})
    assert status == 200
    assert [(row["f1"], row["verdict"]) for row in body["scores"]] == [(1.0, "pass"), (0.0, "fail")]
    assert (body["model"], body["threshold"]) == ("overlap", 0.6)


async def test_bad_score_bodies_name_their_field() -> None:
    pair = {"candidate": "a", "reference": "b"}
    cases: list[tuple[Any, str | None]] = [
        ({}, "candidate"),
        ({"candidate": "a"}, "reference"),
        ({"candidate": 1, "reference": "b"}, "candidate"),
        ({**pair, "surprise": 1}, "surprise"),
        ({"pairs": []}, "pairs"),
        ({"pairs": [pair] * 257}, "pairs"),
        ({"pairs": [pair], "candidate": "a"}, "candidate"),
        ({"pairs": pair}, "pairs"),
    ]
    async with serving() as api:
        for body, field in cases:
            status, found = await api.call("POST", "/score", json=body)
            assert (status, found["error"]["field"]) == (422, field), body
        assert (await api.raw(b"{", "/score"))[0] == 400


async def test_a_scorer_that_is_away_is_503_and_one_that_fails_is_422() -> None:
    scorer = OverlapScorer([ScoreFailure("not a number")])
    pair = {"candidate": "a", "reference": "b"}
    async with serving(make_ports(scorer=scorer)) as api:
        assert (await api.call("POST", "/score", json=pair))[0] == 422
        scorer.available = False
        async with api.client.post("/score", json=pair) as response:
            assert response.status == 503
            assert "Retry-After" in response.headers
