"""Measures the guards: how often each fires on good answers, and on those it is there for.

    python -m bench.guards [--json] [--list]

Good: the answers of gate_pairs.py, the samples' own references, and hand-written answers to the
samples (guard_pairs.jsonl). `--list` prints each false alarm and each miss.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import NamedTuple

from app.core.guards import GUARDS, Evidence, objections
from app.samples import samples_path
from bench import guard_pairs
from bench.gate_pairs import ROWS
from bench.guard_pairs import Answer


class Case(NamedTuple):
    """Evidence, and the guards of which one should fire (none: a good answer)."""

    group: str
    evidence: Evidence
    wanted: tuple[str, ...] = ()


def cases() -> list[Case]:
    """Return all cases, in groups."""
    return [*_good(), *_wrong()]


def _samples() -> list[Evidence]:
    lines = samples_path().read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    return [Evidence("", row["question_text"], row["original_answer"]) for row in rows]


def _told(answers: list[Answer]) -> Iterator[Evidence]:
    samples = _samples()
    for start, answer in answers:
        [sample] = [each for each in samples if each.question.startswith(start)]
        yield Evidence(answer, sample.question, sample.reference)


def _good() -> Iterator[Case]:
    for row in ROWS:
        for answer in (row.short, row.long):
            yield Case("good: gate pairs", Evidence(answer, row.question, row.reference))
    for sample in _samples():
        if sample.reference:
            alone = Evidence(sample.reference, sample.question, None, "stop")
            yield Case("good: references of the samples", alone)
    for evidence in _told(guard_pairs.GOOD):
        yield Case("good: hard ones", evidence)
    for evidence in _told(guard_pairs.HELD_OUT_GOOD):
        yield Case("good: hard ones, held out", evidence)


def _wrong() -> Iterator[Case]:
    numbers = ("numbers_changed", "numbers_missing")
    for group, answers, wanted in (
        ("a number changed", guard_pairs.WRONG_NUMBER, numbers),
        ("a number missing", guard_pairs.NO_NUMBER, numbers),
        ("negated", guard_pairs.NEGATED, ("negation",)),
    ):
        for evidence in _told(answers):
            yield Case(group, evidence, wanted)
    for answer in guard_pairs.REFUSALS:
        row = ROWS[0] if answer.isascii() else ROWS[-1]
        yield Case("refusals", Evidence(answer, row.question, row.reference), ("refusal",))
    for at, row in enumerate(ROWS):
        yield Case("echoes", Evidence(row.question, row.question, row.reference), ("echo",))
        others = [each for each in ROWS if each.language != row.language]
        other = others[at % len(others)]
        foreign = Evidence(other.long, row.question, row.reference)
        yield Case("other language, long", foreign, ("language",))
        foreign = Evidence(other.short, row.question, row.reference)
        yield Case("other language, short", foreign, ("language",))
        cut = Evidence(row.long[:-9], row.question, row.reference, "length")
        yield Case("cut off", cut, ("cut_off",))
    for blank in ("", " \n"):
        yield Case("blank", Evidence(blank, ROWS[0].question, ROWS[0].reference), ("empty",))


def measure(list_them: bool) -> dict[str, dict[str, int]]:
    """Return by group: cases, those in which a wanted guard fired, and fires of each guard."""
    table: dict[str, dict[str, int]] = {}
    for group, evidence, wanted in cases():
        row = table.setdefault(group, {"cases": 0, "caught": 0, **dict.fromkeys(GUARDS, 0)})
        found = objections(evidence, GUARDS)
        caught = any(each.guard in wanted for each in found)
        row["cases"] += 1
        row["caught"] += caught
        for each in found:
            row[each.guard] += 1
        if list_them and (found if not wanted else not caught):
            fault = "; ".join(each.why for each in found) if not wanted else "missed"
            print(f"{group}: {evidence.question} | {evidence.answer} | {fault}")
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--list", action="store_true", help="print false alarms and misses")
    arguments = parser.parse_args()
    table = measure(arguments.list)
    if arguments.json:
        print(json.dumps(table, indent=2))
        return
    print(f"{'group':<34}{'cases':>6}{'caught':>8}  fired")
    for group, row in table.items():
        fired = ", ".join(f"{name} {row[name]}" for name in GUARDS if row[name])
        print(f"{group:<34}{row['cases']:>6}{row['caught']:>8}  {fired}")


if __name__ == "__main__":
    main()
