"""`POST /score`: BERTScore of one pair or of several. Workers and score servers have it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from app.core.gate import Gate, Score, ScorerName, judge_score
from app.core.guards import Evidence, objections
from app.core.judging import gate_for
from app.errors import InputError, ScoreFailure
from app.ports import Scorer
from app.web.bodies import Pair, PairsBody, decode, read_bytes
from app.web.replies import json_reply


@dataclass(frozen=True, slots=True)
class Standard:
    """What answers are held to: figures of `scorer`, the gate and the guards in force.

    A scorer elsewhere tells its name with its first figures, and so which gate is in force.
    """

    scorer: Scorer
    gate: Callable[[], Gate]
    guards: tuple[str, ...]


def add_routes(app: web.Application, standard: Callable[[], Standard]) -> None:
    """Serve it by the standard in force when a request comes."""

    async def score(request: web.Request) -> web.Response:
        raw = await read_bytes(request)
        several = _has_pairs(raw)
        pairs = decode(raw, PairsBody).pairs if several else [decode(raw, Pair)]
        held_to = standard()
        try:
            scores = await held_to.scorer.score([(p.candidate, p.reference) for p in pairs])
        except ScoreFailure as error:
            raise InputError(str(error), field="pairs" if several else "candidate") from error
        rows = [_row(held_to, pair, each) for pair, each in zip(pairs, scores, strict=True)]
        about = _about(held_to)
        return json_reply({"scores": rows, **about} if several else {**about, **rows[0]})

    app.router.add_post("/score", score)


def _has_pairs(raw: bytes) -> bool:
    try:
        return "pairs" in msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _row(standard: Standard, pair: Pair, score: Score) -> dict[str, Any]:
    gate = gate_for(standard.gate(), "", pair.reference)
    verdict = judge_score(gate, score)
    evidence = Evidence(pair.candidate, reference=pair.reference)
    return {
        "precision": score.precision,
        "recall": score.recall,
        "f1": score.f1,
        "cut": score.cut,
        "threshold": gate.threshold,
        "verdict": "pass" if verdict.passed else "fail",
        "guards": [each.why for each in objections(evidence, standard.guards)],
    }


def _about(standard: Standard) -> dict[str, Any]:
    name = ScorerName.of(standard.scorer.name)
    gate = standard.gate()
    return {
        "scorer": standard.scorer.name,
        "model": name.model,
        "layer": name.layer,
        "rescaled": name.rescaled,
        "library": standard.scorer.library,
        "threshold": gate.threshold,
        "metric": str(gate.metric),
        "gate": gate.source,
    }
