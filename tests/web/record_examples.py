"""Records the example replies of the description of the API from a real worker.

    python -m tests.web.record_examples

Run it when a reply has changed (tests/web/test_openapi.py says so). It starts a worker with every
part embedded and a scripted model, brings questions into every state, asks every route, cuts lists
to a few entries, and writes app/web/openapi_examples.json.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from app.fake_llm.steps import Step
from app.web import openapi
from app.web.openapi_operations import OPERATIONS
from tests.flow.engine import poll
from tests.security.service import Service, service

FILE = Path(openapi.__file__).with_name("openapi_examples.json")
ENTRIES, TEXT = 2, 400
#: Descriptions, and what is no JSON.
WITHOUT = {"getOpenApi", "getAsyncApi", "listen", "getDashboardFile"}
CHILE = {
    "question_text": "¿Cuál es la capital de Chile?",
    "original_answer": "La capital de Chile es Santiago.",
    "metadata": {"origen": "geografía"},
}
SKY = {
    "question_text": "Why is the sky blue?",
    "original_answer": "Short wavelengths are scattered more than long ones.",
}
KEY = {"question_text": "Who holds the key?", "original_answer": "Nobody."}
STAR = {"question_text": "¿A qué distancia está la estrella?", "original_answer": "Lejos."}
NEW = {"question_text": "What is the capital of Peru?", "original_answer": "Lima."}
NEWER = {"question_text": "¿Cuál es la capital de Bolivia?", "idempotency_key": "order-19"}
PAIR = {"candidate": "Santiago.", "reference": "La capital de Chile es Santiago."}
TIME = 1_764_061_200_000


def answer(text: str) -> str:
    return "La capital de Chile es Santiago." if "Chile" in text else "Because."


class Recorder:
    """Asks a worker, and keeps what it said."""

    def __init__(self, target: Service) -> None:
        self.target = target
        self.found: dict[str, dict[str, Any]] = {}

    async def ask(self, route: str, path: str, body: Any = None) -> Any:
        """Ask, keep the reply (the first one of a route and status), return it."""
        status, raw = await self.target.call(route.partition(" ")[0], path, json=body)
        reply = json.loads(raw)
        operation = OPERATIONS[route]
        assert status in operation.replies, (route, path, status, reply)
        self.found.setdefault(operation.name, {}).setdefault(str(status), reply)
        return reply

    async def get(self, route: str, **parts: Any) -> Any:
        """Ask a GET route with its path parameters; `query` is what follows."""
        query = parts.pop("query", "")
        return await self.ask(f"GET {route}", route.format(**parts) + query)


async def play(recorder: Recorder) -> dict[str, str]:
    """Bring questions into every state; return their ids."""
    script = recorder.target.model.script
    script[KEY["question_text"]] = [Step(status=401) for _ in range(9)]
    script[STAR["question_text"]] = [Step(status=429) for _ in range(99)]
    ids = {}
    for status, body in {"validated": CHILE, "low_quality": SKY, "dead": KEY}.items():
        reply = await recorder.ask("POST /query", "/query?wait=30", body)
        assert reply["status"] == status, reply
        ids[status] = reply["question_id"]
    ids["waiting"] = (await recorder.ask("POST /query", "/query", STAR))["question_id"]

    async def waits() -> bool:
        _, raw = await recorder.target.call("GET", f"/questions/{ids['waiting']}")
        return bool(json.loads(raw)["status"] == "waiting")

    await poll(waits, pause=0.2)
    stars = [
        {
            "userId": user,
            "movieId": movie,
            "rating": (user + movie) % 9 / 2 + 0.5,
            "timestamp": TIME,
        }
        for user, movie in ((7, 1), (7, 32), (8, 1), (8, 318), (8, 527), (9, 318), (9, 527))
    ]
    await recorder.ask("POST /ratings", "/ratings", {"ratings": stars})

    async def rated() -> bool:
        _, raw = await recorder.target.call("GET", "/ratings/stats")
        _, told = await recorder.target.call("GET", "/ui/api/ratings")
        return bool(json.loads(raw)["valid"] == len(stars) and json.loads(told)["course"])

    await poll(rated, pause=0.5)
    return ids


async def ask_all(recorder: Recorder, ids: dict[str, str]) -> None:
    """Ask every route that answers JSON."""
    ask, get = recorder.ask, recorder.get
    for route in ("/costs", "/metrics", "/health", "/livez", "/readyz", "/"):
        await get(route)
    for route in ("/questions/{id}", "/questions/{id}/costs", "/ui/api/questions/{id}"):
        await get(route, id=ids["validated"])
    await get("/ui/api/questions/{id}/journey", id=ids["validated"])
    await get("/questions", query="?limit=2")
    await ask("POST /score", "/score", PAIR)
    letters = await get("/dead-letters", query="?counts=true")
    topic, partition, offset = letters["letters"][0]["origin"].rsplit("/", 2)
    place = {"topic": topic, "partition": partition, "offset": offset}
    await get("/dead-letters/{topic}/{partition}/{offset}", **place)
    for route in ("overview", "questions", "retries", "system", "topics", "groups", "quality"):
        await get(f"/ui/api/{route}")
    await get("/ui/api/ratings", query="?user=7")
    await get("/ui/api/topics/{topic}", topic="dead-letters")
    messages = await get("/ui/api/topics/{topic}/messages", topic="dead-letters")
    first = messages["messages"][0]
    at = {"partition": first["partition"], "offset": first["offset"]}
    await get("/ui/api/topics/{topic}/{partition}/{offset}", topic="dead-letters", **at)
    await get("/ratings/stats")
    await get("/ratings/windows", query="?limit=5")
    await get("/ratings/movies/{movieId}", movieId=32)
    await get("/recommendations/{userId}", userId=7, query="?n=3")
    await ask("POST /retries/release", "/retries/release", {"filter": {}})
    redrive = {"filter": {"cause": ["unauthorized"]}, "dry_run": False}
    await ask("POST /dead-letters/redrive", "/dead-letters/redrive", redrive)
    await get("/redrives")
    await ask("POST /dead-letters/purge", "/dead-letters/purge", {})
    await ask("POST /flood/resume", "/flood/resume")


def tidy(value: Any, names: dict[str, str]) -> Any:
    """Cut what is long, and give places of this machine other names."""
    if isinstance(value, dict):
        return {key: tidy(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [tidy(each, names) for each in value[:ENTRIES]]
    if isinstance(value, str):
        for name, other in names.items():
            value = value.replace(name, other)
        value = re.sub(r"(host-1:)\d+(:[0-9a-f]{8})?", r"\g<1>4711\2", value)
        return value if len(value) <= TEXT else f"{value[:TEXT]} ..."
    return round(value, 4) if isinstance(value, float) else value


async def record() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        async with service(Path(folder), answer=answer, QUALITY_THRESHOLD="0.6") as target:
            recorder = Recorder(target)
            await ask_all(recorder, await play(recorder))
            await recorder.ask("POST /query", "/query", NEW)
            await recorder.ask("POST /questions", "/questions", {"questions": [CHILE, NEWER]})
            names = {folder: "/var/lib", socket.gethostname(): "host-1", str(target.port): "6066"}
            names[target.model.host] = "127.0.0.1:11434"
            return {name: tidy(each, names) for name, each in sorted(recorder.found.items())}


def main() -> None:
    found = asyncio.run(record())
    named = {operation.name for operation in OPERATIONS.values()} - WITHOUT
    if missing := named - found.keys():
        sys.exit(f"not asked: {sorted(missing)}")
    text = json.dumps(found, indent=1, ensure_ascii=False)
    FILE.write_text(text + "\n", encoding="utf-8")
    sys.stderr.write(f"{FILE}: {len(found)} operations, {len(text)} characters\n")


if __name__ == "__main__":
    main()
