"""How many bytes topics take on Kafka's disks: a request that aiokafka lacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Int64, Schema, String

_TEXT = String("utf-8")


class DescribeLogDirsResponse_v1(Response):  # noqa: N801 (as the library names its own)
    API_KEY = 35
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            Array(
                ("error_code", Int16),
                ("log_dir", _TEXT),
                (
                    "topics",
                    Array(
                        ("topic", _TEXT),
                        (
                            "partitions",
                            Array(
                                ("partition", Int32),
                                ("size", Int64),
                                ("offset_lag", Int64),
                                ("is_future", Boolean),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    )


class DescribeLogDirsRequest_v1(RequestStruct):  # noqa: N801
    API_KEY = 35
    API_VERSION = 1
    RESPONSE_TYPE = DescribeLogDirsResponse_v1
    SCHEMA = Schema(("topics", Array(("topic", _TEXT), ("partitions", Array(Int32)))))


class DescribeLogDirsRequest(Request[DescribeLogDirsRequest_v1]):
    """Asks one broker for the sizes of the replicas that it has."""

    API_KEY = 35

    def __init__(self, topics: list[tuple[str, list[int]]]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[DescribeLogDirsRequest_v1]) -> Any:
        return request_struct_class(self._topics)


async def topic_sizes(admin: Any, topics: Collection[str]) -> dict[str, int]:
    """Return the bytes of one copy of each topic; none where a broker does not tell them."""
    metadata = await admin._get_cluster_metadata(list(topics))
    described = metadata.to_object()
    wanted = [
        (each["topic"], [partition["partition"] for partition in each["partitions"]])
        for each in described["topics"]
        if each["partitions"]
    ]
    largest: dict[tuple[str, int], int] = {}
    for broker in metadata.brokers:
        try:
            response = await admin._send_request(DescribeLogDirsRequest(wanted), broker[0])
        except (KafkaError, NotImplementedError):  # an older broker, or one that refuses
            return {}
        for code, _, replicas in response.results:
            if code:
                return {}
            for topic, partitions in replicas:
                for number, size, _, is_future in partitions:
                    if not is_future:
                        largest[topic, number] = max(size, largest.get((topic, number), 0))
    totals: defaultdict[str, int] = defaultdict(int)
    for (topic, _), size in largest.items():
        totals[topic] += size
    return dict(totals)
