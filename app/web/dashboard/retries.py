"""What waits: when it is due, for what, and the list, soonest first."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from agents.context import Context
from app.core.questions import timestamp
from app.web.bodies import CauseText, PageCursor, PageLimit, read_parameter
from app.web.dashboard.questions import listed
from app.web.replies import json_reply

#: Columns of the histogram, and the widths (seconds) that one may have.
COLUMNS = 24
WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400)


def width_for(span_seconds: float) -> int:
    """Return the narrowest width at which `COLUMNS` columns hold so many seconds."""
    return next((width for width in WIDTHS if width * COLUMNS >= span_seconds), WIDTHS[-1])


def add_routes(app: web.Application, context: Context) -> None:
    async def retries(request: web.Request) -> web.Response:
        cause = read_parameter(request, "cause", CauseText)
        page = await context.ports.store.waits(
            cause=cause,
            limit=read_parameter(request, "limit", PageLimit, 50),
            cursor=read_parameter(request, "cursor", PageCursor),
        )
        groups = (await context.ports.store.in_progress()).waits  # as new as the list
        now = context.now()
        return json_reply(
            {
                "at": timestamp(now),
                "waiting": sum(group.questions for group in groups),
                "by_cause": [
                    {
                        "cause": group.cause,
                        "questions": group.questions,
                        "next_due_at": timestamp(group.next_due_at),
                    }
                    for group in groups
                ],
                "due": await _histogram(context, cause, now),
                "questions": [listed(question) for question in page.questions],
                "cursor": page.cursor,
            }
        )

    app.router.add_get("/ui/api/retries", retries)


async def _histogram(context: Context, cause: str | None, now: float) -> dict[str, Any]:
    """Return the counts of due times: `late`, then columns of `width_seconds` from now, `later`.

    The width follows from the longest wait that there can be, so it stays while the page is open.
    """
    policy = context.limits.policy
    longest = max(policy.overload_max_seconds, policy.quota_delay_seconds)
    width = width_for(longest * (1 + policy.jitter))
    edges = [now + width * column for column in range(COLUMNS + 1)]
    late, *columns, later = await context.ports.store.due_counts(edges, cause)
    return {"late": late, "width_seconds": width, "columns": columns, "later": later}
