"""The JSON Schemas of all records, with words for each field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from app.asyncapi.fields import words_of
from app.core.ratings.events import RatingLimits
from app.settings import Settings
from app.wire import record_schemas
from app.wire.dialect import portable
from app.wire.ratings import rating_struct
from models import questions, ratings

#: What metadata may hold: `app.core.metadata` refuses a NUL wherever it is.
_NO_NUL = r"^[^\x00]*$"


def json_value(ref: str) -> dict[str, Any]:
    """Return the schema of JSON without NUL characters; `ref`: how it is named from within."""
    inner = {"$ref": ref.format(name="Json")}
    return {
        "title": "Json",
        "description": "Any JSON without NUL characters",
        "anyOf": [
            {"type": ["null", "boolean", "number"]},
            {"type": "string", "pattern": _NO_NUL},
            {"type": "array", "items": inner},
            {
                "type": "object",
                "propertyNames": {"pattern": _NO_NUL},
                "additionalProperties": inner,
            },
        ],
    }


def schemas(settings: Settings, ref: str) -> dict[str, dict[str, Any]]:
    """Return the JSON Schema (2020-12; draft 7 reads it, too) of every record, by its name.

    Those inside of others are there as well. `ref` is how they name each other.
    """
    tagged = [record for record in ratings.RECORDS if record is not ratings.RatingEvent]
    found = record_schemas([*questions.RECORDS, *tagged], ref)
    limits = RatingLimits(settings.rating_max_user_id, settings.rating_max_movie_id)
    _, event = msgspec.json.schema_components([rating_struct(limits)], ref_template=ref)
    found |= portable(event)
    for name, schema in found.items():
        for field, described in schema["properties"].items():
            schema["properties"][field] = _told(described, words_of(name, field))
    for schema in found.values():
        if "metadata" in schema["properties"]:
            schema["properties"]["metadata"] |= {
                "propertyNames": {"pattern": _NO_NUL},
                "additionalProperties": {"$ref": ref.format(name="Json")},
            }
    return {**found, "Json": json_value(ref)}


def _told(schema: dict[str, Any], words: str) -> dict[str, Any]:
    if "$ref" in schema:  # draft 7 overlooks what stands beside one
        return {"description": words, "allOf": [schema]}
    return {"description": words, **schema}


def needed(every: Mapping[str, Any], records: Iterable[str], ref: str) -> dict[str, Any]:
    """Return those of the schemas that some records are made of."""
    found: set[str] = set()
    waiting = list(records)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            text = msgspec.json.encode(every[name]).decode()
            waiting += [each for each in every if ref.format(name=each) + '"' in text]
    return {name: schema for name, schema in every.items() if name in found}


def alone(settings: Settings, record: str) -> dict[str, Any]:
    """Return the JSON Schema of one record, with those that it names, as a document of its own."""
    ref = "#/$defs/{name}"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": ref.format(name=record),
        "$defs": needed(schemas(settings, ref), [record], ref),
    }
