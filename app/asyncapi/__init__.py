"""The topics as others read them: AsyncAPI 3.0, from the records and tables that the stages use."""

from __future__ import annotations

from typing import Any

from app import __version__
from app.asyncapi import parts
from app.asyncapi.schemas import alone, needed, schemas
from app.errors import NotFoundError
from app.settings import Settings
from app.topics import TopicSpec
from app.topology import stages_of

_ABOUT = (
    "The topics of answerloop: what lies on them, under which key, who sends and who receives it. "
    "Every message is one JSON object, read strictly: what does not fit its schema, or lies under "
    "another key, goes to dead-letters with its bytes. With the embedded log there is no server to "
    "connect to; the messages are the same."
)
_REF = "#/components/schemas/{name}"

__all__ = ["alone", "describe", "topic_of"]


def describe(settings: Settings, topic: str | None = None) -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of the topics of PIPELINES, or of one of them.

    Changelogs of tables are not described: their records are Faust's. Raises NotFoundError.
    """
    found = parts.specs(settings)
    if topic is not None:
        key, spec = topic_of(settings, topic)
        found = {key: spec}
    described = schemas(settings, _REF)
    document: dict[str, Any] = {
        "asyncapi": "3.0.0",
        "id": "urn:answerloop:topics",
        "info": {
            "title": "answerloop topics",
            "version": __version__,
            "description": _ABOUT,
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
        },
        "defaultContentType": "application/json",
        "channels": {
            parts.channel_id(key): parts.channel(key, spec, settings) for key, spec in found.items()
        },
        "operations": parts.operations(stages_of(settings.pipeline_names), found, settings),
        "components": {
            "schemas": needed(described, map(parts.record_name, found.values()), _REF),
            "messages": parts.messages(found, described),
        },
    }
    if servers := parts.servers(settings):
        document["servers"] = servers
    if schemes := parts.security_schemes(settings):
        document["components"]["securitySchemes"] = schemes
    return document


def topic_of(settings: Settings, name: str) -> tuple[str, TopicSpec]:
    """Return key and row of a topic, named with its prefix or without. Raises NotFoundError."""
    found = parts.specs(settings)
    for key, spec in found.items():
        if name in (spec.name, parts.channel_id(key)):
            return key, spec
    known = ", ".join(spec.name for spec in found.values())
    raise NotFoundError(f"no topic with records is named {name}; there are {known}")
