"""`route`: sends each failed call where its cause belongs. Stateless."""

from __future__ import annotations

import faust

from agents.arrivals import read_chunks
from agents.context import Context
from agents.endings import dead_letter
from agents.waits import Outgoing, publish
from app.core.failures import Route
from app.topology import received
from app.wire import Arrival, Chunk
from models.questions import LlmFailure

STAGE = "route"


async def handle(context: Context, chunk: Chunk) -> None:
    """Send all failures on."""
    await publish(context, [_routed(context, arrival) for arrival in chunk])


def _routed(context: Context, arrival: Arrival) -> Outgoing:
    failure: LlmFailure = arrival.value
    cause = context.limits.causes.get(failure.cause)
    if cause is None:
        context.metrics.count("dead_letters", "unknown_cause")
        return dead_letter(
            context, arrival, "unknown_cause", f"no cause is named {failure.cause!r}"
        )
    match cause.route:
        case Route.OVERLOAD:
            return Outgoing(context.names.errors_overload, failure.question_id, failure)
        case Route.QUOTA:
            return Outgoing(context.names.errors_quota, failure.question_id, failure)
        case Route.DEAD:
            context.metrics.count("dead_letters", cause.name)
            return dead_letter(context, arrival, cause.name, failure.detail or cause.meaning)


def register(context: Context) -> None:
    """Declare the agent on `llm-responses-error`."""
    topic = context.app.topic(*received(STAGE, context.names), schema=context.schema)

    @context.app.agent(topic, name=STAGE)
    async def route_agent(stream: faust.Stream) -> None:
        """Failed calls in; overload wait, quota wait or dead letter out."""
        await read_chunks(context, STAGE, stream, handle)
