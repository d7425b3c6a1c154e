"""What fields of questions, attempts, scores and letters are, in the words of the records.

A reply that has the same field says the same of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.asyncapi.fields import FIELDS

#: Shapes whose fields mean what those of the records do.
TOLD = (
    "Question",
    "QuestionWithModel",
    "ListedQuestion",
    "QuestionListed",
    "Attempt",
    "Scored",
    "PairScore",
    "PairScores",
    "ListedLetter",
)
#: Fields that only replies have, and those of which more is to be said there.
_MORE = {
    "question_id": "Id of the question",
    "status": "Where the question stands",
    "accepted_at": "When the question was taken in",
    "finished_at": "When it ended; null while it goes on",
    "due_at": "When its retry is due, while it waits",
    "cause": "Why it died, failed or waits",
    "rescaled": "Whether the figures are rescaled by a baseline",
    "attempts": "Every model call, in order",
    "started_at": "When the call began",
    "verdict": "What the gate said; null: not judged",
    "strategy": "How it was asked, by name",
    "temperature": "Temperature of the call",
    "seed": "Seed of the call",
    "layer": "Layer of the model whose embeddings are compared",
    "cut": "Whether a text was cut at the scorer's limit",
    "guards": "What the guards in force object to",
    "scores": "One for each pair, in order",
    "origin": "Place of the message: topic/partition/offset",
    "topic": "Topic of the message",
    "partition": "Its partition",
    "offset": "Its offset",
    "first_seen_at": "When it was first seen",
    "dead_at": "When it died",
    "bytes": "Length of the message; null without one",
    "state": "Whether it was sent again",
    "redrive_id": "The redrive that sent it",
    "redriven_at": "When it was sent again",
    "became_round": "The round that its question was sent in",
    "key_base64": "The message's key",
    "value_base64": "The message's value",
    "redrive": "What a redrive would send",
}
_OF_LETTERS = {"attempts": "Calls made in this generation", "cause": "Why it died"}


def tell(components: Mapping[str, Any]) -> None:
    """Give the fields of the shapes in TOLD their words, where they have none of their own."""
    for name in TOLD:
        for field, schema in components.get(name, {}).get("properties", {}).items():
            words = _words(name, field)
            if words is None or "description" in schema:
                continue
            if "$ref" in schema:
                schema["allOf"] = [{"$ref": schema.pop("$ref")}]
            schema["description"] = words


def _words(shape: str, field: str) -> str | None:
    if shape == "ListedLetter" and field in _OF_LETTERS:
        return _OF_LETTERS[field]
    return _MORE.get(field) or FIELDS.get(field)
