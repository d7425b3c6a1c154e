"""One call to a model server, with every failure put into the closed table of causes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from app.adapters.llm_http import Exchange, current_exchange
from app.adapters.llm_text import detail_text, kept_text
from app.core.failures import CAUSES, Cause, classify_status
from app.core.retry import parse_retry_after
from app.errors import LlmFailed, UnavailableError, llm_failed
from app.ports import ModelAnswer


@dataclass(frozen=True, slots=True)
class Reply:
    """What an adapter read out of a good reply. `loading`: the server only loads the model yet."""

    text: str
    model: str
    tokens: int | None = None
    finish_reason: str | None = None
    loading: bool = False


async def answer_once(
    call: Callable[[], Awaitable[Reply]], *, timeout_seconds: float, secret: str = ""
) -> ModelAnswer:
    """Make one call within `timeout_seconds`. Raises LlmFailed only (a cancellation passes).

    Whatever else `call` raises means that the reply can't be read: the facts come from the wire,
    and `secret` never gets into a detail.
    """
    exchange = Exchange()
    token = current_exchange.set(exchange)
    started = time.monotonic()
    try:
        async with asyncio.timeout(timeout_seconds):
            reply = await call()
    except TimeoutError:
        raise _timed_out(timeout_seconds) from None
    except Exception as error:  # noqa: BLE001 - the port promises LlmFailed and nothing else
        raise failure_of(exchange, error, secret=secret) from None
    finally:
        current_exchange.reset(token)
    if reply.loading:
        raise llm_failed(CAUSES["model_loading"], "the model is being loaded", status=200)
    return ModelAnswer(
        text=kept_text(reply.text),
        model=reply.model,
        seconds=time.monotonic() - started,
        tokens=reply.tokens,
        finish_reason=reply.finish_reason,
    )


async def list_models(
    call: Callable[[], Awaitable[list[str]]], *, where: str, within_seconds: float, secret: str = ""
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
        raise UnavailableError(f"{where}: {failure_of(exchange, error, secret=secret)}") from None
    finally:
        current_exchange.reset(token)


def failure_of(exchange: Exchange, error: Exception, *, secret: str = "") -> LlmFailed:
    """Return the failure that an exchange and the error of its package amount to."""
    if isinstance(error, LlmFailed):
        return error
    retry_after = parse_retry_after(exchange.retry_after, time.time())
    if exchange.broken is not None:
        cause, detail = CAUSES[exchange.broken], exchange.detail
    elif exchange.status is None:
        cause, detail = CAUSES["malformed_reply"], f"{type(error).__name__} before any reply"
    else:
        cause, detail = _cause_of_reply(exchange.status, exchange.body, error)
    return llm_failed(
        cause,
        detail_text(detail, secret),
        status=exchange.status,
        retry_after_seconds=retry_after,
    )


def _timed_out(timeout_seconds: float) -> LlmFailed:
    return llm_failed(CAUSES["timeout"], f"no answer within {timeout_seconds:g} s")


def _cause_of_reply(status: int, body: bytes, error: Exception) -> tuple[Cause, str]:
    stated = _stated_error(body)
    if stated is None:
        cause = classify_status(status)
        if status < 300:
            return cause, f"{type(error).__name__}: {error}"
        return cause, f"HTTP {status} {body[:200].decode('utf-8', 'replace')}"
    message, codes, stated_status = stated
    if status < 300:  # 200 with an error object: the error's own status counts, else it is a 500
        status = stated_status or 500
    plain = classify_status(status)
    for code in codes:
        if (cause := classify_status(status, code)) is not plain:
            return cause, message
    return plain, message


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
