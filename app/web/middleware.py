"""What every request passes: known names and origins, the token on writes, errors as JSON."""

from __future__ import annotations

import hmac
import math
import traceback
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, Protocol

from aiohttp import web

from app.errors import AnswerloopError, InputError, NotFoundError, UnavailableError
from app.metrics import Metrics
from app.settings import Settings
from app.web.bodies import NotJson, body_limit
from app.web.openapi_operations import OPERATIONS
from app.web.origin import cross_site_problem, host_problem
from app.web.replies import error_response
from app.web.safe_headers import add_safe_headers

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RETRY_AFTER_SECONDS = 5


class Watched(Protocol):
    """Where requests are counted, and their defects logged: a pipeline's context is one."""

    @property
    def metrics(self) -> Metrics: ...

    @property
    def log(self) -> Any: ...

    @property
    def stopping(self) -> bool: ...


def errors(context: Watched) -> Any:
    """Turn every error into JSON, count every request, add the safe headers."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = perf_counter()
        response = await _answer(context, request, handler)
        route = request.match_info.route.resource
        name = route.canonical if route is not None else "unknown"
        context.metrics.count("http_requests", name, str(response.status))
        context.metrics.observe("http_request_seconds", perf_counter() - started, name)
        add_safe_headers(response)
        return response

    return middleware


async def _answer(  # noqa: PLR0911 (one return for each kind of error)
    context: Watched, request: web.Request, handler: Handler
) -> web.StreamResponse:
    try:
        if (request.content_length or 0) > body_limit(request.path):  # it need not be waited for
            return _too_large(request)
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        return _too_large(request)
    except web.HTTPException as error:
        response = error_response(
            error.status, error.reason.lower().replace(" ", "_"), error.reason
        )
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except web.RequestPayloadError:
        return error_response(400, "bad_body", "the body can't be unpacked")
    except NotJson as error:
        return error_response(400, "not_json", str(error))
    except InputError as error:
        return error_response(422, "invalid", str(error), error.field)
    except NotFoundError as error:
        return error_response(404, "not_found", str(error))
    except UnavailableError as error:
        seconds = math.ceil(error.retry_after_seconds or RETRY_AFTER_SECONDS)
        return error_response(503, "unavailable", str(error), Retry_After=str(seconds))
    except AnswerloopError as error:
        return error_response(500, type(error).__name__, str(error))
    except Exception:  # noqa: BLE001 (the outermost boundary of a request)
        if context.stopping:  # what it needs may be closed already
            return error_response(
                503, "stopping", "this worker stops: ask another one", Retry_After="1"
            )
        context.log.error("request_failed", path=request.path, error=traceback.format_exc())
        return error_response(500, "internal", "an unexpected error, see the log")


def _too_large(request: web.Request) -> web.Response:
    return error_response(413, "too_large", f"the body is over {body_limit(request.path)} bytes")


#: Methods that change nothing and cost nothing; every other one is a write.
READS = ("GET", "HEAD", "OPTIONS")


def known_callers(settings: Settings) -> Any:
    """Refuse names that are not this server's (421), and writes by other sites' pages (403)."""
    allowed = settings.allowed_hosts

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if problem := host_problem(request.headers.getall("Host", []), allowed):
            return error_response(421, "unknown_host", problem)
        if request.method not in READS and (
            problem := cross_site_problem(request.headers, allowed)
        ):
            return error_response(403, "cross_site", problem)
        return await handler(request)

    return middleware


@web.middleware
async def declared_parameters(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a query parameter that comes twice, or that a route with parameters does not have."""
    resource = request.match_info.route.resource
    if request.query and resource is not None:
        operation = OPERATIONS.get(f"{request.method} {resource.canonical}")
        known = operation.query_names() if operation else frozenset()
        for name in request.query:
            if known and name not in known:
                names = ", ".join(sorted(known))
                raise InputError(f"no parameter {name[:100]}; there are: {names}", field=name[:100])
            if name in known and len(request.query.getall(name)) > 1:
                raise InputError(f"{name} comes more than once", field=name)
    return await handler(request)


def authorisation(settings: Settings) -> Any:
    """Ask for the bearer token on everything that is not a plain read."""
    token = settings.api_token.get_secret_value() if settings.api_token else None
    expected = f"Bearer {token}".encode()

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        known = request.match_info.http_exception is None  # else 404 or 405, whoever asks
        if token is not None and known and request.method not in READS:
            given = request.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(errors="replace"), expected):
                return error_response(
                    401,
                    "unauthorized",
                    "send Authorization: Bearer with the API token",
                    WWW_Authenticate="Bearer",
                )
        return await handler(request)

    return middleware
