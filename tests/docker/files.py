"""The files of docker/, read as their programs read them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from app.settings import PREFIX, load_settings

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
KUBERNETES = DOCKER / "kubernetes"
#: Our own images by the names that the files give them; the targets of the Dockerfile.
OURS = ("answerloop", "answerloop-worker")

_VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")


def interpolated(value: Any, variables: dict[str, str]) -> Any:
    """Put in variables as Compose does: `${NAME:-default}`, and `$$` for a dollar."""
    if isinstance(value, dict):
        return {key: interpolated(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [interpolated(each, variables) for each in value]
    if not isinstance(value, str):
        return value

    def found(match: re.Match[str]) -> str:
        return variables.get(match["name"]) or match["default"] or ""

    return _VARIABLE.sub(found, value).replace("$$", "$")


def compose(**variables: str) -> dict[str, Any]:
    """Return compose.yml with these variables, as by `docker compose config`."""
    return dict(interpolated(_compose_file(), variables))


@cache
def _compose_file() -> dict[str, Any]:
    with (DOCKER / "compose.yml").open(encoding="utf-8") as file:
        return dict(yaml.safe_load(file))


def services(**variables: str) -> dict[str, dict[str, Any]]:
    """Return the services of compose.yml by name."""
    return dict(compose(**variables)["services"])


def our_services(**variables: str) -> dict[str, dict[str, Any]]:
    """Return those that run our image."""
    found = services(**variables).items()
    return {name: each for name, each in found if image_name(each["image"]) in OURS}


def image_name(image: str) -> str:
    """Return an image's name without its tag."""
    return image.partition("@")[0].rpartition(":")[0] or image


def environment_of(service: dict[str, Any]) -> dict[str, str]:
    """Return a service's environment, its secrets put in as the entrypoint does."""
    found = {name: str(value) for name, value in (service.get("environment") or {}).items()}
    for secret in service.get("secrets", ()):
        if isinstance(secret, dict):
            found[secret["target"]] = f"secret-{secret['source']}"
    return found


def settings_with(environment: dict[str, str], monkeypatch: Any, folder: Path) -> Any:
    """Load the settings with these variables and no others. Raises SettingsError."""
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        if name.startswith(PREFIX):
            monkeypatch.setenv(name, value)
    return load_settings()


@cache
def manifests() -> dict[str, list[dict[str, Any]]]:
    """Return the documents of each manifest by its path under docker/kubernetes."""
    found = {}
    for path in sorted(KUBERNETES.rglob("*.yaml")):
        with path.open(encoding="utf-8") as file:
            found[str(path.relative_to(KUBERNETES))] = list(yaml.safe_load_all(file))
    return found


def objects() -> Iterator[dict[str, Any]]:
    """Give every object of every manifest, without the kustomizations."""
    for path, documents in manifests().items():
        if not path.endswith("kustomization.yaml"):
            yield from documents


def named(kind: str, name: str) -> dict[str, Any]:
    """Return the one object of this kind and name."""
    [found] = [o for o in objects() if o["kind"] == kind and o["metadata"]["name"] == name]
    return found


def workloads() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Give name, pod and container of everything that runs our image."""
    for each in objects():
        if each["kind"] in {"StatefulSet", "Deployment", "Job"}:
            pod = each["spec"]["template"]["spec"]
            [container] = pod["containers"]
            yield each["metadata"]["name"], pod, container
