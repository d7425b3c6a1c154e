"""The dashboard's routes of topics and groups, as `app.web.openapi_operations` has the others."""

from __future__ import annotations

from app.web.dashboard import shapes_topics as shapes
from app.web.dashboard.messages import (
    CutText,
    FilterText,
    KeyText,
    MessageLimit,
    Offset,
    PartitionNumber,
    TimeText,
)
from app.web.letter_bodies import TopicName
from app.web.openapi_parts import Operation, Parameter, view

_TOPIC = Parameter("topic", "path", TopicName, "A topic of the pipeline", "dead-letters")


#: `METHOD /path` -> its description.
TOPIC_OPERATIONS: dict[str, Operation] = {
    "GET /ui/api/topics": view(
        "getTopics",
        "Every topic: messages, bytes, retention, what differs",
        shapes.TopicsShown,
        errors=(503,),
    ),
    "GET /ui/api/topics/{topic}": view(
        "getTopic",
        "One topic: its partitions and settings",
        shapes.TopicShown,
        _TOPIC,
        errors=(404, 503),
    ),
    "GET /ui/api/topics/{topic}/messages": view(
        "findMessages",
        "Messages by time, newest first: a page, or a part of a search",
        shapes.MessagesShown,
        _TOPIC,
        Parameter("before", "query", CutText, "Older than this cut, `low` of a page", "0:120,1:98"),
        Parameter("after", "query", CutText, "Newer than this cut, `high` of a page", "0:120,1:98"),
        Parameter("from_time", "query", TimeText, "From this time on: ISO 8601, or 2h ago", "2h"),
        Parameter("partition", "query", PartitionNumber, "Only this partition", 0),
        Parameter("offset", "query", Offset, "From this offset of `partition` on", 7),
        Parameter("key", "query", KeyText, "Only messages of this key", "question-7"),
        Parameter(
            "filter",
            "query",
            FilterText,
            "Conditions on fields, joined by ` && `",
            "cause=overloaded && attempt>1",
        ),
        Parameter("bad", "query", bool, "Only messages that do not fit the topic", True),
        Parameter("limit", "query", MessageLimit, "Most messages (50)", 50),
        errors=(404, 422, 503),
    ),
    "GET /ui/api/topics/{topic}/{partition}/{offset}": view(
        "getMessage",
        "One message: key, headers, value, and why it does not fit",
        shapes.MessageShown,
        _TOPIC,
        Parameter("partition", "path", PartitionNumber, "Its partition", 0),
        Parameter("offset", "path", Offset, "Its offset", 7),
        errors=(404, 503),
    ),
    "GET /ui/api/groups": view(
        "getGroups",
        "The pipelines' consumer groups: what is late, and what waits by design",
        shapes.GroupsShown,
        errors=(503,),
    ),
}
