"""The stages' decisions on one message of the world: what they send, how their table changes.

Each calls the product's own decision, and promises what holds at this point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from app.core import admission, holding, judging
from app.core.failures import CAUSES, Route
from app.core.gate import Score
from app.core.holding import Bury, Held, Hold
from app.core.judging import Next
from app.core.lifecycle import Status, Turn
from app.core.questions import CallKey
from app.core.retry import RetryKind
from app.ports import Accepted, DeadLetterRow, Ending, StoredVerdict, Waiting
from tests.reliability.lifecycle_parts import (
    GATE,
    MAX_GENERATIONS,
    POLICY,
    Best,
    Message,
    promise,
    run,
)

if TYPE_CHECKING:
    from tests.reliability.lifecycle_world import World

#: What a stage sends, and what it does to its table afterwards.
Work = tuple[list[Message], Callable[[], None]]


def admit(world: World, message: Message) -> Work:
    turn = message.turn
    promise(turn.generation <= MAX_GENERATIONS, "no generation beyond the limit is asked for")
    ended = run(world.store.accept([_accepted(message)]))
    if message.question_id in ended:
        return [], _nothing
    arriving = admission.Seen(turn.round, turn.generation)
    decision = admission.admit(
        world.seen.get(message.question_id),
        arriving,
        MAX_GENERATIONS,
        has_best=message.best is not None,
    )

    def change() -> None:
        known = world.seen.get(message.question_id)
        world.seen[message.question_id] = max(known or arriving, arriving)

    match decision:
        case admission.Admission.ASK:
            return [replace(message, topic="requests")], change
        case admission.Admission.REPEAT:
            return [], _nothing
        case admission.Admission.END_WITH_BEST:
            return [_best_as_end(message)], change
        case admission.Admission.DEAD:
            return [_letter(message, "anti_cycle")], change


def route(world: World, message: Message) -> Work:
    match CAUSES[message.text].route:
        case Route.OVERLOAD:
            return [replace(message, topic="overload")], _nothing
        case Route.QUOTA:
            return [replace(message, topic="quota")], _nothing
        case Route.DEAD:
            return [_letter(message, message.text)], _nothing


def hold_failure(world: World, message: Message) -> Work:
    question_id, turn = message.question_id, message.turn
    before = world.held.get(question_id)
    kind = RetryKind(message.topic)
    decision = holding.on_failure(before, turn, kind, None, POLICY, world.now, 0.5)
    match decision:
        case Hold(held):
            promise(
                before is None or turn > before.failed,
                f"a repeated failure re-arms nothing: {turn}",
            )
            promise((held.due_at or 0) > world.now, "a wait ends later than it begins")
            wait = Waiting(question_id, turn, held.due_at or 0.0, message.text)
            over = run(world.store.waiting([wait]))
            if question_id in over:
                return [], _nothing
            again = replace(
                message, topic="requests", text="", turn=turn._replace(attempt=turn.attempt + 1)
            )

            def change() -> None:
                world.held[question_id] = held
                world.waiting[question_id] = again

            return [], change
        case Bury(held, cause):

            def change() -> None:
                world.held[question_id] = held
                world.waiting.pop(question_id, None)

            return [_letter(message, cause)], change
        case _:
            return [], _nothing


def hold_due(world: World, message: Message) -> Work:
    question_id = message.question_id
    before = world.held.get(question_id)
    decision = holding.on_due(before, message.turn, world.now)
    if not isinstance(decision, Held) or question_id not in world.waiting:
        return [], _nothing
    assert before is not None
    promise(
        before.due_at is not None and before.due_at <= world.now,
        "a retry never comes before its due time",
    )
    request = world.waiting[question_id]
    promise(request.turn.attempt == message.turn.attempt + 1, "the right call is released")

    def change() -> None:
        world.held[question_id] = decision
        world.waiting.pop(question_id, None)

    return [request], change


def judge(world: World, message: Message) -> Work:
    key = CallKey(message.question_id, *message.turn)
    value = float(message.text)
    status, score, why = judging.verdict(
        message.text, "reference", Score(value, value, value), GATE
    )
    made = StoredVerdict(status, score, GATE.threshold, "f1", "scorer", why)
    stored = run(world.store.record_verdict(key, made))
    world.scores.setdefault(message.question_id, {})[message.turn] = value
    best = _better(message, value)
    match judging.what_next(stored.status, message.turn.generation, MAX_GENERATIONS):
        case Next.ACCEPT:
            promise(value >= GATE.threshold, f"a weak answer ({value}) never passes")
            return [replace(message, topic="ends", status=stored.status)], _nothing
        case Next.ASK_AGAIN:
            promise(value < GATE.threshold, "a good answer is not asked for again")
            turn = Turn(message.turn.round, message.turn.generation + 1, 1)
            promise(turn.generation <= MAX_GENERATIONS, "no generation beyond the limit")
            return [Message("pending", message.question_id, turn, best)], _nothing
        case Next.END_WITH_BEST:
            asked = message.turn.generation
            promise(asked == MAX_GENERATIONS, f"given up after {asked} generations")
            return [_best_as_end(replace(message, best=best))], _nothing


def _better(message: Message, value: float) -> Best:
    this, best = Best(value, message.text, message.turn), message.best
    return best if best is not None and best.score >= value else this


def _best_as_end(message: Message) -> Message:
    assert message.best is not None
    return replace(message, topic="ends", text=message.best.answer, status=Status.LOW_QUALITY)


def _letter(message: Message, cause: str) -> Message:
    return replace(message, topic="ends", status=Status.DEAD, text=cause)


def persist(world: World, message: Message) -> Work:
    dead = message.status is Status.DEAD
    assert message.status is not None
    ending = Ending(
        question_id=message.question_id,
        turn=message.turn,
        status=message.status,
        question_text="Why?",
        original_answer="reference",
        model="model",
        accepted_at=1.0,
        finished_at=world.now,
        answer=None if dead else message.text,
        cause=message.text if dead else None,
    )
    letters = [_letter_row(world, message)] if dead else []
    run(world.store.finish([ending], letters))
    settled = Message("settled", message.question_id, message.turn)
    return [settled], _nothing


def _letter_row(world: World, message: Message) -> DeadLetterRow:
    return DeadLetterRow(
        origin_topic="topic",
        origin_partition=0,
        origin_offset=world.log.index(message),
        cause=message.text,
        detail="",
        first_seen_at=world.now,
        dead_at=world.now,
        question_id=message.question_id,
        turn=message.turn,
    )


def forget_later(world: World, message: Message) -> Work:
    question_id, round_ = message.question_id, message.turn.round
    decision = holding.on_settled(world.held.get(question_id), round_, world.now)

    def change() -> None:
        world.settled[question_id] = max(round_, world.settled.get(question_id, 0))
        if isinstance(decision, Held):
            world.held[question_id] = decision
            world.waiting.pop(question_id, None)

    return [], change


def _accepted(message: Message) -> Accepted:
    return Accepted(message.question_id, "Why?", "reference", "model", message.turn, 1.0)


def _nothing() -> None:
    """No table changes."""


#: By topic: the stage that handles its messages. Those of `requests` are calls, which take time.
STAGES: dict[str, Callable[[World, Message], Work]] = {
    "pending": admit,
    "failures": route,
    "overload": hold_failure,
    "quota": hold_failure,
    "due": hold_due,
    "answers": judge,
    "ends": persist,
    "settled": forget_later,
}
