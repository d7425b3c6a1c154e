"""One call to a model server, with every failure put into the closed table of causes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from app.adapters.llm.http import Exchange, current_exchange
from app.adapters.llm.text import detail_text, kept_text
from app.core.causes import BUILT_IN, CauseTable, Failure
from app.core.retry import parse_retry_after
from app.errors import LlmFailed, UnavailableError, llm_failed
from app.ports import ModelAnswer

#: A larger count of tokens is a mistake of the server's.
MAX_PLAUSIBLE_TOKENS = 10_000_000
_FINISH_REASON_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Reply:
    """What an adapter read out of a good reply. `loading`: the server only loads the model yet."""

    text: str
    model: str
    tokens: int | None = None
    prompt_tokens: int | None = None
    finish_reason: str | None = None
    loading: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """Whom calls go to, and by which table their failures are read.

    `provider` is a kind of `app.core.causes.PROVIDERS`, `host` its `name:port`; `secret` is masked
    in every detail.
    """

    provider: str
    host: str
    causes: CauseTable = BUILT_IN
    secret: str = field(default="", repr=False)

    def failed(
        self, failure: Failure, detail: str, *, retry_after_seconds: float | None = None
    ) -> LlmFailed:
        """Return the error of a failure."""
        known = replace(failure, provider=self.provider, host=self.host)
        return llm_failed(
            self.causes.cause_of(known),
            detail_text(detail, self.secret),
            status=failure.status,
            retry_after_seconds=retry_after_seconds,
        )


async def answer_once(
    call: Callable[[], Awaitable[Reply]], *, timeout_seconds: float, server: Server
) -> ModelAnswer:
    """Make one call within `timeout_seconds`. Raises LlmFailed only (a cancellation passes).

    Whatever else `call` raises means that the reply can't be read: the facts come from the wire.
    """
    exchange = Exchange()
    token = current_exchange.set(exchange)
    started = time.monotonic()
    try:
        async with asyncio.timeout(timeout_seconds):
            reply = await call()
    except TimeoutError:
        detail = f"no answer within {timeout_seconds:g} s"
        raise server.failed(Failure(broken="timeout", text=detail), detail) from None
    except Exception as error:  # noqa: BLE001 - the port promises LlmFailed and nothing else
        raise failure_of(exchange, error, server) from None
    finally:
        current_exchange.reset(token)
    if reply.loading:
        detail = "the model is being loaded"
        raise server.failed(Failure(status=200, broken="model_loading", text=detail), detail)
    return ModelAnswer(
        text=kept_text(reply.text),
        model=reply.model,
        seconds=time.monotonic() - started,
        tokens=_plausible(reply.tokens),
        prompt_tokens=_plausible(reply.prompt_tokens),
        finish_reason=None
        if reply.finish_reason is None
        else kept_text(reply.finish_reason[:_FINISH_REASON_CHARACTERS]),
    )


def _word(text: str | None) -> str | None:
    return None if text is None else kept_text(text[:_FINISH_REASON_CHARACTERS])


def _plausible(count: int | None) -> int | None:
    """Return a count of tokens; one that no server can mean is not known."""
    return count if count is not None and 0 <= count <= MAX_PLAUSIBLE_TOKENS else None


async def list_models(
    call: Callable[[], Awaitable[list[str]]], *, where: str, within_seconds: float, server: Server
) -> list[str]:
    """Return what `call` lists, within a time. Raises UnavailableError that names the server."""
    exchange = Exchange()
    token = current_exchange.set(exchange)
    try:
        async with asyncio.timeout(within_seconds):
            return await call()
    except TimeoutError:
        raise UnavailableError(f"{where}: no answer within {within_seconds:g} s") from None
    except Exception as error:  # noqa: BLE001 - whatever broke, the server's models are not known
        raise UnavailableError(f"{where}: {failure_of(exchange, error, server)}") from None
    finally:
        current_exchange.reset(token)


def failure_of(exchange: Exchange, error: Exception, server: Server) -> LlmFailed:
    """Return the failure that an exchange and the error of its package amount to."""
    if isinstance(error, LlmFailed):
        return error
    retry_after = parse_retry_after(exchange.retry_after, time.time())
    if exchange.broken is not None:
        failure = Failure(status=exchange.status, broken=exchange.broken, text=exchange.detail)
        detail = exchange.detail
    elif exchange.status is None:
        detail = f"{type(error).__name__} before any reply"
        failure = Failure(broken="malformed_reply", text=detail)
    else:
        failure, detail = _replied(exchange.status, exchange.body, error)
    found = server.failed(failure, detail, retry_after_seconds=retry_after)
    found.status = exchange.status  # what was sent, not what the error in the body states
    return found


def _replied(status: int, body: bytes, error: Exception) -> tuple[Failure, str]:
    """Return the failure in a whole reply, and its detail."""
    stated = _stated_error(body)
    if stated is None:
        words = body[:200].decode("utf-8", "replace")
        if status < 300:
            return Failure(status=status, text=words), f"{type(error).__name__}: {error}"
        return Failure(status=status, text=words), f"HTTP {status} {words}"
    message, codes, stated_status = stated
    if status < 300:  # 200 with an error object: the error's own status counts, else it is a 500
        status = stated_status or 500
    return Failure(status=status, codes=tuple(codes), text=message), message


def _stated_error(body: bytes) -> tuple[str, list[str], int | None] | None:
    """Read `{"error": "..."}` or `{"error": {"message", "code", "type"}}`: text, codes, status."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    error: Any = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, str) and error:
        return error, [], None
    if not isinstance(error, dict):
        return None
    code, kind = error.get("code"), error.get("type")
    number = code if isinstance(code, int) and 400 <= code <= 599 else None
    codes = [word for word in (code, kind) if isinstance(word, str)]
    return str(error.get("message") or error), codes, number
