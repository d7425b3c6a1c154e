"""The alert rules and the Grafana page ask for figures that there are, in queries that parse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import Any

import promql_parser
import pytest
import yaml

from app.metrics import COUNTERS, GAUGES
from app.metrics_histograms import HISTOGRAMS
from tests.docs.pages import ROOT, anchors

ALERTS = ROOT / "docker" / "prometheus" / "alerts.yml"
BOARD = ROOT / "docker" / "grafana" / "answerloop.json"
#: Put in for what Grafana puts in.
VARIABLES = {"$__rate_interval": "5m", "$job": ".*", "$instance": ".*"}
TARGET = {"job", "instance"}
#: Name in Prometheus -> its labels, without those of the target.
EXPOSED: dict[str, set[str]] = {
    "up": set(),
    **{f"answerloop_{name}_total": set(labels) for name, (_, labels) in COUNTERS.items()},
    **{f"answerloop_{name}": set() for name in GAUGES},
}
for _name, _spec in HISTOGRAMS.items():
    _labels = {_spec.label} - {""}
    EXPOSED[f"answerloop_{_name}_bucket"] = {"le"} | _labels
    EXPOSED |= {f"answerloop_{_name}_{part}": _labels for part in ("sum", "count")}


@cache
def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@cache
def panels() -> list[dict[str, Any]]:
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries() -> list[Any]:
    found = [pytest.param(rule["expr"], id=rule["alert"]) for rule in rules()]
    for panel in panels():
        for target in panel["targets"]:
            expr = target["expr"]
            for name, value in VARIABLES.items():
                expr = expr.replace(name, value)
            found.append(pytest.param(expr, id=f"{panel['title']}: {target['refId']}"))
    return found


def nodes(node: Any) -> Iterator[Any]:
    """Give an expression and all that it is made of."""
    yield node
    for name in ("lhs", "rhs", "expr", "vector_selector"):
        child = getattr(node, name, None)
        if child is not None:
            yield from nodes(child)
    for child in getattr(node, "args", None) or ():
        yield from nodes(child)


@pytest.mark.parametrize("expr", queries())
def test_a_query_parses_and_asks_for_figures_and_labels_that_there_are(expr: str) -> None:
    parts = list(nodes(promql_parser.parse(expr)))
    selectors = [each for each in parts if isinstance(each, promql_parser.VectorSelector)]
    assert selectors
    known = set(TARGET)
    for selector in selectors:
        assert selector.name in EXPOSED, f"{selector.name} is no figure of docs/metrics.md"
        mine = EXPOSED[selector.name] | TARGET
        known |= mine
        used = {matcher.name for matcher in selector.matchers.matchers}
        assert used <= mine, f"{selector.name} has no label {sorted(used - mine)}"
    for part in parts:
        if isinstance(part, promql_parser.AggregateExpr) and part.modifier is not None:
            assert set(part.modifier.labels) <= known


def test_a_wrong_name_would_be_found() -> None:
    [selector] = [
        each
        for each in nodes(promql_parser.parse("sum(rate(answerloop_no_such_total[5m]))"))
        if isinstance(each, promql_parser.VectorSelector)
    ]
    assert selector.name not in EXPOSED


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do_and_where_that_is_written(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"Answerloop[A-Z]\w+", rule["alert"])
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
    assert rule["labels"]["severity"] in {"critical", "warning"}
    texts = rule["annotations"]
    assert texts["summary"]
    assert texts["description"].endswith(".")
    page, _, anchor = texts["runbook"].partition("#")
    assert anchor in anchors((ROOT / page).read_text(encoding="utf-8")), f"{page} has no #{anchor}"
    shown = set(re.findall(r"\$labels\.(\w+)", texts["summary"] + texts["description"]))
    assert shown <= TARGET | {label for labels in EXPOSED.values() for label in labels}


def test_panels_are_told_apart_and_do_not_overlap() -> None:
    assert len({panel["id"] for panel in panels()}) == len(panels())
    for panel in panels():
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
    for one, other in combinations((panel["gridPos"] for panel in panels()), 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y


def test_alerts_and_panels_are_in_the_metrics_page() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert "docker/prometheus/alerts.yml" in page
    assert "docker/grafana/answerloop.json" in page
    assert {rule["alert"] for rule in rules()} == set(re.findall(r"`(Answerloop\w+)`", page))
