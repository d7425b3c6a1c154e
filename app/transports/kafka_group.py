"""Membership of a Kafka consumer group: what aiokafka's coordinator does not get over by itself.

aiokafka 0.14.0 halts its coordination on every answer of the broker that it does not know, until
somebody asks `check_errors()`. Faust asks only where a fetch happens to be waiting, and nothing
is fetched while partitions are reassigned: the worker then stands still without a word, its
process alive. So answers that pass are translated (`stand_in`), and for what remains
`what_ended` is asked again and again. See docs/transports.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import errors

LOADING = errors.GroupLoadInProgressError.errno
AWAY = errors.GroupCoordinatorNotAvailableError.errno
MOVED = errors.NotCoordinatorForGroupError.errno
REBALANCING = errors.RebalanceInProgressError.errno

_MEMBERSHIP = frozenset(
    error.errno
    for error in (
        errors.NoError,
        errors.GroupAuthorizationFailedError,
        errors.UnknownMemberIdError,
    )
)
_KNOWN: Mapping[str, frozenset[int]] = {
    "JoinGroup": _MEMBERSHIP | {LOADING, AWAY, MOVED, errors.MemberIdRequired.errno},
    "SyncGroup": _MEMBERSHIP | {REBALANCING, AWAY, MOVED, errors.IllegalGenerationError.errno},
    "Heartbeat": _MEMBERSHIP | {REBALANCING, AWAY, MOVED, errors.IllegalGenerationError.errno},
    "OffsetFetch": _MEMBERSHIP | {LOADING, MOVED, errors.UnknownTopicOrPartitionError.errno},
}
"""The codes that aiokafka 0.14.0 acts upon, for each kind of request."""

_STAND_INS: Mapping[str, int] = {
    "JoinGroup": LOADING,  # wait a moment, and join again
    "SyncGroup": REBALANCING,  # the round of the group is lost: join again
    "Heartbeat": AWAY,  # look the coordinator up, and beat again
    "OffsetFetch": LOADING,  # wait a moment, and ask again
}


def stand_in(kind: str, code: int) -> int:
    """The error code that makes aiokafka do what `code` asks for.

    It is `code` itself where aiokafka knows it, and where it is no error that passes.
    """
    known = _KNOWN.get(kind)
    if known is None or code in known:
        return code
    passes = code == REBALANCING or errors.for_code(code).retriable
    return _STAND_INS[kind] if passes else code


def translate(kind: str, response: Any) -> Any:
    """Return an answer of the broker in words that aiokafka understands.

    Raises the error of an `OffsetFetch` that failed as a whole: aiokafka overlooks it, and takes
    every partition for one without a committed offset.
    """
    if kind == "OffsetFetch":
        if code := stand_in(kind, getattr(response, "error_code", 0)):
            raise errors.for_code(code)()
        response.topics = [
            (topic, [(*rest, stand_in(kind, code)) for *rest, code in partitions])
            for topic, partitions in response.topics
        ]
    elif kind in _KNOWN:
        response.error_code = stand_in(kind, response.error_code)
    return response


def interpret(coordinator: Any) -> None:
    """Let aiokafka's group coordinator read all answers by `translate`."""
    send: Callable[[Any], Any] = coordinator._send_req

    async def translated(request: Any) -> Any:
        response = await send(request)
        try:
            return translate(type(request).__name__.removesuffix("Request"), response)
        except errors.NotCoordinatorForGroupError:
            coordinator.coordinator_dead()
            raise

    coordinator._send_req = translated


class MembershipLost(Exception):
    """This worker is no longer, and will not be again, a member of its consumer group."""


def what_ended(consumer: Any) -> str | None:
    """Say what of an `AIOKafkaConsumer` has ended or halted for good; None while all is well."""
    if consumer._closed:
        return None
    coordinator = consumer._coordinator
    routines = {
        "the group's coordination": getattr(coordinator, "_coordination_task", None),
        "the update of metadata": consumer._client._sync_task,
        "fetching": getattr(consumer._fetcher, "_fetch_task", None),
    }
    if (halted := getattr(coordinator, "_pending_exception", None)) is not None:
        return f"the group's coordination has halted: {halted!r}"
    return _first_ended(routines)


def what_ended_sending(producer: Any) -> str | None:
    """Say what of an `AIOKafkaProducer` has ended for good; None while all is well."""
    if producer._closed:
        return None
    return _first_ended(
        {
            "sending": producer._sender.sender_task,
            "the update of the producer's metadata": producer.client._sync_task,
        }
    )


def _first_ended(routines: Mapping[str, Any]) -> str | None:
    for name, task in routines.items():
        if task is not None and task.done():
            reason = "it was cancelled" if task.cancelled() else repr(task.exception())
            return f"{name} has ended: {reason}"
    return None
