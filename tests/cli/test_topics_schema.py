"""`answerloop topics schema`: what lies on the topics, without a broker."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest

from app.asyncapi import describe
from app.cli.topics_schema import kind_of
from app.settings import load_settings
from app.topics import all_topics
from tests.asyncapi.official import problems
from tests.cli.inspection_command import Cli


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("ANSWERLOOP_BROKER", "kafka://nowhere.invalid:9092")
    return Cli(capfd)


def test_programs_get_the_document_that_is_served(cli: Cli) -> None:
    found = cli.json("topics", "schema")
    assert found == describe(load_settings())
    assert problems(found) == []
    one = cli.json("topics", "schema", "ratings")
    assert list(one["channels"]) == ["ratings"]


def test_the_payload_alone_is_a_json_schema(cli: Cli) -> None:
    code, out, _ = cli("topics", "schema", "ratings", "--payload")
    assert code == 0
    check = jsonschema_rs.validator_for(json.loads(out))
    good = {"userId": 7, "movieId": 32, "rating": 3.5, "timestamp": 1}
    assert check.is_valid(good)
    assert not check.is_valid({**good, "rating": 3.7})


def test_people_get_every_topic_and_who_sends_and_receives(cli: Cli) -> None:
    code, out, _ = cli("topics", "schema")
    assert code == 0
    for spec in all_topics(load_settings()):
        assert (spec.name in out) == (spec.record is not None)
    [line] = [each for each in out.splitlines() if "questions-settled" in each]
    assert "persist" in line
    assert "admit, hold" in line


def test_people_get_the_fields_of_one_topic_and_an_example(cli: Cli) -> None:
    code, out, _ = cli("topics", "schema", "dead-letters")
    assert code == 0
    for words in ("origin_topic", "Topic of the message that died", "30", "ScoredAttempt", "¿Cuál"):
        assert words in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nowhere",), 3, "no topic with records is named nowhere; there are questions-pending"),
        (("answerloop-questions-retries-changelog",), 3, "no topic with records"),
        (("--payload",), 2, "--payload needs a TOPIC"),
    ],
)
def test_what_is_not_there_is_told(
    cli: Cli, arguments: tuple[str, ...], code: int, words: str
) -> None:
    found, out, errors = cli("topics", "schema", *arguments)
    assert (found, out) == (code, "")
    assert words in errors


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 0, "maximum": 10}, "integer 0..10"),
        ({"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]}, "string ..5, null"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/A"}}, "list of A"),
        ({"enum": ["a", "b"]}, "a | b"),
        ({"type": "string", "contentEncoding": "base64"}, "base64"),
        ({}, "any"),
    ],
)
def test_a_type_is_told_in_a_few_words(schema: dict[str, object], words: str) -> None:
    assert kind_of(schema) == words
