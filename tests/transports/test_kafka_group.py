"""A worker outlives what a coordinator answers in passing, and ends when its membership has ended.

The answers are scripted on a real broker, so that each comes at its worst moment.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import errors

from app.transports import StreamApp
from app.transports.kafka import ProducerLost
from app.transports.kafka_group import MembershipLost, stand_in, translate
from tests.servers.kafka import KafkaServer
from tests.transports.harness import KafkaBackend, RawSchema, make_app, running, until

LOADING, AWAY, MOVED, TIMED_OUT, REBALANCING = 14, 15, 16, 7, 27
UNKNOWN_MEMBER, NOT_ALLOWED, UNKNOWN_SERVER_ERROR = 25, 30, -1


@pytest.mark.parametrize(
    ("kind", "code", "read_as"),
    [
        ("JoinGroup", TIMED_OUT, LOADING),
        ("JoinGroup", REBALANCING, LOADING),
        ("SyncGroup", LOADING, REBALANCING),
        ("Heartbeat", LOADING, AWAY),
        ("OffsetFetch", AWAY, LOADING),
        ("JoinGroup", UNKNOWN_MEMBER, UNKNOWN_MEMBER),
        ("SyncGroup", MOVED, MOVED),
        ("JoinGroup", NOT_ALLOWED, NOT_ALLOWED),
        ("Heartbeat", UNKNOWN_SERVER_ERROR, UNKNOWN_SERVER_ERROR),
        ("OffsetCommit", LOADING, LOADING),
        ("JoinGroup", 0, 0),
    ],
)
def test_an_error_that_passes_is_read_as_one_that_aiokafka_gets_over(
    kind: str, code: int, read_as: int
) -> None:
    assert stand_in(kind, code) == read_as


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (LOADING, errors.GroupLoadInProgressError),
        (AWAY, errors.GroupLoadInProgressError),
        (MOVED, errors.NotCoordinatorForGroupError),
        (NOT_ALLOWED, errors.GroupAuthorizationFailedError),
    ],
)
def test_offsets_that_could_not_be_read_are_not_offsets_that_do_not_exist(
    code: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        translate("OffsetFetch", SimpleNamespace(error_code=code, topics=[]))


def test_the_errors_of_single_partitions_are_translated_too() -> None:
    answer = SimpleNamespace(error_code=0, topics=[("t", [(0, 5, "", 0), (1, -1, "", TIMED_OUT)])])
    assert translate("OffsetFetch", answer).topics == [("t", [(0, 5, "", 0), (1, -1, "", LOADING)])]


class Member:
    """A running app with one agent, and its conversation with the group's coordinator."""

    def __init__(self, broker: KafkaServer) -> None:
        self.backend = KafkaBackend(broker.bootstrap)
        self.source, self.group = self.backend.name("in"), self.backend.name("group")
        self.app: StreamApp = make_app(self.backend, self.group, broker_session_timeout=6.0)
        self.seen: Counter[bytes] = Counter()
        self.script: dict[str, list[int]] = {}
        """Kind of request to the error codes of the next answers."""

        @self.app.agent(self.app.topic(self.source, schema=RawSchema()))
        async def note(stream: Any) -> None:
            async for event in stream.events():
                self.seen[event.message.value] += 1

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Member]:
        await self.backend.create(self.source, 2)
        async with running(self.app):
            client = self._coordinator._client
            real = client.send

            async def scripted(node: Any, request: Any, **options: Any) -> Any:
                answer = await real(node, request, **options)
                kind = type(request).__name__.removesuffix("Request")
                if codes := self.script.get(kind):
                    answer.error_code = codes.pop(0)
                    if kind == "OffsetFetch":
                        answer.topics = []
                return answer

            client.send = scripted
            yield self

    @property
    def _coordinator(self) -> Any:
        return self.app.consumer._thread._consumer._coordinator

    def in_its_thread(self, what: str) -> None:
        """Call a method of the coordinator, or of one of its members, where it lives."""
        target = self._coordinator
        *path, name = what.split(".")
        for each in path:
            target = getattr(target, each)
        self.app.consumer._thread.thread_loop.call_soon_threadsafe(getattr(target, name))

    async def answers(self, *values: bytes) -> None:
        """Send to both partitions, and wait until all of it came out."""
        for partition, value in enumerate(values):
            await self.backend.send(self.source, partition, value)
        await until(lambda: self.seen.keys() >= set(values))


@pytest.mark.kafka
async def test_a_coordinator_that_stumbles_at_every_step_is_outlived(broker: KafkaServer) -> None:
    member = Member(broker)
    async with member.at_work():
        await member.answers(b"a", b"b")

        async def stored() -> bool:
            return len(await member.backend.committed(member.group)) == 2

        await until(stored)
        member.script = {
            "Heartbeat": [LOADING, REBALANCING],
            "JoinGroup": [TIMED_OUT, REBALANCING],
            "SyncGroup": [LOADING],
            "OffsetFetch": [LOADING, AWAY, MOVED],
        }
        await until(lambda: not any(member.script.values()))
        await until(lambda: not member.app.rebalancing and member.app.consumer.flow_active)
        await member.answers(b"c", b"d")
        assert member.seen == dict.fromkeys((b"a", b"b", b"c", b"d"), 1), "no offset was overlooked"
        assert not member.app.crashed


@pytest.mark.kafka
@pytest.mark.parametrize("how", ["halted", "ended"])
async def test_a_worker_whose_membership_has_ended_crashes(broker: KafkaServer, how: str) -> None:
    """No fetch waits at that moment: aiokafka would tell nobody, and the worker stand still."""
    member = Member(broker)
    async with member.at_work():
        await member.answers(b"a", b"b")

        async def nothing(*_: Any) -> dict[Any, Any]:
            await asyncio.sleep(0.05)
            return {}

        member.app.consumer._thread.fetch = nothing
        if how == "halted":
            member.script = {"JoinGroup": [NOT_ALLOWED]}
            member.in_its_thread("request_rejoin")
        else:
            member.in_its_thread("_coordination_task.cancel")
        await until(lambda: member.app.crashed)
        assert isinstance(member.app.crash_reason, MembershipLost)
        assert "the group's coordination has " + how in str(member.app.crash_reason)


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("_sender.sender_task", "sending has ended"),
        ("client._sync_task", "the update of the producer's metadata has ended"),
    ],
)
async def test_a_worker_whose_producer_has_ended_crashes(
    broker: KafkaServer, task: str, name: str
) -> None:
    """Every send would fail or wait for ever, and look as if the broker were away."""
    member = Member(broker)
    async with member.at_work():
        await member.answers(b"a", b"b")
        target = member.app.producer._producer
        for each in task.split("."):
            target = getattr(target, each)
        target.cancel()
        await until(lambda: member.app.crashed)
        assert isinstance(member.app.crash_reason, ProducerLost)
        assert name in str(member.app.crash_reason)
