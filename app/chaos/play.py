"""Plays one scenario: load and faults side by side, then quiet, then the audit and the checks."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from app.chaos.cluster import worker_environment
from app.chaos.outside import Outside
from app.chaos.scenario import Facts, Load, Options, Scenario
from app.chaos.servers import ServerMissing
from app.chaos.stage import Stage
from app.chaos.timeline import percentile
from app.errors import AnswerloopError

AUDIT_SECONDS = 300.0


async def play(
    scenario: Scenario, outside: Outside, options: Options, folder: Path
) -> dict[str, Any]:
    """Run a scenario and return its part of the results; an error of ours is a verdict, too."""
    run = f"c{uuid4().hex[:8]}"
    place = folder / f"{scenario.name}-{run}"
    place.mkdir(parents=True)
    started_at, started = time.time(), time.monotonic()
    stage = Stage(scenario, outside, options, place, run)
    result: dict[str, Any] = {
        "scenario": scenario.name,
        "about": scenario.about,
        "promise": scenario.promise,
        "started_at": started_at,
        "checks": [],
        "audit": {},
    }
    try:
        await stage.open()
        facts = await (scenario.perform or _perform)(stage)
    except ServerMissing as missing:
        result |= {"verdict": "skipped", "reason": str(missing)}
    except Exception as error:  # noqa: BLE001 - one scenario's trouble is not the next one's
        stage.notes.append(traceback.format_exc())
        result |= {"verdict": "error", "reason": f"{type(error).__name__}: {error}"}
    else:
        checks = [check.on(facts) for check in scenario.all_checks]
        passed = all(check["passed"] for check in checks)
        result |= {"verdict": "passed" if passed else "failed", "checks": checks}
        result["audit"] = facts.audit
    finally:
        stage.close()
        try:
            await outside.mend()
        except (OSError, RuntimeError, TimeoutError) as error:
            stage.notes.append(f"not mended: {error}")
    return result | {
        "seconds": round(time.monotonic() - started, 1),
        "settings": {**stage.cluster.settings, "workers": stage.workers_wanted},
        "figures": stage.figures,
        "timeline": stage.timeline.columns,
        "faults": stage.fault_log,
        "notes": stage.notes,
    }


async def _perform(stage: Stage) -> Facts:
    await stage.start_workers()
    sampling = asyncio.create_task(stage.timeline.run())
    try:
        await _load_and_faults(stage)
        await _settle(stage)
        if stage.scenario.afterwards is not None:
            await stage.scenario.afterwards(stage)
        await stage.timeline.sample()
    finally:
        sampling.cancel()
        with suppress(asyncio.CancelledError):
            await sampling
    await _stop_all(stage)
    _note_figures(stage)
    return Facts(await run_auditor(stage), stage.figures)


async def _load_and_faults(stage: Stage) -> None:
    """Ask questions for as long as things are broken, and until enough were asked."""
    load, options = stage.scenario.load, stage.options
    load = Load(options.questions or load.questions, options.rate or load.rate)
    least_seconds = options.seconds or 0.0
    start = time.monotonic()
    faults = asyncio.ensure_future(stage.scenario.faults(stage))

    def going_on() -> bool:
        if faults.done() and not faults.cancelled() and faults.exception() is not None:
            return False
        enough = stage.client.asked >= load.questions
        return not (faults.done() and enough and time.monotonic() - start >= least_seconds)

    asking = asyncio.ensure_future(stage.client.ask_while(going_on, load.rate))
    try:
        await asyncio.gather(asking, faults)
    finally:
        faults.cancel()
        asking.cancel()
    stage.figures["load_seconds"] = round(time.monotonic() - start, 1)


async def _settle(stage: Stage) -> None:
    """Wait until every accepted question has ended and nothing is left to read, within a time."""
    started = time.monotonic()
    deadline = started + stage.scenario.settle_seconds
    accepted = stage.client.traffic.accepted
    while time.monotonic() < deadline and stage.timeline.done < len(accepted):
        await asyncio.sleep(0.2)
    stage.figures["settle_seconds"] = round(time.monotonic() - started, 1)
    await stage.all_read()


async def _stop_all(stage: Stage) -> None:
    stage.figures["crashed_workers"] = len(stage.crashed)
    stage.notes += [f"{name} ended by itself" for name in stage.crashed]
    workers = stage.cluster.alive
    stage.ended_on_purpose |= {worker.name for worker in workers}
    ends = await asyncio.gather(
        *(asyncio.to_thread(worker.stop, 60.0) for worker in workers), return_exceptions=True
    )
    bad = [(worker.name, end) for worker, end in zip(workers, ends, strict=True) if end != 0]
    stage.figures["bad_stops"] = len(bad)
    stage.notes += [f"{name} did not stop well: {end!r}" for name, end in bad]
    stage.cluster.close()


def _note_figures(stage: Stage) -> None:
    traffic = stage.client.traffic
    stage.notes += [f"unexpected reply: {text}" for text in traffic.other[:5]]
    stage.figures |= {
        "questions": len(traffic.accepted),
        "refused": len(traffic.refusals),
        "refusal_p99_seconds": percentile([r.seconds for r in traffic.refusals], 0.99),
        "slowest_refusal_seconds": round(max((r.seconds for r in traffic.refusals), default=0), 2),
        "connections_failed": traffic.no_connection,
        "given_up": traffic.given_up,
        "other_replies": len(traffic.other),
        "intake_p99_seconds": percentile(traffic.intake_seconds, 0.99),
        "latency_p99_seconds": max(stage.timeline.columns["latency_p99"], default=0.0),
    }


async def run_auditor(stage: Stage) -> dict[str, Any]:
    """Run the auditor as a process of its own and return what it found."""
    overload = stage.cluster.settings
    sources = {
        "ledger": str(stage.client.ledger.path),
        "dsn": stage.database.dsn,
        "broker": stage.broker_for_readers,
        "prefix": stage.prefix,
        "group": stage.group,
        "calls": str(stage.model.calls_file),
        "offered": str(stage.client.offered),
        "waits": {
            "overload_base": float(overload["OVERLOAD_BASE_SECONDS"]),
            "quota": float(overload.get("QUOTA_DELAY_SECONDS", 60)),
        },
    }
    place = stage.folder / "audit.json"
    place.write_bytes(orjson.dumps(sources))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app.chaos.audit",
        str(place),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=worker_environment({}),
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), AUDIT_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise AnswerloopError(f"the auditor could not look: {err.decode()[-2000:]}")
    found: dict[str, Any] = orjson.loads(out)
    return found
