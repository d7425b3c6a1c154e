"""What the benches' JSON says, as figures of one form: measured, beside a peer.

A figure's `goal` names its entry in `goals.toml`; several cases of a bench may share one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Found = dict[str, Any]
Better = Literal["higher", "lower"]
SCRIPT = "script"


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured, and in the same unit what the peer had in the same run.

    `ratio` is measured / peer, or what the bench itself made of the pairs of its rounds. `partial`
    says that the run was too small for the goal: it is shown, and not judged.
    """

    key: str
    what: str
    measured: float
    unit: str
    better: Better
    case: str = ""
    peer: float | None = None
    peer_name: str = ""
    own_ratio: float | None = None
    partial: bool = False

    @property
    def ratio(self) -> float | None:
        if self.own_ratio is not None:
            return self.own_ratio
        return self.measured / self.peer if self.peer else None

    @property
    def name(self) -> str:
        return f"{self.what}, {self.case}" if self.case else self.what


def scorer(found: Found) -> list[Figure]:
    rows, made = found["rows"], []
    for row in rows:
        if row["batch"] not in (1, 64):
            continue
        threads = "1 thread" if row["threads"] == 1 else f"{row['threads']} threads"
        words = row["set"].partition("(")[2].rstrip(")")
        for way, references in (("new", "new references"), ("kept", "kept references")):
            made.append(
                Figure(
                    key=f"{way}_{row['batch']}",
                    what=f"BERTScore, batch {row['batch']}, {references}",
                    case=f"{words}, {threads}",
                    measured=row[f"{way}_pairs_s"],
                    peer=row["library_pairs_s"],
                    peer_name="bert-score",
                    own_ratio=row[f"ratio_{way}"],
                    unit="pairs/s",
                    better="higher",
                )
            )
    worst = max(row["difference"] for row in rows)
    made.append(Figure("difference", "largest difference from bert-score", worst, "", "lower"))
    return made


def pipeline(found: Found) -> list[Figure]:
    case = f"{found['questions']} questions, model {found['latency_seconds']} s"
    peer = found["results"]["script"]["seconds"]
    return [
        Figure(
            key=who,
            what=f"whole pipeline, {'Kafka' if who == 'kafka' else who}",
            case=case,
            measured=row["seconds"],
            peer=peer,
            peer_name=SCRIPT,
            unit="s",
            better="lower",
        )
        for who, row in found["results"].items()
        if who != "script"
    ]


def scored_pipeline(found: Found) -> list[Figure]:
    return [
        Figure(
            key="share",
            what="pipeline with its scorer",
            case=f"{row['words']} words, {row['threads']} scorer thread(s)",
            measured=row["pipeline"]["pairs_s"],
            peer=(row["direct_before"]["pairs_s"] + row["direct_after"]["pairs_s"]) / 2,
            peer_name="the scorer alone",
            own_ratio=row["share"],
            unit="pairs/s",
            better="higher",
        )
        for row in found["rows"]
    ]


def api(found: Found) -> list[Figure]:
    name, case = "plain web service", f"{found['rate']:g} questions/s"
    ours, peer = found["ours"], found["peer"]
    made = [
        Figure(
            key=f"overhead_{each}",
            what=f"HTTP post to stored row, {each}",
            case=case,
            measured=ours[f"{each}_ms"],
            peer=peer[f"{each}_ms"],
            peer_name=name,
            unit="ms",
            better="lower",
        )
        for each in ("p50", "p99")
    ]
    return [
        *made,
        Figure(
            key="accepted",
            what="POST /query accepted",
            case=f"{found['clients']} clients",
            measured=ours["accepted_s"],
            peer=peer["accepted_s"],
            peer_name=name,
            unit="/s",
            better="higher",
        ),
        Figure(
            key="accepted_many",
            what="POST /questions accepted",
            case="100 in a request",
            measured=found["batched_s"],
            peer=peer["accepted_s"],
            peer_name=f"{name}, one in a request",
            unit="/s",
            better="higher",
        ),
    ]


