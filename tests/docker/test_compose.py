"""compose.yml: right by its schema, in order, contained, and with settings that there are."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from app import __version__
from app.cli.main import cli
from app.settings import known_names
from tests.docker.files import (
    DOCKER,
    ROOT,
    compose,
    environment_of,
    our_services,
    services,
    settings_with,
)

SCHEMA = Path(__file__).parent / "schemas" / "compose-spec.json"
ONE_SHOT = {"topics-init", "ollama-pull", "load"}
PROFILES = {
    "llm": {"ollama", "ollama-pull"},
    "ui": {"kafka-ui"},
    "obs": {"prometheus", "grafana"},
    "load": {"load"},
}
SERVICES = sorted(services())


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"name": request.param, **services()[request.param]}


def example() -> dict[str, str]:
    """Return what .env.example sets, the lines in comments too."""
    text = (DOCKER / ".env.example").read_text(encoding="utf-8")
    return dict(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=(.*)$", text, re.MULTILINE))


def test_the_file_is_right_by_the_compose_specification() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    check = jsonschema_rs.validator_for(schema)
    assert [f"{list(e.instance_path)}: {e.message}" for e in check.iter_errors(compose())] == []
    wrong = compose()
    wrong["services"]["redis"]["helthcheck"] = {}
    assert not check.is_valid(wrong)


def test_the_profiles_are_those_that_the_head_names() -> None:
    found: dict[str, set[str]] = {}
    for name, each in services().items():
        for profile in each.get("profiles", ["core"]):
            found.setdefault(profile, set()).add(name)
    core = found.pop("core")
    assert core == {"kafka", "postgres", "redis", "topics-init", "score", "worker-1", "worker-2"}
    assert found == PROFILES


def needs(name: str) -> set[str]:
    """Return all that starts before a service."""
    found = set(services()[name].get("depends_on", {}))
    return found.union(*(needs(each) for each in found))


def test_each_image_of_ours_is_built_by_one_service_and_never_pulled() -> None:
    """Services that are built side by side under one tag get in each other's way."""
    tags: dict[str, dict[str, dict[str, Any]]] = {}
    for name, each in services().items():
        if each["image"].startswith("answerloop:"):
            tags.setdefault(each["image"], {})[name] = each
    assert len(tags) == 2
    for users in tags.values():
        [builder] = [name for name, each in users.items() if "build" in each]
        for name in users.keys() - {builder}:
            assert users[name]["pull_policy"] == "never"
            assert builder in needs(name), "it is there when this one starts"


#: Images whose process does not start as root: a tmpfs in the place of a folder would be root's.
NOT_ROOT = {
    "kafka": "uid=1000,gid=1000",
    "kafka-ui": "uid=",
    "prometheus": "uid=",
    "grafana": "uid=",
}


@pytest.mark.parametrize("name", NOT_ROOT)
def test_a_tmpfs_over_a_folder_belongs_to_who_writes_there(name: str) -> None:
    for mount in services()[name].get("tmpfs", []):
        path, _, options = mount.partition(":")
        assert path == "/tmp" or NOT_ROOT[name] in options


