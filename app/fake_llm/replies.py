"""From a step to the reply that it is: status, headers, body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.fake_llm.modes import MODES, Mode
from app.fake_llm.protocols import answer_body, error_body
from app.fake_llm.steps import Call, Step

_PLAIN = Mode("", "body", "", "answer")


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply."""

    status: int
    headers: dict[str, str]
    body: bytes


def is_answer(step: Step) -> bool:
    """Whether the call gets an answer, and so takes its time in a slot of the server."""
    mode = MODES[step.fault] if step.fault else _PLAIN
    status = mode.status if step.status is None else step.status
    return status < 300 and mode.ends == "answer"


def reply_to(step: Step, call: Call, text: Callable[[], str], now: float) -> Reply:
    """Return the reply of `step`; `text` gives the answer where the step has none."""
    mode = MODES[step.fault] if step.fault else _PLAIN
    status = mode.status if step.status is None else step.status
    given = mode.text if step.text is None else step.text
    code = mode.code if step.code is None else step.code
    if step.body is not None:
        body = step.body.encode() if isinstance(step.body, str) else step.body
    elif mode.body is not None:
        body = mode.body(call.protocol, call.model)
    elif status != 200:
        body = error_body(call.protocol, status, code)
    else:
        reason = step.done_reason or mode.done_reason
        body = answer_body(call.protocol, call.model, text() if given is None else given, reason)
    return Reply(status, {**mode.reply_headers(now), **step.headers}, body)