def retries(found: Found) -> list[Figure]:
    ours, peer = found["ours"], found["peer"]
    waits = f"{found['pending']:,} pending"
    partial = found["pending"] < 100_000

    def figure(key: str, what: str, unit: str, case: str = waits, small: bool = partial) -> Figure:
        return Figure(
            key, what, ours[key], unit, "lower", case, peer[key], "sleeping tasks", partial=small
        )

    return [
        figure("early", "retries released early", ""),
        figure("late_p99_ms", "lateness of retries, p99", "ms"),
        figure("rss_mib", "memory of waits", "MiB"),
        figure("blocked_ms", "event loop blocked, longest", "ms"),
        figure(
            "burst_seconds",
            "retries due in one second, all released",
            "s",
            f"{found['burst']:,} more due",
            partial or found["burst"] < 5_000,
        ),
    ]


def second_start(found: Found) -> list[Figure]:
    name = "script, scorer loaded"
    common = {"peer": found["script_seconds"], "peer_name": name, "unit": "s"}
    return [
        Figure(
            "intake",
            "second start, intake ready",
            found["intake_seconds"],
            better="lower",
            **common,
        ),
        Figure(
            "models",
            "second start, scorer loaded",
            found["models_seconds"],
            better="lower",
            **common,
        ),
    ]


def ratings(found: Found) -> list[Figure]:
    rows = found["results"]
    return [
        Figure(
            key=f"{who}_to_{peer}",
            what=f"ratings, Kafka to aggregates{', whole' if who == 'whole' else ''}",
            measured=rows[who]["events_per_second"],
            peer=rows[peer]["events_per_second"],
            peer_name=name,
            unit="/s",
            better="higher",
        )
        for who in ("ours", "whole")
        for peer, name in (("stock", "stock Faust"), ("bare", "bare loop"))
        if who in rows and peer in rows
    ]


def recommender(found: Found) -> list[Figure]:
    rows = {row["way"]: row for row in found["speed"]}
    ours, peer = rows["update + top 10, one user"], rows["the same in plain numpy"]
    return [
        Figure(
            key=f"update_{each}",
            what=f"recommendation update and top 10 of 10,000, {each}",
            measured=ours[f"{each}_ms"],
            peer=peer[f"{each}_ms"],
            peer_name="plain numpy",
            unit="ms",
            better="lower",
        )
        for each in ("p50", "p99")
    ]


def transports(found: Found) -> list[Figure]:
    made = []
    faust = found.get("kafka faust", {})
    for name, row in found.items():
        beside = faust if name == "kafka strict" else {}
        for scenario, rate in row.items():
            if name != "kafka faust" and scenario in ("append", "read", "chain"):
                made.append(
                    Figure(
                        key=f"{name.replace(' ', '_')}_{scenario}",
                        what=f"transport {name}, {scenario}",
                        measured=rate,
                        peer=beside.get(scenario),
                        peer_name="Faust's consumer" if beside else "",
                        unit="messages/s",
                        better="higher",
                    )
                )
    return made


def score_server(found: Found) -> list[Figure]:
    ways = found["ways"]
    return [
        Figure(
            key=f"to_{other}",
            what="score server",
            case=f"{found['clients']} clients",
            measured=ways["batched"]["pairs_s"],
            peer=ways[other]["pairs_s"],
            peer_name=name,
            own_ratio=found[f"ratio_to_{other}"],
            unit="pairs/s",
            better="higher",
        )
        for other, name in (("batch_of_1", "one pair at a time"), ("direct", "scorer, no HTTP"))
    ]


def load(found: Found) -> list[Figure]:
    return [
        Figure(
            key="cpu",
            what="load generator, processor time of a request",
            measured=found["load_cpu_ms"],
            peer=found["plain_cpu_ms"],
            peer_name="plain aiohttp",
            unit="ms",
            better="lower",
        )
    ]


def overload(found: Found) -> list[Figure]:
    made = []
    for kind, who in found["results"].items():
        ours, peer = who["answerloop"], who["script"]
        for key, what, unit, better in (
            ("goodput_overloaded", "answers while overloaded", "/s", "higher"),
            ("wasted_share_overloaded", "wasted calls", "of all", "lower"),
            ("lost", "questions lost", "", "lower"),
        ):
            made.append(
                Figure(key, what, ours[key], unit, better, f"server {kind}", peer[key], SCRIPT)  # type: ignore[arg-type]
            )
    return made