def test_a_service_is_contained(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    limits = service["deploy"]["resources"]["limits"]
    assert limits.keys() == {"cpus", "memory", "pids"}
    assert set(service["networks"]) <= compose()["networks"].keys()
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:"), "a published port is for this machine alone"


def test_a_service_is_watched_and_started_again(service: dict[str, Any]) -> None:
    if service["name"] in ONE_SHOT:
        assert service["healthcheck"] == {"disable": True}
        assert service["restart"] in {"no", "on-failure:5"}
    else:
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["restart"] == "unless-stopped"


def test_an_image_is_the_same_tomorrow(service: dict[str, Any]) -> None:
    image, _, digest = service["image"].partition("@")
    assert re.search(r"\d+\.\d+\.\d+|^17\.\d+", image.rpartition(":")[2]), image
    if service["name"] in our_services():
        assert not digest, "it is built here"
    else:
        assert re.fullmatch("sha256:[0-9a-f]{64}", digest), image


def test_who_is_waited_for_can_be_waited_for(service: dict[str, Any]) -> None:
    for name, wait in service.get("depends_on", {}).items():
        condition = wait["condition"]
        other = services()[name]
        if condition == "service_healthy":
            assert "test" in other["healthcheck"], name
        else:
            assert condition == "service_completed_successfully"
            assert name in ONE_SHOT
        # A service of another profile may not be there.
        outside = set(other.get("profiles", [])) - set(service.get("profiles", []))
        assert not outside or wait["required"] is False, name


def test_what_is_mounted_is_there_and_every_volume_is_used(tmp_path: Path) -> None:
    used = set()
    for each in services().values():
        for source, target, *_ in (volume.split(":") for volume in each.get("volumes", ())):
            assert target.startswith("/")
            if source.startswith("."):
                assert (DOCKER / source).exists(), source
            else:
                used.add(source)
    assert used == compose()["volumes"].keys()


def test_the_script_makes_every_secret_once_and_no_other_user_can_read_them(tmp_path: Path) -> None:
    script = tmp_path / "secrets.sh"
    script.write_bytes((DOCKER / "secrets.sh").read_bytes())
    subprocess.run(["sh", str(script)], check=True, capture_output=True)
    folder = tmp_path / "secrets"
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert {f"./secrets/{name}" for name in made} == {
        secret["file"] for secret in compose()["secrets"].values()
    }
    assert folder.stat().st_mode & 0o777 == 0o700
    assert made.pop("llm_api_key") == ""
    assert all(re.fullmatch("[A-Za-z0-9]{40}", value) for value in made.values())
    assert len(set(made.values())) == len(made)
    subprocess.run(["sh", str(script)], check=True, capture_output=True)
    assert all((folder / name).read_text() == value for name, value in made.items())
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/docker/secrets/" in ignored


@pytest.mark.parametrize("name", sorted(our_services()))
def test_our_services_start_with_settings_that_there_are(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    each = our_services()[name]
    settings = settings_with({**example(), **environment_of(each)}, monkeypatch, tmp_path)
    assert settings.api_token is None or settings.api_token.get_secret_value() == "secret-api_token"
    grace = float(str(each.get("stop_grace_period", "10s")).removesuffix("s"))
    if name.startswith("worker"):
        assert grace >= settings.stop_grace_seconds + 15
        assert settings.kafka_instance_id == name


@pytest.mark.parametrize("name", sorted(our_services()))
def test_our_commands_are_understood(name: str) -> None:
    from tests.docker.commands import parsed

    command = our_services()[name]["command"]
    assert parsed(cli, [str(word) for word in command]) is None


def test_the_example_names_every_variable_and_no_other() -> None:
    text = (DOCKER / "compose.yml").read_text(encoding="utf-8")
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", text))
    named = example().keys()
    assert used <= named
    settings = {name for name in named - used if name != "COMPOSE_PROFILES"}
    assert settings <= set(known_names())
    assert set(PROFILES) == set(
        re.findall(
            r"\w+", re.search(r"with commas: (.*)", (DOCKER / ".env.example").read_text())[1]
        )
    )
    assert compose(**{k: v for k, v in example().items() if "LLM" not in k}) == compose()


def test_versions_are_those_of_the_program_and_of_the_tests() -> None:
    assert example()["IMAGE_TAG"] == __version__
    assert our_services()["score"]["image"] == f"answerloop:{__version__}"
    pom = (ROOT / "app" / "chaos" / "servers" / "kafka-pom.xml").read_text(encoding="utf-8")
    [kafka] = re.findall("<kafka.version>(.*)</kafka.version>", pom)
    assert services()["kafka"]["image"].startswith(f"apache/kafka:{kafka}@")


def test_the_parts_are_reached_from_inside_alone() -> None:
    assert compose()["networks"]["inside"] == {"internal": True}
    for name in ("kafka", "postgres", "redis", "score", "ollama"):
        assert services()[name]["networks"] == ["inside"]
        assert "ports" not in services()[name]


def test_redis_forgets_what_was_used_least() -> None:
    words = services()["redis"]["command"]
    assert words[words.index("--maxmemory-policy") + 1] == "allkeys-lru"
    assert words[words.index("--save") + 1] == ""


def test_the_merged_file_names_no_secret_in_the_environment() -> None:
    for name, each in services().items():
        text = yaml.safe_dump(each.get("environment", {}))
        assert not re.search(r"PASSWORD: |TOKEN|API_KEY", text), name
