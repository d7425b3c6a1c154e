"""The alert rules in Prometheus's own tool: they load, fire when they should, and only then."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import ROOT

ALERTS = ROOT / "docker" / "prometheus" / "alerts.yml"
UNIT_TESTS = Path(__file__).with_name("alerts_test.yml")


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("needed in CI: promtool (Debian: prometheus)", pytrace=False)
        pytest.skip("no promtool here (Debian: apt-get install prometheus)")
    return found


def run(promtool: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [promtool, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )


def alerts() -> list[str]:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule["alert"] for group in groups for rule in group["rules"]]


def test_prometheus_loads_the_rules(promtool: str) -> None:
    found = run(promtool, "check", "rules", ALERTS)
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"{len(alerts())} rules found" in found.stdout


def test_every_alert_fires_when_it_should_and_only_then(promtool: str) -> None:
    found = run(promtool, "test", "rules", UNIT_TESTS)
    assert found.returncode == 0, found.stdout + found.stderr


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    fires, quiet = set(), set()
    for test in yaml.safe_load(UNIT_TESTS.read_text(encoding="utf-8"))["tests"]:
        for case in test.get("alert_rule_test", ()):
            (fires if case.get("exp_alerts") else quiet).add(case["alertname"])
        for case in test.get("promql_expr_test", ()):
            named = set(re.findall(r'alertname="(\w+)"', str(case)))
            (fires if case.get("exp_samples") else quiet).update(named or set(alerts()))
    assert fires == set(alerts())
    assert quiet >= fires
