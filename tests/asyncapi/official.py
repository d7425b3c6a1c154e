"""The official schema of AsyncAPI 3.0, and the schemas that a document holds.

`specs/` is from the npm package @asyncapi/specs 6.11.1 (schemas/3.0.0.json), Apache-2.0:
its LICENSE and NOTICE are beside it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

SPECS = Path(__file__).with_name("specs")


@cache
def _document_validator() -> Any:
    return jsonschema_rs.validator_for(json.loads((SPECS / "asyncapi-3.0.0.json").read_bytes()))


def problems(document: dict[str, Any]) -> list[str]:
    """Return what the official schema objects to."""
    return [str(each)[:500] for each in _document_validator().iter_errors(document)]


def resolved(document: dict[str, Any], ref: str) -> Any:
    """Return what a reference within a document means. Raises KeyError."""
    assert ref.startswith("#/"), ref
    found: Any = document
    for part in ref[2:].split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """Return a validator of a schema that names others of its document."""
    whole = {**schema, "components": document["components"]}
    return jsonschema_rs.Draft202012Validator(whole)


def refs(value: Any) -> list[str]:
    """Return every reference of a document, wherever it is."""
    if isinstance(value, list):
        return [ref for each in value for ref in refs(each)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [ref for each in value.values() for ref in refs(each)]
