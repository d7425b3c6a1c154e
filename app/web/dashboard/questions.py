"""Questions: a list by state or by text, and one question with all that is known of it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from agents.context import Context
from app.core.lifecycle import Status, Turn
from app.core.questions import StoredQuestion, timestamp
from app.core.redrive import LetterFilter, LetterState
from app.errors import NotFoundError
from app.letters.shown import letter_row
from app.web.bodies import PageCursor, PageLimit, SearchText, read_parameter
from app.web.dashboard.overview import Overview
from app.web.replies import json_reply

#: What a list shows of a text.
SHOWN_CHARACTERS = 300
MAX_LETTERS = 50


def add_routes(app: web.Application, context: Context, overview: Overview) -> None:
    async def many(request: web.Request) -> web.Response:
        status = read_parameter(request, "status", Status)
        limit = read_parameter(request, "limit", PageLimit, 50)
        cursor = read_parameter(request, "cursor", PageCursor)
        text = read_parameter(request, "q", SearchText, "").strip()
        store, searched_to = context.ports.store, None
        if text:
            found = await store.search(text, status=status, limit=limit, cursor=cursor)
            questions, searched_to = list(found.questions), found.searched_to
            if cursor is None:
                questions = await _with_id_first(context, text, status, questions)
            cursor = found.cursor
        else:
            page = await store.questions(status=status, limit=limit, cursor=cursor)
            questions, cursor = list(page.questions), page.cursor
        counts = (await overview.counts.get()).value
        return json_reply(
            {
                "questions": [listed(question) for question in questions],
                "cursor": cursor,
                "searched_to": timestamp(searched_to),
                "counts": None if counts is None else {str(s): counts.get(s, 0) for s in Status},
            }
        )

    async def one(request: web.Request) -> web.Response:
        question_id, store = request.match_info["id"], context.ports.store
        question = await store.question(question_id)
        if question is None:
            raise NotFoundError(f"no question has the id {question_id[:80]}")
        wanted = LetterFilter(question_id=question.question_id, state=LetterState.ALL)
        letters = await store.dead_letters(wanted, limit=MAX_LETTERS, with_bytes=False)
        return json_reply(
            {
                "question": question.as_json() | {"model": question.model},
                "calls": await _calls(context, question),
                "letters": [letter_row(letter, with_bytes=False) for letter in letters],
                "max_generations": context.limits.max_generations,
            }
        )

    app.router.add_get("/ui/api/questions", many)
    app.router.add_get("/ui/api/questions/{id}", one)


async def _with_id_first(
    context: Context, text: str, status: Status | None, found: list[StoredQuestion]
) -> list[StoredQuestion]:
    """Return what was found, after the question of that very id, however old it is."""
    exact = await context.ports.store.question(text)
    if exact is None or status not in (None, exact.status):
        return found
    return [exact, *(each for each in found if each.question_id != exact.question_id)]


async def _calls(context: Context, question: StoredQuestion) -> list[dict[str, Any]]:
    """Return each attempt with what the ledger has beside it."""
    details = await context.ports.store.ledger_details(question.question_id)
    by_turn = {detail.turn: detail for detail in details}
    calls = []
    for attempt in question.attempts:
        detail = by_turn.get(Turn(attempt.round, attempt.generation, attempt.attempt))
        calls.append(
            {
                "round": attempt.round,
                "generation": attempt.generation,
                "attempt": attempt.attempt,
                "claims": attempt.claims,
                "prompt_tokens": attempt.prompt_tokens,
                "detail": detail.detail if detail else None,
                "http_status": detail.http_status if detail else None,
                "retry_after_seconds": detail.retry_after_seconds if detail else None,
                "finish_reason": detail.finish_reason if detail else None,
            }
        )
    return calls


def listed(question: StoredQuestion) -> dict[str, Any]:
    """Return a question as a list shows it: long texts are cut."""
    return {
        "question_id": question.question_id,
        "status": str(question.status),
        "question_text": question.question_text[:SHOWN_CHARACTERS],
        "answer": None if question.answer is None else question.answer[:SHOWN_CHARACTERS],
        "f1": question.score.f1 if question.score else None,
        "score": question.figure,
        "metric": question.metric,
        "threshold": question.threshold,
        "cause": question.cause,
        "round": question.turn.round,
        "generation": question.turn.generation,
        "attempt": question.turn.attempt,
        "accepted_at": timestamp(question.accepted_at),
        "finished_at": timestamp(question.finished_at),
        "due_at": timestamp(question.due_at),
    }
