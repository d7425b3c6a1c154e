"""The manifests: right by Kubernetes' own schemas, and by what workers need to lose nothing."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from app import __version__
from app.cli.main import cli
from app.settings import Settings, load_settings
from app.topics import all_topics
from tests.docker.commands import parsed
from tests.docker.files import (
    KUBERNETES,
    OURS,
    image_name,
    manifests,
    named,
    objects,
    services,
    settings_with,
    workloads,
)
from tests.docs.facts import routes

VERSION = "v1.33.0"
SECRETS = "/etc/answerloop/secrets"
OWN_SCHEMAS = Path(__file__).parent / "schemas"
OBJECTS = [
    pytest.param(each, id=f"{each['kind']}-{each['metadata']['name']}") for each in objects()
]
WORKLOADS = [pytest.param(*each, id=each[0]) for each in workloads()]


def schema_of(api_version: str, kind: str) -> tuple[dict[str, Any], Path]:
    """Return the schema of a kind, and the folder that its references are relative to."""
    group, _, version = api_version.rpartition("/")
    name = "-".join([kind.lower(), *([group.split(".")[0]] if group else []), version]) + ".json"
    spec = importlib.util.find_spec("kubernetes_validate")
    assert spec is not None
    assert spec.origin is not None
    shipped = Path(spec.origin).parent / "kubernetes-json-schema" / f"{VERSION}-local-strict"
    folder = next(each for each in (shipped, OWN_SCHEMAS) if (each / name).exists())
    return json.loads((folder / name).read_text(encoding="utf-8")), folder


def faults(each: dict[str, Any]) -> list[str]:
    """Return what a schema says against an object."""
    schema, folder = schema_of(each["apiVersion"], each["kind"])

    def retrieve(uri: str) -> Any:
        return json.loads((folder / uri.rpartition("/")[2]).read_text(encoding="utf-8"))

    check = jsonschema_rs.validator_for(
        schema, base_uri="json-schema:///schemas/x.json", retriever=retrieve
    )
    return [f"{list(error.instance_path)}: {error.message}" for error in check.iter_errors(each)]


@pytest.mark.parametrize("each", OBJECTS)
def test_an_object_is_right_by_its_schema(each: dict[str, Any]) -> None:
    assert faults(each) == []


@pytest.mark.parametrize(
    ("kind", "name", "path"),
    [
        ("StatefulSet", "answerloop-worker", ["spec", "template", "spec", "containers", 0]),
        ("NetworkPolicy", "answerloop-worker", ["spec", "ingress", 0]),
        ("ScaledObject", "answerloop-worker", ["spec"]),
        ("PodMonitor", "answerloop", ["spec", "podMetricsEndpoints", 0]),
    ],
)
def test_a_misspelt_field_would_be_found(kind: str, name: str, path: list[Any]) -> None:
    wrong = json.loads(json.dumps(named(kind, name)))
    inner = wrong
    for key in path:
        inner = inner[key]
    inner["imagePullPollicy"] = "Always"
    assert any("imagePullPollicy" in fault for fault in faults(wrong))


def test_every_file_is_in_a_kustomization() -> None:
    listed = set()
    for path, documents in manifests().items():
        if path.endswith("kustomization.yaml"):
            folder = Path(path).parent
            [kustomization] = documents
            for resource in kustomization["resources"]:
                assert (KUBERNETES / folder / resource).exists(), f"{path}: {resource}"
                listed.add(str(folder / resource))
    files = {path for path in manifests() if not path.endswith("kustomization.yaml")}
    assert files - listed == {"secret.example.yaml"}


def test_the_images_are_of_this_version() -> None:
    [kustomization] = manifests()["base/kustomization.yaml"]
    made = {
        each["name"]: f"{each.get('newName', each['name'])}:{each['newTag']}"
        for each in kustomization["images"]
    }
    compose = {service["image"] for service in services().values()}
    assert set(made.values()) <= compose
    assert set(made) == set(OURS)
    for _, _, container in workloads():
        assert container["image"] == f"{image_name(container['image'])}:{__version__}"
        assert image_name(container["image"]) in OURS


@pytest.mark.parametrize(("name", "pod", "container"), WORKLOADS)
def test_a_pod_is_contained(name: str, pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert pod["automountServiceAccountToken"] is False
    context = pod["securityContext"]
    assert (context["runAsNonRoot"], context["runAsUser"]) == (True, 10001)
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert mounts.keys() == {"/data", "/tmp", SECRETS}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for path in ("/data", "/tmp"):
        assert re.fullmatch(r"\d+[GM]i", volumes[mounts[path]["name"]]["emptyDir"]["sizeLimit"])
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize(("name", "pod", "container"), WORKLOADS)
def test_a_command_is_understood(name: str, pod: Any, container: dict[str, Any]) -> None:
    assert parsed(cli, container["args"]) is None


def environment(pod: dict[str, Any], container: dict[str, Any]) -> dict[str, str]:
    """Return a container's environment as cluster and entrypoint would make it."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= named("ConfigMap", source["configMapRef"]["name"])["data"]
    for each in container.get("env", ()):
        if "value" in each:
            found[each["name"]] = each["value"]
        else:
            assert each["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
            found[each["name"]] = "answerloop-worker-0"
    found |= secret_files(pod, container, found["SECRETS_DIR"])
    assert all(isinstance(value, str) for value in found.values())
    return found


def secret_files(pod: dict[str, Any], container: dict[str, Any], folder: str) -> dict[str, str]:
    """Return name and content of the files that a Secret is mounted as in a folder."""
    [mount] = [each for each in container["volumeMounts"] if each["mountPath"] == folder]
    assert mount["readOnly"] is True
    [volume] = [each["secret"] for each in pod["volumes"] if each["name"] == mount["name"]]
    # Root owns them; the group is fsGroup's, which the container runs as.
    assert volume["defaultMode"] == 0o440
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]
    given = named("Secret", volume["secretName"])["stringData"]
    taken = volume.get("items", [{"key": key, "path": key} for key in given])
    return {each["path"]: given[each["key"]] for each in taken}


