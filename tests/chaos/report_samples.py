"""Results of chaos runs that nobody ran: as long, as bad and as hostile as they can get."""

from __future__ import annotations

import math
import random
from typing import Any

Run = dict[str, Any]

HOSTILE = [
    "<script>document.title='ran'</script>",
    "<img src=x onerror=\"document.title='ran'\">",
    "\"><svg onload=document.title='ran'>",
    "</style><script>document.title='ran'</script>",
    "</title><script>document.title='ran'</script>",
    "javascript:document.title='ran'",
    "' onmouseover='document.title=1' x='",
    "{{constructor.constructor('document.title=1')()}}",
    "<!--<script>document.title='ran'</script>-->",
    "]]><script>document.title='ran'</script>",
    "\x00\x1b[2J\x1b]0;ran\x07 bell and escape",
    "\u202egnp.exe\u202c turned around",
    "&lt;script&gt;",
    "a\u2028b\u2029c",
]


def timeline(seconds: int, faults: list[tuple[float, float]], seed: int) -> dict[str, list[Any]]:
    """A plausible course: work piles up in each window and is done after it."""
    chance = random.Random(seed)
    columns: dict[str, list[Any]] = {
        name: []
        for name in ("t", "done", "pending", "latency_p50", "latency_p99", "calls_in_flight")
    }
    pending, done = 0.0, 0.0
    for at in range(seconds + 1):
        broken = any(start <= at < end for start, end in faults)
        pending += 20 if at < seconds * 0.8 else 0
        worked = min(pending, 0.0 if broken else 34 + chance.random() * 12)
        pending, done = pending - worked, done + worked
        waited = pending / 30
        row = (
            at + chance.random() / 10,
            round(done),
            round(pending),
            None if at < 2 else round(0.4 + waited * 0.5 + chance.random() * 0.15, 3),
            None if at < 2 else round(0.9 + waited * 1.6 + chance.random(), 3),
            0 if broken else min(24, round(pending / 3 + chance.random() * 6)),
        )
        for column, value in zip(columns.values(), row, strict=True):
            column.append(value)
    return columns


def passed(name: str = "kill-workers", seed: int = 1, seconds: int = 150, kills: int = 6) -> Run:
    windows = [(10.0 + 20 * n, 10.0 + 20 * n + 4) for n in range(kills)]
    course = timeline(seconds, windows, seed)
    accepted = 20 * math.ceil(seconds * 0.8)
    return {
        "scenario": name,
        "about": "SIGKILL a random one of 3 workers every 20 s while 20 questions arrive a second",
        "promise": "2 one row and one final state; 3 a call once more for each crash in its middle",
        "verdict": "passed",
        "started_at": 1_795_000_000 + 200 * seed,
        "seconds": seconds + 11.4,
        "settings": {"BROKER": "kafka://127.0.0.1:9092", "LLM_CONCURRENCY": "8", "workers": 3},
        "checks": [
            {"name": "lost questions", "limit": "0", "measured": "0", "passed": True},
            {"name": "duplicate rows", "limit": "0", "measured": "0", "passed": True},
            {
                "name": "repeated model calls",
                "limit": f"at most {kills * 8}",
                "measured": "11",
                "passed": True,
            },
            {"name": "working again", "limit": "at most 15 s", "measured": "9.2 s", "passed": True},
        ],
        "figures": {"kills": kills, "working_again_seconds": 9.2 + seed, "settle_seconds": 4.0},
        "audit": {
            "accepted": accepted,
            "validated": accepted - 61,
            "low_quality": 20,
            "unscored": 10,
            "dead": 31,
            "pending": 0,
            "lost": 0,
            "duplicates": 0,
            "repeated_calls": 11,
            "calls": accepted + 240,
            "early_retries": 0,
        },
        "timeline": course,
        "faults": [
            {"name": f"SIGKILL worker-{n % 3 + 1}", "from": start, "to": end}
            for n, (start, end) in enumerate(windows)
        ],
        "notes": ["The broker was started by the run."],
    }


