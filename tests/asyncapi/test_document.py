"""The AsyncAPI document: valid by the official schema, and the same as what the program does."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from app.asyncapi import alone, describe, topic_of
from app.asyncapi.examples import examples
from app.asyncapi.fields import FIELDS, words_of
from app.asyncapi.parts import specs
from app.core.ratings.events import RatingLimits
from app.errors import NotFoundError
from app.settings import Settings, load_settings
from app.topics import all_topics
from app.topology import STAGES
from app.wire import WireGate
from app.wire.ratings import RatingReader
from models import questions, ratings
from tests.asyncapi.official import problems, refs, resolved, validator
from tests.docs import facts

CLUSTER: dict[str, Any] = {
    "broker": "kafka://one,two:9093",
    "kafka_security_protocol": "SASL_SSL",
    "kafka_sasl_mechanism": "SCRAM-SHA-512",
    "kafka_username": "the-user",
    "kafka_password": "the-password",
    "topic_prefix": "team-a.",
    "app_id": "mine",
    "partitions": 3,
    "replication_factor": 2,
}
RECORDS = (
    *questions.RECORDS,
    questions.ScoredAttempt,
    *ratings.RECORDS,
    ratings.RecommendedMovie,
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return describe(load_settings())


@pytest.mark.parametrize("settings", [{}, CLUSTER, {"pipelines": "ratings"}], ids=str)
def test_the_document_is_valid_and_whole(settings: dict[str, Any]) -> None:
    found = describe(load_settings(**settings))
    assert problems(found) == []
    for ref in refs(found):
        resolved(found, ref)
    assert json.loads(json.dumps(found)) == found


def test_a_document_that_is_wrong_would_be_seen(document: dict[str, Any]) -> None:
    channels = {**document["channels"], "ratings": {"adress": "ratings"}}
    assert problems({**document, "channels": channels})
    operations = {"x": {"action": "listen", "channel": {"$ref": "#/channels/ratings"}}}
    assert problems({**document, "operations": operations})


@pytest.mark.parametrize("settings", [{}, CLUSTER, {"pipelines": "ratings"}], ids=str)
def test_the_channels_are_the_topics_as_the_broker_gets_them(settings: dict[str, Any]) -> None:
    chosen = load_settings(**settings)
    found = describe(chosen)["channels"]
    by_address = {each["address"]: each["bindings"]["kafka"] for each in found.values()}
    wanted = {spec.name: spec for spec in all_topics(chosen) if spec.record is not None}
    assert by_address.keys() == wanted.keys()
    for name, spec in wanted.items():
        kafka = by_address[name]
        assert (kafka["partitions"], kafka["replicas"]) == (spec.partitions, spec.replication)
        told = kafka["topicConfiguration"]
        flat = {k: ",".join(v) if isinstance(v, list) else str(v) for k, v in told.items()}
        assert flat == spec.config


def test_a_cluster_is_named_without_its_secrets() -> None:
    found = describe(load_settings(**CLUSTER))
    assert [each["host"] for each in found["servers"].values()] == ["one:9092", "two:9093"]
    assert {each["protocol"] for each in found["servers"].values()} == {"kafka-secure"}
    assert found["components"]["securitySchemes"] == {"sasl": {"type": "scramSha512"}}
    assert "the-password" not in json.dumps(found)
    assert "the-user" not in json.dumps(found)


def test_operations_are_what_the_stages_do(document: dict[str, Any]) -> None:
    told = set()
    for each in document["operations"].values():
        stage, kind, pipeline = (tag["name"] for tag in each["tags"])
        channel = resolved(document, each["channel"]["$ref"])
        told.add((stage, kind, pipeline, each["action"], channel["address"]))
        [message] = each["messages"]
        assert resolved(document, message["$ref"])
        group = each.get("bindings", {}).get("kafka", {}).get("groupId", {}).get("enum")
        assert group == ([f"answerloop-{pipeline}"] if each["action"] == "receive" else None)
    names = {key: spec.name for key, spec in specs(load_settings()).items()}
    wanted = set()
    for stage in STAGES:
        own = (stage.name, stage.kind, stage.pipeline)
        wanted |= {(*own, "receive", names[key]) for key in stage.receives}
        wanted |= {(*own, "send", names[key]) for key in stage.sends}
    assert told == wanted
    readers = {(stage, topic) for stage, *_, action, topic in told if action == "receive"}
    assert readers == {(agent, topic) for topic, all_ in facts.readers().items() for agent in all_}


def test_every_field_of_every_record_has_words_and_no_word_is_left_over() -> None:
    used = set()
    for record in RECORDS:
        for field in record._options.fields:
            assert words_of(record.__name__, field)
            own = f"{record.__name__}.{field}"
            used.add(own if own in FIELDS else field)
    assert used | {"type"} == set(FIELDS)


def test_schemas_have_the_fields_and_bounds_of_the_records(document: dict[str, Any]) -> None:
    found = document["components"]["schemas"]
    assert found.keys() == {"Json", *(record.__name__ for record in RECORDS)}
    for record in RECORDS:
        fields = set(record._options.fields)
        tagged = fields if record is ratings.RatingEvent else {"type", *fields}
        schema = found[record.__name__]
        assert (set(schema["properties"]), schema["additionalProperties"]) == (tagged, False)
        assert all(each["description"] for each in schema["properties"].values())
    text = found["Question"]["properties"]["question_text"]
    assert (text["minLength"], text["maxLength"], text["pattern"]) == (1, 32_000, r"^[^\x00]*$")


@pytest.mark.parametrize("most", [10, 500_000])
def test_the_greatest_ids_of_a_rating_are_those_of_the_settings(most: int) -> None:
    chosen = load_settings(rating_max_user_id=most)
    event = describe(chosen, "ratings")["components"]["schemas"]["RatingEvent"]
    assert event["properties"]["userId"]["maximum"] == most


def test_examples_are_read_by_the_codec_and_by_their_schema(document: dict[str, Any]) -> None:
    shown = examples()
    for name, message in document["components"]["messages"].items():
        schema = resolved(document, message["payload"]["$ref"])
        payload, key = validator(document, schema), message["bindings"]["kafka"]["key"]
        assert message["examples"]
        for told, example in zip(message["examples"], shown[name], strict=True):
            assert told["payload"] == example.payload
            payload.validate(told["payload"])
            validator(document, key).validate(example.key)
            if name == "RatingEvent":
                rating = RatingReader(RatingLimits()).read(example.key.encode(), example.value)
                assert rating.rating == told["payload"]["rating"]
            else:
                gate = WireGate(getattr(questions, name, None) or getattr(ratings, name))
                assert gate.encode(gate.decode(example.value)) == example.value


def test_one_topic_is_a_valid_document_of_its_own() -> None:
    settings = load_settings(topic_prefix="team-a.")
    for name in ("dead-letters", "team-a.dead-letters"):
        found = describe(settings, name)
        assert problems(found) == []
        assert list(found["channels"]) == ["dead-letters"]
        assert found["components"]["schemas"].keys() == {
            "DeadLetter",
            "Question",
            "ScoredAttempt",
            "Json",
        }
    with pytest.raises(NotFoundError, match="no topic with records is named nowhere; there are te"):
        describe(settings, "nowhere")


@pytest.mark.parametrize("name", list(specs(Settings(_env_file=None))))
def test_a_schema_alone_needs_nothing_else(name: str) -> None:
    settings = load_settings()
    key, spec = topic_of(settings, name.replace("_", "-"))
    assert (key, spec.record is not None) == (name, True)
    schema = alone(settings, spec.record.__name__)
    check = jsonschema_rs.validator_for(schema)
    for example in examples()[spec.record.__name__]:
        check.validate(example.payload)
        assert not check.is_valid({**example.payload, "more": 1})
