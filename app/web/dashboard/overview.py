"""The overview: all questions of the database, and what this worker is doing."""

from __future__ import annotations

import time
from dataclasses import asdict
from functools import partial
from typing import Any

from agents.context import Context
from app import __version__
from app.core.lifecycle import Status
from app.core.questions import timestamp
from app.ports.views import InProgress
from app.web.dashboard.figures import RECENT_SECONDS, percentile
from app.web.dashboard.kept import Kept, Known
from app.web.dashboard.verdict import Situation, findings
from app.web.health import Worker
from app.web.running import Running

COUNT_SECONDS = 2.0
#: The checks reach out to every dependency: not for each look.
HEALTH_SECONDS = 5.0
#: A check that ran into its time limit must not be believed for minutes: it may be up by now.
HEALTH_MOST_SECONDS = 10.0


class Overview:
    """Reads what the overview shows. All who look share the readings."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.worker = Worker(running)
        log = running.first.log
        most = HEALTH_MOST_SECONDS
        self.health = Kept(self.worker.health, HEALTH_SECONDS, log, most_seconds=most)
        self._ready = Kept(self._not_ready, HEALTH_SECONDS, log, most_seconds=most)
        self._kept: list[Kept[Any]] = [self.health, self._ready]
        if (context := running.questions) is not None:
            self.counts = Kept(partial(_counts, context), COUNT_SECONDS, log)
            self.progress = Kept(partial(_in_progress, context), COUNT_SECONDS, log)
            self._kept += [self.counts, self.progress]

    async def read(self) -> dict[str, Any]:
        """Return the view's JSON, within about a second whatever is away."""
        context = self.running.questions
        health = (await self.health.get()).value
        ready = (await self._ready.get()).value
        now = time.time()
        questions, trouble, late = None, None, 0.0
        if context is not None:
            counts, progress = await self.counts.get(), await self.progress.get()
            trouble = counts.trouble or progress.trouble
            if counts.value is not None and progress.value is not None:
                questions = _questions(counts, progress, now)
                late = _late(progress.value, now)
        pause = _pause(context) if context is not None else 0.0
        status, dependencies = health if health is not None else ("unhealthy", {})
        situation = Situation(
            not_ready=ready[0] if ready is not None else "it does not answer its own questions",
            dependencies=dependencies,
            pause_seconds=pause,
            late_seconds=late,
            trouble=trouble,
        )
        return {
            "at": timestamp(now),
            "version": __version__,
            "pipelines": list(self.running.contexts),
            "status": status,
            "findings": [asdict(each) for each in findings(situation)],
            "questions": questions,
            "model": None if context is None else _model(context, pause),
        }

    async def _not_ready(self) -> tuple[str | None]:
        """Say why no work is taken; in a tuple, for None says that all is well."""
        return (await self.worker.not_ready(),)

    async def close(self) -> None:
        for each in self._kept:
            await each.close()


async def _counts(context: Context) -> dict[Status, int]:
    return await context.ports.store.counts()


async def _in_progress(context: Context) -> InProgress:
    return await context.ports.store.in_progress()


def _questions(
    counts: Known[dict[Status, int]], progress: Known[InProgress], now: float
) -> dict[str, Any]:
    """Join the whole count, which is older at times, with the newer one of what is in progress."""
    ended, going = counts.value or {}, progress.value or InProgress({}, None, ())
    by_state = {
        str(status): (ended if status.final else going.counts).get(status, 0) for status in Status
    }
    return {
        "accepted": sum(by_state.values()),
        "in_progress": sum(by_state[str(each)] for each in Status if not each.final),
        "by_status": by_state,
        "counted_at": timestamp(counts.at),
        "oldest_at": timestamp(going.oldest_at),
        "oldest_seconds": None if going.oldest_at is None else max(0.0, now - going.oldest_at),
        "waiting": [
            {
                "cause": group.cause,
                "questions": group.questions,
                "next_due_at": timestamp(group.next_due_at),
            }
            for group in going.waits
        ],
    }


def _late(going: InProgress, now: float) -> float:
    first = min((group.next_due_at for group in going.waits), default=now)
    return max(0.0, now - first)


def _pause(context: Context) -> float:
    return float(context.turnstile.limiter.pause_left(context.turnstile.clock()))


def _model(context: Context, pause: float) -> dict[str, Any]:
    metrics, turnstile = context.metrics, context.turnstile
    seconds = sorted(metrics.recent_calls(RECENT_SECONDS))
    opened = context.opened
    return {
        "model": opened.model.model if opened is not None else None,
        "where": opened.model.where if opened is not None else None,
        "calls": metrics.total("model_calls"),
        "by_outcome": metrics.labelled("model_calls"),
        "tokens": metrics.labelled("model_tokens"),
        "retries": metrics.total("retries_scheduled"),
        "regenerations": metrics.total("regenerations"),
        "recent_calls": len(seconds),
        "p50_seconds": percentile(seconds, 0.5),
        "p95_seconds": percentile(seconds, 0.95),
        "in_flight": context.calls_in_flight,
        "in_line": turnstile.waiting,
        "limit": turnstile.limiter.in_force,
        "ceiling": turnstile.limiter.ceiling,
        "breaker": turnstile.state.name.lower(),
        "pause_seconds": round(pause, 1),
    }
