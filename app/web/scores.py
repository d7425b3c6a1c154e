"""`POST /score`: BERTScore of one pair or of several."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from agents.context import Context
from app.core.gate import Score, ScorerName, judge_score
from app.core.guards import Evidence, objections
from app.errors import InputError, ScoreFailure
from app.web.bodies import Pair, PairsBody, decode, read_bytes
from app.web.replies import json_reply


def add_routes(app: web.Application, context: Context) -> None:
    async def score(request: web.Request) -> web.Response:
        raw = await read_bytes(request)
        several = _has_pairs(raw)
        pairs = decode(raw, PairsBody).pairs if several else [decode(raw, Pair)]
        try:
            scores = await context.ports.scorer.score([(p.candidate, p.reference) for p in pairs])
        except ScoreFailure as error:
            raise InputError(str(error), field="pairs" if several else "candidate") from error
        rows = [_row(context, pair, each) for pair, each in zip(pairs, scores, strict=True)]
        about = _about(context)
        return json_reply({"scores": rows, **about} if several else {**rows[0], **about})

    app.router.add_post("/score", score)


def _has_pairs(raw: bytes) -> bool:
    try:
        return "pairs" in msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _row(context: Context, pair: Pair, score: Score) -> dict[str, Any]:
    verdict = judge_score(context.limits.gate, score)
    evidence = Evidence(pair.candidate, reference=pair.reference)
    return {
        "precision": score.precision,
        "recall": score.recall,
        "f1": score.f1,
        "verdict": "pass" if verdict.passed else "fail",
        "guards": [each.why for each in objections(evidence, context.limits.guards)],
    }


def _about(context: Context) -> dict[str, Any]:
    name = ScorerName.of(context.ports.scorer.name)
    gate = context.limits.gate
    return {
        "scorer": context.ports.scorer.name,
        "model": name.model,
        "layer": name.layer,
        "rescaled": name.rescaled,
        "library": context.ports.scorer.library,
        "threshold": gate.threshold,
        "metric": str(gate.metric),
        "gate": gate.source,
    }
