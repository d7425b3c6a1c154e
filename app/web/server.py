"""The HTTP server of a worker: our own, instead of Faust's built-in pages."""

from __future__ import annotations

from aiohttp import web
from mode import Service

from agents.context import Context
from agents.ratings.context import RatingsContext
from app.data_dir.engine_file import remove_engine_file, write_engine_file
from app.errors import SettingsError
from app.factory import PipelineApp, RatingsApp
from app.settings import Settings
from app.web import (
    asyncapi,
    costs,
    dead_letters,
    health,
    openapi,
    question_intake,
    rating_intake,
    ratings,
    releases,
    scores,
)
from app.web import questions as question_routes
from app.web.audit import audit
from app.web.bodies import MAX_BODY_BYTES
from app.web.connections import HEAD_SECONDS, LINGERING_SECONDS
from app.web.dashboard import routes as dashboard
from app.web.dashboard.bundle import Bundle
from app.web.elsewhere import hints
from app.web.middleware import authorisation, declared_parameters, errors, known_callers
from app.web.running import Running
from app.web.safe_headers import SafeRunner

SHUTDOWN_SECONDS = 3.0


def make_web_app(
    questions: Context | None, settings: Settings, ratings_context: RatingsContext | None = None
) -> web.Application:
    """Return the aiohttp application of the pipelines that run here; nothing is bound."""
    running = Running(questions, ratings_context)
    app = web.Application(
        client_max_size=MAX_BODY_BYTES,
        middlewares=[
            errors(running.first),
            hints(list(running.contexts)),
            audit(running.first),
            known_callers(settings),
            authorisation(settings),
            declared_parameters,
        ],
    )
    bundle = Bundle()
    health.add_routes(app, running, bundle.page)
    dashboard.add_routes(app, running, settings, bundle)
    if questions is not None:
        _add_question_routes(app, questions, settings)
    if ratings_context is not None:
        ratings.add_routes(app, ratings_context)
        rating_intake.add_routes(app, ratings_context)
    asyncapi.add_routes(app, settings)
    openapi.add_routes(app, settings)
    return app


def _add_question_routes(app: web.Application, context: Context, settings: Settings) -> None:
    question_intake.add_routes(app, context, settings)
    question_routes.add_routes(app, context)
    costs.add_routes(app, context)
    scores.add_routes(app, lambda: _standard(context))
    dead_letters.add_routes(app, context, settings)
    releases.add_routes(app, context)


def _standard(context: Context) -> scores.Standard:
    return scores.Standard(context.ports.scorer, lambda: context.gate, context.limits.guards)


def serve_http(
    settings: Settings,
    *,
    questions: PipelineApp | None = None,
    ratings: RatingsApp | None = None,
) -> HttpServer:
    """Let one of the apps of this process (the questions' one, else the ratings') start a server.

    It serves both. Raises ValueError when there is no app.
    """
    running = Running(
        questions.context if questions is not None else None,
        ratings.context if ratings is not None else None,
    )
    server = HttpServer(running, settings)
    for app in (questions, ratings):
        if app is not None:
            app.boot_strategy.http = server
            break
    return server


class HttpServer(Service):
    """Serves the API while the app runs. `url` is known once it is started."""

    abstract = False

    def __init__(self, running: Running, settings: Settings) -> None:
        super().__init__()
        self._running = running
        self._settings = settings
        self._runner: web.AppRunner | None = None
        self.url: str | None = None

    async def on_start(self) -> None:
        host, port = self._settings.http_host, self._settings.http_port
        self._runner = SafeRunner(
            make_web_app(self._running.questions, self._settings, self._running.ratings),
            access_log=None,
            keepalive_timeout=HEAD_SECONDS,
            lingering_time=LINGERING_SECONDS,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise SettingsError(
                f"ANSWERLOOP_HTTP_PORT: can't listen on {host}:{port}: {error.strerror}; "
                "choose another port (0: any free one)",
                name="ANSWERLOOP_HTTP_PORT",
            ) from error
        bound = self._runner.addresses[0]
        shown = f"[{bound[0]}]" if ":" in str(bound[0]) else bound[0]
        self.url = f"http://{shown}:{bound[1]}"
        if self._settings.one_engine:
            write_engine_file(self._settings, self.url)
        self._running.first.log.info("listening", url=self.url)

    async def on_stop(self) -> None:
        if self._settings.one_engine:
            remove_engine_file(self._settings)
        if self._runner is not None:
            await self._runner.cleanup()