def service_links() -> dict[str, str]:
    """Return what a cluster puts into every pod for each Service with an address."""
    found: dict[str, str] = {}
    for each in objects():
        if each["kind"] == "Service" and each["spec"].get("clusterIP") != "None":
            name = each["metadata"]["name"].upper().replace("-", "_")
            port = each["spec"]["ports"][0]["port"]
            found |= {f"{name}_SERVICE_HOST": "10.0.0.1", f"{name}_PORT": f"tcp://10.0.0.1:{port}"}
    return found


@pytest.mark.parametrize(("name", "pod", "container"), WORKLOADS)
def test_the_environment_is_settings_that_load(
    name: str,
    pod: dict[str, Any],
    container: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    linked = service_links() if pod.get("enableServiceLinks", True) else {}
    settings_with({**linked, **environment(pod, container)}, monkeypatch, tmp_path)
    if "--host" in container["args"]:
        load_settings(http_host="0.0.0.0")  # refused without the token


@pytest.fixture
def worker_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    pod, container = next((p, c) for name, p, c in workloads() if name == "answerloop-worker")
    settings: Settings = settings_with(environment(pod, container), monkeypatch, tmp_path)
    return settings


def test_a_worker_has_time_to_end_the_longest_call(worker_settings: Settings) -> None:
    pod = named("StatefulSet", "answerloop-worker")["spec"]["template"]["spec"]
    longest = worker_settings.llm_timeout_seconds + worker_settings.stop_grace_seconds
    assert worker_settings.stop_grace_seconds > worker_settings.llm_timeout_seconds
    assert pod["terminationGracePeriodSeconds"] >= longest + 15


def test_a_worker_is_the_same_member_of_the_group_over_restarts(worker_settings: Settings) -> None:
    assert worker_settings.kafka_instance_id == "answerloop-worker-0"
    spec = named("StatefulSet", "answerloop-worker")["spec"]
    assert spec["serviceName"] == named("Service", "answerloop-workers")["metadata"]["name"]


def test_there_are_never_more_workers_than_partitions(worker_settings: Settings) -> None:
    hpa = named("HorizontalPodAutoscaler", "answerloop-worker")["spec"]
    scaled = named("ScaledObject", "answerloop-worker")["spec"]
    assert hpa["maxReplicas"] == scaled["maxReplicaCount"] == worker_settings.partitions
    assert hpa["minReplicas"] == scaled["minReplicaCount"] == 2
    for each in ("hpa", "keda"):
        [kustomization] = manifests()[f"{each}/kustomization.yaml"]
        removed = [patch["target"]["kind"] for patch in kustomization["patches"]]
        assert "StatefulSet" in removed, "a replica count would undo the scaler's"


def test_the_lag_is_that_of_our_topics_and_group(worker_settings: Settings) -> None:
    topics = {topic.name for topic in all_topics(worker_settings)}
    for trigger in named("ScaledObject", "answerloop-worker")["spec"]["triggers"]:
        seen = trigger["metadata"]
        assert worker_settings.broker == f"kafka://{seen['bootstrapServers']}"
        assert seen["topic"] in topics
        assert seen["consumerGroup"] == f"{worker_settings.app_id}-questions"


@pytest.mark.parametrize(("name", "live_from"), [("worker", "/livez"), ("score", "/readyz")])
def test_probes_ask_the_right_routes(name: str, live_from: str) -> None:
    container = next(c for _, _, c in workloads() if c["name"] == name)
    paths = {
        probe: container[f"{probe}Probe"]["httpGet"]["path"]
        for probe in ("startup", "liveness", "readiness")
    }
    assert paths == {"startup": live_from, "liveness": "/livez", "readiness": "/readyz"}
    assert {f"GET {path}" for path in paths.values()} <= routes()
    assert [port["name"] for port in container["ports"]] == ["http"]


def test_services_select_pods_and_the_scorer_is_where_workers_look(
    worker_settings: Settings,
) -> None:
    components = {
        each["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]
        for each in objects()
        if each["kind"] in {"StatefulSet", "Deployment"}
    }
    for each in objects():
        if each["kind"] == "Service":
            assert each["spec"]["selector"]["app.kubernetes.io/component"] in components
    score = named("Service", "answerloop-score")
    port = score["spec"]["ports"][0]["port"]
    assert worker_settings.scorer == f"http://answerloop-score:{port}"
    names = {name for name in worker_settings.allowed_hosts if "." in name and "0.0" not in name}
    assert names == {"answerloop.answerloop.svc", "answerloop.answerloop.svc.cluster.local"}


def test_the_network_lets_through_what_the_settings_name(worker_settings: Settings) -> None:
    policy = named("NetworkPolicy", "answerloop-worker")["spec"]
    [choice] = policy["podSelector"]["matchExpressions"]
    pods = {
        each["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]
        for each in objects()
        if each["kind"] in {"StatefulSet", "Job"}
    }
    assert set(choice["values"]) == pods
    allowed = {port["port"] for rule in policy["egress"] for port in rule["ports"]}
    urls = (
        getattr(worker_settings, name) for name in ("broker", "database", "cache", "llm", "scorer")
    )
    needed = {int(re.findall(r":(\d+)(?:/|$)", url)[-1]) for url in urls}
    assert needed <= allowed
    assert {53, 443} <= allowed
    nothing = named("NetworkPolicy", "answerloop-nothing")["spec"]
    assert nothing == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_no_secret_is_in_the_environment_of_a_pod() -> None:
    seen = {}
    for name, pod, container in workloads():
        plain = str([container.get("env"), container.get("envFrom")])
        assert not re.search("secretRef|secretKeyRef|TOKEN|PASSWORD|API_KEY", plain), name
        seen[name] = secret_files(pod, container, SECRETS)
    assert seen["answerloop-worker"].keys() == {"ANSWERLOOP_API_TOKEN", "PGPASSWORD"}
    assert seen["answerloop-score"].keys() == {"ANSWERLOOP_API_TOKEN"}, "it needs no database"


@pytest.mark.parametrize("name", ["answerloop-worker", "answerloop-score"])
def test_pods_of_one_kind_are_spread_over_the_nodes(name: str) -> None:
    kind = "StatefulSet" if name == "answerloop-worker" else "Deployment"
    spec = named(kind, name)["spec"]
    [spread] = spec["template"]["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"] == spec["selector"]
    assert (spread["topologyKey"], spread["maxSkew"]) == ("kubernetes.io/hostname", 1)


def test_a_drain_takes_one_pod_at_a_time() -> None:
    for name, kind in (("answerloop-worker", "StatefulSet"), ("answerloop-score", "Deployment")):
        budget = named("PodDisruptionBudget", name)["spec"]
        assert budget["maxUnavailable"] == 1
        assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow", "else it stops the drain"
        assert budget["selector"] == named(kind, name)["spec"]["selector"]
