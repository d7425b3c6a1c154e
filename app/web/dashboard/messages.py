"""Messages of a topic: pages by time, a search by pieces, and one message whole."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Annotated, Any

from aiohttp import web
from msgspec import Meta

from app.core.questions import timestamp
from app.errors import InputError, NotFoundError
from app.inspection.decoding import TopicDecoder
from app.inspection.filters import Condition, condition
from app.inspection.message_rows import Judge, row_judge, whole
from app.inspection.paging import Bounds, Cut, read_page
from app.inspection.reader import Span, TopicReader
from app.letters.shown import when
from app.transports.embedded.storage import PartitionKey, murmur2_partition
from app.web.bodies import read_parameter
from app.web.dashboard.looking import Looking
from app.web.dashboard.topics import Topics
from app.web.replies import json_reply

#: What one request may look at.
MOST_RECORDS = 20_000
MOST_BYTES = 16 * 1024 * 1024
MOST_SECONDS = 1.0
ONE_SECONDS = 5.0

MessageLimit = Annotated[int, Meta(ge=1, le=200)]
CutText = Annotated[
    str, Meta(max_length=30_000, pattern=r"\A[0-9]{1,5}:[0-9]{1,18}(,[0-9]{1,5}:[0-9]{1,18})*\Z")
]
PartitionNumber = Annotated[int, Meta(ge=0, le=99_999)]
Offset = Annotated[int, Meta(ge=0, le=10**18 - 1)]
TimeText = Annotated[str, Meta(min_length=1, max_length=40)]
KeyText = Annotated[str, Meta(min_length=1, max_length=1000)]
FilterText = Annotated[str, Meta(min_length=1, max_length=1000)]
_AND = " && "
_PLACES = ("before", "after", "from_time", "offset")


class Messages:
    """Serves the messages of the topics of the table."""

    def __init__(self, looking: Looking, topics: Topics) -> None:
        self._looking, self._topics = looking, topics

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/ui/api/topics/{topic}/messages", self._many)
        app.router.add_get("/ui/api/topics/{topic}/{partition}/{offset}", self._one)

    async def _many(self, request: web.Request) -> web.Response:
        topic = self._topics.spec(request.match_info["topic"]).name
        decoder = TopicDecoder(self._looking.settings, topic)
        judge, key = _judge(request, decoder)
        limit = read_parameter(request, "limit", MessageLimit, 50)
        bounds = Bounds(limit, MOST_RECORDS, MOST_BYTES, MOST_SECONDS)
        place = _place(request)
        async with self._looking.reader() as reader:
            known = await reader.partitions([topic])
            spans = await reader.spans(
                _chosen(request, known, key if decoder.keyed_by_us else None)
            )
            cut, older = await _cut(reader, place, spans)
            page = await read_page(reader, topic, spans, cut, judge, bounds, older=older)
        return json_reply(
            {
                "at": timestamp(time.time()),
                "topic": topic,
                "messages": page.rows,
                "low": _text(page.low),
                "high": _text(page.high),
                "older": sum(at - spans[topic, n].start for n, at in page.low.items()),
                "newer": sum(spans[topic, n].end - at for n, at in page.high.items()),
                "looked": page.looked,
                "direction": "older" if older else "newer",
            }
        )

    async def _one(self, request: web.Request) -> web.Response:
        topic = self._topics.spec(request.match_info["topic"]).name
        tp = (topic, _number(request, "partition", 99_999))
        offset = _number(request, "offset", 10**18 - 1)
        async with self._looking.reader() as reader:
            if tp not in await reader.partitions([topic]):
                raise NotFoundError(f"{topic} has no partition {tp[1]}")
            span = (await reader.spans([tp]))[tp]
            record = None
            if span.start <= offset < span.end:
                reading = await reader.read({tp: offset})
                found = (await reading.fetch([tp], 1, ONE_SECONDS)).get(tp, [])
                record = next((each for each in found if each.offset == offset), None)
        if record is None:
            raise NotFoundError(
                f"there is no message {topic}/{tp[1]}/{offset}: the partition has offsets from "
                f"{span.start} to below {span.end}, less what was dropped"
            )
        decoder = TopicDecoder(self._looking.settings, topic)
        shown = whole(record, decoder)
        return json_reply({"topic": topic, "start": span.start, "end": span.end, **shown})


def _number(request: web.Request, name: str, most: int) -> int:
    text = request.match_info[name]
    if not (text.isascii() and text.isdecimal()) or len(text) > 18 or int(text) > most:
        raise NotFoundError(f"{text[:40]!r} is no {name}")
    return int(text)


def _judge(request: web.Request, decoder: TopicDecoder) -> tuple[Judge, bytes | None]:
    key = read_parameter(request, "key", KeyText)
    raw_key = None if key is None else key.encode(errors="surrogatepass")
    bad_only = read_parameter(request, "bad", bool, False)
    conditions = _conditions(read_parameter(request, "filter", FilterText))
    return row_judge(decoder, key=raw_key, conditions=conditions, bad_only=bad_only), raw_key


def _conditions(text: str | None) -> list[Condition]:
    try:
        return [] if text is None else [condition(part) for part in text.split(_AND)]
    except InputError as error:
        raise InputError(str(error), field="filter") from None


def _place(request: web.Request) -> tuple[str, Any]:
    """Return where the page begins: the name of the parameter that says so, and its value."""
    given = [name for name in _PLACES if name in request.query]
    if len(given) > 1:
        raise InputError(f"{given[0]} and {given[1]} exclude each other", field=given[1])
    match given:
        case ["before" | "after" as name]:
            return name, _parse(read_parameter(request, name, CutText))
        case ["from_time"]:
            text = read_parameter(request, "from_time", TimeText)
            return "from_time", when(text, time.time(), "from_time")
        case ["offset"]:
            if "partition" not in request.query:
                raise InputError("needs a partition", field="offset")
            return "offset", read_parameter(request, "offset", Offset)
    return "newest", None


def _chosen(
    request: web.Request, known: list[PartitionKey], key: bytes | None
) -> Collection[PartitionKey]:
    """Return the partitions that are looked at: all, the one that was named, the key's own."""
    number = read_parameter(request, "partition", PartitionNumber)
    if number is None:
        return known if key is None else [known[murmur2_partition(key, len(known))]]
    if number >= len(known):
        raise InputError(f"{known[0][0]} has partitions 0 to {len(known) - 1}", field="partition")
    return [known[number]]


async def _cut(
    reader: TopicReader, place: tuple[str, Any], spans: dict[PartitionKey, Span]
) -> tuple[Cut, bool]:
    """Return the cut at which the page begins, and whether it goes on to older messages."""
    name, value = place
    match name:
        case "before" | "after":
            given = {n: at for n, at in value.items() if any(tp[1] == n for tp in spans)}
            if not given:
                raise InputError("names none of the partitions that are looked at", field=name)
            return {n: _within(at, n, spans) for n, at in given.items()}, name == "before"
        case "from_time":
            found = await reader.offsets_at(list(spans), value)
            return {tp[1]: at for tp, at in found.items()}, False
        case "offset":
            return {tp[1]: _within(value, tp[1], spans) for tp in spans}, False
    return {tp[1]: span.end for tp, span in spans.items()}, True


def _within(at: int, number: int, spans: dict[PartitionKey, Span]) -> int:
    span = next(span for tp, span in spans.items() if tp[1] == number)
    return min(max(at, span.start), span.end)


def _parse(text: str) -> Cut:
    return {int(n): int(at) for n, _, at in (each.partition(":") for each in text.split(","))}


def _text(cut: Cut) -> str:
    return ",".join(f"{n}:{at}" for n, at in sorted(cut.items()))
