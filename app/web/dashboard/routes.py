"""Everything that the dashboard serves. A page is a view here, and a line in `static/pages.js`."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from msgspec import Meta

from app.settings import Settings
from app.web.bodies import read_parameter
from app.web.dashboard import journey, questions, retries, system
from app.web.dashboard.bundle import Bundle
from app.web.dashboard.groups import Groups
from app.web.dashboard.looking import Looking
from app.web.dashboard.loop_lag import LoopLag
from app.web.dashboard.messages import Messages
from app.web.dashboard.overview import Overview
from app.web.dashboard.quality import QualityViews
from app.web.dashboard.ratings import RatingViews
from app.web.dashboard.sampler import Sampler
from app.web.dashboard.topics import Topics
from app.web.live import Live
from app.web.replies import json_reply
from app.web.running import Running

Every = Annotated[int, Meta(ge=1, le=30)]
Events = Annotated[int, Meta(ge=1, le=100_000)]


def add_routes(app: web.Application, running: Running, settings: Settings, bundle: Bundle) -> Live:
    """Add the views, the files and the live stream, which is returned."""
    overview = Overview(running)
    looking = Looking(running, settings)
    lag = LoopLag()
    topics, groups = Topics(looking), Groups(looking)
    closers = [overview.close, topics.close, groups.close, looking.close, lag.close]
    live = Live(overview.read, Sampler(running.metrics).point, running.first.log)

    async def the_overview(_: web.Request) -> web.Response:
        return json_reply(await overview.read())

    async def stream(request: web.Request) -> web.StreamResponse:
        every = read_parameter(request, "every", Every, 1)
        return await live.serve(
            request, every=every, events=read_parameter(request, "events", Events)
        )

    async def close(_: web.Application) -> None:
        await live.close()
        for each in closers:
            await each()

    app.router.add_get("/ui/api/overview", the_overview)
    if running.questions is not None:
        questions.add_routes(app, running.questions, overview)
        retries.add_routes(app, running.questions)
        journey.add_routes(app, running.questions, looking)
        quality = QualityViews(running.questions, settings)
        quality.add_routes(app)
        closers.append(quality.close)
    if running.ratings is not None:
        ratings = RatingViews(running.ratings, looking)
        ratings.add_routes(app)
        closers.append(ratings.close)
    system.add_routes(app, settings, overview, lag)
    app.on_startup.append(lag.start)
    topics.add_routes(app)
    Messages(looking, topics).add_routes(app)
    groups.add_routes(app)
    app.router.add_get("/live", stream, allow_head=False)
    app.router.add_get("/ui/{version}/{file:.+}", bundle.file)
    app.on_shutdown.append(close)
    return live
