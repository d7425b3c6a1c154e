"""What every server of ours says of itself: index, `/health`, `/livez`, `/readyz`, `/metrics`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from aiohttp import web

from app import __version__
from app.metrics import Metrics
from app.web.replies import error_response, json_reply

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Health = Literal["healthy", "degraded", "unhealthy"]
#: Name -> `{"status": "up" | "down", "detail"}`.
Dependencies = dict[str, dict[str, str]]


class Served(Protocol):
    """What is behind a server."""

    @property
    def metrics(self) -> Metrics: ...

    async def health(self) -> tuple[Health, Dependencies]:
        """Return the service's state, and that of each part it depends on; never raises."""
        ...

    async def not_ready(self) -> str | None:
        """Say why it takes no work, or return None when it does."""
        ...


def add_routes(
    app: web.Application,
    served: Served,
    page: Callable[[web.Request], web.Response] | None = None,
) -> None:
    """Serve the probes, and at `/` an index; `page` answers those who want HTML there."""

    async def health(_: web.Request) -> web.Response:
        status, dependencies = await served.health()
        return json_reply(
            {
                "status": status,
                "service": "answerloop",
                "version": __version__,
                "dependencies": dependencies,
            },
            status=503 if status == "unhealthy" else 200,
        )

    async def livez(_: web.Request) -> web.Response:
        return json_reply({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        reason = await served.not_ready()
        if reason is None:
            return json_reply({"status": "ready"})
        return error_response(503, "not_ready", reason, Retry_After="1")

    async def metrics(request: web.Request) -> web.Response:
        accept = request.headers.get("Accept", "")
        if "openmetrics" in accept:
            return web.Response(
                body=served.metrics.as_openmetrics(), headers={"Content-Type": _OPENMETRICS}
            )
        if "text/plain" in accept:
            return web.Response(
                body=served.metrics.as_prometheus(), headers={"Content-Type": _PROMETHEUS}
            )
        return json_reply(served.metrics.as_json())

    async def index(request: web.Request) -> web.Response:
        if page is not None and "text/html" in request.headers.get("Accept", ""):
            return page(request)
        routes = sorted(
            f"{route.method} {route.resource.canonical}"
            for route in request.app.router.routes()
            if route.resource is not None and route.method != "HEAD"
        )
        return json_reply(
            {"service": "answerloop", "version": __version__, "routes": routes},
            headers={"Vary": "Accept"},
        )

    app.router.add_get("/", index)
    app.router.add_get("/health", health)
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