def failed() -> Run:
    run = passed("postgres-stopped-while-the-breaker-is-open-and-a-rebalance-goes-on", 4, 900, 3)
    run["verdict"] = "failed"
    run["checks"][0] |= {"measured": "3", "passed": False}
    run["audit"] |= {
        "lost": 3,
        "validated": run["audit"]["validated"] - 5,
        "problems": ["q-1 lost"],
    }
    run["faults"] = [
        {"name": "PostgreSQL stopped", "from": 120, "to": 150},
        {
            "name": "all calls get 503 and a Retry-After that is an HTTP date",
            "from": 300,
            "to": 480,
        },
        {"name": "SIGSTOP worker-2", "from": 420, "to": 450},
        {"name": "broker down", "from": 700, "to": 720.5},
    ]
    run["timeline"] = timeline(900, [(120, 150), (300, 480), (700, 720)], 4)
    return run


def crashed() -> Run:
    notes = ['Traceback (most recent call last):\n  File "stage.py", line 7\nOSError: no']
    return {
        "scenario": "rolling-restart",
        "about": "SIGTERM each worker in turn",
        "promise": "1 every accepted question ends",
        "verdict": "error",
        "reason": "OSError: [Errno 98] address already in use",
        "started_at": 1_795_000_500,
        "seconds": 3.2,
        "settings": {},
        "checks": [],
        "figures": {},
        "audit": {},
        "timeline": {"t": [], "done": [], "pending": []},
        "faults": [],
        "notes": notes,
    }


def skipped() -> Run:
    return {
        "scenario": "redis-gone",
        "verdict": "skipped",
        "reason": "redis-server is not installed",
        "started_at": 1_795_000_600,
        "seconds": 0.01,
    }


def many_kills() -> Run:
    return passed("kill-workers-long", 9, 640, 30) | {
        "about": "SIGKILL a random one of 3 workers every 20 s, thirty times",
    }


def results(*runs: Run) -> dict[str, Any]:
    return {
        "answerloop": "0.1.0",
        "started_at": 1_795_000_000,
        "machine": {"cpus": 2, "memory_gib": 23.4, "python": "3.11.9", "kafka": "Kafka 3.9.1"},
        "command": "answerloop chaos run all --report report.html",
        "runs": list(runs),
    }


def fifteen() -> dict[str, Any]:
    names = (
        "kill-workers", "rolling-restart", "zombie", "kill-fast", "broker-down-5", "broker-down-20",
        "model-outage", "model-overload", "model-slow", "postgres-down", "redis-frozen",
    )  # fmt: skip
    runs = [passed(name, n, 60 + 40 * n, 1 + n % 5) for n, name in enumerate(names)]
    return results(*runs, many_kills(), failed(), crashed(), skipped())


def hostile() -> dict[str, Any]:
    """Hostile strings in every place that holds a text, names of keys included."""
    runs = []
    for n, bad in enumerate(HOSTILE):
        run = passed(bad, n, 60, 2)
        for key in ("about", "promise", "reason", "verdict"):
            run[key] = bad
        run["checks"] = [{"name": bad, "limit": bad, "measured": bad, "passed": bad}]
        run["settings"] = {bad: bad}
        run["figures"] = {bad: bad, "list": [bad], "map": {bad: bad}}
        run["faults"] = [{"name": bad, "from": 10, "to": 20}]
        run["notes"] = [bad, f"two\n{bad}"]
        run["audit"] |= {"accepted": bad, "validated": bad, "problems": [bad], bad: bad}
        run["timeline"] |= {bad: [bad], "pending": [bad, 1, 2]}
        runs.append(run)
    found = results(*runs)
    found["machine"] = dict.fromkeys(("cpus", "python", *HOSTILE), HOSTILE[0])
    return found | {"command": HOSTILE[3], "answerloop": HOSTILE[4], "started_at": HOSTILE[0]}
