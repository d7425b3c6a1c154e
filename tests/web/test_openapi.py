"""`GET /openapi.json` says what is served: nothing is forgotten, and nothing is made up."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.asyncapi import describe as describe_topics
from app.errors import InputError
from app.settings import load_settings
from app.tracing import carrier_of
from app.web import openapi_shapes as shapes
from app.web.bodies import decode
from app.web.middleware import READS
from app.web.openapi import describe, reply_examples, served_routes
from app.web.openapi_fields import TOLD
from app.web.openapi_operations import OPERATIONS
from app.web.openapi_parts import ERRORS, JSON, RETRIED, OneOf
from app.web.openapi_words import TAGS, WORDS
from tests.asyncapi.official import refs, resolved, validator
from tests.docs import facts
from tests.web.client import serving
from tests.web.record_examples import WITHOUT

ASK = {"question_text": "¿Por qué?", "original_answer": "An answer", "metadata": {"a": [1]}}
SERVED = served_routes(facts.web_app())


def described(document: dict[str, Any]) -> set[str]:
    return {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    }


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for methods in document["paths"].values() for each in methods.values()]


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


def test_each_operation_says_what_it_does_and_has_a_name_of_its_own() -> None:
    names = [operation.name for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    assert set(names) == set(WORDS), "app/web/openapi_words.py has a line for each operation"
    assert {operation.tag for operation in OPERATIONS.values()} == set(TAGS)
    document = describe(SERVED, token_needed=True)
    assert [tag["name"] for tag in document["tags"]] == list(TAGS)
    for operation in operations(document):
        assert operation["description"] == WORDS[operation["operationId"]]


def test_asking_lists_its_headers_and_bounds_no_trace_context() -> None:
    """A context that is not valid is ignored: a pattern would say that it is refused."""
    parameters = describe(SERVED, token_needed=True)["paths"]["/query"]["post"]["parameters"]
    headers = {each["name"]: each for each in parameters if each["in"] == "header"}
    assert set(headers) == {"Idempotency-Key", "traceparent", "tracestate"}
    for name in ("traceparent", "tracestate"):
        assert (headers[name]["required"], headers[name]["schema"]) == (False, {"type": "string"})
    assert carrier_of({name: headers[name]["example"] for name in headers}) is not None


def test_fields_of_questions_scores_and_letters_say_what_they_are() -> None:
    components = describe(SERVED, token_needed=True)["components"]["schemas"]
    for name in TOLD:
        untold = [n for n, each in components[name]["properties"].items() if not _told(each)]
        assert untold == [], f"{name}: app/web/openapi_fields.py"


def _told(schema: dict[str, Any]) -> bool:
    return "description" in schema or any("description" in arm for arm in schema.get("anyOf", ()))


def test_each_error_that_is_described_can_come_and_looks_like_its_example() -> None:
    document = describe(SERVED, token_needed=True)
    used = {status for each in operations(document) for status in each["responses"]}
    assert used >= set(document["components"]["responses"]) == {str(each) for each in ERRORS}
    codes = facts.error_codes()
    for response in document["components"]["responses"].values():
        example = response["content"][JSON]["example"]
        assert msgspec.convert(example, shapes.Error).error.code in codes


@pytest.mark.parametrize("route", list(OPERATIONS))
def test_a_reply_has_an_example_that_a_worker_gave(route: str) -> None:
    """When a reply has changed: python -m tests.web.record_examples."""
    operation = OPERATIONS[route]
    recorded = reply_examples().get(operation.name, {})
    if operation.name in WITHOUT:
        assert recorded == {}
        return
    assert recorded.keys() == {str(s) for s in operation.replies if s != 503}
    for status, example in recorded.items():
        kind = operation.replies[int(status)].kind
        kinds = kind.kinds if isinstance(kind, OneOf) else (kind,)
        assert any(_fits(example, each) for each in kinds), (
            f"{route} has changed: python -m tests.web.record_examples"
        )


def _fits(example: Any, kind: Any) -> bool:
    try:
        msgspec.convert(example, kind)
    except msgspec.ValidationError:
        return False
    return True


def test_all_examples_fit_the_schemas_as_other_programs_read_them() -> None:
    document = describe(SERVED, token_needed=True)
    seen = 0
    for operation in operations(document):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in [each for body in bodies for each in body.get("content", {}).values()]:
            check = validator(document, content["schema"])
            for example in content.get("examples", {}).values():
                check.validate(example["value"])
                seen += 1
        for parameter in operation.get("parameters", ()):
            if "example" in parameter:
                validator(document, parameter["schema"]).validate(parameter["example"])
    assert seen > len(OPERATIONS)
    for ref in refs(document):
        resolved(document, ref)


@pytest.mark.parametrize("most", [10, 500_000])
async def test_bounds_that_are_settings_are_told_as_they_are_set(most: int) -> None:
    async with serving(ratings=True, rating_max_user_id=most) as api:
        _, document = await api.get("/openapi.json")
    event = document["components"]["schemas"]["RatingEvent"]
    assert event["properties"]["userId"]["maximum"] == most


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
