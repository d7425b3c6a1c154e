"""`answerloop topics schema`: what lies on the topics, for people and for programs."""

from __future__ import annotations

from typing import Any

import click

from app.cli.output import json_option, print_json, print_line, print_table
from app.settings import load_settings
from app.topics import DAY_MS


@click.command()
@click.argument("topic", required=False)
@click.option(
    "--payload", is_flag=True, help="Only the JSON Schema (2020-12) of TOPIC's messages, as JSON."
)
@json_option
def schema(topic: str | None, payload: bool, as_json: bool) -> None:
    """Print what lies on the topics: records, keys, fields, who sends and who receives.

    With --json as an AsyncAPI 3.0 document, of all topics or of TOPIC, which GET /asyncapi.json
    serves, too. Nothing is connected to; the topics are those of PIPELINES, as the settings name
    them.

    \b
    answerloop topics schema
    answerloop topics schema dead-letters
    answerloop topics schema --json > asyncapi.json
    answerloop topics schema ratings --payload > rating.schema.json
    """
    from app.asyncapi import alone, describe, topic_of
    from app.asyncapi.parts import record_name

    settings = load_settings()
    if payload:
        if topic is None:
            raise click.UsageError("--payload needs a TOPIC; see answerloop topics schema")
        print_json(alone(settings, record_name(topic_of(settings, topic)[1])))
        return
    document = describe(settings, topic)
    if as_json:
        print_json(document)
    elif topic is None:
        _print_all(document)
    else:
        _print_one(document)


def _print_all(document: dict[str, Any]) -> None:
    print_table(
        None,
        ("topic", "record", "partitions", "kept", "sent by", "received by"),
        [
            (
                channel["address"],
                *channel["messages"],
                channel["bindings"]["kafka"]["partitions"],
                _kept(channel),
                ", ".join(_stages(document, name, "send")) or "-",
                ", ".join(_stages(document, name, "receive")) or "-",
            )
            for name, channel in document["channels"].items()
        ],
    )


def _kept(channel: dict[str, Any]) -> str:
    return f"{channel['bindings']['kafka']['topicConfiguration']['retention.ms'] // DAY_MS} days"


def _stages(document: dict[str, Any], channel: str, action: str) -> list[str]:
    """Return the stages that do something with a channel. `redrive` may send to each: not named."""
    here = f"#/channels/{channel}"
    found = [
        each["tags"][0]["name"]
        for each in document["operations"].values()
        if each["action"] == action and each["channel"]["$ref"] == here
    ]
    return [name for name in found if name != "redrive"] if len(found) > 1 else found


def _print_one(document: dict[str, Any]) -> None:
    [(name, channel)] = document["channels"].items()
    [record] = channel["messages"]
    message = document["components"]["messages"][record]
    kafka = channel["bindings"]["kafka"]
    print_table(
        None,
        (channel["address"], channel["summary"]),
        [
            ("record", f"{record}: {message['summary']}"),
            ("key", message["bindings"]["kafka"]["key"]["description"]),
            ("partitions", kafka["partitions"]),
            *((option, _listed(value)) for option, value in kafka["topicConfiguration"].items()),
            ("sent by", ", ".join(_stages(document, name, "send")) or "-"),
            ("received by", ", ".join(_stages(document, name, "receive")) or "-"),
        ],
    )
    schemas = document["components"]["schemas"]
    for each in [record, *(other for other in schemas if other not in (record, "Json"))]:
        print_line("")
        _print_fields(each, schemas[each])
    print_line("")
    print_line(f"Example ({message['examples'][0]['name']}):")
    print_json(message["examples"][0]["payload"])


def _listed(value: Any) -> Any:
    return ",".join(value) if isinstance(value, list) else value


def _print_fields(record: str, schema: dict[str, Any]) -> None:
    needed = schema.get("required", ())
    print_table(
        record,
        ("field", "type", "needed", ""),
        [
            (field, kind_of(described), "yes" if field in needed else "", described["description"])
            for field, described in schema["properties"].items()
        ],
    )


def kind_of(schema: dict[str, Any]) -> str:
    """Return a schema's type and bounds in a few words: `integer 0..10000`, `string, null`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if arms := schema.get("anyOf") or schema.get("allOf"):
        return ", ".join(kind_of(each) for each in arms)
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "items" in schema:
        return f"list of {kind_of(schema['items'])}"
    return _bounded(schema)


def _bounded(schema: dict[str, Any]) -> str:
    kind = str(schema.get("contentEncoding") or schema.get("type", "any"))
    low = schema.get("minimum", schema.get("minLength"))
    high = schema.get("maximum", schema.get("maxLength"))
    low = schema.get("exclusiveMinimum", low)
    if low is None and high is None:
        return kind
    return f"{kind} {_number(low)}..{_number(high)}"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:g}" if abs(value) < 1e6 else f"{value:.6g}"
