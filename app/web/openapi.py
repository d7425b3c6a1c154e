"""`GET /openapi.json`: OpenAPI 3.1 of what this server serves, from the types that check it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import msgspec
from aiohttp import web

from app import __version__
from app.asyncapi.schemas import json_value
from app.settings import Settings
from app.web.middleware import READS
from app.web.openapi_fields import tell
from app.web.openapi_operations import OPERATIONS, operations_of
from app.web.openapi_parts import (
    ALWAYS,
    ERROR_EXAMPLES,
    ERRORS,
    JSON,
    RETRIED,
    WRITES,
    OneOf,
    Operation,
    Parameter,
    Reply,
)
from app.web.openapi_shapes import Error
from app.web.openapi_words import TAGS, WORDS
from app.web.replies import json_reply
from app.wire.dialect import portable

_ABOUT = (
    "Asks language models questions until the answers pass, and never loses one. "
    'Errors are `{"error": {"code", "message", "field"?}}`.'
)
_REF = "#/components/schemas/{name}"
#: operationId -> status -> a reply that a worker gave (tests/web/record_examples.py), lists cut.
_EXAMPLES_FILE = "openapi_examples.json"


@cache
def reply_examples() -> dict[str, dict[str, Any]]:
    """Return examples of JSON replies: by operationId, then status."""
    text = resources.files(__package__).joinpath(_EXAMPLES_FILE).read_bytes()
    found: dict[str, dict[str, Any]] = msgspec.json.decode(text)
    return found


def add_routes(app: web.Application, settings: Settings) -> None:
    """Serve the description. It is made when it is asked for first, of the routes there are."""
    made: list[dict[str, Any]] = []

    async def openapi(request: web.Request) -> web.Response:
        if not made:
            token, operations = settings.api_token is not None, operations_of(settings)
            routes = served_routes(request.app)
            made.append(
                await asyncio.to_thread(describe, routes, token_needed=token, operations=operations)
            )
        return json_reply(made[0])

    app.router.add_get("/openapi.json", openapi)


def served_routes(app: web.Application) -> list[str]:
    """Return `METHOD /path` of every route (a GET answers HEAD, too)."""
    return sorted(
        f"{route.method} {route.resource.canonical}"
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    )


def describe(
    routes: Iterable[str],
    *,
    token_needed: bool,
    operations: Mapping[str, Operation] = OPERATIONS,
) -> dict[str, Any]:
    """Return the OpenAPI document of some routes. Raises LookupError for one without a row."""
    names = list(routes)
    if forgotten := [name for name in names if name not in operations]:
        raise LookupError(f"app/web/openapi_operations.py does not describe: {forgotten}")
    types = _types([operations[name] for name in names])
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    components = portable(components)
    tell(components)
    known = _Schemas(types, schemas)
    paths: dict[str, dict[str, Any]] = {}
    for name in names:
        method, _, path = name.partition(" ")
        described = _operation(operations[name], method, known, token_needed=token_needed)
        paths.setdefault(path, {})[method.lower()] = described
    used = {operations[name].tag for name in names}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "answerloop",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": tag, "description": about} for tag, about in TAGS.items() if tag in used],
        "paths": paths,
        "components": {
            "schemas": {**components, "Json": json_value(_REF)},
            "responses": {str(status): _error(status, known) for status in ERRORS},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


class _Schemas:
    """The schema of each type that the routes use."""

    def __init__(self, types: list[Any], schemas: Iterable[dict[str, Any]]) -> None:
        self._pairs = list(zip(types, map(portable, schemas), strict=True))

    def of(self, kind: Any) -> dict[str, Any]:
        if isinstance(kind, OneOf):
            return {"oneOf": [self.of(each) for each in kind.kinds]}
        return next(schema for known, schema in self._pairs if known is kind)


def _types(operations: Iterable[Operation]) -> list[Any]:
    """Return every type that is used (types need not be hashable)."""
    found: list[Any] = [Error]
    for operation in operations:
        kinds = [parameter.kind for parameter in operation.parameters]
        if operation.body is not None:
            kinds.append(operation.body)
        for reply in operation.replies.values():
            kinds += _contents(reply).values()
        for kind in kinds:
            found += kind.kinds if isinstance(kind, OneOf) else (kind,)
    return found


def _operation(
    operation: Operation, method: str, known: _Schemas, *, token_needed: bool
) -> dict[str, Any]:
    write = method not in READS
    errors = {*ALWAYS, *operation.errors, *(WRITES if write else ())}
    if write and token_needed:
        errors.add(401)
    replies: dict[str, Any] = {
        str(status): _reply(reply, known, reply_examples().get(operation.name, {}).get(str(status)))
        for status, reply in operation.replies.items()
    }
    for status in sorted(errors - set(operation.replies)):
        replies[str(status)] = {"$ref": f"#/components/responses/{status}"}
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": WORDS.get(operation.name, operation.summary),
        "tags": [operation.tag],
        "responses": replies,
    }
    if operation.parameters:
        described["parameters"] = [_parameter(each, known) for each in operation.parameters]
    if operation.body is not None:
        content: dict[str, Any] = {"schema": known.of(operation.body)}
        content["examples"] = {
            name: {"value": value} for name, value in operation.body_examples.items()
        }
        described["requestBody"] = {"required": True, "content": {JSON: content}}
    if write and token_needed:
        described["security"] = [{"token": []}]
    return described


def _parameter(parameter: Parameter, known: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.about,
        "schema": known.of(parameter.kind),
    }
    if parameter.example is not None:
        described["example"] = parameter.example
    return described


def _reply(reply: Reply, known: _Schemas, example: Any) -> dict[str, Any]:
    content = {n: {"schema": known.of(kind)} for n, kind in _contents(reply).items()}
    if example is not None:
        content[JSON]["examples"] = {"recorded": {"value": example}}
    described: dict[str, Any] = {"description": reply.about, "content": content}
    if reply.headers:
        described["headers"] = {
            name: {"description": about, "schema": {"type": "string"}}
            for name, about in reply.headers.items()
        }
    return described


def _contents(reply: Reply) -> dict[str, Any]:
    """Return the type of each content type of a reply."""
    return dict(reply.others) if reply.kind is None else {JSON: reply.kind, **reply.others}


def _error(status: int, known: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": ERRORS[status],
        "content": {
            JSON: {"schema": known.of(Error), "example": {"error": ERROR_EXAMPLES[status]}}
        },
    }
    if status in RETRIED:
        described["headers"] = {
            "Retry-After": {
                "description": "Seconds after which it is worth trying again",
                "schema": {"type": "integer", "minimum": 1},
            }
        }
    if status == 401:
        described["headers"] = {
            "WWW-Authenticate": {"description": "`Bearer`", "schema": {"type": "string"}}
        }
    return described
