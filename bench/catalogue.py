"""The benches that `python -m bench` runs, in turn: their commands, times, and figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench import figures
from bench.figures import Figure
from bench.tracing_figures import tracing_cost


@dataclass(frozen=True, slots=True)
class Bench:
    """A script under `bench/` that prints one JSON object with `--json`.

    `about_seconds` and `quick_about_seconds` are what it takes on two idle cores, starting
    included; after `limit()` it is stopped.
    """

    name: str
    about: str
    read: Callable[[dict[str, Any]], list[Figure]]
    full: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    about_seconds: int = 60
    quick_about_seconds: int = 20

    def arguments(self, *, quick: bool) -> tuple[str, ...]:
        """Return what follows the interpreter on the command line."""
        return ("-m", f"bench.{self.name}", "--json", *(self.quick if quick else self.full))

    def expected(self, *, quick: bool) -> int:
        return self.quick_about_seconds if quick else self.about_seconds

    def limit(self, *, quick: bool) -> int:
        """Return the seconds after which it is stopped: a busy machine takes its time."""
        return 90 + 3 * self.expected(quick=quick)


#: Those with goals first: they are what a short budget is for.
BENCHES = (
    Bench(
        "scorer",
        "BERTScore beside bert-score",
        figures.scorer,
        full=("--no-memory",),
        quick=(*("--threads", "1", "--rounds", "1", "--seconds", "20"), "--no-memory"),
        about_seconds=180,
        quick_about_seconds=45,
    ),
    Bench(
        "pipeline",
        "the pipeline, embedded and on Kafka, beside a script",
        figures.pipeline,
        full=("--kafka",),
        quick=("--kafka", "--questions", "300"),
        about_seconds=60,
        quick_about_seconds=30,
    ),
    Bench(
        "scored_pipeline",
        "the pipeline with its scorer, beside the scorer alone",
        figures.scored_pipeline,
        full=("--questions", "120"),
        quick=("--questions", "20"),
        about_seconds=60,
        quick_about_seconds=25,
    ),
    Bench(
        "api",
        "the HTTP API, from the post to the stored row, beside a plain web service",
        figures.api,
        quick=("--seconds", "6"),
        about_seconds=75,
        quick_about_seconds=35,
    ),
    Bench(
        "retries",
        "waits at 100,000 pending, beside sleeping tasks",
        figures.retries,
        quick=("--pending", "20000", "--observe", "10"),
        about_seconds=150,
        quick_about_seconds=35,
    ),
    Bench(
        "second_start",
        "the second start of an embedded worker, beside a script that loads its scorer",
        figures.second_start,
        full=("--rounds", "3"),
        about_seconds=60,
        quick_about_seconds=30,
    ),
    Bench(
        "ratings",
        "ratings, Kafka to aggregates, beside stock Faust and a bare loop",
        figures.ratings,
        full=("--only", "stock,bare,ours,whole"),
        quick=(
            *("--only", "stock,bare,ours", "--repeat", "1"),
            *("--events", "150000", "--slow-events", "10000"),
        ),
        about_seconds=330,
        quick_about_seconds=45,
    ),
    Bench(
        "recommender",
        "a recommendation update, beside plain numpy",
        figures.recommender,
        full=("--only", "speed"),
        quick=("--only", "speed", "--rounds", "300"),
        about_seconds=20,
        quick_about_seconds=10,
    ),
    Bench(
        "transports",
        "the logs and the strict consumer, beside Faust's consumer",
        figures.transports,
        quick=("--messages", "4000"),
        about_seconds=90,
        quick_about_seconds=30,
    ),
    Bench(
        "score_server",
        "batches across requests, beside one pair at a time",
        figures.score_server,
        quick=("--seconds", "2", "--rounds", "1"),
        about_seconds=90,
        quick_about_seconds=25,
    ),
    Bench(
        "load",
        "the load generator, beside plain aiohttp",
        figures.load,
        quick=("--seconds", "1.5", "--rounds", "1"),
        about_seconds=90,
        quick_about_seconds=15,
    ),
    Bench(
        "tracing_cost",
        "traces on, beside traces off",
        tracing_cost,
        quick=("--questions", "100", "--ratings", "50000", "--seconds", "30"),
        about_seconds=170,
        quick_about_seconds=40,
    ),
    Bench(
        "overload",
        "callers of an overloaded model server, beside a script",
        figures.overload,
        quick=("--seconds", "18"),
        about_seconds=65,
        quick_about_seconds=20,
    ),
)


def chosen(names: list[str] | None) -> list[Bench]:
    """Return the benches of these names, all by default. Raises KeyError with an unknown one."""
    by_name = {bench.name: bench for bench in BENCHES}
    return list(BENCHES) if names is None else [by_name[name] for name in names]
