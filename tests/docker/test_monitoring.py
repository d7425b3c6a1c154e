"""Prometheus and Grafana of the profile obs: who is scraped, the rules, the shipped page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.docker.files import DOCKER, our_services, services
from tests.docker.test_compose import ONE_SHOT


def read(path: str) -> Any:
    return yaml.safe_load((DOCKER / path).read_text(encoding="utf-8"))


def mounts(service: str) -> dict[str, str]:
    """Return path in the container -> path under docker/."""
    pairs = (volume.split(":") for volume in services()[service]["volumes"])
    return {target: source.removeprefix("./") for source, target, *_ in pairs}


def test_every_server_of_ours_is_scraped_as_the_job_that_the_rules_name() -> None:
    [job] = read("prometheus/prometheus.yml")["scrape_configs"]
    assert job["job_name"] == "answerloop"
    assert 'up{job="answerloop"}' in (DOCKER / "prometheus" / "alerts.yml").read_text()
    wanted = set()
    for name, service in our_services().items():
        if name not in ONE_SHOT:
            probe = service["healthcheck"]["test"][-1]
            wanted.add(f"{name}:{probe.split(':')[2].split('/')[0]}")
    assert set(job["static_configs"][0]["targets"]) == wanted


def test_the_rules_lie_where_prometheus_looks() -> None:
    found = mounts("prometheus")
    assert found["/etc/prometheus/prometheus.yml"] == "prometheus/prometheus.yml"
    for rules in read("prometheus/prometheus.yml")["rule_files"]:
        assert found[f"/etc/prometheus/{rules}"] == f"prometheus/{rules}"
    assert (
        f"--config.file={'/etc/prometheus/prometheus.yml'}" in services()["prometheus"]["command"]
    )


def test_promtool_agrees() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        if os.environ.get("CI"):
            pytest.fail("needed in CI: promtool (Debian: prometheus)", pytrace=False)
        pytest.skip("no promtool here (Debian: apt-get install prometheus)")
    done = subprocess.run(
        [promtool, "check", "config", str(DOCKER / "prometheus" / "prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_grafana_finds_its_source_and_the_page() -> None:
    found = mounts("grafana")
    assert found["/etc/grafana/provisioning"] == "grafana/provisioning"
    [source] = read("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert source["isDefault"] is True
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in services()["grafana"]["depends_on"]
    [provider] = read("grafana/provisioning/dashboards/answerloop.yml")["providers"]
    page = f"{provider['options']['path']}/answerloop.json"
    assert found[page] == "grafana/answerloop.json"
    home = services()["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == page
    board = json.loads((DOCKER / found[page]).read_text(encoding="utf-8"))
    asked = {each["type"] for each in board["templating"]["list"] if each["name"] == "datasource"}
    assert asked == {"datasource"}, "the page takes the default source, whatever its uid"
