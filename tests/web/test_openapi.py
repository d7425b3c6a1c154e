"""`GET /openapi.json` says what is served: nothing is forgotten, and nothing is made up."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.asyncapi import describe as describe_topics
from app.errors import InputError
from app.settings import load_settings
from app.web import openapi_shapes as shapes
from app.web.bodies import decode
from app.web.middleware import READS
from app.web.openapi import describe, served_routes
from app.web.openapi_operations import OPERATIONS
from app.web.openapi_parts import RETRIED, OneOf
from tests.docs import facts
from tests.web.client import serving

ASK = {"question_text": "¿Por qué?", "original_answer": "An answer", "metadata": {"a": [1]}}
SERVED = served_routes(facts.web_app())


def described(document: dict[str, Any]) -> set[str]:
    return {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    }


def test_every_served_route_is_described_and_every_described_one_is_served() -> None:
    assert set(SERVED) == set(OPERATIONS)
    assert described(describe(SERVED, token_needed=True)) == set(SERVED)


def test_a_route_that_was_forgotten_is_named() -> None:
    with pytest.raises(LookupError, match="POST /forgotten"):
        describe([*SERVED, "POST /forgotten"], token_needed=False)


@pytest.mark.parametrize("token_needed", [True, False])
def test_exactly_the_writes_need_the_token_when_there_is_one(token_needed: bool) -> None:
    document = describe(SERVED, token_needed=token_needed)
    for route in SERVED:
        method, path = route.split(" ")
        operation = document["paths"][path][method.lower()]
        needed = token_needed and method not in READS
        assert operation.get("security") == ([{"token": []}] if needed else None), route
        assert ("401" in operation["responses"]) == needed, route


def test_every_route_gives_its_errors_and_says_when_to_come_back() -> None:
    document = describe(SERVED, token_needed=True)
    for methods in document["paths"].values():
        for operation in methods.values():
            assert {"400", "421", "500"} <= set(operation["responses"])
            assert operation["summary"]
    for status in RETRIED:
        assert "Retry-After" in document["components"]["responses"][str(status)]["headers"]


@pytest.mark.parametrize("route", [name for name, row in OPERATIONS.items() if row.body])
def test_a_body_has_good_examples_in_english_and_spanish(route: str) -> None:
    operation = OPERATIONS[route]
    kinds = operation.body.kinds if isinstance(operation.body, OneOf) else (operation.body,)
    assert {"english", "español"} <= set(operation.body_examples)
    for example in operation.body_examples.values():
        raw = msgspec.json.encode(example)
        assert any(_takes(raw, kind) for kind in kinds), example


def _takes(raw: bytes, kind: type) -> bool:
    try:
        decode(raw, kind)
    except InputError:
        return False
    return True


async def test_real_replies_have_exactly_the_described_shapes() -> None:
    pairs = {"pairs": [{"candidate": "a", "reference": "b"}]}
    async with serving() as api:
        _, row = await api.query(ASK, wait=30)
        asked = [
            ("GET", "/questions", None, shapes.QuestionPage),
            ("GET", f"/questions/{row['question_id']}", None, shapes.Question),
            ("GET", "/health", None, shapes.Health),
            ("GET", "/livez", None, shapes.Alive),
            ("GET", "/readyz", None, shapes.Ready),
            ("GET", "/metrics", None, shapes.Figures),
            ("GET", "/", None, shapes.Index),
            ("GET", "/nowhere", None, shapes.Error),
            ("POST", "/query", {}, shapes.Error),
            ("POST", "/query", {**ASK, "fresh": True}, shapes.Accepted),
            ("POST", "/score", pairs["pairs"][0], shapes.PairScore),
            ("POST", "/score", pairs, shapes.PairScores),
        ]
        for method, path, body, shape in asked:
            _, reply = await api.call(method, path, json=body)
            msgspec.convert(reply, shape)


async def test_the_description_is_served_and_follows_the_settings() -> None:
    for token in (None, "a token of some length"):
        async with serving(api_token=token, ratings=True) as api:
            status, document = await api.get("/openapi.json")
        assert (status, document["openapi"]) == (200, "3.1.0")
        assert described(document) == set(SERVED)
        assert ("security" in document["paths"]["/query"]["post"]) == (token is not None)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/questions?limit=1&limit=2", "limit"),
        ("/questions?limt=1", "limt"),
        ("/questions?status=dead&Status=dead", "Status"),
        ("/questions?limit=1_0", "limit"),
        ("/query?wait=1&wait=2", "wait"),
    ],
)
async def test_parameters_come_once_and_by_their_names(path: str, field: str) -> None:
    async with serving() as api:
        method = "POST" if path.startswith("/query") else "GET"
        status, body = await api.call(method, path, json=ASK if method == "POST" else None)
    assert (status, body["error"]["field"]) == (422, field)


async def test_the_topics_are_described_as_the_settings_name_them() -> None:
    async with serving(topic_prefix="mine.") as api:
        replies = [await api.get("/asyncapi.json") for _ in range(2)]
    wanted = describe_topics(load_settings(topic_prefix="mine."))
    assert replies == [(200, wanted)] * 2
