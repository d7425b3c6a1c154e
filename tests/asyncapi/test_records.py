"""What really lies on the topics after a run is what the document says: keys, and every record."""

from __future__ import annotations

import json
from typing import Any

from app.adapters.llm.memory import ScriptedModel
from app.asyncapi import describe
from app.core.failures import CAUSES
from app.core.ratings.events import Refusal
from app.errors import llm_failed
from app.settings import load_settings
from tests.asyncapi.official import resolved, validator
from tests.flow.engine import Engine, make_ports, question, running
from tests.flow.rating_engine import READER, poll, random_events, rating_ports, running_ratings

BUSY = llm_failed(CAUSES["overloaded"], "503: ocupado", status=503)
LIMITED = llm_failed(CAUSES["rate_limited"], "429", status=429)
NO_JSON = b"\xff no record"
REFUSED = llm_failed(CAUSES["unauthorized"], "401")


def fits(document: dict[str, Any], log: Any, topic: str, bad: int = 0) -> int:
    """Check key and value of every message of a topic; return how many there are.

    `bad` of them are expected to be no JSON at all.
    """
    [channel] = [each for each in document["channels"].values() if each["address"] == topic]
    [ref] = channel["messages"].values()
    message = resolved(document, ref["$ref"])
    value = validator(document, resolved(document, message["payload"]["$ref"]))
    key = validator(document, message["bindings"]["kafka"]["key"])
    count = 0
    for partition in range(log.topics()[topic].partitions):
        for raw in log.read((topic, partition), 0, 1_000_000):
            if raw.value == NO_JSON:
                bad -= 1
                continue
            value.validate(json.loads(raw.value))
            key.validate(raw.key.decode())
            count += 1
    assert bad == 0
    return count


async def play(engine: Engine) -> None:
    """Bring something onto every topic."""
    model: Any = engine.ports.model
    asked = [question(f"¿Qué es {n}?", metadata={"n": [n, None, {"ñ": 0.5}]}) for n in range(4)]
    weak = question("Weak?", "nothing like it")
    plain = question("Sin referencia?", None)
    for each, error in zip(asked, (BUSY, LIMITED, REFUSED), strict=False):
        model.script(each.question_text, error)
    await engine.submit(*asked, weak, plain)
    await engine.send_raw(engine.names.llm_requests, b"k", NO_JSON)
    await engine.finals(*asked, weak, plain)
    await engine.idle()


async def test_every_record_of_the_questions_fits_the_schema_of_its_channel() -> None:
    document = describe(load_settings())
    async with running(make_ports(model=ScriptedModel(lambda prompt: "An answer"))) as engine:
        await play(engine)
        for topic in engine.names:
            bad = 1 if topic == engine.names.llm_requests else 0
            assert fits(document, engine.log, topic, bad), topic


async def test_every_record_of_the_ratings_fits_the_schema_of_its_channel() -> None:
    document = describe(load_settings())
    schema = validator(document, document["components"]["schemas"]["RatingEvent"])
    async with running_ratings(rating_ports()) as engine:
        events = random_events(300, bad=[(b"7", NO_JSON), (b"7", b'{"userId":7}')])
        await engine.append(events)

        async def all_told() -> bool:
            return bool(engine.recommendations() and engine.metrics() and engine.letters())

        await engine.idle()
        await poll(all_told)
        for topic in (engine.names.recommendations, engine.names.metrics):
            assert fits(document, engine.log, topic), topic
        assert fits(document, engine.log, engine.names.dead_letters)
        good = [raw for raw in events if not isinstance(READER.read(*raw), Refusal)]
        assert len(good) > 200
        for _, value in good:
            schema.validate(json.loads(value or b""))
        assert not schema.is_valid({"userId": 7})
