"""What each bench printed with `--json` in one run, cut to the rows that are read."""

from __future__ import annotations

from typing import Any


def _scorer(words: str, threads: int, batch: int, *figures: float) -> dict[str, Any]:
    library, new, kept, ratio_new, ratio_kept, difference = figures
    return {
        **{"set": words, "threads": threads, "batch": batch, "difference": difference},
        **{"library_pairs_s": library, "new_pairs_s": new, "kept_pairs_s": kept},
        **{"ratio_new": ratio_new, "ratio_kept": ratio_kept},
    }


RAW: dict[str, dict[str, Any]] = {
    "scorer": {
        "rows": [
            _scorer("short (8-30 words)", 2, 1, 25.2, 54.9, 74.7, 2.18, 2.96, 1.8e-07),
            _scorer("short (8-30 words)", 2, 8, 42.8, 88.6, 158.2, 2.07, 3.7, 1.8e-07),
            _scorer("short (8-30 words)", 2, 64, 46.8, 109.0, 213.6, 2.33, 4.56, 1.2e-07),
        ]
    },
    "pipeline": {
        "questions": 1000,
        "latency_seconds": 0.2,
        "results": {
            "script": {"seconds": 7.2},
            "embedded": {"seconds": 7.9},
            "kafka": {"seconds": 8.5},
        },
    },
    "scored_pipeline": {
        "rows": [
            {
                **{"threads": 1, "words": "8-150", "share": 0.93},
                **{"direct_before": {"pairs_s": 3.0}, "direct_after": {"pairs_s": 3.3}},
                "pipeline": {"pairs_s": 2.93},
            }
        ]
    },
    "api": {
        **{"rate": 50.0, "clients": 16, "batched_s": 900.0},
        "ours": {"p50_ms": 41.0, "p99_ms": 251.5, "accepted_s": 131.5},
        "peer": {"p50_ms": 7.2, "p99_ms": 31.3, "accepted_s": 744.7},
    },
    "retries": {
        **{"pending": 100_000, "burst": 5_000},
        "ours": {
            **{"early": 0, "late_p99_ms": 104.3, "rss_mib": 238.2, "blocked_ms": 50.0},
            "burst_seconds": 3.92,
        },
        "peer": {
            **{"early": 64, "late_p99_ms": 1.4, "rss_mib": 226.7, "blocked_ms": 6.4},
            "burst_seconds": 0.02,
        },
    },
    "second_start": {"intake_seconds": 7.88, "models_seconds": 23.45, "script_seconds": 23.71},
    "ratings": {
        "results": {
            "stock": {"events_per_second": 1021},
            "bare": {"events_per_second": 50532},
            "ours": {"events_per_second": 26836},
        }
    },
    "recommender": {
        "speed": [
            {"way": "update + top 10, one user", "p50_ms": 0.75, "p99_ms": 1.19},
            {"way": "the same in plain numpy", "p50_ms": 64.0, "p99_ms": 165.0},
        ]
    },
    "transports": {
        "log": {"append": 45689.0, "read": 30455.0, "chain": 4399.0, "packed": 531420.0},
        "kafka strict": {"append": 34793.0, "read": 10628.0, "chain": 3676.0},
        "kafka faust": {"append": 48157.0, "read": 9986.0, "chain": 3585.0},
    },
    "score_server": {
        **{"clients": 32, "ratio_to_batch_of_1": 1.9, "ratio_to_direct": 0.92},
        "ways": {
            "batched": {"pairs_s": 46.0},
            "batch_of_1": {"pairs_s": 24.2},
            "direct": {"pairs_s": 50.0},
        },
    },
    "load": {"load_cpu_ms": 0.31, "plain_cpu_ms": 0.2},
    "tracing_cost": {
        "questions": {
            "off": {"us": 1500.0, "change": 0.0},
            "one in a hundred": {"us": 1530.0, "change": 0.02},
            "all": {"us": 1800.0, "change": 0.19},
        },
        "ratings": {"off": {"us": 8.0, "change": 0.0}, "all": {"us": 8.1, "change": 0.01}},
    },
    "overload": {
        "results": {
            kind: {
                who: {"goodput_overloaded": goodput, "wasted_share_overloaded": 0.28, "lost": lost}
                for who, goodput, lost in (("script", 2.2, 29), ("answerloop", 3.25, 0))
            }
            for kind in ("queues", "sheds")
        }
    },
}
