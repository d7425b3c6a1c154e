"""The score server: `POST /score` of a worker, and nothing else of one."""

from __future__ import annotations

from typing import Any

import structlog
from aiohttp import web

from app.config.gate import gate_in_force
from app.errors import SettingsError
from app.metrics import SCORE_SERVER_FIGURES, Metrics
from app.ports import KeepsReferences, Scorer
from app.scoring.queue import ScoreQueue
from app.settings import PREFIX, Settings
from app.web import openapi, probes, scores
from app.web.bodies import MAX_BODY_BYTES
from app.web.connections import HEAD_SECONDS, LINGERING_SECONDS
from app.web.middleware import authorisation, declared_parameters, errors, known_callers
from app.web.probes import Dependencies, Health
from app.web.safe_headers import SafeRunner

#: For replies that are ready when it stops.
_SHUTDOWN_SECONDS = 2.0


class ScoreServer:
    """Serves the scores of `scorer`, in batches across requests; `url` is known once it started.

    Constructing binds and loads nothing. The scorer is closed with the server.
    """

    def __init__(
        self, settings: Settings, scorer: Scorer, *, max_queue: int = 1024, max_batch: int = 64
    ) -> None:
        self.metrics = Metrics(SCORE_SERVER_FIGURES)
        self.log: Any = structlog.get_logger("answerloop")
        self.queue = ScoreQueue(scorer, self.metrics, max_pairs=max_queue, max_batch=max_batch)
        self.url: str | None = None
        self._settings = settings
        self._detail: str | None = None
        self.stopping = False
        self._runner: web.AppRunner | None = None
        self.gate = gate_in_force(settings)
        self._standard = scores.Standard(self.queue, lambda: self.gate, settings.guard_names)
        if isinstance(scorer, KeepsReferences):
            self.metrics.watch("scorer_reference_hit_rate", lambda: scorer.reference_hit_rate)

    def web_app(self) -> web.Application:
        """Return the aiohttp application; nothing is bound."""
        app = web.Application(
            client_max_size=MAX_BODY_BYTES,
            middlewares=[
                errors(self),
                known_callers(self._settings),
                authorisation(self._settings),
                declared_parameters,
            ],
        )
        probes.add_routes(app, self)
        scores.add_routes(app, lambda: self._standard)
        openapi.add_routes(app, self._settings)
        return app

    async def start(self) -> None:
        """Listen on HTTP_HOST and HTTP_PORT. Raises SettingsError when that can't be."""
        host, port = self._settings.http_host, self._settings.http_port
        self._runner = SafeRunner(
            self.web_app(),
            access_log=None,
            keepalive_timeout=HEAD_SECONDS,
            lingering_time=LINGERING_SECONDS,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            handler_cancellation=True,  # who has gone needs no score
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise SettingsError(
                f"--port: can't listen on {host}:{port}: {error.strerror}; "
                "choose another port (0: any free one)"
            ) from error
        bound = self._runner.addresses[0]
        shown = f"[{bound[0]}]" if ":" in str(bound[0]) else bound[0]
        self.url = f"http://{shown}:{bound[1]}"
        self.log.info("listening", url=self.url)

    async def load(self) -> None:
        """Load the model: ready from then on. Raises ScorerUnavailable, with what is missing."""
        self._detail = await self.queue.check()

    async def stop(self) -> None:
        """Refuse new requests, answer those that were taken, close everything.

        Those that are not scored within STOP_GRACE_SECONDS get a 503.
        """
        self.stopping = True
        # Before the model is there nothing can be scored in time.
        await self.queue.stop(self._settings.stop_grace_seconds if self._detail else 0.0)
        if self._runner is not None:
            await self._runner.cleanup()
        await self.queue.close()

    async def not_ready(self) -> str | None:
        """Say why it takes no requests, or None when it does."""
        if self.stopping:
            return "stopping"
        if self._detail is None:
            return "the model is being loaded"
        return "the queue is full" if self.queue.full else None

    async def health(self) -> tuple[Health, Dependencies]:
        """Tell of scorer and queue, without asking the scorer: it may be busy for seconds."""
        full = self.queue.full
        queue = {"status": "down" if full else "up", "detail": f"{self.queue.held} pairs"}
        if self._detail is None or self.stopping:
            why = "stopping" if self.stopping else "the model is being loaded"
            return "unhealthy", {"scorer": {"status": "down", "detail": why}, "queue": queue}
        scorer = {"status": "up", "detail": self._detail}
        return ("degraded" if full else "healthy"), {"scorer": scorer, "queue": queue}


def refuse_other_scorers(settings: Settings) -> None:
    """Raise SettingsError where SCORER names a scorer elsewhere: this server may be that one."""
    if settings.scorer not in ("local:", "memory:"):
        raise SettingsError(
            f"{PREFIX}SCORER={settings.scorer!r}: the score server scores by itself; "
            "unset it for this process, or set it to local:",
            name=f"{PREFIX}SCORER",
        )
