"""Consumer groups of Kafka: who is in them, what they committed, and setting that anew."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from app.errors import BrokerUnavailable
from app.inspection.reader import GroupActive, GroupState, Member
from app.transports.embedded.storage import PartitionKey

_UNKNOWN_MEMBER = 25
_REBALANCING = 27
_TRIES = 20
_PAUSE_SECONDS = 0.5
Value = TypeVar("Value")


class KafkaGroups:
    """Asks by an admin client that has started. Raises KafkaError."""

    def __init__(self, admin: Any) -> None:
        self._admin = admin

    async def names(self) -> list[str]:
        """Return the name of every group, in order."""
        return sorted(name for name, *_ in await _patiently(self._admin.list_consumer_groups))

    async def states(self) -> list[GroupState]:
        """Return every group, by name: the library reads no reply of more than one rightly."""
        return [await self.state(name) for name in await self.names()]

    async def state(self, name: str) -> GroupState:
        """Return a group with its members and their partitions."""
        [response] = await _patiently(lambda: self._admin.describe_consumer_groups([name]))
        _, _, state, _, _, members, *_ = response.groups[0]
        return GroupState(
            name,
            state,
            tuple(
                Member(member_id, client_id, host, _assigned(assignment))
                for member_id, client_id, host, _, assignment in members
            ),
        )

    async def committed(self, name: str) -> dict[PartitionKey, int]:
        """Return the committed offsets of a group."""
        found = await _patiently(lambda: self._admin.list_consumer_group_offsets(name))
        return {(tp.topic, tp.partition): at.offset for tp, at in found.items() if at.offset >= 0}

    async def commit(self, name: str, offsets: Mapping[PartitionKey, int]) -> None:
        """Set a group's offsets from outside. Raises GroupActive, BrokerUnavailable."""
        from aiokafka.errors import for_code
        from aiokafka.protocol.commit import OffsetCommitRequest

        by_topic: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for (topic, partition), offset in offsets.items():
            by_topic[topic].append((partition, offset, ""))
        node = await _patiently(lambda: self._admin.find_coordinator(name))
        request = OffsetCommitRequest(name, -1, "", -1, list(by_topic.items()))
        response = await self._admin._send_request(request, node)
        for topic, partitions in response.topics:
            for partition, code in partitions:
                if code in {_UNKNOWN_MEMBER, _REBALANCING}:
                    raise GroupActive(f"group {name} has members: stop them first")
                if code:
                    reason = for_code(code).__name__
                    raise BrokerUnavailable(f"{topic}/{partition} was not set: {reason}")


async def _patiently(ask: Callable[[], Awaitable[Value]]) -> Value:
    """Ask again while a broker that never had a group makes its coordinator."""
    from aiokafka.errors import KafkaError

    for tries_left in reversed(range(_TRIES)):
        try:
            return await ask()
        except KafkaError as error:
            if not error.retriable or not tries_left:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
    raise AssertionError("unreachable")


def _assigned(assignment: bytes) -> frozenset[PartitionKey]:
    """Read the partitions in a member's assignment; none while the group is forming."""
    from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

    if not assignment:
        return frozenset()
    decoded = ConsumerProtocolMemberAssignment.decode(assignment)
    return frozenset(
        (topic, partition) for topic, partitions in decoded.assignment for partition in partitions
    )
