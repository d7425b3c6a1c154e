"""What answers were worth: scores beside the threshold, pass shares, reasons, pairs, the gate."""

from __future__ import annotations

import asyncio
import time
from enum import StrEnum
from functools import partial
from typing import Any

from aiohttp import web

from agents.context import Context
from app.core.questions import timestamp
from app.core.statistics import wilson
from app.ports.quality import COLUMNS, JudgedPair, Outcome, Quality, QualityQuery
from app.quality_report.groups import language_label
from app.settings import Settings
from app.web.bodies import read_parameter
from app.web.dashboard.gate_check import GateChecks
from app.web.dashboard.kept import Kept
from app.web.dashboard.system import gate_shown
from app.web.dashboard.topics import at_last
from app.web.dashboard.warm import Warm
from app.web.replies import json_reply

READ_SECONDS = 5.0


class Range(StrEnum):
    """The questions that were accepted within this time."""

    HOUR = "hour"
    DAY = "day"
    ALL = "all"

    @property
    def seconds(self) -> float | None:
        return {Range.HOUR: 3_600.0, Range.DAY: 86_400.0}.get(self)


class QualityViews:
    """Serves the quality of each range. All who look share the readings.

    They take seconds where there are many questions: so they are made before anybody asks, and who
    comes after a while gets the last one at once, with its time, and a new one some seconds later.
    """

    def __init__(self, context: Context, settings: Settings) -> None:
        self._context = context
        self._checks = GateChecks(context, settings)
        self._kept: dict[Range, Kept[dict[str, Any]]] = {
            each: Kept(partial(self._read, each), READ_SECONDS, context.log, old_at_once=True)
            for each in Range
        }
        #: The page opens with the last day.
        first = (self._kept[Range.DAY], self._kept[Range.ALL], self._kept[Range.HOUR])
        self._warm = Warm(first, lambda: context.opened is not None)

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/ui/api/quality", self._quality)
        app.on_startup.append(self._warm.start)

    async def close(self) -> None:
        await self._warm.close()
        await self._checks.close()
        for each in self._kept.values():
            await each.close()

    async def _quality(self, request: web.Request) -> web.Response:
        wanted = read_parameter(request, "range", Range, Range.DAY)
        found = await at_last(self._kept[wanted], "the answers")
        return json_reply(
            {
                "at": timestamp(time.time()),
                "read_at": timestamp(found.at),
                "trouble": found.trouble,
                "range": wanted,
                "gate": gate_shown(self._context),
                **await self._checks.shown(),
                **(found.value or {}),
            }
        )

    async def _read(self, wanted: Range) -> dict[str, Any]:
        context, gate = self._context, self._context.gate
        seconds = wanted.seconds
        since = None if seconds is None else context.now() - seconds
        query = QualityQuery(gate.metric, gate.threshold, since)
        found = await context.ports.store.quality(query)
        languages = await asyncio.to_thread(_languages, found)
        return {
            "covers": {
                "questions": found.questions,
                "oldest_at": timestamp(found.oldest_at),
                "complete": found.complete,
            },
            "by_status": {str(status): n for status, n in found.counts.items()},
            "judged": outcome_shown(found.judged),
            "scores": {
                "metric": str(gate.metric),
                "width": 1 / COLUMNS,
                "columns": [
                    {"from": place / COLUMNS, "validated": passed, "low_quality": failed}
                    for place, (passed, failed) in enumerate(found.columns)
                ],
            },
            "judgements": [
                {
                    "metric": each.metric,
                    "threshold": each.threshold,
                    "scorer": each.scorer,
                    "questions": each.questions,
                }
                for each in found.judgements
            ],
            "generations": _generations(found),
            "rejections": [
                {
                    "guard": each.guard,
                    "answers": each.answers,
                    "questions": each.questions,
                    "ended": outcome_shown(each.outcome),
                    "mean_score": each.mean_score,
                }
                for each in found.rejections
            ],
            "languages": languages,
            "pairs": {
                name: [_pair(pair) for pair in pairs]
                for name, pairs in (
                    ("worst", found.worst),
                    ("nearest", found.nearest),
                    ("best", found.best),
                )
            },
        }


def outcome_shown(outcome: Outcome) -> dict[str, Any]:
    """Return counts with the pass share, its interval of 95 % (Wilson) and the mean score."""
    judged = outcome.passed + outcome.failed
    return {
        "judged": judged,
        "passed": outcome.passed,
        "pass_share": outcome.passed / judged if judged else None,
        "interval": list(wilson(outcome.passed, judged)) if judged else None,
        "mean_score": outcome.score_sum / outcome.scored if outcome.scored else None,
    }


def _generations(found: Quality) -> list[dict[str, Any]]:
    """Return the answers of each generation; `passed_so_far` of all that the first one had."""
    first = next(iter(found.generations.values()), Outcome())
    asked, sofar, rows = first.passed + first.failed, 0, []
    for generation, outcome in found.generations.items():
        sofar += outcome.passed
        share = min(1.0, sofar / asked) if asked else None
        rows.append({"generation": generation, **outcome_shown(outcome), "passed_so_far": share})
    return rows


def _languages(found: Quality) -> dict[str, Any]:
    """Tell the languages of the sample: a thread's work."""
    groups: dict[str, Outcome] = {}
    for text in found.sample:
        name = language_label(text.question, text.reference)
        outcome = Outcome(int(text.passed), int(not text.passed))
        if text.score is not None:
            outcome += Outcome(0, 0, 1, text.score)
        groups[name] = groups.get(name, Outcome()) + outcome
    order = sorted(groups.items(), key=lambda each: (-each[1].passed - each[1].failed, each[0]))
    return {
        "sampled": len(found.sample),
        "groups": [{"language": name, **outcome_shown(each)} for name, each in order],
    }


def _pair(pair: JudgedPair) -> dict[str, Any]:
    return {
        "question_id": pair.question_id,
        "status": str(pair.status),
        "question_text": pair.question,
        "original_answer": pair.reference,
        "answer": pair.answer,
        "score": pair.score,
        "threshold": pair.threshold,
        "generation": pair.generation,
        "why": pair.why,
    }
