"""Servers, channels, messages and operations, each from what the program itself goes by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.asyncapi.examples import Example, examples
from app.broker import kafka_hosts
from app.settings import Settings
from app.topics import TopicSpec, app_name, rating_topic_names, topic_names, topics_of
from app.topology import Stage
from app.tracing.carrier import TRACEPARENT, TRACESTATE
from models.questions import DeadLetter
from models.ratings import RatingEvent, Recommendation, StreamMetrics

BINDING = "0.5.0"
_USER_KEY = {"type": "string", "description": "The user id", "pattern": "^[1-9][0-9]*$"}
#: Keys of the messages that have no question id.
_KEYS: Mapping[type, dict[str, Any]] = {
    DeadLetter: {
        "type": "string",
        "description": "The question id; TOPIC/PARTITION/OFFSET where there is no question",
    },
    RatingEvent: _USER_KEY,
    Recommendation: _USER_KEY,
    StreamMetrics: {"type": "string", "description": "The worker's name"},
}
_HEADERS = {
    "type": "object",
    "description": (
        "None is needed. Where traces are collected, messages carry their W3C trace context; other "
        "headers go no further."
    ),
    "properties": {
        TRACEPARENT: {"type": "string", "description": "The trace, and the span that sent it"},
        TRACESTATE: {"type": "string", "description": "What tracing systems add"},
    },
    "additionalProperties": {"type": "string"},
}
#: Numbers and lists that Kafka's own names have as texts.
_NUMBERS = ("retention.ms", "max.message.bytes")


def channel_id(key: str) -> str:
    """Return the name of a topic without its prefix, `dead-letters` for `dead_letters`."""
    return key.replace("_", "-")


def specs(settings: Settings) -> dict[str, TopicSpec]:
    """Return the topics of PIPELINES that hold records, by key."""
    names = {**topic_names(settings)._asdict(), **rating_topic_names(settings)._asdict()}
    by_name = {spec.name: spec for spec in topics_of(settings, settings.pipeline_names)}
    return {key: by_name[name] for key, name in names.items() if name in by_name}


def servers(settings: Settings) -> dict[str, Any]:
    """Return the Kafka brokers of BROKER; none with the embedded log, which has no address."""
    if not settings.broker.startswith("kafka://"):
        return {}
    security = settings.kafka_security_protocol
    found: dict[str, Any] = {}
    for number, host in enumerate(kafka_hosts(settings), 1):
        found[f"broker-{number}"] = {
            "host": host,
            "protocol": "kafka-secure" if "SSL" in security else "kafka",
            "description": f"security.protocol {security}",
            "bindings": {"kafka": {"bindingVersion": BINDING}},
        }
        if security.startswith("SASL"):
            found[f"broker-{number}"]["security"] = [{"$ref": "#/components/securitySchemes/sasl"}]
    return found


def security_schemes(settings: Settings) -> dict[str, Any]:
    """Return how clients of the brokers say who they are; never a name or a password."""
    if not settings.kafka_security_protocol.startswith("SASL"):
        return {}
    kinds = {"PLAIN": "plain", "SCRAM-SHA-256": "scramSha256", "SCRAM-SHA-512": "scramSha512"}
    return {"sasl": {"type": kinds[settings.kafka_sasl_mechanism]}}


def channel(key: str, spec: TopicSpec, settings: Settings) -> dict[str, Any]:
    """Return the channel of a topic, with what the broker is to keep it by."""
    name = record_name(spec)
    configuration: dict[str, Any] = {
        option: int(value) if option in _NUMBERS else value for option, value in spec.config.items()
    }
    configuration["cleanup.policy"] = [configuration["cleanup.policy"]]
    found: dict[str, Any] = {
        "address": spec.name,
        "title": channel_id(key),
        "summary": spec.about[:1].upper() + spec.about[1:],
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {
            "kafka": {
                "topic": spec.name,
                "partitions": spec.partitions,
                "replicas": spec.replication,
                "topicConfiguration": configuration,
                "bindingVersion": BINDING,
            }
        },
    }
    if known := servers(settings):
        found["servers"] = [{"$ref": f"#/servers/{each}"} for each in known]
    return found


def record_name(spec: TopicSpec) -> str:
    """Return the name of a topic's record."""
    if spec.record is None:
        raise ValueError(f"{spec.name} is the changelog of a table: its records are Faust's")
    return spec.record.__name__


def messages(found: Mapping[str, TopicSpec], described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message of each record on these topics."""
    shown = examples()
    records = {record_name(spec): spec.record for spec in found.values()}
    return {
        name: _message(record, described[name], shown[name])
        for name, record in records.items()
        if record is not None
    }


def _message(record: type, schema: Mapping[str, Any], shown: Sequence[Example]) -> dict[str, Any]:
    name = record.__name__
    summary, _, more = schema["description"].partition("\n\n")
    key = _KEYS.get(record) or schema["properties"]["question_id"]
    found: dict[str, Any] = {
        "name": name if record is RatingEvent else f"answerloop.{name}",
        "title": name,
        "summary": summary,
        "contentType": "application/json",
        "headers": _HEADERS,
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "bindings": {"kafka": {"key": key, "bindingVersion": BINDING}},
        "examples": [{"name": each.name, "payload": each.payload} for each in shown],
    }
    return {**found, "description": more} if more else found


def operations(
    stages: Sequence[Stage], found: Mapping[str, TopicSpec], settings: Settings
) -> dict[str, Any]:
    """Return what each stage receives from and sends to each topic that is there."""
    made: dict[str, Any] = {}
    for stage in stages:
        for action, keys in (("receive", stage.receives), ("send", stage.sends)):
            for key in keys:
                if key in found:
                    name = f"{stage.name}-{action}s-{channel_id(key)}"
                    made[name] = _operation(stage, action, key, found[key], settings)
    return made


def _operation(
    stage: Stage, action: str, key: str, spec: TopicSpec, settings: Settings
) -> dict[str, Any]:
    channel_ref = f"#/channels/{channel_id(key)}"
    found: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": channel_ref},
        "title": f"{stage.name} {action}s {channel_id(key)}",
        "summary": stage.about,
        "tags": [{"name": stage.name}, {"name": stage.kind}, {"name": stage.pipeline}],
        "messages": [{"$ref": f"{channel_ref}/messages/{record_name(spec)}"}],
    }
    if action == "receive":
        group = app_name(settings, stage.pipeline)
        found["bindings"] = {
            "kafka": {
                "groupId": {"type": "string", "enum": [group]},
                "bindingVersion": BINDING,
            }
        }
    return found
