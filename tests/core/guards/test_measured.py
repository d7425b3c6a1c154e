"""The rates in docs/quality-gate.md hold: good answers are left alone, wrong ones are caught."""

from __future__ import annotations

from bench.guards import measure


def test_good_answers_are_left_alone_and_the_wrong_ones_caught() -> None:
    table = measure(list_them=False)
    fired = {
        group: sum(n for name, n in row.items() if name not in ("cases", "caught"))
        for group, row in table.items()
        if group.startswith("good")
    }
    assert fired["good: gate pairs"] == 0
    assert fired["good: references of the samples"] == 0
    assert sum(fired.values()) <= 1
    least = {"a number changed": 0.95, "a number missing": 0.9, "negated": 0.85, "refusals": 1.0}
    least |= {"echoes": 1.0, "cut off": 1.0, "blank": 1.0, "other language, long": 0.8}
    for group, share in least.items():
        assert table[group]["caught"] >= share * table[group]["cases"], group
