"""What `bench.tracing_cost` says, as figures: traces on, beside traces off."""

from __future__ import annotations

from bench.figures import Figure, Found


def tracing_cost(found: Found) -> list[Figure]:
    made = []
    for path, one in (("questions", "question"), ("ratings", "rating")):
        off = found[path]["off"]["us"]
        for key, name in (("sampled", "one in a hundred"), ("all", "all")):
            if row := found[path].get(name):
                what, ratio = f"processor time of a {one}, traces: {name}", 1 + row["change"]
                made.append(
                    Figure(f"{path}_{key}", what, row["us"], "us", "lower", "", off, "off", ratio)
                )
    return made
